//! Logged in: conversations, people, what lies above them; answers to keys and to the engine.

mod alerts;
mod calls;
mod chat;
mod commands;
mod groups;
mod mail;
mod navigation;
mod notices;
mod page;
mod questions;
mod selection;
mod transfers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::ident::{GroupName, UserId};

use super::{Action, Focus, Input, Now, Output};
use crate::app::exit;
use crate::app::line::{Echo, Lines, Options, Prompt};
use crate::app::model::{Account, Directory, Link, Model};
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts::{screen, talk};
pub(crate) use alerts::{Alerts, Ring, When};
use chat::Loaded;
pub(crate) use chat::{Anchor, Chat, Line, Message};
use page::Popup;
pub(crate) use page::{Overlay, Page};
use peer_core::command::{Command, DirectoryCommand, MessageCommand};
use peer_core::model::{Conversation, MessageKey};
pub(crate) use questions::Question;
use selection::Found;

/// Messages looked up at a time. Chosen arbitrarily: more than a screen holds.
pub(super) const PAGE: usize = 100;
/// How long new messages are on the screen until they are not new any more.
const SEEN_AFTER: Duration = Duration::from_secs(2);
const MINUTE: u64 = 60;

/// A page that an answer of the engine will fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    List,
    Members(GroupName),
    Why,
    Terminals,
    Number(UserId),
}

/// A session from `LoggedIn` to the logout.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) model: Model,
    /// The directory, as people call it.
    pub(crate) server: String,
    pub(crate) glyphs: Glyphs,
    pub(crate) now: Now,
    pub(crate) chats: BTreeMap<Conversation, Chat>,
    pub(crate) current: Option<Conversation>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) popup: Option<Popup>,
    /// Whether what is known of the conversation is shown beside it.
    pub(crate) details: bool,
    pub(crate) focus: Focus,
    pub(super) alerts: Alerts,
    /// The number of the message that is selected.
    pub(crate) selected: Option<i64>,
    pub(crate) found: Found,
    /// A message that was found and is to be shown.
    pub(super) sought: Option<MessageKey>,
    pub(super) questions: Vec<Question>,
    pub(super) awaited: Vec<Awaited>,
    /// What was being typed where no conversation was shown.
    pub(super) draft: String,
    pub(super) typed: String,
    /// CTRL-C was pressed where the next one quits.
    pub(super) quit_confirm: bool,
    /// When CTRL-C ended a conversation.
    pub(super) ended_at: Option<Instant>,
    pub(super) grace: Duration,
    leaving: Option<i32>,
    out: Vec<Output>,
}

impl View {
    pub(super) fn begin(account: Account, options: &Options, alerts: Alerts, now: Now) -> (Self, Vec<Output>) {
        let mut model = Model::new(account);
        model.muted.clone_from(&alerts.muted);
        let mut view = Self {
            model,
            server: options.server.clone(),
            glyphs: options.glyphs,
            now,
            chats: BTreeMap::new(),
            current: None,
            overlay: None,
            popup: None,
            details: true,
            focus: Focus::In,
            alerts,
            selected: None,
            found: Found::default(),
            sought: None,
            questions: Vec::new(),
            awaited: Vec::new(),
            draft: String::new(),
            typed: String::new(),
            quit_confirm: false,
            ended_at: None,
            grace: options.grace,
            leaving: None,
            out: Vec::new(),
        };
        view.command(Command::Directory(DirectoryCommand::List));
        view.put(Output::Entry(String::new()));
        let first = std::mem::take(&mut view.out);
        (view, first)
    }

    /// What stands in front of the entry, and how the entry is treated.
    pub(super) fn prompt(&self) -> Prompt {
        let (text, echo, lines, place) = match (self.question(), &self.overlay, &self.current) {
            (Some(question), _, _) => (question.prompt(), question.echo(), Lines::One, None),
            (None, Some(Overlay::Opener { .. }), _) => (screen::OPEN.to_owned(), Echo::Visible, Lines::One, None),
            (None, _, Some(to)) => (screen::ENTRY.to_owned(), Echo::Visible, Lines::Many, Some(to.to_string())),
            (None, _, None) => (screen::ENTRY.to_owned(), Echo::Visible, Lines::One, Some(String::new())),
        };
        Prompt { text: SafeText::ours(&text), echo, lines, history: place }
    }

    /// When the clock changes something that is shown.
    pub(super) fn deadline(&self, now: Now) -> Option<Instant> {
        let next_minute = now.instant + Duration::from_secs(MINUTE - now.date % MINUTE);
        let seen = self.current_chat().and_then(|chat| chat.shown.filter(|_| chat.news.is_some()));
        let retry = match self.model.directory {
            Directory::Lost { retry } if retry > now.instant => Some(now.instant + Duration::from_secs(1)),
            _ => None,
        };
        [Some(next_minute), seen.map(|since| since + SEEN_AFTER), retry].into_iter().flatten().min()
    }

    /// The user of this terminal.
    pub(crate) fn me(&self) -> &UserId {
        &self.model.account.user
    }

    /// What is known of the connection to the user of a conversation.
    pub(crate) fn link(&self, to: &Conversation) -> Link {
        match to {
            Conversation::User(user) => self.model.conversations.link(user),
            Conversation::Group(_) | Conversation::Everyone => Link::None,
        }
    }

    /// The exit code, once the person wants to leave.
    pub(super) fn leaves(&self) -> Option<i32> {
        self.leaving
    }

    pub(super) fn leave(&mut self, code: i32) {
        self.leaving = Some(code);
    }

    pub(super) fn handle(&mut self, now: Now, typed: &str, input: Input) -> Vec<Output> {
        self.now = now;
        typed.clone_into(&mut self.typed);
        if !matches!(input, Input::CtrlC | Input::Tick | Input::Notice(_) | Input::Focus(_)) {
            self.quit_confirm = false;
        }
        match input {
            Input::Line(line) => self.line(&line),
            Input::CtrlC => self.ctrl_c(),
            Input::CtrlD => self.ctrl_d(),
            Input::Do(action) => self.act(action),
            Input::Focus(focus) => self.look(focus),
            Input::Scrolled(anchor) => {
                if let Some(chat) = self.current_chat_mut() {
                    chat.anchor = anchor;
                }
            }
            Input::Tell(words) => self.tell(&words),
            Input::Older => self.look_up_older(PAGE),
            Input::Notice(notice) => self.notice(notice),
            Input::Tick | Input::Stop(_) | Input::EngineGone => {}
        }
        self.age_news();
        std::mem::take(&mut self.out)
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::NextUnread => self.next_unread(),
            Action::Previous => self.step(-1),
            Action::Next => self.step(1),
            Action::Nth(number) => {
                let to = number.checked_sub(1).and_then(|place| self.model.people.conversations().get(place).cloned());
                to.into_iter().for_each(|to| self.show(to));
            }
            Action::Open => self.toggle(Overlay::Opener { selected: 0 }),
            Action::People => self.toggle(Overlay::People { selected: 0 }),
            Action::Details => self.details = !self.details,
            Action::Escape => self.escape(),
            Action::Up => self.move_overlay(-1, &self.typed.clone()),
            Action::Down => self.move_overlay(1, &self.typed.clone()),
            Action::Quit => self.leave(exit::OK),
            action => self.act_on_messages(action),
        }
    }

    /// CTRL-C: ends the smallest thing there is to end.
    fn ctrl_c(&mut self) {
        if self.ended_at.take().is_some_and(|then| self.now.instant.saturating_duration_since(then) < self.grace) {
            return;
        }
        if self.overlay.is_some() || self.question().is_some() {
            self.escape();
        } else if self.current.is_some() {
            self.end(talk::ENDED_LOCAL);
        } else if !self.typed.is_empty() {
            self.put(Output::Entry(String::new()));
        } else if self.quit_confirm {
            self.leave(exit::INTERRUPT);
        } else {
            self.quit_confirm = true;
        }
    }

    fn ctrl_d(&mut self) {
        if self.overlay.is_some() || self.question().is_some() {
            self.escape();
        } else if self.current.is_some() {
            self.end(talk::ENDED);
        } else {
            self.leave(exit::OK);
        }
    }

    /// Closes what lies above, or puts a question off.
    fn escape(&mut self) {
        match self.overlay.take() {
            Some(Overlay::Opener { .. }) => self.give_entry_back(),
            Some(_) => {}
            None if self.question().is_some() => self.put_off(),
            None if self.selected.is_some() => self.selected = None,
            None => {
                self.popup = None;
                if let Some(chat) = self.current_chat_mut() {
                    chat.anchor = None;
                }
            }
        }
    }

    fn toggle(&mut self, overlay: Overlay) {
        if self.overlay.as_ref().map(std::mem::discriminant) == Some(std::mem::discriminant(&overlay)) {
            return self.escape();
        }
        if self.question().is_none() {
            if let Overlay::Opener { .. } = overlay {
                self.put_entry_away();
                self.put(Output::Entry(String::new()));
            }
            self.overlay = Some(overlay);
        }
    }

    /// The person looks here, or away.
    fn look(&mut self, focus: Focus) {
        self.focus = focus;
        if let Some(to) = self.current.clone() {
            self.saw(&to);
        }
    }

    /// What arrived is on a screen that somebody looks at.
    pub(super) fn saw(&mut self, to: &Conversation) {
        let (focus, instant) = (self.focus, self.now.instant);
        let chat = self.chat(to);
        chat.incoming_call = false;
        chat.mentioned = false;
        chat.shown = (focus == Focus::In).then(|| chat.shown.unwrap_or(instant));
        if focus == Focus::In && self.model.conversations.saw(to) {
            self.command(Command::Message(MessageCommand::Seen { with: to.clone() }));
        }
    }

    /// What has been looked at long enough is not new any more.
    fn age_news(&mut self) {
        let now = self.now.instant;
        if let Some(chat) = self.current_chat_mut()
            && chat.shown.is_some_and(|since| now.saturating_duration_since(since) >= SEEN_AFTER)
            && chat.anchor.is_none()
        {
            chat.news = None;
        }
    }

    /// Older messages than those that are here.
    pub(super) fn look_up_older(&mut self, count: usize) {
        let Some(with) = self.current.clone() else { return };
        let chat = self.chat(&with);
        if chat.loaded != Loaded::Some {
            return;
        }
        chat.loaded = Loaded::Asked(count);
        let before = chat.oldest().map(|message| MessageKey {
            conversation: with.clone(),
            author: message.author.clone(),
            id: message.id,
        });
        self.command(Command::Message(MessageCommand::History { with, count, before }));
    }

    /// Messages that were not seen, and in how many conversations.
    pub(crate) fn unread(&self) -> (usize, usize) {
        self.model.conversations.all_unread()
    }

    /// Whether CTRL-C quits if it is pressed once more.
    pub(crate) fn is_quit_confirm(&self) -> bool {
        self.quit_confirm
    }

    pub(crate) fn current_chat(&self) -> Option<&Chat> {
        self.chats.get(self.current.as_ref()?)
    }

    pub(super) fn current_chat_mut(&mut self) -> Option<&mut Chat> {
        self.chats.get_mut(self.current.as_ref()?)
    }

    pub(super) fn chat(&mut self, to: &Conversation) -> &mut Chat {
        self.chats.entry(to.clone()).or_default()
    }

    pub(super) fn is_current(&self, to: &Conversation) -> bool {
        self.current.as_ref() == Some(to)
    }

    pub(super) fn put(&mut self, output: Output) {
        if let Output::Entry(entry) = &output {
            entry.clone_into(&mut self.typed);
        }
        self.out.push(output);
    }

    pub(super) fn command(&mut self, command: Command) {
        self.put(Output::Command(command));
    }

    /// The page that is being read.
    pub(crate) fn page(&self) -> Option<&Page> {
        if let Some(Overlay::Page(page)) = &self.overlay { Some(page) } else { None }
    }
}
