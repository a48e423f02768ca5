//! What honest terminals do (protocol section 8.7): they follow what they can and may, freeze what they cannot, move with an
//! admin who keeps those before, and the first admin founds anew, takes in again and throws out.

use crate::world::{ALI, Item, Place, Request, Rules, Set, TEAM, View, World, has, only, terminals, user_of};

impl View {
    /// Takes one item.
    fn take(&mut self, item: &Item) {
        if item.is_welcome {
            self.join(item);
        } else if Some(item.room) == self.room && self.frozen.is_none() {
            self.follow(item);
        }
    }

    fn follow(&mut self, item: &Item) {
        if !(item.good && self.allows(item)) {
            self.frozen = Some(user_of(item.author));
            return;
        }
        self.tree = item.members;
        if let Some(admins) = &item.admins {
            self.admins.clone_from(admins);
        }
        if !has(self.tree, self.terminal) {
            self.room = None;
        }
    }

    /// The rules of members, from the tree.
    fn allows(&self, item: &Item) -> bool {
        let author = user_of(item.author);
        let changed = self.tree ^ item.members;
        let gone = self.tree & !item.members;
        let Some(place) = self.admins.iter().position(|admin| *admin == author) else {
            let own = terminals(changed).all(|terminal| user_of(terminal) == author);
            return own && item.admins.is_none() && has(item.members, item.author);
        };
        let earlier = &self.admins[..place];
        let keeps = item.admins.as_ref().is_none_or(|admins| admins.starts_with(earlier) && !admins.is_empty());
        keeps && terminals(gone).all(|terminal| !earlier.contains(&user_of(terminal))) && has(item.members, item.author)
    }

    /// A welcome counts if its author is an admin of the last charter and keeps those who stand before.
    fn join(&mut self, item: &Item) {
        let Some(admins) = &item.admins else { return };
        let author = user_of(item.author);
        let place = self.admins.iter().position(|admin| *admin == author);
        let keeps = place.is_some_and(|place| admins.starts_with(&self.admins[..place]));
        let is_needed = self.frozen.is_some() || self.room != Some(item.room);
        if keeps && is_needed && item.good && has(item.members, self.terminal) {
            *self = Self {
                room: Some(item.room),
                tree: item.members,
                admins: admins.clone(),
                frozen: None,
                terminal: self.terminal,
                mail: std::mem::take(&mut self.mail),
            };
        }
    }

    fn is_well(&self, world: &World) -> bool {
        let lives =
            |room: usize| matches!(&world.rooms[room], Place::Living { roster, .. } if has(*roster, self.terminal));
        self.frozen.is_none() && self.room.is_some_and(lives)
    }
}

impl World {
    /// One step of an honest user; nothing if there is nothing to do.
    pub(crate) fn step(&self, rules: &Rules, honest: usize) -> Option<Self> {
        let mut next = self.clone();
        if !next.views[honest].mail.is_empty() {
            let item = next.views[honest].mail.remove(0);
            next.views[honest].take(&item);
            return Some(next);
        }
        if honest != usize::from(ALI) {
            return None;
        }
        let request = if self.views[honest].is_well(self) { self.taking_in()? } else { self.founding()? };
        next.honest_request(rules, &request).then_some(next)
    }

    /// Ali throws a user out.
    pub(crate) fn throw_out(&self, rules: &Rules, user: u8) -> Option<Self> {
        let view = &self.views[usize::from(ALI)];
        let is_free = view.mail.is_empty() && view.is_well(self) && has(view.tree, user);
        let room = view.room.filter(|_| is_free)?;
        let entry = view
            .admins
            .contains(&user)
            .then(|| (TEAM, view.admins.iter().copied().filter(|admin| *admin != user).collect()));
        let members = view.tree & !only(user);
        let request = Request { from: view.terminal, room, members, commit: true, entry, replaces: None, again: 0 };
        let mut next = self.clone();
        next.left_out |= only(user);
        next.honest_request(rules, &request).then_some(next)
    }

    /// Carries out a request that everybody can follow.
    fn honest_request(&mut self, rules: &Rules, request: &Request) -> bool {
        let Some(change) = self.judge(rules, request) else { return false };
        self.carry_out(request, &change, Set::MAX);
        if change.founds {
            // Who founds a room is in it before the commit comes back.
            let ali = &mut self.views[usize::from(ALI)];
            ali.mail.retain(|item| item.room != request.room);
            let admins = request.entry.iter().flat_map(|(_, admins)| admins.clone()).collect();
            *ali = View { room: Some(request.room), tree: request.members, frozen: None, admins, ..ali.clone() };
        }
        true
    }

    /// Honest users who are missing, or cannot follow and have asked, are taken in again.
    fn taking_in(&self) -> Option<Request> {
        let ali = &self.views[usize::from(ALI)];
        let room = ali.room?;
        let is_out = |view: &&View| view.mail.is_empty() && (view.room != Some(room) || view.frozen.is_some());
        let out = self.views.iter().filter(is_out).fold(0, |set, view| set | only(view.terminal));
        let again = out & ali.tree;
        let members = ali.tree | out;
        let request = Request { from: ali.terminal, room, members, commit: true, entry: None, replaces: None, again };
        (out != 0).then_some(request)
    }

    /// Ali cannot go on: the group is founded anew, without the author of what could not be followed.
    fn founding(&self) -> Option<Request> {
        let ali = &self.views[usize::from(ALI)];
        let author = ali.frozen.map_or(0, only);
        let honest = self.views.iter().fold(0, |set, view| set | only(view.terminal));
        let replaces = self.holder(TEAM);
        let entry = match replaces.map(|room| &self.rooms[room]) {
            Some(Place::Living { admins, .. } | Place::Kept { admins, .. }) => admins.as_slice(),
            _ => &[],
        };
        let members = (ali.tree & self.there & !author & !self.left_out) | honest;
        let stays = |admin: &u8| *admin == ALI || has(members, *admin);
        let mut admins: Vec<u8> = entry.iter().copied().filter(stays).collect();
        if !admins.contains(&ALI) {
            admins.insert(0, ALI);
        }
        let room = self.rooms.len();
        Some(Request {
            from: ali.terminal,
            room,
            members,
            commit: true,
            entry: Some((TEAM, admins)),
            replaces,
            again: 0,
        })
    }

    /// What becomes of it when nobody hostile does anything any more.
    pub(crate) fn settled(&self, rules: &Rules) -> Self {
        let mut world = self.clone();
        // More than any honest recovery takes.
        for _ in 0..64 {
            match (0..world.views.len()).find_map(|honest| world.step(rules, honest)) {
                Some(next) => world = next,
                None => return world,
            }
        }
        panic!("it never comes to rest: {self:?}");
    }
}
