//! Logged in: the destination prompt, calls, and conversations, of which at most one has the keyboard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use common::ident::UserId;
use common::secret::Passcode;

use super::question::Question;
use super::stage::Stage;
use super::{Echo, Input, Lines, Names, Output, State};
use crate::app::exit;
use crate::app::grammar::{self, Entry, Request};
use crate::app::sanitise::{SafeText, imitates_us};
use crate::app::words::talk::{self, Acquaintance};
use crate::app::words::{self, help};
use crate::core::command::Command;
use crate::core::notice::{CallFailed, CallerRefused, LoggedOut, Notice};

/// What the person at the keyboard is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Floor {
    /// At the destination prompt.
    Destination,
    /// Waiting for `to`; `back` is whom the person was talking to.
    Calling { to: UserId, back: Option<UserId>, occasion: Occasion },
    /// Talking.
    Conversation(UserId),
}

/// Why somebody is being called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The person wants it.
    Asked,
    /// The link was lost; the engine says that the conversation has ended if it cannot be had back.
    Lost,
}

/// An answer of the engine that the next prompt waits for, so that a script reads it in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pending {
    People,
    Number(UserId),
    Decision(UserId),
    Confirmation,
}

/// A session from `LoggedIn` to the logout.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: UserId,
    /// Kept so that it is never sent as a message.
    passcode: Passcode,
    pub(super) floor: Floor,
    pub(super) pending: Option<Pending>,
    /// The question that is being asked, and those that wait until nobody is being talked to.
    pub(super) question: Option<Question>,
    pub(super) questions: Vec<Question>,
    /// Connected, but without the keyboard; `Unseen` since the call came in.
    pub(super) standing: Vec<(UserId, Seen)>,
    /// Unfinished entries: at the destination prompt, and by whom they were meant for.
    pub(super) drafts: BTreeMap<Option<UserId>, String>,
    /// Ids that exist for sure.
    pub(super) known: BTreeSet<UserId>,
    /// When CTRL-C ended something; a second one right after must not quit.
    pub(super) ended_at: Option<Instant>,
}

/// Whether the person has looked at a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    No,
    Yes,
}

impl Session {
    pub(super) fn begin(user: UserId, passcode: Passcode, stage: &mut Stage) -> State {
        let session = Self {
            user,
            passcode,
            floor: Floor::Destination,
            pending: None,
            question: None,
            questions: Vec::new(),
            standing: Vec::new(),
            drafts: BTreeMap::new(),
            known: BTreeSet::new(),
            ended_at: None,
        };
        session.prompt(stage);
        State::Session(Box::new(session))
    }

    pub(super) fn asks(&self) -> bool {
        self.question.is_some() || (self.pending.is_none() && !matches!(self.floor, Floor::Calling { .. }))
    }

    pub(super) fn step(mut self: Box<Self>, input: Input, stage: &mut Stage) -> State {
        let end = match input {
            Input::Line(line) => self.line(&line, stage),
            Input::CtrlC => self.ctrl_c(stage),
            Input::CtrlD => self.ctrl_d(stage),
            Input::Next => {
                self.next(stage);
                None
            }
            Input::Notice(Notice::LoggedOut { why }) => Some(logged_out(why, stage)),
            Input::Notice(notice) => {
                self.notice(notice, stage);
                None
            }
            Input::Stop(_) | Input::EngineGone => None,
        };
        if let Some(end) = end {
            return end;
        }
        self.serve_the_waiting(stage);
        if let Some(question) = &self.question {
            let text = question.prompt();
            return stage.question(&text, Echo::Visible, State::Session(self));
        }
        self.prompt(stage);
        State::Session(self)
    }

    /// What stands in front of the entry; a question has its own.
    fn prompt(&self, stage: &mut Stage) {
        match &self.floor {
            _ if self.pending.is_some() => stage.no_prompt(Echo::Visible),
            Floor::Calling { .. } => stage.no_prompt(Echo::Visible),
            Floor::Destination => {
                stage.prompt(words::DESTINATION, Echo::Visible, Lines::One, Some(String::new()));
            }
            Floor::Conversation(with) => {
                stage.prompt("", Echo::Visible, Lines::Many, Some(with.as_str().to_owned()));
            }
        }
    }

    fn line(&mut self, line: &str, stage: &mut Stage) -> Option<State> {
        if let Some(question) = self.question.take() {
            self.answer(question, line, stage);
            return None;
        }
        if self.passcode.matches(line.trim()) {
            stage.finish("");
            stage.say(words::SECRET);
            return None;
        }
        let entry = match &self.floor {
            Floor::Conversation(_) => grammar::in_conversation(line),
            Floor::Destination | Floor::Calling { .. } => grammar::at_destination(line),
        };
        if entry != Ok(Entry::Nothing) || self.floor == Floor::Destination {
            stage.echo(line);
        }
        match entry {
            Err(grammar::Refused(why)) => stage.say(&why),
            Ok(Entry::Nothing) => {}
            Ok(Entry::Request(request)) => return self.request(request, stage),
            Ok(Entry::Destination(to)) => self.call(to, stage),
            Ok(Entry::Message(text)) => {
                if let Floor::Conversation(with) = &self.floor {
                    stage.command(Command::Say { to: with.clone(), text });
                }
            }
            Ok(Entry::Private { to, text }) => {
                if self.floor == Floor::Conversation(to.clone()) || self.stands(&to) {
                    stage.command(Command::Say { to, text });
                } else {
                    stage.say(&talk::not_delivered(&to, &text));
                }
            }
        }
        None
    }

    fn request(&mut self, request: Request, stage: &mut Stage) -> Option<State> {
        match request {
            Request::Help(None) => help::overview().iter().for_each(|line| stage.say(line)),
            Request::Help(Some(topic)) => help::about(topic).iter().for_each(|line| stage.say(line)),
            Request::Version => stage.say(&help::version()),
            Request::List => {
                self.pending = Some(Pending::People);
                stage.command(Command::List);
            }
            Request::Switch(to) => self.switch(to, stage),
            Request::End => match self.floor.clone() {
                Floor::Conversation(with) => self.end(with, talk::ENDED, stage),
                Floor::Destination | Floor::Calling { .. } => stage.say(talk::NO_CONVERSATION),
            },
            Request::Logout => return Some(stage.leave(exit::OK)),
            Request::Verify(of) => self.verify(of, stage),
        }
        None
    }

    /// `/verify`, of the person being talked to unless somebody is named.
    fn verify(&mut self, of: Option<UserId>, stage: &mut Stage) {
        let current = if let Floor::Conversation(with) = &self.floor { Some(with.clone()) } else { None };
        match of.or(current) {
            None => stage.say(&help::wrong_arguments(&help::VERIFY)),
            Some(with) if with == self.user => {
                stage.say(&talk::call_failed(&with, &CallFailed::Yourself, Acquaintance::Known));
            }
            Some(with) => {
                stage.command(Command::SafetyNumber { with: with.clone() });
                self.pending = Some(Pending::Number(with));
            }
        }
    }

    fn notice(&mut self, notice: Notice, stage: &mut Stage) {
        match notice {
            Notice::Text { from, text } => self.show(&from, &text, stage),
            Notice::Established { with } => self.established(with, stage),
            Notice::Received { from } => self.received(from, stage),
            Notice::Ended { with, by } => self.ended(&with, by, stage),
            Notice::LinkLost { with, then } => self.lost(&with, then, stage),
            Notice::CallFailed { to, why } => self.call_failed(&to, &why, stage),
            Notice::Asked { from } => self.asked(from, stage),
            Notice::AskedNoMore { from } => self.asked_no_more(&from, stage),
            Notice::KeyChanged { of, since, old, new } => self.key_changed(of, since, old, new, stage),
            Notice::KeyDecided { of, decision } => self.key_decided(&of, decision, stage),
            Notice::SafetyNumber { with, digits, .. } => self.safety_number(with, digits, stage),
            Notice::NumberConfirmed { with, verified } => {
                self.pending = None;
                stage.say(&talk::number_confirmed(&with, verified));
            }
            Notice::NotDelivered { to, text } => stage.say(&talk::not_delivered(&to, &text)),
            // Shown together with KeyChanged, which says more.
            Notice::CallerRefused { why: CallerRefused::KeyChanged, .. } => {}
            Notice::CallerRefused { claimed, source, why } => {
                stage.say(&talk::caller_refused(claimed.as_ref(), source.ip(), why));
            }
            Notice::People(people) => {
                self.pending = None;
                self.known.extend(people.iter().map(|person| person.user.clone()));
                words::format::people(&people).iter().for_each(|row| stage.say(row));
            }
            Notice::NoPeople => {
                self.pending = None;
                stage.say(talk::NO_LIST);
            }
            Notice::AlsoElsewhere { user } => stage.say(&words::also_elsewhere(&user)),
            Notice::DirectoryLost { retry_in } => stage.say(&words::server_lost(retry_in)),
            Notice::DirectoryNotItself(failure) => {
                words::failure::report(&failure).lines.iter().for_each(|line| stage.say(line));
            }
            Notice::NotKept { detail } => stage.say(&words::not_kept(&detail)),
            Notice::DirectoryBack => stage.say(words::SERVER_BACK),
            Notice::TooFast { retry_after } => stage.say(&words::too_fast(retry_after)),
            // They belong to the entrance, or are taken before they come here.
            Notice::FirstContact { .. }
            | Notice::Identified { .. }
            | Notice::InviteProved { .. }
            | Notice::Registered { .. }
            | Notice::RegisterRefused { .. }
            | Notice::LoginRefused { .. }
            | Notice::LoggedIn { .. }
            | Notice::LoggedOut { .. }
            | Notice::Failed(_) => {}
        }
    }

    /// A text of somebody, with the author's name unless it is clear without.
    fn show(&mut self, from: &UserId, text: &str, stage: &mut Stage) {
        let prompt = if self.floor == Floor::Destination { words::DESTINATION } else { "" };
        let named = stage.options.names == Names::Always
            || self.question.is_some()
            || self.floor != Floor::Conversation(from.clone())
            || imitates_us(text, prompt);
        let author = SafeText::ours(&talk::author(from));
        for (number, line) in SafeText::message(text, stage.options.glyphs).into_iter().enumerate() {
            stage.put(Output::Remote(if named && number == 0 { line.after(&author) } else { line }));
        }
    }
}

fn logged_out(why: LoggedOut, stage: &mut Stage) -> State {
    stage.finish("");
    let (words, code) = match why {
        LoggedOut::Asked => (words::LOGGED_OUT, exit::OK),
        LoggedOut::Administrator => (words::SESSION_ENDED, exit::NOT_PERMITTED),
        LoggedOut::Replaced => (words::SESSION_REPLACED, exit::ALREADY_RUNNING),
    };
    stage.say(words);
    stage.exit(code)
}
