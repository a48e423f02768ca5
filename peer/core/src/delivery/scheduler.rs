//! Which route a letter takes: over a link that stands, otherwise by mail (decision D17); and what holds letters back.
//!
//! Whatever changes what can be sent marks the conversation; [`Delivery::flush`] is called once for each that is marked,
//! at the end of a step.

use std::collections::{BTreeMap, BTreeSet};

use common::backoff::Backoff;
use common::ident::{RoomId, UserId};
use common::limits::MAIL_IN_ONE;
use common::msg::{Body, Chat, MailRefusal, MailboxPut, MailboxReply, Outgoing};

use super::Delivery;
use super::outbox::{Entry, Route};
use crate::context::Context;
use crate::event::Effect;
use crate::model::{Conversation, DeliveryStatus, MessageKey};
use crate::notice::{DirectoryRefusal, MessageNotice, Next};
use crate::persistence::{HistoryWrite, Write};
use crate::request::{DirectoryRequest, GroupRequest, MailboxRequest, PlainLetter, Question, Request};

/// How long, in seconds, a full mailbox is left alone unless something of it is fetched; twice as long each time that
/// nothing is taken, up to an hour or so. Chosen arbitrarily.
pub(super) const FULL_FIRST: u64 = 60;
pub(super) const FULL_LONGEST: u64 = 64 * FULL_FIRST;

/// What holds letters back.
#[derive(Debug, Default)]
pub(super) struct Scheduler {
    held: BTreeMap<Conversation, Held>,
    /// Mailboxes that took nothing.
    full: BTreeMap<Conversation, Backoff>,
    /// Where the user was told that something waits.
    told: BTreeMap<Conversation, usize>,
    /// Where something may have become possible in this step.
    marked: BTreeSet<Conversation>,
    /// Where the user waits to hear what becomes of a letter.
    announced: BTreeSet<Conversation>,
}

#[derive(Debug, Clone)]
struct Held {
    next: Next,
    /// By the tick clock.
    until: u64,
}

impl Scheduler {
    /// Something may be possible now.
    pub(super) fn mark(&mut self, to: &Conversation) {
        self.marked.insert(to.clone());
    }

    /// The user is told if what is under way waits when this step has come to its end.
    pub(super) fn announce(&mut self, to: &Conversation) {
        self.announced.insert(to.clone());
        self.mark(to);
    }

    fn back_off(&mut self, to: &Conversation, next: Next, until: u64) {
        self.held.insert(to.clone(), Held { next, until });
    }

    /// Something has happened that makes another try worth while.
    pub(super) fn retry_now(&mut self, to: &Conversation) {
        self.held.remove(to);
        self.mark(to);
    }

    pub(super) fn expire(&mut self, tick: u64) {
        self.held.retain(|_, held| held.until > tick);
    }

    /// The session is gone. A full mailbox is as full in the next: one try for each would use up what receivers skip.
    pub(super) fn start_over(&mut self) {
        self.held.retain(|_, held| held.next == Next::Space);
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.held.values().map(|held| held.until).min()
    }

    pub(super) fn is_held(&self, to: &Conversation) -> bool {
        self.held.contains_key(to)
    }

    /// What holds back what waits.
    pub(super) fn held_for(&self, to: &Conversation) -> Option<Next> {
        self.held.get(to).map(|held| held.next.clone())
    }

    pub(super) fn has_told(&self, to: &Conversation) -> bool {
        self.told.contains_key(to)
    }

    /// Notes that the user is told how many letters wait; whether that was told before.
    pub(super) fn tell(&mut self, to: &Conversation, waiting: usize) -> bool {
        self.told.insert(to.clone(), waiting).is_some()
    }

    pub(super) fn forget_told(&mut self, to: &Conversation) {
        self.told.remove(to);
    }
}

impl Delivery {
    /// The next conversation in which something may be possible.
    pub(crate) fn next_marked(&mut self) -> Option<Conversation> {
        self.scheduler.marked.pop_first()
    }

    /// Every conversation of which the user waits to hear was flushed.
    pub(crate) fn tell_announced(&mut self, cx: &mut Context) {
        for to in std::mem::take(&mut self.scheduler.announced) {
            self.tell_if_waiting(cx, &to);
        }
    }

    /// Sends what can be sent now: over the link, or else by mail, for which a room is needed.
    pub(crate) fn flush(&mut self, cx: &mut Context, to: &Conversation) -> Vec<Request> {
        if let Conversation::User(user) = to {
            // A changed key stops everything until the user decides (decision D14).
            if cx.contacts.awaits_decision(user) || cx.is_blocked(user) {
                return Vec::new();
            }
            self.flush_link(cx, user, to);
        }
        let may = cx.is_caught_up() && !self.scheduler.is_held(to);
        let is_waiting = |route| route == Route::Waiting;
        let waits = self.outbox.any_other(to, is_waiting) || !has_link(cx, to) && self.outbox.any_text(to, is_waiting);
        if !may || !waits || self.outbox.any(to, |route| route == Route::ToDirectory) {
            return Vec::new();
        }
        vec![Request::Group(GroupRequest::NeedsRoom(to.clone()))]
    }

    /// Says over the link what waits for the user, and what went by mail and was not confirmed, so that nothing comes
    /// before what was written earlier. What it has no room for waits for receipts of what was said.
    fn flush_link(&mut self, cx: &mut Context, user: &UserId, to: &Conversation) {
        let Some(standing) = cx.links.of(user) else { return };
        // Mail under way is taken first by whoever has just logged in, so order is kept by a little patience.
        let mail_first = standing.mail_first_until.is_some_and(|until| cx.now.tick < until)
            && self.outbox.any_text(to, |route| matches!(route, Route::ToDirectory | Route::Stored));
        if mail_first || !self.outbox.any_text(to, |route| route == Route::Waiting) {
            return;
        }
        let nick = cx.me.user.to_string();
        let unsaid: Vec<(u64, Chat)> = self
            .outbox
            .unsaid(to, standing.link)
            .into_iter()
            .filter_map(|(number, entry)| {
                let (message, nick) = (entry.text()?.to_owned(), nick.clone());
                Some((number, Chat { id: entry.letter.id, nick, message, date: entry.letter.date }))
            })
            .collect();
        for (number, chat) in unsaid {
            self.outbox.take_route(to, number, Route::OnLink(standing.link), cx.now.date);
            cx.push(Effect::Say { link: standing.link, chat });
        }
    }

    /// The room of a conversation is ready: these letters are to be sealed, as many as go in one.
    pub(crate) fn handle_room(&mut self, cx: &Context, to: Conversation, room: RoomId) -> Vec<Request> {
        // What is refused was sealed in vain, and receivers skip only so many ratchet steps: a mailbox that was full is
        // tried with one letter.
        let most = if self.scheduler.full.contains_key(&to) { 1 } else { MAIL_IN_ONE };
        let waiting = self.outbox.waiting(&to, most, !has_link(cx, &to));
        let letters: Vec<PlainLetter> = waiting
            .into_iter()
            .map(|(number, entry)| PlainLetter { number, id: entry.letter.id, bytes: entry.letter.encode() })
            .collect();
        vec![Request::Group(GroupRequest::Seal { to, room, letters })]
    }

    /// The letters of these numbers were sealed: they go to the directory.
    pub(crate) fn handle_sealed(
        &mut self,
        cx: &Context,
        to: Conversation,
        (room, epoch): (RoomId, u64),
        sealed: Vec<(u64, Outgoing)>,
    ) -> Vec<Request> {
        if sealed.is_empty() {
            return Vec::new();
        }
        let (numbers, items): (Vec<u64>, Vec<Outgoing>) = sealed.into_iter().unzip();
        for number in &numbers {
            self.outbox.take_route(&to, *number, Route::ToDirectory, cx.now.date);
            self.outbox.sealed_in(&to, *number, epoch);
        }
        // With our goodbye we leave at once, whenever the others take us off.
        let is_goodbye = |entry: &Entry| entry.letter.body == Body::Leave;
        let leave = numbers.iter().any(|number| self.outbox.get(&to, *number).is_some_and(is_goodbye));
        let message = MailboxPut { room, epoch, items, leave }.into();
        vec![
            Request::Mailbox(MailboxRequest::CountWritten),
            Request::Directory(DirectoryRequest::Ask { message, question: Question::Put { to, numbers, room } }),
        ]
    }

    /// The directory has taken letters, or not.
    pub(crate) fn handle_put(
        &mut self,
        cx: &mut Context,
        to: &Conversation,
        numbers: &[u64],
        room: RoomId,
        reply: &MailboxReply,
    ) -> Vec<Request> {
        let stored = usize::try_from(reply.stored).unwrap_or(usize::MAX).min(numbers.len());
        let (taken, left) = numbers.split_at(stored);
        let mut requests = self.handle_stored(cx, to, taken);
        for number in left {
            self.outbox.take_route(to, *number, Route::Waiting, cx.now.date);
        }
        match reply.refused {
            Some(MailRefusal::Full | MailRefusal::Other) => self.handle_full(cx, to, stored),
            // What ended the epoch waits in our mailbox; once it was taken, this is tried again.
            Some(MailRefusal::Epoch) => requests.push(Request::Group(GroupRequest::EpochEnded(room))),
            Some(MailRefusal::Room) => requests.push(Request::Group(GroupRequest::RoomGone(room))),
            Some(MailRefusal::Moved) => requests.push(Request::Group(GroupRequest::RoomMoved(room))),
            None => drop(self.scheduler.full.remove(to)),
        }
        self.scheduler.announce(to);
        requests
    }

    /// Letters that the directory keeps from now on.
    fn handle_stored(&mut self, cx: &mut Context, to: &Conversation, numbers: &[u64]) -> Vec<Request> {
        let (mut texts, mut requests) = (Vec::new(), Vec::new());
        for number in numbers {
            let Some(entry) = self.outbox.get(to, *number) else { continue };
            let (id, is_text) = (entry.letter.id, entry.text().is_some());
            if entry.letter.body == Body::Leave {
                // Done when the group has been left; until then it is repeated.
                requests.push(Request::Group(GroupRequest::GoodbyeStored(to.clone())));
                continue;
            }
            if is_text {
                texts.push(id);
                let name = MessageKey::new(to, &cx.me.user, id);
                let (mark, since) = (DeliveryStatus::Stored, cx.now.date);
                cx.write([Write::History(HistoryWrite::SetMark { name, mark, since })]);
            }
            // Only texts to one user are confirmed by the receiver.
            if is_text && matches!(to, Conversation::User(_)) {
                cx.write(self.outbox.take_route(to, *number, Route::Stored, cx.now.date));
            } else if let Some((entry, removed)) = self.outbox.remove(to, *number) {
                cx.write([removed]);
                if is_text {
                    self.recent.add(to, *number, entry);
                }
            }
        }
        if !texts.is_empty() {
            let (mark, late) = (DeliveryStatus::Stored, self.scheduler.has_told(to));
            cx.tell(MessageNotice::Marked { to: to.clone(), ids: texts, mark, late });
        }
        requests
    }

    fn handle_full(&mut self, cx: &Context, to: &Conversation, stored: usize) {
        let backoff = self.scheduler.full.entry(to.clone()).or_insert(Backoff::new(FULL_FIRST, FULL_LONGEST));
        if stored > 0 {
            backoff.reset();
        }
        let until = cx.now.tick + backoff.fail();
        self.scheduler.back_off(to, Next::Space, until);
    }

    /// The directory asks for patience with these letters.
    pub(crate) fn handle_put_refused(
        &mut self,
        cx: &Context,
        to: &Conversation,
        numbers: &[u64],
        (why, until): (DirectoryRefusal, u64),
    ) {
        for number in numbers {
            self.outbox.take_route(to, *number, Route::Waiting, cx.now.date);
        }
        self.scheduler.back_off(to, Next::Refused(why), until);
    }

    /// What is for this conversation cannot go now.
    pub(crate) fn handle_back_off(&mut self, to: &Conversation, next: Next, until: u64) {
        self.scheduler.back_off(to, next, until);
    }

    /// Something has happened that makes another try worth while.
    pub(crate) fn handle_retry(&mut self, to: &Conversation) {
        self.scheduler.retry_now(to);
    }

    /// Something may be possible now.
    pub(crate) fn handle_mark(&mut self, to: &Conversation) {
        self.scheduler.mark(to);
    }
}

/// Whether there is a link over which texts go.
fn has_link(cx: &Context, to: &Conversation) -> bool {
    match to {
        Conversation::User(user) => cx.links.of(user).is_some(),
        Conversation::Group(_) | Conversation::Everyone => false,
    }
}
