//! What the core wants kept on disk, in words that know no disk (decision D20, threats G5 and T6).
//!
//! A step of the core ends in a list of [`Write`]s. All of them become durable together or none does, and nothing that
//! depends on them leaves before (`Effect::Persist` comes first). Ratchet state, outbox and message never part.

use std::fmt;

use common::ident::{GroupName, MessageId, UserId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

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
    /// Changes the history.
    History(HistoryWrite),
}

/// Shows no values: they hold keys and texts (threat T5).
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { kind, value, .. } => write!(f, "Put({kind:?}, {} bytes)", value.len()),
            Self::Delete { kind, .. } => write!(f, "Delete({kind:?})"),
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

/// With whom messages are exchanged. Displayed as people write it: `bianca`, `#team`, `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conversation {
    /// One other user.
    User(UserId),
    /// A group.
    Group(GroupName),
    /// Broadcasts.
    Everyone,
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => user.fmt(f),
            Self::Group(group) => group.fmt(f),
            Self::Everyone => f.write_str("*"),
        }
    }
}

/// What tells one message of the history from all others. Ids are chosen by authors, so they are unique only for one
/// author: nobody can make another's message disappear by using its id first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageKey {
    /// Where it was said.
    pub conversation: Conversation,
    /// Who said it.
    pub author: UserId,
    /// The author's id for it.
    pub id: MessageId,
}

/// One message of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Which message.
    #[serde(flatten)]
    pub name: MessageKey,
    /// What it says, as it came.
    pub text: String,
    /// When it was written by the author's clock, seconds since the epoch. Informative (threat T7).
    pub date: u64,
    /// When it was kept by this terminal's clock, seconds since the epoch.
    pub arrived: u64,
    /// How far it has come.
    pub mark: DeliveryStatus,
    /// Since when, seconds since the epoch.
    pub since: u64,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// From somebody else.
    Received {
        /// Whether the person has seen it.
        read: bool,
    },
    /// Ours, and only here so far.
    Queued,
    /// Ours, and kept by the directory.
    Stored,
    /// Ours, and kept by a terminal of the receiver.
    Delivered,
    /// Ours, and shown to the receiver.
    Read,
    /// Ours, and given up.
    Failed,
}

/// Where a message stands in the history: what came later has a greater one. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub i64);
