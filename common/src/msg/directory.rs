//! Lookup, list, and what either side of a directory connection may always send (protocol section 6).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Hex, Record, bounded};
use crate::ident::{TerminalId, UserId};
use crate::limits::{ADDRESSES_PER_TERMINAL, AWAY_TEXT, LIST_PAGE, LOCAL_ADDRESSES, TERMINALS_PER_USER, USER_ID_MAX};

/// `LOOKUPREQ`: asks for a user's addresses and public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupReq {
    /// Who asks; must be the user logged in on this connection.
    pub userid: UserId,
    /// Who is looked for.
    pub lookup: UserId,
}

/// Outcome of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LookupStatus {
    /// The user is logged in.
    #[serde(rename = "SUCCESS")]
    Success,
    /// The user is not logged in or does not exist, or the asker is not logged in.
    #[serde(rename = "NOTFOUND")]
    NotFound,
}

/// One present terminal of a user who was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundTerminal {
    /// The terminal.
    pub terminal: TerminalId,
    /// Whether it can be met by relay.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub relay: bool,
    /// Whether it can be met by connecting to each other.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub punch: bool,
    /// Where it is seen, if in more than one place; at most [`ADDRESSES_PER_TERMINAL`].
    #[serde(
        default,
        deserialize_with = "bounded::list_or_none::<_, _, ADDRESSES_PER_TERMINAL>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub addresses: Vec<SocketAddr>,
    /// Where it listens in the network that it shares with the asker; at most [`LOCAL_ADDRESSES`].
    #[serde(
        default,
        deserialize_with = "bounded::list_or_none::<_, _, LOCAL_ADDRESSES>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub local: Vec<SocketAddr>,
    /// Feature `records`: what the directory says of it, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
}

/// `LOOKUPREPLY`: answers `LOOKUPREQ`, in the order of the requests. All fields are empty when not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookupReply {
    /// Found or not.
    pub status: LookupStatus,
    /// The user found; empty when not found.
    #[serde(deserialize_with = "bounded::text::<_, USER_ID_MAX>")]
    pub userid: String,
    /// Where the user's terminals listen, the newest login first, one address of each, of the asker's family if there is
    /// one; at most [`TERMINALS_PER_USER`].
    #[serde(deserialize_with = "bounded::list::<_, _, TERMINALS_PER_USER>")]
    pub addresses: Vec<SocketAddr>,
    /// The user's identity key, PKCS#1 DER.
    pub publickey: Hex,
    /// The user's terminals, in the order of their addresses; at most [`TERMINALS_PER_USER`]. A directory of the version before
    /// does not name them.
    #[serde(
        default,
        deserialize_with = "bounded::list_or_none::<_, _, TERMINALS_PER_USER>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub terminals: Vec<FoundTerminal>,
}

impl LookupReply {
    /// The one answer for everything that is not found.
    #[must_use]
    pub fn not_found() -> Self {
        Self {
            status: LookupStatus::NotFound,
            userid: String::new(),
            addresses: Vec::new(),
            publickey: Hex::default(),
            terminals: Vec::new(),
        }
    }
}

/// `LISTREQ`: asks who is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReq {
    /// Continue behind this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
}

/// One user in a `LISTREPLY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedUser {
    /// The user.
    pub userid: UserId,
    /// Logged in since, seconds since the epoch; absent when offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online_since: Option<u64>,
    /// The text of `AWAY`, of a user who is away.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional_text::<_, AWAY_TEXT>"
    )]
    pub away: Option<String>,
}

/// `LISTREPLY`: users in the order of their ids, at most [`LIST_PAGE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReply {
    /// One page.
    #[serde(deserialize_with = "bounded::list::<_, _, LIST_PAGE>")]
    pub users: Vec<ListedUser>,
    /// Whether there are further users behind the last one.
    pub more: bool,
}

/// `PING`: asks for a sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

/// `PONG`: answers `PING`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {}

/// `LOGOUT`: ends the session; the directory closes the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// A user ended the conversation, or logged out.
    Ended,
    /// The program stops.
    Stopping,
    /// The same call was taken at another terminal, or goes on over another link.
    Elsewhere,
    /// The session was ended by an administrator, or the user was locked or removed.
    Administrator,
    /// The same terminal has logged in again.
    Replaced,
    /// The passcode was changed at another terminal.
    Passcode,
    /// Silence, slowness or a broken rule.
    Protocol,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `BYE`: the last message of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub reason: ByeReason,
}

/// What was wrong with a message; all that the other side learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a message: the connection ends.
    Malformed,
    /// A `msgtype` that does not exist; the connection goes on.
    UnknownMsgtype,
    /// A message that is not allowed at this point: the connection ends.
    OutOfOrder,
    /// Too many requests; see `retry_after`. The connection goes on.
    RateLimited,
    /// The proof of possession or the terminal certificate was not accepted: the connection ends.
    NotAccepted,
    /// The directory cannot keep its promise now (disk full, overload): the connection ends.
    Unavailable,
    /// A code this version does not know.
    #[serde(other)]
    Other,
}

/// `ERROR`: a message was not understood or not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What was wrong.
    pub code: ErrorCode,
    /// The `msgtype` this answers, where the sender was waiting for an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Seconds until another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Error {
    /// An error without further particulars.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self { code, to: None, retry_after: None }
    }
}
