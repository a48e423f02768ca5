//! Single messages: selecting them, copying and quoting them, and walking through what a search has found.

use super::View;
use super::chat::{Line, Loaded, Message};
use super::page::{Overlay, Page};
use super::{Action, Output};
use crate::app::sanitise::SafeText;
use crate::app::texts::{format, local_commands, mail, screen};
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
    pub(super) fn act_on_messages(&mut self, action: Action) {
        match action {
            Action::SelectAbove => self.select_above(),
            Action::SelectBelow => self.select_below(),
            Action::Unselect => self.selected = None,
            Action::Copy => {
                if let Some(text) = self.selected_message().map(|message| message.text.clone()) {
                    self.copy(text);
                }
            }
            Action::Reply => self.reply(),
            Action::Inspect => self.inspect(),
            Action::FoundOlder => self.step_found(1),
            Action::FoundNewer => self.step_found(-1),
            _ => {}
        }
    }

    /// The numbers of the messages in the conversation that is shown.
    fn numbers(&self) -> Vec<i64> {
        let lines = self.current_chat().into_iter().flat_map(|chat| chat.numbered());
        lines.filter(|(_, line)| matches!(line, Line::Message(_))).map(|(number, _)| number).collect()
    }

    fn select_above(&mut self) {
        let numbers = self.numbers();
        let above = numbers.iter().rev().find(|number| self.selected.is_none_or(|selected| **number < selected));
        self.selected = above.copied().or(self.selected);
    }

    /// Below the last message nothing is selected any more.
    fn select_below(&mut self) {
        let Some(selected) = self.selected else { return };
        self.selected = self.numbers().into_iter().find(|number| *number > selected);
    }

    pub(crate) fn selected_message(&self) -> Option<&Message> {
        let selected = self.selected?;
        let (_, line) = self.current_chat()?.numbered().find(|(number, _)| *number == selected)?;
        if let Line::Message(message) = line { Some(message) } else { None }
    }

    fn copy(&mut self, text: String) {
        self.tell(&local_commands::copied(&text));
        self.put(Output::Copy(text));
        self.selected = None;
    }

    /// `/copy [N]`: the last message of somebody else, or the last but so many.
    pub(super) fn copy_last(&mut self, number: usize) {
        let me = self.me().clone();
        let others = self.current_chat().into_iter().flat_map(|chat| chat.messages().rev());
        let text = others.filter(|message| message.author != me).nth(number.saturating_sub(1));
        match text.map(|message| message.text.clone()) {
            Some(text) => self.copy(text),
            None => self.tell(local_commands::NOTHING_TO_COPY),
        }
    }

    /// The beginning of the message, above what is being typed.
    fn reply(&mut self) {
        let Some(message) = self.selected_message() else { return };
        let entry = format!("> {}\n{}", format::quoted(&message.text), self.typed);
        self.selected = None;
        self.put(Output::Entry(entry));
    }

    fn inspect(&mut self) {
        let Some(message) = self.selected_message() else { return };
        let mut lines = vec![SafeText::ours(&screen::said_by(&message.author, message.date, message.mark))];
        lines.push(SafeText::default());
        lines.extend(SafeText::message(&message.text, self.glyphs));
        self.overlay = Some(Overlay::Page(Page { title: screen::MESSAGE.to_owned(), lines, from: 0 }));
    }

    /// `/find` has found something.
    pub(super) fn show_found(&mut self, title: String, records: Vec<StoredMessage>) {
        self.found = Found { title, records, at: 0 };
        self.overlay = Some(Overlay::Found);
    }

    /// One further down in what was found; where a message is shown already, to that of the next one.
    fn step_found(&mut self, by: isize) {
        let most = self.found.records.len().saturating_sub(1);
        self.found.at = self.found.at.saturating_add_signed(by).min(most);
        if self.overlay != Some(Overlay::Found) {
            self.show_one_found();
        }
    }

    /// Shows the message that was found in its conversation.
    pub(super) fn show_one_found(&mut self) {
        let Some(record) = self.found.records.get(self.found.at) else { return };
        let name = record.name.clone();
        self.show(name.conversation.clone());
        self.sought = Some(name);
        self.seek();
    }

    /// Looks for the message that is to be shown, further and further back.
    pub(super) fn seek(&mut self) {
        let Some(MessageKey { conversation, author, id }) = self.sought.take() else { return };
        if !self.is_current(&conversation) {
            return;
        }
        let Some(chat) = self.current_chat() else { return };
        let is_it =
            |line: &Line| matches!(line, Line::Message(message) if message.author == author && message.id == id);
        let found = chat.numbered().find(|(_, line)| is_it(line)).map(|(number, _)| number);
        match (found, chat.loaded) {
            (Some(number), _) => {
                self.selected = Some(number);
            }
            (None, Loaded::All | Loaded::Nothing) => self.tell(mail::NOTHING_THERE),
            (None, loaded) => {
                self.sought = Some(MessageKey { conversation, author, id });
                if loaded == Loaded::Some {
                    self.look_up_older(STRIDE);
                }
            }
        }
    }

    /// Whether a message is selected where keys can act on it.
    pub(crate) fn has_selection(&self) -> bool {
        self.selected.is_some() && self.overlay.is_none() && self.question().is_none()
    }
}
