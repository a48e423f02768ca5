//! Logged in: the destination prompt, calls, and conversations, of which at most one has the keyboard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use common::ident::UserId;

use super::files::TransferNotices;
use super::incoming_mail::News;
use super::local_commands::{Front, Habits};
use super::outputs::Outputs;
use super::pending::{Pending, Wait};
use super::question::Question;
use super::unsent::Unsent;
use super::{Echo, Input, Leave, Lines, Names, State};
use crate::app::exit;
use crate::app::grammar::{self, Entry, Request};
use crate::app::model::{Account, Model};
use crate::app::passwd::{Opens, Purpose};
use crate::app::sanitise::imitates_us;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{self, help};
use peer_core::command::{Command, ContactCommand, DirectoryCommand};
use peer_core::model::Conversation;
use peer_core::notice::{CallFailed, FileShown, LoggedOut, Notice, SessionNotice};
use zeroize::Zeroizing;

/// What the person at the keyboard is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Focus {
    /// At the destination prompt.
    Destination,
    /// Waiting for `to`; `back` is what the person was doing.
    Calling { to: UserId, back: Box<Focus>, occasion: Occasion },
    /// Talking over a link.
    Conversation(UserId),
    /// Writing to somebody who is not there, to a group or to everyone.
    Writing(Conversation),
}

/// Why somebody is being called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The person wants it.
    Asked,
    /// The link was lost; the engine says that the conversation has ended if it cannot be had back.
    Lost,
}

/// A session from `LoggedIn` to the logout.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) model: Model,
    pub(super) focus: Focus,
    /// The question that is being asked, and those that wait until nobody is being talked to.
    pub(super) question: Option<Question>,
    pub(super) questions: Vec<Question>,
    /// Connected, but without the keyboard; `Unseen` since the call came in.
    pub(super) standing: Vec<(UserId, Seen)>,
    /// To whom a way is looked for, since the user has called them.
    pub(super) sought: BTreeSet<UserId>,
    /// Unfinished entries: at the destination prompt, and by whom they were meant for.
    pub(super) drafts: BTreeMap<Option<Conversation>, String>,
    /// What arrived from users who do not have the screen.
    pub(super) news: BTreeMap<UserId, News>,
    /// Files on their way.
    pub(super) files: TransferNotices,
    pub(super) unsent: Unsent,
    pub(super) habits: Habits,
    /// Conversations whose past the arrow keys know.
    pub(super) remembered: BTreeSet<Conversation>,
    /// Conversations whose last messages were shown.
    pub(super) reopened: BTreeSet<Conversation>,
    /// The input has ended; what is unsent has until then.
    pub(super) draining: Option<Instant>,
    /// When CTRL-C ended something; a second one right after must not quit.
    pub(super) ended_at: Option<Instant>,
    /// When CTRL-C was pressed at the empty prompt; a second one soon after leaves.
    pub(super) asked_to_leave: Option<Instant>,
    /// A file that was offered while something else was going on, until the next line: a `y` is meant for it.
    pub(super) offered: Option<FileShown>,
    /// Whom the user wanted to call when their key was seen to have changed.
    pub(super) wanted: Option<UserId>,
    /// With whom the user has talked last.
    pub(super) talked_with: Option<UserId>,
    /// How long the prompt waits for an answer.
    pub(super) wait: Wait,
}

/// Whether the person has looked at a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    No,
    Yes,
}

impl Session {
    pub(super) fn begin(account: Account, outputs: &mut Outputs) -> State {
        let session = Self {
            model: Model::new(account),
            focus: Focus::Destination,
            question: None,
            questions: Vec::new(),
            standing: Vec::new(),
            sought: BTreeSet::new(),
            drafts: BTreeMap::new(),
            news: BTreeMap::new(),
            files: TransferNotices::default(),
            unsent: Unsent::default(),
            habits: Habits::new(outputs.options.time),
            remembered: BTreeSet::new(),
            reopened: BTreeSet::new(),
            draining: None,
            ended_at: None,
            asked_to_leave: None,
            offered: None,
            wanted: None,
            talked_with: None,
            wait: Wait::default(),
        };
        outputs.answered();
        // Somebody types, who may press Tab.
        if outputs.options.leave != Leave::AtOnce {
            outputs.ask(Pending::Names, Command::Directory(DirectoryCommand::List));
        }
        session.prompt(outputs);
        State::Session(Box::new(session))
    }

    pub(super) fn me(&self) -> &UserId {
        &self.model.account.user
    }

    pub(super) fn account(&self) -> &Account {
        &self.model.account
    }

    pub(super) fn asks(&self, outputs: &Outputs) -> bool {
        self.question.is_some()
            || (!outputs.is_waiting() && self.draining.is_none() && !matches!(self.focus, Focus::Calling { .. }))
    }

    /// When [`Input::Tick`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let told = self.news.values().filter_map(News::deadline).chain(self.unsent.deadline());
        told.chain(self.draining).chain(self.wait.deadline()).min()
    }

    pub(super) fn step(mut self: Box<Self>, input: Input, outputs: &mut Outputs) -> State {
        let end = match input {
            // It may be a passcode.
            Input::Line(line) => self.line(&Zeroizing::new(line), outputs),
            Input::CtrlC => self.ctrl_c(outputs),
            Input::CtrlD => self.ctrl_d(outputs),
            Input::End => self.end_of_input(outputs),
            Input::Tick => {
                self.tell_news(outputs);
                self.tell_unconfirmed(outputs);
                None
            }
            Input::Next => {
                self.next(outputs);
                None
            }
            Input::Notice(_, Notice::Session(SessionNotice::LoggedOut { why })) => Some(logged_out(why, outputs)),
            Input::Notice(_, notice) => {
                self.notice(notice, outputs);
                None
            }
            Input::Stop(_) | Input::EngineGone => None,
        };
        let end = end.or_else(|| outputs.gives_up_reading().then(|| outputs.leave(exit::USAGE)));
        if let Some(end) = end.or_else(|| self.drained(outputs)) {
            return end;
        }
        self.serve_the_waiting(outputs);
        if let Some(seconds) = self.wait.look(self.question.is_none() && outputs.is_waiting(), outputs.now) {
            outputs.say(&talk::no_answer_yet(seconds));
        }
        if let Some(question) = &self.question {
            let text = question.prompt();
            let echo = question.echo();
            return outputs.question(&text, echo, State::Session(self));
        }
        self.prompt(outputs);
        State::Session(self)
    }

    /// What stands in front of the entry; a question has its own.
    fn prompt(&self, outputs: &mut Outputs) {
        match &self.focus {
            _ if outputs.is_waiting() => outputs.no_prompt(Echo::Visible),
            Focus::Calling { .. } => outputs.no_prompt(Echo::Visible),
            Focus::Destination => {
                outputs.prompt(texts::DESTINATION, Echo::Visible, Lines::One, Some(String::new()));
            }
            Focus::Conversation(_) | Focus::Writing(_) => {
                let with = self.speaks_with().map(|with| with.to_string());
                outputs.prompt("", Echo::Visible, Lines::Many, with);
            }
        }
    }

    fn line(&mut self, line: &str, outputs: &mut Outputs) -> Option<State> {
        match self.question.take() {
            Some(question) if question.takes(line) => {
                self.answer(question, line, outputs);
                return None;
            }
            Some(question) => self.put_off(question, outputs),
            None => {}
        }
        let entry = match &self.focus {
            Focus::Conversation(_) | Focus::Writing(_) => grammar::in_conversation(line),
            Focus::Destination | Focus::Calling { .. } => {
                let known = |id: &UserId| self.model.people.existing().contains(id);
                grammar::at_destination(line, |id| id.filter(known).or_else(|| self.talked_with.clone()))
            }
        };
        self.asked_to_leave = None;
        if let (Some(file), Ok(Entry::Message(text))) = (self.offered.take(), &entry)
            && is_answer(text)
        {
            outputs.finish("");
            return self.no_answer(&file, text, outputs);
        }
        if grammar::reveals(line, &entry, &self.model.account.passcode) {
            outputs.finish("");
            outputs.say(texts::SECRET);
            return None;
        }
        if entry != Ok(Entry::Nothing) || self.focus == Focus::Destination {
            outputs.echo(line);
        }
        match entry {
            Err(grammar::Refused(why)) => {
                outputs.count_refused();
                outputs.say(&why);
            }
            Ok(Entry::Nothing) => {}
            Ok(Entry::Request(request)) => {
                outputs.answered();
                return self.request(request, outputs);
            }
            Ok(Entry::Destination(to)) => self.enter(to, outputs),
            Ok(Entry::Message(text)) => {
                if let Some(to) = self.speaks_with() {
                    self.breaks_silence(outputs);
                    self.send(to, text, outputs);
                }
            }
            Ok(Entry::Send { to, text }) => self.send(to, text, outputs),
        }
        None
    }

    fn request(&mut self, request: Request, outputs: &mut Outputs) -> Option<State> {
        match request {
            Request::Help(None) => help::overview().iter().for_each(|line| outputs.say(line)),
            Request::Help(Some(topic)) => help::about(topic).iter().for_each(|line| outputs.say(line)),
            Request::Version => outputs.say(&help::version()),
            Request::List => {
                outputs.ask(Pending::People, Command::Directory(DirectoryCommand::List));
            }
            Request::Switch(to) => self.switch(to, outputs),
            Request::End => match self.focus.clone() {
                Focus::Conversation(with) => self.end(with, talk::ENDED, outputs),
                Focus::Writing(_) => self.stop_writing(talk::ENDED, outputs),
                Focus::Destination | Focus::Calling { .. } => outputs.say(talk::NO_CONVERSATION),
            },
            Request::Logout => return Some(outputs.leave(exit::OK)),
            Request::Verify(of) => self.verify(of, outputs),
            Request::Passwd => self.begin_passwd(Purpose::Change(Opens::SameKey), outputs),
            Request::NewKey => self.begin_passwd(Purpose::Change(Opens::NewKey), outputs),
            request @ (Request::OfferFile { .. } | Request::File { .. } | Request::Files) => {
                self.file_request(request, outputs);
            }
            Request::Here(here) => self.here(here, outputs),
            request @ (Request::Group { .. }
            | Request::Away(_)
            | Request::History { .. }
            | Request::Find(_)
            | Request::Why(_)
            | Request::Block(_)
            | Request::Unblock(_)
            | Request::Receipts(_)
            | Request::Terminals
            | Request::RemoveTerminal(_)) => self.mail_request(request, outputs),
        }
        None
    }

    /// `/verify`, of the person being talked to unless somebody is named.
    fn verify(&mut self, of: Option<UserId>, outputs: &mut Outputs) {
        let current = match self.speaks_with() {
            Some(Conversation::User(with)) => Some(with),
            _ => None,
        };
        match of.or(current) {
            None => outputs.say(&help::wrong_arguments(&help::VERIFY)),
            Some(with) if with == *self.me() => {
                outputs.say(&talk::call_failed(&with, &CallFailed::Yourself, Acquaintance::Known));
            }
            Some(with) => {
                let command = Command::Contact(ContactCommand::SafetyNumber { with: with.clone() });
                outputs.ask(Pending::Number(with), command);
            }
        }
    }

    /// A text of somebody, with the author's name unless it is clear without.
    pub(super) fn show(&mut self, from: &UserId, text: &str, outputs: &mut Outputs) {
        let named = self.focus != Focus::Conversation(from.clone()) || self.must_be_named(text, outputs);
        let author = named.then(|| talk::author(from));
        let pair = Conversation::User(from.clone());
        self.show_text(text, outputs.date, author.as_deref().map(|words| Front::new(words, &pair, from)), outputs);
    }

    /// Whether the author is named even where it is clear who it is.
    pub(super) fn must_be_named(&self, text: &str, outputs: &Outputs) -> bool {
        let prompt = if self.focus == Focus::Destination { texts::DESTINATION } else { "" };
        outputs.options.names == Names::Always || self.question.is_some() || imitates_us(text, prompt)
    }
}

/// Whether a text is what one answers to a question.
fn is_answer(text: &str) -> bool {
    matches!(text.trim().to_lowercase().as_str(), "y" | "yes" | "n" | "no")
}

fn logged_out(why: LoggedOut, outputs: &mut Outputs) -> State {
    outputs.finish("");
    let (words, code) = texts::logged_out(why);
    outputs.say(words);
    outputs.exit(code)
}
