//! A directory that goes on from an older state, as after a backup was restored (decision D32): its key packages of ours
//! are made anew, and each room is compared with what it knows of it.
//!
//! A room whose epoch it has gone back on cannot go on: nobody returns to an epoch that was left. Rooms of two are made
//! anew when the next letter needs one; a group is founded anew by the admin who stands first, and told as lost until then.

use common::ident::{GroupHandle, GroupName, RoomId, UserId};
use common::limits::EPOCHS_ASKED;
use common::msg::{EPOCHS, EpochsReply, EpochsReq, GroupReply, GroupReq, MailboxPut, Member, Outgoing, Piece};

use super::Groups;
use super::queue::GroupOperation;
use crate::context::Context;
use crate::mls::{Frozen, hollow};
use crate::model::Conversation;
use crate::notice::GroupNews;
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, Question, Request};

/// A comparison with a directory that goes on from an older state.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Questions that were not answered; nothing until everything that waited was taken.
    unanswered: Option<usize>,
    /// Rooms of questions that were refused, as they were asked.
    refused: Vec<Vec<RoomId>>,
    /// When those are asked again, by the tick clock.
    ask_again: Option<u64>,
    /// Groups that are lost, with the admin who stands first.
    lost: Vec<(GroupName, Option<UserId>)>,
}

impl Groups {
    /// The directory goes on from an older state. Key packages are made anew, unless it has such (`has_packages`) because this
    /// was interrupted: those that were made before open what is under way, and only so many are kept. Rooms are compared when
    /// everything that waits was taken: commits may be among it.
    pub(crate) fn handle_restored(&mut self, cx: &mut Context, has_packages: bool) -> Vec<Request> {
        self.comparison = Some(Comparison::default());
        if has_packages { Vec::new() } else { self.publish_anew(cx) }
    }

    /// Everything that waited was taken: in which epochs are our rooms?
    pub(super) fn compare_rooms(&mut self, cx: &Context) -> Vec<Request> {
        let mut rooms = if cx.features.include(EPOCHS) { self.rooms.ids() } else { Vec::new() };
        // In those that our user has left the directory may have our terminals again.
        rooms.extend(self.known.former_rooms().filter(|_| cx.features.include(EPOCHS)).map(|(_, room)| room));
        let Some(comparison) = self.comparison.as_mut().filter(|comparison| comparison.unanswered.is_none()) else {
            return Vec::new();
        };
        let questions: Vec<Request> = rooms.chunks(EPOCHS_ASKED).map(|rooms| ask(rooms.to_vec())).collect();
        comparison.unanswered = Some(questions.len());
        if questions.is_empty() { self.compared() } else { questions }
    }

    /// The directory does not say so now: it is asked again at `until`, and in this session. In the next one other questions
    /// may come before this one again.
    pub(crate) fn handle_epochs_refused(&mut self, rooms: Vec<RoomId>, until: u64) {
        if let Some(comparison) = &mut self.comparison {
            comparison.refused.push(rooms);
            comparison.ask_again = comparison.ask_again.max(Some(until));
        }
    }

    /// When rooms are compared that were not.
    pub(super) fn compares_at(&self) -> Option<u64> {
        self.comparison.as_ref().and_then(|comparison| comparison.ask_again)
    }

    /// Asks again what was refused, when it is time.
    pub(super) fn compare_again(&mut self, cx: &Context) -> Vec<Request> {
        let Some(comparison) = &mut self.comparison else { return Vec::new() };
        match comparison.ask_again.take_if(|until| *until <= cx.now.tick) {
            Some(_) => std::mem::take(&mut comparison.refused).into_iter().map(ask).collect(),
            None => Vec::new(),
        }
    }

    /// The directory says in which epochs rooms are. One that is ahead of us has a commit under way; one that is behind us
    /// has gone back.
    pub(crate) fn handle_epochs(&mut self, cx: &mut Context, asked: &[RoomId], reply: &EpochsReply) -> Vec<Request> {
        let (mut requests, mut lost) = (Vec::new(), Vec::new());
        for room in asked {
            let there = reply.rooms.iter().find(|told| told.room == *room).map(|told| told.epoch);
            let Some(here) = self.rooms.epoch(room) else {
                requests.extend(there.map(|epoch| self.leave_again(cx, room, epoch)).into_iter().flatten());
                continue;
            };
            if there.is_some_and(|there| there >= here) || self.rooms.has_gone_back(room) || !self.is_created(room) {
                continue;
            }
            match self.rooms.conversation(room) {
                Some(Conversation::Group(group)) => {
                    let first = self.rooms.admins(room).into_iter().next();
                    let (why, was_usable) = (Frozen::Restored, self.rooms.is_usable(room));
                    cx.write(self.rooms.give_up(room, why.clone()));
                    if was_usable {
                        self.frozen(cx, room, why.to_string());
                    }
                    requests.extend(self.mend(cx, room));
                    lost.push((group, first));
                }
                // Another one is made already.
                Some(Conversation::User(_)) if !self.rooms.is_usable(room) => {}
                Some(Conversation::User(_) | Conversation::Everyone) | None => {
                    requests.extend(self.lose_room(cx, room));
                }
            }
        }
        if let Some(comparison) = &mut self.comparison {
            comparison.lost.extend(lost);
            comparison.unanswered = comparison.unanswered.map(|unanswered| unanswered.saturating_sub(1));
            if comparison.unanswered == Some(0) {
                requests.extend(self.compared());
            }
        }
        requests
    }

    /// The directory has forgotten that our user has left a room, or was removed. As long as it has our user among the admins,
    /// nobody who stood behind can found the group anew (decision D31). There are no keys any more to say a word with.
    fn leave_again(&self, cx: &mut Context, room: &RoomId, epoch: u64) -> Vec<Request> {
        let Some((group, _)) = self.known.former_rooms().find(|(_, former)| former == room) else { return Vec::new() };
        unread_goodbye(cx, group, (room, epoch))
    }

    /// A group that the directory has gone back on: its first admin founds it anew, with everybody (decision D31); the others
    /// wait for the welcome, because no member's word alone decides what becomes of it.
    ///
    /// The directory may have gone back to a time when another room of ours had the name. Which one is asked in the session
    /// behind the one in which that was found: until then another terminal of ours may have been first, and its welcome comes.
    /// Who waits for that admin asks as well: the name may belong to a group in which that admin is none.
    pub(super) fn found_restored(&mut self, cx: &Context, room: &RoomId) -> Vec<Request> {
        let (was_taken, is_sought) = (self.taken_once.contains(room), self.instead.contains_key(room));
        match self.rooms.charter_of_group(room) {
            Some((group, _)) if !self.stands_first(cx, room) || (was_taken && !is_sought) => {
                let message = GroupReq { handle: GroupHandle::of(&group, &cx.directory) }.into();
                let question = Question::Owner(group);
                vec![Request::Directory(DirectoryRequest::Ask { message, question })]
            }
            _ => {
                self.operations.add(GroupOperation::FoundAnew(*room, self.without(cx, room)));
                Vec::new()
            }
        }
    }

    /// Which room the directory has under the name of a group that it has gone back on, with its admins. If the one who stands
    /// first is none of them, nobody can found the group anew: it is lost, and what waits for it has failed.
    pub(super) fn found_instead(
        &mut self,
        cx: &mut Context,
        old: RoomId,
        reply: Result<&GroupReply, GroupNews>,
    ) -> Vec<Request> {
        let (admins, founds) = (self.rooms.admins(&old), self.stands_first(cx, &old));
        match reply {
            Ok(holder) if holder.room.is_some() && !admins.iter().take(1).any(|it| holder.admins.contains(it)) => {
                return self.lost(cx, &old);
            }
            Ok(holder) if founds => {
                self.instead.insert(old, holder.room);
                self.operations.add(GroupOperation::FoundAnew(old, self.without(cx, &old)));
            }
            Err(_) if founds => self.tell_frozen(cx, &[], &old),
            Ok(_) | Err(_) => {}
        }
        Vec::new()
    }

    /// Whether our user is the first of the admins.
    pub(super) fn stands_first(&self, cx: &Context, room: &RoomId) -> bool {
        self.rooms.admins(room).first().is_some_and(|first| cx.is_me(first))
    }

    /// Whose commit the group could not follow before the directory went back: who may stay away stays away.
    fn without(&self, cx: &Context, room: &RoomId) -> Option<Member> {
        self.rooms.frozen_by(room).filter(|author| self.may_found_anew(cx, room, author))
    }

    /// The directory has no room under the name of a group that is founded anew: it has gone back to a time before the group,
    /// which is founded in no room's place. At once, because nobody else was first; unless that was tried already.
    pub(super) fn founds_in_no_place(&mut self, operation: &GroupOperation) -> bool {
        let GroupOperation::FoundAnew(old, _) = operation else { return false };
        self.instead.insert(*old, None) != Some(None)
    }

    fn compared(&mut self) -> Vec<Request> {
        let lost = self.comparison.take().map(|comparison| comparison.lost).unwrap_or_default();
        vec![Request::Delivery(DeliveryRequest::Restored(lost)), Request::Mailbox(MailboxRequest::Repaired)]
    }
}

/// Asks in which epochs these rooms are.
fn ask(rooms: Vec<RoomId>) -> Request {
    let message = EpochsReq { rooms: rooms.clone() }.into();
    Request::Directory(DirectoryRequest::Ask { message, question: Question::Epochs(rooms) })
}

/// A goodbye that nobody can read, for a group in which this terminal can say nothing: the directory takes us off.
pub(super) fn unread_goodbye(cx: &mut Context, group: &GroupName, (room, epoch): (&RoomId, u64)) -> Vec<Request> {
    let items = vec![Outgoing { id: cx.ids.message(), piece: Piece(hollow(room, epoch)) }];
    let message = MailboxPut { room: *room, epoch, items, leave: true }.into();
    let question = Question::Put { to: Conversation::Group(group.clone()), numbers: Vec::new(), room: *room };
    vec![
        Request::Mailbox(MailboxRequest::CountWritten),
        Request::Directory(DirectoryRequest::Ask { message, question }),
    ]
}
