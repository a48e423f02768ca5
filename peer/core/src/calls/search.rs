//! Ways that were not found are looked for again: by a call that nobody hears of unless it succeeds (decision D26).
//!
//! Owns when, for whom. It begins where the user has called somebody who is there and not reached, and ends with a link, with
//! the user's word, or when that somebody is not there any more.

use std::collections::BTreeMap;

use common::backoff::Backoff;
use common::ident::UserId;

use super::{Calls, Occasion};
use crate::context::Context;
use crate::notice::CallFailed;
use crate::request::Request;

/// Seconds until a way is looked for again; doubles up to five minutes. The first is more than what a router remembers of a
/// connection that is over.
const FIRST: u64 = 15;
const LAST: u64 = 300;

/// One user to whom there is no way.
#[derive(Debug)]
struct Search {
    /// By the tick clock; absent while a call is being placed.
    at: Option<u64>,
    backoff: Backoff,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Searches(BTreeMap<UserId, Search>);

impl Searches {
    /// The user has called somebody to whom there is no way.
    pub(super) fn begin(&mut self, cx: &Context, to: &UserId) {
        let mut backoff = Backoff::new(FIRST, LAST);
        let at = Some(cx.now.tick + backoff.fail());
        self.0.insert(to.clone(), Search { at, backoff });
    }

    /// It was looked for again, and has failed; nothing more is tried where that is no matter of the way.
    pub(super) fn go_on(&mut self, cx: &Context, to: &UserId, why: &CallFailed) {
        let may_change =
            why.is_of_the_way() || matches!(why, CallFailed::DirectoryLost | CallFailed::DirectorySilent { .. });
        match self.0.get_mut(to) {
            Some(search) if may_change => search.at = Some(cx.now.tick + search.backoff.fail()),
            Some(_) | None => self.remove(to),
        }
    }

    pub(super) fn remove(&mut self, to: &UserId) {
        self.0.remove(to);
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.0.values().filter_map(|search| search.at).min()
    }

    fn is_waiting(&self, to: &UserId) -> bool {
        self.0.get(to).is_some_and(|search| search.at.is_some())
    }

    /// A call is being placed now.
    fn placed(&mut self, to: &UserId) {
        if let Some(search) = self.0.get_mut(to) {
            search.at = None;
        }
    }

    fn due(&self, tick: u64) -> Vec<UserId> {
        let due = self.0.iter().filter(|(_, search)| search.at.is_some_and(|at| at <= tick));
        due.map(|(to, _)| to.clone()).collect()
    }
}

impl Calls {
    /// Looks for the ways that it is time to look for.
    pub(super) fn search(&mut self, cx: &Context) -> Vec<Request> {
        let due = self.searches.due(cx.now.tick);
        due.into_iter().flat_map(|to| self.search_for(cx, to)).collect()
    }

    /// A user has come, perhaps to where there is a way.
    pub(crate) fn handle_came(&mut self, cx: &Context, user: &UserId) -> Vec<Request> {
        if self.searches.is_waiting(user) { self.search_for(cx, user.clone()) } else { Vec::new() }
    }

    fn search_for(&mut self, cx: &Context, to: UserId) -> Vec<Request> {
        if cx.links.of(&to).is_some() || cx.is_blocked(&to) {
            self.searches.remove(&to);
            return Vec::new();
        }
        if !cx.is_up() {
            self.searches.go_on(cx, &to, &CallFailed::DirectoryLost);
            return Vec::new();
        }
        self.searches.placed(&to);
        self.look_up(cx, to, Occasion::Again, None)
    }
}
