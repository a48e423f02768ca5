//! The state of the model: what the directory knows, by the real types of its rules, and what honest members believe.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use common::ident::{ContentDigest, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{Blob, CommitDigests, GroupEntry, Member, SignedCommit};
use directory_core::authority::{Change, Holder, Kind, Past, Room, Rule, Situation, Verdict, judge_by};
use directory_core::records::CommitRequest;
use directory_core::timestamp::Timestamp;

/// The handle that all is about, and another one.
pub(crate) const TEAM: u8 = 1;
pub(crate) const OTHER: u8 = 2;

/// Users by number. Ali and bianca are honest; ali is the first admin.
pub(crate) const ALI: u8 = 0;
pub(crate) const BIANCA: u8 = 1;
pub(crate) const MALLORY: u8 = 2;
pub(crate) const TRUDY: u8 = 3;
const NAMES: [&str; 4] = ["ali", "bianca", "mallory", "trudy"];

/// Terminals by number: one of each user, and the one that ali has with a new identity. A set is one bit for each.
pub(crate) const TERMINALS: u8 = 5;
pub(crate) const NEW_ALI: u8 = 4;
pub(crate) type Set = u8;

pub(crate) fn user_of(terminal: u8) -> u8 {
    if terminal == NEW_ALI { ALI } else { terminal }
}

pub(crate) fn has(set: Set, terminal: u8) -> bool {
    set >> terminal & 1 == 1
}

pub(crate) fn only(terminal: u8) -> Set {
    1 << terminal
}

pub(crate) fn terminals(set: Set) -> impl Iterator<Item = u8> {
    (0..TERMINALS).filter(move |terminal| has(set, *terminal))
}

fn user(number: u8) -> UserId {
    UserId::parse(NAMES[usize::from(number)]).unwrap()
}

fn number(id: &UserId) -> u8 {
    NAMES.iter().position(|name| *name == id.as_str()).unwrap() as u8
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

/// The rules, and what they have said so far.
pub(crate) struct Rules {
    rules: Vec<Rule>,
    verdicts: RefCell<Verdicts>,
}

/// What was asked before, and what comes of it where it is accepted.
type Verdicts = HashMap<(Request, Seen), Option<Rc<Change>>>;

impl Rules {
    pub(crate) fn of(rules: &[Rule]) -> Self {
        Self { rules: rules.to_vec(), verdicts: RefCell::default() }
    }
}

/// All that a verdict rests on beside the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Seen {
    room: Option<Place>,
    holder: Option<(usize, Place)>,
    replaced: Option<Place>,
    there: Set,
}

/// What the directory knows of a room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Living {
        roster: Set,
        ghosts: Set,
        pair: Option<Vec<u8>>,
        handle: u8,
        admins: Vec<u8>,
    },
    /// Over, with the handle kept for these admins.
    Kept {
        handle: u8,
        admins: Vec<u8>,
    },
    Over,
    Moved,
}

/// What an honest user's terminal believes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct View {
    pub(crate) terminal: u8,
    pub(crate) room: Option<usize>,
    pub(crate) tree: Set,
    pub(crate) admins: Vec<u8>,
    /// Whose commit it could not follow.
    pub(crate) frozen: Option<u8>,
    pub(crate) mail: Vec<Item>,
}

/// A commit or a welcome as one reader gets it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Item {
    pub(crate) room: usize,
    pub(crate) author: u8,
    pub(crate) is_welcome: bool,
    pub(crate) members: Set,
    /// The admins of the charter behind it; none if it leaves them as they are.
    pub(crate) admins: Option<Vec<u8>>,
    /// Whether this reader can open it, and finds in it what was signed.
    pub(crate) good: bool,
}

/// A request, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Request {
    pub(crate) from: u8,
    pub(crate) room: usize,
    pub(crate) members: Set,
    pub(crate) commit: bool,
    pub(crate) entry: Option<(u8, Vec<u8>)>,
    pub(crate) replaces: Option<usize>,
    pub(crate) again: Set,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct World {
    pub(crate) rooms: Vec<Place>,
    pub(crate) there: Set,
    pub(crate) views: Vec<View>,
    /// Users whom ali has left out.
    pub(crate) left_out: Set,
}

impl World {
    /// The room that has a handle.
    pub(crate) fn holder(&self, wanted: u8) -> Option<usize> {
        let holds = |place: &Place| match place {
            Place::Living { handle, .. } | Place::Kept { handle, .. } => *handle == wanted,
            Place::Over | Place::Moved => false,
        };
        self.rooms.iter().position(holds)
    }

    /// As the store reads it. Living rooms are always in epoch 1: who names another one is told so and changes nothing.
    pub(crate) fn situation(&self, request: &Request) -> Situation {
        let mut situation = Situation { there: members(self.there), ..Situation::default() };
        match self.rooms.get(request.room) {
            Some(Place::Living { roster, ghosts, pair, handle, admins }) => {
                let kind = match pair {
                    Some(users) => Kind::Pair(users.iter().map(|one| user(*one)).collect()),
                    None => Kind::Group {
                        handle: Some(GroupHandle([*handle; 32])),
                        admins: admins.iter().map(|one| user(*one)).collect(),
                    },
                };
                situation.room = Some(Room { epoch: 1, kind, roster: members(*roster), ghosts: members(*ghosts) });
                return situation;
            }
            Some(Place::Kept { .. } | Place::Over) => situation.past = Some(Past::Over),
            Some(Place::Moved) => situation.past = Some(Past::Moved),
            None => {}
        }
        let holder = request.entry.as_ref().and_then(|(handle, _)| self.holder(*handle));
        situation.holder = holder.map(|room| {
            let (roster, admins) = match &self.rooms[room] {
                Place::Living { roster, admins, .. } => (*roster, admins),
                Place::Kept { admins, .. } => (0, admins),
                Place::Over | Place::Moved => panic!("it holds a handle"),
            };
            let admins = admins.iter().map(|one| user(*one)).collect();
            Holder { room: room_id(room), admins, roster: members(roster), is_free: false }
        });
        situation.replaced = request.replaces.and_then(|room| match self.rooms[room] {
            Place::Moved => Some(Past::Moved),
            Place::Kept { .. } | Place::Over => Some(Past::Over),
            Place::Living { .. } => None,
        });
        situation
    }

    /// What the rules say of a request. The same is asked in many worlds, and answered from what is known.
    pub(crate) fn judge(&self, rules: &Rules, request: &Request) -> Option<Rc<Change>> {
        let holder = request.entry.as_ref().and_then(|(handle, _)| self.holder(*handle));
        let at = |room: usize| self.rooms.get(room).cloned();
        let seen = Seen {
            room: at(request.room),
            holder: holder.and_then(|room| Some((room, at(room)?))),
            replaced: request.replaces.and_then(at),
            there: self.there,
        };
        let mut verdicts = rules.verdicts.borrow_mut();
        let known = verdicts.entry((request.clone(), seen)).or_insert_with(|| {
            let situation = self.situation(request);
            match judge_by(&rules.rules, &commit_request(request, &situation), &situation) {
                Verdict::Accepted(change) => Some(Rc::from(change)),
                Verdict::Repeated | Verdict::Refused(_) => None,
            }
        });
        known.clone()
    }

    /// The same world, in which the two who collude have changed places.
    fn mirrored(&self) -> Self {
        let user = |user: u8| match user {
            MALLORY => TRUDY,
            TRUDY => MALLORY,
            other => other,
        };
        let users = |users: &Vec<u8>| users.iter().map(|one| user(*one)).collect();
        let set = |set: Set| terminals(set).fold(0, |mirrored, terminal| mirrored | only(user(terminal)));
        let place = |place: &Place| match place {
            Place::Living { roster, ghosts, pair, handle, admins } => Place::Living {
                roster: set(*roster),
                ghosts: set(*ghosts),
                pair: pair.as_ref().map(users),
                handle: *handle,
                admins: users(admins),
            },
            Place::Kept { handle, admins } => Place::Kept { handle: *handle, admins: users(admins) },
            Place::Over => Place::Over,
            Place::Moved => Place::Moved,
        };
        let item = |item: &Item| Item {
            author: user(item.author),
            members: set(item.members),
            admins: item.admins.as_ref().map(users),
            ..item.clone()
        };
        let view = |view: &View| View {
            tree: set(view.tree),
            admins: users(&view.admins),
            frozen: view.frozen.map(user),
            mail: view.mail.iter().map(item).collect(),
            ..view.clone()
        };
        Self {
            rooms: self.rooms.iter().map(place).collect(),
            there: set(self.there),
            views: self.views.iter().map(view).collect(),
            left_out: set(self.left_out),
        }
    }

    /// One of the two, the same for both: where nothing tells the two apart who collude.
    pub(crate) fn of_mirrored(self) -> Self {
        let mirrored = self.mirrored();
        self.min(mirrored)
    }

    /// As the store carries it out; `good` are the terminals that can follow what is in the request.
    pub(crate) fn carry_out(&mut self, request: &Request, change: &Change, good: Set) {
        let room = request.room;
        if change.gives_up {
            self.rooms[room] = match &self.rooms[room] {
                Place::Living { pair: None, handle, admins, .. } => {
                    Place::Kept { handle: *handle, admins: admins.clone() }
                }
                _ => Place::Over,
            };
            return;
        }
        if let Some(old) = change.replaces {
            let old = usize::from(old.0[0]) - 1;
            let moved = matches!(self.rooms[old], Place::Living { .. });
            self.rooms[old] = if moved { Place::Moved } else { Place::Over };
        }
        let (pair, handle, admins) = match &change.kind {
            Kind::Pair(users) => (Some(users.iter().map(number).collect()), 0, Vec::new()),
            Kind::Group { handle, admins } => {
                (None, handle.map_or(0, |handle| handle.0[0]), admins.iter().map(number).collect())
            }
        };
        let (roster, ghosts) = (set(&change.roster), set(&change.ghosts));
        let living = Place::Living { roster, ghosts, pair, handle, admins: Vec::<u8>::clone(&admins) };
        let place = if roster == 0 { Place::Kept { handle, admins: admins.clone() } } else { living };
        match self.rooms.get_mut(room) {
            Some(before) => *before = place,
            None => self.rooms.push(place),
        }
        let said = request.entry.as_ref().map(|(_, admins)| admins.clone());
        for (is_welcome, receivers) in [(false, &change.followers), (true, &change.welcomed)] {
            let receivers = set(receivers);
            for view in self.views.iter_mut().filter(|view| has(receivers, view.terminal) && request.commit) {
                let (author, good) = (request.from, has(good, view.terminal));
                let charter = if is_welcome { said.clone().or(Some(admins.clone())) } else { said.clone() };
                let item = Item { room, author, is_welcome, members: request.members, admins: charter, good };
                if view.minds(&item) {
                    view.mail.push(item);
                }
            }
        }
    }
}

impl View {
    /// Whether an item can change anything: what nobody can join with cannot, nor a commit of a room that is none of ours.
    fn minds(&self, item: &Item) -> bool {
        let is_ours = self.room == Some(item.room) && self.frozen.is_none();
        let may_be = self.mail.iter().any(|before| before.is_welcome && before.room == item.room);
        if item.is_welcome { item.good } else { is_ours || may_be }
    }
}

impl World {
    /// The same world without the rooms of the past that nobody remembers, one of each kind aside.
    pub(crate) fn canonical(mut self) -> Self {
        let remembered = |world: &Self, room: usize| {
            let mut views = world.views.iter();
            views.any(|view| view.room == Some(room) || view.mail.iter().any(|item| item.room == room))
        };
        let (mut moved, mut over) = (false, false);
        let mut places = Vec::new();
        let mut renumbered = Vec::new();
        for (room, place) in self.rooms.iter().enumerate() {
            let stays = match place {
                Place::Living { .. } | Place::Kept { .. } => true,
                Place::Moved => remembered(&self, room) || !std::mem::replace(&mut moved, true),
                Place::Over => remembered(&self, room) || !std::mem::replace(&mut over, true),
            };
            renumbered.push(places.len());
            if stays {
                places.push(place.clone());
            }
        }
        self.rooms = places;
        for view in &mut self.views {
            view.room = view.room.map(|room| renumbered[room]);
            view.mail.iter_mut().for_each(|item| item.room = renumbered[item.room]);
        }
        self
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
        group: request.entry.as_ref().map(|(handle, admins)| GroupEntry {
            handle: GroupHandle([*handle; 32]),
            admins: admins.iter().map(|one| user(*one)).collect(),
        }),
        again: terminals(request.again).map(member).collect(),
        replaces: request.replaces.map(room_id),
        signed: SignedCommit { digests, signature: Blob::default() },
        kept_after: Timestamp::from_seconds(0),
    }
}
