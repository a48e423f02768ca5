//! What honest terminals do (protocol section 8.7): they follow what they can and may, freeze what they cannot, move with an
//! admin who keeps those before, and the first admin founds anew, takes in again and throws out.

use crate::admins::Admins;
use crate::rules::{Request, Rules};
use crate::world::{ALI, Item, Place, Set, TEAM, View, World, has, only, terminals, user_of};

impl View {
    /// Takes one item.
    pub(crate) fn take(&mut self, item: &Item) {
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
        self.admins = item.admins.unwrap_or(self.admins);
        if !has(self.tree, self.terminal) {
            self.room = None;
        }
    }

    /// The rules of members, from the tree.
    fn allows(&self, item: &Item) -> bool {
        let author = user_of(item.author);
        let changed = self.tree ^ item.members;
        let gone = self.tree & !item.members;
        let Some(place) = self.admins.place(author) else {
            let own = terminals(changed).all(|terminal| user_of(terminal) == author);
            return own && item.admins.is_none() && has(item.members, item.author);
        };
        let keeps = item.admins.is_none_or(|admins| admins.keeps(self.admins, place) && !admins.is_empty());
        let is_earlier = |user| self.admins.iter().take(place).any(|admin| admin == user);
        keeps && terminals(gone).all(|terminal| !is_earlier(user_of(terminal))) && has(item.members, item.author)
    }

    /// A welcome counts if its author is an admin of the last charter and keeps those who stand before.
    fn join(&mut self, item: &Item) {
        let Some(admins) = item.admins else { return };
        let place = self.admins.place(user_of(item.author));
        let keeps = place.is_some_and(|place| admins.keeps(self.admins, place));
        let is_needed = self.frozen.is_some() || self.room != Some(item.room);
        if keeps && is_needed && item.good && has(item.members, self.terminal) {
            let Self { terminal, .. } = *self;
            *self = Self { terminal, room: Some(item.room), tree: item.members, admins, frozen: None };
        }
    }

    fn is_well(&self, world: &World) -> bool {
        let lives =
            |room: usize| matches!(world.rooms[room], Place::Living { roster, .. } if has(roster, self.terminal));
        self.frozen.is_none() && self.room.is_some_and(lives)
    }
}

impl World {
    fn ali(&self) -> &View {
        &self.views[usize::from(ALI)]
    }

    /// What ali does next to bring everybody together again; nothing if there is nothing to do. The others only read.
    pub(crate) fn step(&self, rules: &Rules) -> Option<Self> {
        let request = if self.ali().is_well(self) { self.taking_in()? } else { self.founding() };
        let mut next = self.clone();
        next.honest_request(rules, &request).then_some(next)
    }

    /// Ali throws a user out.
    pub(crate) fn throw_out(&self, rules: &Rules, user: u8) -> Option<Self> {
        let view = self.ali();
        let room = view.room.filter(|_| view.is_well(self) && has(view.tree, user))?;
        let others = || Admins::of(view.admins.iter().filter(|admin| *admin != user));
        let request = Request {
            from: view.terminal,
            room,
            members: view.tree & !only(user),
            commit: true,
            entry: view.admins.contains(user).then(|| (TEAM, others())),
            replaces: None,
            again: 0,
        };
        let mut next = self.clone();
        next.left_out |= only(user);
        next.honest_request(rules, &request).then_some(next)
    }

    /// Carries out a request that everybody can follow.
    fn honest_request(&mut self, rules: &Rules, request: &Request) -> bool {
        let Some(change) = rules.judge(self, request) else { return false };
        self.carry_out(request, &change, Set::MAX);
        if change.founds {
            // Who founds a room is in it before the commit comes back.
            let admins = request.entry.map_or_else(Admins::default, |(_, admins)| admins);
            let ali = &mut self.views[usize::from(ALI)];
            *ali = View { room: Some(request.room), tree: request.members, frozen: None, admins, ..ali.clone() };
        }
        true
    }

    /// Honest users who are missing, or cannot follow and have asked, are taken in again.
    fn taking_in(&self) -> Option<Request> {
        let ali = self.ali();
        let room = ali.room?;
        let is_out = |view: &&View| view.room != Some(room) || view.frozen.is_some();
        let out = self.views.iter().filter(is_out).fold(0, |set, view| set | only(view.terminal));
        let (members, again) = (ali.tree | out, out & ali.tree);
        let request = Request { from: ali.terminal, room, members, commit: true, entry: None, replaces: None, again };
        (out != 0).then_some(request)
    }

    /// Ali cannot go on: the group is founded anew, without the author of what could not be followed.
    fn founding(&self) -> Request {
        let ali = self.ali();
        let replaces = self.holder(TEAM);
        let entry = replaces.map_or_else(Admins::default, |room| self.rooms[room].admins());
        let members = self.taken_along(ali) | self.honest();
        let kept: Vec<u8> = entry.iter().filter(|admin| *admin == ALI || has(members, *admin)).collect();
        let before = (!kept.contains(&ALI)).then_some(ALI);
        let admins = Admins::of(before.into_iter().chain(kept));
        let (room, entry) = (self.rooms.len(), Some((TEAM, admins)));
        Request { from: ali.terminal, room, members, commit: true, entry, replaces, again: 0 }
    }

    /// The honest terminals.
    pub(crate) fn honest(&self) -> Set {
        self.views.iter().fold(0, |set, view| set | only(view.terminal))
    }

    /// Whom somebody takes along who founds the group anew, beside the honest ones.
    pub(crate) fn taken_along(&self, founder: &View) -> Set {
        let author = founder.frozen.map_or(0, only);
        founder.tree & self.there & !author & !self.honest()
    }

    /// Whether there is an end to what honest terminals do when nobody hostile does anything any more.
    pub(crate) fn comes_to_rest(&self, rules: &Rules) -> bool {
        // More than any honest recovery takes.
        let mut steps = (0..64).scan(self.step(rules), |world, _| {
            *world = world.as_ref()?.step(rules);
            Some(world.is_none())
        });
        self.step(rules).is_none() || steps.any(|rests| rests)
    }
}
