//! What the directory says of a request: the real rules, asked with the real types, and their answers in numbers.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use common::ident::{ContentDigest, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{Blob, CommitDigests, GroupEntry, Member, SignedCommit};
use directory_core::authority::{Change, Holder, Kind, Past, Room, Rule, Situation, Verdict, judge_by};
use directory_core::records::CommitRequest;
use directory_core::timestamp::Timestamp;

use crate::admins::Admins;
use crate::world::{Place, Set, World, only, terminals, user_of};

const NAMES: [&str; 4] = ["ali", "bianca", "mallory", "trudy"];

/// A request, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) from: u8,
    pub(crate) room: usize,
    pub(crate) members: Set,
    pub(crate) commit: bool,
    pub(crate) entry: Option<(u8, Admins)>,
    pub(crate) replaces: Option<usize>,
    pub(crate) again: Set,
}

/// What an accepted request changes, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) founds: bool,
    pub(crate) gives_up: bool,
    pub(crate) replaces: Option<usize>,
    /// What the room is from now on.
    pub(crate) place: Place,
    pub(crate) followers: Set,
    pub(crate) welcomed: Set,
}

/// The rules, and what they have said so far.
pub(crate) struct Rules {
    rules: Vec<Rule>,
    /// A rule that is not asked in some worlds, by a fault that is to be found.
    forgotten: Option<(Rule, Worlds)>,
    accepted: RefCell<HashMap<(u8, Directory), Accepted>>,
}

/// Whether a world is one of those that are meant.
type Worlds = fn(&World) -> bool;

/// All that verdicts rest on beside the request.
type Directory = (Vec<Place>, Set, Option<u8>);

/// What is accepted from a hostile user, and what it does.
type Accepted = Rc<Vec<(Request, Effect)>>;

impl Rules {
    pub(crate) fn of(rules: &[Rule]) -> Self {
        Self { rules: rules.to_vec(), forgotten: None, accepted: RefCell::default() }
    }

    /// All of them, one of which is not asked in some worlds.
    pub(crate) fn forgetting(rule: Rule, worlds: Worlds) -> Self {
        Self { forgotten: Some((rule, worlds)), ..Self::of(Rule::ALL) }
    }

    /// What is counted of how often a group was founded anew: nothing, where no fault rests on it.
    pub(crate) fn counted_foundings(&self) -> Option<u8> {
        self.forgotten.map(|_| 0)
    }

    /// What comes of a request, if it is accepted.
    pub(crate) fn judge(&self, world: &World, request: &Request) -> Option<Effect> {
        let situation = situation(world, request);
        let forgotten = self.forgotten.filter(|(_, worlds)| worlds(world)).map(|(rule, _)| rule);
        let rules: Vec<Rule> = self.rules.iter().copied().filter(|rule| Some(*rule) != forgotten).collect();
        match judge_by(&rules, &commit_request(request, &situation), &situation) {
            Verdict::Accepted(change) => Some(effect(&change)),
            Verdict::Repeated | Verdict::Refused(_) => None,
        }
    }

    /// Everything that is accepted from a hostile user. The same is asked in many worlds, and answered from what is known.
    pub(crate) fn accepted(&self, world: &World, author: u8, requests: impl FnOnce() -> Vec<Request>) -> Accepted {
        let key = (author, (world.rooms.clone(), world.there, world.foundings));
        if let Some(known) = self.accepted.borrow().get(&key) {
            return Rc::clone(known);
        }
        let judged =
            requests().into_iter().filter_map(|request| self.judge(world, &request).map(|effect| (request, effect)));
        let accepted: Accepted = Rc::new(judged.collect());
        self.accepted.borrow_mut().insert(key, Rc::clone(&accepted));
        accepted
    }
}

fn user(number: u8) -> UserId {
    UserId::parse(NAMES[usize::from(number)]).unwrap()
}

fn number(id: &UserId) -> u8 {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap() as u8
}

fn users(admins: Admins) -> Vec<UserId> {
    admins.iter().map(user).collect()
}

fn member(terminal: u8) -> Member {
    Member { userid: user(user_of(terminal)), terminal: TerminalId([terminal; 16]) }
}

fn members(set: Set) -> BTreeSet<Member> {
    terminals(set).map(member).collect()
}

fn set<'a>(members: impl IntoIterator<Item = &'a Member>) -> Set {
    members.into_iter().fold(0, |set, member| set | only(member.terminal.0[0]))
}

fn room_id(room: usize) -> RoomId {
    RoomId([room as u8 + 1; 16])
}

/// As the store reads it. Living rooms are always in epoch 1: who names another one is told so and changes nothing.
fn situation(world: &World, request: &Request) -> Situation {
    let mut situation = Situation { there: members(world.there), ..Situation::default() };
    match world.rooms.get(request.room) {
        Some(Place::Living { roster, ghosts, handle, admins }) => {
            let kind = Kind::Group { handle: Some(GroupHandle([*handle; 32])), admins: users(*admins) };
            situation.room = Some(Room { epoch: 1, kind, roster: members(*roster), ghosts: members(*ghosts) });
            return situation;
        }
        Some(Place::Kept { .. } | Place::Over) => situation.past = Some(Past::Over),
        Some(Place::Moved) => situation.past = Some(Past::Moved),
        None => {}
    }
    let holder = request.entry.and_then(|(handle, _)| world.holder(handle));
    situation.holder = holder.map(|room| {
        let admins = users(world.rooms[room].admins());
        Holder { room: room_id(room), admins, roster: members(world.rooms[room].roster()), is_free: false }
    });
    situation.replaced = request.replaces.and_then(|room| match world.rooms[room] {
        Place::Moved => Some(Past::Moved),
        Place::Kept { .. } | Place::Over => Some(Past::Over),
        Place::Living { .. } => None,
    });
    situation
}

fn effect(change: &Change) -> Effect {
    let Kind::Group { handle, admins } = &change.kind else { panic!("only groups are asked for") };
    let (handle, admins) = (handle.map_or(0, |handle| handle.0[0]), Admins::of(admins.iter().map(number)));
    let (roster, ghosts) = (set(&change.roster), set(&change.ghosts));
    let place =
        if roster == 0 { Place::Kept { handle, admins } } else { Place::Living { roster, ghosts, handle, admins } };
    Effect {
        founds: change.founds,
        gives_up: change.gives_up,
        replaces: change.replaces.map(|room| usize::from(room.0[0]) - 1),
        place,
        followers: set(&change.followers),
        welcomed: set(&change.welcomed),
    }
}

fn commit_request(request: &Request, situation: &Situation) -> CommitRequest {
    let digest = ContentDigest([0; 32]);
    let digests =
        CommitDigests { commit: digest, welcome: digest, members: digest, entry: None, again: None, replaces: None };
    let bytes = if request.commit { vec![1] } else { Vec::new() };
    CommitRequest {
        from: member(request.from),
        room: room_id(request.room),
        epoch: situation.room.as_ref().map_or(0, |room| room.epoch),
        members: terminals(request.members).map(member).collect(),
        commit: bytes.clone(),
        welcome: bytes,
        group: request
            .entry
            .map(|(handle, admins)| GroupEntry { handle: GroupHandle([handle; 32]), admins: users(admins) }),
        again: terminals(request.again).map(member).collect(),
        replaces: request.replaces.map(room_id),
        signed: SignedCommit { digests, signature: Blob::default() },
        kept_after: Timestamp::from_seconds(0),
        run: Timestamp::from_seconds(0),
    }
}
