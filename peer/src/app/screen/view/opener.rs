//! The layers in which a conversation is chosen: the people, and the opener, which the first letters of a name narrow.

use super::{Layer, Output, Overlay, Taken, View};
use crate::app::keys::{Key, KeyAction};
use peer_core::model::Conversation;

impl View {
    pub(super) fn people_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Older) => self.choose(-1),
            KeyAction::Edit(Key::Newer) => self.choose(1),
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
        let Some(to) = chosen else { return Taken::Passed };
        self.talk(to);
        Taken::Consumed
    }

    pub(super) fn opener_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Older) => self.choose(-1),
            KeyAction::Edit(Key::Newer) => self.choose(1),
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

    /// Enter: whoever is chosen, or a name that is not in the list yet.
    pub(super) fn opener_line(&mut self, line: &str) -> Taken {
        let chosen = self.chosen(line);
        self.close_opener();
        match chosen {
            Some(to) => self.talk(to),
            None => self.at_destination(line),
        }
        Taken::Consumed
    }

    /// What is being typed for the conversation waits until the opener is closed.
    pub(super) fn open_opener(&mut self) {
        self.put_entry_away();
        self.put(Output::Entry(String::new()));
        self.open(Overlay::Opener { selected: 0 });
    }

    fn close_opener(&mut self) {
        self.overlays.open = None;
        self.give_entry_back();
    }

    /// Those that can be chosen, in the order in which they are shown.
    fn choices(&self, typed: &str) -> Vec<Conversation> {
        if self.is_open(Layer::Opener) { self.candidates(typed) } else { self.model.people.conversations() }
    }

    fn choose(&mut self, by: isize) {
        let last = self.choices(&self.composer.typed).len().saturating_sub(1);
        if let Some(Overlay::People { selected } | Overlay::Opener { selected }) = &mut self.overlays.open {
            *selected = selected.saturating_add_signed(by).min(last);
        }
    }

    fn chosen(&self, typed: &str) -> Option<Conversation> {
        match self.overlays.open {
            Some(Overlay::People { selected } | Overlay::Opener { selected }) => {
                self.choices(typed).get(selected).cloned()
            }
            Some(Overlay::Page(_) | Overlay::Found) | None => None,
        }
    }

    /// Conversations whose names have these letters in this order, the best first.
    pub(crate) fn candidates(&self, typed: &str) -> Vec<Conversation> {
        let mut found: Vec<(usize, Conversation)> = self
            .model
            .people
            .conversations()
            .into_iter()
            .filter_map(|to| Some((distance(&to.to_string(), typed.trim())?, to)))
            .collect();
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, to)| to).collect()
    }
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
