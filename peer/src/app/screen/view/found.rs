//! What a search has found: the layer to choose from it, and the way to a message that was chosen.

use super::chat::{Line, Loaded};
use super::{Overlay, Taken, View};
use crate::app::keys::{Key, KeyAction, Scroll};
use crate::app::texts::mail;
use peer_core::model::{MessageKey, StoredMessage};

/// Older messages that are looked up at a time on the way to one that was found.
const STRIDE: usize = 1000;

/// What a search has found, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) title: String,
    pub(crate) records: Vec<StoredMessage>,
    /// The one that is looked at.
    pub(crate) at: usize,
}

impl View {
    pub(super) fn found_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Older | Key::Insert('N')) | KeyAction::Scroll(Scroll::WheelUp) => self.step_found(-1),
            KeyAction::Edit(Key::Newer | Key::Insert('n')) | KeyAction::Scroll(Scroll::WheelDown) => self.step_found(1),
            KeyAction::Edit(Key::Insert(_) | Key::Paste(_) | Key::Escape)
            | KeyAction::Interrupt
            | KeyAction::EndOrDelete => self.overlays.open = None,
            KeyAction::Edit(_)
            | KeyAction::NextUnread
            | KeyAction::Previous
            | KeyAction::Next
            | KeyAction::Nth(_)
            | KeyAction::Open
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

    /// Enter: the message that is looked at, in its conversation.
    pub(super) fn found_line(&mut self) -> Taken {
        self.show_one_found();
        Taken::Consumed
    }

    /// `/find` has found something.
    pub(super) fn show_found(&mut self, title: String, records: Vec<StoredMessage>) {
        self.selection.found = Found { title, records, at: 0 };
        self.open(Overlay::Found);
    }

    fn step_found(&mut self, by: isize) {
        let found = &mut self.selection.found;
        found.at = found.at.saturating_add_signed(by).min(found.records.len().saturating_sub(1));
    }

    /// The next message that was found, in its conversation.
    pub(super) fn show_next_found(&mut self, by: isize) {
        self.step_found(by);
        self.show_one_found();
    }

    /// Shows the message that was found in its conversation.
    fn show_one_found(&mut self) {
        let Some(record) = self.selection.found.records.get(self.selection.found.at) else { return };
        let name = record.name.clone();
        self.show(name.conversation.clone());
        self.selection.sought = Some(name);
        self.seek();
    }

    /// Looks for the message that is to be shown, further and further back.
    pub(super) fn seek(&mut self) {
        let Some(MessageKey { conversation, author, id }) = self.selection.sought.take() else { return };
        if !self.is_current(&conversation) {
            return;
        }
        let Some(chat) = self.current_chat() else { return };
        let is_it =
            |line: &Line| matches!(line, Line::Message(message) if message.author == author && message.id == id);
        let found = chat.numbered().find(|(_, line)| is_it(line)).map(|(number, _)| number);
        match (found, chat.loaded) {
            (Some(number), _) => {
                self.selection.set(Some(number));
            }
            (None, Loaded::All | Loaded::Nothing) => self.tell(mail::NOTHING_THERE),
            (None, loaded) => {
                self.selection.sought = Some(MessageKey { conversation, author, id });
                if loaded == Loaded::Some {
                    self.look_up_older(STRIDE);
                }
            }
        }
    }
}
