//! A user's new identity key, which takes the place of a former one (protocol section 5.7; decision D47).

use serde::{Deserialize, Serialize};

use super::{Blob, Certificate, Hex, bounded};
use crate::ident::{ContentDigest, KeyDigest, UserId};
use crate::limits::{SUCCESSOR_CERTIFICATES, SUCCESSORS, SUCCESSORS_ASKED, SUCCESSORS_IN_ONE};

/// The statement that one identity key of a user takes the place of another, signed by both; see
/// [`crate::crypto::successor`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// The user.
    pub userid: UserId,
    /// The key that is given up, PKCS#1 DER.
    pub former: Hex,
    /// The key that takes its place, PKCS#1 DER.
    pub publickey: Hex,
    /// Fingerprints of certificates that hold on, although the former key signed them.
    #[serde(deserialize_with = "bounded::list::<_, _, SUCCESSOR_CERTIFICATES>")]
    pub certificates: Vec<ContentDigest>,
    /// Signature with the former key over the successor transcript.
    pub former_signature: Blob,
    /// Signature with the new key over the same.
    pub signature: Blob,
}

/// A statement about one's own key, with what opens the stores of one's terminals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSuccessor {
    /// The statement.
    pub successor: Successor,
    /// The secret of the former key for stores, encrypted under that of the new one ([`crate::crypto::store_key`]).
    pub store: Blob,
}

/// `KEYREQ`: asks to put a new identity key in the place of the present one, with a passcode for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReq {
    /// OPAQUE `RegistrationRequest`, 32 bytes (RFC 9807 section 5.1).
    pub passcode: Blob,
}

/// `KEYCHALLENGE`: answers `KEYREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChallenge {
    /// OPAQUE `RegistrationResponse`, 64 bytes.
    pub passcode: Blob,
    /// The certificates of the user's terminals, the oldest first; without a proof of the passcode none.
    #[serde(deserialize_with = "bounded::list::<_, _, SUCCESSOR_CERTIFICATES>")]
    pub certificates: Vec<Certificate>,
}

/// `KEYUPLOAD`: completes the change of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUpload {
    /// OPAQUE `RegistrationRecord`, 192 bytes.
    pub passcode: Blob,
    /// The new identity key encrypted under the key the passcode yields, with a version above the one before.
    pub vault: Blob,
    /// The statement, and what opens stores.
    pub own: OwnSuccessor,
}

/// Outcome of a change of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// The new key holds; durable.
    #[serde(rename = "CHANGED")]
    Changed,
    /// Something is not proved, not well formed or not newer; nothing has changed.
    #[serde(rename = "REFUSED")]
    Refused,
    /// The user has a terminal that has been there longer; nothing has changed.
    #[serde(rename = "OLDER")]
    Older,
}

/// `KEYREPLY`: answers `KEYUPLOAD`. After `CHANGED` the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyReply {
    /// Outcome.
    pub status: KeyStatus,
}

/// `SUCCESSORSREQ`: asks whose keys have taken the place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessorsReq {
    /// The users.
    #[serde(deserialize_with = "bounded::list::<_, _, SUCCESSORS_ASKED>")]
    pub users: Vec<UserId>,
}

/// `SUCCESSORSREPLY`: answers `SUCCESSORSREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessorsReply {
    /// Those of one user together, the newest last. Of users for whom there is no room nothing is said.
    #[serde(deserialize_with = "bounded::list::<_, _, SUCCESSORS_IN_ONE>")]
    pub successors: Vec<Successor>,
}

/// `FORMERREQ`: asks, between `GRANTED` and `ANNOUNCE`, how the user's key has become what the vault holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerReq {
    /// The key that this terminal knows.
    pub known: KeyDigest,
}

/// `FORMERREPLY`: answers `FORMERREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerReply {
    /// What has followed that key, the newest last; nothing where it was none of the last ones.
    #[serde(deserialize_with = "bounded::list::<_, _, SUCCESSORS>")]
    pub own: Vec<OwnSuccessor>,
}
