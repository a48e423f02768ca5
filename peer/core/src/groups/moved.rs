//! A group that was founded anew without this terminal (decision D31; protocol section 8.7): its welcome cannot be opened, is
//! not what its author has signed, or has not come at all.
//!
//! Whoever founds a group anew keeps the admins before it. A second admin who does so to be rid of the first one is answered by
//! that one: the group is founded once more, in the place of that room, with everybody but its author.

use common::ident::{GroupHandle, GroupName, RoomId};
use common::msg::{GroupReply, GroupReq};

use super::Groups;
use super::queue::GroupOperation;
use crate::context::Context;
use crate::model::Conversation;
use crate::notice::{GroupNews, Next};
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

/// How long, in seconds, the directory is not asked again about a room that it has closed. Chosen arbitrarily.
const MOVED_TIMEOUT: u64 = 60;

impl Groups {
    /// The directory has closed a room because its group was founded anew; the welcome comes. Whom it does not come to is
    /// not in the group any more; an admin asks whether that is so.
    pub(crate) fn handle_room_moved(&mut self, cx: &mut Context, room: &RoomId) -> Vec<Request> {
        let Some(to) = self.rooms.conversation(room) else { return Vec::new() };
        let is_first = self.gone_once.insert(*room);
        // One that is frozen is mended.
        let is_awaited = is_first || self.rooms.why_frozen(room).is_some();
        let mut requests = Vec::new();
        match &to {
            Conversation::Group(group) if !is_awaited && self.is_admin(room, &cx.me.user) => {
                self.moved.insert(*room);
                requests.push(who_has(cx, group.clone()));
            }
            _ if !is_awaited => return self.lost(cx, room),
            _ => {}
        }
        let until = cx.now.tick + MOVED_TIMEOUT;
        requests.push(Request::Delivery(DeliveryRequest::BackOff { to, next: Next::Directory, until }));
        requests
    }

    /// Whether the room of a group has moved to one that this terminal has no part in.
    pub(super) fn has_moved(&self, room: &RoomId) -> bool {
        self.moved.contains(room) || self.rooms.successor(room).is_some()
    }

    /// In which room a group goes on that this terminal has no part in any more, and with which admins. If our user is one
    /// still, the group is founded anew in the place of that room, without its author if that is known; otherwise only by the
    /// first admin, because one who stands before may have left our user out for a reason.
    pub(super) fn found_in_place(
        &mut self,
        cx: &mut Context,
        old: RoomId,
        reply: Result<&GroupReply, GroupNews>,
    ) -> Vec<Request> {
        let Some((group, _)) = self.rooms.charter_of_group(&old) else { return Vec::new() };
        let author = self.rooms.frozen_by(&old);
        let Ok(holder) = reply else {
            self.asked_back.begin(&old, cx.now.tick);
            self.asked_back.want(&old, cx.now.tick);
            return Vec::new();
        };
        if !holder.admins.contains(&cx.me.user) {
            self.moved.remove(&old);
            return self.lost(cx, &old);
        }
        let founds = match &author {
            // Somebody else has founded it without the author: the welcome comes.
            Some(author) => holder.admins.contains(&author.userid) && self.may_found_anew(cx, &old, author),
            None => holder.admins.first() == Some(&cx.me.user),
        };
        if let Some(new) = holder.room.filter(|new| founds && *new != old) {
            self.instead.insert(old, Some(new));
            self.operations.add(GroupOperation::FoundAnew(old, author));
            return Vec::new();
        }
        self.ask_back(cx, &group, &old, author.as_ref())
    }

    /// The room that a group was to be founded anew in the place of has none of its name any more: which one has it is asked,
    /// at a pace.
    pub(super) fn looks_where_it_is(&mut self, cx: &Context, operation: &GroupOperation) -> Option<Request> {
        let GroupOperation::FoundAnew(old, _) = operation else { return None };
        let (group, _) = self.rooms.charter_of_group(old).filter(|_| self.has_moved(old))?;
        self.instead.remove(old);
        let may = self.asked_back.begin(old, cx.now.tick);
        may.then(|| who_has(cx, group))
    }
}

/// Asks which room has the name of a group.
pub(super) fn who_has(cx: &Context, group: GroupName) -> Request {
    let message = GroupReq { handle: GroupHandle::of(&group, &cx.directory) }.into();
    Request::Directory(DirectoryRequest::Ask { message, question: Question::Owner(group) })
}
