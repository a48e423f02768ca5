//! What the user wants to do for another user is done once it is known that there is one.

use std::collections::BTreeSet;

use common::ident::UserId;
use common::msg::TerminalsReply;
use common::settings::nearest;

use super::Messaging;
use crate::context::Context;
use crate::destinations::{Existence, Held, Intent};
use crate::model::Conversation;
use crate::notice::{CallFailed, CallNotice, FileNotice, MessageNotice, NotOffered, NotSent};
use crate::request::Request;

impl Messaging {
    /// Does something for a user, or asks first whether there is one.
    pub(crate) fn intend(&mut self, cx: &mut Context, to: UserId, intent: Intent) -> Vec<Request> {
        if !self.destinations.holds(&to) && (!cx.is_up() || self.is_met(cx, &to)) {
            return self.carry_out(cx, to, intent);
        }
        self.destinations.hold(cx, to, intent).into_iter().collect()
    }

    /// What has become of messages (`/why`), those included that wait to hear whether there is such a user.
    pub(crate) fn explain(&self, cx: &mut Context, of: Conversation) {
        let held = match &of {
            Conversation::User(user) => self.destinations.explained(user).collect(),
            Conversation::Group(_) | Conversation::Everyone => Vec::new(),
        };
        self.delivery.explain(cx, of, held);
    }

    /// Whether this terminal knows for sure that there is, or was, such a user.
    fn is_met(&self, cx: &Context, user: &UserId) -> bool {
        cx.is_me(user)
            || cx.contacts.is_known(user)
            || cx.links.of(user).is_some()
            || cx.is_online(user)
            || self.groups.all_users().contains(user)
    }

    fn carry_out(&mut self, cx: &mut Context, to: UserId, intent: Intent) -> Vec<Request> {
        match intent {
            Intent::Text { text, ticket } => {
                self.delivery.send(cx, Conversation::User(to), text, ticket, None);
                Vec::new()
            }
            Intent::File { name, source, left_out } => self.files.offer(cx, to, name, (source, left_out)),
            Intent::Block => self.calls.block(cx, to),
        }
    }

    /// The directory has said which terminals a user has, and so whether there is one.
    pub(super) fn handle_destination(
        &mut self,
        cx: &mut Context,
        user: &UserId,
        told: &TerminalsReply,
    ) -> Vec<Request> {
        let is_there = told.users.iter().any(|listed| listed.userid == *user);
        self.handle_existence(cx, user, if is_there { Existence::Somebody } else { Existence::Nobody })
    }

    /// Does what has waited to hear whether there is such a user, or says that there is none.
    pub(super) fn handle_existence(&mut self, cx: &mut Context, user: &UserId, existence: Existence) -> Vec<Request> {
        let mut requests = Vec::new();
        for Held { intent, ticket, .. } in self.destinations.release(user) {
            cx.answering = ticket;
            match existence {
                Existence::Nobody => self.refuse(cx, user, intent),
                Existence::Somebody | Existence::Untold => requests.extend(self.carry_out(cx, user.clone(), intent)),
            }
        }
        requests
    }

    fn refuse(&self, cx: &mut Context, user: &UserId, intent: Intent) {
        let (to, near) = (user.clone(), self.nearest(cx, user));
        match intent {
            Intent::Text { text, ticket } => {
                let (to, why) = (Conversation::User(to), NotSent::NoSuchUser { near });
                cx.tell(MessageNotice::NotSent { to, text, why, ticket });
            }
            Intent::File { name, .. } => {
                cx.tell(FileNotice::NotOffered { to, name, why: NotOffered::NoSuchUser { near } });
            }
            Intent::Block => cx.tell(CallNotice::Failed { to, why: CallFailed::NoSuchUser { near } }),
        }
    }

    /// The user of those known here whom somebody may have meant who typed this id.
    pub(super) fn nearest(&self, cx: &Context, typed: &UserId) -> Option<UserId> {
        let members = self.groups.all_users();
        let known: BTreeSet<&UserId> = cx.contacts.users().chain(cx.presence.keys()).chain(&members).collect();
        let others = known.into_iter().filter(|user| !cx.is_me(user) && *user != typed);
        UserId::parse(nearest(typed.as_str(), others.map(UserId::as_str))?).ok()
    }
}
