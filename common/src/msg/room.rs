//! Rooms, key packages and certificates: the directory as delivery service of MLS (protocol section 6.7; decision D16,
//! threats G1 to G4).

use serde::{Deserialize, Serialize};

use super::{Blob, Certificate, Hex, Member, Piece, bounded};
use crate::ident::{ContentDigest, Cookie, GroupHandle, RoomId, TerminalId, UserId};
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
    /// The admins in the order of their appointment, whom to ask for admission; at least one.
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
    /// Members that were in the room before and shall have the welcome, too: the commit takes them off and adds them again.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::list_or_none::<_, _, ROOM_TERMINALS>"
    )]
    pub again: Vec<Member>,
    /// The room whose handle passes to this one: a group that is founded anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<RoomId>,
    /// By the terminal key over the commit transcript (64 bytes). Whoever has none is of the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Blob>,
}

impl CommitReq {
    /// A request without bytes: it creates the room, or gives it up.
    #[must_use]
    pub fn without_commit(room: RoomId, epoch: u64, members: Vec<Member>) -> Self {
        Self {
            room,
            epoch,
            members,
            commit: 0,
            welcome: 0,
            group: None,
            again: Vec::new(),
            replaces: None,
            signature: None,
        }
    }
}

/// What the author of a commit answers for beside the room and the epoch (decision D31; protocol section 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDigests {
    /// Of the commit's bytes.
    pub commit: ContentDigest,
    /// Of the welcome's bytes.
    pub welcome: ContentDigest,
    /// Of the members behind the commit.
    pub members: ContentDigest,
    /// Of the group entry, where the request has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<ContentDigest>,
    /// Of the members that are added again, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<ContentDigest>,
    /// The room whose handle passes to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<RoomId>,
}

/// Digests with their author's signature, as readers of the commit and of the welcome get them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCommit {
    /// What was signed.
    pub digests: CommitDigests,
    /// By the author's terminal key over the commit transcript (64 bytes).
    pub signature: Blob,
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
    /// The group's name is taken.
    #[serde(rename = "TAKEN")]
    Taken,
    /// It is against the rules; only for those who named [`super::AUTHORITY`].
    #[serde(rename = "REFUSED")]
    Refused,
}

/// Which rule a commit is against (decision D31).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommitRefusal {
    /// There is no signature, or it does not verify.
    Signature,
    /// Only an admin may do this.
    NotAdmin,
    /// An admin who stands before the sender would be removed, demoted or left out.
    Order,
    /// The members are not such as this room may have.
    Members,
    /// The group entry is not such as this room may have.
    Entry,
    /// The sender has ended too many epochs of this room lately.
    Epochs,
    /// The sender has founded too many rooms lately.
    Rooms,
    /// The group was founded anew.
    Moved,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `COMMITREPLY`: answers `COMMITREQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitReply {
    /// Outcome.
    pub status: CommitStatus,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CommitRefusal>,
    /// Seconds, if waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl From<CommitStatus> for CommitReply {
    fn from(status: CommitStatus) -> Self {
        Self { status, reason: None, retry_after: None }
    }
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
    /// Its admins, in the order of their appointment.
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
    /// Those that were published before are forgotten first, the last resort among them.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
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
    /// Why a terminal was not removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RemovalRefused>,
}

/// Why a terminal was not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalRefused {
    /// The passcode was not proved just before.
    Proof,
    /// It has been there longer than the terminal that asks.
    Older,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `TERMINALREMOVE`: forgets a terminal of this user, with its mailbox and key packages, and ends its session. Answered
/// with the terminals that are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalRemove {
    /// The terminal.
    pub terminal: TerminalId,
    /// That terminal's cookie, from whoever has taken its place; no proof is needed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
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
