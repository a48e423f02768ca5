//! What is known when a request is judged.

use std::collections::BTreeSet;
use std::time::Duration;

use common::ident::{GroupHandle, RoomId, UserId};
use common::msg::Member;

/// What a room is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Of at most two users: the first two who were ever listed.
    Pair(Vec<UserId>),
    /// A group.
    Group {
        /// Its name; none in a room of a version before that was of more than two users without one.
        handle: Option<GroupHandle>,
        /// Its admins, in the order of their appointment.
        admins: Vec<UserId>,
    },
}

/// A room that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// The epoch it is in.
    pub epoch: u64,
    /// What it is.
    pub kind: Kind,
    /// The terminals that get its mail.
    pub roster: BTreeSet<Member>,
    /// Members of its tree that get none: their user left, or the directory does not know them (any more).
    pub ghosts: BTreeSet<Member>,
}

impl Room {
    /// The admins of a group.
    #[must_use]
    pub fn admins(&self) -> &[UserId] {
        match &self.kind {
            Kind::Pair(_) => &[],
            Kind::Group { admins, .. } => admins,
        }
    }
}

/// How a room has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// It was given up, closed or removed.
    Over,
    /// The group was founded anew.
    Moved,
}

/// The room that has the handle which a new room would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which room.
    pub room: RoomId,
    /// Its admins, in the order of their appointment.
    pub admins: Vec<UserId>,
    /// Its terminals; none if it was given up, and the handle is kept for its admins.
    pub roster: BTreeSet<Member>,
    /// Whether the time is over for which the handle is kept.
    pub is_free: bool,
}

/// What is known when a request is judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Situation {
    /// The room, if it goes on.
    pub room: Option<Room>,
    /// How it has ended, if it has.
    pub past: Option<Past>,
    /// Who else has the handle.
    pub holder: Option<Holder>,
    /// How the room has ended that is to be replaced, if it has.
    pub replaced: Option<Past>,
    /// Which of the members that the request names, its sender included, the directory knows.
    pub there: BTreeSet<Member>,
    /// Which of the others have been known, and are gone.
    pub gone: BTreeSet<Member>,
    /// Seconds until the sender's user may end another epoch of this room; none if now.
    pub epochs_wait: Option<Duration>,
    /// Seconds until the sender's user may found another room; none if now.
    pub founding_wait: Option<Duration>,
    /// Rooms of two that the sender's user has founded with the same user, the oldest first.
    pub founded_with: Vec<RoomId>,
}

impl Situation {
    /// The room that one which is made now succeeds, with the place of this user among its admins.
    pub(super) fn succeeds(&self, founder: &UserId) -> Option<(&Holder, Option<usize>)> {
        let holder = self.holder.as_ref().filter(|holder| !holder.is_free)?;
        Some((holder, holder.admins.iter().position(|admin| admin == founder)))
    }

    /// Whether the directory knows this terminal.
    #[must_use]
    pub fn is_there(&self, member: &Member) -> bool {
        self.there.contains(member)
    }

    /// Whether the directory has known this terminal: what nobody has ever been may be named without end.
    #[must_use]
    pub(super) fn has_been(&self, member: &Member) -> bool {
        let is_ghost = self.room.as_ref().is_some_and(|room| room.ghosts.contains(member));
        self.is_there(member) || is_ghost || self.gone.contains(member)
    }
}
