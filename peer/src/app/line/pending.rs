//! What the line terminal waits for: which commands hold up the next prompt, so that a script reads their answers in order.

use std::time::{Duration, Instant};

use common::ident::{GroupName, UserId};
use common::limits::CALL_DEADLINE;
use peer_core::command::{Command, TicketedCommand};
use peer_core::model::Conversation;

use super::Output;
use super::outputs::Outputs;

/// A command that was given and not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pending {
    People,
    /// Who there is and which groups, for the Tab key; nothing is shown.
    Names,
    Number(UserId),
    Decision(UserId),
    Confirmation,
    /// A wish about this group.
    Group(GroupName),
    /// Whether the user is a member of this group, to write to it.
    Entering(GroupName),
    /// A change of the passcode.
    Passcode,
    /// Anything else.
    Answer,
    /// What was said in a conversation, to be read.
    History(Conversation, Reading),
}

/// Why the history is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The user wants to read it.
    Asked,
    /// Texts that were not shown when they came.
    Missed,
    /// For the arrow keys.
    Entries,
    /// A conversation was opened.
    Backlog,
}

impl Pending {
    /// Whether the next prompt waits for the answer.
    fn holds_the_prompt(&self) -> bool {
        !matches!(self, Self::Names | Self::History(_, Reading::Missed | Reading::Entries | Reading::Backlog))
    }

    /// Whether the directory is asked for it, or may be.
    fn is_asked_of_the_directory(&self) -> bool {
        matches!(self, Self::People | Self::Names | Self::Group(_) | Self::Answer | Self::History(_, Reading::Asked))
    }
}

/// How long a prompt is held up without a word. As long as a step of a call may take.
const SILENCE: Duration = CALL_DEADLINE;

/// Since when the prompt is held up, so that nobody sits before a screen on which nothing happens.
#[derive(Debug, Default)]
pub(super) struct Wait {
    since: Option<Instant>,
    is_told: bool,
}

impl Wait {
    /// When the user is to be told, unless that was done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since.filter(|_| !self.is_told).map(|since| since + SILENCE)
    }

    /// Looks at the clock; after how many seconds the user is to be told that there is no answer, once.
    pub(super) fn look(&mut self, is_waiting: bool, now: Instant) -> Option<u64> {
        if !is_waiting {
            *self = Self::default();
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let is_due = !self.is_told && now >= since + SILENCE;
        self.is_told |= is_due;
        is_due.then_some(SILENCE.as_secs())
    }
}

impl Outputs {
    /// Gives a command whose answer nobody waits for.
    pub(super) fn command(&mut self, command: Command) {
        let ticket = self.pending.unawaited();
        self.put(Output::Command(TicketedCommand { ticket, command }));
    }

    /// Gives a command and waits for its answer.
    pub(super) fn ask(&mut self, pending: Pending, command: Command) {
        let ticket = self.pending.awaited(pending);
        self.put(Output::Command(TicketedCommand { ticket, command }));
    }

    /// The command that the notice at hand answers, if it is one of these; it is waited for no more.
    pub(super) fn close(&mut self, may_answer: impl Fn(&Pending) -> bool) -> Option<Pending> {
        self.pending.close(self.answers.as_ref(), may_answer)
    }

    /// Whether the next prompt waits for an answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending.questions().any(Pending::holds_the_prompt)
    }

    /// The prompt comes back without an answer; whether one was waited for.
    pub(super) fn stop_waiting(&mut self) -> bool {
        !self.pending.close_where(Pending::holds_the_prompt).is_empty()
    }

    /// What the directory was asked is not answered any more: the prompt comes back.
    pub(super) fn directory_lost(&mut self) {
        self.pending.close_where(Pending::is_asked_of_the_directory);
    }

    /// The directory would not answer what it was asked last, which is given.
    pub(super) fn refused(&mut self) -> Option<Pending> {
        self.close(Pending::is_asked_of_the_directory)
    }

    /// The store failed: nothing becomes of the command that the notice at hand answers, if it answers one.
    pub(super) fn not_done(&mut self) {
        if self.answers.is_some() {
            self.close(|_| true);
        }
    }
}
