//! Which commands a front end waits for, by their tickets: the one place where an answer finds its question.
//!
//! Owns numbers and what is kept beside them. What an answer means is the front end's part.

use std::collections::BTreeMap;

use peer_core::command::Ticket;

/// Commands that were given and not answered, with what the front end keeps about each.
#[derive(Debug)]
pub(crate) struct PendingTickets<Q> {
    last: u64,
    open: BTreeMap<Ticket, Q>,
}

impl<Q> Default for PendingTickets<Q> {
    fn default() -> Self {
        Self { last: 0, open: BTreeMap::new() }
    }
}

impl<Q> PendingTickets<Q> {
    /// A ticket for a command whose answer nobody waits for.
    pub(crate) fn unawaited(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    /// A ticket for a command, and what is kept until it is answered.
    pub(crate) fn await_answer(&mut self, question: Q) -> Ticket {
        let ticket = self.unawaited();
        self.open.insert(ticket, question);
        ticket
    }

    /// What is kept about a command that was not answered.
    pub(crate) fn question(&self, ticket: Option<Ticket>) -> Option<&Q> {
        self.open.get(&ticket?)
    }

    /// The command is answered, or nobody waits for it any more.
    pub(crate) fn close(&mut self, ticket: Option<Ticket>) -> Option<Q> {
        self.open.remove(&ticket?)
    }

    /// Closes every command of which this is true, the oldest first.
    pub(crate) fn close_where(&mut self, mut is_over: impl FnMut(&Q) -> bool) -> Vec<Q> {
        self.open.extract_if(.., |_, question| is_over(question)).map(|(_, question)| question).collect()
    }

    /// What is kept about all that was not answered, the oldest first.
    pub(crate) fn questions(&self) -> impl Iterator<Item = &Q> {
        self.open.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_their_questions_in_any_order() {
        let mut pending = PendingTickets::default();
        let first = pending.await_answer("first");
        let second = pending.await_answer("second");
        assert_eq!(pending.close(Some(second)), Some("second"));
        assert_eq!(pending.question(Some(first)), Some(&"first"));
        assert_eq!(pending.close(Some(first)), Some("first"));
        assert_eq!(pending.questions().count(), 0);
    }

    #[test]
    fn what_answers_nothing_or_comes_twice_closes_nothing() {
        let mut pending = PendingTickets::default();
        let ticket = pending.await_answer(1);
        assert_eq!(pending.close(None), None);
        assert_eq!(pending.close(Some(Ticket(77))), None);
        assert_eq!(pending.close(Some(ticket)), Some(1));
        assert_eq!(pending.close(Some(ticket)), None);
    }

    #[test]
    fn a_ticket_is_given_once_even_where_nobody_waits() {
        let mut pending = PendingTickets::default();
        let tickets = [pending.await_answer(1), pending.unawaited(), pending.await_answer(2), pending.unawaited()];
        assert_eq!(tickets.iter().collect::<std::collections::BTreeSet<_>>().len(), tickets.len());
        assert_eq!(pending.questions().collect::<Vec<_>>(), [&1, &2]);
    }

    #[test]
    fn some_are_given_up_together_and_the_others_go_on() {
        let mut pending = PendingTickets::default();
        let tickets: Vec<Ticket> = (1..=4).map(|number| pending.await_answer(number)).collect();
        assert_eq!(pending.close_where(|number| number % 2 == 0), [2, 4]);
        assert_eq!(pending.close(Some(tickets[1])), None);
        assert_eq!(pending.close(Some(tickets[2])), Some(3));
    }
}
