//! Steps of the core that are carried out together: what they change is one transaction.
//!
//! Nothing here is carried out; [`super::effects`] does.

use super::refused::Refused;
use crate::shell::event_log::{self, EventFilter};
use peer_core::command::Ticket;
use peer_core::event::{Durability, Effect, Input};
use peer_core::persistence::Write;

/// Inputs that are taken together at most: as many as keep a commit from being the greater part of the work, and few
/// enough that nobody waits for all of them. Chosen arbitrarily.
pub(super) const INPUTS: usize = 64;

/// What one input has led to, effects aside.
pub(super) struct Step {
    pub(super) refused: Refused,
    /// The command that it is of.
    pub(super) answering: Option<Ticket>,
    pub(super) has_writes: bool,
}

/// What some inputs have led to.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) steps: Vec<Step>,
    /// In order, each with its step.
    pub(super) effects: Vec<(usize, Effect)>,
    pub(super) writes: Vec<Write>,
    /// What programs read later; and whether it is about what was written.
    news: Vec<(bool, String)>,
    /// This state is an old copy: nothing may follow.
    is_last: bool,
}

impl Batch {
    /// Adds the step of an input.
    pub(super) fn add(
        &mut self,
        (refused, answering): (Refused, Option<Ticket>),
        effects: Vec<Effect>,
        filter: Option<EventFilter>,
    ) {
        let place = self.steps.len();
        let has_writes = effects.iter().any(|effect| matches!(effect, Effect::Persist(_)));
        let news = event_log::news(filter, &effects).into_iter().flatten();
        self.news.extend(news.map(|news| (has_writes, news)));
        self.steps.push(Step { refused, answering, has_writes });
        for effect in effects {
            match effect {
                Effect::Persist(writes) => {
                    // The transaction may come first: what was seen of a user before must not outlast what is so now.
                    self.effects.retain(|(_, effect)| !is_outdated(effect, &writes));
                    self.writes.extend(writes);
                }
                effect => {
                    self.is_last |= effect == Effect::NewTerminal;
                    self.effects.push((place, effect));
                }
            }
        }
    }

    /// Whether no other step may be added.
    pub(super) fn is_full(&self) -> bool {
        self.is_last || self.steps.len() >= INPUTS
    }

    /// How durable its transaction must be before it is carried out.
    pub(super) fn rests_on(&self) -> Durability {
        let rests = |(_, effect): &(usize, Effect)| {
            // Whatever may wait is held until a later moment.
            if effect.may_wait() { Durability::Written } else { effect.rests_on() }
        };
        self.effects.iter().map(rests).max().unwrap_or(Durability::Nothing)
    }

    /// Whether an effect of this step must not be carried out before the transaction: it rests on it, or stands behind
    /// what it changes.
    pub(super) fn stands_behind(&self, step: usize, effect: &Effect) -> bool {
        let first = self.steps.iter().position(|step| step.has_writes);
        effect.rests_on() > Durability::Nothing || first.is_some_and(|first| first < step)
    }

    /// Takes the news that are written with the transaction; all of them, or those that are about this moment only.
    pub(super) fn take_news(&mut self, all: bool) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.news).into_iter().partition(|(written, _)| all || !written);
        self.news = left;
        Vec::into_iter(taken).map(|(_, news)| news).collect()
    }
}

/// Whether this keeps something of a user of whom these writes say what is known since.
fn is_outdated(effect: &Effect, writes: &[Write]) -> bool {
    let Effect::Save(seen) = effect else { return false };
    writes.iter().any(|write| matches!(write, Write::Contact(contact) if contact.user == seen.user))
}

/// Whether an input is a step of its own: what was decided before it must be carried out before the core hears of it, or
/// before it is known what is to be done. History is read as it was before its reading is kept.
pub(super) fn is_alone(input: &Input) -> bool {
    use peer_core::command::{Command, MessageCommand};
    matches!(
        input,
        Input::Command(_, Command::Session(_) | Command::Message(MessageCommand::History { .. }))
            | Input::Reopened(_)
            | Input::Renewed(_)
            | Input::NotKept { .. }
    )
}

#[cfg(test)]
mod tests {
    use common::ident::UserId;
    use peer_core::contacts::Contact;

    use super::*;

    #[test]
    fn what_was_seen_of_a_user_does_not_outlast_what_was_decided_since() {
        let contact = |user: &str, blocked| {
            let user = UserId::parse(user).unwrap();
            let (formers, held) = Default::default();
            Contact { user, key: None, since: 0, verified: false, blocked, chosen: false, formers, held }
        };
        let mut batch = Batch::default();
        let mut add = |effects| batch.add((Refused::of(&Input::Tick), None), effects, None);
        add(vec![Effect::Save(contact("bianca", false)), Effect::Save(contact("carol", false))]);
        add(vec![Effect::Persist(vec![Write::Contact(contact("bianca", true))])]);
        add(vec![Effect::Save(contact("bianca", true))]);
        let carol = (0, Effect::Save(contact("carol", false)));
        assert_eq!(batch.effects, [carol, (2, Effect::Save(contact("bianca", true)))]);
    }
}
