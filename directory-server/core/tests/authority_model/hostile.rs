//! What a hostile terminal may ask for, and what becomes of it.

use crate::admins::Admins;
use crate::rules::{Request, Rules};
use crate::world::{ALI, BIANCA, MALLORY, OTHER, Place, Set, TEAM, TRUDY, USERS, World, has, only, terminals};

/// Which entries a hostile user may want for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entries {
    /// To be the only admin, or the first, without ali or before ali, with somebody else or without.
    Telling,
    /// Any users in any order.
    All,
}

impl Entries {
    fn of(self, world: &World, author: u8) -> Vec<Option<(u8, Admins)>> {
        let other = if author == MALLORY { TRUDY } else { MALLORY };
        let lists = match self {
            Self::Telling => vec![
                vec![author],
                vec![author, other],
                vec![author, ALI],
                vec![ALI],
                vec![ALI, author],
                vec![ALI, author, other],
                vec![ALI, BIANCA],
                vec![BIANCA],
            ],
            Self::All => orders((0..USERS).filter(|user| *user <= BIANCA || has(world.there, *user)).collect()),
        };
        // What becomes of another name is the same for all of them.
        let renamed = [vec![ALI, author], vec![author]];
        let entry = |handle: u8| move |admins: Vec<u8>| Some((handle, Admins::of(admins)));
        lists.into_iter().map(entry(TEAM)).chain(renamed.into_iter().map(entry(OTHER))).chain([None]).collect()
    }
}

/// All lists of some of these users, each once.
fn orders(users: Vec<u8>) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for place in 0..users.len() {
        let longest: Vec<Vec<u8>> = all.iter().filter(|list| list.len() == place).cloned().collect();
        for list in longest {
            let longer =
                users.iter().filter(|user| !list.contains(*user)).map(|user| [list.as_slice(), &[*user]].concat());
            all.extend(longer);
        }
    }
    all
}

/// The requests of a hostile user that may change something.
fn requests(world: &World, author: u8, entries: Entries) -> Vec<Request> {
    let mut all = Vec::new();
    for room in 0..=world.rooms.len() {
        let (lives, is_new) = match world.rooms.get(room) {
            Some(Place::Living { .. }) => (true, false),
            Some(_) => (false, false),
            None => (false, true),
        };
        for entry in entries.of(world, author) {
            // Rooms that have nothing to do with the group change nothing.
            let concerns_team = lives || matches!(&entry, Some((TEAM, _)));
            let replaced: Vec<Option<usize>> = match &entry {
                Some(_) if is_new => (0..world.rooms.len()).map(Some).chain([None]).collect(),
                _ => vec![None],
            };
            for replaces in replaced.into_iter().filter(|_| concerns_team) {
                let request = Request { from: author, room, members: 0, commit: true, entry, replaces, again: 0 };
                all.extend(with_members(world, &request, lives));
            }
        }
    }
    all
}

/// The request with every set of members, taken in anew or not, with a commit or without one.
fn with_members(world: &World, request: &Request, lives: bool) -> Vec<Request> {
    let mut all = Vec::new();
    // Beside those whom the directory knows, those it knows no more and who are in the tree.
    let known = world.there | world.rooms.get(request.room).map_or(0, |place| place.ghosts());
    for members in (0..=known).filter(|members| members & !known == 0) {
        let gives_up = members == 0;
        for (commit, again) in [(true, 0), (true, members), (false, 0)] {
            let makes_sense = if commit { !gives_up && (again == 0 || lives) } else { gives_up || !lives };
            if makes_sense {
                all.push(Request { members, commit, again, ..request.clone() });
            }
        }
    }
    all
}

/// The worlds that one request of a hostile user leads to, whoever of the honest ones can follow it.
pub(crate) fn worlds(world: &World, rules: &Rules, author: u8, entries: Entries) -> Vec<World> {
    let before = world.holder(TEAM).map_or(0, |room| world.rooms[room].roster());
    let accepted = rules.accepted(world, author, || requests(world, author, entries));
    let mut worlds = Vec::new();
    for (request, effect) in accepted.iter() {
        let readers = if request.commit { (effect.followers | effect.welcomed) & world.honest() } else { 0 };
        for good in subsets(readers) {
            let mut next = world.clone();
            next.carry_out(request, effect, good);
            // An admin who was not left out may invite whom ali has left out.
            if !has(world.left_out, author) {
                next.left_out &= !(effect.place.roster() & !before);
            }
            worlds.push(next);
        }
    }
    worlds
}

/// Nobody, each one, and all together.
fn subsets(set: Set) -> Vec<Set> {
    let with = |sets: Vec<Set>, terminal: u8| sets.iter().flat_map(|set| [*set, set | only(terminal)]).collect();
    terminals(set).fold(vec![0], with)
}
