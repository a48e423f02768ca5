//! What an accepted request changes.

use std::collections::BTreeSet;

use common::ident::{RoomId, UserId};
use common::limits::ROOMS_OF_TWO;
use common::msg::Member;

use super::situation::{Kind, Situation};
use crate::records::CommitRequest;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether the room is made.
    pub founds: bool,
    /// Whether the room is given up, with all that follows.
    pub gives_up: bool,
    /// What the room is from now on.
    pub kind: Kind,
    /// The terminals that get its mail from now on.
    pub roster: BTreeSet<Member>,
    /// The other members of its tree, as far as they have ever been terminals here.
    pub ghosts: BTreeSet<Member>,
    /// Who gets the commit: everybody who was there before.
    pub followers: BTreeSet<Member>,
    /// Who gets the welcome: everybody new, and who is added again.
    pub welcomed: BTreeSet<Member>,
    /// Who gets the welcome beside them without being in it: who had a say in the group that is founded anew.
    pub told: BTreeSet<Member>,
    /// The room that the handle passes from.
    pub replaces: Option<RoomId>,
    /// Rooms of two that are closed, so that there are not too many.
    pub closes: Vec<RoomId>,
}

impl Change {
    /// What a request that is against no rule does.
    pub(super) fn of(request: &CommitRequest, situation: &Situation) -> Self {
        let before = situation.room.as_ref();
        let founder = situation.room.is_none().then(|| request.from.clone());
        let followers: BTreeSet<Member> = match before {
            Some(room) => room.roster.clone(),
            None => founder.into_iter().collect(),
        };
        let enrolled = enrolled(request, situation);
        let members: BTreeSet<Member> = request.members.iter().cloned().collect();
        let roster: BTreeSet<Member> =
            followers.union(&enrolled).filter(|one| members.contains(one)).cloned().collect();
        let again = request.again.iter().filter(|one| roster.contains(one));
        let welcomed: BTreeSet<Member> = enrolled.difference(&followers).chain(again).cloned().collect();
        Self {
            founds: before.is_none(),
            gives_up: members.is_empty(),
            kind: kind(request, situation, &roster),
            ghosts: members.difference(&roster).filter(|one| situation.has_been(one)).cloned().collect(),
            told: earlier_admins(request, situation).difference(&welcomed).cloned().collect(),
            welcomed,
            replaces: before.is_none().then(|| situation.holder.as_ref().map(|holder| holder.room)).flatten(),
            closes: closes(request, situation),
            followers,
            roster,
        }
    }
}

/// Members that get mail from now on and did not before. A ghost stays one as long as the tree has it, unless it is added
/// again.
pub(super) fn enrolled(request: &CommitRequest, situation: &Situation) -> BTreeSet<Member> {
    let before = situation.room.as_ref();
    let is_new = |member: &&Member| {
        let is_on = before.is_some_and(|room| room.roster.contains(member));
        let is_ghost = before.is_some_and(|room| room.ghosts.contains(member));
        !is_on && situation.is_there(member) && (!is_ghost || request.again.contains(member))
    };
    request.members.iter().filter(is_new).cloned().collect()
}

/// Terminals that got mail until now, and do not from now on.
pub(super) fn removed(request: &CommitRequest, situation: &Situation) -> BTreeSet<Member> {
    let before = situation.room.iter().flat_map(|room| &room.roster);
    before.filter(|member| !request.members.contains(member)).cloned().collect()
}

/// The terminals that the admins who stand before the founder have in the room that this one succeeds, taken along or not: who
/// is left out learns whose doing it is, however many other terminals of the same user were taken along.
fn earlier_admins(request: &CommitRequest, situation: &Situation) -> BTreeSet<Member> {
    let succeeds = situation.succeeds(&request.from.userid).filter(|_| situation.room.is_none());
    let Some((holder, place)) = succeeds else { return BTreeSet::new() };
    let earlier = &holder.admins[..place.unwrap_or_default()];
    holder.roster.iter().filter(|member| earlier.contains(&member.userid)).cloned().collect()
}

fn kind(request: &CommitRequest, situation: &Situation, roster: &BTreeSet<Member>) -> Kind {
    let entry = request.group.as_ref();
    match (situation.room.as_ref().map(|room| &room.kind), entry) {
        (Some(Kind::Pair(users)), _) => Kind::Pair(first_two(users, &request.members)),
        (None, None) => Kind::Pair(first_two(&[], &request.members)),
        (None, Some(entry)) => Kind::Group { handle: Some(entry.handle), admins: entry.admins.clone() },
        (Some(Kind::Group { handle, admins }), entry) => {
            let mut admins = entry.map_or(admins, |entry| &entry.admins).clone();
            // Whoever loses the last terminal by somebody else's commit is an admin no more.
            let gone = removed(request, situation);
            let stays = |user: &UserId| roster.iter().any(|member| member.userid == *user);
            admins.retain(|admin| stays(admin) || gone.iter().all(|member| member.userid != *admin));
            Kind::Group { handle: *handle, admins }
        }
    }
}

/// The users of a room of two behind a commit: those of before, and as many new ones as there is place for.
pub(super) fn first_two(before: &[UserId], members: &[Member]) -> Vec<UserId> {
    let mut users = before.to_vec();
    for member in members {
        if users.len() < 2 && !users.contains(&member.userid) {
            users.push(member.userid.clone());
        }
    }
    users
}

/// A room of two too many closes the oldest of its founder's.
fn closes(request: &CommitRequest, situation: &Situation) -> Vec<RoomId> {
    let is_new_pair = situation.room.is_none() && request.group.is_none();
    let too_many = (situation.founded_with.len() + 1).saturating_sub(ROOMS_OF_TWO);
    let oldest = situation.founded_with.iter().take(too_many).filter(|_| is_new_pair);
    oldest.copied().collect()
}
