//! What waits until the disk has synced what was written (decision D17): receipts, what the user is told of delivery, and
//! events of programs.
//!
//! Owns which commits are synced. A commit that is synced covers all before it.

use std::collections::VecDeque;

use common::limits::RECEIPT_IDS;
use peer_core::event::Effect;
use peer_core::notice::Event;

/// Something that is done once a commit is synced.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "few wait at a time, and nearly all of them are effects")]
pub(super) enum Held {
    Effect(Effect),
    Event(Event),
}

/// The commits of this session, by number, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    written: u64,
    synced: u64,
    held: VecDeque<(u64, Held)>,
}

impl Unsynced {
    /// A commit was written, and not synced.
    pub(super) fn wrote(&mut self) {
        self.written += 1;
    }

    /// The number of the last commit, if it is not synced.
    pub(super) fn last(&self) -> Option<u64> {
        (self.synced < self.written).then_some(self.written)
    }

    /// Holds something until all that was written is synced.
    pub(super) fn hold(&mut self, held: Held) {
        // One receipt for texts that came one after another.
        if let (Held::Effect(Effect::Confirm { link, receipt }), Some((number, Held::Effect(last)))) =
            (&held, self.held.back_mut())
            && let Effect::Confirm { link: to, receipt: said } = last
            && (link, receipt.state) == (to, said.state)
            && said.ids.len() + receipt.ids.len() <= RECEIPT_IDS
        {
            said.ids.extend(&receipt.ids);
            *number = self.written;
            return;
        }
        self.held.push_back((self.written, held));
    }

    /// Whether others wait for what was written: somebody who has said something, or a program. That a mark appears on our
    /// own screen has time.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.held.iter().all(|(_, held)| matches!(held, Held::Effect(Effect::Notify(_))))
    }

    /// Everything up to this commit is synced: what has waited for it.
    pub(super) fn synced(&mut self, number: u64) -> Vec<Held> {
        self.synced = self.synced.max(number);
        let mut ready = Vec::new();
        while self.held.front().is_some_and(|(number, _)| *number <= self.synced) {
            ready.extend(self.held.pop_front().map(|(_, held)| held));
        }
        ready
    }

    /// Everything that was written is synced.
    pub(super) fn all_synced(&mut self) -> Vec<Held> {
        self.synced(self.written)
    }

    /// Nothing becomes of what waits: the disk could not sync.
    pub(super) fn give_up(&mut self) {
        self.held.clear();
        self.synced = self.written;
    }
}

#[cfg(test)]
mod tests {
    use common::ident::MessageId;
    use common::msg::{Receipt, Received};
    use peer_core::event::LinkId;
    use peer_core::notice::{Notice, SessionNotice};

    use super::*;

    fn confirm(link: u64, ids: &[u8]) -> Held {
        let ids = ids.iter().map(|id| MessageId([*id; 16])).collect();
        Held::Effect(Effect::Confirm { link: LinkId(link), receipt: Receipt { ids, state: Received::Read } })
    }

    #[test]
    fn what_waits_is_done_behind_its_commit_and_texts_have_one_receipt() {
        let mut unsynced = Unsynced::default();
        assert_eq!(unsynced.last(), None);
        unsynced.wrote();
        unsynced.hold(confirm(1, &[1]));
        unsynced.hold(confirm(1, &[2]));
        unsynced.hold(confirm(2, &[3]));
        unsynced.wrote();
        unsynced.hold(confirm(2, &[4]));
        assert_eq!(unsynced.last(), Some(2));
        // The last of link 2 rests on the second commit, and with it the one that it was put together with.
        assert_eq!(unsynced.synced(1), [confirm(1, &[1, 2])]);
        assert_eq!(unsynced.synced(2), [confirm(2, &[3, 4])]);
        assert_eq!(unsynced.last(), None);
        // Nothing is written: it is synced.
        assert_eq!(unsynced.all_synced(), []);
    }

    #[test]
    fn others_wait_for_receipts_and_the_user_for_nothing() {
        let mut unsynced = Unsynced::default();
        unsynced.wrote();
        assert!(!unsynced.is_waited_for());
        unsynced.hold(Held::Effect(Effect::Notify(Notice::Session(SessionNotice::NewTerminal))));
        assert!(!unsynced.is_waited_for());
        unsynced.hold(confirm(1, &[1]));
        assert!(unsynced.is_waited_for());
        unsynced.all_synced();
        assert!(!unsynced.is_waited_for());
        unsynced.hold(Held::Event(Event { seq: 1, at: 0, content: String::new() }));
        assert!(unsynced.is_waited_for());
    }

    #[test]
    fn a_receipt_is_no_longer_than_receivers_take() {
        let mut unsynced = Unsynced::default();
        unsynced.wrote();
        for id in 0..70 {
            unsynced.hold(confirm(1, &[id]));
        }
        let sizes: Vec<usize> = unsynced
            .all_synced()
            .iter()
            .map(|held| match held {
                Held::Effect(Effect::Confirm { receipt, .. }) => receipt.ids.len(),
                held => panic!("{held:?}"),
            })
            .collect();
        assert_eq!(sizes, [RECEIPT_IDS, 6]);
    }

    #[test]
    fn what_a_disk_could_not_sync_is_confirmed_to_nobody() {
        let mut unsynced = Unsynced::default();
        unsynced.wrote();
        unsynced.hold(confirm(1, &[1]));
        unsynced.give_up();
        assert_eq!(unsynced.synced(1), []);
        assert_eq!(unsynced.last(), None);
    }
}
