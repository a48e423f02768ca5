//! What members, and those who want to be members, say about a group (protocol section 6.9).

use common::ident::{GroupHandle, GroupName, RoomId, UserId};
use common::limits::TERMINALS_PER_USER;
use common::msg::{Body, Member};

use super::Groups;
use super::queue::GroupOperation;
use crate::context::Context;
use crate::model::Conversation;
use crate::notice::{GroupNews, Notice};
use crate::request::{OpenedLetter, Request};

/// Users who may wait for a decision about one group. Chosen arbitrarily: as many as may have a terminal in a room, so that
/// nobody, an admin who names users that do not exist no more than others, fills a row or a screen with them.
pub(super) const WAITING: usize = common::limits::ROOM_TERMINALS;

impl Groups {
    /// A letter about a group was opened.
    pub(crate) fn handle_letter(&mut self, cx: &mut Context, letter: OpenedLetter) -> Vec<Request> {
        let OpenedLetter { room, conversation, from, terminal, body, .. } = letter;
        match (body, conversation) {
            (Body::Ask { group, handle }, Conversation::User(_)) if !cx.is_me(&from) => {
                self.asked_for_admission(cx, Member { userid: from, terminal }, &group, &handle);
            }
            (Body::Denied { group }, Conversation::User(_)) => self.denied(cx, &from, group),
            (Body::Decided { user }, Conversation::Group(group)) if self.is_admin(&room, &from) => {
                cx.write(self.known.no_longer_waits(&group, &user));
            }
            (Body::Waiting { users }, Conversation::Group(group))
                if self.is_admin(&room, &from) && self.is_admin(&room, &cx.me.user) =>
            {
                for user in users {
                    self.wait_for_decision(cx, &group, user);
                }
            }
            (Body::Leave, Conversation::Group(group)) if cx.is_me(&from) => {
                return self.left_elsewhere(cx, group, &room);
            }
            (Body::Leave, Conversation::Group(_)) => self.leaves(cx, &room, &from),
            _ => {}
        }
        Vec::new()
    }

    fn asked_for_admission(&mut self, cx: &mut Context, from: Member, group: &GroupName, handle: &GroupHandle) {
        let Some(room) = self.known.room(group) else { return };
        let is_ours = *handle == GroupHandle::of(group, &cx.directory);
        if !is_ours || !self.is_admin(&room, &cx.me.user) {
            return;
        }
        if self.rooms.users(&room).contains(&from.userid) {
            self.take_in(cx, &room, from);
            return;
        }
        self.wait_for_decision(cx, group, from.userid.clone());
        if self.known.waiting(group).contains(&from.userid) {
            let asking = self.asking.entry((group.clone(), from.userid)).or_default();
            if asking.len() < TERMINALS_PER_USER {
                asking.insert(from.terminal);
            }
        }
    }

    fn wait_for_decision(&mut self, cx: &mut Context, group: &GroupName, user: UserId) {
        let waiting = self.known.waiting(group);
        if waiting.contains(&user) || waiting.len() >= WAITING {
            return;
        }
        cx.write([self.known.change(group, |known| known.waiting.push(user.clone()))]);
        cx.tell(Notice::Group { group: group.clone(), news: GroupNews::Request { user } });
    }

    /// Only who was asked can decline.
    fn denied(&mut self, cx: &mut Context, by: &UserId, group: GroupName) {
        let asked_of = self.known.of(&group).and_then(|known| known.asked_of.as_ref());
        let was_asked = asked_of.is_none_or(|asked| asked.admins.contains(by));
        if was_asked && self.known.has_asked(&group) {
            cx.write([self.known.change(&group, |known| (known.asked, known.asked_of) = (false, None))]);
            cx.tell(Notice::Group { group, news: GroupNews::Declined });
        }
    }

    /// A member says goodbye: an admin removes its terminals.
    fn leaves(&mut self, cx: &Context, room: &RoomId, user: &UserId) {
        self.rooms.note_leave(room, user);
        if self.is_admin(room, &cx.me.user) && self.rooms.may_remove(room, user) {
            self.operations.add(GroupOperation::RemoveMember(*room, user.clone()));
        }
    }
}
