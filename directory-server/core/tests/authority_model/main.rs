//! The rules of decision D31 as a model: every sequence of requests that hostile members can send, among two honest ones, and
//! between any two of them as much as honest terminals get done (threat G7).
//!
//! What the directory decides is the real [`directory_core::authority`]; what members believe is modelled. Left out are time and
//! budgets, and a directory that lies. Hostile terminals can give each reader something else, or rubbish. What must hold: the
//! honest ones come together again in one living room that has the group's name, both of them in its tree and on its roster, ali
//! first in its entry; nobody whom ali has left out is in it; no room of theirs is over; and nobody honest writes to a room in
//! which the other honest one gets nothing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
#![allow(clippy::cast_possible_truncation, reason = "numbers of rooms and users are small")]

mod honest;
mod hostile;
mod world;

use std::collections::HashSet;

use directory_core::authority::Rule;

use hostile::requests;
use world::{
    ALI, BIANCA, MALLORY, NEW_ALI, Place, Rules, Set, TEAM, TRUDY, View, World, has, only, terminals, user_of,
};

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The honest ones do not come together again under the group's name.
    Apart,
    /// Somebody who was left out is in their room.
    Unwanted,
    /// A room that they are in is over, and not moved.
    Lost,
    /// What one writes is taken, and the other gets nothing.
    Mute,
}

/// Who is there at the beginning.
#[derive(Debug, Clone)]
struct Story {
    hostile: Vec<u8>,
    admins: Vec<u8>,
    /// Hostile users who are not in the group.
    outside: Set,
    /// Ali has a new identity: nothing is left of the terminal in the group.
    ali_is_new: bool,
}

impl Story {
    /// Whether nothing tells the two hostile ones apart.
    fn is_symmetric(&self) -> bool {
        self.hostile == [MALLORY, TRUDY] && self.outside == 0 && !self.admins.iter().any(|admin| *admin > BIANCA)
    }

    fn begin(&self) -> World {
        let hostile = self.hostile.iter().fold(0, |set, user| set | only(*user));
        let inside = only(ALI) | only(BIANCA) | (hostile & !self.outside);
        let (roster, ghosts) = if self.ali_is_new { (inside & !only(ALI), only(ALI)) } else { (inside, 0) };
        let admins = self.admins.clone();
        let view = |terminal, room| View {
            terminal,
            room,
            tree: inside,
            admins: admins.clone(),
            frozen: None,
            mail: Vec::new(),
        };
        let ali = if self.ali_is_new { view(NEW_ALI, None) } else { view(ALI, Some(0)) };
        let there = if self.ali_is_new { !only(ALI) } else { !only(NEW_ALI) };
        World {
            rooms: vec![Place::Living { roster, ghosts, pair: None, handle: TEAM, admins: admins.clone() }],
            there: there & (only(BIANCA) | only(ALI) | only(NEW_ALI) | hostile),
            views: vec![ali, view(BIANCA, Some(0))],
            left_out: 0,
        }
    }
}

/// What is broken in a world now, or, where that is asked, when it has come to rest.
fn broken(world: &World, rules: &Rules, rests: bool) -> Option<Broken> {
    for view in &world.views {
        let Some(room) = view.room.filter(|_| has(view.tree, view.terminal)) else { continue };
        match &world.rooms[room] {
            // What has taken the user off before, as an admin may, waits to be read.
            Place::Kept { .. } | Place::Over if view.mail.is_empty() && view.frozen.is_none() => {
                return Some(Broken::Lost);
            }
            Place::Living { roster, .. } if view.frozen.is_none() && has(*roster, view.terminal) => {
                let mut others = world.views.iter().filter(|other| has(view.tree & world.there, other.terminal));
                if view.mail.is_empty() && others.any(|other| !has(*roster, other.terminal)) {
                    return Some(Broken::Mute);
                }
            }
            Place::Living { .. } | Place::Kept { .. } | Place::Over | Place::Moved => {}
        }
    }
    if !rests {
        return None;
    }
    let rest = world.settled(rules);
    let room = rest.holder(TEAM);
    let Some(Place::Living { roster, admins, .. }) = room.map(|room| &rest.rooms[room]) else {
        return Some(Broken::Apart);
    };
    let together = rest.views.iter().all(|view| {
        let sees_all = rest.views.iter().all(|other| has(view.tree, other.terminal));
        view.room == room && view.frozen.is_none() && sees_all && has(*roster, view.terminal)
    });
    if !together || admins.first() != Some(&ALI) {
        return Some(Broken::Apart);
    }
    // An admin who is left may invite whom ali has left out.
    let is_invited = admins.iter().any(|admin| *admin > BIANCA && !has(rest.left_out, *admin));
    let is_back = terminals(*roster).any(|terminal| has(rest.left_out, user_of(terminal)));
    let is_admin = admins.iter().any(|admin| has(rest.left_out, *admin));
    (!is_invited && (is_back || is_admin)).then_some(Broken::Unwanted)
}

/// Every world that so many hostile requests lead to; the first that is broken, and how many there were.
fn explore(story: &Story, rules: &[Rule], requests_at_most: usize) -> Result<usize, (Broken, World)> {
    let rules = &Rules::of(rules);
    let mut seen = HashSet::new();
    let canonical = |world: World| {
        let world = world.canonical();
        if story.is_symmetric() { world.of_mirrored() } else { world }
    };
    let mut level = vec![(story.begin(), true)];
    for round in 0..=requests_at_most {
        let mut next = HashSet::new();
        while let Some((world, is_asked_for)) = level.pop() {
            if !seen.insert(world.clone()) {
                continue;
            }
            let steps: Vec<World> = (0..world.views.len()).filter_map(|honest| world.step(rules, honest)).collect();
            // What a world on the way comes to is what its next ones come to, which are looked at, too.
            if let Some(broken) = broken(&world, rules, is_asked_for || steps.is_empty()) {
                return Err((broken, world));
            }
            let thrown_out = story.hostile.iter().filter_map(|user| world.throw_out(rules, *user));
            level.extend(steps.into_iter().chain(thrown_out).map(|world| (canonical(world), false)));
            if round < requests_at_most {
                let hostile = story.hostile.iter().flat_map(|user| requests(&world, rules, *user)).map(canonical);
                next.extend(hostile.filter(|world| !seen.contains(world)));
            }
        }
        level = next.into_iter().map(|world| (world, true)).collect();
    }
    Ok(seen.len())
}

fn stories() -> [(&'static str, Story); 5] {
    let story = |hostile: &[u8], admins: &[u8], outside, ali_is_new| Story {
        hostile: hostile.to_vec(),
        admins: admins.to_vec(),
        outside,
        ali_is_new,
    };
    [
        ("one hostile member", story(&[MALLORY], &[ALI], 0, false)),
        ("a hostile second admin", story(&[MALLORY], &[ALI, MALLORY], 0, false)),
        ("two colluding members", story(&[MALLORY, TRUDY], &[ALI], 0, false)),
        ("an admin and an outsider who collude", story(&[MALLORY, TRUDY], &[ALI, MALLORY], only(TRUDY), false)),
        ("the first admin has a new identity", story(&[MALLORY], &[ALI, MALLORY], 0, true)),
    ]
}

/// How many requests each story is explored for: as many as take seconds.
const REQUESTS: [usize; 5] = [6, 2, 3, 1, 2];

#[test]
fn no_hostile_sequence_takes_the_group_from_the_honest_ones() {
    for ((name, story), requests) in stories().into_iter().zip(REQUESTS) {
        let worlds = explore(&story, Rule::ALL, requests).unwrap_or_else(|found| panic!("{name}: {found:?}"));
        assert!(worlds > 40, "{name}: something happens");
    }
}

/// What breaks without a rule, and in which story. Without the others nothing of this breaks: ids that are used once, authors who
/// stay, handles that are taken and admins who are taken along spare the honest ones a detour; rooms of two and time are not in
/// the model.
#[test]
fn without_a_rule_something_breaks() {
    let stories = stories();
    for (rule, story, requests, expected) in [
        (Rule::OthersChangeThemselves, 0, 2, Broken::Apart),
        (Rule::AdminsChangeTheEntry, 0, 2, Broken::Apart),
        (Rule::AdminsFoundAnew, 0, 2, Broken::Apart),
        (Rule::EarlierAdminsStay, 1, 2, Broken::Apart),
        (Rule::EarlierAdminsAreKept, 1, 2, Broken::Apart),
        (Rule::SuccessorsKeepAdmins, 1, 2, Broken::Apart),
        (Rule::OnlyTheLastGivesUp, 4, 1, Broken::Lost),
        (Rule::EntriesAreSound, 3, 2, Broken::Unwanted),
    ] {
        let rules: Vec<Rule> = Rule::ALL.iter().copied().filter(|one| *one != rule).collect();
        let found = explore(&stories[story].1, &rules, requests).map_err(|(broken, _)| broken);
        assert_eq!(found, Err(expected), "without {rule:?}");
    }
}
