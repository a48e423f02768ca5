//! Questions that the directory would not answer for their pace, and that nobody else asks again: they are asked again in the
//! same session, because in the next one as much may stand before them.

use crate::context::Context;
use crate::mailbox::Mailbox;
use crate::request::{Question, Request, successors};

/// What is asked again, and when.
#[derive(Debug, Default)]
pub(super) struct Later {
    questions: Vec<Question>,
    /// By the tick clock.
    at: Option<u64>,
}

impl Later {
    /// A question was refused until then.
    pub(super) fn add(&mut self, question: Question, until: u64) {
        self.questions.push(question);
        self.at = self.at.max(Some(until));
    }

    /// When something is asked again.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.at
    }

    /// Asks again, when it is time.
    pub(super) fn handle_tick(&mut self, cx: &Context, mailbox: &Mailbox) -> Vec<Request> {
        if self.at.take_if(|at| *at <= cx.now.tick).is_none() {
            return Vec::new();
        }
        std::mem::take(&mut self.questions).into_iter().filter_map(|question| ask(cx, mailbox, question)).collect()
    }

    /// The session is gone; the next one asks anyway.
    pub(super) fn handle_session_lost(&mut self) {
        *self = Self::default();
    }
}

fn ask(cx: &Context, mailbox: &Mailbox, question: Question) -> Option<Request> {
    match question {
        Question::Successors(users) => successors(cx, users),
        Question::Replaced => mailbox.ask_to_forget(),
        // Whoever asks these asks again.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use common::msg::{Features, SUCCESSIONS};
    use common::testkit::Example;

    use super::*;
    use crate::fixtures;
    use crate::persistence::Rows;
    use crate::request::DirectoryRequest;

    #[test]
    fn what_was_refused_is_asked_again_once_all_may_be_and_not_in_the_next_session() {
        let mut cx = fixtures::context(fixtures::identity(Example::Ali));
        cx.features = Features::of(&[SUCCESSIONS]);
        let (mailbox, mut later) = (Mailbox::load(&Rows::new()), Later::default());
        let (one, other) = (Example::Bianca.user().unwrap(), Example::Carol.user().unwrap());
        let until = cx.now.tick + 30;
        later.add(Question::Successors(vec![one.clone()]), until);
        later.add(Question::Successors(vec![other.clone()]), until - 10);
        assert_eq!(later.next_deadline(), Some(until));
        cx.now.tick = until - 1;
        assert_eq!(later.handle_tick(&cx, &mailbox), []);
        cx.now.tick = until;
        let asked = later.handle_tick(&cx, &mailbox);
        let users = |request: &Request| match request {
            Request::Directory(DirectoryRequest::Ask { question: Question::Successors(users), .. }) => users.clone(),
            request => panic!("{request:?}"),
        };
        assert_eq!(asked.iter().map(users).collect::<Vec<_>>(), [[one.clone()], [other]]);
        assert_eq!((later.handle_tick(&cx, &mailbox), later.next_deadline()), (vec![], None), "once");
        later.add(Question::Successors(vec![one]), until);
        later.handle_session_lost();
        assert_eq!(later.handle_tick(&cx, &mailbox), []);
    }
}
