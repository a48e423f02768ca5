//! Registration, login and proof of possession (protocol section 5).

use serde::{Deserialize, Serialize};

use super::{Blob, Features, Hex, Record, bounded};
use crate::ident::{Challenge, Cookie, DirectoryGeneration, Mac, SeenToken, TerminalId, TerminalKey, UserId};
use crate::limits::LOCAL_ADDRESSES;

/// `HELLO`: which user is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The user about to log in or to register.
    pub userid: UserId,
}

/// Who may register at a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Whoever reaches the directory.
    Open,
    /// Whoever holds an invitation.
    Invite,
    /// Nobody; an administrator adds users.
    Closed,
}

/// `WELCOME`: answers `HELLO`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Who may register here.
    pub registration: Registration,
    /// Whether the user exists; only where registration is open (threat L2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
    /// Why this id cannot be registered without an invitation; only where registration is open and the user does not
    /// exist, because there the attempt would tell the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RegisterRefusal>,
    /// Fewest characters of a new passcode.
    pub passcode_min: u16,
}

/// `INVITEREQ`: asks the directory to prove that it knows this user's invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteReq {
    /// The invited user.
    pub userid: UserId,
}

/// `INVITEPROOF`: the directory's half (decision D23); random where there is no such invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteProof {
    /// See [`crate::crypto::invite`].
    pub proof: Mac,
}

/// `REGISTERREQ`: asks to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterReq {
    /// The id wanted.
    pub userid: UserId,
    /// OPAQUE `RegistrationRequest`, 32 bytes (RFC 9807 section 5.1).
    pub passcode: Blob,
    /// The peer's half of the invitation (decision D23), where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Mac>,
}

/// `REGISTERCHALLENGE`: answers `REGISTERREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterChallenge {
    /// OPAQUE `RegistrationResponse`, 64 bytes.
    pub passcode: Blob,
    /// To be signed with the new identity key.
    pub challenge: Challenge,
}

/// `REGISTERUPLOAD`: completes a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterUpload {
    /// OPAQUE `RegistrationRecord`, 192 bytes.
    pub passcode: Blob,
    /// Identity key, PKCS#1 DER.
    pub publickey: Hex,
    /// Signature with the identity key over the registration transcript (proof of possession, threat L8).
    pub signature: Blob,
    /// The identity key encrypted under a key that only the passcode yields (threat L6).
    pub vault: Blob,
}

/// Outcome of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegisterStatus {
    /// The user exists from now on; the record is durable.
    #[serde(rename = "REGISTERED")]
    Registered,
    /// See `reason`.
    #[serde(rename = "REFUSED")]
    Refused,
}

/// Why a registration was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterRefusal {
    /// The id is taken, reserved, or belonged to a removed user.
    Unavailable,
    /// An invitation is needed and none, or a wrong or used one, was given.
    Invite,
    /// Nobody may register here.
    Closed,
    /// Too many registrations from this source; see `retry_after`.
    TooMany,
    /// The key or its proof of possession was not accepted.
    Key,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `REGISTERREPLY`: ends a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterReply {
    /// Registered or refused.
    pub status: RegisterStatus,
    /// Present when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RegisterRefusal>,
    /// Seconds until another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// `AUTHREQ`: first message of a login; counts as an attempt when it arrives (decision D9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthReq {
    /// Who logs in.
    pub userid: UserId,
    /// OPAQUE KE1, 96 bytes (RFC 9807 section 6.1).
    pub passcode: Blob,
    /// The terminal at which the user logs in.
    pub terminal: TerminalId,
    /// Given by the directory at an earlier login at this terminal (decision D10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
    /// Log in with the passcode before a change, where this terminal may use it still (decision D33, threats L6 and L14).
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub previous: bool,
}

/// `AUTHCHALLENGE`: answers `AUTHREQ`; the same for a user that does not exist (threat L2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthChallenge {
    /// OPAQUE KE2, 320 bytes.
    pub passcode: Blob,
    /// To be signed with the identity key in `ANNOUNCE`.
    pub challenge: Challenge,
    /// Whether the passcode was changed and this terminal may still use the one before (decision D33). Said to known
    /// terminals only (threat L2).
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
}

/// `AUTHPROOF`: last message of the passcode authentication.
///
/// A peer that learnt from KE2 that the passcode is wrong sends 64 zero bytes, so that it learns how many tries are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthProof {
    /// OPAQUE KE3, 64 bytes.
    pub passcode: Blob,
}

/// Outcome of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthStatus {
    /// The passcode was right.
    #[serde(rename = "GRANTED")]
    Granted,
    /// See `reason`.
    #[serde(rename = "REFUSED")]
    Refused,
}

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthRefusal {
    /// Wrong passcode, or no such user; see `tries_left`.
    Passcode,
    /// Too many wrong passcodes, or locked by an administrator; see `retry_after` (absent: until unlocked).
    Locked,
    /// Too many logins from this source; see `retry_after` (absent: as many terminals of this user are there, or are
    /// remembered, as may be).
    TooMany,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `AUTHREPLY`: answers `AUTHPROOF`, or `AUTHREQ` when no attempt is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthReply {
    /// Granted or refused.
    pub status: AuthStatus,
    /// Granted: the user's vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<Blob>,
    /// Granted: proves at the next login that this terminal has logged in before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
    /// Refused: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AuthRefusal>,
    /// Refused: seconds until another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Refused for a wrong passcode: tries left before the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
    /// Granted with the passcode before a change: the version of the vault in force, which the next one must exceed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<u64>,
}

impl AuthReply {
    /// A refusal for this reason, without more.
    #[must_use]
    pub fn refused(reason: AuthRefusal) -> Self {
        Self {
            status: AuthStatus::Refused,
            vault: None,
            cookie: None,
            reason: Some(reason),
            retry_after: None,
            tries_left: None,
            newest: None,
        }
    }
}

/// A terminal's key, certified by its user's identity key; see [`crate::crypto::terminal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The terminal.
    pub terminal: TerminalId,
    /// Its Ed25519 key.
    pub key: TerminalKey,
    /// When it was certified, seconds since the epoch. Informative: no decision rests on it (threat T7).
    pub issued: u64,
    /// Signature with the identity key over the certificate transcript.
    pub signature: Blob,
}

/// `ANNOUNCE`: proof of possession of the identity key, and where the terminal listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// Identity key, PKCS#1 DER.
    pub publickey: Hex,
    /// Signature with the identity key over the login transcript (decision D12).
    pub signature: Blob,
    /// TCP port the terminal listens on, never 0.
    #[serde(deserialize_with = "bounded::port")]
    pub port: u16,
    /// The terminal's certificate.
    pub certificate: Certificate,
    /// What the terminal understands beyond the first version of the protocol.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// Feature `addresses`: where it listens in its own network, behind a router; at most [`LOCAL_ADDRESSES`], at `port`.
    #[serde(
        default,
        deserialize_with = "bounded::list_or_none::<_, _, LOCAL_ADDRESSES>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub local: Vec<std::net::IpAddr>,
}

/// `ANNOUNCED`: the user is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The address registered: the observed source address and the announced port, `192.0.2.7:65000`.
    pub address: std::net::SocketAddr,
    /// The directory's clock, seconds since the epoch; prefaces are stamped by it (decision D13).
    pub time: u64,
    /// How many terminals of this user are present now, this one included.
    pub terminals: u32,
    /// What the directory remembers is this; another one is older than what was (decision D32).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<DirectoryGeneration>,
    /// What the directory understands beyond the first version of the protocol.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "Features::is_empty")]
    pub features: Features,
    /// Feature `addresses`: lets the terminal be seen from the other family as well, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Box<SeenToken>>,
    /// Feature `records`: what the directory says of this terminal, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
}
