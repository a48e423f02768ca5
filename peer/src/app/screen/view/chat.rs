//! One conversation: its lines, how far they have come, which of them are new.

use std::collections::VecDeque;
use std::time::Instant;

use common::ident::{MessageId, UserId};
use jiff::tz::TimeZone;

use crate::app::texts::screen::{self, ConnectionChange};
use peer_core::model::{DeliveryStatus, MessageKey, StoredMessage};

/// Lines that are kept in memory; older ones are looked up again. Chosen arbitrarily.
const LINES: usize = 5_000;

/// How much of the history is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Loaded {
    #[default]
    Nothing,
    /// So many were asked for, and have not come.
    Asked(usize),
    /// There may be more.
    Some,
    All,
}

/// One entry of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Somebody said something.
    Message(Message),
    /// This program says something; seconds since the epoch.
    Note { date: u64, text: String },
    /// A direct connection began or ended.
    Connection(Connection),
    /// A file; what is known of it is in [`crate::app::model::Transfers`].
    File { date: u64, number: u64 },
}

impl Line {
    pub(crate) fn date(&self) -> u64 {
        match self {
            Self::Message(message) => message.date,
            Self::Note { date, .. } | Self::File { date, .. } => *date,
            Self::Connection(connection) => connection.last.date,
        }
    }
}

/// What became of a direct connection; it folds into one line while nobody says anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    before: Option<ConnectionEvent>,
    last: ConnectionEvent,
}

impl Connection {
    /// The last change, with the one before it if nothing was said between them.
    pub(crate) fn words(&self, zone: &TimeZone) -> String {
        match &self.before {
            None => self.last.words.clone(),
            Some(before) => screen::connection([before, &self.last].map(|event| (event.what, event.date)), zone),
        }
    }
}

/// A connection began, or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConnectionEvent {
    pub(super) date: u64,
    pub(super) what: ConnectionChange,
    /// What is said where it stands alone.
    pub(super) words: String,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) author: UserId,
    pub(crate) id: MessageId,
    /// As it came.
    pub(crate) text: String,
    pub(crate) date: u64,
    pub(crate) mark: DeliveryStatus,
}

impl From<StoredMessage> for Message {
    fn from(record: StoredMessage) -> Self {
        let StoredMessage { name: MessageKey { author, id, .. }, text, date, mark, .. } = record;
        Self { author, id, text, date, mark }
    }
}

/// The last row on the screen while a conversation is scrolled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// Which line it belongs to, as [`Chat::numbered`] counts them.
    pub(crate) line: i64,
    /// So many rows of that line are below it.
    pub(crate) below: usize,
}

/// A conversation.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    lines: VecDeque<Line>,
    /// The number of the first line; lines keep theirs when older ones come in front.
    first: i64,
    /// Somebody called this user by name since the chat was looked at.
    pub(crate) mentioned: bool,
    /// Somebody connected, and nobody has looked.
    pub(crate) incoming_call: bool,
    /// The number of the first line that was not seen.
    pub(crate) news: Option<i64>,
    /// Since when the news have been on a screen that somebody looks at.
    pub(super) shown: Option<Instant>,
    /// What was being typed.
    pub(super) draft: String,
    pub(crate) anchor: Option<Anchor>,
    pub(super) loaded: Loaded,
}

impl Chat {
    /// Whether nobody has said anything in it, and nothing is being written.
    pub(super) fn is_blank(&self) -> bool {
        self.draft.is_empty() && self.lines.iter().all(is_ours)
    }

    /// The lines and their numbers, oldest first.
    pub(crate) fn numbered(&self) -> impl DoubleEndedIterator<Item = (i64, &Line)> {
        let place = |offset: usize| self.first.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX));
        self.lines.iter().enumerate().map(move |(offset, line)| (place(offset), line))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The number that the next line will have.
    pub(super) fn next_number(&self) -> i64 {
        self.first.saturating_add(i64::try_from(self.lines.len()).unwrap_or(i64::MAX))
    }

    /// The oldest message that is here.
    pub(super) fn oldest(&self) -> Option<&Message> {
        self.messages().next()
    }

    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.lines.iter().filter_map(|line| if let Line::Message(message) = line { Some(message) } else { None })
    }

    /// Messages of ours that have not arrived.
    pub(crate) fn waiting(&self) -> usize {
        self.messages()
            .filter(|message| matches!(message.mark, DeliveryStatus::Queued | DeliveryStatus::Stored))
            .count()
    }

    /// A connection began or ended; that is told in the line of the one before if nothing was said since.
    pub(super) fn connection(&mut self, last: ConnectionEvent) {
        let since = self.lines.iter_mut().rev().take_while(|line| is_ours(line));
        let before =
            since.filter_map(|line| if let Line::Connection(before) = line { Some(before) } else { None }).next();
        match before {
            Some(connection) => connection.before = Some(std::mem::replace(&mut connection.last, last)),
            None => self.push(Line::Connection(Connection { before: None, last })),
        }
    }

    /// Says it unless it was said here already.
    pub(super) fn note_once(&mut self, date: u64, text: &str) {
        if !self.lines.iter().any(|line| matches!(line, Line::Note { text: here, .. } if here == text)) {
            self.note(date, text);
        }
    }

    pub(super) fn note(&mut self, date: u64, text: &str) {
        self.push(Line::Note { date, text: text.to_owned() });
    }

    /// Adds a file at the end, unless it is here already.
    pub(super) fn file(&mut self, date: u64, number: u64) {
        let is_it = |line: &Line| matches!(line, Line::File { number: here, .. } if *here == number);
        if !self.lines.iter().rev().any(is_it) {
            self.push(Line::File { date, number });
        }
    }

    /// Adds a message at the end, unless it is here already.
    pub(super) fn say(&mut self, message: Message) {
        if !self.has(&message) {
            self.push(Line::Message(message));
        }
    }

    fn push(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.lines.len() > LINES {
            self.lines.pop_front();
            self.first += 1;
            self.loaded = Loaded::Some;
        }
    }

    /// What was looked up, oldest first, comes in front; what is here already stays where it is.
    pub(super) fn recall(&mut self, records: Vec<StoredMessage>) {
        let Loaded::Asked(asked) = self.loaded else { return };
        self.loaded = if records.len() < asked { Loaded::All } else { Loaded::Some };
        for record in records.into_iter().rev() {
            let message = Message::from(record);
            if !self.has(&message) {
                self.lines.push_front(Line::Message(message));
                self.first -= 1;
            }
        }
    }

    /// The last `count` messages of others are new.
    pub(super) fn mark_news(&mut self, me: &UserId, count: usize) {
        let others =
            self.numbered().filter(|(_, line)| matches!(line, Line::Message(message) if message.author != *me));
        self.news = others.rev().take(count).last().map(|(number, _)| number);
    }

    /// Messages of ours have come so far.
    pub(super) fn mark(&mut self, me: &UserId, ids: &[MessageId], mark: DeliveryStatus) {
        let ours = self.lines.iter_mut().rev().filter_map(|line| match line {
            Line::Message(message) => (message.author == *me).then_some(message),
            Line::Note { .. } | Line::Connection(_) | Line::File { .. } => None,
        });
        // Mostly the last ones.
        for message in ours.filter(|message| ids.contains(&message.id)).take(ids.len()) {
            message.mark = mark;
        }
    }

    fn has(&self, message: &Message) -> bool {
        self.messages().rev().any(|here| here.id == message.id && here.author == message.author)
    }
}

/// Whether this program says it.
fn is_ours(line: &Line) -> bool {
    matches!(line, Line::Note { .. } | Line::Connection(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fold_into_one_line_until_somebody_says_something() {
        let mut chat = Chat::default();
        let becomes = |chat: &mut Chat, what, date| {
            chat.connection(ConnectionEvent { date, what, words: format!("alone at {date}") });
            let lines = chat.numbered().filter_map(|(_, line)| match line {
                Line::Connection(connection) => Some(connection.words(&TimeZone::UTC)),
                Line::Message(_) | Line::Note { .. } | Line::File { .. } => None,
            });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(becomes(&mut chat, ConnectionChange::Established, 60), ["alone at 60"]);
        chat.note(61, "-- compare keys");
        assert_eq!(becomes(&mut chat, ConnectionChange::Ended, 120), ["Connection established 00:01, ended 00:02"]);
        let again = becomes(&mut chat, ConnectionChange::Established, 180);
        assert_eq!(again, ["Connection ended 00:02, established 00:03"]);
        chat.note_once(181, "-- compare keys");
        assert_eq!(chat.numbered().count(), 2, "what was said once is not said again");
        let (author, id) = (UserId::parse("bianca").unwrap(), MessageId([1; 16]));
        let (text, mark) = ("hi".to_owned(), DeliveryStatus::Received { read: true });
        chat.say(Message { author, id, text, date: 200, mark });
        let apart = becomes(&mut chat, ConnectionChange::Ended, 240);
        assert_eq!(apart, ["Connection ended 00:02, established 00:03", "alone at 240"]);
    }
}
