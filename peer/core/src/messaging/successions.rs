//! Keys that took the place of others: the directory is asked about them, and what it says is followed (decision D47; protocol
//! section 5.7).

use common::crypto::successor::{self, Verified};
use common::ident::UserId;
use common::limits::{SUCCESSORS_ASKED, WATCHED};
use common::msg::Successor;

use super::Messaging;
use crate::context::Context;
use crate::request::{DeliveryRequest, Request, changed_key, successors};

impl Messaging {
    /// A session begins: asks about everybody whose key is pinned, as many as one may watch, and about our own.
    pub(super) fn ask_about_everybody(&self, cx: &mut Context) -> Vec<Request> {
        cx.forget_successions();
        let pinned = |user: &&UserId| cx.contacts.contact(user).is_some_and(|contact| contact.key.is_some());
        let users: Vec<UserId> = cx.contacts.users().filter(pinned).take(WATCHED).cloned().collect();
        let users: Vec<UserId> = [cx.me.user.clone()].into_iter().chain(users).collect();
        users.chunks(SUCCESSORS_ASKED).filter_map(|users| successors(cx, users.iter().cloned())).collect()
    }

    /// Somebody came, perhaps with another key.
    pub(super) fn ask_about(&self, cx: &Context, user: &UserId) -> Option<Request> {
        let is_pinned = cx.contacts.contact(user).is_some_and(|contact| contact.key.is_some());
        is_pinned.then(|| successors(cx, [user.clone()])).flatten()
    }

    /// Asks about keys that were found to differ in this step.
    pub(super) fn ask_about_changed(&mut self, cx: &mut Context) {
        for (user, ticket) in cx.take_to_ask() {
            cx.answering = ticket;
            self.route(cx, vec![changed_key(user)]);
        }
    }

    /// What the directory says of these users' keys; nothing counts that both keys have not signed.
    pub(super) fn handle_successors(cx: &mut Context, users: Vec<UserId>, told: &[Successor]) -> Vec<Request> {
        users.into_iter().filter_map(|user| follow(cx, user, told)).collect()
    }

    /// The same of a key that was found to differ; nothing where the directory does not say. Then it is the user's to decide.
    pub(super) fn handle_changed_key(cx: &mut Context, user: UserId, told: &[Successor]) -> Vec<Request> {
        let followed = follow(cx, user.clone(), told);
        if followed.is_none() {
            cx.tell_decision(&user);
        }
        followed.into_iter().collect()
    }
}

/// Follows statements about a user; another user's new key has to be decided about.
fn follow(cx: &mut Context, user: UserId, told: &[Successor]) -> Option<Request> {
    let of_user = told.iter().filter(|told| told.userid == user);
    let verified: Vec<Verified> =
        of_user.filter_map(|told| successor::verify(told, &user, &cx.directory).ok()).collect();
    let is_me = cx.is_me(&user);
    let contact = cx.contacts.succeed(&user, &verified, cx.now.date).filter(|_| !is_me);
    cx.successions.insert(user.clone(), verified);
    cx.keep_seen(contact?);
    cx.tell_decision(&user);
    Some(Request::Delivery(DeliveryRequest::KeyDecided(user)))
}
