//! What was said in groups lately: where a group is founded anew, or a member is taken in again, its authors say again what
//! others may not have been able to read (decision D31). Kept in memory only.

use std::collections::{BTreeMap, VecDeque};

use common::msg::{Letter, Member};

use super::Delivery;
use super::outbox::Entry;
use crate::context::Context;
use crate::model::Conversation;

/// Texts remembered for each group. Chosen arbitrarily: more than people write while a group is founded anew.
pub(super) const RECENT: usize = 64;
/// How often one text is said again for terminals of one user: each copy lies in the mailbox of everybody who is away. Chosen
/// arbitrarily: two terminals of a user may have missed the same.
pub(super) const AGAIN_FOR_ONE: usize = 2;

/// A text that the directory has taken.
#[derive(Debug)]
struct Said {
    /// The epoch it was sealed in.
    epoch: u64,
    /// Its place in the outbox.
    number: u64,
    letter: Letter,
    /// The terminals that it was said again for.
    again: Vec<Member>,
}

impl Said {
    /// Whether it was not said for this terminal yet, nor often for others of its user.
    fn is_new_for(&self, member: &Member) -> bool {
        let of_user = self.again.iter().filter(|other| other.userid == member.userid).count();
        of_user < AGAIN_FOR_ONE && !self.again.contains(member)
    }
}

/// The last texts that the directory has taken.
#[derive(Debug, Default)]
pub(super) struct Recent(BTreeMap<Conversation, VecDeque<Said>>);

impl Recent {
    pub(super) fn add(&mut self, to: &Conversation, number: u64, entry: Entry) {
        let Entry { epoch, letter, again, .. } = entry;
        let texts = self.0.entry(to.clone()).or_default();
        texts.push_back(Said { epoch, number, letter, again });
        if texts.len() > RECENT {
            texts.pop_front();
        }
    }

    pub(super) fn forget(&mut self, to: &Conversation) {
        self.0.remove(to);
    }
}

impl Delivery {
    /// What was said in a group in this epoch or later is said again, under the same ids, in front of what waits; whoever has
    /// had it drops it. Either the group goes on in another room, or it is for these terminals, `whom`: once for each.
    pub(crate) fn handle_say_again(&mut self, cx: &mut Context, to: &Conversation, epoch: u64, whom: &[Member]) {
        let texts = self.recent.0.remove(to).unwrap_or_default();
        let mut left = VecDeque::new();
        for mut said in texts {
            let newly: Vec<Member> = whom.iter().filter(|member| said.is_new_for(member)).cloned().collect();
            if said.epoch >= epoch && (whom.is_empty() || !newly.is_empty()) {
                said.again.extend(newly);
                let Said { number, letter, again, .. } = said;
                cx.write([self.outbox.add_again(to, number, (letter, again), cx.now.date)]);
            } else if !whom.is_empty() {
                left.push_back(said);
            }
        }
        if !left.is_empty() {
            self.recent.0.insert(to.clone(), left);
        }
        self.scheduler.mark(to);
    }
}
