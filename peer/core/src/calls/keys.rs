//! Safety numbers, changed keys and blocks (decision D14, threat P6).

use common::ident::UserId;

use super::Calls;
use crate::command::{Answer, KeyDecision};
use crate::context::Context;
use crate::notice::{CallFailed, CallNotice, ContactNotice, KeyState};
use crate::request::{DeliveryRequest, DirectoryRequest, LookupReason, NotLookedUp, Request};
use crate::verify::LookupResult;

impl Calls {
    /// Shows the safety number shared with a user; one whose key is not known is looked up.
    pub(crate) fn show_safety_number(&mut self, cx: &mut Context, with: UserId) -> Vec<Request> {
        let why = match () {
            () if cx.is_me(&with) => CallFailed::Yourself,
            () if cx.contacts.key(&with).is_some() => {
                show_number(cx, &with);
                return Vec::new();
            }
            () if cx.is_up() => {
                return vec![Request::Directory(DirectoryRequest::LookUp { user: with, reason: LookupReason::Number })];
            }
            () => CallFailed::DirectoryLost,
        };
        cx.tell(CallNotice::Failed { to: with, why });
        Vec::new()
    }

    pub(super) fn found_number(
        &mut self,
        cx: &mut Context,
        with: &UserId,
        found: Result<Option<LookupResult>, NotLookedUp>,
    ) {
        let why = match found {
            Ok(Some(found)) => {
                cx.check_pin(with, &found.key);
                return show_number(cx, with);
            }
            Ok(None) => CallFailed::NotFound,
            Err(why) => why.into(),
        };
        cx.tell(CallNotice::Failed { to: with.clone(), why });
    }

    /// Records a comparison, but only of the number that is valid now.
    pub(crate) fn confirm_number(
        &mut self,
        cx: &mut Context,
        with: UserId,
        digits: &str,
        answer: Answer,
    ) -> Vec<Request> {
        let matches = answer == Answer::Yes;
        let offered = cx.contacts.offered(&with).filter(|key| cx.safety_number(&with, key) == digits).cloned();
        let pinned = cx.contacts.key(&with).filter(|key| cx.safety_number(&with, key) == digits);
        let saved = match (offered, pinned, matches) {
            (Some(key), _, true) => Some(cx.contacts.pin(&with, &key, cx.now.date, true)),
            (None, Some(_), _) => cx.contacts.set_verified(&with, matches),
            (Some(_), _, false) | (None, None, _) => None,
        };
        self.limiter.forgive();
        let verified = saved.as_ref().is_some_and(|contact| contact.verified);
        if let Some(contact) = saved {
            cx.keep_decision(contact);
        }
        cx.tell(ContactNotice::NumberConfirmed { with: with.clone(), verified });
        vec![Request::Delivery(DeliveryRequest::KeyDecided(with))]
    }

    /// Refuses calls and messages of a user.
    pub(crate) fn block(&mut self, cx: &mut Context, user: UserId) -> Vec<Request> {
        let contact = cx.contacts.block(&user, cx.now.date);
        let requests = self.end(cx, &user);
        cx.keep_decision(contact);
        cx.tell(ContactNotice::KeyDecided { of: user, decision: KeyDecision::Block });
        requests
    }

    /// Takes calls and messages of a user again.
    pub(crate) fn unblock(&mut self, cx: &mut Context, user: UserId) -> Vec<Request> {
        if let Some(contact) = cx.contacts.unblock(&user) {
            cx.keep_decision(contact);
        }
        cx.tell(ContactNotice::Unblocked { user: user.clone() });
        vec![Request::Delivery(DeliveryRequest::KeyDecided(user))]
    }

    /// Does what the user has decided about a changed key.
    pub(crate) fn decide_key(&mut self, cx: &mut Context, of: UserId, decision: KeyDecision) -> Vec<Request> {
        let mut requests = Vec::new();
        match decision {
            KeyDecision::Verify => {
                show_number(cx, &of);
                return requests;
            }
            KeyDecision::Accept => {
                let decided = match cx.contacts.offered(&of).cloned() {
                    Some(key) => Some(cx.contacts.pin(&of, &key, cx.now.date, false)),
                    None => cx.contacts.agree(&of),
                };
                decided.into_iter().for_each(|contact| cx.keep_decision(contact));
            }
            KeyDecision::Block => {
                requests = self.end(cx, &of);
                let contact = cx.contacts.block(&of, cx.now.date);
                cx.keep_decision(contact);
            }
        }
        cx.tell(ContactNotice::KeyDecided { of: of.clone(), decision });
        requests.push(Request::Delivery(DeliveryRequest::KeyDecided(of)));
        requests
    }
}

/// Shows the number of the key in question: the offered one while a change waits for a decision.
fn show_number(cx: &mut Context, with: &UserId) {
    let Some(key) = cx.contacts.offered(with).cloned().or_else(|| cx.contacts.key(with)) else { return };
    let digits = cx.safety_number(with, &key);
    let verified = cx.contacts.state(with) == KeyState::Verified;
    cx.tell(ContactNotice::SafetyNumber { with: with.clone(), digits, verified });
}
