//! Broadcasts: signed, not secret, kept in a log (protocol section 6.8; decision D18).

use serde::{Deserialize, Serialize};

use super::{Blob, UserCertificate, bounded};
use crate::ident::MessageId;
use crate::limits::{BROADCAST_PAGE, BROADCAST_TEXT};

/// `BROADCASTREQ`: something for everyone who is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastReq {
    /// Chosen by the sender.
    pub id: MessageId,
    /// At most [`BROADCAST_TEXT`] bytes of UTF-8.
    #[serde(deserialize_with = "bounded::text::<_, BROADCAST_TEXT>")]
    pub message: String,
    /// When it was sent by the sender's clock, seconds since the epoch. Informative (threat T7).
    pub date: u64,
    /// Signature with the terminal key over the broadcast transcript.
    pub signature: Blob,
}

/// `BROADCASTREPLY`: answers `BROADCASTREQ`: it is in the log, and everyone online but the sender gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastReply {
    /// Its number in the log.
    pub number: u64,
}

/// `BROADCAST`: somebody told everyone. Also an entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Its number in the log; ascending, never 0.
    pub number: u64,
    /// When the directory took it, seconds since the epoch.
    pub taken: u64,
    /// Who sent it, and at which terminal.
    pub sender: Box<UserCertificate>,
    /// As in `BROADCASTREQ`.
    pub id: MessageId,
    /// As in `BROADCASTREQ`.
    #[serde(deserialize_with = "bounded::text::<_, BROADCAST_TEXT>")]
    pub message: String,
    /// As in `BROADCASTREQ`.
    pub date: u64,
    /// As in `BROADCASTREQ`.
    pub signature: Blob,
}

/// `BROADCASTLOGREQ`: asks for a page of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastLogReq {
    /// The newest before this number; absent: the newest of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// `BROADCASTLOG`: one page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BroadcastLog {
    /// Newest first.
    #[serde(deserialize_with = "bounded::list::<_, _, BROADCAST_PAGE>")]
    pub entries: Vec<Broadcast>,
    /// Whether there are older ones.
    pub more: bool,
}
