//! The core and the disk: opened with what is kept there, written to, asked for what was said.
//!
//! The only place of the driver that touches the store. What is written, and in which order, is the core's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use common::crypto::random;
use common::msg::Certificate;
use futures::lock::Mutex;

use crate::shell::clock;
use crate::store::StoreError;
use crate::store::event_log::Page;
use crate::store::state::State;
use peer_core::command::After;
use peer_core::contacts::Contact;
use peer_core::event::{Durability, Opening};
use peer_core::mailbox::begin_without_rooms;
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use peer_core::notice::{Event, Explained, Failure, JournalNotice, MessageNotice, Next, Notice};
use peer_core::persistence::{HistoryQuery, Snapshot};
use peer_core::persistence::{Table, Write};
use peer_core::retention::Retention;
use peer_core::verify::LocalIdentity;
use peer_core::vouching::Kept;

/// Messages one search finds at most.
const FOUND: usize = 50;
/// How far back our last message is looked for.
const LOOK_BACK: usize = 200;

/// The user's store, and who has it.
pub(super) struct Storage {
    pub(super) state: Arc<Mutex<State>>,
    pub(super) me: LocalIdentity,
    pub(super) certificate: Certificate,
    /// The newest event of the log when the session began.
    pub(super) began: u64,
    /// The file whose sync makes durable what was written.
    pub(super) log: PathBuf,
    /// A sync has failed: before anything else is kept the log is written again.
    pub(super) is_doubtful: bool,
}

impl Storage {
    /// What the engine begins, or goes on, with.
    pub(super) async fn opening(&self) -> Result<Opening, Failure> {
        let state = self.state.lock().await;
        let unread = state.unread()?;
        let unread = unread.into_iter().map(|(with, count)| (with, usize::try_from(count).unwrap_or(usize::MAX)));
        let rows = Snapshot {
            mls: state.load(Table::Mls)?,
            outbox: state.load(Table::Outbox)?,
            seen: state.load(Table::Seen)?,
            group: state.load(Table::Group)?,
            counter: state.load(Table::Counter)?,
            file: state.load(Table::File)?,
            early: state.load(Table::Early)?,
            contacts: state.contacts()?,
            unread: unread.collect(),
        };
        let (terminal, certificate) = (state.terminal_identity()?, self.certificate.clone());
        Ok(Opening { terminal, certificate, seed: random().map_err(StoreError::from)?, rows })
    }

    /// What the directory has signed of contacts, as far as it can be read.
    pub(super) async fn records(&self) -> Result<Vec<Kept>, StoreError> {
        let (records, forgotten) = self.state.lock().await.records()?;
        if forgotten > 0 {
            tracing::warn!(forgotten, "what the directory has signed of contacts could not be read");
        }
        Ok(records)
    }

    /// Keeps what the directory has signed of a contact.
    pub(super) async fn keep_records(&self, kept: &Kept) -> Result<(), StoreError> {
        self.state.lock().await.keep_records(kept)
    }

    /// Makes writes durable, with the events that tell of them; gives the events with their numbers.
    pub(super) async fn persist(
        &mut self,
        writes: &[Write],
        news: Vec<String>,
        durability: Durability,
    ) -> Result<Vec<Event>, StoreError> {
        let mut state = self.state.lock().await;
        if self.is_doubtful {
            state.write_log_again()?;
            self.is_doubtful = false;
        }
        state.persist_with_events(writes, (clock::milliseconds(), news), durability)
    }

    /// Keeps a contact.
    pub(super) async fn save(&self, contact: &Contact) -> Result<(), StoreError> {
        self.state.lock().await.save_contact(contact)
    }

    /// What was seen of the time, for how long messages are kept.
    pub(super) async fn retention(&self, keep: Duration) -> Result<Retention, StoreError> {
        Ok(Retention::load(&self.state.lock().await.load(Table::Counter)?, keep))
    }

    /// Becomes another terminal: its rooms are forgotten, its messages stay.
    pub(super) async fn renew_terminal(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().await;
        let cookie = state.known()?.cookie;
        let former = (self.me.terminal, cookie.as_ref());
        let forgotten = begin_without_rooms(former, &state.load(Table::Mls)?, &state.load(Table::Counter)?);
        state.renew_terminal(&forgotten)
    }

    /// Reads the event log again.
    pub(super) async fn replay(&self, after: &After, count: usize) -> Result<Notice, StoreError> {
        let state = self.state.lock().await;
        let after = match after {
            After::Seq(seq) => *seq,
            After::Cursor { name, otherwise } => state.cursor(name)?.or(*otherwise).unwrap_or(self.began),
        };
        let Page { events, lost, last } = state.events(after, count)?;
        Ok(Notice::Journal(JournalNotice::Replayed { events, lost, last }))
    }

    /// Keeps how far a reader of the event log has come.
    pub(super) async fn acknowledge(&self, name: &str, seq: u64) -> Result<Notice, StoreError> {
        self.state.lock().await.set_cursor(name, seq)?;
        Ok(Notice::Journal(JournalNotice::Acknowledged { name: name.to_owned(), seq }))
    }

    /// One message of the history, if it is there.
    pub(super) async fn recall(&self, name: &MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        self.state.lock().await.message(name)
    }

    /// Looks something up in the history.
    pub(super) async fn look_up(&self, query: HistoryQuery) -> Result<Notice, StoreError> {
        let state = self.state.lock().await;
        Ok(match query {
            HistoryQuery::History { with, count, before, unread } => {
                let records = last(&state, &with, before.as_ref(), count)?;
                Notice::Message(MessageNotice::History { with, records, unread })
            }
            HistoryQuery::Find { words } => {
                let records = state.find(&words, None, FOUND)?.into_iter().map(|(_, record)| record).collect();
                Notice::Message(MessageNotice::Found { words, records })
            }
            HistoryQuery::LastSent { to } => {
                let records = last(&state, &to, None, LOOK_BACK)?;
                let ours = records.into_iter().rfind(|record| record.name.author == self.me.user);
                let messages = ours.map(explained).into_iter().collect();
                Notice::Message(MessageNotice::Explained { of: to, messages })
            }
        })
    }
}

/// Syncs a log: everything that was written to it before survives the loss of power.
pub(super) fn sync_log(log: &Path) -> Result<(), StoreError> {
    // A database that has moved everything out of it has synced that.
    match std::fs::File::open(log).and_then(|log| log.sync_data()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.map_err(|error| StoreError::io(log, &error)),
    }
}

/// The last messages of a conversation, of those before `before`.
fn last(
    state: &State,
    with: &Conversation,
    before: Option<&MessageKey>,
    count: usize,
) -> Result<Vec<StoredMessage>, StoreError> {
    let before = before.map(|name| state.position(name)).transpose()?.flatten();
    Ok(state.history(with, before, count)?.into_iter().map(|(_, record)| record).collect())
}

/// What has become of a message that is under way no more, or only at the directory.
fn explained(record: StoredMessage) -> Explained {
    let next = if record.mark == DeliveryStatus::Stored { Next::Receiver } else { Next::Nothing };
    Explained { text: record.text, mark: record.mark, since: record.since, next }
}
