//! Logged in: the destination prompt, calls, and conversations, of which at most one has the keyboard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use common::ident::{GroupName, TerminalId, UserId};
use common::secret::Passcode;

use super::arrivals::News;
use super::files::Told;
use super::here::Habits;
use super::outgoing::Unsent;
use super::past::LookedBack;
use super::question::Question;
use super::stage::Stage;
use super::{Echo, Input, Lines, Names, State};
use crate::app::exit;
use crate::app::grammar::{self, Entry, Request};
use crate::app::sanitise::imitates_us;
use crate::app::texts::talk::{self, Acquaintance};
use crate::app::texts::{self, help, mail};
use peer_core::command::{Command, ContactCommand, DirectoryCommand};
use peer_core::notice::{
    CallFailed, CallNotice, CallerRefused, ContactNotice, DirectoryNotice, FileNotice, LoggedOut, MessageNotice,
    Notice, SessionNotice,
};
use peer_core::persistence::Conversation;

/// What the person at the keyboard is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Floor {
    /// At the destination prompt.
    Destination,
    /// Waiting for `to`; `back` is what the person was doing.
    Calling { to: UserId, back: Box<Floor>, occasion: Occasion },
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

/// An answer of the engine that the next prompt waits for, so that a script reads it in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pending {
    People,
    Number(UserId),
    Decision(UserId),
    Confirmation,
    /// A wish about this group.
    Group(GroupName),
    /// Whether the person is a member of this group, to write to it.
    Entering(GroupName),
    /// A change of the passcode.
    Passcode,
    /// Anything else.
    Answer,
}

/// A session from `LoggedIn` to the logout.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: UserId,
    /// Kept so that it is never sent as a message.
    pub(super) passcode: Passcode,
    pub(super) passcode_min: u16,
    /// The one that the directory was asked to change it to.
    pub(super) new_passcode: Option<Passcode>,
    pub(super) floor: Floor,
    pub(super) pending: Option<Pending>,
    /// The question that is being asked, and those that wait until nobody is being talked to.
    pub(super) question: Option<Question>,
    pub(super) questions: Vec<Question>,
    /// Connected, but without the keyboard; `Unseen` since the call came in.
    pub(super) standing: Vec<(UserId, Seen)>,
    /// Unfinished entries: at the destination prompt, and by whom they were meant for.
    pub(super) drafts: BTreeMap<Option<Conversation>, String>,
    /// Ids that exist for sure.
    pub(super) known: BTreeSet<UserId>,
    /// Who left while this person was logged in, and when.
    pub(super) gone: BTreeMap<UserId, u64>,
    /// As they were listed last, so that they have numbers.
    pub(super) terminals: Vec<TerminalId>,
    /// What arrived from users who do not have the screen.
    pub(super) news: BTreeMap<UserId, News>,
    /// Files on their way.
    pub(super) files: Told,
    pub(super) unsent: Unsent,
    pub(super) habits: Habits,
    /// Conversations whose past was asked for, and the lookups whose answers have not come.
    pub(super) past: LookedBack,
    /// The input has ended; what is unsent has until then.
    pub(super) draining: Option<Instant>,
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
    pub(super) fn begin(user: UserId, passcode: Passcode, passcode_min: u16, stage: &mut Stage) -> State {
        let session = Self {
            user,
            passcode,
            passcode_min,
            new_passcode: None,
            floor: Floor::Destination,
            pending: None,
            question: None,
            questions: Vec::new(),
            standing: Vec::new(),
            drafts: BTreeMap::new(),
            known: BTreeSet::new(),
            gone: BTreeMap::new(),
            terminals: Vec::new(),
            news: BTreeMap::new(),
            files: Told::default(),
            unsent: Unsent::default(),
            habits: Habits::new(stage.options.time),
            past: LookedBack::default(),
            draining: None,
            ended_at: None,
        };
        session.prompt(stage);
        State::Session(Box::new(session))
    }

    pub(super) fn entered(&self) -> super::Entered {
        let Self { user, passcode, passcode_min, .. } = self;
        super::Entered { user: user.clone(), passcode: passcode.clone(), passcode_min: *passcode_min }
    }

    pub(super) fn asks(&self) -> bool {
        self.question.is_some()
            || (self.pending.is_none() && self.draining.is_none() && !matches!(self.floor, Floor::Calling { .. }))
    }

    /// When [`Input::Tick`] is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.news.values().filter_map(News::deadline).chain(self.draining).min()
    }

    pub(super) fn step(mut self: Box<Self>, input: Input, stage: &mut Stage) -> State {
        let end = match input {
            Input::Line(line) => self.line(&line, stage),
            Input::CtrlC => self.ctrl_c(stage),
            Input::CtrlD => self.ctrl_d(stage),
            Input::End => self.end_of_input(stage),
            Input::Tick => {
                self.tell_news(stage);
                None
            }
            Input::Next => {
                self.next(stage);
                None
            }
            Input::Notice(Notice::Session(SessionNotice::LoggedOut { why })) => Some(logged_out(why, stage)),
            Input::Notice(notice) => {
                self.notice(notice, stage);
                None
            }
            Input::Stop(_) | Input::EngineGone => None,
        };
        if let Some(end) = end.or_else(|| self.drained(stage)) {
            return end;
        }
        self.serve_the_waiting(stage);
        if let Some(question) = &self.question {
            let text = question.prompt();
            let echo = question.echo();
            return stage.question(&text, echo, State::Session(self));
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
                stage.prompt(texts::DESTINATION, Echo::Visible, Lines::One, Some(String::new()));
            }
            Floor::Conversation(_) | Floor::Writing(_) => {
                let with = self.speaks_with().map(|with| with.to_string());
                stage.prompt("", Echo::Visible, Lines::Many, with);
            }
        }
    }

    fn line(&mut self, line: &str, stage: &mut Stage) -> Option<State> {
        match self.question.take() {
            Some(question) if question.takes(line) => {
                self.answer(question, line, stage);
                return None;
            }
            Some(question) => self.put_off(question, stage),
            None => {}
        }
        let entry = match &self.floor {
            Floor::Conversation(_) | Floor::Writing(_) => grammar::in_conversation(line),
            Floor::Destination | Floor::Calling { .. } => grammar::at_destination(line),
        };
        if grammar::reveals(line, &entry, &self.passcode) {
            stage.finish("");
            stage.say(texts::SECRET);
            return None;
        }
        if entry != Ok(Entry::Nothing) || self.floor == Floor::Destination {
            stage.echo(line);
        }
        match entry {
            Err(grammar::Refused(why)) => stage.say(&why),
            Ok(Entry::Nothing) => {}
            Ok(Entry::Request(request)) => return self.request(request, stage),
            Ok(Entry::Destination(to)) => self.enter(to, stage),
            Ok(Entry::Message(text)) => {
                if let Some(to) = self.speaks_with() {
                    self.breaks_silence(stage);
                    self.send(to, text, stage);
                }
            }
            Ok(Entry::Send { to, text }) => self.send(to, text, stage),
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
                stage.command(Command::Directory(DirectoryCommand::List));
            }
            Request::Switch(to) => self.switch(to, stage),
            Request::End => match self.floor.clone() {
                Floor::Conversation(with) => self.end(with, talk::ENDED, stage),
                Floor::Writing(_) => self.stop_writing(talk::ENDED, stage),
                Floor::Destination | Floor::Calling { .. } => stage.say(talk::NO_CONVERSATION),
            },
            Request::Logout => return Some(stage.leave(exit::OK)),
            Request::Verify(of) => self.verify(of, stage),
            Request::Passwd => self.begin_passwd(stage),
            request @ (Request::OfferFile { .. } | Request::File { .. } | Request::Files) => {
                self.file_request(request, stage);
            }
            Request::Here(here) => self.here(here, stage),
            request => self.mail_request(request, stage),
        }
        None
    }

    /// `/verify`, of the person being talked to unless somebody is named.
    fn verify(&mut self, of: Option<UserId>, stage: &mut Stage) {
        let current = match self.speaks_with() {
            Some(Conversation::User(with)) => Some(with),
            _ => None,
        };
        match of.or(current) {
            None => stage.say(&help::wrong_arguments(&help::VERIFY)),
            Some(with) if with == self.user => {
                stage.say(&talk::call_failed(&with, &CallFailed::Yourself, Acquaintance::Known));
            }
            Some(with) => {
                stage.command(Command::Contact(ContactCommand::SafetyNumber { with: with.clone() }));
                self.pending = Some(Pending::Number(with));
            }
        }
    }

    /// What the directory was asked is not answered any more: the prompt comes back.
    fn give_up_waiting(&mut self) {
        self.pending.take_if(|pending| matches!(pending, Pending::People | Pending::Group(_) | Pending::Answer));
    }

    fn notice(&mut self, notice: Notice, stage: &mut Stage) {
        match notice {
            Notice::Message(MessageNotice::Text { from, text, .. }) => self.show(&from, &text, stage),
            Notice::Call(CallNotice::Established { with }) => self.established(with, stage),
            Notice::Call(CallNotice::Received { from }) => self.received(from, stage),
            Notice::Call(CallNotice::Ended { with, by }) => self.ended(&with, by, stage),
            Notice::Call(CallNotice::LinkLost { with, then }) => self.lost(&with, then, stage),
            Notice::Call(CallNotice::Failed { to, why }) => self.call_failed(&to, &why, stage),
            Notice::Call(CallNotice::Asked { from }) => self.asked(from, stage),
            Notice::Call(CallNotice::AskedNoMore { from }) => self.asked_no_more(&from, stage),
            Notice::Contact(ContactNotice::KeyChanged { of, since, old, new }) => {
                self.key_changed(of, since, old, new, stage)
            }
            Notice::Contact(ContactNotice::KeyDecided { of, decision }) => self.key_decided(&of, decision, stage),
            Notice::Contact(ContactNotice::SafetyNumber { with, digits, .. }) => {
                self.safety_number(with, digits, stage)
            }
            Notice::Contact(ContactNotice::NumberConfirmed { with, verified }) => {
                self.pending = None;
                stage.say(&talk::number_confirmed(&with, verified));
            }
            // Shown together with KeyChanged, which says more.
            Notice::Call(CallNotice::CallerRefused { why: CallerRefused::KeyChanged, .. }) => {}
            Notice::Call(CallNotice::CallerRefused { claimed, source, why }) => {
                stage.say(&talk::caller_refused(claimed.as_ref(), source.ip(), why));
            }
            Notice::Directory(DirectoryNotice::People { people, groups }) => {
                self.pending = None;
                self.known.extend(people.iter().map(|person| person.user.clone()));
                let gone = |user: &UserId| self.gone.get(user).copied();
                texts::format::people(&people, &groups, gone).iter().for_each(|row| stage.say(row));
            }
            Notice::Directory(DirectoryNotice::NoPeople) => {
                let listing = self.pending.take() == Some(Pending::People);
                stage.say(if listing { talk::NO_LIST } else { mail::OUT_OF_REACH });
            }
            Notice::Session(SessionNotice::PasscodeChanged) => self.passcode_changed(stage),
            Notice::Session(SessionNotice::PasscodeNotChanged(why)) => self.passcode_not_changed(why, stage),
            Notice::Session(SessionNotice::FormerPasscode) => stage.say(texts::passcode::FORMER),
            Notice::Session(SessionNotice::AlsoElsewhere { user }) => stage.say(&texts::also_elsewhere(&user)),
            Notice::Directory(DirectoryNotice::Lost { retry_in }) => {
                self.give_up_waiting();
                stage.say(&texts::server_lost(retry_in));
            }
            Notice::Directory(DirectoryNotice::NotItself(failure)) => {
                texts::failure::report(&failure).lines.iter().for_each(|line| stage.say(line));
            }
            Notice::Session(SessionNotice::NotKept { detail }) => stage.say(&texts::not_kept(&detail)),
            Notice::Directory(DirectoryNotice::Back) => stage.say(texts::SERVER_BACK),
            Notice::Directory(DirectoryNotice::TooFast { retry_after }) => {
                self.give_up_waiting();
                stage.say(&texts::too_fast(retry_after));
            }
            // They belong to the entrance, or are taken before they come here.
            Notice::Session(SessionNotice::FirstContact { .. })
            | Notice::Session(SessionNotice::Identified { .. })
            | Notice::Session(SessionNotice::InviteProved { .. })
            | Notice::Session(SessionNotice::Registered { .. })
            | Notice::Session(SessionNotice::RegisterRefused { .. })
            | Notice::Session(SessionNotice::LoginRefused { .. })
            | Notice::Session(SessionNotice::LoggedIn { .. })
            | Notice::Session(SessionNotice::LoggedOut { .. })
            | Notice::Session(SessionNotice::Failed(_)) => {}
            notice @ (Notice::File(FileNotice::News { .. })
            | Notice::File(FileNotice::All(_))
            | Notice::File(FileNotice::Unknown { .. })
            | Notice::File(FileNotice::NotRead { .. })
            | Notice::File(FileNotice::NotOffered { .. })) => self.file_notice(notice, stage),
            notice => self.mail_notice(notice, stage),
        }
    }

    /// A text of somebody, with the author's name unless it is clear without.
    fn show(&mut self, from: &UserId, text: &str, stage: &mut Stage) {
        let named = self.floor != Floor::Conversation(from.clone()) || self.must_be_named(text, stage);
        let author = named.then(|| talk::author(from));
        self.show_text(text, stage.date, author.as_deref(), stage);
    }

    /// Whether the author is named even where it is clear who it is.
    pub(super) fn must_be_named(&self, text: &str, stage: &Stage) -> bool {
        let prompt = if self.floor == Floor::Destination { texts::DESTINATION } else { "" };
        stage.options.names == Names::Always || self.question.is_some() || imitates_us(text, prompt)
    }
}

fn logged_out(why: LoggedOut, stage: &mut Stage) -> State {
    stage.finish("");
    let (words, code) = texts::logged_out(why);
    stage.say(words);
    stage.exit(code)
}
