//! Questions to the directory that wait for their answers, which come in the order of the questions (protocol section 6).

use std::collections::VecDeque;

use common::ident::{GroupName, MessageId, RoomId, UserId};
use common::msg::ToDirectory;

use super::Step;
use crate::command::Ticket;
use crate::engine::Effect;
use crate::persistence::{Conversation, StoredMessage};

/// What was asked, with what is needed when the answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// To begin with the mail.
    Mailbox,
    /// For the next piece of the item that is being taken.
    Piece,
    /// To take letters, by their numbers in the outbox.
    Put {
        to: Conversation,
        numbers: Vec<u64>,
        room: RoomId,
    },
    /// For the commit of the errand under way.
    Commit {
        room: RoomId,
        epoch: u64,
    },
    /// To give up the room of a group.
    GiveUp(GroupName),
    /// For a group that the person wants to join.
    Group(GroupName),
    /// For the errand of this number: which terminals there are, or key packages of one user.
    Terminals(u64),
    Packages(UserId, u64),
    /// For the item that is being taken.
    Certificates,
    /// To tell everyone something.
    Broadcast {
        id: MessageId,
        text: String,
        ticket: Ticket,
    },
    /// For a page of the log of broadcasts, behind these.
    Log {
        count: usize,
        entries: Vec<StoredMessage>,
    },
    /// To forget the terminal that this one took the place of.
    Replaced,
    /// Which terminals our user has.
    OwnTerminals,
    /// Whether there is such a user, whom the person wanted to call.
    Reachable(UserId),
}

/// The desk; empty while there is no session.
#[derive(Debug, Default)]
pub(super) struct Desk {
    asked: VecDeque<Asked>,
    is_up: bool,
}

impl Desk {
    /// Whether the directory can be asked.
    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    pub(super) fn open(&mut self) {
        self.is_up = true;
    }

    /// The session is gone: nothing is answered any more.
    pub(super) fn close(&mut self) -> VecDeque<Asked> {
        self.is_up = false;
        std::mem::take(&mut self.asked)
    }

    /// Says something that is not answered, or whose answer stands for itself.
    pub(super) fn say(&self, step: &mut Step<'_>, message: impl Into<ToDirectory>) {
        step.out.push(Effect::Ask(Box::new(message.into())));
    }

    /// Asks something.
    pub(super) fn ask(&mut self, step: &mut Step<'_>, message: impl Into<ToDirectory>, asked: Asked) {
        self.say(step, message);
        self.asked.push_back(asked);
    }

    /// An answer has come: what it answers.
    pub(super) fn answered(&mut self) -> Option<Asked> {
        self.asked.pop_front()
    }
}
