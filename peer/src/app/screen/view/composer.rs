//! The layer at the back: the conversation, and what is being typed for it.
//!
//! Keys that edit are for the entry, which lies in the front end.

use super::{Output, Overlay, Taken, View};
use crate::app::grammar;
use crate::app::keys::{Key, KeyAction, Scroll};
use peer_core::command::GroupWish;

/// What is being typed.
#[derive(Debug, Default)]
pub(super) struct Composer {
    /// A secret is not told.
    pub(super) typed: String,
    /// Nothing is typed, not even a secret.
    pub(super) is_blank: bool,
    /// What was being typed where no conversation was shown.
    draft: String,
}

impl View {
    pub(super) fn composer_key(&mut self, key: &KeyAction) -> Taken {
        let is_blank = self.composer.is_blank;
        match key {
            KeyAction::Interrupt => self.interrupt(),
            KeyAction::EndOrDelete => self.end_of_input(),
            KeyAction::Edit(Key::Escape) => self.scroll_to_end(),
            KeyAction::Edit(Key::Complete) if is_blank => self.open(Overlay::People { selected: 0 }),
            // Nobody is called so.
            KeyAction::Edit(Key::Insert('?')) if is_blank && self.current.is_none() => self.open_keys(),
            // The ends of the conversation, where there is no entry to go to the ends of.
            KeyAction::Edit(Key::Start) if is_blank => return self.pass_on(Output::Scroll(Scroll::Top)),
            KeyAction::Edit(Key::End) if is_blank => return self.pass_on(Output::Scroll(Scroll::End)),
            KeyAction::Edit(key) => return self.pass_on(Output::Edit(key.clone())),
            KeyAction::Scroll(scroll) => return self.pass_on(Output::Scroll(*scroll)),
            KeyAction::NextUnread => self.next_unread(),
            KeyAction::Previous => self.step(-1),
            KeyAction::Next => self.step(1),
            KeyAction::Nth(number) => self.show_nth(*number),
            KeyAction::Open => self.open_opener(),
            KeyAction::People => self.open(Overlay::People { selected: 0 }),
            KeyAction::Details => self.show_details(),
            KeyAction::SelectAbove => self.select_above(),
            KeyAction::SelectBelow => self.select_below(),
            KeyAction::Quit => self.leave(crate::app::exit::OK),
            // The front end's own.
            KeyAction::Redraw | KeyAction::Suspend => {}
        }
        Taken::Consumed
    }

    fn pass_on(&mut self, output: Output) -> Taken {
        self.put(output);
        Taken::Passed
    }

    /// A destination, or a message for the conversation that is shown.
    pub(super) fn composer_line(&mut self, line: &str) -> Taken {
        match &self.current {
            None => self.at_destination(line),
            Some(_) if line.trim().is_empty() && self.wait_to_join() > 0 => self.wish(GroupWish::Members, None),
            Some(_) => self.entered(line, grammar::in_conversation(line)),
        }
        Taken::Consumed
    }

    /// Esc, where nothing is left to close: the conversation is at its end.
    fn scroll_to_end(&mut self) {
        if let Some(chat) = self.current_chat_mut() {
            chat.anchor = None;
        }
    }

    /// What is being typed waits for the next time; a secret does not.
    pub(super) fn put_entry_away(&mut self) {
        if self.question().is_some() || matches!(self.overlays.open, Some(Overlay::Opener { .. })) {
            return;
        }
        let typed = std::mem::take(&mut self.composer.typed);
        match self.current_chat_mut() {
            Some(chat) => chat.draft = typed,
            None => self.composer.draft = typed,
        }
    }

    pub(super) fn give_entry_back(&mut self) {
        let entry = match self.current_chat_mut() {
            Some(chat) => std::mem::take(&mut chat.draft),
            None => std::mem::take(&mut self.composer.draft),
        };
        self.put(Output::Entry(entry));
    }
}
