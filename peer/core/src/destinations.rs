//! Whom the user means: before anything is kept for a user whom this terminal has never met, the directory is asked
//! whether there is such a user (protocol section 6.7).
//!
//! It has no rows: what waits here was not promised to anybody. If the directory does not say, the user is taken at
//! their word, and what turns out to be for nobody is given up when its room is made.

use std::collections::BTreeMap;

use common::ident::UserId;
use common::msg::TerminalsReq;

use crate::command::Ticket;
use crate::context::Context;
use crate::files::model::{LeftOut, Source};
use crate::model::DeliveryStatus;
use crate::notice::{Explained, Next};
use crate::request::{DirectoryRequest, Question, Request};

/// What the user wants to do for, or to, another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Send a text.
    Text { text: String, ticket: Ticket },
    /// Offer a file.
    File { name: String, source: Source, left_out: LeftOut },
    /// Refuse calls and messages.
    Block,
}

/// What the directory says of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existence {
    /// There is such a user.
    Somebody,
    /// There is none.
    Nobody,
    /// It does not say.
    Untold,
}

/// Something that waits for the answer, with the command that it is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) intent: Intent,
    pub(crate) ticket: Option<Ticket>,
    /// Since when, seconds since the epoch.
    since: u64,
}

/// What waits for an answer, by user, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Destinations(BTreeMap<UserId, Vec<Held>>);

impl Destinations {
    /// Whether something for this user waits already; nothing overtakes it.
    pub(crate) fn holds(&self, user: &UserId) -> bool {
        self.0.contains_key(user)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts and files to this user that wait for the answer.
    pub(crate) fn explained<'a>(&'a self, user: &UserId) -> impl Iterator<Item = Explained> + use<'a> {
        self.0.get(user).into_iter().flatten().filter_map(|held| {
            let called = match &held.intent {
                Intent::Text { text, .. } => text,
                Intent::File { name, .. } => name,
                Intent::Block => return None,
            };
            let (text, mark) = (called.clone(), DeliveryStatus::Queued);
            Some(Explained { text, mark, since: held.since, next: Next::Existence })
        })
    }

    /// Holds something back; the question is asked once for each user.
    pub(crate) fn hold(&mut self, cx: &Context, user: UserId, intent: Intent) -> Option<Request> {
        let held = self.0.entry(user.clone()).or_default();
        held.push(Held { intent, ticket: cx.answering.clone(), since: cx.now.date });
        (held.len() == 1).then(|| question(user))
    }

    /// The answer is here: what has waited for it.
    pub(crate) fn release(&mut self, user: &UserId) -> Vec<Held> {
        self.0.remove(user).unwrap_or_default()
    }

    /// The questions once more: what was asked is not answered any more.
    pub(crate) fn ask_again(&self) -> Vec<Request> {
        self.0.keys().cloned().map(question).collect()
    }
}

fn question(user: UserId) -> Request {
    let message = TerminalsReq { users: vec![user.clone()] }.into();
    Request::Directory(DirectoryRequest::Ask { message, question: Question::Destination(user) })
}
