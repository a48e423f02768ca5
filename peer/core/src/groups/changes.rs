//! What changes in a room: what an item turned out to be, what a commit changed, what is to be changed.

use std::collections::BTreeSet;

use common::ident::{GroupName, RoomId, UserId};
use common::msg::Member;
use zeroize::Zeroizing;

use crate::mls::{Outcome, RoomMetadata, VerifiedKeyPackage};
use crate::persistence::Write;

/// What an item turned out to be.
#[derive(Debug)]
pub(crate) enum ProcessedItem {
    /// Nothing for us, or nothing that can be read.
    Nothing,
    /// Of a room that this terminal was never in, or of a room of two that it cannot follow.
    Strange,
    /// A welcome of a room that this terminal was never in, which it has no key for.
    Unopened,
    /// These certificates are needed to judge it.
    Needs(Vec<Member>),
    /// A letter.
    Letter { from: Member, bytes: Zeroizing<Vec<u8>> },
    /// A commit, which was followed.
    Committed(MembershipDiff),
    /// We are in the room from now on, by this member's doing; perhaps in place of another.
    /// `surplus`: by which rooms of two are forgotten that are too many.
    Joined { by: Member, old: Option<OldRoom>, surplus: Vec<Write> },
    /// A welcome to a group that nobody here asked for, by this user.
    Invited { group: GroupName, by: UserId },
    /// A welcome to a group, not accepted because of who invites; in place of this room, if there is one.
    NotLetIn { group: GroupName, by: UserId, why: String, old: Option<RoomId> },
    /// A room in place of this one, of this user, that cannot be followed, and why.
    NotMoved { old: RoomId, by: UserId, why: String },
    /// It is not what it says, or cannot be read: it changes nothing.
    Dropped(String),
    /// The room can be used no more, and why.
    Frozen(String),
}

/// A room whose place another has taken.
#[derive(Debug)]
pub(crate) struct OldRoom {
    pub(crate) room: RoomId,
    pub(crate) epoch: u64,
    pub(crate) users: BTreeSet<UserId>,
    /// The terminals of our user that were in it.
    pub(crate) own: Vec<Member>,
    /// Whether the directory had forgotten changes of it.
    pub(crate) gone_back: bool,
    /// By which it is forgotten.
    pub(crate) writes: Vec<Write>,
}

/// What a commit changed.
#[derive(Debug, Default)]
pub(crate) struct MembershipDiff {
    pub(crate) joined: Vec<UserId>,
    pub(crate) left: Vec<UserId>,
    /// Terminals that came and were not in it before.
    pub(crate) added: Vec<Member>,
    /// Users who stay, but not at all of their terminals.
    pub(crate) replaced: Vec<UserId>,
    /// New admins.
    pub(crate) admins: Vec<UserId>,
    /// Terminals that were taken off and added again.
    pub(crate) again: Vec<Member>,
    pub(crate) removed_us: bool,
}

/// What is to change in a room.
#[derive(Debug)]
pub(crate) enum MembershipChange {
    Add(Box<VerifiedKeyPackage>),
    RemoveTerminal(Member),
    RemoveUser(UserId),
    Promote(UserId),
    /// Our user is no admin any more.
    StepDown,
}

/// A commit for the directory.
pub(crate) struct OutgoingCommit {
    pub(crate) epoch: u64,
    pub(crate) members: Vec<Member>,
    pub(crate) commit: Vec<u8>,
    pub(crate) welcome: Vec<u8>,
    /// The group's entry, where it changes.
    pub(crate) entry: Option<(GroupName, Vec<UserId>)>,
    /// Members that the commit takes off and adds again.
    pub(crate) again: Vec<Member>,
    /// The room whose group is founded anew.
    pub(crate) replaces: Option<RoomId>,
}

impl MembershipDiff {
    pub(super) fn of(outcome: &Outcome, users: &BTreeSet<UserId>, admins: &[UserId], own: &Member) -> Self {
        let after: BTreeSet<UserId> = outcome.members.iter().map(|member| member.userid.clone()).collect();
        let replaced: BTreeSet<UserId> = outcome.removed.iter().map(|member| member.userid.clone()).collect();
        let admins_after = match &outcome.charter {
            RoomMetadata::Pair { .. } => Vec::new(),
            RoomMetadata::Group { admins, .. } => admins.clone(),
        };
        Self {
            added: outcome.added.iter().filter(|member| !outcome.removed.contains(member)).cloned().collect(),
            joined: after.difference(users).cloned().collect(),
            left: users.difference(&after).cloned().collect(),
            replaced: replaced.intersection(&after).cloned().collect(),
            admins: admins_after.into_iter().filter(|admin| !admins.contains(admin)).collect(),
            again: outcome.added.iter().filter(|member| outcome.removed.contains(member)).cloned().collect(),
            removed_us: outcome.removed.contains(own) && !outcome.added.contains(own),
        }
    }
}
