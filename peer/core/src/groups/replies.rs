//! What the directory says of our commits, and what comes of an operation then (protocol section 6.7).

use common::ident::{GroupHandle, GroupName, RoomId};
use common::msg::{CommitRefusal, CommitReply, CommitStatus, GroupReply, GroupReq};

use super::Groups;
use super::operations::BROKEN_TIMEOUT;
use super::queue::{GroupOperation, Stage};
use super::{LONGEST_REFUSAL, queue::ActiveOperation};
use crate::command::Ticket;
use crate::context::Context;
use crate::model::Conversation;
use crate::notice::{DirectoryRefusal, GroupNews, Next, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

impl Groups {
    /// What the directory says of our commit.
    pub(crate) fn handle_commit(
        &mut self,
        cx: &mut Context,
        (room, epoch): (RoomId, u64),
        reply: &CommitReply,
    ) -> Vec<Request> {
        let current = self.operations.active.as_ref();
        let Some(active) = current.filter(|active| active.room == room && active.stage == Stage::Committed(epoch))
        else {
            return Vec::new();
        };
        let makes_room = epoch == 0 && active.operation.makes_room();
        match reply.status {
            // A room that was only created has no commit to wait for.
            CommitStatus::Accepted if matches!(active.operation, GroupOperation::CreateGroup(_)) => {
                self.refused.reset();
                self.finish(cx)
            }
            CommitStatus::Accepted => {
                self.refused.reset();
                self.rooms.expect_commit(&room, cx.now.tick);
                Vec::new()
            }
            // There is no commit of others in a room that is made: asked at once, the directory would say the same.
            CommitStatus::Epoch if makes_room => {
                self.rooms.drop_commit(&room);
                cx.write(self.rooms.changes(&room));
                self.operations.defer(cx.now.tick + self.refused.fail());
                Vec::new()
            }
            CommitStatus::Epoch => {
                self.rooms.drop_commit(&room);
                self.rooms.expect_commit(&room, cx.now.tick);
                cx.write(self.rooms.changes(&room));
                self.operations.restart();
                Vec::new()
            }
            CommitStatus::Refused => self.handle_refused(cx, &room, makes_room, reply),
            CommitStatus::Room | CommitStatus::Taken => self.handle_not_taken(cx, &room, reply.status),
        }
    }

    /// It is against the rules, or too much: the operation is given up, and whoever wished it is told why. A wish that is only
    /// too much for now waits for its turn.
    fn handle_refused(&mut self, cx: &mut Context, room: &RoomId, was_new: bool, reply: &CommitReply) -> Vec<Request> {
        let Some(ActiveOperation { operation, tickets, .. }) = self.operations.active.take() else { return Vec::new() };
        let (why, retry_after) = (reply.reason.unwrap_or(CommitRefusal::Other), reply.retry_after);
        let conversation = self.rooms.conversation(room);
        if was_new {
            cx.write(self.rooms.forget(room));
            if why == CommitRefusal::Moved
                && let Some(request) = self.looks_where_it_is(cx, &operation)
            {
                return vec![request];
            }
            if why == CommitRefusal::Entry && self.founds_in_no_place(&operation) {
                self.operations.waiting.push_front((operation, tickets));
                return Vec::new();
            }
        } else {
            self.rooms.drop_commit(room);
            self.rooms.set_not_synced(room);
            cx.write(self.rooms.changes(room));
        }
        let wait = retry_after.unwrap_or(BROKEN_TIMEOUT).clamp(1, LONGEST_REFUSAL);
        if why == CommitRefusal::Epochs && operation.is_wish() {
            self.operations.wait_for_epochs(*room, cx.now.tick + wait, (operation, tickets));
            self.tell_who_waits(cx, room);
            return Vec::new();
        }
        // Whoever asked to be taken in again asks once more, and holds up nothing that is said.
        let is_asked_for = matches!(operation, GroupOperation::AddAgain(..));
        let Some(to) = conversation.filter(|_| !is_asked_for) else { return Vec::new() };
        if let (Conversation::Group(group), false) = (&to, tickets.is_empty()) {
            let news = GroupNews::NotAllowed { why, retry_after };
            cx.tell_each(&tickets, Notice::Group { group: group.clone(), news });
        }
        let until = cx.now.tick + wait;
        vec![Request::Delivery(DeliveryRequest::BackOff { to, next: Next::Directory, until })]
    }

    /// The directory does not know the room, or its name belongs to another.
    fn handle_not_taken(&mut self, cx: &mut Context, room: &RoomId, status: CommitStatus) -> Vec<Request> {
        let Some(active) = &mut self.operations.active else { return Vec::new() };
        match &active.operation {
            // Another group has the name; unless it is one of which our user is an admin, with another key than now.
            GroupOperation::CreateGroup(group) if status == CommitStatus::Taken => {
                let (group, tickets) = (group.clone(), std::mem::take(&mut active.tickets));
                self.operations.active = None;
                cx.write(self.rooms.forget(room));
                let message = GroupReq { handle: GroupHandle::of(&group, &cx.directory) }.into();
                self.reclaiming.push((group.clone(), tickets));
                let question = Question::Owner(group);
                vec![Request::Directory(DirectoryRequest::Ask { message, question })]
            }
            GroupOperation::Reclaim(group, ..) => {
                let (group, tickets) = (group.clone(), std::mem::take(&mut active.tickets));
                self.operations.active = None;
                cx.write(self.rooms.forget(room));
                cx.tell_each(&tickets, Notice::Group { group, news: GroupNews::NameTaken });
                Vec::new()
            }
            // Another admin was first, and its welcome comes; or this one founds again in the next session.
            GroupOperation::FoundAnew(old, _) => {
                let (old, tickets) = (*old, std::mem::take(&mut active.tickets));
                self.operations.active = None;
                cx.write(self.rooms.forget(room));
                if status == CommitStatus::Taken {
                    self.instead.remove(&old);
                    self.taken_once.extend(Some(old).filter(|old| self.rooms.has_gone_back(old)));
                }
                self.tell_frozen(cx, &tickets, &old);
                self.looks_where_it_is(cx, &GroupOperation::FoundAnew(old, None)).into_iter().collect()
            }
            _ => self.lost(cx, room),
        }
    }

    /// Whose group it is that has the name our user wanted.
    pub(crate) fn handle_owner(
        &mut self,
        cx: &mut Context,
        group: GroupName,
        reply: Result<&GroupReply, GroupNews>,
    ) -> Vec<Request> {
        if let Some(old) = self.known.room(&group).filter(|old| self.rooms.has_gone_back(old)) {
            return self.found_instead(cx, old, reply);
        }
        if let Some(old) = self.known.room(&group).filter(|old| self.has_moved(old)) {
            return self.found_in_place(cx, old, reply);
        }
        let waiting = self.reclaiming.extract_if(.., |(of, _)| *of == group);
        let tickets: Vec<Ticket> = waiting.flat_map(|(_, tickets)| tickets).collect();
        let is_ours = |reply: &&GroupReply| reply.admins.iter().any(|admin| cx.is_me(admin));
        let owned =
            reply.map(|reply| Some(reply).filter(is_ours).and_then(|reply| Some((reply.room?, reply.admins.clone()))));
        match owned {
            Ok(Some((room, admins))) => {
                self.operations.waiting.push_back((GroupOperation::Reclaim(group, room, admins), tickets));
            }
            Ok(None) => cx.tell_each(&tickets, Notice::Group { group, news: GroupNews::NameTaken }),
            Err(news) => cx.tell_each(&tickets, Notice::Group { group, news }),
        }
        Vec::new()
    }

    /// The directory does not do what the operation under way asks for, which is tried again. Whoever waits for it is
    /// told, unless it is only a matter of patience.
    pub(crate) fn handle_operation_refused(&mut self, cx: &mut Context, why: DirectoryRefusal, until: u64) {
        let patience = matches!(why, DirectoryRefusal::TooFast { .. });
        if let Some(active) = self.operations.active.as_mut().filter(|_| !patience) {
            let tickets = std::mem::take(&mut active.tickets);
            let group = match &active.operation {
                GroupOperation::CreateGroup(group) => Some(group.clone()),
                _ => self.rooms.conversation(&active.room).and_then(|with| match with {
                    Conversation::Group(group) => Some(group),
                    Conversation::User(_) | Conversation::Everyone => None,
                }),
            };
            if let Some(group) = group.filter(|_| !tickets.is_empty()) {
                cx.tell_each(&tickets, Notice::Group { group, news: GroupNews::Refused(why) });
            }
        }
        self.operations.defer(until);
    }

    /// The commands of the user that wait for an operation or for a goodbye; nothing becomes of them any more.
    pub(crate) fn take_tickets(&mut self) -> Vec<Ticket> {
        let mut tickets = self.operations.take_tickets();
        tickets.extend(std::mem::take(&mut self.leaving).into_iter().map(|(_, ticket)| ticket));
        tickets
    }

    /// A commit of this room was taken: ours if `ours`, so that the operation is done; otherwise it begins again.
    pub(super) fn epoch_moved(&mut self, cx: &mut Context, room: &RoomId, ours: bool) -> Vec<Request> {
        let Some(active) = self.operations.active.as_ref().filter(|active| active.room == *room) else {
            return Vec::new();
        };
        if ours && active.stage != Stage::Asking {
            return self.finish(cx);
        }
        self.operations.restart();
        Vec::new()
    }

    pub(super) fn finish(&mut self, cx: &mut Context) -> Vec<Request> {
        let Some(active) = self.operations.active.take() else { return Vec::new() };
        let mut requests = self.operation_done(cx, &active);
        requests.extend(
            self.rooms.conversation(&active.room).map(|wanted| Request::Delivery(DeliveryRequest::Flush(wanted))),
        );
        requests
    }
}
