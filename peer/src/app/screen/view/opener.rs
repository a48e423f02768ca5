//! The layers in which a conversation is chosen: the people, and the opener, which the first letters of a name narrow.
//! The opener finds commands and keys, too.

use super::{Layer, Output, Overlay, Taken, View};
use crate::app::grammar;
use crate::app::keys::{Key, KeyAction, KeyHelp, Scroll};
use crate::app::texts::help::{TOPICS, Topic};
use peer_core::model::Conversation;

/// What the opener offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    Conversation(Conversation),
    Command(&'static Topic),
    /// To be read.
    Key(KeyHelp),
}

impl View {
    pub(super) fn people_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Older) | KeyAction::Scroll(Scroll::WheelUp) => self.choose(-1),
            KeyAction::Edit(Key::Newer) | KeyAction::Scroll(Scroll::WheelDown) => self.choose(1),
            KeyAction::Edit(Key::Escape) | KeyAction::Interrupt | KeyAction::EndOrDelete | KeyAction::People => {
                self.overlays.open = None;
            }
            KeyAction::Edit(Key::Complete) if self.composer.is_blank => self.overlays.open = None,
            KeyAction::Edit(_)
            | KeyAction::NextUnread
            | KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::Open
            | KeyAction::Details
            | KeyAction::SelectAbove
            | KeyAction::SelectBelow
            | KeyAction::Scroll(_)
            | KeyAction::Quit
            | KeyAction::Redraw
            | KeyAction::Suspend => return Taken::Passed,
        }
        Taken::Consumed
    }

    /// Enter: whoever is chosen; what was typed does not matter.
    pub(super) fn people_line(&mut self) -> Taken {
        let chosen = self.chosen("");
        self.overlays.open = None;
        let Some(Choice::Conversation(to)) = chosen else { return Taken::Passed };
        self.talk(to);
        Taken::Consumed
    }

    pub(super) fn opener_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Older) | KeyAction::Scroll(Scroll::WheelUp) => self.choose(-1),
            KeyAction::Edit(Key::Newer) | KeyAction::Scroll(Scroll::WheelDown) => self.choose(1),
            KeyAction::Edit(Key::Escape) | KeyAction::Interrupt | KeyAction::EndOrDelete | KeyAction::Open => {
                self.close_opener();
            }
            KeyAction::Edit(_)
            | KeyAction::NextUnread
            | KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::People
            | KeyAction::Details
            | KeyAction::SelectAbove
            | KeyAction::SelectBelow
            | KeyAction::Scroll(_)
            | KeyAction::Quit
            | KeyAction::Redraw
            | KeyAction::Suspend => return Taken::Passed,
        }
        Taken::Consumed
    }

    /// Enter: whatever is chosen, or a name that is not in the list yet.
    pub(super) fn opener_line(&mut self, line: &str) -> Taken {
        let chosen = self.chosen(line);
        self.close_opener();
        match chosen {
            Some(Choice::Conversation(to)) => self.talk(to),
            Some(Choice::Command(topic)) => self.begin_command(topic),
            Some(Choice::Key(_)) => {}
            None => self.at_destination(line),
        }
        Taken::Consumed
    }

    /// A command that needs no more words is carried out; any other is put into the entry, where they can be added. What
    /// stood there can be brought back.
    fn begin_command(&mut self, topic: &'static Topic) {
        let command = format!("/{}", topic.word);
        if topic.stands_alone() {
            return self.entered(&command, grammar::in_conversation(&command));
        }
        let typed = self.composer.typed.clone();
        if !typed.is_empty() {
            self.put(Output::Remember(typed));
        }
        self.put(Output::Entry(format!("{command} ")));
    }

    /// What is being typed for the conversation waits until the opener is closed.
    pub(super) fn open_opener(&mut self) {
        self.open_opener_with("");
    }

    /// The list of keys, which what is typed narrows.
    pub(super) fn open_keys(&mut self) {
        self.open_opener_with("?");
    }

    fn open_opener_with(&mut self, typed: &str) {
        self.put_entry_away();
        self.put(Output::Entry(typed.to_owned()));
        self.open(Overlay::Opener { selected: 0 });
    }

    fn close_opener(&mut self) {
        self.overlays.open = None;
        self.give_entry_back();
    }

    /// Those that can be chosen, in the order in which they are shown.
    fn choices(&self, typed: &str) -> Vec<Choice> {
        if self.is_open(Layer::Opener) {
            return self.candidates(typed);
        }
        self.model.people.conversations().into_iter().map(Choice::Conversation).collect()
    }

    fn choose(&mut self, by: isize) {
        let last = self.choices(&self.composer.typed).len().saturating_sub(1);
        if let Some(Overlay::People { selected } | Overlay::Opener { selected }) = &mut self.overlays.open {
            *selected = selected.saturating_add_signed(by).min(last);
        }
    }

    fn chosen(&self, typed: &str) -> Option<Choice> {
        match self.overlays.open {
            Some(Overlay::People { selected } | Overlay::Opener { selected }) => {
                self.choices(typed).get(selected).cloned()
            }
            Some(Overlay::Page(_) | Overlay::Details { .. } | Overlay::Found) | None => None,
        }
    }

    /// Conversations, and behind them commands, whose names have these letters in this order, the best first. Behind a
    /// slash only commands, behind a question mark keys.
    pub(crate) fn candidates(&self, typed: &str) -> Vec<Choice> {
        let typed = typed.trim();
        if let Some(words) = typed.strip_prefix('?') {
            return self.keys.iter().filter(|help| is_about(help, words)).cloned().map(Choice::Key).collect();
        }
        let command = typed.strip_prefix('/');
        let conversations = self.model.people.conversations().into_iter().filter(|_| command.is_none());
        let conversations = best(conversations, |to| distance(&to.to_string(), typed));
        let commands = best(TOPICS.iter(), |topic| distance(topic.word, command.unwrap_or(typed)));
        let commands = commands.into_iter().map(Choice::Command);
        conversations.into_iter().map(Choice::Conversation).chain(commands).collect()
    }
}

/// Those that have a distance, the least first.
fn best<T>(all: impl Iterator<Item = T>, distance: impl Fn(&T) -> Option<usize>) -> Vec<T> {
    let mut found: Vec<(usize, T)> = all.filter_map(|one| Some((distance(&one)?, one))).collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, one)| one).collect()
}

/// Whether all of these words are in what is said of a key.
fn is_about(help: &KeyHelp, words: &str) -> bool {
    let said = format!("{} {}", help.keys, help.does).to_lowercase();
    words.split_whitespace().all(|word| said.contains(&word.to_lowercase()))
}

/// How far apart the letters of `sought` stand in `name`, from its beginning; nothing if they are not there in order.
fn distance(name: &str, sought: &str) -> Option<usize> {
    let mut rest = name.char_indices();
    let mut last = 0;
    for c in sought.chars().flat_map(char::to_lowercase) {
        last = rest.find(|(_, here)| *here == c)?.0;
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_must_stand_in_order_and_near_ones_are_better() {
        assert_eq!(distance("bianca", "bca"), Some(5));
        assert_eq!(distance("bianca", "BI"), Some(1));
        assert_eq!(distance("bianca", "ab"), None);
        assert_eq!(distance("bianca", ""), Some(0));
    }
}
