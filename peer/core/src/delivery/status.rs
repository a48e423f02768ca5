//! What the user is told about letters under way: that they wait, and what for.

use super::Delivery;
use super::outbox::Route;
use crate::context::Context;
use crate::event::Effect;
use crate::model::Conversation;
use crate::notice::{Explained, MessageNotice, Next};
use crate::persistence::HistoryQuery;

impl Delivery {
    /// Tells the user that what was just sent waits, once.
    pub(super) fn tell_if_waiting(&mut self, cx: &mut Context, to: &Conversation) {
        let Some((waiting, first)) = self.outbox.texts(to, |route| route != Route::Withdrawn) else { return };
        let next = self.next(cx, to, first.route);
        if matches!(next, Next::Confirmation | Next::Keys) {
            return;
        }
        let told = self.scheduler.tell(to, waiting);
        if !told || matches!(next, Next::Space | Next::KeyDecision) {
            cx.tell(MessageNotice::Waiting { to: to.clone(), waiting, next });
        }
    }

    /// What a letter on this route waits for.
    fn next(&self, cx: &Context, to: &Conversation, route: Route) -> Next {
        let user = match to {
            Conversation::User(user) => Some(user),
            Conversation::Group(_) | Conversation::Everyone => None,
        };
        if user.is_some_and(|user| cx.contacts.awaits_decision(user)) {
            return Next::KeyDecision;
        }
        match route {
            Route::Withdrawn => Next::Again,
            Route::OnLink(_) => Next::Confirmation,
            // For what was said before it.
            Route::Waiting if user.is_some_and(|user| cx.links.of(user).is_some()) => Next::Confirmation,
            Route::Stored if user.is_some_and(|user| cx.is_online(user)) => Next::Confirmation,
            Route::Stored => Next::Receiver,
            Route::ToDirectory | Route::Waiting if !cx.is_up() => Next::Directory,
            Route::ToDirectory => Next::Confirmation,
            Route::Waiting => self.scheduler.held_for(to).unwrap_or(Next::Keys),
        }
    }

    /// What has become of messages (`/why`), and of those that are `held` back behind them.
    pub(crate) fn explain(&self, cx: &mut Context, of: Conversation, held: Vec<Explained>) {
        let explained = self.outbox.queue(&of).filter_map(|(_, entry)| {
            let next = self.next(cx, &of, entry.route);
            Some(Explained { text: entry.called()?.to_owned(), mark: entry.mark(), since: entry.since, next })
        });
        let messages: Vec<Explained> = explained.chain(held).collect();
        if messages.is_empty() {
            // The last one that has arrived stands in the history.
            cx.push(Effect::QueryHistory(HistoryQuery::LastSent { to: of }));
        } else {
            cx.tell(MessageNotice::Explained { of, messages });
        }
    }
}
