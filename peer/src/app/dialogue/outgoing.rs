//! What has not left this machine, as far as the engine has told: a script waits for it at the end of its input (UX 3.5).
//!
//! The outbox survives the program, so nothing is lost where nobody waits.

use std::collections::BTreeMap;

use super::State;
use super::session::Session;
use super::stage::Stage;
use crate::core::keep::{Conversation, Mark};
use crate::core::notice::Next;

/// Messages of ours, by where they were sent.
#[derive(Debug, Default)]
pub(super) struct Unsent(BTreeMap<Conversation, Count>);

#[derive(Debug, Default)]
struct Count {
    /// Only here.
    here: usize,
    /// With the directory, and not confirmed by the receiver.
    stored: usize,
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|count| count.here == 0)
    }

    pub(super) fn sent(&mut self, to: &Conversation) {
        self.0.entry(to.clone()).or_default().here += 1;
    }

    pub(super) fn marked(&mut self, to: &Conversation, messages: usize, mark: Mark) {
        let Some(count) = self.0.get_mut(to) else { return };
        match mark {
            Mark::Stored => {
                count.here = count.here.saturating_sub(messages);
                count.stored += messages;
            }
            Mark::Delivered | Mark::Read => {
                // They arrive in order, so those with the directory come first.
                let by_mail = count.stored.min(messages);
                count.stored -= by_mail;
                count.here = count.here.saturating_sub(messages - by_mail);
            }
            Mark::Received { .. } | Mark::Queued | Mark::Failed => {}
        }
    }

    pub(super) fn not_sent(&mut self, to: &Conversation) {
        if let Some(count) = self.0.get_mut(to) {
            count.here = count.here.saturating_sub(1);
        }
    }

    /// Messages wait for `next`. What waits for somebody to do something is not waited for at the end.
    pub(super) fn wait(&mut self, to: &Conversation, next: &Next) {
        if matches!(next, Next::Terminal | Next::Space | Next::KeyDecision)
            && let Some(count) = self.0.get_mut(to)
        {
            count.here = 0;
        }
    }
}

impl Session {
    pub(super) fn end_of_input(&mut self, stage: &mut Stage) -> Option<State> {
        if self.unsent.is_empty() {
            return self.ctrl_d(stage);
        }
        self.draining = Some(stage.now + stage.options.patience);
        None
    }

    /// Goes on with the end of the input, if it has waited for what was unsent, long enough or with success.
    pub(super) fn drained(&mut self, stage: &mut Stage) -> Option<State> {
        let until = self.draining?;
        if !self.unsent.is_empty() && stage.now < until {
            return None;
        }
        self.draining = None;
        // Asked for once; what is left goes out at the next login.
        self.unsent = Unsent::default();
        self.ctrl_d(stage)
    }
}
