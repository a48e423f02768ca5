//! What is half typed when the keyboard changes hands: nothing of it is lost, and none of it reaches somebody else.

use common::ident::UserId;

use super::session::{Floor, Session};
use super::stage::Stage;
use crate::app::texts;
use peer_core::persistence::Conversation;

impl Session {
    /// Whether the person is at the destination prompt and nothing else is going on.
    pub(super) fn is_idle(&self) -> bool {
        self.floor == Floor::Destination && self.question.is_none() && self.pending.is_none()
    }

    /// The destination prompt stays on the screen with what was typed; the entry is kept for later.
    pub(super) fn push_destination_away(&mut self, stage: &mut Stage) {
        stage.finish("");
        self.put_entry_away(stage);
    }

    /// Says what [`Self::push_destination_away`] has kept.
    pub(super) fn tell_what_is_kept(&self, stage: &mut Stage) {
        if let Some(entry) = self.drafts.get(&None) {
            stage.say(&texts::kept(entry));
        }
    }

    /// Keeps the entry for whom it was meant.
    pub(super) fn put_entry_away(&mut self, stage: &mut Stage) {
        if !stage.typed.is_empty() {
            self.drafts.insert(self.meant_for(), stage.typed.clone());
            stage.entry("");
        }
    }

    /// Gives back what was kept for the one who has the keyboard now.
    pub(super) fn take_up_entry(&mut self, stage: &mut Stage) {
        if stage.typed.is_empty()
            && let Some(entry) = self.drafts.remove(&self.meant_for())
        {
            stage.entry(&entry);
        }
    }

    /// `with` has the keyboard from now on.
    pub(super) fn take_floor(&mut self, with: UserId, stage: &mut Stage) {
        self.known.insert(with.clone());
        self.catch_up(Conversation::User(with.clone()), stage);
        self.floor = Floor::Conversation(with);
        self.take_up_entry(stage);
    }

    /// The conversation or call is over; back to the one before, if it goes on, or to the destination prompt.
    pub(super) fn back_to(&mut self, before: Floor, stage: &mut Stage) {
        if self.question.is_none() && !stage.typed.is_empty() {
            stage.say(&texts::kept(&stage.typed.clone()));
            self.put_entry_away(stage);
        }
        self.floor = match before {
            Floor::Conversation(with) => match self.standing.iter().position(|(other, _)| *other == with) {
                Some(place) => Floor::Conversation(self.standing.remove(place).0),
                None => Floor::Destination,
            },
            Floor::Writing(to) => Floor::Writing(to),
            Floor::Destination | Floor::Calling { .. } => Floor::Destination,
        };
        if self.question.is_none() {
            self.take_up_entry(stage);
        }
    }

    fn meant_for(&self) -> Option<Conversation> {
        match &self.floor {
            Floor::Destination => None,
            Floor::Calling { to: with, .. } | Floor::Conversation(with) => Some(Conversation::User(with.clone())),
            Floor::Writing(to) => Some(to.clone()),
        }
    }
}
