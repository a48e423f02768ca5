//! Commits that the directory has spoken of and that do not come (protocol section 8.7).
//!
//! An epoch that is over as the directory says cannot be used, and what ended it is on its way. If it does not come, the
//! directory is asked where the room stands: it has ended nothing, and the room goes on; or what did it is lost, and the
//! room is as good as one whose commit cannot be followed.

use std::collections::BTreeMap;

use common::ident::RoomId;
use common::limits::EPOCHS_ASKED;
use common::msg::{EPOCHS, EpochsReply, EpochsReq};

use super::Groups;
use crate::context::Context;
use crate::mls::Frozen;
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

/// How long, in seconds, a commit is awaited while no other mail comes. Chosen arbitrarily.
pub(super) const COMMIT_TIMEOUT: u64 = 15;

/// Rooms whose epoch was ended by a commit that has not come yet, and until when it is awaited, by the tick clock.
#[derive(Debug, Default)]
pub(super) struct Expected(BTreeMap<RoomId, u64>);

impl Expected {
    pub(super) fn add(&mut self, room: &RoomId, tick: u64) {
        self.0.entry(*room).or_insert(tick + COMMIT_TIMEOUT);
    }

    pub(super) fn remove(&mut self, room: &RoomId) {
        self.0.remove(room);
    }

    pub(super) fn contains(&self, room: &RoomId) -> bool {
        self.0.contains_key(room)
    }

    /// Mail comes, and with it perhaps what is awaited.
    pub(super) fn put_off(&mut self, tick: u64) {
        self.0.values_mut().for_each(|until| *until = tick + COMMIT_TIMEOUT);
    }

    pub(super) fn overdue_at(&self) -> Option<u64> {
        self.0.values().min().copied()
    }

    /// Those that were awaited for long; they are awaited for as long again.
    fn overdue(&mut self, tick: u64) -> Vec<RoomId> {
        let mut overdue = Vec::new();
        for (room, until) in self.0.iter_mut().filter(|(_, until)| **until <= tick) {
            *until = tick + COMMIT_TIMEOUT;
            overdue.push(*room);
        }
        overdue
    }
}

impl Groups {
    /// Commits do not come: where do their rooms stand?
    pub(super) fn ask_for_overdue(&mut self, cx: &mut Context) -> Vec<Request> {
        let overdue = self.rooms.expected().overdue(cx.now.tick);
        if !cx.features.include(EPOCHS) {
            let next = |groups: &Self, room: &RoomId| groups.rooms.epoch(room).unwrap_or_default() + 1;
            return overdue.iter().flat_map(|room| self.never_came(cx, room, next(self, room))).collect();
        }
        let ask = |rooms: &[RoomId]| {
            let message = EpochsReq { rooms: rooms.to_vec() }.into();
            Request::Directory(DirectoryRequest::Ask { message, question: Question::Overdue(rooms.to_vec()) })
        };
        overdue.chunks(EPOCHS_ASKED).map(ask).collect()
    }

    /// The directory says where they stand.
    pub(crate) fn handle_overdue(&mut self, cx: &mut Context, asked: &[RoomId], reply: &EpochsReply) -> Vec<Request> {
        let mut requests = Vec::new();
        for room in asked {
            let there = reply.rooms.iter().find(|told| told.room == *room).map(|told| told.epoch);
            let Some(here) = self.rooms.epoch(room).filter(|_| self.rooms.expects_commit(room)) else { continue };
            match there {
                Some(there) if there > here => requests.extend(self.never_came(cx, room, there)),
                // Nothing was ended after all.
                Some(_) => requests.extend(self.goes_on(cx, room)),
                // What has removed us, or has closed the room, has not come.
                None => requests.extend(self.lost(cx, room)),
            }
        }
        requests
    }

    fn never_came(&mut self, cx: &mut Context, room: &RoomId, epoch: u64) -> Vec<Request> {
        self.rooms.expected().remove(room);
        let why = Frozen::Behind { epoch };
        cx.write(self.rooms.give_up(room, why.clone()));
        self.frozen(cx, room, why.to_string());
        self.mend(cx, room)
    }

    fn goes_on(&mut self, cx: &mut Context, room: &RoomId) -> Vec<Request> {
        self.rooms.expected().remove(room);
        self.rooms.drop_commit(room);
        cx.write(self.rooms.changes(room));
        if self.operations.is_busy_with(room) {
            self.operations.restart();
        }
        let conversation = self.rooms.conversation(room);
        conversation.map(|to| Request::Delivery(DeliveryRequest::Flush(to))).into_iter().collect()
    }
}
