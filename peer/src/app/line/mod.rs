//! The line terminal's machine: what is asked, what an answer means, what is shown (no clock, no terminal).
//!
//! ```text
//! Login ── LoggedIn ──► Session ── logout ──► Leaving ──► Exit
//! (login, registration)    (destination, calls, conversations, questions)
//! ```
//!
//! A front end feeds [`Input`]s and carries out [`Output`]s in order. Whoever reads a script asks
//! [`LineTerminal::asks`] before taking another line, so that no line is taken before its prompt; at a keyboard lines may
//! come early and wait here, except that questions of security discard them.

mod calls;
mod drafts;
mod files;
mod groups;
mod history_lookup;
mod incoming_mail;
mod local_commands;
mod login;
mod mail;
mod notices;
mod outputs;
mod passwd;
mod pending;
mod question;
mod session;
#[cfg(test)]
mod tests;
mod unsent;

use std::time::{Duration, Instant};

use common::ident::UserId;
use common::secret::Passcode;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Now;
use super::exit;
use super::model::Account;
use super::sanitise::{Glyphs, SafeText};
use super::texts::{self, failure};
pub(crate) use local_commands::{Auto, Backlog, Time};
use login::Login;
pub(crate) use login::LoginStep;
pub(crate) use mail::Presence;
use outputs::Outputs;
use peer_core::command::{Ticket, TicketedCommand};
use peer_core::notice::{LoggedOut, Notice, SessionNotice};
use session::Session;

/// What the machine needs to know before it begins.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How to begin.
    pub(crate) start: Start,
    /// Given: `Login:` is not asked.
    pub(crate) user: Option<UserId>,
    /// Given: the passcode is not asked, and a refusal ends the program.
    pub(crate) passcode: Option<Passcode>,
    /// The directory, as people call it.
    pub(crate) server: String,
    /// When to show who said something.
    pub(crate) names: Names,
    /// Whose coming and going is told.
    pub(crate) presence: Presence,
    /// When the clock is shown.
    pub(crate) time: Time,
    /// Whether the person is told how far a message has come.
    pub(crate) receipts: Receipts,
    /// Whether messages may wait.
    pub(crate) queue: Queue,
    /// Whether what was written earlier can be taken up again.
    pub(crate) past: Past,
    /// In which dates and clocks are shown.
    pub(crate) zone: TimeZone,
    /// How control characters in messages are shown.
    pub(crate) glyphs: Glyphs,
    /// How long a second CTRL-C is ignored after one that ended a conversation.
    pub(crate) grace: Duration,
    /// How much of the past is shown when a conversation is opened.
    pub(crate) backlog: Backlog,
    /// How often CTRL-C must be pressed at an empty destination prompt.
    pub(crate) leave: Leave,
    /// How long messages may still take when the input has ended.
    pub(crate) patience: Duration,
    /// Whether anything may be asked.
    pub(crate) questions: Questions,
}

/// How the machine begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// With `Login:`.
    Login,
    /// With an invitation.
    Join,
}

/// When to show who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Names {
    /// Where it is not the person being talked to.
    #[default]
    Auto,
    /// In front of every message.
    Always,
}

/// Whether the person is told how far a message has come (`line.receipts`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Receipts {
    /// Only of messages that had to wait.
    #[default]
    Late,
    /// Of every message to a user.
    All,
}

/// Whether what was written to somebody before this login can be taken up again (`line.history_file`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Past {
    /// Only what is written from now on.
    #[default]
    Forgotten,
    /// So many messages of the kept history are looked through for it, so that nothing is written to another file.
    Recalled(usize),
}

/// Whether a message may wait for its receiver (`peer.queue`, `--no-queue`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Queue {
    #[default]
    Allowed,
    Forbidden,
}

/// How often CTRL-C must be pressed at an empty destination prompt to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Leave {
    /// Once: nobody is asked anything.
    #[default]
    AtOnce,
    /// Twice: the user at a terminal may have meant something else.
    OnceMore,
}

/// Whether anything may be asked (`--no-input`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Questions {
    /// The ordinary case.
    #[default]
    Allowed,
    /// A question ends the program.
    Forbidden,
}

/// What happens to the terminal.
#[derive(Debug)]
pub(crate) enum Input {
    /// A line was entered, of at most [`common::limits::MESSAGE_TEXT`] bytes.
    Line(String),
    /// CTRL-C, as a key or as SIGINT.
    CtrlC,
    /// CTRL-D with nothing typed.
    CtrlD,
    /// The input has ended: as CTRL-D, but what is unsent may still go out.
    End,
    /// [`LineTerminal::deadline`] has passed.
    Tick,
    /// The key for the next conversation.
    Next,
    /// The program is asked to stop, with this exit code.
    Stop(i32),
    /// Something from the engine, and the command that it answers.
    Notice(Option<Ticket>, Notice),
    /// The engine is gone.
    EngineGone,
}

/// What the front end is to do.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    /// Show a line of ours.
    Print(SafeText),
    /// Show a line of somebody else; in a group, with the name that stands in front of it.
    Remote { line: SafeText, name: Option<String> },
    /// Show a line of the past.
    Earlier(SafeText),
    /// How far a file is, in a row that is written anew, and whether that is worth a line where rows stay; no row when it
    /// is over.
    Progress { number: u64, row: Option<SafeText>, percent: u64, quarter: bool },
    /// Show a picture, if it fits and can be drawn.
    Picture(Vec<SafeText>),
    /// From now on this stands in front of the entry.
    Prompt(Prompt),
    /// What was typed belongs behind the prompt; the line is complete, and the entry worth remembering.
    Echo(String),
    /// This belongs behind the prompt and the entry; the line is complete. Nothing to do where there is no prompt.
    Finish(SafeText),
    /// What is being done, while nothing is asked; it goes with the next output that is to stay. Nothing to do where
    /// what was shown stays.
    Meanwhile(SafeText),
    /// Replace what is being typed.
    Entry(String),
    /// This was entered at that place earlier, the oldest first.
    Past { place: String, entries: Vec<String> },
    /// Ring.
    Bell,
    /// To the clipboard.
    Copy(String),
    /// Lend the terminal to `$EDITOR`; what is written becomes the entry.
    Edit,
    /// Forget what was typed ahead of the next prompt.
    DiscardTypeAhead,
    /// Ask the engine.
    Command(TicketedCommand),
    /// Leave with this exit code.
    Exit(i32),
}

/// What stands in front of the entry, and how the entry is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Empty in a conversation and while nothing is asked.
    pub(crate) text: SafeText,
    /// Whether the entry is shown.
    pub(crate) echo: Echo,
    /// Whether the entry may have several lines.
    pub(crate) lines: Lines,
    /// Which entries are remembered together; none where entries are not remembered.
    pub(crate) history: Option<String>,
}

/// Whether what is typed can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Shown.
    Visible,
    /// Not shown, not even as stars, and not remembered.
    Hidden,
}

/// How many lines one entry may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// One.
    One,
    /// Any number.
    Many,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct LineTerminal {
    state: State,
    outputs: Outputs,
}

#[derive(Debug)]
enum State {
    Login(Login),
    Session(Box<Session>),
    /// Logging out; the exit code.
    Leaving(i32),
    Left,
}

impl LineTerminal {
    /// A machine at its beginning, and what to show first.
    pub(crate) fn new(options: Options, now: Now) -> (Self, Vec<Output>) {
        let mut outputs = Outputs::new(options, now);
        let state = Login::begin(&mut outputs);
        let output = outputs.take();
        (Self { state, outputs }, output)
    }

    /// Whether an entered line would be taken now.
    pub(crate) fn asks(&self) -> bool {
        match &self.state {
            State::Login(entrance) => entrance.asks(),
            State::Session(session) => session.asks(&self.outputs),
            State::Leaving(_) | State::Left => false,
        }
    }

    /// How far the login is.
    pub(crate) fn login_step(&self) -> LoginStep {
        match &self.state {
            State::Login(login) => login.how_far(),
            State::Session(_) | State::Leaving(_) | State::Left => LoginStep::LoggingIn,
        }
    }

    /// Who logged in, once that has happened: a front end with a session of its own goes on from there.
    pub(crate) fn account(&self) -> Option<Account> {
        match &self.state {
            State::Session(session) => Some(session.account().clone()),
            State::Login(_) | State::Leaving(_) | State::Left => None,
        }
    }

    /// The number of the last ticket, for whoever goes on from here.
    pub(crate) fn last_ticket(&self) -> u64 {
        self.outputs.pending.last()
    }

    /// When [`Input::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Session(session) => session.deadline(),
            State::Login(_) | State::Leaving(_) | State::Left => None,
        }
    }

    /// Takes one input; `typed` is what stands in the entry just now.
    pub(crate) fn handle(&mut self, now: Now, typed: &str, input: Input) -> Vec<Output> {
        self.outputs.begin(now, typed);
        self.outputs.answers = if let Input::Notice(answers, _) = &input { answers.clone() } else { None };
        match input {
            Input::Line(line) if !self.asks() => self.outputs.ahead.push_back(line),
            input @ (Input::Line(_)
            | Input::CtrlC
            | Input::CtrlD
            | Input::End
            | Input::Tick
            | Input::Next
            | Input::Stop(_)
            | Input::Notice(..)
            | Input::EngineGone) => self.step(input),
        }
        while self.asks()
            && let Some(line) = self.outputs.ahead.pop_front()
        {
            self.step(Input::Line(line));
        }
        self.outputs.take()
    }

    fn step(&mut self, input: Input) {
        let state = std::mem::replace(&mut self.state, State::Left);
        self.state = match (state, input) {
            (State::Left, _) => State::Left,
            (State::Leaving(code), input) => self.leaving(code, input),
            (_, Input::Notice(_, Notice::Session(SessionNotice::Failed(failure)))) => {
                let report = failure::report(&failure, &self.outputs.options.zone);
                self.outputs.finish("");
                report.lines.iter().for_each(|line| self.outputs.say(line));
                self.outputs.exit(report.exit)
            }
            (_, Input::EngineGone) => {
                self.outputs.finish("");
                self.outputs.exit(exit::INTERNAL)
            }
            (State::Login(_), Input::Stop(code)) => {
                self.outputs.finish("");
                self.outputs.exit(code)
            }
            (State::Session(_), Input::Stop(code)) => self.outputs.leave(code),
            (State::Login(entrance), input) => entrance.step(input, &mut self.outputs),
            (State::Session(session), input) => session.step(input, &mut self.outputs),
        };
    }

    /// Whatever ends the wait for the logout; a second CTRL-C does too.
    fn leaving(&mut self, code: i32, input: Input) -> State {
        match input {
            Input::Notice(_, Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked })) => {
                self.outputs.say(texts::LOGGED_OUT);
                self.outputs.exit(code)
            }
            // Whoever leaves in the moment of the login is told all the same.
            Input::Notice(_, Notice::Session(SessionNotice::FormerPasscode)) => {
                self.outputs.say(texts::passcode::FORMER);
                State::Leaving(code)
            }
            Input::Notice(
                _,
                Notice::Session(SessionNotice::LoggedOut { .. }) | Notice::Session(SessionNotice::Failed(_)),
            )
            | Input::EngineGone
            | Input::CtrlC
            | Input::Stop(_) => self.outputs.exit(code),
            Input::Line(_) | Input::CtrlD | Input::End | Input::Tick | Input::Next | Input::Notice(..) => {
                State::Leaving(code)
            }
        }
    }
}
