//! What a hostile terminal may ask for, and what becomes of it.

use crate::world::{ALI, BIANCA, MALLORY, OTHER, Place, Request, Rules, Set, TEAM, TERMINALS, TRUDY, World, has, only};

/// Entries that a hostile user may want: to be the only admin, or the first, without ali or before ali.
fn entries(author: u8) -> Vec<Option<(u8, Vec<u8>)>> {
    let other = if author == MALLORY { TRUDY } else { MALLORY };
    let team = [
        vec![author],
        vec![author, other],
        vec![author, ALI],
        vec![ALI],
        vec![ALI, author],
        vec![ALI, author, other],
        vec![ALI, BIANCA],
        vec![BIANCA],
    ];
    let renamed = [None, Some((OTHER, vec![ALI, author])), Some((OTHER, vec![author]))];
    team.into_iter().map(|admins| Some((TEAM, admins))).chain(renamed).collect()
}

/// The worlds that one request of a hostile user leads to.
pub(crate) fn requests(world: &World, rules: &Rules, author: u8) -> Vec<World> {
    let mut worlds = Vec::new();
    let places: Vec<usize> = (0..=world.rooms.len()).collect();
    for room in places {
        let (lives, is_new) = match world.rooms.get(room) {
            Some(Place::Living { .. }) => (true, false),
            Some(_) => (false, false),
            None => (false, true),
        };
        for entry in entries(author) {
            // Rooms that have nothing to do with the group change nothing.
            let concerns_team = lives || matches!(&entry, Some((TEAM, _)));
            let replaced: Vec<Option<usize>> = match &entry {
                Some(_) if is_new => (0..world.rooms.len()).map(Some).chain([None]).collect(),
                _ => vec![None],
            };
            for replaces in replaced.into_iter().filter(|_| concerns_team) {
                let request =
                    Request { from: author, room, members: 0, commit: true, entry: entry.clone(), replaces, again: 0 };
                worlds.extend(with_members(world, rules, &request, lives));
            }
        }
    }
    worlds
}

/// The request with every set of members, taken in anew or not, without a commit or with one that some can follow.
fn with_members(world: &World, rules: &Rules, request: &Request, lives: bool) -> Vec<World> {
    let everybody: Set = (0..TERMINALS).filter(|terminal| has(world.there, *terminal)).fold(0, |all, t| all | only(t));
    let mut worlds = Vec::new();
    for members in (0..=everybody).filter(|members| members & !everybody == 0) {
        let gives_up = members == 0;
        for (commit, again) in [(true, 0), (true, members), (false, 0)] {
            let makes_sense = if commit { !gives_up && (again == 0 || lives) } else { gives_up || !lives };
            if !makes_sense {
                continue;
            }
            let request = Request { members, commit, again, ..request.clone() };
            let Some(change) = world.judge(rules, &request) else { continue };
            let readers: Vec<Set> = if commit { readers(world) } else { vec![0] };
            for good in readers {
                let mut next = world.clone();
                next.carry_out(&request, &change, good);
                worlds.push(next);
            }
        }
    }
    worlds
}

/// Who of the honest ones can follow: nobody, one of them, or both.
fn readers(world: &World) -> Vec<Set> {
    world
        .views
        .iter()
        .fold(vec![0], |sets, view| sets.iter().flat_map(|set| [*set, set | only(view.terminal)]).collect())
}
