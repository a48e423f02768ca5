//! What was said and written earlier, looked up in the sealed history: for `/history`, for what was not shown, and for the
//! entries that the arrow keys bring back (`line.history_file`).
//!
//! Answers come in the order of the questions about one conversation.

use std::collections::BTreeSet;

use super::outputs::Outputs;
use super::session::Session;
use super::{Output, Past};
use peer_core::command::{Command, MessageCommand};
use peer_core::model::{Conversation, StoredMessage};

/// Why the history is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To be read.
    Show,
    /// For the arrow keys.
    Entries,
}

/// What was looked up.
#[derive(Debug, Default)]
pub(super) struct PendingHistory {
    /// Whose past the arrow keys know.
    known: BTreeSet<Conversation>,
    /// What is not answered.
    open: Vec<(Conversation, Purpose)>,
}

impl Session {
    /// Looks up the last messages, for the person to read.
    pub(super) fn look_back(&mut self, with: Conversation, count: usize, outputs: &mut Outputs) {
        self.past.open.push((with.clone(), Purpose::Show));
        outputs.command(Command::Message(MessageCommand::History { with, count, before: None }));
    }

    /// Somebody gets the screen: the arrow keys are to bring back what was written to them.
    pub(super) fn remember_entries(&mut self, with: Conversation, outputs: &mut Outputs) {
        let Past::Recalled(count) = outputs.options.past else { return };
        // What was told to everyone lies at the directory.
        if with != Conversation::Everyone && self.past.known.insert(with.clone()) {
            self.past.open.push((with.clone(), Purpose::Entries));
            outputs.command(Command::Message(MessageCommand::History { with, count, before: None }));
        }
    }

    /// The history of a conversation, for what it was looked up for.
    pub(super) fn looked_back(
        &mut self,
        with: &Conversation,
        records: &[StoredMessage],
        unread: usize,
        outputs: &mut Outputs,
    ) {
        let asked = self.past.open.iter().position(|(of, _)| of == with);
        if let Some((_, Purpose::Entries)) = asked.map(|place| self.past.open.remove(place)) {
            let own = records.iter().filter(|record| record.name.author == *self.me());
            let entries = own.map(|record| record.text.clone()).collect();
            return outputs.put(Output::Past { place: with.to_string(), entries });
        }
        self.answered();
        self.recalled(records, unread, outputs);
    }
}
