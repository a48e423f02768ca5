//! Messages: with whom they are exchanged, what tells them apart, how far they have come; and who is there.

use std::fmt;

use common::ident::{ConversationId, GroupName, MessageId, TerminalId, UserId};
use common::msg::{PresenceStatus, Withdrawal};
use serde::{Deserialize, Serialize};

/// With whom messages are exchanged. Displayed as users write it: `bianca`, `#team`, `*`.
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

impl MessageKey {
    /// The key of what `author` said in a conversation.
    #[must_use]
    pub fn new(conversation: &Conversation, author: &UserId, id: MessageId) -> Self {
        Self { conversation: conversation.clone(), author: author.clone(), id }
    }
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
        /// Whether the user has seen it.
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
    /// Ours, and dropped by the directory that had kept it; it has failed, unless it is sent again.
    Withdrawn(Withdrawal),
}

/// Where a message stands in the history: what came later has a greater one. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub i64);

/// Where a user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceInfo {
    /// Whether the user can be reached now.
    pub status: PresenceStatus,
    /// What the user says about being away.
    pub text: Option<String>,
}

/// How a link goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkWay {
    /// Straight to the other terminal, over IPv4.
    DirectIpv4,
    /// The same over IPv6.
    DirectIpv6,
    /// Straight to the other terminal: both have connected to each other at one moment.
    Met,
    /// By the directory, which passes on what it cannot read.
    Relayed,
}

/// A link by which both terminals know that others may follow it: they call the conversation so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The name, which goes on to the links that follow.
    pub conversation: ConversationId,
    /// The terminal at the other end.
    pub terminal: TerminalId,
}
