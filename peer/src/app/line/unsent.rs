//! What has not left this machine, as far as the engine has told: a script waits for it at the end of its input.
//!
//! The outbox survives the program, so nothing is lost where nobody waits.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::MessageId;

use super::State;
use super::outputs::Outputs;
use super::session::Session;
use peer_core::model::Conversation;
use peer_core::notice::Next;

/// Messages of ours, by where they were sent.
#[derive(Debug, Default)]
pub(super) struct Unsent(BTreeMap<Conversation, Here>);

/// What is only on this machine.
#[derive(Debug, Default)]
struct Here {
    /// Handed to the engine, which has not said that they are kept.
    asked: usize,
    kept: BTreeSet<MessageId>,
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|here| here.asked == 0 && here.kept.is_empty())
    }

    pub(super) fn asked(&mut self, to: &Conversation) {
        self.0.entry(to.clone()).or_default().asked += 1;
    }

    pub(super) fn kept(&mut self, to: &Conversation, id: MessageId) {
        if let Some(here) = self.0.get_mut(to) {
            here.asked = here.asked.saturating_sub(1);
            here.kept.insert(id);
        }
    }

    /// These have come as far as the directory, or farther.
    pub(super) fn marked(&mut self, to: &Conversation, ids: &[MessageId]) {
        if let Some(here) = self.0.get_mut(to) {
            for id in ids {
                here.kept.remove(id);
            }
        }
    }

    pub(super) fn not_sent(&mut self, to: &Conversation) {
        if let Some(here) = self.0.get_mut(to) {
            here.asked = here.asked.saturating_sub(1);
        }
    }

    /// Messages wait for `next`. What waits for somebody to do something is not waited for at the end.
    pub(super) fn wait(&mut self, to: &Conversation, next: &Next) {
        if matches!(next, Next::Terminal | Next::Space | Next::KeyDecision) {
            self.0.remove(to);
        }
    }
}

impl Session {
    pub(super) fn end_of_input(&mut self, outputs: &mut Outputs) -> Option<State> {
        if self.unsent.is_empty() {
            return self.ctrl_d(outputs);
        }
        self.draining = Some(outputs.now + outputs.options.patience);
        None
    }

    /// Goes on with the end of the input, if it has waited for what was unsent, long enough or with success.
    pub(super) fn drained(&mut self, outputs: &mut Outputs) -> Option<State> {
        let until = self.draining?;
        if !self.unsent.is_empty() && outputs.now < until {
            return None;
        }
        self.draining = None;
        // Asked for once; what is left goes out at the next login.
        self.unsent = Unsent::default();
        self.ctrl_d(outputs)
    }
}
