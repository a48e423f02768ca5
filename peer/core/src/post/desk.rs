//! Requests of this terminal to the directory, and what is needed when their answers come (protocol section 6).
//!
//! Which answer is whose is decided by [`PendingRequests`].

use common::ident::{GroupName, MessageId, RoomId, UserId};
use common::msg::{FromDirectory, ListedUser, RequestNumber, ToDirectory};

use super::Step;
use crate::command::Ticket;
use crate::directory::requests::{Answered, PendingRequests, Refused};
use crate::engine::{Effect, Purpose};
use crate::model::{Conversation, StoredMessage};

/// What was asked, with what is needed when the answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Where and who is this user?
    Lookup {
        purpose: Purpose,
        user: UserId,
    },
    /// Who is online, behind these?
    List(Vec<ListedUser>),
    /// To begin with a change of the passcode.
    PasscodeChange,
    /// To complete it.
    PasscodeUpload,
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

impl Asked {
    /// Whether the engine asked for itself, not the post office: a session that begins again with another office still
    /// waits for its answer.
    pub(crate) fn is_of_the_engine(&self) -> bool {
        matches!(self, Self::Lookup { .. } | Self::List(_) | Self::PasscodeChange | Self::PasscodeUpload)
    }
}

/// The desk; empty while there is no session.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    requests: PendingRequests<Asked>,
    /// Requests that were not made in this step; looked after at its end.
    refused: Vec<Refused<Asked>>,
    is_up: bool,
}

impl Desk {
    /// Whether the post office can ask the directory.
    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    pub(super) fn open(&mut self) {
        self.is_up = true;
        self.requests.open();
    }

    /// The directory answers again; the post office begins later.
    pub(crate) fn connect(&mut self) {
        self.requests.open();
    }

    /// The session is gone: nothing is answered any more. Gives what waits.
    pub(crate) fn close(&mut self) -> Vec<Asked> {
        self.is_up = false;
        self.requests.close().collect()
    }

    /// Goes on in the place of a desk whose office is gone, and with it what that office asked.
    pub(crate) fn take_over(&mut self, former: &mut Self) {
        self.requests = std::mem::take(&mut former.requests);
        self.requests.retain(Asked::is_of_the_engine);
    }

    /// Says something that is not answered, or whose answer stands for itself.
    pub(super) fn say(&mut self, step: &mut Step<'_>, message: impl Into<ToDirectory>) {
        step.out.push(Effect::Ask(Box::new(self.requests.say(message.into()))));
    }

    /// Asks something.
    pub(super) fn ask(&mut self, step: &mut Step<'_>, message: impl Into<ToDirectory>, asked: Asked) {
        self.put(step.out, message.into(), asked);
    }

    /// As [`Desk::ask`], for the engine.
    pub(crate) fn put(&mut self, out: &mut Vec<Effect>, message: ToDirectory, asked: Asked) {
        match self.requests.ask(message, asked) {
            Ok(envelope) => out.push(Effect::Ask(Box::new(envelope))),
            Err(refused) => self.refused.push(refused),
        }
    }

    /// The number of a request whose message is made by the shell.
    pub(crate) fn number(
        &mut self,
        msgtype: &'static str,
        answer: &'static str,
        asked: Asked,
    ) -> Option<RequestNumber> {
        self.requests.expect(msgtype, Some(answer), asked).map_err(|refused| self.refused.push(refused)).ok()
    }

    /// Requests that could not be made.
    pub(crate) fn refused(&mut self) -> Vec<Refused<Asked>> {
        std::mem::take(&mut self.refused)
    }

    /// A message that answers something: what.
    pub(crate) fn answered(
        &mut self,
        number: Option<RequestNumber>,
        message: &FromDirectory,
    ) -> Option<Answered<Asked>> {
        self.requests.answered(number, message)
    }

    /// An answer that cannot be understood has come: to what.
    pub(crate) fn misunderstood(&mut self, number: RequestNumber) -> Option<Asked> {
        self.requests.misunderstood(number)
    }

    /// Forgets a change of the passcode that is under way.
    pub(crate) fn forget_passcode_change(&mut self) {
        self.requests.retain(|asked| !matches!(asked, Asked::PasscodeChange | Asked::PasscodeUpload));
    }
}
