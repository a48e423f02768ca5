//! What can go wrong in a room, in words that say who did what and why it is not followed.
//!
//! Front ends show these words; nothing here quotes what others wrote, except names that were parsed.

use std::fmt;

use common::ident::{GroupName, UserId};
use common::limits::{COMMIT_MAX, COMMIT_PROPOSALS, ROOM_TERMINALS};
use common::msg::Member;
use serde::{Deserialize, Serialize};

/// Why a commit, a welcome or a newcomer is not accepted (threats G1, G3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// What the library's checks found.
    #[error("it breaks the rules of MLS: {0}")]
    Invalid(String),
    /// A proposal that rooms have no use for.
    #[error("it contains a proposal that rooms do not allow")]
    Proposal,
    /// Threat G3.
    #[error("it contains {0} changes, and at most {COMMIT_PROPOSALS} are allowed")]
    TooManyProposals(usize),
    /// Threat G3.
    #[error("the room would have {0} terminals, and at most {ROOM_TERMINALS} are allowed")]
    TooManyTerminals(usize),
    /// Not one of ours.
    #[error("a member's credential is not one of this messenger")]
    Credential,
    /// Nobody supplied it.
    #[error("there is no certificate of {}'s terminal {}", .member.userid, .member.terminal)]
    NoCertificate {
        /// Whose.
        member: Member,
    },
    /// The user decides first.
    #[error("{user}'s key is not the one that you have known")]
    Undecided {
        /// Whose key.
        user: UserId,
    },
    /// The leaf names another one, so it was made for another terminal or signed by another identity key.
    #[error("{}'s terminal {} shows another certificate than the one {}'s identity key signed", .member.userid, .member.terminal, .member.userid)]
    OtherCertificate {
        /// Whose.
        member: Member,
    },
    /// Somebody else holds the key of the leaf.
    #[error("{}'s terminal {} has another key than its certificate says", .member.userid, .member.terminal)]
    OtherKey {
        /// Whose.
        member: Member,
    },
    /// One leaf per terminal.
    #[error("{}'s terminal {} would be in the room twice", .member.userid, .member.terminal)]
    Twice {
        /// Which terminal.
        member: Member,
    },
    /// A leaf keeps its credential and key as long as it lives.
    #[error("the committer changed its own credential or key")]
    ChangedLeaf,
    /// Nobody to be removed.
    #[error("{}'s terminal {} is not in the room", .member.userid, .member.terminal)]
    NoMember {
        /// Which terminal.
        member: Member,
    },
    /// In a group only admins may, the author's own terminals aside.
    #[error("only an admin of the group may add {user}")]
    MayNotAdd {
        /// Who would have been added.
        user: UserId,
    },
    /// In a group only admins may, and nobody an admin who stands before; in a room of two nobody.
    #[error("{user} may be removed only by an admin of the group who does not stand behind {user}")]
    MayNotRemove {
        /// Who would have been removed.
        user: UserId,
    },
    /// Only admins may, and only who is an admin may change.
    #[error("only an admin may change who is an admin, and nothing else of a room can be changed")]
    MayNotChange,
    /// Admins stand in the order of their appointment, and nobody changes the place of one who stands before.
    #[error("an admin may not change the place of admins who were appointed earlier")]
    Order,
    /// A group always has an admin, and admins are members.
    #[error("a group's admins have to be members, and there has to be one")]
    Admins,
    /// Not the extensions, ciphersuite or version of rooms.
    #[error("the room's settings are not those of this messenger")]
    Settings,
    /// A room of two has terminals of these two only.
    #[error("a conversation between {} and {} may have no other members, and both have to be in it", .pair[0], .pair[1])]
    Pair {
        /// The two users it is for.
        pair: [UserId; 2],
    },
    /// Who founds a group anew takes those along who stand before.
    #[error("{user}, who was an admin before, is left out")]
    LeftOut {
        /// Who is missing.
        user: UserId,
    },
    /// No group has such a name.
    #[error("{0} is a reserved word")]
    Reserved(GroupName),
    /// What the directory was told of a welcome is not what its author answers for.
    #[error("its author has signed something else")]
    NotSigned,
    /// The same where it is about who is in the room.
    #[error("the directory was told of other members or admins")]
    OtherMembers,
    /// Nobody is put into a group without asking.
    #[error("nobody here asked to join {0}")]
    NotAsked(GroupName),
    /// Not who the directory says sent it.
    #[error("it does not come from a member of the room")]
    Sender,
}

/// Why a room is frozen: nothing is read or sent in it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Frozen {
    /// A commit that everybody else may have followed.
    #[error("{} changed the room in a way that is not allowed: {why}", .by.userid)]
    Commit {
        /// Who made it.
        by: Member,
        /// Why it is not followed.
        why: Refusal,
    },
    /// Bytes that ended an epoch and cannot be followed; the directory says who gave them to it.
    #[error("{} changed the room in a way that cannot be followed: {why}", .by.userid)]
    NotFollowed {
        /// Who gave them to the directory.
        by: Member,
        /// What is wrong with them.
        why: String,
    },
    /// The directory accepted messages or changes behind one that has not come.
    #[error("a change of it did not reach this terminal")]
    Behind {
        /// The epoch that the directory had reached.
        epoch: u64,
    },
    /// The same, kept by a version that did not say whose it was.
    #[error("the room was changed by a message that cannot be read ({0})")]
    Unreadable(String),
    /// The directory has forgotten changes of it (decision D32).
    #[error("the directory server goes on from an older state, in which the last changes of its members are undone")]
    Restored,
    /// Kept by a version that took the fork tag of a message for proved (threat G2).
    #[error("its members do not see the same room: the directory told them different things about change {epoch}")]
    Fork {
        /// The epoch in which this was noticed.
        epoch: u64,
    },
}

impl Frozen {
    /// Whose commit could not be followed, where that is known.
    pub fn author(&self) -> Option<&Member> {
        match self {
            Self::Commit { by, .. } | Self::NotFollowed { by, .. } => Some(by),
            Self::Behind { .. } | Self::Restored | Self::Unreadable(_) | Self::Fork { .. } => None,
        }
    }
}

/// Why bytes are nothing that belongs into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Too short or too long.
    Length,
    /// A version that is not known here.
    Version,
    /// Not a message of MLS.
    Encoding,
    /// A message of MLS that is not allowed here: not encrypted, or of another kind than the directory says.
    Kind,
    /// Meant for another room.
    Room,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "it is too short or too long",
            Self::Version => "it is of a version that is not known here",
            Self::Encoding => "it is not a message of MLS",
            Self::Kind => "it is a kind of message that is not allowed here",
            Self::Room => "it belongs to another room",
        })
    }
}

/// Why a step of a room did not happen. The room is as before, or frozen if that is said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// Not a message for this room.
    #[error("a message was not understood: {0}")]
    Broken(Broken),
    /// Of an epoch that is over: it was read before.
    #[error("a message is of change {epoch}, which is over")]
    Past {
        /// The message's epoch.
        epoch: u64,
    },
    /// Of an epoch that this terminal has not reached: a commit is missing, so this is an old copy (threat G5).
    #[error("a message is of change {epoch}, which this terminal does not know")]
    Ahead {
        /// The message's epoch.
        epoch: u64,
    },
    /// Claims to be from this terminal, which cannot be verified: own commits are known by their bytes.
    #[error("a message claims to be from this terminal")]
    Own,
    /// Cannot be read, and its fork tag is not the room's: the directory told its sender other things (threat G2), or
    /// somebody made it up.
    #[error("a message is not of change {epoch} as this terminal knows it")]
    OtherHistory {
        /// The epoch in which this was noticed.
        epoch: u64,
    },
    /// Was read, so that it is of this history; its fork tag says otherwise.
    #[error("a message does not carry the mark of the room")]
    Tag,
    /// It was read before, or too many messages before it are missing (threat G6).
    #[error("a message came a second time, or too many before it are missing")]
    NoKey,
    /// Does not decrypt, or is not from whom it says.
    #[error("a message cannot be decrypted, or is not from whom it says")]
    Unreadable,
    /// Breaks the rules of MLS.
    #[error("a message breaks the rules of MLS: {0}")]
    Invalid(String),
    /// No key package of this terminal was used for it.
    #[error("an invitation is for another terminal, or came a second time")]
    NotForUs,
    /// Not accepted; a room is frozen then.
    #[error("not accepted from {}: {why}", .by.userid)]
    Refused {
        /// Whose commit, welcome or key package.
        by: Member,
        /// Why.
        why: Refusal,
    },
    /// What was to be done here is not allowed; nothing happened.
    #[error("this is not allowed: {0}")]
    Forbidden(Refusal),
    /// What was to be done takes more bytes than a commit may have; less at once may work.
    #[error("this takes more than {COMMIT_MAX} bytes at once")]
    TooLarge,
    /// Nothing is read or sent any more.
    #[error("the room is frozen: {0}")]
    Frozen(Frozen),
    /// A commit waits for [`super::Room::apply`].
    #[error("another change of the room waits to be applied")]
    Staged,
    /// An own commit waits for the directory.
    #[error("an own change of the room waits for the directory")]
    Pending,
    /// There is no commit to apply.
    #[error("no change of the room waits to be applied")]
    NothingStaged,
    /// This terminal was removed.
    #[error("this terminal is no longer in the room")]
    Removed,
    /// The library failed where it must not, or what was kept is damaged. Rebuild the room from what was kept.
    #[error("the MLS library failed: {0}")]
    Library(String),
}

impl RoomError {
    pub(super) fn library(error: impl fmt::Display) -> Self {
        Self::Library(error.to_string())
    }
}
