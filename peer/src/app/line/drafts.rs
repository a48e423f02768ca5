//! What is half typed when the keyboard changes hands: nothing of it is lost, and none of it reaches somebody else.

use common::ident::UserId;

use super::outputs::Outputs;
use super::session::{Focus, Session};
use crate::app::texts;
use peer_core::model::Conversation;

impl Session {
    /// Whether the user is at the destination prompt and nothing else is going on.
    pub(super) fn is_idle(&self, outputs: &Outputs) -> bool {
        self.focus == Focus::Destination && self.question.is_none() && !outputs.is_waiting()
    }

    /// The destination prompt stays on the screen with what was typed; the entry is kept for later.
    pub(super) fn push_destination_away(&mut self, outputs: &mut Outputs) {
        outputs.finish("");
        self.put_entry_away(outputs);
    }

    /// Says what [`Self::push_destination_away`] has kept.
    pub(super) fn tell_what_is_kept(&self, outputs: &mut Outputs) {
        if let Some(entry) = self.drafts.get(&None) {
            outputs.say(&texts::kept(entry));
        }
    }

    /// Keeps the entry for whom it was meant.
    pub(super) fn put_entry_away(&mut self, outputs: &mut Outputs) {
        if !outputs.typed.is_empty() {
            self.drafts.insert(self.meant_for(), outputs.typed.clone());
            outputs.entry("");
        }
    }

    /// Gives back what was kept for the one who has the keyboard now.
    pub(super) fn take_up_entry(&mut self, outputs: &mut Outputs) {
        if outputs.typed.is_empty()
            && let Some(entry) = self.drafts.remove(&self.meant_for())
        {
            outputs.entry(&entry);
        }
    }

    /// `with` has the keyboard from now on.
    pub(super) fn take_focus(&mut self, with: UserId, outputs: &mut Outputs) {
        self.catch_up(Conversation::User(with.clone()), outputs);
        outputs.answered();
        self.talked_with = Some(with.clone());
        self.focus = Focus::Conversation(with);
        self.take_up_entry(outputs);
    }

    /// The conversation or call is over; back to the one before, if it goes on, or to the destination prompt.
    pub(super) fn back_to(&mut self, before: Focus, outputs: &mut Outputs) {
        if self.question.is_none() && !outputs.typed.is_empty() {
            outputs.say(&texts::kept(&outputs.typed.clone()));
            self.put_entry_away(outputs);
        }
        self.focus = match before {
            Focus::Conversation(with) => match self.standing.iter().position(|(other, _)| *other == with) {
                Some(place) => Focus::Conversation(self.standing.remove(place).0),
                None => Focus::Destination,
            },
            Focus::Writing(to) => Focus::Writing(to),
            Focus::Destination | Focus::Calling { .. } => Focus::Destination,
        };
        if self.question.is_none() {
            self.take_up_entry(outputs);
        }
    }

    fn meant_for(&self) -> Option<Conversation> {
        match &self.focus {
            Focus::Destination => None,
            Focus::Calling { to: with, .. } | Focus::Conversation(with) => Some(Conversation::User(with.clone())),
            Focus::Writing(to) => Some(to.clone()),
        }
    }
}
