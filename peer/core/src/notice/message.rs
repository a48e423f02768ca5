//! Messages, how far they have come, and what was said before.

use super::refusal::DirectoryRefusal;
use crate::command::Ticket;
use crate::model::{Conversation, DeliveryStatus, StoredMessage};
use common::ident::{MessageId, UserId};
use common::msg::Withdrawal;

/// Messages, how far they have come, and what was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageNotice {
    /// A text arrived over the verified link with `from`, written at `date` by their clock.
    Text { from: UserId, text: String, id: MessageId, date: u64 },
    /// Texts arrived by mail; oldest first.
    Arrived(Vec<Arrival>),
    /// What was just sent waits, with so many others.
    Waiting { to: Conversation, waiting: usize, next: Next },
    /// Answers `Send`: the message is kept. Without a ticket: this user has written it at another terminal.
    Sent { ticket: Option<Ticket>, record: StoredMessage },
    /// Messages of ours have come so far. `late`: the user was told that they waited.
    Marked { to: Conversation, ids: Vec<MessageId>, mark: DeliveryStatus, late: bool },
    /// A text could not be sent; it is not kept.
    NotSent { to: Conversation, text: String, why: NotSent, ticket: Ticket },
    /// So many texts are given up because the directory knows no such user; perhaps somebody else was meant.
    NoSuchUser { user: UserId, texts: usize, near: Option<UserId> },
    /// Answers `Why`: messages that are under way, oldest first, or the last one that has arrived.
    Explained { of: Conversation, messages: Vec<Explained> },
    /// Answers `History`, oldest first. `unread`: so many of the last were not seen before.
    History { with: Conversation, records: Vec<StoredMessage>, unread: usize },
    /// Answers `Find`, newest first.
    Found { words: String, records: Vec<StoredMessage> },
    /// A room can be used no more: the directory showed its members different things, or a member broke the rules.
    Frozen { with: Conversation, why: String },
    /// Something in a room was not what it said, or could not be read: it was dropped and has changed nothing.
    Dropped { with: Conversation, from: UserId, why: String },
    /// A message of ours that the directory had kept does not reach these users; it has failed.
    Withdrawn { to: Conversation, id: MessageId, text: String, users: Vec<UserId>, reason: Withdrawal },
    /// Answers `SendAgain`: it is on its way again.
    Again { to: Conversation, id: MessageId, text: String, ticket: Ticket },
    /// Answers `SendAgain` to a group: these would read it now; it is sent if the user agrees.
    Readers { to: Conversation, id: MessageId, text: String, users: Vec<UserId>, ticket: Ticket },
    /// Answers `SendAgain`: no such message has failed.
    NotFailed { to: Conversation, ticket: Ticket },
    /// Messages for this terminal were not kept by the directory: its mailbox was full, or they were too old.
    Lost { count: u64 },
}

/// A text that arrived by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Where it was said.
    pub conversation: Conversation,
    /// Who said it.
    pub from: UserId,
    /// The author's id for it.
    pub id: MessageId,
    /// What was said.
    pub text: String,
    /// When, by the sender's clock.
    pub date: u64,
    /// Whether it had waited while this terminal was away.
    pub waited: bool,
}

/// What a message that is under way waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The receiver has said that it is kept, or shown: nothing is missing.
    Nothing,
    /// Over the link; the other side has not confirmed it yet.
    Confirmation,
    /// The directory, which is out of reach; tried again by itself.
    Directory,
    /// The directory, which did not take it; tried again by itself.
    Refused(DirectoryRefusal),
    /// The directory, which is asked whether there is such a user.
    Existence,
    /// Keys of the receiver's terminals, which are being fetched.
    Keys,
    /// The receiver has no terminal that takes mail: it goes out when they log in.
    Terminal,
    /// The receiver's mailbox, which is full; tried again when some of it was fetched.
    Space,
    /// The receiver, who has not logged in since the directory took it.
    Receiver,
    /// The user's decision about a key that changed.
    KeyDecision,
    /// The user, who may send it again.
    Again,
}

/// One message as `Explained` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What it says, or the name of the file that it offers.
    pub text: String,
    /// How far it has come.
    pub mark: DeliveryStatus,
    /// Since when, seconds since the epoch.
    pub since: u64,
    /// What it waits for.
    pub next: Next,
}

/// Why a text cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// The user is not a member of the group.
    NotAMember,
    /// The user has blocked the receiver.
    Blocked,
    /// It is too long.
    TooLong,
    /// To oneself.
    Yourself,
    /// The directory knows no such user; perhaps this one was meant.
    NoSuchUser { near: Option<UserId> },
    /// The directory is out of reach, and this cannot wait.
    DirectoryLost,
    /// The directory does not take it.
    Refused(DirectoryRefusal),
    /// The disk of this machine would not keep it, in these words.
    NotKept { detail: String },
}
