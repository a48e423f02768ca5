//! What was said in groups lately: where a group is founded anew, its authors say again what others may not have been able
//! to read (decision D31). Kept in memory only.

use std::collections::{BTreeMap, VecDeque};

use common::msg::Letter;

use super::Delivery;
use super::outbox::Entry;
use crate::context::Context;
use crate::model::Conversation;

/// Texts remembered for each group. Chosen arbitrarily: more than people write while a group is founded anew.
pub(super) const RECENT: usize = 64;

/// A text that the directory has taken.
#[derive(Debug)]
struct Said {
    /// The epoch it was sealed in.
    epoch: u64,
    /// Its place in the outbox.
    number: u64,
    letter: Letter,
}

/// The last texts that the directory has taken.
#[derive(Debug, Default)]
pub(super) struct Recent(BTreeMap<Conversation, VecDeque<Said>>);

impl Recent {
    pub(super) fn add(&mut self, to: &Conversation, number: u64, entry: Entry) {
        let texts = self.0.entry(to.clone()).or_default();
        texts.push_back(Said { epoch: entry.epoch, number, letter: entry.letter });
        if texts.len() > RECENT {
            texts.pop_front();
        }
    }

    pub(super) fn forget(&mut self, to: &Conversation) {
        self.0.remove(to);
    }
}

impl Delivery {
    /// A group goes on in another room: what was said in the old one in this epoch or later is said again, under the same
    /// ids, in front of what waits. Whoever has had it drops it.
    pub(crate) fn handle_say_again(&mut self, cx: &mut Context, to: &Conversation, epoch: u64) {
        let texts = self.recent.0.remove(to).unwrap_or_default();
        let again = texts.into_iter().filter(|said| said.epoch >= epoch);
        for Said { number, letter, .. } in again {
            cx.write([self.outbox.add_again(to, number, letter, cx.now.date)]);
        }
        self.scheduler.mark(to);
    }
}
