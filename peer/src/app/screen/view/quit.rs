//! Leaving: CTRL-C ends the smallest thing there is to end, and the program only when it is pressed twice.

use std::time::{Duration, Instant};

use super::{Output, View};
use crate::app::Now;
use crate::app::exit;
use crate::app::texts::talk;

/// How far it is to the end.
#[derive(Debug)]
pub(crate) struct Quit {
    /// CTRL-C was pressed where the next one quits.
    pub(crate) confirm: bool,
    /// When CTRL-C ended a conversation.
    pub(super) ended_at: Option<Instant>,
    /// How long another one after that is taken for the same.
    grace: Duration,
    /// The user wants to leave, with this exit code.
    with: Option<i32>,
}

impl Quit {
    pub(super) fn new(grace: Duration) -> Self {
        Self { confirm: false, ended_at: None, grace, with: None }
    }

    /// Whether this CTRL-C follows one that ended a conversation too soon to be meant.
    pub(super) fn is_repeated(&mut self, now: Now) -> bool {
        self.ended_at.take().is_some_and(|then| now.instant.saturating_duration_since(then) < self.grace)
    }
}

impl View {
    /// CTRL-C where nothing is in front of the conversation.
    pub(super) fn interrupt(&mut self) {
        if self.current.is_some() {
            self.end(talk::ENDED_LOCAL);
        } else if !self.composer.typed.is_empty() {
            self.put(Output::Entry(String::new()));
        } else if self.quit.confirm {
            self.leave(exit::INTERRUPT);
        } else {
            self.quit.confirm = true;
        }
    }

    /// CTRL-D where nothing is typed.
    pub(super) fn end_of_input(&mut self) {
        if self.current.is_some() {
            self.end(talk::ENDED);
        } else {
            self.leave(exit::OK);
        }
    }

    pub(super) fn leave(&mut self, code: i32) {
        self.quit.with = Some(code);
    }

    /// The exit code, once the user wants to leave.
    pub(in crate::app::screen) fn leaves(&self) -> Option<i32> {
        self.quit.with
    }
}
