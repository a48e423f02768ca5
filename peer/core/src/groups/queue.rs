//! The operations that wait, and the one that is under way.

use std::collections::{BTreeMap, VecDeque};

use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::limits::{EPOCHS_PER_USER, EPOCHS_WINDOW};
use common::msg::{Member, UserCertificate};

use crate::command::Ticket;
use crate::mls::VerifiedKeyPackage;

/// Of the epochs of a room that a user may end in a while, so many are kept for what the user wishes: whoever asks to be taken
/// in again does not use them up.
pub(super) const KEPT_FOR_WISHES: usize = 2;

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

    /// Whether a user has wished it, and it ends an epoch: it waits for its turn where too many were ended.
    pub(super) fn is_wish(&self) -> bool {
        match self {
            Self::AddMember(..) | Self::RemoveMember(..) | Self::GrantAdmin(..) | Self::StepDown(_) => true,
            Self::CreateDirect(_)
            | Self::CreateAnother(_)
            | Self::SyncTerminals(_)
            | Self::CreateGroup(_)
            | Self::FoundAnew(..)
            | Self::Reclaim(..)
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
    /// Certificates that leaves are compared with; nothing before they are asked for.
    pub(super) certificates: Option<Vec<UserCertificate>>,
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
    /// When our user ended epochs of rooms, at any terminal, by the tick clock: the last of each.
    ended: BTreeMap<RoomId, VecDeque<u64>>,
    /// Rooms of which our user has ended too many, as the directory says, and until when, by the tick clock.
    used_up: BTreeMap<RoomId, u64>,
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
            None => {
                // What the user wishes comes before those who ask to be taken in again.
                let is_less = |(waiting, _): &(GroupOperation, Vec<Ticket>)| matches!(waiting, GroupOperation::AddAgain(room, _) if operation.room() == Some(*room));
                let place = self.waiting.iter().position(is_less).filter(|_| operation.is_wish());
                let place = place.unwrap_or(self.waiting.len());
                self.waiting.insert(place, (operation, ticket.into_iter().collect()));
            }
        }
    }

    /// Our user has ended an epoch of this room, at any terminal.
    pub(super) fn has_ended(&mut self, room: &RoomId, tick: u64) {
        let ended = self.ended.entry(*room).or_default();
        ended.push_back(tick);
        if ended.len() > EPOCHS_PER_USER {
            ended.pop_front();
        }
    }

    /// The directory takes no more ends of epochs of this room from our user until then, by the tick clock: a wish waits, as
    /// the next.
    pub(super) fn wait_for_epochs(&mut self, room: RoomId, until: u64, wish: (GroupOperation, Vec<Ticket>)) {
        self.used_up.insert(room, until);
        self.waiting.push_front(wish);
    }

    /// When an operation may be begun, by the tick clock, as far as that depends on how many epochs our user has ended.
    pub(super) fn may_begin_at(&self, operation: &GroupOperation) -> u64 {
        let used_up = |room: &RoomId| self.used_up.get(room).copied().unwrap_or_default();
        match operation {
            GroupOperation::AddAgain(room, _) => {
                let ended = self.ended.get(room).into_iter().flatten().rev();
                let last = ended.copied().nth(EPOCHS_PER_USER - KEPT_FOR_WISHES - 1);
                last.map_or(0, |last| last + EPOCHS_WINDOW.as_secs()).max(used_up(room))
            }
            wish if wish.is_wish() => wish.room().as_ref().map_or(0, used_up),
            _ => 0,
        }
    }

    /// What users wish that waits because too many epochs of its room were ended: the room, for how many seconds it waits
    /// from `tick` on, and the commands that it is for.
    pub(super) fn postponed(&self, tick: u64) -> Vec<(RoomId, u64, Vec<Ticket>)> {
        let waits = |(operation, tickets): &(GroupOperation, Vec<Ticket>)| {
            let after = self.may_begin_at(operation).saturating_sub(tick);
            let room = operation.room().filter(|_| operation.is_wish() && after > 0 && !tickets.is_empty())?;
            Some((room, after, tickets.clone()))
        };
        self.waiting.iter().filter_map(waits).collect()
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

    /// When something can be begun, by the tick clock, that cannot now.
    pub(super) fn next_deadline(&self, tick: u64) -> Option<u64> {
        let waiting = self.waiting.iter().map(|(operation, _)| self.may_begin_at(operation));
        waiting.filter(|at| *at > tick).chain(self.not_before).min()
    }

    pub(super) fn wake(&mut self, tick: u64) {
        self.not_before = self.not_before.filter(|until| *until > tick);
        self.used_up.retain(|_, until| *until > tick);
    }

    /// The commands of the user that anything is for.
    pub(super) fn take_tickets(&mut self) -> Vec<Ticket> {
        let active = self.active.iter_mut().map(|active| &mut active.tickets);
        active.chain(self.waiting.iter_mut().map(|(_, tickets)| tickets)).flat_map(std::mem::take).collect()
    }

    /// Forgets what concerns a room that is gone; gives the commands of the user that wait for it.
    pub(super) fn forget(&mut self, room: &RoomId) -> Vec<Ticket> {
        self.ended.remove(room);
        self.used_up.remove(room);
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
