//! The state of the model: what the directory knows, and what honest members believe.

use crate::admins::Admins;
use crate::rules::{Effect, Request};

/// The handle that all is about, and another one.
pub(crate) const TEAM: u8 = 1;
pub(crate) const OTHER: u8 = 2;

/// Users by number. Ali and bianca are honest; ali is the first admin.
pub(crate) const ALI: u8 = 0;
pub(crate) const BIANCA: u8 = 1;
pub(crate) const MALLORY: u8 = 2;
pub(crate) const TRUDY: u8 = 3;
pub(crate) const USERS: u8 = 4;

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

/// What the directory knows of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Living {
        roster: Set,
        ghosts: Set,
        handle: u8,
        admins: Admins,
    },
    /// Over, with the handle kept for these admins.
    Kept {
        handle: u8,
        admins: Admins,
    },
    Over,
    Moved,
}

impl Place {
    /// The terminals that get its mail.
    pub(crate) fn roster(self) -> Set {
        match self {
            Self::Living { roster, .. } => roster,
            Self::Kept { .. } | Self::Over | Self::Moved => 0,
        }
    }

    /// Who is in its tree and gets none.
    pub(crate) fn ghosts(self) -> Set {
        match self {
            Self::Living { ghosts, .. } => ghosts,
            Self::Kept { .. } | Self::Over | Self::Moved => 0,
        }
    }

    /// The admins of its entry.
    pub(crate) fn admins(self) -> Admins {
        match self {
            Self::Living { admins, .. } | Self::Kept { admins, .. } => admins,
            Self::Over | Self::Moved => Admins::default(),
        }
    }
}

/// What an honest user's terminal believes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct View {
    pub(crate) terminal: u8,
    pub(crate) room: Option<usize>,
    pub(crate) tree: Set,
    pub(crate) admins: Admins,
    /// Whose commit it could not follow.
    pub(crate) frozen: Option<u8>,
}

/// A commit or a welcome as one reader gets it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) room: usize,
    pub(crate) author: u8,
    pub(crate) is_welcome: bool,
    pub(crate) members: Set,
    /// The admins of the charter behind it; none if it leaves them as they are.
    pub(crate) admins: Option<Admins>,
    /// Whether this reader can open it, and finds in it what was signed.
    pub(crate) good: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct World {
    pub(crate) rooms: Vec<Place>,
    pub(crate) there: Set,
    pub(crate) views: [View; 2],
    /// Users whom ali has left out.
    pub(crate) left_out: Set,
    /// How often the group was founded anew, up to six; nothing where that is not counted.
    pub(crate) foundings: Option<u8>,
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

    /// As the store carries it out; `good` are the terminals that can follow what is in the request.
    pub(crate) fn carry_out(&mut self, request: &Request, effect: &Effect, good: Set) {
        let Request { room, from: author, members, .. } = *request;
        if effect.gives_up {
            self.rooms[room] = match self.rooms[room] {
                Place::Living { handle, admins, .. } => Place::Kept { handle, admins },
                Place::Kept { .. } | Place::Over | Place::Moved => Place::Over,
            };
            return;
        }
        if let Some(old) = effect.replaces {
            self.foundings = self.foundings.map(|times| (times + 1).min(6));
            let moved = matches!(self.rooms[old], Place::Living { .. });
            self.rooms[old] = if moved { Place::Moved } else { Place::Over };
        }
        match self.rooms.get_mut(room) {
            Some(before) => *before = effect.place,
            None => self.rooms.push(effect.place),
        }
        let said = request.entry.map(|(_, admins)| admins);
        for (is_welcome, receivers) in [(false, effect.followers), (true, effect.welcomed)] {
            let admins = if is_welcome { said.or(Some(effect.place.admins())) } else { said };
            for view in self.views.iter_mut().filter(|view| has(receivers, view.terminal) && request.commit) {
                let good = has(good, view.terminal);
                view.take(&Item { room, author, is_welcome, members, admins, good });
            }
        }
    }

    /// The same world, in which the two who collude have changed places.
    fn mirrored(&self) -> Self {
        let user = |user: u8| match user {
            MALLORY => TRUDY,
            TRUDY => MALLORY,
            other => other,
        };
        let users = |users: Admins| Admins::of(users.iter().map(user));
        let set = |set: Set| terminals(set).fold(0, |mirrored, terminal| mirrored | only(user(terminal)));
        let place = |place: &Place| match *place {
            Place::Living { roster, ghosts, handle, admins } => {
                Place::Living { roster: set(roster), ghosts: set(ghosts), handle, admins: users(admins) }
            }
            Place::Kept { handle, admins } => Place::Kept { handle, admins: users(admins) },
            Place::Over => Place::Over,
            Place::Moved => Place::Moved,
        };
        let view = |view: &View| View {
            tree: set(view.tree),
            admins: users(view.admins),
            frozen: view.frozen.map(user),
            ..view.clone()
        };
        Self {
            rooms: self.rooms.iter().map(place).collect(),
            there: set(self.there),
            views: self.views.each_ref().map(view),
            left_out: set(self.left_out),
            foundings: self.foundings,
        }
    }

    /// One of the two, the same for both: where nothing tells the two apart who collude.
    pub(crate) fn of_mirrored(self) -> Self {
        let mirrored = self.mirrored().in_order();
        self.min(mirrored)
    }

    /// The same world without what nobody looks at any more.
    pub(crate) fn canonical(mut self) -> Self {
        for honest in 0..self.views.len() {
            self.forget_what_is_lost(honest);
        }
        self.in_order()
    }

    /// Who is out of it waits for a welcome, and remembers for that who the admins were; ali also whom to take along.
    fn forget_what_is_lost(&mut self, honest: usize) {
        let view = &self.views[honest];
        let is_out = view.frozen.is_some() || view.room.is_none_or(|room| self.rooms[room] == Place::Moved);
        if is_out {
            let tree = if honest == usize::from(ALI) { self.taken_along(view) } else { 0 };
            self.views[honest] = View { room: None, frozen: None, tree, ..view.clone() };
        }
    }

    /// The rooms in an order that does not depend on when they were made, and of those of the past that nobody remembers one
    /// of each kind.
    fn in_order(mut self) -> Self {
        let remembered_by = |room: usize| {
            let views = self.views.iter().filter(|view| view.room == Some(room));
            views.fold(0, |set, view| set | only(view.terminal))
        };
        let mut rooms: Vec<(Place, Set, usize)> =
            self.rooms.iter().enumerate().map(|(room, place)| (*place, remembered_by(room), room)).collect();
        rooms.sort_unstable();
        rooms.dedup_by(|(place, remembered, _), (before, before_remembered, _)| {
            matches!(place, Place::Over | Place::Moved)
                && (place, &*remembered) == (before, before_remembered)
                && *remembered == 0
        });
        let renumbered = |old: usize| rooms.iter().position(|(_, _, room)| *room == old);
        for view in &mut self.views {
            view.room = view.room.and_then(renumbered);
        }
        self.rooms = rooms.iter().map(|(place, _, _)| *place).collect();
        self
    }
}
