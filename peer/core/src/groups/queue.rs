//! The operations that wait, and the one that is under way.

use std::collections::VecDeque;

use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::msg::Member;

use crate::command::Ticket;
use crate::mls::VerifiedKeyPackage;

/// Something to be done about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GroupOperation {
    /// Make a room for us and one other user.
    CreateDirect(UserId),
    /// The same, although there is one: the other side is in another, which is not known here.
    CreateAnother(UserId),
    /// Add the terminals that are missing, remove those that are gone.
    SyncTerminals(RoomId),
    /// Make a group.
    CreateGroup(GroupName),
    /// Admit a user.
    AddMember(RoomId, UserId),
    /// Remove a user, for an admin or because the user leaves.
    RemoveMember(RoomId, UserId),
    /// Make a member an admin.
    GrantAdmin(RoomId, UserId),
    /// Our user, who leaves, is no admin any more: nobody could remove one who stands before.
    StepDown(RoomId),
    /// Found the group of this room anew, without the user whose terminal this is, or without that terminal if it is ours.
    FoundAnew(RoomId, Option<Member>),
    /// Found a group anew of which our user is an admin with no terminal left in it, in place of this room and with its admins.
    Reclaim(GroupName, RoomId, Vec<UserId>),
    /// Take the terminal of a member in again, which cannot follow by itself.
    AddAgain(RoomId, Member),
}

impl GroupOperation {
    /// Whether it makes a room that the directory does not have yet.
    pub(super) fn makes_room(&self) -> bool {
        match self {
            Self::CreateDirect(_)
            | Self::CreateAnother(_)
            | Self::CreateGroup(_)
            | Self::FoundAnew(..)
            | Self::Reclaim(..) => true,
            Self::SyncTerminals(_)
            | Self::AddMember(..)
            | Self::RemoveMember(..)
            | Self::GrantAdmin(..)
            | Self::StepDown(_)
            | Self::AddAgain(..) => false,
        }
    }

    /// Of which user it tells what has become, when it is done.
    pub(super) fn tells_of(&self) -> Option<&UserId> {
        match self {
            Self::AddMember(_, user) | Self::RemoveMember(_, user) | Self::GrantAdmin(_, user) => Some(user),
            Self::CreateDirect(_)
            | Self::CreateAnother(_)
            | Self::SyncTerminals(_)
            | Self::CreateGroup(_)
            | Self::StepDown(_)
            | Self::FoundAnew(..)
            | Self::Reclaim(..)
            | Self::AddAgain(..) => None,
        }
    }

    pub(super) fn room(&self) -> Option<RoomId> {
        match self {
            Self::CreateDirect(_) | Self::CreateAnother(_) | Self::CreateGroup(_) | Self::Reclaim(..) => None,
            Self::SyncTerminals(room)
            | Self::AddMember(room, _)
            | Self::RemoveMember(room, _)
            | Self::GrantAdmin(room, _)
            | Self::StepDown(room)
            | Self::FoundAnew(room, _)
            | Self::AddAgain(room, _) => Some(*room),
        }
    }
}

/// An operation under way.
#[derive(Debug)]
pub(super) struct ActiveOperation {
    /// Answers to an operation that was given up, or begun again, are not taken for those to this one.
    pub(super) number: u64,
    pub(super) operation: GroupOperation,
    /// The commands of the user that it is for.
    pub(super) tickets: Vec<Ticket>,
    /// The room that it makes or changes; of a group that is founded anew the new one.
    pub(super) room: RoomId,
    pub(super) stage: Stage,
    /// Questions for terminals that were not answered yet.
    pub(super) unanswered: usize,
    /// Whose key packages are to be taken.
    pub(super) missing: VecDeque<(UserId, Vec<TerminalId>)>,
    pub(super) newcomers: Vec<VerifiedKeyPackage>,
    pub(super) gone: Vec<Member>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Asking for terminals and key packages.
    Asking,
    /// The directory has the commit of this epoch.
    Committed(u64),
}

/// All operations.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// With the commands of the user that each is for.
    pub(super) waiting: VecDeque<(GroupOperation, Vec<Ticket>)>,
    pub(super) active: Option<ActiveOperation>,
    pub(super) begun: u64,
    /// The directory asked for patience until then, by the tick clock.
    pub(super) not_before: Option<u64>,
}

impl Operations {
    /// Takes up an operation, unless it waits already or is under way.
    pub(super) fn add(&mut self, operation: GroupOperation) {
        self.add_for(None, operation);
    }

    /// The same for a command of the user. One that asks for what waits already, or is under way, shares its outcome.
    pub(super) fn add_for(&mut self, ticket: Option<Ticket>, operation: GroupOperation) {
        // Terminals that have come meanwhile are missing in what a comparison under way was told.
        let compares = matches!(operation, GroupOperation::SyncTerminals(_));
        let under_way = self.active.as_mut().filter(|active| !compares && active.operation == operation);
        let waits = self.waiting.iter_mut().find(|(waiting, _)| *waiting == operation);
        match under_way.map(|active| &mut active.tickets).or(waits.map(|(_, tickets)| tickets)) {
            Some(tickets) => tickets.extend(ticket),
            None => self.waiting.push_back((operation, ticket.into_iter().collect())),
        }
    }

    /// The operation of this number, if it is the one under way.
    pub(super) fn active(&mut self, number: u64) -> Option<&mut ActiveOperation> {
        self.active.as_mut().filter(|active| active.number == number)
    }

    /// The commands of the user that wait for what is under way in this room.
    pub(super) fn tickets_of(&self, room: &RoomId) -> Vec<Ticket> {
        let active = self.active.as_ref().filter(|active| active.room == *room);
        active.map(|active| active.tickets.clone()).unwrap_or_default()
    }

    /// Of which user the operation under way in this room tells when a commit of ours comes back.
    pub(super) fn tells_of(&self, room: &RoomId) -> Option<UserId> {
        let active = self.active.as_ref().filter(|active| active.room == *room)?;
        let user = active.operation.tells_of()?;
        (active.stage != Stage::Asking || !active.tickets.is_empty()).then(|| user.clone())
    }

    /// Whether this room is about to change.
    pub(super) fn is_busy_with(&self, room: &RoomId) -> bool {
        self.active.as_ref().is_some_and(|active| active.room == *room)
    }

    /// The session is gone: what was under way begins again with the next.
    pub(super) fn start_over(&mut self) {
        self.restart();
        self.not_before = None;
    }

    /// What was under way begins again, as the next.
    pub(super) fn restart(&mut self) {
        if let Some(active) = self.active.take() {
            self.waiting.push_front((active.operation, active.tickets));
        }
    }

    pub(super) fn defer(&mut self, until: u64) {
        self.restart();
        self.not_before = Some(until);
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.not_before
    }

    pub(super) fn wake(&mut self, tick: u64) {
        self.not_before = self.not_before.filter(|until| *until > tick);
    }

    /// The commands of the user that anything is for.
    pub(super) fn take_tickets(&mut self) -> Vec<Ticket> {
        let active = self.active.iter_mut().map(|active| &mut active.tickets);
        active.chain(self.waiting.iter_mut().map(|(_, tickets)| tickets)).flat_map(std::mem::take).collect()
    }

    /// Forgets what concerns a room that is gone; gives the commands of the user that wait for it.
    pub(super) fn forget(&mut self, room: &RoomId) -> Vec<Ticket> {
        let concerns = |active: &ActiveOperation| active.room == *room || active.operation.room() == Some(*room);
        let active = self.active.take_if(|active| concerns(active));
        let mut tickets = active.map(|active| active.tickets).unwrap_or_default();
        self.waiting.retain_mut(|(operation, waiting)| {
            let stays = operation.room() != Some(*room);
            if !stays {
                tickets.append(waiting);
            }
            stays
        });
        tickets
    }
}
