//! Mailboxes: what waits for a terminal, and how it gets there (protocol section 6.6; decision D17, threat L11).

use serde::{Deserialize, Serialize};

use super::{Piece, SignedCommit, bounded};
use crate::ident::{MessageId, RoomId, TerminalId, UserId};
use crate::limits::{MAIL_IN_ONE, ROOM_TERMINALS};

/// One terminal of one user: a leaf of a room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub userid: UserId,
    /// The terminal.
    pub terminal: TerminalId,
}

/// `MAILBOXREQ`: from now on this terminal takes its mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxReq {}

/// `MAILBOXSTATE`: answers `MAILBOXREQ`; `MAILBOX` messages follow as long as anything waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxState {
    /// The last item this terminal has acknowledged; 0 if none.
    pub acked: u64,
    /// How many `MAILBOXPUT` and `COMMITREQ` of this terminal were carried out.
    pub written: u64,
    /// Items that were not kept for this terminal since it last asked, because its mailbox was full or they were too old.
    pub lost: u64,
    /// Items that wait.
    pub waiting: u64,
}

/// What a mailbox item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// An application message of the item's epoch.
    Message,
    /// The commit that ends the item's epoch.
    Commit,
    /// A welcome to the epoch behind the item's.
    Welcome,
}

/// One item of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailItem {
    /// Its number; ascending within a mailbox, never 0.
    pub item: u64,
    /// The room it belongs to.
    pub room: RoomId,
    /// Who sent it, as the directory saw it. What is shown to people comes from the MLS sender.
    pub from: Member,
    /// What it is.
    pub kind: MailKind,
    /// The epoch it was accepted in.
    pub epoch: u64,
    /// When the directory took it, seconds since the epoch.
    pub date: u64,
    /// Its bytes.
    pub size: u32,
    /// The bytes themselves, where they fit into one piece; otherwise they are fetched with `FETCHREQ`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<Piece>,
    /// What its author answers for, of a commit and of a welcome; none if a directory of the version before took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<Box<SignedCommit>>,
}

/// `MAILBOX`: items in ascending order. At most one is not acknowledged at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// At least one, at most [`MAIL_IN_ONE`].
    #[serde(deserialize_with = "bounded::list::<_, _, MAIL_IN_ONE>")]
    pub items: Vec<MailItem>,
}

/// `MAILBOXACK`: the terminal has kept everything up to this item; the directory forgets it. Not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxAck {
    /// The last item kept.
    pub upto: u64,
}

/// `FETCHREQ`: asks for one piece of an item of this terminal's mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchReq {
    /// The item.
    pub item: u64,
    /// Where the piece begins, in bytes.
    pub offset: u32,
}

/// `FETCHREPLY`: answers `FETCHREQ`. Empty behind the end and where there is no such item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchReply {
    /// At most [`crate::limits::PIECE_MAX`] bytes.
    pub piece: Piece,
}

/// One message for a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The id of the letter, by which a report names it if it is dropped (decision D32).
    pub id: MessageId,
    /// The sealed message.
    pub piece: Piece,
}

/// `MAILBOXPUT`: messages for all other terminals of a room, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxPut {
    /// The room; the sender's terminal must be in it.
    pub room: RoomId,
    /// The epoch they are sealed for; must be the room's.
    pub epoch: u64,
    /// At least one, at most [`MAIL_IN_ONE`].
    #[serde(deserialize_with = "bounded::list::<_, _, MAIL_IN_ONE>")]
    pub items: Vec<Outgoing>,
    /// When all of them are stored, the sender's user leaves the room with all terminals.
    #[serde(default, deserialize_with = "bounded::or_default", skip_serializing_if = "std::ops::Not::not")]
    pub leave: bool,
}

/// Why not all messages were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailRefusal {
    /// Only one other user is in the room, and that user's mailboxes take no more (threat L11).
    Full,
    /// The room is in another epoch: what ended it waits in the sender's mailbox.
    Epoch,
    /// There is no such room, or the sender's terminal is not in it.
    Room,
    /// The group was founded anew; only for those who named [`super::AUTHORITY`].
    Moved,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `MAILBOXREPLY`: answers `MAILBOXPUT`. What is counted is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxReply {
    /// How many of the messages, from the first, were stored.
    pub stored: u32,
    /// Why the rest was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<MailRefusal>,
    /// Users for none of whose terminals everything was kept, because their mailboxes are full.
    #[serde(deserialize_with = "bounded::list::<_, _, ROOM_TERMINALS>")]
    pub full: Vec<UserId>,
}
