//! Which commands a front end waits for, by their tickets: the one place where an answer finds its question.
//!
//! Owns the numbers, and what is kept beside each. What an answer means is the front end's part.

use std::collections::BTreeMap;

use peer_core::command::Ticket;

/// Commands that were given and not answered, with what the front end keeps about each.
#[derive(Debug)]
pub(crate) struct PendingTickets<Q> {
    last: u64,
    open: BTreeMap<u64, Q>,
}

impl<Q> Default for PendingTickets<Q> {
    fn default() -> Self {
        Self::behind(0)
    }
}

impl<Q> PendingTickets<Q> {
    /// The tickets behind this number were not given yet.
    pub(crate) fn behind(last: u64) -> Self {
        Self { last, open: BTreeMap::new() }
    }

    /// The number of the last ticket that was given.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// A ticket for a command whose answer nobody waits for.
    pub(crate) fn unawaited(&mut self) -> Ticket {
        self.last += 1;
        Ticket { number: self.last, reference: None }
    }

    /// A ticket for a command, and what is kept until it is answered.
    pub(crate) fn awaited(&mut self, question: Q) -> Ticket {
        let ticket = self.unawaited();
        self.open.insert(ticket.number, question);
        ticket
    }

    /// Closes the command that a notice answers, if the notice is an answer to it: that with the ticket which the notice
    /// repeats. Where it repeats none, the oldest that it may answer.
    pub(crate) fn close(&mut self, answers: Option<&Ticket>, may_answer: impl Fn(&Q) -> bool) -> Option<Q> {
        let number = match answers {
            Some(ticket) => {
                self.open.get(&ticket.number).filter(|question| may_answer(question)).map(|_| ticket.number)
            }
            None => self.open.iter().find(|(_, question)| may_answer(question)).map(|(number, _)| *number),
        };
        self.open.remove(&number?)
    }

    /// What is kept about the command of this ticket, if it was not answered.
    pub(crate) fn get_mut(&mut self, ticket: &Ticket) -> Option<&mut Q> {
        self.open.get_mut(&ticket.number)
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
        let first = pending.awaited("first");
        let second = pending.awaited("second");
        assert_eq!(pending.close(Some(&second), |_| true), Some("second"));
        assert_eq!(pending.close(Some(&first), |_| true), Some("first"));
        assert_eq!(pending.questions().count(), 0);
    }

    #[test]
    fn what_comes_twice_or_is_no_answer_closes_nothing() {
        let mut pending = PendingTickets::default();
        let (ticket, other) = (pending.awaited(1), pending.unawaited());
        assert_eq!(pending.close(Some(&other), |_| true), None, "nobody waits for it");
        assert_eq!(pending.close(Some(&ticket), |_| false), None, "the answer comes later");
        assert_eq!(pending.close(Some(&ticket), |_| true), Some(1));
        assert_eq!(pending.close(Some(&ticket), |_| true), None, "it was answered");
    }

    #[test]
    fn a_notice_without_a_ticket_answers_the_oldest_that_it_may_answer() {
        let mut pending = PendingTickets::default();
        let tickets: Vec<Ticket> = ["list", "call", "list"].map(|what| pending.awaited(what)).into();
        assert_eq!(pending.close(None, |what| *what == "call"), Some("call"));
        assert_eq!(pending.close(None, |what| *what == "list"), Some("list"));
        assert_eq!(pending.close(Some(&tickets[0]), |_| true), None, "the older one is answered");
        assert_eq!(pending.close(Some(&tickets[2]), |_| true), Some("list"));
    }

    #[test]
    fn a_ticket_is_given_once_even_where_nobody_waits() {
        let mut pending = PendingTickets::default();
        let tickets = [pending.awaited(1), pending.unawaited(), pending.awaited(2), pending.unawaited()];
        let numbers: std::collections::BTreeSet<u64> = tickets.iter().map(|ticket| ticket.number).collect();
        assert_eq!(numbers.len(), tickets.len());
        assert_eq!(pending.questions().collect::<Vec<_>>(), [&1, &2]);
    }

    #[test]
    fn some_are_given_up_together_and_the_others_go_on() {
        let mut pending = PendingTickets::default();
        let tickets: Vec<Ticket> = (1..=4).map(|number| pending.awaited(number)).collect();
        assert_eq!(pending.close_where(|number| number % 2 == 0), [2, 4]);
        assert_eq!(pending.close(Some(&tickets[1]), |_| true), None);
        assert_eq!(pending.close(Some(&tickets[2]), |_| true), Some(3));
    }
}
