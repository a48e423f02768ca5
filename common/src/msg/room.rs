//! Rooms, key packages and certificates: the directory as delivery service of MLS (protocol section 6.7; decision D16,
//! threats G1 to G4).

use serde::{Deserialize, Serialize};

use super::{Certificate, Hex, Member, Piece, bounded};
use crate::ident::{GroupHandle, RoomId, TerminalId, UserId};
use crate::limits::{
    CERTIFICATES_ASKED, GROUP_ADMINS, KEY_PACKAGES_IN_ONE, ROOM_TERMINALS, TERMINALS_ASKED, TERMINALS_PER_USER,
    TERMINALS_REMEMBERED,
};

/// `UPLOAD`: appends to what the next `COMMITREQ` of this connection takes. Not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The next bytes.
    pub piece: Piece,
}

/// The entry under which a named group is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Stands for the name.
    pub handle: GroupHandle,
    /// Whom to ask for admission; at least one.
    #[serde(deserialize_with = "bounded::list::<_, _, GROUP_ADMINS>")]
    pub admins: Vec<UserId>,
}

/// `COMMITREQ`: ends an epoch of a room, or creates the room.
///
/// The upload before it is the commit, followed by the welcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitReq {
    /// The room. One that does not exist is created if `epoch` is 0.
    pub room: RoomId,
    /// The epoch the commit ends; must be the room's.
    pub epoch: u64,
    /// Every terminal of the room behind this commit. Nobody: the room is given up.
    #[serde(deserialize_with = "bounded::list::<_, _, ROOM_TERMINALS>")]
    pub members: Vec<Member>,
    /// Bytes of the commit. None: the room is created, and stays in epoch 0.
    pub commit: u32,
    /// Bytes of the welcome for the members that were not in the room before; 0 if there are none.
    pub welcome: u32,
    /// The group entry from now on, of a named group whose entry is new or changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupEntry>,
}

/// Outcome of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitStatus {
    /// It is the commit of its epoch; durable.
    #[serde(rename = "ACCEPTED")]
    Accepted,
    /// Another one was first: it waits in the sender's mailbox.
    #[serde(rename = "EPOCH")]
    Epoch,
    /// The sender's terminal is not in the room.
    #[serde(rename = "ROOM")]
    Room,
    /// The group's name is taken, or the sender may not change the entry.
    #[serde(rename = "TAKEN")]
    Taken,
}

/// `COMMITREPLY`: answers `COMMITREQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitReply {
    /// Outcome.
    pub status: CommitStatus,
}

/// `GROUPREQ`: asks for the room of a named group and whom to ask for admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReq {
    /// Stands for the name.
    pub handle: GroupHandle,
}

/// `GROUPREPLY`: answers `GROUPREQ`. Without a room there is no such group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReply {
    /// The group's room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomId>,
    /// Its admins.
    #[serde(deserialize_with = "bounded::list::<_, _, GROUP_ADMINS>")]
    pub admins: Vec<UserId>,
}

/// `KEYPACKAGEPUT`: publishes key packages of this terminal (RFC 9420 section 10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackagePut {
    /// Each to be used once.
    #[serde(deserialize_with = "bounded::list::<_, _, KEY_PACKAGES_IN_ONE>")]
    pub packages: Vec<Piece>,
    /// Given out when no other is left; replaces the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<Piece>,
}

/// `KEYPACKAGESTATE`: answers `KEYPACKAGEPUT`; also sent without being asked when few are left (threat G4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackageState {
    /// How many are left, the last resort aside.
    pub left: u32,
    /// Whether there is a last resort.
    pub last_resort: bool,
}

/// `KEYPACKAGEREQ`: takes one key package of each terminal named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackageReq {
    /// Whose terminals.
    pub userid: UserId,
    /// Which terminals.
    #[serde(deserialize_with = "bounded::list::<_, _, TERMINALS_PER_USER>")]
    pub terminals: Vec<TerminalId>,
}

/// A key package and the certificate that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenKeyPackage {
    /// Whose terminal; the terminal's id and key are in it.
    pub certificate: Certificate,
    /// The key package.
    pub package: Piece,
}

/// `KEYPACKAGEREPLY`: answers `KEYPACKAGEREQ`; what there is none of is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackageReply {
    /// The user's identity key, PKCS#1 DER; empty if there is no such user.
    pub publickey: Hex,
    /// One for each terminal.
    #[serde(deserialize_with = "bounded::list::<_, _, TERMINALS_PER_USER>")]
    pub packages: Vec<TakenKeyPackage>,
}

/// `TERMINALSREQ`: which terminals do these users have?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalsReq {
    /// The users.
    #[serde(deserialize_with = "bounded::list::<_, _, TERMINALS_ASKED>")]
    pub users: Vec<UserId>,
}

/// The terminals of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTerminals {
    /// The user.
    pub userid: UserId,
    /// Those that have published key packages and were not removed.
    #[serde(deserialize_with = "bounded::list::<_, _, TERMINALS_REMEMBERED>")]
    pub terminals: Vec<TerminalId>,
}

/// `TERMINALSREPLY`: answers `TERMINALSREQ` and `TERMINALREMOVE`. Users that do not exist are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalsReply {
    /// In the order of the request.
    #[serde(deserialize_with = "bounded::list::<_, _, TERMINALS_ASKED>")]
    pub users: Vec<UserTerminals>,
}

/// `TERMINALREMOVE`: forgets a terminal of this user, with its mailbox and key packages, and ends its session. Answered
/// with the terminals that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalRemove {
    /// The terminal.
    pub terminal: TerminalId,
}

/// `CERTIFICATESREQ`: asks for the certificates of these terminals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesReq {
    /// The terminals.
    #[serde(deserialize_with = "bounded::list::<_, _, CERTIFICATES_ASKED>")]
    pub members: Vec<Member>,
}

/// A terminal's certificate with the key that certified it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCertificate {
    /// The user.
    pub userid: UserId,
    /// The user's identity key, PKCS#1 DER. To be compared with the pinned one (decision D14).
    pub publickey: Hex,
    /// The certificate.
    pub certificate: Certificate,
}

/// `CERTIFICATESREPLY`: answers `CERTIFICATESREQ`; what there is none of is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesReply {
    /// In the order of the request.
    #[serde(deserialize_with = "bounded::list::<_, _, CERTIFICATES_ASKED>")]
    pub certificates: Vec<UserCertificate>,
}
