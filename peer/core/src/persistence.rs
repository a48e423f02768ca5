//! What the core wants kept on disk, in words that know no disk (decision D20, threats G5 and T6).
//!
//! A step of the core ends in a list of [`Write`]s. All of them become durable together or none does, and nothing that
//! depends on them leaves before (`Effect::Persist` comes first). Ratchet state, outbox and message never part.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::contacts::Contact;
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};

/// What a kept value is about. Its keys are its own: the same key under two kinds names two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// A value of the MLS library.
    Mls,
    /// A message that has not come to its end.
    Outbox,
    /// Ids of messages that have arrived, so that a second copy is dropped.
    Seen,
    /// A named group and who waits to be admitted.
    Group,
    /// A number that only grows.
    Counter,
    /// A file that was offered.
    File,
    /// What is said of a message of ours that has not come to this terminal yet.
    Early,
}

impl Table {
    /// The name under which stores know the kind. Never changed, never used for another.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mls => "mls",
            Self::Outbox => "outbox",
            Self::Seen => "seen",
            Self::Group => "group",
            Self::Counter => "counter",
            Self::File => "file",
            Self::Early => "early",
        }
    }
}

/// One change of what is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets a value.
    Put {
        /// What it is about.
        kind: Table,
        /// Which one.
        key: Vec<u8>,
        /// The value; may be key material.
        value: Zeroizing<Vec<u8>>,
    },
    /// Forgets a value; one that is not there is no error.
    Delete {
        /// What it is about.
        kind: Table,
        /// Which one.
        key: Vec<u8>,
    },
    /// Sets what is known of a user.
    Contact(Contact),
    /// Changes the history.
    History(HistoryWrite),
}

/// Shows no values: they hold keys and texts (threat T5).
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { kind, value, .. } => write!(f, "Put({kind:?}, {} bytes)", value.len()),
            Self::Delete { kind, .. } => write!(f, "Delete({kind:?})"),
            Self::Contact(_) => f.write_str("Contact"),
            Self::History(HistoryWrite::Append(_)) => f.write_str("History(Append)"),
            Self::History(change) => write!(f, "History({change:?})"),
        }
    }
}

/// One change of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryWrite {
    /// Adds a message at the end; one whose [`MessageKey`] is there already stays as it is.
    Append(StoredMessage),
    /// Says how far a message has come; one that is not there is no error.
    SetMark {
        /// Which message.
        name: MessageKey,
        /// How far.
        mark: DeliveryStatus,
        /// Since when, seconds since the epoch.
        since: u64,
    },
    /// Marks everything received in a conversation as read.
    MarkRead {
        /// Which conversation.
        conversation: Conversation,
    },
    /// Forgets messages that came before this moment (`keep_messages`).
    Forget {
        /// Seconds since the epoch.
        before: u64,
    },
}

/// Rows of one table, as they were written.
pub type Rows = Vec<(Vec<u8>, Zeroizing<Vec<u8>>)>;

/// Everything that was written, as a terminal begins with it.
#[derive(Default)]
pub struct Snapshot {
    /// [`Table::Mls`].
    pub mls: Rows,
    /// [`Table::Outbox`].
    pub outbox: Rows,
    /// [`Table::Seen`].
    pub seen: Rows,
    /// [`Table::Group`].
    pub group: Rows,
    /// [`Table::Counter`].
    pub counter: Rows,
    /// [`Table::File`].
    pub file: Rows,
    /// [`Table::Early`].
    pub early: Rows,
    /// Everybody who was met, chosen or blocked.
    pub contacts: Vec<Contact>,
    /// Messages that the user has not seen.
    pub unread: BTreeMap<Conversation, usize>,
}

/// Shows no values: they hold keys and texts (threat T5).
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

/// A question about the history, which lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryQuery {
    /// The last messages of a conversation, or of those before the one named; answered by `History`.
    History {
        /// Which conversation.
        with: Conversation,
        /// How many at most.
        count: usize,
        /// Only those before this one.
        before: Option<MessageKey>,
        /// How many of the last the user has not seen.
        unread: usize,
    },
    /// Messages with these words; answered by `Found`.
    Find {
        /// The words.
        words: String,
    },
    /// Our last message; answered by `Explained`.
    LastSent {
        /// Which conversation.
        to: Conversation,
    },
}
