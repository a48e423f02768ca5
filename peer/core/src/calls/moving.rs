//! A conversation goes on over another link (decision D26; protocol section 7.5): what the directory passes on goes directly as
//! soon as there is a way.
//!
//! Owns when a way is looked for while a relayed link stands, and which conversations are over. Nobody hears of it unless a
//! link comes about. Both sides look, at moments of their own: one may reach the other where the other does not.

use std::collections::BTreeMap;

use common::backoff::Backoff;
use common::ident::{ConversationId, UserId};
use common::msg::ByeReason;

use super::{Calls, Occasion};
use crate::context::{Context, Direction, StandingLink};
use crate::event::{Effect, LinkId};
use crate::model::LinkWay;
use crate::notice::CallNotice;
use crate::request::{DeliveryRequest, Request};

/// Seconds until whoever has called looks for a direct way; doubles up to five minutes. More than what a router remembers of a
/// connection that has failed.
const FIRST: u64 = 15;
/// The same of whoever was called. Chosen so that the moments of the two keep apart.
const FIRST_OF_CALLEE: u64 = 25;
const LAST: u64 = 300;
/// Seconds for which it is known that a user has ended a conversation: longer than a call that goes on with it is under way.
const OVER_KEPT: u64 = 120;

/// A relayed link that another is to follow.
#[derive(Debug)]
struct Wanted {
    link: LinkId,
    /// By the tick clock; absent while a call is being placed.
    at: Option<u64>,
    backoff: Backoff,
}

/// All of them, and the conversations with which nothing goes on.
#[derive(Debug, Default)]
pub(super) struct Moves {
    wanted: BTreeMap<UserId, Wanted>,
    over: BTreeMap<ConversationId, u64>,
}

impl Moves {
    /// A link stands that has no link before it, or has taken the place of one.
    fn begin(&mut self, cx: &Context, with: &UserId) {
        self.wanted.remove(with);
        let Some(StandingLink { link, direction, .. }) = cx.links.of(with) else { return };
        if cx.ways.get(&link) != Some(&LinkWay::Relayed) || !cx.named.contains_key(&link) {
            return;
        }
        let first = if direction == Direction::Ours { FIRST } else { FIRST_OF_CALLEE };
        let mut backoff = Backoff::new(first, LAST);
        let at = Some(cx.now.tick + backoff.fail());
        self.wanted.insert(with.clone(), Wanted { link, at, backoff });
    }

    fn go_on(&mut self, cx: &Context, with: &UserId) {
        if let Some(wanted) = self.wanted.get_mut(with) {
            wanted.at = Some(cx.now.tick + wanted.backoff.fail());
        }
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.wanted.values().filter_map(|wanted| wanted.at).chain(self.over.values().copied()).min()
    }

    /// Whether its user has ended a conversation.
    pub(super) fn is_over(&self, conversation: &ConversationId) -> bool {
        self.over.contains_key(conversation)
    }

    fn due(&mut self, tick: u64) -> Vec<(UserId, LinkId)> {
        self.over.retain(|_, until| *until > tick);
        let due = self.wanted.iter_mut().filter(|(_, wanted)| wanted.at.is_some_and(|at| at <= tick));
        due.map(|(with, wanted)| {
            wanted.at = None;
            (with.clone(), wanted.link)
        })
        .collect()
    }
}

impl Calls {
    /// A link stands: where the directory passes on what is said, a direct way is looked for from now on.
    pub(super) fn begin_to_move(&mut self, cx: &Context, with: &UserId) {
        self.moves.begin(cx, with);
    }

    /// Looks for the direct ways that it is time to look for.
    pub(super) fn look_for_direct_ways(&mut self, cx: &Context) -> Vec<Request> {
        let mut requests = Vec::new();
        for (with, link) in self.moves.due(cx.now.tick) {
            let stands = cx.links.of(&with).is_some_and(|standing| standing.link == link);
            if !stands {
                self.moves.wanted.remove(&with);
            } else if cx.is_up() && !self.is_calling(&with) {
                requests.extend(self.look_up(cx, with, Occasion::Moving, cx.named.get(&link).copied()));
            } else {
                self.moves.go_on(cx, &with);
            }
        }
        requests
    }

    /// No link has come about that would follow the one that stands.
    pub(super) fn not_moved(&mut self, cx: &Context, with: &UserId) {
        self.moves.go_on(cx, with);
    }

    /// The user ends a conversation, or the link is over: nothing follows it.
    pub(super) fn ends(&mut self, cx: &mut Context, with: &UserId, link: LinkId) {
        if let Some(named) = cx.named.get(&link) {
            self.moves.over.insert(named.conversation, cx.now.tick + OVER_KEPT);
        }
        self.moves.wanted.remove(with);
        cx.forget_link(link);
    }

    /// A link takes the place of one whose conversation goes on.
    pub(super) fn moved(
        &mut self,
        cx: &mut Context,
        with: UserId,
        (link, direction): (LinkId, Direction),
        old: Option<StandingLink>,
    ) -> Vec<Request> {
        let mut requests = Vec::new();
        let before = old.and_then(|old| cx.ways.get(&old.link).copied());
        if let Some(old) = old {
            cx.links.follow(with.clone(), link, direction, old);
            requests.push(Request::Delivery(DeliveryRequest::LinkDown(with.clone(), old.link)));
        } else {
            cx.links.insert(with.clone(), link, direction, cx.now.tick);
        }
        if let Some(old) = old.filter(|_| direction == Direction::Theirs) {
            cx.push(Effect::Close { link: old.link, reason: ByeReason::Elsewhere });
            cx.forget_link(old.link);
        }
        let (way, vouched) = (cx.ways.get(&link).copied(), cx.vouched.get(&link).copied());
        if let Some(way) = way {
            cx.tell(CallNotice::Moved { with: with.clone(), before, way, vouched });
        }
        self.begin_to_move(cx, &with);
        requests.push(Request::Delivery(DeliveryRequest::LinkUp(with)));
        requests
    }
}
