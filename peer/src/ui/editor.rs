//! The entry being typed: a pure line editor with the keys of readline (keys in, state out).
//!
//! The cursor moves by grapheme. Owns the text, the kill buffer, undo and history; it draws nothing and knows no
//! terminal. Hidden entries are never kept: no undo, no kill buffer, no history.

mod history;
#[cfg(test)]
mod tests;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::app::keys::Key;
use crate::app::line::{Echo, Lines};
use crate::app::sanitise::is_typable;
use history::{History, Moved};

/// Snapshots kept for undo. Chosen arbitrarily: more than anyone steps back in one entry.
const UNDO_STEPS: usize = 200;
/// Room for a passcode, so that it is never copied to a larger buffer and left behind in the old one.
const CAPACITY: usize = 256;
const TAB: &str = "    ";

/// What a key did that concerns somebody else than the editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing beyond the text and the cursor.
    None,
    /// The entry is complete; the editor is empty again.
    Entered(String),
    /// So many lines were pasted and wait for Enter.
    Pasted(usize),
    /// The word before the cursor is to be completed.
    Complete(Tab),
    /// The entry would have had so many bytes; nothing was taken.
    TooLong(usize),
    /// The entry is full: with what was typed beyond, which is not taken, it would have so many bytes. Told with the first
    /// letter beyond, and with the Enter that would have entered the rest without them, which is not taken either.
    Full(usize),
}

/// Whether the key before this one was the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    First,
    Again,
}

/// What the last key did, because some keys continue it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Inserted,
    Killed,
    Completed,
    Other,
}

/// Which side of the cursor a killed text stood on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The editor.
#[derive(Debug)]
pub(crate) struct Editor {
    text: String,
    /// Byte offset, always between graphemes.
    cursor: usize,
    echo: Echo,
    lines: Lines,
    limit: usize,
    killed: String,
    undo: Vec<(String, usize)>,
    last: Last,
    origin: Origin,
    history: History,
    /// What is sought in the history, while something is.
    sought: Option<String>,
    /// Bytes of typed text that were not taken since the entry became too long.
    lost: usize,
}

/// Where the entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Typed,
    /// A paste of several lines, which Escape discards.
    Pasted,
}

impl Editor {
    /// An empty entry of at most `limit` bytes, remembering `history` entries per place.
    pub(crate) fn new(limit: usize, history: usize) -> Self {
        Self {
            text: String::with_capacity(CAPACITY),
            cursor: 0,
            echo: Echo::Visible,
            lines: Lines::One,
            limit,
            killed: String::new(),
            undo: Vec::new(),
            last: Last::Other,
            origin: Origin::Typed,
            history: History::new(history),
            sought: None,
            lost: 0,
        }
    }

    /// What is sought in the history just now.
    pub(crate) fn search(&self) -> Option<&str> {
        self.sought.as_deref()
    }

    /// Whether the entry is what was found: it is empty where nothing contains what is sought, or nothing is sought yet.
    pub(crate) fn has_found(&self) -> bool {
        !self.text.is_empty()
    }

    /// What is being typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor stands, in bytes.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// How entries are treated from now on.
    pub(crate) fn treat(&mut self, echo: Echo, lines: Lines, place: Option<&str>) {
        if echo == Echo::Hidden {
            self.undo.clear();
        }
        self.echo = echo;
        self.lines = lines;
        if self.history.enter(place) == Moved::Elsewhere {
            self.sought = None;
        }
    }

    /// Replaces what is being typed.
    pub(crate) fn set(&mut self, text: &str) {
        self.text.clear();
        self.text.push_str(text);
        self.cursor = self.text.len();
        self.undo.clear();
        self.origin = Origin::Typed;
        self.last = Last::Other;
        self.lost = 0;
    }

    /// Remembers a finished entry.
    pub(crate) fn remember(&mut self, entry: &str) {
        self.history.push(entry);
    }

    /// What was entered at `place` before this program began, the oldest first.
    pub(crate) fn recall_earlier(&mut self, place: &str, entries: Vec<String>) {
        self.history.put_before(place, entries);
    }

    /// Takes one key.
    pub(crate) fn press(&mut self, key: Key) -> Effect {
        let Some(key) = self.search_takes(key) else { return Effect::None };
        let before = std::mem::replace(&mut self.last, Last::Other);
        match key {
            Key::Insert(c) => return self.insert(c.encode_utf8(&mut [0; 4]), before),
            Key::Paste(text) => return self.paste(&text),
            Key::NewLine if self.lines == Lines::Many => return self.insert("\n", before),
            Key::Enter | Key::NewLine if self.lost > 0 => {
                return Effect::Full(self.text.len() + std::mem::take(&mut self.lost));
            }
            Key::Enter | Key::NewLine => return Effect::Entered(self.take()),
            Key::Escape if self.origin == Origin::Pasted => self.set(""),
            Key::Escape => {}
            Key::Left => self.cursor = self.left(),
            Key::Right => self.cursor = self.right(),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Start => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::DeleteLeft => self.delete(self.left(), self.cursor),
            Key::DeleteRight => self.delete(self.cursor, self.right()),
            Key::KillWordLeft => self.kill(self.word_left(), self.cursor, Side::Left, before),
            Key::KillWordRight => self.kill(self.cursor, self.word_right(), Side::Right, before),
            Key::KillToStart => self.kill(0, self.cursor, Side::Left, before),
            Key::KillToEnd => self.kill(self.cursor, self.text.len(), Side::Right, before),
            Key::Yank => {
                let killed = self.killed.clone();
                return self.insert(&killed, Last::Other);
            }
            Key::Undo => {
                if let Some((text, cursor)) = self.undo.pop() {
                    self.text = text;
                    self.cursor = cursor;
                }
            }
            Key::Older => self.recall(History::older),
            Key::Newer => self.recall(History::newer),
            // What is hidden, or not remembered, is not searched.
            Key::Search => {}
            Key::Complete if self.echo == Echo::Hidden => {}
            Key::Complete => {
                self.last = Last::Completed;
                return Effect::Complete(if before == Last::Completed { Tab::Again } else { Tab::First });
            }
        }
        Effect::None
    }

    /// Takes a key that belongs to the search; any other one ends it, and what was found is the entry.
    fn search_takes(&mut self, key: Key) -> Option<Key> {
        let Some(sought) = &mut self.sought else {
            if key == Key::Search && self.echo == Echo::Visible && self.history.is_kept() {
                self.history.begin_search(&self.text);
                self.sought = Some(self.text.clone());
                self.find();
                return None;
            }
            return Some(key);
        };
        match key {
            Key::Search => {
                if let Some(entry) = self.history.search_older() {
                    self.set(&entry);
                }
            }
            Key::Insert(letter) => {
                sought.push(letter);
                self.find();
            }
            Key::DeleteLeft => {
                sought.pop();
                self.find();
            }
            // What was typed before the search comes back.
            Key::Escape => {
                self.sought = None;
                if let Some(unfinished) = self.history.leave_search() {
                    self.set(&unfinished);
                }
            }
            // There is nothing to enter.
            Key::Enter | Key::NewLine if self.text.is_empty() => {}
            key => {
                self.sought = None;
                if self.text.is_empty()
                    && let Some(unfinished) = self.history.leave_search()
                {
                    self.set(&unfinished);
                }
                return Some(key);
            }
        }
        None
    }

    /// The newest entry with what is sought; where there is none, nothing: no entry of a shorter word stays.
    fn find(&mut self) {
        let Some(sought) = &self.sought else { return };
        let entry = self.history.search_newest(sought).unwrap_or_default();
        self.set(&entry);
    }

    /// Puts a completed word where the one from `from` to the cursor was.
    pub(crate) fn complete(&mut self, from: usize, word: &str) {
        if from <= self.cursor && self.text[from..self.cursor] != *word {
            self.snapshot();
            self.text.replace_range(from..self.cursor, word);
            self.cursor = self.boundary_from(from + word.len());
        }
    }

    fn take(&mut self) -> String {
        self.cursor = 0;
        self.lost = 0;
        self.undo.clear();
        self.origin = Origin::Typed;
        self.history.rest();
        std::mem::replace(&mut self.text, String::with_capacity(CAPACITY))
    }

    fn insert(&mut self, text: &str, before: Last) -> Effect {
        let text: String = text
            .replace('\t', TAB)
            .chars()
            .map(|c| if c == '\n' && self.lines == Lines::One { ' ' } else { c })
            .filter(|c| is_typable(*c) || *c == '\n')
            .collect();
        let length = self.text.len() + text.len();
        if length > self.limit {
            let said = self.lost > 0;
            self.lost += text.len();
            return if said { Effect::None } else { Effect::Full(length) };
        }
        if before != Last::Inserted {
            self.snapshot();
        }
        self.last = Last::Inserted;
        self.text.insert_str(self.cursor, &text);
        self.cursor = self.boundary_from(self.cursor + text.len());
        Effect::None
    }

    /// A paste is one entry, whatever line ends it has; it is entered by the user, not by its last line end.
    fn paste(&mut self, text: &str) -> Effect {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim_end_matches('\n');
        let lost = self.lost;
        let effect = match self.insert(text, Last::Other) {
            Effect::None => Effect::None,
            _ => {
                self.lost = lost;
                Effect::TooLong(self.text.len() + text.len())
            }
        };
        let lines = text.split('\n').count();
        self.last = Last::Other;
        if effect == Effect::None && lines > 1 && self.lines == Lines::Many {
            self.origin = Origin::Pasted;
            return Effect::Pasted(lines);
        }
        effect
    }

    fn delete(&mut self, from: usize, to: usize) {
        if from < to {
            self.snapshot();
            self.lost = 0;
            self.text.drain(from..to);
            self.cursor = self.boundary_from(from);
        }
    }

    fn kill(&mut self, from: usize, to: usize, side: Side, before: Last) {
        let killed = self.text[from..to].to_owned();
        self.delete(from, to);
        if self.echo == Echo::Hidden || killed.is_empty() {
            return;
        }
        self.killed = match (before, side) {
            (Last::Killed, Side::Left) => killed + &self.killed,
            (Last::Killed, Side::Right) => std::mem::take(&mut self.killed) + &killed,
            (Last::Inserted | Last::Completed | Last::Other, _) => killed,
        };
        self.last = Last::Killed;
    }

    fn snapshot(&mut self) {
        if self.echo == Echo::Visible {
            if self.undo.len() == UNDO_STEPS {
                self.undo.remove(0);
            }
            self.undo.push((self.text.clone(), self.cursor));
        }
    }

    fn recall(&mut self, step: fn(&mut History, &str) -> Option<String>) {
        if let Some(entry) = step(&mut self.history, &self.text) {
            self.set(&entry);
        }
    }

    fn left(&self) -> usize {
        let before = &self.text[..self.cursor];
        before.grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    fn right(&self) -> usize {
        self.text[self.cursor..].graphemes(true).next().map_or(self.cursor, |grapheme| self.cursor + grapheme.len())
    }

    fn word_left(&self) -> usize {
        let before = &self.text[..self.cursor];
        before.unicode_word_indices().next_back().map_or(0, |(start, _)| start)
    }

    fn word_right(&self) -> usize {
        let after = &self.text[self.cursor..];
        after
            .unicode_word_indices()
            .next()
            .map_or(self.text.len(), |(start, word)| self.boundary_from(self.cursor + start + word.len()))
    }

    /// The first place between graphemes at or after `at`: what was typed may have joined its neighbours.
    fn boundary_from(&self, at: usize) -> usize {
        let mut place = GraphemeCursor::new(at, self.text.len(), true);
        // The whole text is at hand, so neither asks for more of it.
        match place.is_boundary(&self.text, 0) {
            Ok(true) => at,
            _ => place.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len()),
        }
    }
}
