//! The history of a user as a benchmark fills and searches it.

use std::path::Path;

use common::ident::MessageId;
use common::testkit::Example;

use crate::store::StoreError;
use crate::store::state::State;
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use peer_core::persistence::{HistoryWrite, Write};

/// What ali keeps of bianca's messages.
#[derive(Debug)]
pub struct Archive(State);

impl Archive {
    /// Opens ali's store.
    ///
    /// # Errors
    /// The store's words.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let mut state = State::open(folder).map_err(words)?;
        state.unlock(&Example::Ali.identity().map_err(|error| error.to_string())?).map_err(words)?;
        Ok(Self(state))
    }

    /// Keeps messages of bianca in one durable step. Numbers tell messages apart.
    ///
    /// # Errors
    /// The store's words; then none is kept.
    pub fn keep<'a>(&mut self, messages: impl IntoIterator<Item = (u64, &'a str)>) -> Result<(), String> {
        let author = Example::Bianca.user().map_err(|error| error.to_string())?;
        let record = |(number, text): (u64, &str)| {
            let mut id = [0; MessageId::LENGTH];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let conversation = Conversation::User(author.clone());
            let name = MessageKey { conversation, author: author.clone(), id: MessageId(id) };
            let mark = DeliveryStatus::Received { read: false };
            StoredMessage { name, text: text.to_owned(), date: number, arrived: number, mark, since: number }
        };
        let append = |message| Write::History(HistoryWrite::Append(record(message)));
        self.0.persist(&messages.into_iter().map(append).collect::<Vec<_>>()).map_err(words)
    }

    /// The newest messages that hold all of these words.
    ///
    /// # Errors
    /// The store's words.
    pub fn find(&self, query: &str, limit: usize) -> Result<Vec<String>, String> {
        let found = self.0.find(query, None, limit).map_err(words)?;
        Ok(found.into_iter().map(|(_, record)| record.text).collect())
    }
}

fn words(error: StoreError) -> String {
    error.to_string()
}
