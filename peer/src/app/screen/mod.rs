//! The full screen's machine: which conversation is shown, what is in it, what becomes of a key (no clock, no terminal).
//!
//! ```text
//! LoginScreen ── LoggedIn ──► View ── logout ──► Leaving ──► Exit
//! (login, registration)  (conversations, people, questions, pages)
//! ```
//!
//! A front end feeds [`Input`]s, carries out [`Output`]s in order, and draws what [`FullScreen::scene`] shows. Keys come as
//! what they ask for; the [`login_screen`], or the layers of the [`view`], consume them or hand them to the entry. Unlike
//! the line terminal's machine, which the login screen runs, nothing here waits for an answer before the user can go on:
//! answers find their conversation or page by themselves.

mod login_screen;
#[cfg(test)]
mod tests;
mod view;

use std::time::Instant;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub(crate) use super::Now;
use super::exit;
use super::keys::{Key, KeyAction, KeyHelp, Scroll};
use super::line::{Options, Prompt};
use super::sanitise::{Glyphs, SafeText};
use super::texts::{self, failure};
pub(crate) use login_screen::LoginScreen;
use peer_core::command::{Ticket, TicketedCommand};
use peer_core::model::Conversation;
use peer_core::notice::{LoggedOut, Notice, SessionNotice};
pub(crate) use view::{Alerts, Anchor, Chat, Choice, Layer, Line, Message, Overlay, Page, Question, Ring, View, When};

/// What happens to the screen.
#[derive(Debug)]
pub(crate) enum Input {
    /// A line was entered.
    Line(String),
    /// A key, or SIGINT, which asks for the same as CTRL-C.
    Key(KeyAction),
    /// The mouse points at this.
    Pointed(Target),
    /// The mouse is dragged to the line of the conversation with this number.
    Dragged(i64),
    /// Whether the user looks at this screen.
    Focus(Focus),
    /// The conversation is scrolled so that this is its last row; nothing: to its end.
    Scrolled(Option<Anchor>),
    /// The top of the conversation is on the screen, and older messages are wanted.
    Older,
    /// The terminal draws no other signs as it should.
    Glyphs(Glyphs),
    /// The front end says something about the entry.
    Tell(String),
    /// [`FullScreen::deadline`] has passed.
    Tick,
    /// The program is asked to stop, with this exit code.
    Stop(i32),
    /// Something from the engine, and the command that it answers.
    Notice(Option<Ticket>, Notice),
    /// The engine is gone.
    EngineGone,
}

/// What the terminal shows while an input comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surface<'a> {
    /// What is being typed; a secret is not told.
    pub(crate) typed: &'a str,
    /// Nothing is typed, not even a secret.
    pub(crate) is_blank: bool,
    /// Rows of the conversation.
    pub(crate) rows: u16,
    /// What is known of the conversation can be shown beside it.
    pub(crate) has_room_for_details: bool,
}

/// What a mouse can point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Conversation(Conversation),
    /// A line of the conversation that is shown, by its number.
    Line(i64),
}

/// Whether the user looks at this screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Focus {
    /// Yes, or the terminal does not tell.
    In,
    /// No.
    Out,
}

/// What the front end is to do.
#[derive(Debug, Clone)]
pub(crate) enum Output {
    /// Ask the engine.
    Command(TicketedCommand),
    /// A key that no layer has consumed: for the entry.
    Edit(Key),
    /// Move the conversation; [`Input::Scrolled`] says where it stands then.
    Scroll(Scroll),
    /// Replace what is being typed.
    Entry(String),
    /// To the clipboard of the terminal.
    Copy(String),
    /// Into a file of about this name, where files are saved.
    Save { name: String, text: String },
    /// Ring the bell.
    Bell,
    /// Tell the user who looks elsewhere.
    Announce(SafeText),
    /// The entry is worth remembering.
    Remember(String),
    /// Lend the terminal to the editor of the user's choice; what is written comes as a paste.
    LendToEditor,
    /// Forget what was typed ahead of the question that is asked now.
    DiscardTypeAhead,
    /// To be printed when the terminal has been given back.
    Farewell(SafeText),
    /// Leave with this exit code.
    Exit(i32),
}

/// What there is to draw.
#[derive(Debug)]
pub(crate) enum Scene<'a> {
    /// Not logged in.
    LoginScreen(&'a LoginScreen),
    /// Logged in, or logging out.
    View(&'a View),
    /// The program ends.
    Nothing,
}

/// What a session needs to know of the settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScreenOptions {
    pub(crate) alerts: Alerts,
    /// For the list of keys.
    pub(crate) keys: Vec<KeyHelp>,
    pub(crate) clock: Clock,
    /// Whether clicks, wheel and dragging are for this screen from the beginning.
    pub(crate) mouse: bool,
}

/// Whether the time is told in front of messages (`tui.time`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Clock {
    #[default]
    Always,
    Never,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct FullScreen {
    state: State,
    /// For the session.
    screen: ScreenOptions,
    zone: TimeZone,
}

#[derive(Debug)]
enum State {
    Entrance(Box<LoginScreen>),
    Session(Box<View>),
    /// Logging out; the exit code.
    Leaving(Box<View>, i32),
    Left,
}

impl FullScreen {
    /// A machine at its beginning, and what to do first.
    pub(crate) fn new(options: Options, screen: ScreenOptions, now: Now) -> (Self, Vec<Output>) {
        let zone = options.zone.clone();
        let (login_screen, output) = LoginScreen::new(options, now);
        (Self { state: State::Entrance(Box::new(login_screen)), screen, zone }, output)
    }

    /// What there is to draw.
    pub(crate) fn scene(&self) -> Scene<'_> {
        match &self.state {
            State::Entrance(login_screen) => Scene::LoginScreen(login_screen),
            State::Session(view) | State::Leaving(view, _) => Scene::View(view),
            State::Left => Scene::Nothing,
        }
    }

    /// What stands in front of the entry, and how the entry is treated.
    pub(crate) fn prompt(&self) -> Option<Prompt> {
        match &self.state {
            State::Entrance(login_screen) => Some(login_screen.prompt().clone()),
            State::Session(view) => Some(view.prompt()),
            State::Leaving(..) | State::Left => None,
        }
    }

    /// When [`Input::Tick`] is due.
    pub(crate) fn deadline(&self, now: Now) -> Option<Instant> {
        match &self.state {
            State::Entrance(login_screen) => login_screen.deadline(now),
            State::Session(view) => view.deadline(now),
            State::Leaving(..) | State::Left => None,
        }
    }

    /// Takes one input.
    pub(crate) fn handle(&mut self, now: Now, surface: Surface<'_>, input: Input) -> Vec<Output> {
        let state = std::mem::replace(&mut self.state, State::Left);
        let (state, output) = match (state, input) {
            (State::Left, _) => (State::Left, Vec::new()),
            (State::Entrance(login_screen), input) => entrance(login_screen, &self.screen, now, surface, input),
            (_, Input::Notice(_, Notice::Session(SessionNotice::Failed(failure)))) => {
                let report = failure::report(&failure, &self.zone);
                (State::Left, farewell(&report.lines, report.exit))
            }
            (_, Input::EngineGone) => (State::Left, vec![Output::Exit(exit::INTERNAL)]),
            (State::Leaving(view, code), input) => leaving(view, code, &input),
            (State::Session(view), Input::Stop(code)) => log_out(view, code),
            (State::Session(_), Input::Notice(_, Notice::Session(SessionNotice::LoggedOut { why }))) => {
                let (line, code) = texts::logged_out(why);
                (State::Left, farewell(&[line.to_owned()], code))
            }
            (State::Session(mut view), input) => {
                let output = view.handle(now, surface, input);
                match view.leaves() {
                    Some(code) => {
                        let (state, mut last) = log_out(view, code);
                        last.splice(0..0, output);
                        (state, last)
                    }
                    None => (State::Session(view), output),
                }
            }
        };
        self.state = state;
        output
    }
}

fn entrance(
    mut login_screen: Box<LoginScreen>,
    screen: &ScreenOptions,
    now: Now,
    surface: Surface<'_>,
    input: Input,
) -> (State, Vec<Output>) {
    let mut output = login_screen.handle(now, surface, input);
    match login_screen.logged_in() {
        Some(entered) => {
            let (view, first) =
                View::begin(entered, (login_screen.options(), login_screen.last_ticket()), screen.clone(), now);
            output.extend(first);
            (State::Session(Box::new(view)), output)
        }
        None => (State::Entrance(login_screen), output),
    }
}

fn log_out(mut view: Box<View>, code: i32) -> (State, Vec<Output>) {
    let output = view.log_out();
    (State::Leaving(view, code), output)
}

/// Whatever ends the wait for the logout; a second CTRL-C does too.
fn leaving(view: Box<View>, code: i32, input: &Input) -> (State, Vec<Output>) {
    match input {
        Input::Notice(_, Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked })) => {
            (State::Left, farewell(&[texts::LOGGED_OUT.to_owned()], code))
        }
        Input::Notice(_, Notice::Session(SessionNotice::LoggedOut { .. }))
        | Input::Key(KeyAction::Interrupt)
        | Input::Stop(_) => (State::Left, vec![Output::Exit(code)]),
        Input::Notice(..)
        | Input::Key(_)
        | Input::Line(_)
        | Input::Focus(_)
        | Input::Pointed(_)
        | Input::Dragged(_)
        | Input::Scrolled(_)
        | Input::Older
        | Input::Glyphs(_)
        | Input::Tell(_)
        | Input::Tick
        | Input::EngineGone => (State::Leaving(view, code), Vec::new()),
    }
}

fn farewell(lines: &[String], code: i32) -> Vec<Output> {
    let lines = lines.iter().map(|line| Output::Farewell(SafeText::ours(line)));
    lines.chain([Output::Exit(code)]).collect()
}
