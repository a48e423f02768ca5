//! How full mailboxes may become (threat L11), whatever the database.

use std::collections::BTreeSet;

use common::ident::{MessageId, RoomId, UserId};
use common::msg::{MailKind, Member};

use directory_core::records::MailRule;

/// One sender may fill so small a part of a mailbox, be it with messages, commits or welcomes: chosen arbitrarily, so that
/// it takes four to fill it.
const SHARES: u64 = 4;
/// So small a part may wait of whoever writes where there is room for commits and welcomes only: chosen arbitrarily, as what a
/// few days of texts take.
const SMALL: u64 = 16;

/// Something to keep for several terminals.
pub(super) struct Letter<'a> {
    pub(super) room: &'a RoomId,
    pub(super) from: &'a Member,
    pub(super) kind: MailKind,
    pub(super) epoch: u64,
    /// The sender's name for it, of a message.
    pub(super) id: Option<&'a MessageId>,
    pub(super) body: &'a [u8],
}

/// A terminal that something is kept for, and how full its mailbox is.
pub(super) struct Receiver {
    pub(super) member: Member,
    /// Messages of this sender that wait.
    messages: u32,
    /// Bytes of this sender that wait.
    theirs: u64,
    /// Bytes that wait.
    bytes: u64,
    pub(super) kept: Kept,
}

/// What a transaction has added to a mailbox.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) items: u32,
    pub(super) messages: u32,
    pub(super) bytes: u64,
    pub(super) lost: u32,
}

impl Receiver {
    /// A terminal for which so many bytes wait, and of this sender so many messages and bytes.
    pub(super) fn new(member: Member, bytes: u64, (messages, theirs): (u32, u64)) -> Self {
        Self { member, messages, theirs, bytes, kept: Kept::default() }
    }

    pub(super) fn has_room_for(&self, letter: &Letter<'_>, rule: &MailRule) -> bool {
        let size = letter.body.len() as u64;
        let (bytes, theirs) = (self.bytes + size, self.theirs + size);
        let twice = rule.bytes.saturating_mul(2);
        let fits = |limit: u64, share: u64| rule.bytes == 0 || (bytes <= limit && theirs <= share);
        match letter.kind {
            // Whoever has hardly anything here is heard where commits and welcomes have taken the room, too.
            MailKind::Message => {
                let is_few = rule.messages == 0 || self.messages < rule.messages;
                is_few && (fits(rule.bytes, rule.bytes.div_ceil(SHARES)) || fits(twice, rule.bytes.div_ceil(SMALL)))
            }
            MailKind::Commit | MailKind::Welcome => fits(twice, twice.div_ceil(SHARES)),
        }
    }

    /// Counts a letter that is kept.
    pub(super) fn takes(&mut self, letter: &Letter<'_>) {
        let (size, message) = (letter.body.len() as u64, u32::from(letter.kind == MailKind::Message));
        self.bytes += size;
        self.theirs += size;
        self.messages += message;
        self.kept.items += 1;
        self.kept.bytes += size;
        self.kept.messages += message;
    }

    /// Counts a letter that there is no room for.
    pub(super) fn loses(&mut self) {
        self.kept.lost += 1;
    }
}

/// Users, the sender aside, none of whose terminals has room.
pub(super) fn without_room(letter: &Letter<'_>, receivers: &[Receiver], rule: &MailRule) -> BTreeSet<UserId> {
    let (some, none): (Vec<_>, Vec<_>) = receivers.iter().partition(|receiver| receiver.has_room_for(letter, rule));
    let users = |receivers: Vec<&Receiver>| receivers.into_iter().map(|it| it.member.userid.clone()).collect();
    let (some, none): (BTreeSet<UserId>, BTreeSet<UserId>) = (users(some), users(none));
    none.into_iter().filter(|user| !some.contains(user) && *user != letter.from.userid).collect()
}

/// Users, the sender aside, for none of whose terminals everything was kept. The receivers of one user stand together.
pub(super) fn full(sender: &UserId, receivers: &[Receiver]) -> Vec<UserId> {
    let mut users: Vec<_> = receivers.iter().map(|receiver| &receiver.member.userid).collect();
    users.dedup();
    let has_all = |user: &UserId| receivers.iter().any(|r| r.member.userid == *user && r.kept.lost == 0);
    users.into_iter().filter(|user| *user != sender && !has_all(user)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use common::ident::TerminalId;

    use super::*;

    fn member(id: &str) -> Member {
        Member { userid: UserId::parse(id).unwrap(), terminal: TerminalId([1; 16]) }
    }

    fn letter<'a>(room: &'a RoomId, (from, kind): (&'a Member, MailKind), body: &'a [u8]) -> Letter<'a> {
        Letter { room, from, kind, epoch: 0, id: None, body }
    }

    #[test]
    fn four_users_are_needed_to_leave_no_room_for_a_message_of_another_one() {
        let rule = MailRule { messages: 0, bytes: 1600, ..MailRule::default() };
        let (room, body) = (RoomId([1; 16]), [0; 10]);
        let other = member("carol");
        for (kind, share) in [(MailKind::Commit, 800), (MailKind::Welcome, 800), (MailKind::Message, 400)] {
            let (mut waits, mut senders) = (0, 0);
            while Receiver::new(member("ali"), waits, (0, 0))
                .has_room_for(&letter(&room, (&other, MailKind::Message), &body), &rule)
            {
                let from = member(&format!("u{senders}"));
                let mut receiver = Receiver::new(member("ali"), waits, (0, 0));
                while receiver.has_room_for(&letter(&room, (&from, kind), &body), &rule) {
                    receiver.takes(&letter(&room, (&from, kind), &body));
                }
                // Behind the first 1600 bytes a sixteenth, of messages.
                let expected = if kind == MailKind::Message && senders >= 4 { 100 } else { share };
                assert!(receiver.kept.bytes.abs_diff(expected) <= 10, "{kind:?} {senders}: {}", receiver.kept.bytes);
                waits += receiver.kept.bytes;
                senders += 1;
            }
            assert!(senders >= 4, "{kind:?}: {senders}");
        }
    }
}
