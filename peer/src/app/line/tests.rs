//! Transcripts: what stands on the screen after a user and an engine have done their parts.

use std::net::SocketAddr;

use common::ident::{GroupName, KeyDigest, MessageId};
use common::msg::Registration;

mod groups;
mod incoming_mail;
mod local_commands;
mod login;
mod mail;
mod questions;
mod session;
mod succession;

use super::*;
use peer_core::command::{Answer, Command, KeyDecision, MessageCommand, Ticket};
use peer_core::model::{Conversation, DeliveryStatus};
use peer_core::notice::{
    AfterLoss, Arrival, CallFailed, CallNotice, EndedBy, GroupNews, KeyState, LoginRefused, MessageNotice, Next,
    NotChanged, Person, Role, SessionNotice,
};

/// A screen as a pipe sees it, an entry, and the commands sent.
struct Scene {
    machine: LineTerminal,
    now: Instant,
    screen: String,
    /// The prompt that stands open on the last line.
    open: Option<String>,
    /// What is being done, where no prompt stands.
    meanwhile: String,
    entry: String,
    commands: Vec<Command>,
    exit: Option<i32>,
}

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

fn message(number: u8) -> MessageId {
    MessageId([number; 16])
}

/// It is always two minutes past two.
fn at(instant: Instant) -> Now {
    Now { instant, date: 14 * 3600 + 120 }
}

fn options() -> Options {
    Options {
        start: Start::Login,
        user: None,
        passcode: None,
        server: "127.0.0.1:7420".into(),
        names: Names::Auto,
        presence: Presence::Groups,
        time: Time::Never,
        receipts: Receipts::Late,
        queue: Queue::Allowed,
        past: Past::Forgotten,
        zone: jiff::tz::TimeZone::UTC,
        glyphs: Glyphs::Unicode,
        grace: Duration::from_secs(1),
        backlog: Backlog::default(),
        leave: Leave::AtOnce,
        patience: Duration::from_secs(10),
        questions: Questions::Allowed,
    }
}

impl Scene {
    fn new(options: Options) -> Self {
        let now = Instant::now();
        let (machine, output) = LineTerminal::new(options, at(now));
        let mut scene = Self {
            machine,
            now,
            screen: String::new(),
            open: None,
            meanwhile: String::new(),
            entry: String::new(),
            commands: Vec::new(),
            exit: None,
        };
        scene.show(output);
        scene
    }

    /// Logged in as ali, at the destination prompt, with an empty screen above.
    fn logged_in() -> Self {
        let mut scene = Self::new(Options { user: Some(id("ali")), ..options() });
        scene.notice(identified("ali", Some(true)));
        scene.types("482193");
        scene.notice(logged_in("ali"));
        scene.screen.clear();
        scene.commands.clear();
        scene
    }

    /// In a conversation with bianca, with an empty screen above.
    fn talking() -> Self {
        let mut scene = Self::logged_in();
        scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
        scene.screen.clear();
        scene.commands.clear();
        scene
    }

    fn show(&mut self, output: Vec<Output>) {
        for output in output {
            if !matches!(output, Output::Command(_)) {
                self.meanwhile.clear();
            }
            match output {
                Output::Print(line)
                | Output::Earlier(line)
                | Output::Remote { line, .. }
                | Output::Progress { row: Some(line), quarter: true, .. } => {
                    self.screen += line.as_str();
                    self.screen += "\n";
                }
                Output::Prompt(prompt) => self.open = Some(prompt.text.as_str().to_owned()).filter(|t| !t.is_empty()),
                Output::Echo(typed) => {
                    let prompt = self.open.take().unwrap_or_default();
                    self.screen += &format!("{prompt}{typed}\n");
                }
                Output::Finish(result) => {
                    if let Some(prompt) = self.open.take() {
                        self.screen += &format!("{prompt}{}{}\n", self.entry, result.as_str());
                    }
                }
                Output::Entry(entry) => self.entry = entry,
                Output::DiscardTypeAhead => self.entry.clear(),
                Output::Picture(_) => self.screen += "(QR)\n",
                Output::Past { place, entries } => self.screen += &format!("({place}: {entries:?})\n"),
                Output::Meanwhile(what) => self.meanwhile = what.as_str().to_owned(),
                Output::Progress { .. } => {}
                Output::Bell => self.screen += "(bell)\n",
                Output::Copy(text) => self.screen += &format!("(copied {text:?})\n"),
                Output::Edit => self.screen += "(edit)\n",
                Output::Command(told) => self.commands.push(told.command),
                Output::Exit(code) => self.exit = Some(code),
            }
        }
    }

    fn input(&mut self, input: Input) {
        let typed = self.entry.clone();
        let output = self.machine.handle(at(self.now), &typed, input);
        self.show(output);
    }

    fn types(&mut self, line: &str) {
        self.entry.clear();
        self.input(Input::Line(line.to_owned()));
    }

    fn notice(&mut self, notice: Notice) {
        self.input(Input::Notice(None, notice));
    }

    /// The screen with the open prompt and the entry.
    fn seen(&self) -> String {
        let open = self.open.clone().unwrap_or_else(|| self.meanwhile.clone());
        format!("{}{open}{}", self.screen, self.entry)
    }

    /// What the engine was asked, besides that something was seen.
    fn sent(&mut self) -> Vec<String> {
        let asked =
            self.commands.drain(..).filter(|command| !matches!(command, Command::Message(MessageCommand::Seen { .. })));
        let ticket = format!(", ticket: {:?}", Ticket::default());
        asked.map(|command| crate::app::bare(&command).replace(&ticket, "")).collect()
    }

    /// What the engine was told that the user has seen.
    fn marked_as_seen(&mut self) -> Vec<Conversation> {
        let seen =
            |command| if let Command::Message(MessageCommand::Seen { with }) = command { Some(with) } else { None };
        self.commands.drain(..).filter_map(seen).collect()
    }

    /// So much time passes, and the clock is heard if it was asked for.
    fn waits(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        if self.machine.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.input(Input::Tick);
        }
    }

    /// At the destination prompt bianca was called, who is offline; the screen above is empty.
    fn writing() -> Self {
        let mut scene = Self::logged_in();
        scene.types("bianca");
        scene.notice(Notice::Call(CallNotice::Offline { with: id("bianca") }));
        scene.screen.clear();
        scene.commands.clear();
        scene
    }

    /// In #team, with an empty screen above.
    fn in_team() -> Self {
        let mut scene = Self::logged_in();
        scene.types("#team");
        scene.notice(Notice::Group { group: team(), news: three_members() });
        scene.screen.clear();
        scene.commands.clear();
        scene
    }
}

fn identified(user: &str, known: Option<bool>) -> Notice {
    Notice::Session(SessionNotice::Identified {
        user: id(user),
        known,
        refused: None,
        registration: Registration::Open,
        passcode_min: 6,
    })
}

fn logged_in(user: &str) -> Notice {
    Notice::Session(SessionNotice::LoggedIn { user: id(user), address: SocketAddr::from(([127, 0, 0, 1], 65_000)) })
}

fn team() -> GroupName {
    GroupName::parse("team").unwrap()
}

fn with(user: &str) -> Conversation {
    Conversation::User(id(user))
}

fn in_group() -> Conversation {
    Conversation::Group(team())
}

fn three_members() -> GroupNews {
    let members = [("ali", Role::Admin), ("bianca", Role::Member), ("carol", Role::Member)];
    GroupNews::Members { members: members.map(|(user, role)| (id(user), role)).into(), waiting: Vec::new() }
}

/// A text that arrives by mail; 20 November, 14:02.
fn arrival(conversation: Conversation, from: &str, text: &str) -> Arrival {
    Arrival { conversation, from: id(from), id: message(0), text: text.into(), date: 1_795_183_320, waited: false }
}

fn arrives(conversation: Conversation, from: &str, text: &str) -> Notice {
    Notice::Message(MessageNotice::Arrived(vec![arrival(conversation, from, text)]))
}

fn waited(conversation: Conversation, from: &str, text: &str) -> Arrival {
    Arrival { waited: true, ..arrival(conversation, from, text) }
}

fn online(user: &str) -> Person {
    Person { user: id(user), online_since: Some(1), away: None, unread: 0, chosen: true, key: KeyState::NotVerified }
}

fn text(from: &str, text: &str) -> Notice {
    Notice::Message(MessageNotice::Text { from: id(from), text: text.into(), id: message(0), date: 0 })
}
