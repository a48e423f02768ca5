//! Which commits are followed (protocol section 8.7; threats G1, G3). The same rules hold for everybody's commits, our
//! own included: what others would refuse is not sent.
//!
//! The rules know plain names only; that leaves are who they say has been checked before.

use std::collections::BTreeSet;

use common::ident::{GroupName, UserId};
use common::limits::ROOM_TERMINALS;
use common::msg::Member;

use super::{Refusal, RoomMetadata};

/// A commit in plain names.
#[derive(Debug)]
pub(super) struct Proposed<'a> {
    pub(super) by: &'a UserId,
    pub(super) added: &'a [Member],
    pub(super) removed: &'a [Member],
    /// The members behind it.
    pub(super) outcome: &'a [Member],
    /// What the room was before.
    pub(super) charter: &'a RoomMetadata,
    /// What the room will be.
    pub(super) amended: &'a RoomMetadata,
}

impl Proposed<'_> {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        check_terminals(self.outcome)?;
        self.check_additions()?;
        self.check_removals()?;
        match (self.charter, self.amended) {
            (before, after) if before == after => Ok(()),
            (RoomMetadata::Group { name: before, .. }, RoomMetadata::Group { name: after, admins })
                if self.charter.is_admin(self.by) && before == after =>
            {
                self.check_admins(admins)
            }
            _ => Err(Refusal::MayNotChange),
        }
    }

    fn check_additions(&self) -> Result<(), Refusal> {
        let may_add = |user: &UserId| match self.charter {
            RoomMetadata::Pair { pair } if !pair.contains(user) => Err(Refusal::Pair { pair: pair.clone() }),
            RoomMetadata::Group { .. } if !self.charter.is_admin(self.by) && user != self.by => {
                Err(Refusal::MayNotAdd { user: user.clone() })
            }
            RoomMetadata::Pair { .. } | RoomMetadata::Group { .. } => Ok(()),
        };
        self.added.iter().try_for_each(|member| may_add(&member.userid))
    }

    fn check_removals(&self) -> Result<(), Refusal> {
        let stay = users(self.outcome);
        let may_remove = |user: &UserId| match self.charter {
            _ if user == self.by => true,
            // Of both users terminals stay.
            RoomMetadata::Pair { .. } => stay.contains(user),
            RoomMetadata::Group { .. } => {
                self.charter.is_admin(self.by) && !self.charter.before(self.by).contains(user)
            }
        };
        match self.removed.iter().find(|member| !may_remove(&member.userid)) {
            Some(Member { userid: user, .. }) => Err(Refusal::MayNotRemove { user: user.clone() }),
            None => Ok(()),
        }
    }

    /// Whoever stands before the author stays an admin, in the same place, with a leaf or without; there is an admin, and all
    /// others are members.
    fn check_admins(&self, admins: &[UserId]) -> Result<(), Refusal> {
        let before = self.charter.before(self.by);
        let Some(others) = admins.strip_prefix(before) else { return Err(Refusal::Order) };
        let users = users(self.outcome);
        let sound = !admins.is_empty() && others.iter().all(|admin| users.contains(admin));
        if sound { Ok(()) } else { Err(Refusal::Admins) }
    }
}

/// Whether this user's terminal may join a room with these members: a group only if somebody here asked, or if another
/// terminal of the user invites. One that was added together with this terminal vouches for nothing.
pub(super) fn check_invitation(
    charter: &RoomMetadata,
    members: &[Member],
    (own, by): (&Member, &Member),
    asked: &BTreeSet<GroupName>,
) -> Result<(), Refusal> {
    check_terminals(members)?;
    match charter {
        RoomMetadata::Pair { pair } => {
            let both = pair.iter().cloned().collect::<BTreeSet<_>>() == users(members);
            if both && pair.contains(&own.userid) { Ok(()) } else { Err(Refusal::Pair { pair: pair.clone() }) }
        }
        RoomMetadata::Group { name, .. } if name.is_reserved() => Err(Refusal::Reserved(name.clone())),
        RoomMetadata::Group { name, .. } => {
            let sibling = by.userid == own.userid && by != own;
            if sibling || asked.contains(name) { Ok(()) } else { Err(Refusal::NotAsked(name.clone())) }
        }
    }
}

/// Each terminal once, and not too many.
fn check_terminals(members: &[Member]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = members.iter().find(|member| !seen.insert(*member)) {
        return Err(Refusal::Twice { member: twice.clone() });
    }
    if members.len() > ROOM_TERMINALS { Err(Refusal::TooManyTerminals(members.len())) } else { Ok(()) }
}

fn users(members: &[Member]) -> BTreeSet<UserId> {
    members.iter().map(|member| member.userid.clone()).collect()
}
