//! What has not left this machine, as far as the engine has told: a script waits for it at the end of its input.
//!
//! The outbox survives the program, so nothing is lost where nobody waits. Of what goes over a link a person is told when
//! nobody has confirmed it for a while: a link takes much longer to be found dead.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::ident::{MessageId, UserId};

use super::State;
use super::outputs::Outputs;
use super::session::Session;
use crate::app::model::Link;
use crate::app::texts::mail;
use peer_core::model::Conversation;
use peer_core::notice::Next;

/// After this time the user is told that nobody has confirmed a text. Chosen arbitrarily: where all is well that takes less
/// than a second.
const UNCONFIRMED: Duration = Duration::from_secs(15);

/// Messages of ours, by where they were sent.
#[derive(Debug, Default)]
pub(super) struct Unsent(BTreeMap<Conversation, Here>);

/// What is only on this machine.
#[derive(Debug, Default)]
struct Here {
    /// Handed to the engine, which has not said that they are kept.
    asked: usize,
    kept: BTreeSet<MessageId>,
    /// When the user is told that nobody has confirmed them; absent while nothing is kept, and once it was told.
    due: Option<Instant>,
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(|here| here.asked == 0 && here.kept.is_empty())
    }

    pub(super) fn asked(&mut self, to: &Conversation) {
        self.0.entry(to.clone()).or_default().asked += 1;
    }

    pub(super) fn kept(&mut self, to: &Conversation, id: MessageId, now: Instant) {
        if let Some(here) = self.0.get_mut(to) {
            here.asked = here.asked.saturating_sub(1);
            if here.kept.is_empty() {
                here.due = Some(now + UNCONFIRMED);
            }
            here.kept.insert(id);
        }
    }

    /// These have come as far as the directory, or farther.
    pub(super) fn marked(&mut self, to: &Conversation, ids: &[MessageId]) {
        if let Some(here) = self.0.get_mut(to) {
            for id in ids {
                here.kept.remove(id);
            }
            here.due = here.due.filter(|_| !here.kept.is_empty());
        }
    }

    /// When somebody has to be told of.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.values().filter_map(|here| here.due).min()
    }

    /// Users who have not confirmed for so long what was sent to them; each is told of once.
    fn take_unconfirmed(&mut self, now: Instant) -> Vec<UserId> {
        let taken = self.0.iter_mut().filter_map(|(to, here)| {
            here.due.take_if(|due| *due <= now)?;
            if let Conversation::User(user) = to { Some(user.clone()) } else { None }
        });
        taken.collect()
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
    /// Of texts that went over a link: what waits for somebody who is not there was told as that.
    pub(super) fn tell_unconfirmed(&mut self, outputs: &mut Outputs) {
        for with in self.unsent.take_unconfirmed(outputs.now) {
            if self.model.conversations.link(&with) == Link::Up {
                outputs.say(&mail::unconfirmed(&with));
            }
        }
    }

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
