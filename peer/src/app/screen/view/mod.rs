//! Logged in: the layers of the screen, and what becomes of keys, lines and notices.
//!
//! ```text
//! key  ──► Page, Found, People, Opener ──► Question ──► Selection ──► Composer ──► the entry (in the front end)
//! Notice ──► model ──► calls, mail, groups, transfers, notices
//! ```
//!
//! Each layer has a file with its keys: [`page`], [`found`], [`opener`] (and the people), [`questions`], [`selection`],
//! [`composer`]. [`navigation`] says which conversation is shown, [`commands`] what entered lines ask for.

mod alerts;
mod calls;
mod chat;
mod commands;
mod composer;
mod found;
mod groups;
mod mail;
mod navigation;
mod notices;
mod opener;
mod page;
mod questions;
mod quit;
mod selection;
#[cfg(test)]
mod tests;
mod transfers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::ident::{GroupName, UserId};
use jiff::tz::TimeZone;

use super::{Clock, Focus, Input, Now, Output, ScreenOptions, Surface, Target};
use crate::app::grammar::Switch;
use crate::app::keys::{Key, KeyAction, KeyHelp};
use crate::app::line::{Echo, Lines, Options, Prompt};
use crate::app::model::{Account, Directory, Link, Model};
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts::screen;
use crate::app::tickets::PendingTickets;
use alerts::Attention;
pub(crate) use alerts::{Alerts, Ring, When};
pub(crate) use chat::{Anchor, Chat, Line, Message};
use composer::Composer;
pub(crate) use opener::Choice;
pub(crate) use page::{Overlay, Page};
use page::{Overlays, Standing};
use peer_core::command::{Command, DirectoryCommand, SessionCommand, Ticket, TicketedCommand};
use peer_core::model::Conversation;
pub(crate) use questions::Question;
use quit::Quit;
use selection::Selection;
use zeroize::Zeroizing;

/// Messages looked up at a time. Chosen arbitrarily: more than a screen holds.
pub(super) const PAGE: usize = 100;
const MINUTE: u64 = 60;

/// Something that an answer of the engine will fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    List,
    Members(GroupName),
    Why,
    Terminals,
    Number(UserId),
}

/// The layers of the screen. A key goes through those that are open, from the front to the back, until one consumes it;
/// they are drawn from the back to the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Something to read.
    Page,
    /// What a search has found, to choose from.
    Found,
    /// The people, to choose from.
    People,
    /// The same, narrowed by what is typed.
    Opener,
    /// Something is asked.
    Question,
    /// A message is selected, and nothing is in front of it.
    Selection,
    /// The conversation and the entry; always open.
    Composer,
}

impl Layer {
    pub(crate) const FRONT_TO_BACK: [Self; 7] =
        [Self::Page, Self::Found, Self::People, Self::Opener, Self::Question, Self::Selection, Self::Composer];
}

/// What a layer makes of a key or a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// The layers behind it do not get it.
    Consumed,
    /// It is for the layers behind.
    Passed,
}

/// A session from `LoggedIn` to the logout.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) model: Model,
    /// The directory, as people call it.
    pub(crate) server: String,
    pub(crate) glyphs: Glyphs,
    /// In which dates and clocks are shown.
    pub(crate) zone: TimeZone,
    /// Whether the time is told in front of messages.
    pub(crate) clock: Switch,
    pub(crate) now: Now,
    pub(crate) chats: BTreeMap<Conversation, Chat>,
    pub(crate) current: Option<Conversation>,
    /// Whether what is known of the conversation is shown beside it.
    pub(crate) details: bool,
    keys: Vec<KeyHelp>,
    /// Whether clicks, wheel and dragging are for this screen.
    pub(crate) mouse: Switch,
    pub(crate) overlays: Overlays,
    pub(crate) selection: Selection,
    composer: Composer,
    attention: Attention,
    questions: Vec<Question>,
    /// Commands that were not answered.
    pending: PendingTickets<Awaited>,
    /// The command that the notice at hand answers.
    answers: Option<Ticket>,
    pub(crate) quit: Quit,
    out: Vec<Output>,
}

impl View {
    pub(super) fn begin(
        account: Account,
        (options, last_ticket): (&Options, u64),
        ScreenOptions { alerts, keys, clock, mouse }: ScreenOptions,
        now: Now,
    ) -> (Self, Vec<Output>) {
        let mut model = Model::new(account);
        model.muted.clone_from(&alerts.muted);
        let mut view = Self {
            model,
            server: options.server.clone(),
            glyphs: options.glyphs,
            zone: options.zone.clone(),
            clock: if clock == Clock::Always { Switch::On } else { Switch::Off },
            now,
            chats: BTreeMap::new(),
            current: None,
            details: true,
            keys,
            mouse: if mouse { Switch::On } else { Switch::Off },
            overlays: Overlays::default(),
            selection: Selection::default(),
            composer: Composer::default(),
            attention: Attention::new(alerts),
            questions: Vec::new(),
            pending: PendingTickets::behind(last_ticket),
            answers: None,
            quit: Quit::new(options.grace),
            out: Vec::new(),
        };
        view.command(Command::Directory(DirectoryCommand::List));
        view.put(Output::Entry(String::new()));
        let first = std::mem::take(&mut view.out);
        (view, first)
    }

    /// What stands in front of the entry, and how the entry is treated.
    pub(super) fn prompt(&self) -> Prompt {
        let opener = self.is_open(Layer::Opener);
        let (text, echo, lines, place) = match (self.question(), &self.current) {
            (Some(question), _) => (question.prompt(), question.echo(), Lines::One, None),
            (None, _) if opener => (screen::OPEN.to_owned(), Echo::Visible, Lines::One, None),
            (None, Some(to)) => (screen::ENTRY.to_owned(), Echo::Visible, Lines::Many, Some(to.to_string())),
            (None, None) => (screen::ENTRY.to_owned(), Echo::Visible, Lines::One, Some(String::new())),
        };
        Prompt { text: SafeText::ours(&text), echo, lines, history: place }
    }

    /// When the clock changes something that is shown.
    pub(super) fn deadline(&self, now: Now) -> Option<Instant> {
        let next_minute = now.instant + Duration::from_secs(MINUTE - now.date % MINUTE);
        let seen = self.current_chat().and_then(|chat| chat.shown.filter(|_| chat.news.is_some()));
        let retry = match self.model.directory {
            Directory::Lost { retry } if retry > now.instant => Some(now.instant + Duration::from_secs(1)),
            Directory::Lost { .. } | Directory::Here => None,
        };
        [Some(next_minute), seen.map(|since| since + alerts::SEEN_AFTER), retry].into_iter().flatten().min()
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

    pub(super) fn handle(&mut self, now: Now, surface: Surface<'_>, input: Input) -> Vec<Output> {
        self.now = now;
        self.composer.is_blank = surface.is_blank;
        surface.typed.clone_into(&mut self.composer.typed);
        self.overlays.rows = surface.rows.into();
        self.overlays.has_room_for_details = surface.has_room_for_details;
        if !matches!(input, Input::Key(_) | Input::Tick | Input::Notice(..) | Input::Focus(_) | Input::Glyphs(_)) {
            self.quit.confirm = false;
        }
        match input {
            Input::Key(key) => self.key(&key),
            // It may be a passcode.
            Input::Line(line) => self.line(&Zeroizing::new(line)),
            Input::Pointed(target) => self.pointed_at(target),
            Input::Dragged(line) => self.dragged_to(line),
            Input::Focus(focus) => self.look(focus),
            Input::Scrolled(anchor) => {
                if let Some(chat) = self.current_chat_mut() {
                    chat.anchor = anchor;
                }
            }
            Input::Glyphs(glyphs) => self.glyphs = glyphs,
            Input::Tell(words) => self.tell_standing(Standing::Entry, &words),
            Input::Older => self.look_up_older(PAGE),
            Input::Notice(answers, notice) => {
                self.answers = answers;
                self.notice(notice);
            }
            Input::Tick | Input::Stop(_) | Input::EngineGone => {}
        }
        self.age_news();
        std::mem::take(&mut self.out)
    }

    /// Through the layers, the front one first. What none of them consumes has become an [`Output`]: it is for the entry, or
    /// moves the conversation.
    fn key(&mut self, key: &KeyAction) {
        let deletes = *key == KeyAction::EndOrDelete && !self.composer.is_blank;
        let key = if deletes { &KeyAction::Edit(Key::DeleteRight) } else { key };
        if *key == KeyAction::Interrupt && self.quit.is_repeated(self.now) {
            return;
        }
        // Whatever else it closes, Esc discards a paste that waits in the entry, but not from a message that is selected.
        if *key == KeyAction::Edit(Key::Escape) && self.front() != Layer::Selection {
            self.put(Output::Edit(Key::Escape));
        }
        // A notice that came up at this moment does not take what lies behind it along.
        let has_nothing_above = matches!(self.front(), Layer::Question | Layer::Composer);
        if *key == KeyAction::Edit(Key::Escape) && has_nothing_above && self.overlays.popups.put_away() {
            return;
        }
        for layer in Layer::FRONT_TO_BACK {
            if self.is_open(layer) && self.offer(layer, key) == Taken::Consumed {
                self.quit.confirm &= *key == KeyAction::Interrupt;
                return;
            }
        }
    }

    fn offer(&mut self, layer: Layer, key: &KeyAction) -> Taken {
        match layer {
            Layer::Page => self.page_key(key),
            Layer::Found => self.found_key(key),
            Layer::People => self.people_key(key),
            Layer::Opener => self.opener_key(key),
            Layer::Question => self.question_key(key),
            Layer::Selection => self.selection_key(key),
            Layer::Composer => self.composer_key(key),
        }
    }

    /// A line answers the question if there is one, as the prompt says, whatever lies above it.
    fn line(&mut self, line: &str) {
        if self.is_open(Layer::Question) {
            return self.answer(line);
        }
        for layer in Layer::FRONT_TO_BACK {
            let taken = self.is_open(layer)
                && match layer {
                    Layer::Page => self.page_line(),
                    Layer::Found => self.found_line(),
                    Layer::People => self.people_line(),
                    Layer::Opener => self.opener_line(line),
                    Layer::Question | Layer::Selection => Taken::Passed,
                    Layer::Composer => self.composer_line(line),
                } == Taken::Consumed;
            if taken {
                return;
            }
        }
    }

    fn is_open(&self, layer: Layer) -> bool {
        match layer {
            Layer::Page => matches!(self.overlays.open, Some(Overlay::Page(_) | Overlay::Details { .. })),
            Layer::Found => matches!(self.overlays.open, Some(Overlay::Found)),
            Layer::People => matches!(self.overlays.open, Some(Overlay::People { .. })),
            Layer::Opener => matches!(self.overlays.open, Some(Overlay::Opener { .. })),
            Layer::Question => self.question().is_some(),
            Layer::Selection => {
                self.selection.message.is_some() && self.overlays.open.is_none() && self.question().is_none()
            }
            Layer::Composer => true,
        }
    }

    /// The layers that are open, the front one first.
    pub(crate) fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> {
        Layer::FRONT_TO_BACK.into_iter().filter(|layer| self.is_open(*layer))
    }

    /// The one that gets a key first.
    pub(crate) fn front(&self) -> Layer {
        self.layers().next().unwrap_or(Layer::Composer)
    }

    /// Messages that were not seen, and in how many conversations.
    pub(crate) fn unread(&self) -> (usize, usize) {
        self.model.conversations.all_unread()
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
            self.composer.is_blank = entry.is_empty();
            entry.clone_into(&mut self.composer.typed);
        }
        self.out.push(output);
    }

    pub(super) fn command(&mut self, command: Command) {
        let ticket = self.pending.unawaited();
        self.put(Output::Command(TicketedCommand { ticket, command }));
    }

    /// Asks for something that is shown on a page, or becomes a question.
    pub(super) fn ask_engine(&mut self, awaited: Awaited, command: Command) {
        let ticket = self.pending.awaited(awaited);
        self.put(Output::Command(TicketedCommand { ticket, command }));
    }

    /// Whether the notice at hand is the answer that the user waits for; asked once.
    pub(super) fn awaits(&mut self, answer: &Awaited) -> bool {
        self.pending.close(self.answers.as_ref(), |awaited| awaited == answer).is_some()
    }

    pub(in crate::app::screen) fn log_out(&mut self) -> Vec<Output> {
        self.command(Command::Session(SessionCommand::Logout));
        std::mem::take(&mut self.out)
    }
}
