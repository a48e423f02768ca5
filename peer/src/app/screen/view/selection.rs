//! The layer of a selected message: it is copied, quoted, saved, looked at, or no longer selected.

use super::chat::{Line, Message};
use super::found::Found;
use super::{Output, Overlay, Page, Taken, Target, View};
use crate::app::keys::{Key, KeyAction};
use crate::app::sanitise::SafeText;
use crate::app::texts::{format, local_commands, screen};
use peer_core::model::MessageKey;

/// Which message the user looks at, and where it came from.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// The number of the message that is selected.
    pub(crate) message: Option<i64>,
    /// The number of the message from which the mouse was dragged to that one: those between are selected, too.
    from: Option<i64>,
    pub(crate) found: Found,
    /// A message that was found and is to be selected as soon as it is here.
    pub(super) sought: Option<MessageKey>,
}

impl Selection {
    /// Whether the line with this number is selected.
    pub(crate) fn has(&self, line: i64) -> bool {
        self.message.is_some_and(|to| {
            let from = self.from.unwrap_or(to);
            (from.min(to)..=from.max(to)).contains(&line)
        })
    }

    /// Selects one message, or none.
    pub(super) fn set(&mut self, message: Option<i64>) {
        (self.message, self.from) = (message, None);
    }
}

/// Several messages as one text, in which it is said whose they are.
fn with_authors(messages: &[&Message]) -> String {
    messages.iter().map(|one| format!("{}: {}\n", one.author, one.text)).collect()
}

impl View {
    pub(super) fn selection_key(&mut self, key: &KeyAction) -> Taken {
        match key {
            KeyAction::Edit(Key::Insert('n')) => self.show_next_found(1),
            KeyAction::Edit(Key::Insert('N')) => self.show_next_found(-1),
            KeyAction::Edit(Key::Insert('c')) => self.copy_selected(),
            KeyAction::Edit(Key::Insert('r')) => self.reply(),
            KeyAction::Edit(Key::Insert('s')) => self.save_selected(),
            KeyAction::Edit(Key::Enter) => self.inspect(),
            KeyAction::Edit(Key::Escape) => self.selection.set(None),
            KeyAction::Edit(Key::Start | Key::End) if self.composer.is_blank => self.selection.set(None),
            KeyAction::Edit(_) => {
                self.selection.set(None);
                return Taken::Passed;
            }
            KeyAction::Interrupt
            | KeyAction::EndOrDelete
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

    fn selected_messages(&self) -> Vec<&Message> {
        let selected = self.current_chat().into_iter().flat_map(|chat| chat.numbered());
        let selected = selected.filter(|(number, _)| self.selection.has(*number));
        selected.filter_map(|(_, line)| if let Line::Message(message) = line { Some(message) } else { None }).collect()
    }

    fn copy_selected(&mut self) {
        match self.selected_messages().as_slice() {
            [] => {}
            [message] => self.copy(message.text.clone()),
            several => self.copy(with_authors(several)),
        }
    }

    /// Into a file that is called as who said it first, and when.
    fn save_selected(&mut self) {
        let messages = self.selected_messages();
        let Some(first) = messages.first() else { return };
        let name = format!("{}-{}", first.author, format::file_date(first.date, &self.zone));
        let text = match messages.as_slice() {
            [message] => format!("{}\n", message.text),
            several => with_authors(several),
        };
        self.put(Output::Save { name, text });
        self.selection.set(None);
    }

    /// The numbers of the messages in the conversation that is shown.
    fn numbers(&self) -> Vec<i64> {
        let lines = self.current_chat().into_iter().flat_map(|chat| chat.numbered());
        lines.filter(|(_, line)| matches!(line, Line::Message(_))).map(|(number, _)| number).collect()
    }

    /// A click: the conversation is shown, the message selected.
    pub(super) fn pointed_at(&mut self, target: Target) {
        match target {
            Target::Conversation(to) => self.show(to),
            Target::Line(number) => self.selection.set(self.numbers().contains(&number).then_some(number)),
        }
    }

    /// The mouse is dragged to a line: the messages from the one that was selected to there are.
    pub(super) fn dragged_to(&mut self, line: i64) {
        if self.numbers().contains(&line) {
            self.selection.from = self.selection.from.or(self.selection.message);
            self.selection.message = Some(line);
        }
    }

    pub(super) fn select_above(&mut self) {
        let numbers = self.numbers();
        let above =
            numbers.iter().rev().find(|number| self.selection.message.is_none_or(|selected| **number < selected));
        self.selection.set(above.copied().or(self.selection.message));
    }

    /// Below the last message nothing is selected any more.
    pub(super) fn select_below(&mut self) {
        let Some(selected) = self.selection.message else { return };
        self.selection.set(self.numbers().into_iter().find(|number| *number > selected));
    }

    pub(crate) fn selected_message(&self) -> Option<&Message> {
        let selected = self.selection.message?;
        let (_, line) = self.current_chat()?.numbered().find(|(number, _)| *number == selected)?;
        if let Line::Message(message) = line { Some(message) } else { None }
    }

    fn copy(&mut self, text: String) {
        self.tell(&local_commands::copied(&text));
        self.put(Output::Copy(text));
        self.selection.set(None);
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
        let entry = format!("> {}\n{}", format::quoted(&message.text), self.composer.typed);
        self.selection.set(None);
        self.put(Output::Entry(entry));
    }

    fn inspect(&mut self) {
        let Some(message) = self.selected_message() else { return };
        let said_by = screen::said_by(&message.author, message.date, message.mark, &self.zone);
        let mut lines = vec![SafeText::ours(&said_by)];
        lines.push(SafeText::default());
        lines.extend(SafeText::message(&message.text, self.glyphs));
        self.open(Overlay::Page(Page { title: screen::MESSAGE.to_owned(), lines, from: 0 }));
    }
}
