//! Leaving a group, and what becomes of what is left (protocol sections 6.7, 6.9).
//!
//! Who leaves says goodbye to the others, and an admin removes the terminals; an admin who leaves steps down first, because
//! nobody removes one who stands before. The last user gives the room up behind that: the goodbye is written, so that whoever
//! has left knows it although the answer was lost, or could not be kept.

use common::ident::{GroupName, RoomId};
use common::msg::{Body, CommitRefusal, CommitReply, CommitReq, CommitStatus, Letter};

use super::Groups;
use super::queue::GroupOperation;
use super::restored::unread_goodbye;
use crate::command::Ticket;
use crate::context::Context;
use crate::model::Conversation;
use crate::notice::{GroupNews, Next, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, Question, Request};

/// How long, in seconds, the directory is not asked again about a room that it does not know: what removes us from it has
/// come by then. Chosen arbitrarily.
pub(super) const GONE_TIMEOUT: u64 = 2;

impl Groups {
    /// The user leaves; refused by some news.
    pub(super) fn leave(
        &mut self,
        cx: &mut Context,
        group: &GroupName,
        room: &RoomId,
    ) -> Result<Vec<Request>, GroupNews> {
        let (users, admins) = (self.rooms.users(room), self.rooms.admins(room));
        if !self.rooms.unverified(room).is_empty() && !cx.is_up() {
            // Nothing of it can wait here: what nobody opens is not sealed.
            return Err(GroupNews::DirectoryLost);
        }
        if users.len() == 1 {
            if !cx.is_up() {
                return Err(GroupNews::DirectoryLost);
            }
            // A commit behind the goodbye would bring somebody into a group that nobody is in.
            let waiting = self.operations.forget(room);
            not_a_member(cx, &waiting, group);
        } else if admins.contains(&cx.me.user) {
            if admins.len() == 1 {
                return Err(GroupNews::LastAdmin);
            }
            if !cx.is_up() {
                return Err(GroupNews::DirectoryLost);
            }
            self.operations.add_for(cx.answering.clone(), GroupOperation::StepDown(*room));
            return Ok(Vec::new());
        }
        let tickets: Vec<Ticket> = cx.answering.iter().cloned().collect();
        Ok(self.say_goodbye(cx, group, &tickets))
    }

    /// Says goodbye to the others, once, for these commands.
    pub(super) fn say_goodbye(&mut self, cx: &mut Context, group: &GroupName, tickets: &[Ticket]) -> Vec<Request> {
        self.leaving.extend(tickets.iter().map(|ticket| (group.clone(), ticket.clone())));
        if let Some(room) = self.known.room(group).filter(|room| !self.rooms.unverified(room).is_empty()) {
            return self.leave_unsaid(cx, group, &room);
        }
        if !self.goodbyes.insert(group.clone()) {
            return Vec::new();
        }
        let letter = Letter { id: cx.ids.message(), date: cx.now.date, body: Body::Leave };
        vec![Request::Delivery(DeliveryRequest::Send { to: Conversation::Group(group.clone()), letter })]
    }

    /// Leaves a group in which nothing can be said, because nobody knows whose a leaf is: the directory takes us off, with a
    /// goodbye that nobody can read.
    fn leave_unsaid(&mut self, cx: &mut Context, group: &GroupName, room: &RoomId) -> Vec<Request> {
        let epoch = self.rooms.epoch(room).filter(|_| cx.is_up());
        let mut requests = epoch.map_or_else(Vec::new, |epoch| unread_goodbye(cx, group, (room, epoch)));
        let is_told = self.leaving.iter().any(|(leaving, _)| leaving == group);
        requests.extend(self.lose_room(cx, room));
        if !is_told {
            cx.tell_each(&[], Notice::Group { group: group.clone(), news: GroupNews::Left });
        }
        requests
    }

    /// Goodbyes to these groups were on their way when the program ended.
    pub(crate) fn handle_goodbyes(&mut self, groups: impl IntoIterator<Item = GroupName>) {
        self.goodbyes.extend(groups);
    }

    /// The last user leaves: the directory forgets the room, and then we do.
    fn give_room_up(&mut self, cx: &mut Context, group: &GroupName, room: &RoomId) -> Vec<Request> {
        let Some(epoch) = self.rooms.epoch(room) else { return Vec::new() };
        // A commit behind the request would make the room again.
        let tickets = self.operations.forget(room);
        not_a_member(cx, &tickets, group);
        self.rooms.expect_commit(room, cx.now.tick);
        let message = cx.signed(CommitReq::without_commit(*room, epoch, Vec::new()), b"", b"").into();
        vec![
            Request::Mailbox(MailboxRequest::CountWritten),
            Request::Directory(DirectoryRequest::Ask { message, question: Question::GiveUp(group.clone()) }),
        ]
    }

    /// What the directory says of a room that was given up.
    pub(crate) fn handle_given_up(&mut self, cx: &mut Context, group: GroupName, reply: &CommitReply) -> Vec<Request> {
        let (why, retry_after) = (reply.reason.unwrap_or(CommitRefusal::Other), reply.retry_after);
        match reply.status {
            CommitStatus::Accepted | CommitStatus::Room | CommitStatus::Taken => self.gone(cx, group),
            CommitStatus::Refused => {
                cx.tell(Notice::Group { group, news: GroupNews::NotAllowed { why, retry_after } });
                Vec::new()
            }
            // Another terminal of ours has changed the room meanwhile; its commit is under way.
            CommitStatus::Epoch => {
                let Some(room) = self.known.room(&group) else { return Vec::new() };
                self.rooms.expect_commit(&room, cx.now.tick);
                self.goodbyes.insert(group.clone());
                vec![Request::Delivery(DeliveryRequest::GoodbyeAgain(Conversation::Group(group)))]
            }
        }
    }

    /// The directory does not hear now that a room is given up: it does in the next session, with our goodbye.
    pub(crate) fn handle_give_up_refused(&mut self, cx: &mut Context, group: GroupName, news: GroupNews) {
        let waiting = self.leaving.extract_if(.., |(leaving, _)| *leaving == group);
        let tickets: Vec<Ticket> = waiting.map(|(_, ticket)| ticket).collect();
        cx.tell_each(&tickets, Notice::Group { group, news });
    }

    fn gone(&mut self, cx: &mut Context, group: GroupName) -> Vec<Request> {
        let Some(room) = self.known.room(&group) else {
            let tickets: Vec<Ticket> = cx.answering.iter().cloned().collect();
            not_a_member(cx, &tickets, &group);
            return Vec::new();
        };
        let is_told = self.leaving.iter().any(|(leaving, _)| *leaving == group);
        let requests = self.lose_room(cx, &room);
        if !is_told {
            cx.tell(Notice::Group { group, news: GroupNews::Left });
        }
        requests
    }

    /// Our goodbye is with the directory. The last user gives the room up; otherwise it is forgotten here.
    pub(crate) fn handle_goodbye_stored(&mut self, cx: &mut Context, to: Conversation) -> Vec<Request> {
        let Conversation::Group(group) = &to else { return Vec::new() };
        match self.known.room(group) {
            Some(room) if self.is_alone(group) => self.give_room_up(cx, group, &room),
            Some(_) => self.gone(cx, group.clone()),
            None => {
                self.goodbyes.remove(group);
                vec![Request::Delivery(DeliveryRequest::ConversationOver(to))]
            }
        }
    }

    /// This user has left at another terminal: the directory has no more mail for any of them.
    pub(super) fn left_elsewhere(&mut self, cx: &mut Context, group: GroupName, room: &RoomId) -> Vec<Request> {
        let requests = self.lose_room(cx, room);
        cx.tell(Notice::Group { group, news: GroupNews::Left });
        requests
    }

    /// The user leaves a group that cannot be followed any more, or that this terminal has lost: on this machine, at once.
    pub(super) fn leave_here(&mut self, cx: &mut Context, group: &GroupName, room: &RoomId) -> Vec<Request> {
        let mut requests = self.lose_room(cx, room);
        self.goodbyes.remove(group);
        if self.known.room(group).is_some() {
            cx.write(self.known.forget_room(room, (Vec::new(), Vec::new())));
            requests.push(Request::Delivery(DeliveryRequest::ConversationOver(Conversation::Group(group.clone()))));
        }
        cx.tell(Notice::Group { group: group.clone(), news: GroupNews::Left });
        requests
    }

    /// The directory does not know a room: the user is told of a group. Where a commit that removes us may be on its way,
    /// which says who did it, the directory is asked once more.
    pub(crate) fn handle_room_gone(&mut self, cx: &mut Context, room: &RoomId) -> Vec<Request> {
        let to = self.rooms.conversation(room);
        if let Some(to @ Conversation::Group(_)) = to
            && !self.says_goodbye_in(room)
            && self.gone_once.insert(*room)
        {
            let until = cx.now.tick + GONE_TIMEOUT;
            return vec![Request::Delivery(DeliveryRequest::BackOff { to, next: Next::Directory, until })];
        }
        self.lost(cx, room)
    }

    /// A group is gone. Who has said goodbye has left it: the directory had the goodbye, and its answer got lost. Otherwise
    /// nobody here has wished it.
    pub(super) fn lost(&mut self, cx: &mut Context, room: &RoomId) -> Vec<Request> {
        if let Some(Conversation::Group(group)) = self.rooms.conversation(room)
            && self.known.room(&group) == Some(*room)
        {
            if self.goodbyes.contains(&group) {
                return self.gone(cx, group);
            }
            cx.tell_each(&[], Notice::Group { group, news: GroupNews::Lost });
        }
        self.lose_room(cx, room)
    }

    /// Whether a goodbye of ours is on its way to the group of this room.
    fn says_goodbye_in(&self, room: &RoomId) -> bool {
        let conversation = self.rooms.conversation(room);
        matches!(conversation, Some(Conversation::Group(group)) if self.goodbyes.contains(&group))
    }

    /// The directory does not know a room, or we are not in it any more.
    pub(crate) fn lose_room(&mut self, cx: &mut Context, room: &RoomId) -> Vec<Request> {
        self.gone_once.remove(room);
        self.moved.remove(room);
        let tickets = self.operations.forget(room);
        let conversation = self.rooms.conversation(room);
        let (admins, members) = (self.rooms.admins(room), self.rooms.users(room).into_iter().collect());
        cx.write(self.rooms.forget(room));
        let Some(to @ Conversation::Group(_)) = conversation else { return Vec::new() };
        let Conversation::Group(group) = &to else { return Vec::new() };
        not_a_member(cx, &tickets, group);
        self.goodbyes.remove(group);
        let leaving = self.leaving.extract_if(.., |(leaving, _)| leaving == group);
        let tickets: Vec<Ticket> = leaving.map(|(_, ticket)| ticket).collect();
        if !tickets.is_empty() {
            cx.tell_each(&tickets, Notice::Group { group: group.clone(), news: GroupNews::Left });
        }
        cx.write(self.known.forget_room(room, (admins, members)));
        vec![Request::Delivery(DeliveryRequest::ConversationOver(to))]
    }
}

/// Commands that waited for a room of a group that is gone come to nothing.
pub(super) fn not_a_member(cx: &mut Context, tickets: &[Ticket], group: &GroupName) {
    if !tickets.is_empty() {
        cx.tell_each(tickets, Notice::Group { group: group.clone(), news: GroupNews::NotAMember });
    }
}
