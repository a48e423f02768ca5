//! Mailboxes: what waits for a terminal, how it gets there and how it is taken (protocol section 6.6; decision D17).
//!
//! Owns the order of delivery within a session: one `MAILBOX` at a time, the next behind its acknowledgement. What may
//! be kept (threat L11) and what the numbers are is decided in one transaction of the store.

use std::time::Duration;

use common::ident::RoomId;
use common::msg::{ErrorCode, FetchReply, FetchReq, Mailbox, MailboxAck, MailboxPut, MailboxReply, Member, Piece};

use super::Directory;
use super::session::{Reply, Session};
use super::store::Store;
use super::timestamp::Timestamp;

/// What a mailbox takes (threat L11). 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailRule {
    /// Messages of one user that may wait for one terminal.
    pub messages: u32,
    /// Bytes that may wait for one terminal; commits and welcomes may take twice as many.
    pub bytes: u64,
    /// How long anything waits.
    pub keep: Duration,
}

impl Default for MailRule {
    fn default() -> Self {
        Self { messages: 128, bytes: 10 * 1024 * 1024, keep: Duration::from_secs(21 * 24 * 3600) }
    }
}

impl MailRule {
    /// The moment up to which everything is too old to be kept.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Timestamp {
        if self.keep.is_zero() { Timestamp::from_seconds(0) } else { now.minus(self.keep) }
    }
}

/// A `MAILBOXPUT` on its way to the store.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// Who sends.
    pub from: Member,
    /// To which room.
    pub room: RoomId,
    /// The epoch the messages are sealed for.
    pub epoch: u64,
    /// The messages, in order.
    pub messages: Vec<Vec<u8>>,
}

/// What came of a [`Deposit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositOutcome {
    /// What the sender is notify.
    pub reply: MailboxReply,
    /// Whose mailboxes have something new.
    pub notify: Vec<Member>,
}

/// How far a session has taken its mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Delivery {
    /// The terminal has not asked for its mail.
    #[default]
    Closed,
    /// Everything that was sent has been acknowledged.
    Open,
    /// `MAILBOX` was sent up to this item.
    Outstanding(u64),
}

impl Session {
    /// Answers `MAILBOXREQ`; the mail follows as a push.
    pub(super) async fn open_mailbox<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp) -> Reply {
        let expired = directory.policy().mail.expired(now);
        match directory.store.open_mailbox(self.presence.member(), expired).await {
            Ok(state) => {
                self.delivery = Delivery::Open;
                self.presence.outbound.mail();
                Reply::Message(state.into())
            }
            Err(error) => error.into(),
        }
    }

    /// Sends what waits, unless the terminal owes an acknowledgement.
    pub(super) async fn deliver<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp) -> Reply {
        if self.delivery != Delivery::Open {
            return Reply::Silent;
        }
        let expired = directory.policy().mail.expired(now);
        match directory.store.mail(self.presence.member(), expired).await {
            Ok(items) => match items.last().map(|last| last.item) {
                None => Reply::Silent,
                Some(last) => {
                    self.delivery = Delivery::Outstanding(last);
                    Reply::Message(Mailbox { items }.into())
                }
            },
            Err(error) => error.into(),
        }
    }

    /// Takes `MAILBOXACK`; what waits behind it follows as a push.
    pub(super) async fn acknowledge<S: Store>(&mut self, directory: &Directory<S>, ack: MailboxAck) -> Reply {
        if let Err(error) = directory.store.acknowledge(self.presence.member(), ack.upto).await {
            return error.into();
        }
        if matches!(self.delivery, Delivery::Outstanding(last) if ack.upto >= last) {
            self.delivery = Delivery::Open;
            self.presence.outbound.mail();
        }
        Reply::Silent
    }

    /// Answers `FETCHREQ`.
    pub(super) async fn fetch<S: Store>(&self, directory: &Directory<S>, request: FetchReq) -> Reply {
        match directory.store.piece(self.presence.member(), request.item, request.offset).await {
            Ok(piece) => Reply::Message(FetchReply { piece: Piece(piece) }.into()),
            Err(error) => error.into(),
        }
    }

    /// Answers `MAILBOXPUT`.
    pub(super) async fn put<S: Store>(&self, directory: &Directory<S>, now: Timestamp, put: MailboxPut) -> Reply {
        let MailboxPut { room, epoch, items } = put;
        let messages: Vec<_> = items.into_iter().map(|outgoing| outgoing.piece.0).collect();
        if messages.is_empty() || messages.iter().any(Vec::is_empty) {
            return Reply::error(ErrorCode::Malformed);
        }
        let deposit = Deposit { from: self.presence.member().clone(), room, epoch, messages };
        match directory.store.deposit(deposit, directory.policy().mail, now).await {
            Ok(DepositOutcome { reply, notify }) => {
                directory.presence.mail_for(&notify);
                Reply::Message(reply.into())
            }
            Err(error) => error.into(),
        }
    }
}
