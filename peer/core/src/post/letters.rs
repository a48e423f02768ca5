//! What a letter that was opened, or a commit that was taken, means (protocol section 6.9).

use common::ident::{RoomId, UserId};
use common::msg::{Body, Letter, Member};

use super::errands::Errand;
use super::rooms::MembershipDiff;
use super::{Post, Step, arrived};
use crate::model::{Conversation, DeliveryStatus, StoredMessage};
use crate::notice::{Arrival, GroupNews, MessageNotice, Notice};
use crate::persistence::{HistoryWrite, Write};

impl Post {
    pub(super) fn take_letter(&mut self, step: &mut Step<'_>, room: &RoomId, from: &Member, bytes: &[u8]) {
        let Some(conversation) = self.rooms.conversation(room) else { return };
        let sender = &from.userid;
        if step.is_blocked(sender) {
            return;
        }
        // What we cannot read says nothing; a later version may have more to say.
        let Ok(letter) = Letter::decode(bytes) else { return };
        let Some(seen) = self.seen.note(sender, letter.id) else {
            // A second copy; the sender has not had our confirmation.
            return self.confirm_text(&conversation, sender, &letter);
        };
        self.also_keep(seen);
        let Letter { id, date, body } = letter;
        match (body, &conversation) {
            (Body::Text { text }, _) if *sender == self.me.user => {
                // Said by this person at another terminal.
                let name = super::name_of(&conversation, sender, id);
                let (mark, now) = (DeliveryStatus::Stored, step.now.date);
                let record = StoredMessage { name, text, date, arrived: now, mark, since: now };
                self.also_keep([Write::History(HistoryWrite::Append(record.clone()))]);
                self.inbox.said_elsewhere.push(record);
            }
            (Body::Text { text }, _) => {
                let change = arrived(step.now, conversation.clone(), sender, id, text.clone(), date, false);
                self.also_keep([change]);
                self.confirm(&conversation, sender, id);
                let (from, waited) = (sender.clone(), self.had_waited());
                self.count_unread(&conversation);
                self.inbox.arrivals.push(Arrival { conversation, from, id, text, date, waited });
            }
            (Body::Receipt { ids, state }, Conversation::User(_)) if *sender != self.me.user => {
                self.receipt(step, sender, &ids, state);
            }
            (Body::Ask { group, handle }, Conversation::User(_)) if *sender != self.me.user => {
                self.asked_for_admission(step, sender, group, &handle);
            }
            (Body::Denied { group }, Conversation::User(_)) => self.denied(step, group),
            (Body::Decided { user }, Conversation::Group(group)) if self.is_admin(room, sender) => {
                let changes = self.groups.no_longer_waits(group, &user);
                self.also_keep(changes);
            }
            (Body::Waiting { users }, Conversation::Group(group))
                if self.is_admin(room, sender) && self.is_admin(room, &self.me.user) =>
            {
                for user in users {
                    self.wait_for_decision(step, &group.clone(), user);
                }
            }
            (Body::Offer { name, size, files }, Conversation::User(_)) if *sender != self.me.user => {
                self.file_offered(step, sender, id, (&name, size, files));
            }
            (Body::File { file, state }, Conversation::User(with)) => {
                self.file_told(step, sender, with, (file, state));
            }
            (Body::Leave, Conversation::Group(group)) if *sender == self.me.user => {
                self.left_elsewhere(step, group, room);
            }
            (Body::Leave, Conversation::Group(_)) => self.leaves(step, room, sender),
            _ => {}
        }
    }

    fn confirm_text(&mut self, conversation: &Conversation, sender: &UserId, letter: &Letter) {
        if matches!(letter.body, Body::Text { .. }) && *sender != self.me.user {
            self.confirm(conversation, sender, letter.id);
        }
    }

    fn confirm(&mut self, conversation: &Conversation, sender: &UserId, id: common::ident::MessageId) {
        if matches!(conversation, Conversation::User(_)) {
            self.inbox.receipts.entry(sender.clone()).or_default().push(id);
        }
    }

    pub(super) fn take_commit(&mut self, step: &mut Step<'_>, room: &RoomId, by: &Member, news: MembershipDiff) {
        let conversation = self.rooms.conversation(room);
        let ours = by.userid == self.me.user && by.terminal == self.me.terminal;
        self.epoch_moved(step, room, ours);
        let Some(conversation) = conversation else { return };
        if news.removed_us {
            let changes = self.lose_room(step, room);
            self.also_keep(changes);
            if let Conversation::Group(group) = conversation
                && by.userid != self.me.user
            {
                step.tell(Notice::Group { group, news: GroupNews::Removed { by: by.userid.clone() } });
            }
            return;
        }
        self.watch(step, news.joined.clone());
        if news.replaced.iter().any(|user| *user != self.me.user) {
            // What the directory kept for terminals that are gone never arrives; receivers drop what they have had.
            self.outbox.turn_back_stored(&conversation);
        }
        if let Conversation::Group(group) = &conversation {
            let mut changes = Vec::new();
            for user in news.joined.iter() {
                changes.extend(self.groups.no_longer_waits(group, user));
            }
            self.also_keep(changes);
            let moved = !news.joined.is_empty() || !news.left.is_empty();
            if moved && !ours {
                let (by, joined, left) = (by.userid.clone(), news.joined, news.left);
                step.tell(Notice::Group { group: group.clone(), news: GroupNews::Changed { by, joined, left } });
            }
            if !ours {
                for user in news.admins {
                    step.tell(Notice::Group { group: group.clone(), news: GroupNews::NewAdmin { user } });
                }
            }
        }
        self.pump(step, &conversation);
    }

    pub(super) fn joined(&mut self, step: &mut Step<'_>, room: &RoomId) {
        self.rooms.set_synced(room, step.now.tick);
        let Some(conversation) = self.rooms.conversation(room) else { return };
        let users = self.rooms.users(room);
        let members = users.len();
        self.watch(step, users);
        if let Conversation::Group(group) = &conversation {
            let changes = self.groups.joined(group, *room);
            self.also_keep(changes);
            step.tell(Notice::Group { group: group.clone(), news: GroupNews::Joined { members } });
        }
        self.pump(step, &conversation);
    }

    /// A room can be used no more.
    pub(super) fn frozen(&mut self, step: &mut Step<'_>, room: &RoomId, why: String) {
        self.errands.forget(room);
        if let Some(with) = self.rooms.conversation(room) {
            step.tell(Notice::Message(MessageNotice::Frozen { with, why }));
        }
    }

    fn leaves(&mut self, step: &mut Step<'_>, room: &RoomId, user: &UserId) {
        self.rooms.note_leave(room, user);
        let first = self.rooms.first_user(room, |other| other != user);
        if first.as_ref() == Some(&self.me.user) || self.is_admin(room, &self.me.user) {
            self.run(step, Errand::Remove(*room, user.clone()));
        }
    }

    pub(super) fn is_admin(&self, room: &RoomId, user: &UserId) -> bool {
        self.rooms.admins(room).contains(user)
    }
}
