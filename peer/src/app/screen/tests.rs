//! The machine of the full screen, without a screen.

use std::time::{Duration, Instant};

use common::ident::{MessageId, UserId};
use common::msg::Registration;
use common::secret::Passcode;

use super::*;
use crate::app::line::{Names, Presence, Questions, Start};
use crate::app::sanitise::Glyphs;
use peer_core::command::{ContactCommand, KeyDecision};
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use peer_core::notice::{CallFailed, CallNotice, ContactNotice, KeyChange, MessageNotice, SessionNotice};

const PASSCODE: &str = "482193";
/// Of the conversation.
const ROWS: u16 = 20;

fn id(text: &str) -> UserId {
    UserId::parse(text).unwrap()
}

pub(super) fn options() -> Options {
    Options {
        start: Start::Login,
        user: Some(id("ali")),
        passcode: Some(Passcode::new(PASSCODE.to_owned())),
        server: "127.0.0.1:7420".to_owned(),
        names: Names::Auto,
        presence: Presence::Groups,
        time: crate::app::line::Time::Never,
        receipts: crate::app::line::Receipts::Late,
        queue: crate::app::line::Queue::Allowed,
        past: crate::app::line::Past::Forgotten,
        zone: jiff::tz::TimeZone::UTC,
        glyphs: Glyphs::Unicode,
        backlog: crate::app::line::Backlog::default(),
        leave: crate::app::line::Leave::AtOnce,
        grace: Duration::from_secs(1),
        patience: Duration::from_secs(10),
        questions: Questions::Allowed,
    }
}

pub(super) struct Scenery {
    pub(super) full: FullScreen,
    now: Now,
    pub(super) typed: String,
    pub(super) asked: Vec<String>,
    discarded: usize,
    /// Keys that no layer has consumed.
    pub(super) passed: Vec<String>,
    pub(super) exit: Option<i32>,
}

impl Scenery {
    pub(super) fn logged_in() -> Self {
        let now = Now { instant: Instant::now(), date: 1_795_183_320 };
        let (full, first) = FullScreen::new(options(), ScreenOptions::default(), now);
        let mut scenery =
            Self { full, now, typed: String::new(), asked: Vec::new(), discarded: 0, passed: Vec::new(), exit: None };
        scenery.carry_out(first);
        let (user, registration) = (id("ali"), Registration::Open);
        scenery.hears(Notice::Session(SessionNotice::Identified {
            user: user.clone(),
            known: Some(true),
            refused: None,
            registration,
            passcode_min: 6,
        }));
        scenery.hears(Notice::Session(SessionNotice::LoggedIn { user, address: "127.0.0.1:65000".parse().unwrap() }));
        scenery.asked.clear();
        scenery
    }

    /// With a layer in front.
    pub(super) fn with(layer: Layer) -> Self {
        let mut ali = Self::logged_in();
        ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
        ali.said("bianca", "one", 1);
        match layer {
            Layer::Page => ali.enters("/help"),
            Layer::Found => {
                let (words, records) = ("number".to_owned(), vec![record(9), record(1)]);
                ali.hears(Notice::Message(MessageNotice::Found { words, records }));
            }
            Layer::People => ali.presses(KeyAction::People),
            Layer::Opener => ali.presses(KeyAction::Open),
            Layer::Question => ali.key_of_bianca_changed(),
            Layer::Selection => ali.presses(KeyAction::SelectAbove),
            Layer::Composer => {}
        }
        ali.asked.clear();
        assert_eq!(ali.view().front(), layer);
        ali
    }

    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Command(told) => self.asked.push(crate::app::bare(&told.command)),
                Output::Entry(entry) => self.typed = entry,
                Output::DiscardTypeAhead => self.discarded += 1,
                Output::Exit(code) => self.exit = Some(code),
                Output::Copy(text) => self.asked.push(format!("copy {text}")),
                Output::Save { name, text } => self.asked.push(format!("save {name}: {text}")),
                Output::Bell => self.asked.push("bell".to_owned()),
                Output::Announce(text) => self.asked.push(text.as_str().to_owned()),
                Output::Edit(key) => self.passed.push(format!("{key:?}")),
                Output::Scroll(scroll) => self.passed.push(format!("{scroll:?}")),
                Output::LendToEditor => self.asked.push("editor".to_owned()),
                Output::Remember(_) | Output::Farewell(_) => {}
            }
        }
    }

    pub(super) fn gets(&mut self, input: Input) {
        let typed = self.typed.clone();
        let surface = Surface { typed: &typed, is_blank: typed.is_empty(), rows: ROWS, has_room_for_details: true };
        let output = self.full.handle(self.now, surface, input);
        self.carry_out(output);
    }

    pub(super) fn presses(&mut self, key: KeyAction) {
        self.gets(Input::Key(key));
    }

    pub(super) fn hears(&mut self, notice: Notice) {
        self.gets(Input::Notice(None, notice));
    }

    pub(super) fn enters(&mut self, line: &str) {
        self.typed.clear();
        self.gets(Input::Line(line.to_owned()));
    }

    fn passes(&mut self, time: Duration) {
        self.now.instant += time;
        self.gets(Input::Tick);
    }

    pub(super) fn view(&self) -> &View {
        match self.full.scene() {
            Scene::View(view) => view,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn said(&mut self, from: &str, text: &str, number: u8) {
        let (from, text, id) = (id(from), text.to_owned(), MessageId([number; 16]));
        self.hears(Notice::Message(MessageNotice::Text { from, text, id, date: 0 }));
    }

    pub(super) fn shows(&self, user: &str) -> bool {
        self.view().current == Some(Conversation::User(id(user)))
    }

    fn unread(&self) -> (usize, usize) {
        self.view().unread()
    }

    pub(super) fn key_of_bianca_changed(&mut self) {
        let (old, new) = ("48213".to_owned(), "10557".to_owned());
        self.hears(Notice::Contact(ContactNotice::KeyChanged {
            of: id("bianca"),
            how: KeyChange::Unconfirmed,
            since: 0,
            old,
            new,
        }));
    }
}

#[test]
fn somebody_who_connects_gets_the_screen_only_if_nobody_has_it() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    assert!(ali.shows("bianca"));
    ali.hears(Notice::Call(CallNotice::Received { from: id("carol") }));
    assert!(ali.shows("bianca") && ali.view().overlays.popups.newest().is_some());
    ali.presses(KeyAction::NextUnread);
    assert!(ali.shows("carol"));
}

#[test]
fn what_is_being_typed_waits_with_its_conversation() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.hears(Notice::Call(CallNotice::Received { from: id("carol") }));
    ali.typed = "half a li".to_owned();
    ali.presses(KeyAction::NextUnread);
    assert_eq!(ali.typed, "");
    ali.presses(KeyAction::Previous);
    assert!(ali.shows("bianca"));
    assert_eq!(ali.typed, "half a li");
}

#[test]
fn while_nobody_looks_messages_are_unread_and_stay_new_for_two_seconds() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.said("bianca", "one", 1);
    assert_eq!(ali.unread(), (0, 0));
    ali.gets(Input::Focus(Focus::Out));
    ali.said("bianca", "two", 2);
    ali.passes(Duration::from_secs(60));
    assert_eq!(ali.unread(), (1, 1));
    ali.gets(Input::Focus(Focus::In));
    assert_eq!(ali.unread(), (0, 0));
    assert!(ali.view().current_chat().unwrap().news.is_some());
    ali.passes(Duration::from_secs(2));
    assert_eq!(ali.view().current_chat().unwrap().news, None);
}

#[test]
fn a_changed_key_forgets_what_was_typed_and_sends_nothing_until_a_whole_word() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.typed = "accept".to_owned();
    ali.key_of_bianca_changed();
    assert_eq!((ali.typed.as_str(), ali.discarded), ("", 1));
    ali.asked.clear();
    for line in ["hello", "a", "yes", ""] {
        ali.enters(line);
    }
    assert!(ali.asked.is_empty(), "{:?}", ali.asked);
    ali.enters("accept");
    assert_eq!(
        ali.asked,
        [format!("{:?}", ContactCommand::DecideKey { of: id("bianca"), decision: KeyDecision::Accept })]
    );
}

#[test]
fn a_question_that_was_put_off_is_asked_whenever_the_conversation_is_shown() {
    let mut ali = Scenery::logged_in();
    ali.key_of_bianca_changed();
    assert!(ali.shows("bianca"));
    ali.presses(KeyAction::Edit(Key::Escape));
    assert_eq!(ali.view().current, None);
    ali.enters("bianca");
    assert!(matches!(ali.view().question(), Some(Question::Key { .. })));
    assert!(!ali.asked.iter().any(|command| command.starts_with("Place")), "{:?}", ali.asked);
}

#[test]
fn the_passcode_is_never_sent() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.asked.clear();
    for line in [PASSCODE, "@carol 482193", "/send bianca 482193"] {
        ali.enters(line);
    }
    assert!(!ali.asked.iter().any(|command| command.starts_with("Send")), "{:?}", ali.asked);
}

#[test]
fn ctrl_c_ends_the_conversation_and_pressed_twice_does_not_quit() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.presses(KeyAction::Interrupt);
    assert_eq!(ali.view().current, None);
    ali.presses(KeyAction::Interrupt);
    ali.passes(Duration::from_secs(2));
    ali.presses(KeyAction::Interrupt);
    assert!(ali.view().quit.confirm && ali.exit.is_none());
    ali.presses(KeyAction::Interrupt);
    ali.hears(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(ali.exit, Some(exit::INTERRUPT));
}

#[test]
fn who_looks_elsewhere_is_called_unless_that_is_not_wanted() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.asked.clear();
    ali.said("bianca", "one", 1);
    assert!(!ali.asked.contains(&"bell".to_owned()));
    ali.gets(Input::Focus(Focus::Out));
    ali.asked.clear();
    ali.said("bianca", "two", 2);
    assert_eq!(ali.asked, ["bell", "bianca: new message"]);
    ali.enters("/bell off");
    ali.asked.clear();
    ali.said("bianca", "three", 3);
    assert_eq!(ali.asked, ["bianca: new message"]);
    ali.enters("/mute");
    ali.asked.clear();
    ali.said("bianca", "four", 4);
    assert!(ali.asked.is_empty(), "{:?}", ali.asked);
    assert!(ali.view().is_muted(&Conversation::User(id("bianca"))));
}

#[test]
fn a_selected_message_is_copied_or_quoted() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Call(CallNotice::Received { from: id("bianca") }));
    ali.said("bianca", "one", 1);
    ali.said("bianca", "two", 2);
    for _ in 0..3 {
        ali.presses(KeyAction::SelectAbove);
    }
    assert_eq!(ali.view().selected_message().map(|message| message.text.as_str()), Some("one"));
    ali.presses(KeyAction::SelectBelow);
    ali.asked.clear();
    ali.presses(KeyAction::Edit(Key::Insert('c')));
    assert_eq!(ali.asked, ["copy two"]);
    assert_eq!(ali.view().selection.message, None);
    ali.typed = "yes".to_owned();
    ali.presses(KeyAction::SelectAbove);
    ali.presses(KeyAction::Edit(Key::Insert('r')));
    assert_eq!(ali.typed, "> two\nyes");
}

fn record(number: u8) -> StoredMessage {
    let name = MessageKey {
        conversation: Conversation::User(id("bianca")),
        author: id("bianca"),
        id: MessageId([number; 16]),
    };
    let text = format!("number {number}");
    StoredMessage { name, text, date: 0, arrived: 0, mark: DeliveryStatus::Received { read: true }, since: 0 }
}

#[test]
fn a_message_that_was_found_is_looked_for_as_far_back_as_it_is() {
    let mut ali = Scenery::logged_in();
    ali.hears(Notice::Message(MessageNotice::Found {
        words: "number".to_owned(),
        records: vec![record(9), record(1)],
    }));
    ali.presses(KeyAction::Edit(Key::Insert('n')));
    ali.enters("");
    assert!(ali.shows("bianca"));
    let with = Conversation::User(id("bianca"));
    let page: Vec<StoredMessage> = (10..110).map(record).collect();
    ali.asked.clear();
    ali.hears(Notice::Message(MessageNotice::History { with: with.clone(), records: page, unread: 0 }));
    assert!(ali.asked.iter().any(|command| command.starts_with("History")), "{:?}", ali.asked);
    assert_eq!(ali.view().selection.message, None);
    ali.hears(Notice::Message(MessageNotice::History { with, records: (1..10).map(record).collect(), unread: 0 }));
    assert_eq!(ali.view().selected_message().map(|message| message.text.as_str()), Some("number 1"));
    ali.presses(KeyAction::Edit(Key::Insert('N')));
    assert_eq!(ali.view().selected_message().map(|message| message.text.as_str()), Some("number 9"));
}

#[test]
fn a_conversation_that_was_begun_with_nobody_goes_again() {
    let mut ali = Scenery::logged_in();
    ali.enters("/switch biancca");
    assert!(ali.shows("biancca"));
    let why = CallFailed::NoSuchUser { near: Some(id("bianca")) };
    let failed = || Notice::Call(CallNotice::Failed { to: id("biancca"), why: why.clone() });
    ali.hears(failed());
    assert!(ali.view().current.is_none());
    let to = Conversation::User(id("biancca"));
    assert!(!ali.view().chats.contains_key(&to) && !ali.view().model.people.conversations().contains(&to));

    // What was said there stays.
    ali.said("biancca", "hello", 1);
    ali.enters("/switch biancca");
    ali.hears(failed());
    assert!(ali.shows("biancca"));
}
