//! What mailboxes and rooms keep: messages, commits, key packages.

use std::time::Duration;

use common::ident::{MessageId, RoomId, TerminalId};
use common::msg::{CommitReply, GroupEntry, KeyPackageReply, KeyPackageState, MailboxReply, Member, SignedCommit};

use crate::timestamp::Timestamp;

/// What a mailbox takes (threat L11). 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailRule {
    /// Messages of one user that may wait for one terminal.
    pub messages: u32,
    /// Bytes that may wait for one terminal; commits and welcomes may take twice as many. Those of one sender take a
    /// quarter.
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
    /// The messages with their senders' names for them, in order.
    pub messages: Vec<(MessageId, Vec<u8>)>,
    /// Whether the sender's user leaves the room when all of them are stored.
    pub leave: bool,
}

/// What came of a [`Deposit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositOutcome {
    /// What the sender is told.
    pub reply: MailboxReply,
    /// Whose mailboxes have something new.
    pub notify: Vec<Member>,
    /// Reports of messages that not everybody gets: those that were written, and those that were found needless.
    pub reports: usize,
}

/// How far forgetting old mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryProgress {
    /// There may be more that is too old.
    MoreLeft,
    /// Nothing of it is left.
    Done,
}

/// A `COMMITREQ` on its way to the store.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// Who sends.
    pub from: Member,
    /// Which room.
    pub room: RoomId,
    /// The epoch it ends.
    pub epoch: u64,
    /// Who is in the room behind it; nobody gives the room up.
    pub members: Vec<Member>,
    /// For everyone in the room before; empty creates the room and leaves it in epoch 0.
    pub commit: Vec<u8>,
    /// For everyone new.
    pub welcome: Vec<u8>,
    /// The entry from now on.
    pub group: Option<GroupEntry>,
    /// Who is taken off and added again.
    pub again: Vec<Member>,
    /// The room that the handle passes from.
    pub replaces: Option<RoomId>,
    /// What the author answers for; it was verified.
    pub signed: SignedCommit,
    /// Handles of groups that were given up later than this are kept for their admins.
    pub kept_after: Timestamp,
    /// The clock of this run, by which is counted what a user does too often: a date may stand still for a whole run.
    pub run: Timestamp,
}

/// What came of a [`CommitRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOutcome {
    /// What the sender is told.
    pub reply: CommitReply,
    /// Whose mailboxes have something new.
    pub notify: Vec<Member>,
}

/// What becomes of key packages that a terminal has published before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownPackages {
    /// They are given out as well.
    Kept,
    /// They serve no more, the last resort among them.
    Forgotten,
}

/// What came of taking key packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenKeyPackages {
    /// The answer to who asked.
    pub reply: KeyPackageReply,
    /// What is left to each terminal.
    pub left: Vec<(TerminalId, KeyPackageState)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_is_too_old_from_the_end_of_its_time_on_and_never_without_one() {
        let day = Duration::from_secs(86_400);
        let now = Timestamp::from_seconds(100 * 86_400);
        for (keep, expired) in [(day * 21, 79 * 86_400), (day * 100, 0), (day * 101, 0), (Duration::ZERO, 0)] {
            let rule = MailRule { keep, ..MailRule::default() };
            assert_eq!(rule.expired(now), Timestamp::from_seconds(expired), "{keep:?}");
        }
        let MailRule { messages, bytes, keep } = MailRule::default();
        assert_eq!((messages, bytes, keep), (128, 10 * 1024 * 1024, day * 21), "threat L11");
    }
}
