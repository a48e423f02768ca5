//! What becomes of a group that cannot be followed any more (decision D31, threat G7; protocol section 8.7).
//!
//! A commit that cannot be followed is neither suffered nor undone. An admin behind whom its author stands founds the group
//! anew: another room, the same handle, everybody but the author. Whoever else cannot follow asks the admins to be taken in
//! again, which those do who can follow. A room of two is made anew by whoever cannot follow it.

use std::collections::BTreeSet;

use common::ident::{GroupHandle, GroupName, RoomId, UserId};
use common::msg::{Body, CommitRefusal, Letter, Member};

use super::Groups;
use super::moved::who_has;
use super::queue::GroupOperation;
use super::registry::Rooms;
use crate::command::Ticket;
use crate::context::Context;
use crate::model::Conversation;
use crate::notice::{GroupNews, MessageNotice, Notice};
use crate::request::{DeliveryRequest, Request};

/// What was said in so many of the last epochs is said again when a member is taken in again. Chosen arbitrarily.
pub(super) const AGAIN_EPOCHS: u64 = 4;
/// How often another welcome is asked for from whoever has founded a group anew with one that could not be opened, before it is
/// founded once more without that user: if that one is there (after more than a minute), and in any case (after more than ten
/// minutes). Chosen arbitrarily: somebody who is honest and slow has answered by then.
const ASKED_HERE: u32 = 4;
const ASKED: u32 = 7;

impl Groups {
    /// Every group that cannot be followed: what this terminal can do about it is begun.
    pub(super) fn mend_all(&mut self, cx: &mut Context) -> Vec<Request> {
        let frozen: Vec<RoomId> = self.rooms.frozen().filter(|room| self.is_known(room)).collect();
        frozen.into_iter().flat_map(|room| self.mend(cx, &room)).collect()
    }

    /// A group cannot be followed any more: it is founded anew from here, or its admins are asked to take us in again.
    pub(super) fn mend(&mut self, cx: &mut Context, room: &RoomId) -> Vec<Request> {
        let group = match self.rooms.conversation(room) {
            Some(Conversation::Group(group)) => group,
            Some(Conversation::User(user)) => {
                self.make_another(cx, user);
                return Vec::new();
            }
            Some(Conversation::Everyone) | None => return Vec::new(),
        };
        if self.rooms.has_gone_back(room) {
            return self.found_restored(cx, room);
        }
        let author = self.rooms.frozen_by(room);
        let founds = author.as_ref().is_some_and(|author| self.may_found_anew(cx, room, author));
        // A welcome that could not be opened may be nobody's fault: another one is asked for first.
        let unopened = self.rooms.successor(room).filter(|successor| successor.is_unopened);
        let asked = self.asked_back.times(room);
        let waits = unopened.is_some_and(|by| asked < if cx.is_online(&by.by.userid) { ASKED_HERE } else { ASKED });
        let founds = founds && !waits;
        if let (true, Some(author)) = (founds, author.as_ref()) {
            self.operations.add(GroupOperation::FoundAnew(*room, Some(author.clone())));
            return Vec::new();
        }
        // Whoever has given the welcome that could not be opened is asked as well.
        self.ask_back(cx, &group, room, author.as_ref().filter(|_| !waits))
    }

    /// What did not help the first time is tried again.
    pub(super) fn mend_due(&mut self, cx: &mut Context) -> Vec<Request> {
        let is_frozen = |room: &RoomId| self.rooms.why_frozen(room).is_some();
        let helps = |room: &RoomId| self.rooms.admins(room).iter().any(|admin| cx.is_online(admin));
        let due = self.asked_back.due(cx.now.tick).into_iter();
        let founds = |room: &RoomId| self.rooms.successor(room).is_some();
        let (moved, frozen): (Vec<RoomId>, Vec<RoomId>) = due.partition(|room| self.moved.contains(room));
        let groups: Vec<RoomId> =
            frozen.into_iter().filter(|room| is_frozen(room) && (helps(room) || founds(room))).collect();
        let moved = moved.iter().filter_map(|room| self.rooms.charter_of_group(room));
        let mut requests: Vec<Request> = moved.map(|(group, _)| who_has(cx, group)).collect();
        for user in self.made_another.due(cx.now.tick) {
            if self.elsewhere.contains(&user) {
                self.make_room_known(cx, &user);
            } else {
                self.make_another(cx, user);
            }
        }
        requests.extend(groups.into_iter().flat_map(|room| self.mend(cx, &room)));
        requests
    }

    /// A room of two cannot be followed any more: another one tells the other side so, and what was not received comes again.
    fn make_another(&mut self, cx: &Context, user: UserId) {
        let is_needed = self.rooms.direct_with(&user).is_none() && !cx.is_blocked(&user);
        if is_needed && self.made_another.begin(&user, cx.now.tick) {
            self.operations.add(GroupOperation::CreateDirect(user));
        }
    }

    /// A user speaks in a room that this terminal is not in, or cannot follow, and takes it for one of both: another one, which
    /// that user is told of, is one that both are in. Who is neither chosen nor in a room with ours is not answered.
    pub(super) fn make_room_known(&mut self, cx: &Context, user: &UserId) {
        let is_known = cx.contacts.is_chosen(user) || self.rooms.directs_with(user).next().is_some();
        if !is_known || cx.is_me(user) || cx.is_blocked(user) {
            return;
        }
        if self.made_another.begin(user, cx.now.tick) {
            self.elsewhere.remove(user);
            self.operations.add(GroupOperation::CreateAnother(user.clone()));
        } else {
            self.elsewhere.insert(user.clone());
        }
    }

    /// Whether our user is an admin, and whose commit cannot be followed does not stand before.
    pub(super) fn may_found_anew(&self, cx: &Context, room: &RoomId, author: &Member) -> bool {
        let own_terminal = cx.is_me(&author.userid) && author.terminal == cx.me.terminal;
        let admins = self.rooms.admins(room);
        let before = admins.iter().take_while(|admin| !cx.is_me(admin));
        self.is_admin(room, &cx.me.user) && !own_terminal && !before.into_iter().any(|admin| *admin == author.userid)
    }

    /// Asks the admins to take this terminal in again.
    pub(super) fn ask_back(
        &mut self,
        cx: &mut Context,
        group: &GroupName,
        room: &RoomId,
        author: Option<&Member>,
    ) -> Vec<Request> {
        let is_author = |user: &UserId| author.is_some_and(|author| author.userid == *user);
        let others = self.rooms.admins(room).into_iter().filter(|admin| !cx.is_me(admin));
        let (author, mut admins): (Vec<UserId>, Vec<UserId>) = others.partition(is_author);
        // Whose commit it is may have made a good one, which came spoilt: it is asked where nobody else can be.
        if admins.is_empty() {
            admins = author;
        }
        if admins.is_empty() || !self.asked_back.begin(room, cx.now.tick) {
            return Vec::new();
        }
        // If it does not help, it is done again.
        self.asked_back.want(room, cx.now.tick);
        if self.asked_back.times(room) == 1 {
            let news = GroupNews::AskedBack { admins: admins.clone() };
            cx.tell_each(&[], Notice::Group { group: group.clone(), news });
        }
        let handle = GroupHandle::of(group, &cx.directory);
        let ask = |admin: UserId| {
            let body = Body::Ask { group: group.clone(), handle };
            let letter = Letter { id: cx.ids.message(), date: cx.now.date, body };
            Request::Delivery(DeliveryRequest::Send { to: Conversation::User(admin), letter })
        };
        admins.into_iter().map(ask).collect()
    }

    /// Takes a terminal of a member in that asks for it; one that is in the room, and cannot follow by itself, is taken off in
    /// the same commit.
    pub(super) fn take_in(&mut self, cx: &Context, room: &RoomId, member: Member) {
        // However many terminals the member has.
        let key = (*room, member.userid.clone());
        let is_in = self.rooms.terminals_of(room, &member.userid).contains(&member.terminal);
        let may_change = if is_in { Rooms::may_remove } else { Rooms::may_add };
        let may = self.rooms.is_usable(room) && may_change(&self.rooms, room, &member.userid);
        if may && self.taken_again.begin_or_leave(&key, cx.now.tick) {
            self.operations.add(GroupOperation::AddAgain(*room, member));
        }
    }

    /// Our commit has founded a group anew: the room takes the place of the one that cannot be followed.
    pub(super) fn took_the_place(
        &mut self,
        cx: &mut Context,
        group: &GroupName,
        room: &RoomId,
        tickets: &[Ticket],
    ) -> Option<Request> {
        let Some(old) = self.known.room(group) else {
            // Our user was an admin with no terminal left in it.
            cx.write([self.known.joined(group, *room)]);
            self.operations.add(GroupOperation::SyncTerminals(*room));
            cx.tell_each(tickets, Notice::Group { group: group.clone(), news: GroupNews::Created });
            return None;
        };
        if old == *room {
            return None;
        }
        let epoch = self.rooms.epoch(&old).unwrap_or_default().saturating_sub(1);
        let before = (&self.rooms.users(&old), self.rooms.has_gone_back(&old));
        let news = self.founded_anew(cx, room, &cx.me.user, before);
        let others = self.operations.forget(&old);
        moved(cx, &others, group);
        self.instead.remove(&old);
        self.moved.remove(&old);
        cx.write(self.rooms.forget(&old));
        cx.write([self.known.joined(group, *room)]);
        cx.tell_each(tickets, Notice::Group { group: group.clone(), news });
        let to = Conversation::Group(group.clone());
        Some(Request::Delivery(DeliveryRequest::SayAgain { to, epoch, whom: Vec::new() }))
    }

    /// What is told of a group that was founded anew, in this room: who was in it before, and whether the directory had forgotten
    /// changes of it.
    pub(super) fn founded_anew(
        &self,
        cx: &Context,
        room: &RoomId,
        by: &UserId,
        (before, gone_back): (&BTreeSet<UserId>, bool),
    ) -> GroupNews {
        let users = self.rooms.users(room);
        let (by, without) = (by.clone(), before.difference(&users).cloned().collect());
        match gone_back {
            true => {
                let (members, admins) = (users.into_iter().collect(), self.rooms.admins(room));
                GroupNews::FoundedAgain { ours: cx.is_me(&by), by, members, admins, without }
            }
            false => GroupNews::FoundedAnew { by, without },
        }
    }

    /// What the user wished of a group that cannot be followed.
    pub(super) fn tell_frozen(&self, cx: &mut Context, tickets: &[Ticket], room: &RoomId) {
        if let (Some(with), Some(why)) = (self.rooms.conversation(room), self.rooms.why_frozen(room)) {
            cx.tell_each(tickets, MessageNotice::Frozen { with, why });
        }
    }

    /// Whether this is the room of a group that the user is in.
    pub(super) fn is_known(&self, room: &RoomId) -> bool {
        self.known.iter().any(|(_, known)| known.room == Some(*room))
    }
}

/// Commands that waited for a room that another has taken the place of come to nothing.
pub(super) fn moved(cx: &mut Context, tickets: &[Ticket], group: &GroupName) {
    if !tickets.is_empty() {
        let news = GroupNews::NotAllowed { why: CommitRefusal::Moved, retry_after: None };
        cx.tell_each(tickets, Notice::Group { group: group.clone(), news });
    }
}
