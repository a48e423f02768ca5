//! Leaving a group, and what becomes of what is left (protocol sections 6.7, 6.9).
//!
//! Who leaves says goodbye to the others, who remove their terminals; the last user gives the room up instead.

use common::ident::{GroupName, RoomId};
use common::msg::{Body, CommitReq, CommitStatus};

use super::desk::Asked;
use super::outbox::{Way, name_of};
use super::{Post, Step};
use crate::model::{Conversation, DeliveryStatus};
use crate::notice::{GroupNews, MessageNotice, Notice};
use crate::persistence::{HistoryWrite, Table, Write};

impl Post {
    /// The person leaves.
    pub(super) fn leave(&mut self, step: &mut Step<'_>, group: &GroupName, room: &RoomId) -> Option<GroupNews> {
        let (users, admins) = (self.rooms.users(room), self.rooms.admins(room));
        if users.len() == 1 {
            if !self.desk.is_up() {
                return Some(GroupNews::DirectoryLost);
            }
            if self.rooms.terminals_of(room, &self.me.user).len() == 1 {
                self.give_room_up(step, group, room);
                return None;
            }
        } else if admins.len() == 1 && admins.contains(&self.me.user) {
            return Some(GroupNews::LastAdmin);
        }
        let to = Conversation::Group(group.clone());
        let change = self.write(step, &to, Body::Leave);
        step.keep(vec![change]);
        self.pump(step, &to);
        None
    }

    /// The last user leaves: the directory forgets the room, and then we do.
    fn give_room_up(&mut self, step: &mut Step<'_>, group: &GroupName, room: &RoomId) {
        let Some(epoch) = self.rooms.epoch(room) else { return };
        // A commit behind the request would make the room anew.
        self.errands.forget(room);
        self.rooms.expect_commit(room);
        let request = CommitReq { room: *room, epoch, members: Vec::new(), commit: 0, welcome: 0, group: None };
        let written = self.inbox.count_written();
        step.keep(vec![written]);
        self.desk.ask(step, request, Asked::GiveUp(group.clone()));
    }

    /// What the directory says of a room that was given up.
    pub(super) fn given_up(&mut self, step: &mut Step<'_>, group: GroupName, status: CommitStatus) {
        match status {
            CommitStatus::Accepted | CommitStatus::Room | CommitStatus::Taken => self.gone(step, group),
            // Another terminal of ours has changed the room meanwhile; its commit is under way.
            CommitStatus::Epoch => {
                let Some(room) = self.groups.room(&group) else { return };
                self.rooms.expect_commit(&room);
                let to = Conversation::Group(group);
                let goodbye = self.outbox.queue(&to).find(|(_, entry)| entry.letter.body == Body::Leave);
                match goodbye.map(|(number, _)| number) {
                    Some(number) => drop(self.outbox.take_way(&to, number, Way::Waiting, step.now.date)),
                    None => {
                        let change = self.write(step, &to, Body::Leave);
                        step.keep(vec![change]);
                    }
                }
            }
        }
    }

    fn gone(&mut self, step: &mut Step<'_>, group: GroupName) {
        let Some(room) = self.groups.room(&group) else { return };
        let changes = self.lose_room(step, &room);
        step.keep(changes);
        step.tell(Notice::Group { group, news: GroupNews::Left });
    }

    /// Whether nobody but our user is in this group.
    pub(super) fn are_alone(&self, to: &Conversation) -> bool {
        let Conversation::Group(group) = to else { return false };
        self.groups.room(group).is_some_and(|room| self.rooms.users(&room).len() == 1)
    }

    /// Our goodbye is with the directory. The last user gives the room up; otherwise it is forgotten here.
    pub(super) fn left(&mut self, step: &mut Step<'_>, to: &Conversation) {
        let Conversation::Group(group) = to else { return };
        match self.groups.room(group).filter(|_| self.are_alone(to)) {
            Some(room) => self.give_room_up(step, group, &room),
            None => self.gone(step, group.clone()),
        }
    }

    /// This user leaves at another terminal. Where others are, they remove us; where nobody is, we go by ourselves.
    pub(super) fn left_elsewhere(&mut self, step: &mut Step<'_>, group: &GroupName, room: &RoomId) {
        if self.are_alone(&Conversation::Group(group.clone())) {
            let changes = self.lose_room(step, room);
            self.also_keep(changes);
            step.tell(Notice::Group { group: group.clone(), news: GroupNews::Left });
        } else {
            let own = self.me.user.clone();
            self.rooms.note_leave(room, &own);
        }
    }

    /// A room that we are not in any more. What was for a group is given up: another group may have its name one day.
    pub(super) fn lose_room(&mut self, step: &mut Step<'_>, room: &RoomId) -> Vec<Write> {
        self.errands.forget(room);
        let mut changes = self.groups.forget_room(room);
        if let Some(to @ Conversation::Group(_)) = self.rooms.conversation(room) {
            let mut ids = Vec::new();
            for (number, entry) in self.outbox.give_up(&to) {
                changes.push(Write::Delete { kind: Table::Outbox, key: number.to_be_bytes().into() });
                if entry.text().is_some() {
                    let (name, since) = (name_of(&to, &self.me.user, entry.letter.id), step.now.date);
                    changes.push(Write::History(HistoryWrite::SetMark { name, mark: DeliveryStatus::Failed, since }));
                    ids.push(entry.letter.id);
                }
            }
            if !ids.is_empty() {
                step.tell(Notice::Message(MessageNotice::Marked {
                    to,
                    ids,
                    mark: DeliveryStatus::Failed,
                    late: false,
                }));
            }
        }
        changes.extend(self.rooms.forget(room));
        changes
    }
}
