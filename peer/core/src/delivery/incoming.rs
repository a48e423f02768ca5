//! What arrives: texts over links, letters from the mailbox, broadcasts, and receipts for letters of ours.

use std::collections::BTreeMap;

use common::ident::{MessageId, UserId};
use common::limits::RECEIPT_IDS;
use common::msg::{Body, Chat, Letter, Receipt, Received};

use super::Delivery;
use super::dedup::Kind;
use super::early::mark_of;
use crate::context::{Context, Session};
use crate::event::{Effect, LinkId};
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::notice::{Arrival, MessageNotice};
use crate::persistence::{HistoryWrite, Write};
use crate::request::{OpenedLetter, Request, SealedLetter};

/// Texts that are confirmed once more to a directory that has gone back, of all senders together. Chosen arbitrarily: more
/// than one user is sent between two copies of a directory, in 16 receipts if all are of one sender.
pub(super) const CONFIRMED_AGAIN: usize = 1024;
/// Texts that are confirmed once more to one user. Chosen arbitrarily: more than are read while a terminal is in no room, in
/// four receipts.
pub(super) const CONFIRMED_TO_ONE: usize = 4 * RECEIPT_IDS;

/// What the letters of this step bring, told and confirmed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    arrivals: Vec<Arrival>,
    /// What this user has written at other terminals.
    sent_elsewhere: Vec<StoredMessage>,
    /// Letters to confirm, by sender.
    receipts: BTreeMap<UserId, Vec<MessageId>>,
}

impl Delivery {
    /// A text came over the verified link of `from`.
    pub(crate) fn handle_text(&mut self, cx: &mut Context, from: &UserId, link: LinkId, chat: Chat) {
        let Chat { id, message, date, .. } = chat;
        let confirm = |state| Effect::Confirm { link, receipt: Receipt { ids: vec![id], state } };
        let Some(noted) = self.dedup.note(from, id, Kind::Text) else {
            // Its confirmation was lost.
            return cx.push(confirm(Received::Delivered));
        };
        cx.write(noted);
        cx.tell(MessageNotice::Text { from: from.clone(), text: message.clone(), id, date });
        let conversation = Conversation::User(from.clone());
        cx.write([arrived(cx, &conversation, from, (id, message, date), true)]);
        cx.push(confirm(self.received()));
    }

    /// What a letter or text that has arrived is confirmed as.
    fn received(&self) -> Received {
        if self.read_receipts { Received::Read } else { Received::Delivered }
    }

    /// A letter was opened: texts and receipts are taken here, the rest is for others.
    pub(crate) fn handle_letter(&mut self, cx: &mut Context, letter: SealedLetter) -> Vec<Request> {
        let SealedLetter { room, conversation, from, terminal, bytes } = letter;
        // What we cannot read says nothing; a later version may have more to say.
        let (false, Ok(letter)) = (cx.is_blocked(&from), Letter::decode(&bytes)) else { return Vec::new() };
        let is_confirmed = matches!((&letter.body, &conversation), (Body::Text { .. }, Conversation::User(_)));
        let kind = if is_confirmed && !cx.is_me(&from) { Kind::Text } else { Kind::Other };
        let Some(noted) = self.dedup.note(&from, letter.id, kind) else {
            // A second copy; the sender has not had our confirmation.
            if kind == Kind::Text {
                self.confirm_later(&from, letter.id);
            }
            return Vec::new();
        };
        cx.write(noted);
        let Letter { id, date, body } = letter;
        match (body, &conversation) {
            (Body::Text { text }, _) if cx.is_me(&from) => {
                let name = MessageKey::new(&conversation, &from, id);
                let (mark, now) = (DeliveryStatus::Stored, cx.now.date);
                let record = StoredMessage { name, text, date, arrived: now, mark, since: now };
                cx.write([Write::History(HistoryWrite::Append(record.clone()))]);
                self.batch.sent_elsewhere.push(record);
            }
            (Body::Text { text }, _) => {
                cx.write([arrived(cx, &conversation, &from, (id, text.clone(), date), false)]);
                if kind == Kind::Text {
                    self.confirm_later(&from, id);
                }
                *self.unread.entry(conversation.clone()).or_default() += 1;
                let waited = cx.session == Session::CatchingUp;
                self.batch.arrivals.push(Arrival { conversation, from, id, text, date, waited });
            }
            (Body::Receipt { ids, state }, Conversation::User(_)) if !cx.is_me(&from) => {
                self.handle_receipt(cx, &from, &ids, state);
            }
            (Body::Receipt { .. }, _) => {}
            (body, _) => {
                let opened = OpenedLetter { room, conversation, from, terminal, id, body };
                return vec![Request::Opened(Box::new(opened))];
            }
        }
        Vec::new()
    }

    fn confirm_later(&mut self, sender: &UserId, id: MessageId) {
        self.batch.receipts.entry(sender.clone()).or_default().push(id);
    }

    fn confirm(&mut self, cx: &mut Context, sender: UserId, ids: &[MessageId], state: Received) {
        let to = Conversation::User(sender);
        for ids in ids.chunks(RECEIPT_IDS) {
            let body = Body::Receipt { ids: ids.to_vec(), state };
            let letter = Letter { id: cx.ids.message(), date: cx.now.date, body };
            self.add(cx, &to, letter);
        }
    }

    /// The directory goes on from an older state, and may have forgotten receipts of ours. A sender who was away sees nothing
    /// of that, and repeats nothing: what has arrived is confirmed again, unless a receipt waits. Whoever knows passes it over.
    pub(super) fn confirm_again(&mut self, cx: &mut Context) {
        for (sender, ids) in self.dedup.last_texts(CONFIRMED_AGAIN) {
            self.confirm_once_more(cx, sender, ids, Received::Delivered);
        }
    }

    /// A terminal of this user may have missed receipts of ours: it was not in the room in which they were said. The last texts
    /// that came from the user are confirmed again, unless a receipt waits. Whoever knows passes it over.
    pub(crate) fn handle_confirm_again(&mut self, cx: &mut Context, user: UserId) {
        let (ids, state) = (self.dedup.last_texts_of(&user, CONFIRMED_TO_ONE), self.received());
        self.confirm_once_more(cx, user, ids, state);
    }

    fn confirm_once_more(&mut self, cx: &mut Context, sender: UserId, mut ids: Vec<MessageId>, state: Received) {
        let to = Conversation::User(sender.clone());
        for (_, entry) in self.outbox.queue(&to) {
            if let Body::Receipt { ids: waiting, .. } = &entry.letter.body {
                ids.retain(|id| !waiting.contains(id));
            }
        }
        if !cx.is_blocked(&sender) {
            self.confirm(cx, sender, &ids, state);
        }
    }

    /// All letters of this step were taken: they are confirmed by letters of ours, and told.
    pub(crate) fn handle_letters_taken(&mut self, cx: &mut Context) {
        let Batch { arrivals, sent_elsewhere, receipts } = std::mem::take(&mut self.batch);
        let state = self.received();
        for (user, ids) in receipts {
            self.confirm(cx, user, &ids, state);
        }
        for record in sent_elsewhere {
            cx.tell(MessageNotice::Sent { ticket: None, record: record.clone() });
            self.handle_own_text(cx, record);
        }
        if !arrivals.is_empty() {
            cx.tell(MessageNotice::Arrived(arrivals));
        }
        // Whatever was held back meanwhile.
        self.handle_change();
    }

    /// A broadcast came that its sender has signed.
    pub(crate) fn handle_broadcast(
        &mut self,
        cx: &mut Context,
        from: UserId,
        (id, text, date): (MessageId, String, u64),
    ) {
        let Some(noted) = self.dedup.note(&from, id, Kind::Other) else { return };
        cx.write(noted);
        let conversation = Conversation::Everyone;
        cx.write([arrived(cx, &conversation, &from, (id, text.clone(), date), false)]);
        *self.unread.entry(conversation.clone()).or_default() += 1;
        cx.tell(MessageNotice::Arrived(vec![Arrival { conversation, from, id, text, date, waited: false }]));
    }

    /// The receiver has kept, or shown, letters of ours.
    pub(crate) fn handle_receipt(&mut self, cx: &mut Context, by: &UserId, ids: &[MessageId], state: Received) {
        let to = Conversation::User(by.clone());
        let mark = mark_of(state);
        let (mut arrived, mut shown) = (Vec::new(), Vec::new());
        for id in ids {
            let name = MessageKey::new(&to, &cx.me.user, *id);
            if let Some(number) = self.outbox.find(&to, id) {
                cx.write(self.outbox.remove(&to, number).map(|(_, removed)| removed));
                arrived.push(*id);
            } else if self.batch.sent_elsewhere.iter().any(|record| record.name == name) {
                // It has come in this step, and is told at its end with all that is said of it.
                self.keep_receipt(cx, &name, state);
                continue;
            } else if state == Received::Read && self.dedup.knows(&name.author, id) {
                // Written at another terminal, and nothing says more of it.
                shown.push(*id);
            } else {
                self.handle_receipt_elsewhere(cx, name, state);
                continue;
            }
            self.mark(cx, &name, state);
        }
        let late = self.scheduler.has_told(&to);
        for (ids, late) in [(arrived, late), (shown, false)] {
            if !ids.is_empty() {
                cx.tell(MessageNotice::Marked { to: to.clone(), ids, mark, late });
            }
        }
        if self.outbox.is_empty(&to) {
            self.scheduler.forget_told(&to);
        }
        self.scheduler.retry_now(&to);
    }
}

/// The write that adds a received text to the history.
fn arrived(
    cx: &Context,
    conversation: &Conversation,
    from: &UserId,
    (id, text, date): (MessageId, String, u64),
    read: bool,
) -> Write {
    let name = MessageKey::new(conversation, from, id);
    let (mark, now) = (DeliveryStatus::Received { read }, cx.now.date);
    Write::History(HistoryWrite::Append(StoredMessage { name, text, date, arrived: now, mark, since: now }))
}
