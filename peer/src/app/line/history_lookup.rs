//! What was said and written earlier, looked up in the sealed history: for `/history`, for what was not shown, and for the
//! entries that the arrow keys bring back (`line.history_file`).

use super::outputs::Outputs;
use super::pending::{Pending, Reading};
use super::session::Session;
use super::{Output, Past};
use peer_core::command::{Command, MessageCommand};
use peer_core::model::{Conversation, StoredMessage};

impl Session {
    /// Looks up the last messages, for the user to read.
    pub(super) fn look_back(&mut self, with: Conversation, count: usize, why: Reading, outputs: &mut Outputs) {
        let command = Command::Message(MessageCommand::History { with: with.clone(), count, before: None });
        outputs.ask(Pending::History(with, why), command);
    }

    /// Somebody gets the screen: the arrow keys are to bring back what was written to them.
    pub(super) fn remember_entries(&mut self, with: Conversation, outputs: &mut Outputs) {
        let Past::Recalled(count) = outputs.options.past else { return };
        // What was told to everyone lies at the directory.
        if with != Conversation::Everyone && self.remembered.insert(with.clone()) {
            self.look_back(with, count, Reading::Entries, outputs);
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
        let closed = outputs.close(|pending| matches!(pending, Pending::History(of, _) if of == with));
        if let Some(Pending::History(_, Reading::Entries)) = closed {
            let own = records.iter().filter(|record| record.name.author == *self.me());
            let entries = own.map(|record| record.text.clone()).collect();
            return outputs.put(Output::Past { place: with.to_string(), entries });
        }
        if let Some(Pending::History(_, Reading::Backlog)) = closed {
            return self.reopened(records, outputs);
        }
        self.recalled(records, unread, outputs);
    }
}
