//! Calls and the links they lead to (protocol section 7).
//!
//! - [`outgoing`]: calls this terminal places, crossed calls included (protocol sections 7.3, 7.4)
//! - [`incoming`]: callers and how they are verified (protocol section 7.2); [`limiter`]: what they can cause
//! - [`meeting`]: what is tried where a terminal is not reached (protocol section 6.12)
//! - [`unaided`]: both without the directory (protocol section 7.7)
//! - [`search`]: ways that were not found, looked for again
//! - [`moving`]: conversations that go on over another link
//! - [`keys`]: safety numbers, changed keys, blocks
//! - [`frame`]: what one frame on a link means (protocol section 7.5)
//!
//! The links that stand are in the [`Context`]; delivery is told of each by [`DeliveryRequest::LinkUp`] and
//! [`DeliveryRequest::LinkDown`].

pub mod frame;
mod incoming;
mod keys;
mod limiter;
mod meeting;
mod moving;
mod outgoing;
mod search;
#[cfg(test)]
mod tests;
mod unaided;

use std::collections::BTreeMap;

use common::ident::UserId;
use common::msg::{ByeReason, Record};

use self::incoming::Incoming;
use self::limiter::CallerLimiter;
use self::moving::Moves;
use self::outgoing::Outgoing;
use self::search::Searches;
use self::unaided::by_record;
use crate::context::{Context, Direction};
use crate::event::{Accept, Effect, LinkEnd, LinkId};
use crate::notice::{AfterLoss, CallNotice, DirectoryRefusal, EndedBy, LinkLoss};
use crate::request::{DeliveryRequest, LookupReason, NotLookedUp, Request};
use crate::verify::LookupResult;

/// How long a conversation must have lasted, in seconds, for its lost link to be called again. Chosen arbitrarily: longer
/// than a call takes to be placed.
pub(super) const WORTH_ANOTHER_CALL: u64 = 10;

/// Why a call is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// The user asked for it.
    Asked,
    /// A link was lost.
    Lost,
    /// There was no way, and perhaps there is one now.
    Again,
    /// A link stands that the directory relays, and perhaps there is a direct way now.
    Moving,
    /// The same, and the other side has taken the link that is to follow: we are about to hear of it.
    Moved,
}

/// Calls that are being placed, and callers.
#[derive(Debug)]
pub(crate) struct Calls {
    accept: Accept,
    outgoing: BTreeMap<UserId, Outgoing>,
    incoming: BTreeMap<LinkId, Incoming>,
    limiter: CallerLimiter,
    searches: Searches,
    moves: Moves,
    dials: u64,
    /// What the terminal shows of itself that the last dial has reached.
    shown: Option<(LinkId, Record)>,
}

impl Calls {
    pub(crate) fn new(accept: Accept) -> Self {
        let (outgoing, incoming, limiter) = (BTreeMap::new(), BTreeMap::new(), CallerLimiter::default());
        let (searches, moves) = (Searches::default(), Moves::default());
        Self { accept, outgoing, incoming, limiter, searches, moves, dials: 0, shown: None }
    }

    /// A lookup that was made for a call was answered.
    pub(crate) fn handle_found(
        &mut self,
        cx: &mut Context,
        (user, reason): (&UserId, LookupReason),
        found: Result<Option<LookupResult>, NotLookedUp>,
    ) -> Vec<Request> {
        match reason {
            LookupReason::Call => self.found_callee(cx, user, found),
            LookupReason::Caller(link) => self.found_caller(cx, link, found),
            LookupReason::Number => {
                self.found_number(cx, user, found);
                Vec::new()
            }
            LookupReason::Record => {
                match found {
                    Ok(Some(found)) => keep(cx, user, &found),
                    Err(NotLookedUp::Refused(DirectoryRefusal::TooFast { .. })) => {
                        cx.vouching.handle_refused(cx.now.tick);
                    }
                    Ok(None) | Err(_) => {}
                }
                Vec::new()
            }
            LookupReason::File(_) => Vec::new(),
        }
    }

    /// Gives up a call that is being placed, or ends the conversation.
    pub(crate) fn end(&mut self, cx: &mut Context, with: &UserId) -> Vec<Request> {
        self.give_up(cx, with);
        self.searches.remove(with);
        let Some(standing) = cx.links.remove(with) else { return Vec::new() };
        cx.push(Effect::Close { link: standing.link, reason: ByeReason::Ended });
        self.ends(cx, with, standing.link);
        cx.tell(CallNotice::Ended { with: with.clone(), by: EndedBy::Us });
        vec![Request::Delivery(DeliveryRequest::LinkDown(with.clone(), standing.link))]
    }

    /// A link is gone.
    pub(crate) fn handle_link_end(&mut self, cx: &mut Context, link: LinkId, end: LinkEnd) -> Vec<Request> {
        let named = cx.named.get(&link).copied();
        cx.forget_link(link);
        self.caller_gone(cx, link);
        let Some(with) = cx.links.user_of(link).cloned() else { return Vec::new() };
        let Some(standing) = cx.links.remove(&with) else { return Vec::new() };
        let mut requests = vec![Request::Delivery(DeliveryRequest::LinkDown(with.clone(), link))];
        if end == LinkEnd::Bye(ByeReason::Elsewhere) && self.has_been_followed(&with) {
            return requests;
        }
        self.give_up_moving(cx, &with);
        // Whoever hangs up at once, again and again, is not called again and again.
        let lasted = cx.now.tick.saturating_sub(standing.since) >= WORTH_ANOTHER_CALL;
        let can_call = standing.direction == Direction::Ours && lasted && (cx.is_up() || by_record(cx, &with).is_ok());
        match end {
            LinkEnd::Bye(ByeReason::Protocol) => cx.tell(lost(with, AfterLoss::Over, LinkLoss::WeBroke)),
            LinkEnd::Bye(_) => cx.tell(CallNotice::Ended { with, by: EndedBy::Them }),
            LinkEnd::Lost if can_call => {
                cx.tell(lost(with.clone(), AfterLoss::CalledAgain, LinkLoss::Network));
                requests.extend(self.call_again(cx, with, named));
            }
            LinkEnd::Lost => cx.tell(lost(with, AfterLoss::Over, LinkLoss::Network)),
            LinkEnd::Broken => cx.tell(lost(with, AfterLoss::Over, LinkLoss::TheyBroke)),
            LinkEnd::Stalled => cx.tell(lost(with, AfterLoss::Over, LinkLoss::Stalled)),
        }
        requests
    }

    /// Closes every link and every call, at the end of the program.
    pub(crate) fn close_everything(&mut self, cx: &mut Context, reason: ByeReason) {
        for (_, link) in cx.links.clear() {
            cx.push(Effect::Close { link, reason });
        }
        for outgoing in std::mem::take(&mut self.outgoing).into_values() {
            if let Some(dial) = outgoing.dial() {
                cx.push(Effect::Hang(dial));
            }
        }
        for link in std::mem::take(&mut self.incoming).into_keys() {
            cx.push(Effect::Close { link, reason });
        }
    }

    /// When a call or a caller must be given up, by the tick clock.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let outgoing = self.outgoing.values().filter_map(Outgoing::deadline);
        let incoming = self.incoming.values().filter_map(Incoming::deadline);
        let looked_for = self.searches.next_deadline().into_iter().chain(self.moves.next_deadline());
        outgoing.chain(incoming).chain(looked_for).min()
    }

    /// A deadline has passed.
    pub(crate) fn handle_tick(&mut self, cx: &mut Context) -> Vec<Request> {
        self.expire_outgoing(cx);
        self.expire_incoming(cx);
        let mut requests = self.search(cx);
        requests.extend(self.look_for_direct_ways(cx));
        requests
    }
}

/// Keeps what a lookup has brought of a contact's terminals, for while the directory is out of reach.
fn keep(cx: &mut Context, user: &UserId, found: &LookupResult) {
    if cx.contacts.key(user).as_ref() == Some(&found.key) {
        cx.keep_records(user, &found.records);
    }
}

fn lost(with: UserId, then: AfterLoss, why: LinkLoss) -> CallNotice {
    CallNotice::LinkLost { with, then, why }
}
