//! The post office and the disk: opened with what was kept, asked for what was said.

use common::crypto::random;
use common::ident::KeyDigest;
use common::msg::Certificate;

use crate::store::StoreError;
use crate::store::journal::Page;
use crate::store::state::State;
use peer_core::command::After;
use peer_core::notice::{Explained, Failure, JournalNotice, MessageNotice, Next, Notice};
use peer_core::persistence::{Conversation, DeliveryStatus, MessageKey, StoredMessage, Table};
use peer_core::post::{FilePolicy, HistoryQuery, Post, Snapshot, Start};
use peer_core::verify::LocalIdentity;

/// Messages one search finds at most.
const FOUND: usize = 50;
/// How far back our last message is looked for.
const LOOK_BACK: usize = 200;

/// What a post office is opened with, besides the disk.
#[derive(Debug, Clone)]
pub(super) struct Office {
    pub(super) me: LocalIdentity,
    pub(super) certificate: Certificate,
    pub(super) directory: KeyDigest,
    pub(super) read_receipts: bool,
    pub(super) files: FilePolicy,
    /// The newest event of the journal when the session began.
    pub(super) began: u64,
}

impl Office {
    /// Opens it with what was kept.
    pub(super) fn open(&self, state: &State) -> Result<Post, Failure> {
        let unread = state.unread()?;
        let unread = unread.into_iter().map(|(with, count)| (with, usize::try_from(count).unwrap_or(usize::MAX)));
        let kept = Snapshot {
            mls: state.load(Table::Mls)?,
            outbox: state.load(Table::Outbox)?,
            seen: state.load(Table::Seen)?,
            group: state.load(Table::Group)?,
            counter: state.load(Table::Counter)?,
            file: state.load(Table::File)?,
            unread: unread.collect(),
        };
        let start = Start {
            me: self.me.clone(),
            terminal: state.terminal_identity()?,
            certificate: self.certificate.clone(),
            directory: self.directory,
            seed: random().map_err(StoreError::from)?,
            read_receipts: self.read_receipts,
            files: self.files,
        };
        Post::open(start, kept).map_err(|why| Failure::Internal { detail: why.to_string() })
    }

    /// Reads the journal again.
    pub(super) fn replay(&self, state: &State, after: &After, count: usize) -> Result<Notice, StoreError> {
        let after = match after {
            After::Seq(seq) => *seq,
            After::Cursor { name, otherwise } => state.cursor(name)?.or(*otherwise).unwrap_or(self.began),
        };
        let Page { events, lost, last } = state.journal(after, count)?;
        Ok(Notice::Journal(JournalNotice::Replayed { events, lost, last }))
    }

    /// Keeps how far a reader of the journal has come.
    pub(super) fn acknowledge(&self, state: &State, name: &str, seq: u64) -> Result<Notice, StoreError> {
        state.set_cursor(name, seq)?;
        Ok(Notice::Journal(JournalNotice::Acknowledged { name: name.to_owned(), seq }))
    }

    /// Looks something up in the history.
    pub(super) fn recall(&self, state: &State, recall: HistoryQuery) -> Result<Notice, StoreError> {
        let last =
            |with: &Conversation, before: Option<&MessageKey>, count| -> Result<Vec<StoredMessage>, StoreError> {
                let before = before.map(|name| state.position(name)).transpose()?.flatten();
                Ok(state.history(with, before, count)?.into_iter().map(|(_, record)| record).collect())
            };
        Ok(match recall {
            HistoryQuery::History { with, count, before, unread } => {
                let records = last(&with, before.as_ref(), count)?;
                Notice::Message(MessageNotice::History { with, records, unread })
            }
            HistoryQuery::Find { words } => {
                let records = state.find(&words, None, FOUND)?.into_iter().map(|(_, record)| record).collect();
                Notice::Message(MessageNotice::Found { words, records })
            }
            HistoryQuery::LastSent { to } => {
                let ours = last(&to, None, LOOK_BACK)?.into_iter().rfind(|record| record.name.author == self.me.user);
                let explain = |record: StoredMessage| Explained {
                    text: record.text,
                    mark: record.mark,
                    since: record.since,
                    next: if record.mark == DeliveryStatus::Stored { Next::Receiver } else { Next::Nothing },
                };
                Notice::Message(MessageNotice::Explained { of: to, messages: ours.map(explain).into_iter().collect() })
            }
        })
    }
}
