//! Where the states of the machine put what they have to say.

use std::collections::VecDeque;
use std::time::Instant;

use super::pending::Pending;
use super::{Echo, Leave, Lines, Options, Output, Prompt, Questions, State};
use crate::app::sanitise::SafeText;
use crate::app::tickets::PendingTickets;
use crate::app::{Now, exit, texts};
use peer_core::command::{Command, SessionCommand, Ticket};

/// After so many lines in a row that are no answer the input is not read any further, unless somebody types it. Chosen
/// arbitrarily: more than any script gets wrong that is about this program.
const REFUSED: usize = 256;

/// The surroundings of a state: options, clock, entry, and the outputs so far.
#[derive(Debug)]
pub(super) struct Outputs {
    pub(super) options: Options,
    pub(super) now: Instant,
    /// Seconds since the epoch.
    pub(super) date: u64,
    /// What stands in the entry.
    pub(super) typed: String,
    /// Lines entered while nothing was asked.
    pub(super) ahead: VecDeque<String>,
    /// The exit code if the person leaves before a login succeeded: tells scripts that one was refused.
    pub(super) exit_at_end_of_input: i32,
    /// Lines in a row that were no answer to what was asked.
    refused: usize,
    /// Commands that were not answered.
    pub(super) pending: PendingTickets<Pending>,
    /// The command that the notice at hand answers.
    pub(super) answers: Option<Ticket>,
    out: Vec<Output>,
}

impl Outputs {
    pub(super) fn new(options: Options, now: Now) -> Self {
        Self {
            options,
            now: now.instant,
            date: now.date,
            typed: String::new(),
            ahead: VecDeque::new(),
            exit_at_end_of_input: exit::OK,
            refused: 0,
            pending: PendingTickets::default(),
            answers: None,
            out: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, now: Now, typed: &str) {
        (self.now, self.date) = (now.instant, now.date);
        typed.clone_into(&mut self.typed);
    }

    /// A line was no answer, as far as is known now.
    pub(super) fn count_refused(&mut self) {
        self.refused += 1;
    }

    /// A line was an answer.
    pub(super) fn answered(&mut self) {
        self.refused = 0;
    }

    /// Whether an input that nobody types goes on and on with what is no answer, which is said; nothing more is read then.
    pub(super) fn gives_up_reading(&mut self) -> bool {
        let gives_up = self.options.leave == Leave::AtOnce && self.refused >= REFUSED;
        if gives_up {
            self.refused = 0;
            self.finish("");
            self.say(&texts::no_answers(REFUSED));
        }
        gives_up
    }

    pub(super) fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn put(&mut self, output: Output) {
        self.out.push(output);
    }

    pub(super) fn say(&mut self, line: &str) {
        self.put(Output::Print(SafeText::ours(line)));
    }

    pub(super) fn echo(&mut self, typed: &str) {
        self.put(Output::Echo(typed.to_owned()));
    }

    pub(super) fn finish(&mut self, result: &str) {
        self.put(Output::Finish(SafeText::ours(result)));
    }

    pub(super) fn entry(&mut self, entry: &str) {
        entry.clone_into(&mut self.typed);
        self.put(Output::Entry(entry.to_owned()));
    }

    /// The prompt was left without an answer.
    pub(super) fn abandon_entry(&mut self) {
        self.entry("");
        self.finish("");
    }

    pub(super) fn discard_type_ahead(&mut self) {
        self.typed.clear();
        self.ahead.clear();
        self.put(Output::DiscardTypeAhead);
    }

    /// Nothing stands in front of the entry, because nothing is asked.
    pub(super) fn no_prompt(&mut self, echo: Echo) {
        self.prompt("", echo, Lines::One, None);
    }

    pub(super) fn prompt(&mut self, text: &str, echo: Echo, lines: Lines, history: Option<String>) {
        self.put(Output::Prompt(Prompt { text: SafeText::ours(text), echo, lines, history }));
    }

    /// Asks a question that `--no-input` forbids; the state to be in is `asking`, or the end.
    pub(super) fn question(&mut self, text: &str, echo: Echo, asking: State) -> State {
        match self.options.questions {
            Questions::Allowed => {
                self.prompt(text, echo, Lines::One, None);
                asking
            }
            Questions::Forbidden => {
                self.say(&texts::no_input(text));
                match asking {
                    State::Session(_) => self.leave(exit::USAGE),
                    State::Login(_) | State::Leaving(_) | State::Left => self.exit(exit::USAGE),
                }
            }
        }
    }

    /// Logs out; the program ends when the engine has.
    pub(super) fn leave(&mut self, code: i32) -> State {
        self.finish("");
        self.command(Command::Session(SessionCommand::Logout));
        State::Leaving(code)
    }

    pub(super) fn exit(&mut self, code: i32) -> State {
        self.put(Output::Exit(code));
        State::Left
    }
}
