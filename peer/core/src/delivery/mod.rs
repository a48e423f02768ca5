//! Delivery: letters of ours until their receivers have them, and what arrives from others (decision D17).
//!
//! - [`outbox`]: letters under way; [`dedup`]: letters that have arrived
//! - [`scheduler`]: which route a letter takes, and what holds it back
//! - [`incoming`]: texts, letters and receipts that arrive; [`early`]: what is said of texts that have not arrived yet
//! - [`recent`]: what is said again where a group is founded anew, or a member taken in again
//! - [`status`]: what the user is told about letters under way; [`withdrawn`]: those that the directory has dropped
//!
//! It knows conversations and links. Rooms, by which letters are sealed, are somebody else's: [`NeedsRoom`] is
//! answered by [`Delivery::handle_room`], [`Seal`] by [`Delivery::handle_sealed`].
//!
//! [`NeedsRoom`]: crate::request::GroupRequest::NeedsRoom
//! [`Seal`]: crate::request::GroupRequest::Seal

pub(crate) mod dedup;
mod early;
mod incoming;
pub(crate) mod outbox;
mod recent;
pub(crate) mod scheduler;
mod status;
#[cfg(test)]
mod tests;
mod withdrawn;

use std::collections::BTreeMap;

use common::ident::{GroupName, UserId};
use common::msg::{Body, Letter, fits_in_chat};

use self::dedup::Dedup;
use self::early::EarlyMarks;
use self::incoming::Batch;
use self::outbox::{Outbox, Route};
use self::recent::Recent;
use self::scheduler::Scheduler;
use self::withdrawn::Reports;
use crate::command::Ticket;
use crate::context::Context;
use crate::event::LinkId;
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::notice::{DirectoryNotice, MessageNotice, NotSent};
use crate::persistence::{HistoryWrite, Rows, Table, Write};

/// Everything that is under way, and what has arrived.
#[derive(Debug)]
pub(crate) struct Delivery {
    outbox: Outbox,
    dedup: Dedup,
    scheduler: Scheduler,
    batch: Batch,
    recent: Recent,
    reports: Reports,
    early: EarlyMarks,
    /// Letters that the directory had kept and may have lost, until the user is told that they are sent again.
    turned_back: usize,
    /// Messages the user has not seen.
    unread: BTreeMap<Conversation, usize>,
    /// Whether others are told what was read.
    read_receipts: bool,
}

impl Delivery {
    /// Reads what was written.
    pub(crate) fn load(outbox: Rows, seen: Rows, unread: BTreeMap<Conversation, usize>, read_receipts: bool) -> Self {
        let (outbox, dedup) = (Outbox::load(outbox), Dedup::load(seen));
        let (scheduler, batch, recent, reports, early) = Default::default();
        Self { outbox, dedup, scheduler, batch, recent, reports, early, turned_back: 0, unread, read_receipts }
    }

    /// Sends a text of the user, unless the group it is for refuses it.
    pub(crate) fn send(
        &mut self,
        cx: &mut Context,
        to: Conversation,
        text: String,
        ticket: Ticket,
        refusal: Option<NotSent>,
    ) {
        let why = match &to {
            _ if !fits_in_chat(&text) => Some(NotSent::TooLong),
            Conversation::User(user) if cx.is_me(user) => Some(NotSent::Yourself),
            Conversation::User(user) if cx.is_blocked(user) => Some(NotSent::Blocked),
            Conversation::User(_) | Conversation::Group(_) | Conversation::Everyone => refusal,
        };
        if let Some(why) = why {
            return cx.tell(MessageNotice::NotSent { to, text, why, ticket });
        }
        if let Conversation::User(user) = &to {
            cx.choose(user);
        }
        let letter = Letter { id: cx.ids.message(), date: cx.now.date, body: Body::Text { text: text.clone() } };
        let now = cx.now.date;
        let name = MessageKey::new(&to, &cx.me.user, letter.id);
        let record = StoredMessage { name, text, date: now, arrived: now, mark: DeliveryStatus::Queued, since: now };
        self.add(cx, &to, letter);
        cx.write([Write::History(HistoryWrite::Append(record.clone()))]);
        cx.tell(MessageNotice::Sent { ticket: Some(ticket), record });
        self.scheduler.announce(&to);
    }

    /// Sends a letter that is no text.
    pub(crate) fn handle_letter_to_send(&mut self, cx: &mut Context, to: &Conversation, letter: Letter) {
        self.add(cx, to, letter);
    }

    fn add(&mut self, cx: &mut Context, to: &Conversation, letter: Letter) {
        let added = self.outbox.add(to, letter, cx.now.date);
        cx.write([added]);
        self.scheduler.mark(to);
    }

    /// Says goodbye to a group again: what ended its epoch was not ours.
    pub(crate) fn handle_goodbye_again(&mut self, cx: &mut Context, to: &Conversation) {
        let goodbye = self.outbox.queue(to).find(|(_, entry)| entry.letter.body == Body::Leave);
        match goodbye.map(|(number, _)| number) {
            Some(number) => drop(self.outbox.take_route(to, number, Route::Waiting, cx.now.date)),
            None => {
                let letter = Letter { id: cx.ids.message(), date: cx.now.date, body: Body::Leave };
                self.add(cx, to, letter);
            }
        }
    }

    /// Groups that a goodbye is on its way to.
    pub(crate) fn goodbyes(&self) -> Vec<GroupName> {
        let says_goodbye = |to: &Conversation| self.outbox.queue(to).any(|(_, entry)| entry.letter.body == Body::Leave);
        let groups = self.outbox.conversations().into_iter().filter(says_goodbye).filter_map(|to| match to {
            Conversation::Group(group) => Some(group),
            Conversation::User(_) | Conversation::Everyone => None,
        });
        groups.collect()
    }

    /// A conversation has come to its end: what was for it is given up. Another group may have its name one day.
    pub(crate) fn handle_conversation_over(&mut self, cx: &mut Context, to: &Conversation) {
        let mut ids = Vec::new();
        self.recent.forget(to);
        for (number, entry) in self.outbox.give_up(to) {
            cx.write([Write::Delete { kind: Table::Outbox, key: number.to_be_bytes().into() }]);
            if entry.text().is_some() {
                let name = MessageKey::new(to, &cx.me.user, entry.letter.id);
                let (mark, since) = (DeliveryStatus::Failed, cx.now.date);
                cx.write([Write::History(HistoryWrite::SetMark { name, mark, since })]);
                ids.push(entry.letter.id);
            }
        }
        if !ids.is_empty() {
            cx.tell(MessageNotice::Marked { to: to.clone(), ids, mark: DeliveryStatus::Failed, late: false });
        }
    }

    /// There is no such user: what was for them is given up, and that is said.
    pub(crate) fn handle_no_such_user(&mut self, cx: &mut Context, user: UserId, near: Option<UserId>) {
        let to = Conversation::User(user.clone());
        let texts = self.outbox.texts(&to, |_| true).map_or(0, |(texts, _)| texts);
        if texts > 0 {
            cx.tell(MessageNotice::NoSuchUser { user, texts, near });
        }
        self.handle_conversation_over(cx, &to);
    }

    /// The key of a user has changed: the user is told that what is under way waits.
    pub(crate) fn handle_key_changed(&mut self, user: UserId) {
        self.scheduler.announce(&Conversation::User(user));
    }

    /// The directory may have lost some of what it kept: all of it waits again. Receivers drop what they have had, and
    /// confirm it again.
    pub(crate) fn handle_stored_lost(&mut self, cx: &mut Context) {
        let turned_back = self.outbox.turn_back_all_stored();
        self.turned_back = turned_back.len();
        cx.write(turned_back);
    }

    /// The same where nothing can be written: as long as the other terminal is not forgotten, it is done at every start.
    pub(crate) fn handle_terminal_replaced(&mut self) {
        self.outbox.turn_back_all_stored();
    }

    /// The directory goes on from an older state, and all is compared: the user is told, and what arrived is confirmed again.
    pub(crate) fn handle_restored(&mut self, cx: &mut Context, groups: Vec<(GroupName, Option<UserId>)>) {
        let again = std::mem::take(&mut self.turned_back);
        cx.tell(DirectoryNotice::Restored { again, groups });
        self.confirm_again(cx);
        self.handle_change();
    }

    /// What the directory kept for terminals that are gone never arrives; receivers drop what they have had.
    pub(crate) fn handle_receiver_replaced(&mut self, cx: &mut Context, to: &Conversation) {
        cx.write(self.outbox.turn_back_stored(to));
    }

    /// A link stands: what waits for its user is said over it.
    pub(crate) fn handle_link(&mut self, user: &UserId) {
        self.scheduler.mark(&Conversation::User(user.clone()));
    }

    /// A link is gone: what was said over it and not confirmed takes another route.
    pub(crate) fn handle_link_gone(&mut self, user: &UserId, link: LinkId) {
        self.outbox.turn_back(|route| route == Route::OnLink(link));
        self.scheduler.mark(&Conversation::User(user.clone()));
    }

    /// The session is gone.
    pub(crate) fn handle_session_lost(&mut self) {
        self.scheduler.start_over();
        self.forget_reports();
        self.outbox.turn_back(|route| route == Route::ToDirectory);
    }

    /// Everything under way is looked at again.
    pub(crate) fn handle_change(&mut self) {
        for conversation in self.outbox.conversations() {
            self.scheduler.mark(&conversation);
        }
    }

    /// A deadline has passed.
    pub(crate) fn handle_tick(&mut self, cx: &Context) {
        self.scheduler.expire(cx.now.tick);
        self.handle_change();
    }

    /// When something must be looked at again, by the tick clock.
    pub(crate) fn next_deadline(&self, cx: &Context) -> Option<u64> {
        let links = cx.links.iter().filter_map(|(user, standing)| {
            let conversation = Conversation::User(user.clone());
            standing.mail_first_until.filter(|_| self.outbox.any(&conversation, |route| route == Route::Waiting))
        });
        links.chain(self.scheduler.next_deadline()).min()
    }

    /// The user has seen what arrived.
    pub(crate) fn see(&mut self, cx: &mut Context, with: Conversation) {
        if self.unread.remove(&with).is_some() {
            cx.write([Write::History(HistoryWrite::MarkRead { conversation: with })]);
        }
    }

    /// Messages of a conversation that were not seen.
    pub(crate) fn unread(&self, with: &Conversation) -> usize {
        self.unread.get(with).copied().unwrap_or_default()
    }

    /// Whether others are told what was read, from now on.
    pub(crate) fn set_read_receipts(&mut self, told: bool) {
        self.read_receipts = told;
    }

    /// Whether others are told what was read.
    pub(crate) fn read_receipts(&self) -> bool {
        self.read_receipts
    }

    /// Whether something is on its way that will leave without anybody's doing.
    pub(crate) fn is_sending(&self) -> bool {
        self.outbox.conversations().iter().any(|to| {
            let held = self.scheduler.is_held(to);
            self.outbox.any(to, |route| match route {
                Route::OnLink(_) | Route::ToDirectory => true,
                Route::Waiting => !held,
                Route::Stored | Route::Withdrawn => false,
            })
        })
    }
}
