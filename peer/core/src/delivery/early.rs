//! What is said of texts of this user that have not come here yet.
//!
//! What was written at another terminal comes by mail, and may come behind what its receivers or the directory say of it: the
//! mailbox was full meanwhile, or more waits than goes into one message. So that is kept until the text comes; a receipt
//! outranks a report, as it does of a text that is here. A report is given up when everything has been taken that waited when
//! a later session began: what comes then was sent again.
//!
//! Whether a text is here is asked of the history ([`Effect::Recall`]). What waits for the answer is written already, because
//! whoever has said it says it once; how many may be kept is not asked before.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::MessageId;
use common::msg::{Received, WithdrawnMessage};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Delivery;
use crate::context::Context;
use crate::event::Effect;
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::notice::MessageNotice;
use crate::persistence::{HistoryWrite, Rows, Table, Write};

/// Texts of one conversation that something is kept of; the oldest go. Chosen arbitrarily: more than are written at other
/// terminals while a mailbox is full.
pub(super) const OF_ONE: usize = 256;
/// Of all conversations together; the oldest go of the one with the most.
pub(super) const IN_ALL: usize = 2048;
/// Seconds after which a text is awaited no more: no directory keeps mail, or a report, for longer.
const KEPT_FOR: u64 = 90 * 24 * 60 * 60;

/// What is said of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// How far it has come with its receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received: Option<Received>,
    /// Who does not get it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<WithdrawnMessage>,
    /// When it was said last, seconds since the epoch.
    at: u64,
}

/// A text of this user: where it was said, and its id.
type Text = (Conversation, MessageId);

/// What is said of texts that are not here.
#[derive(Debug, Default)]
pub(super) struct EarlyMarks {
    kept: BTreeMap<Conversation, BTreeMap<MessageId, Said>>,
    /// Receipts for texts that are being looked up.
    asked: BTreeMap<Text, Received>,
    /// Of the run before, which may have ended while they were looked up.
    unsure: Vec<Text>,
    /// Reports of the sessions before this one.
    former: BTreeSet<Text>,
    /// Rows of texts that are awaited no more: forgotten with the next step.
    over: Vec<Write>,
}

impl EarlyMarks {
    /// Reads what was kept, at a moment that has surely passed; rows that cannot be read are of a later version and stay where
    /// they are.
    pub(super) fn load(rows: Rows, past: u64) -> Self {
        let mut early = Self::default();
        for (key, value) in rows {
            let Ok((to, id, said)) = serde_json::from_slice::<(Conversation, MessageId, Said)>(&value) else {
                continue;
            };
            if said.at.saturating_add(KEPT_FOR) < past {
                early.over.push(Write::Delete { kind: Table::Early, key });
                continue;
            }
            if said.received.is_some() {
                early.unsure.push((to.clone(), id));
            }
            early.kept.entry(to).or_default().insert(id, said);
        }
        early.end_session();
        early
    }

    /// Reports that came before now are of a session that is over.
    fn end_session(&mut self) {
        let texts = self.kept.iter().flat_map(|(to, kept)| kept.iter().map(move |(id, said)| (to, id, said)));
        let reported = texts.filter(|(_, _, said)| !said.withdrawn.is_empty());
        self.former = reported.map(|(to, id, _)| (to.clone(), *id)).collect();
    }

    fn add(&mut self, to: &Conversation, id: MessageId, now: u64, add: impl FnOnce(&mut Said)) -> Write {
        let said = self.kept.entry(to.clone()).or_default().entry(id).or_default();
        add(said);
        said.at = now;
        put(to, id, said)
    }

    /// Takes out what is said of a text.
    fn take(&mut self, to: &Conversation, id: &MessageId) -> Option<(Said, Write)> {
        let texts = self.kept.get_mut(to)?;
        let said = texts.remove(id)?;
        if texts.is_empty() {
            self.kept.remove(to);
        }
        self.former.remove(&(to.clone(), *id));
        Some((said, Write::Delete { kind: Table::Early, key: key(to, id) }))
    }

    /// No more is kept than may be, now that a text of this conversation is not here.
    fn bound(&mut self, to: &Conversation) -> Vec<Write> {
        let mut forgotten = Vec::new();
        while let Some(oldest) = self.surplus(to) {
            forgotten.extend(self.take(&oldest.0, &oldest.1).map(|(_, forgotten)| forgotten));
        }
        forgotten
    }

    /// The text that what is said of goes next, if there is too much.
    fn surplus(&self, to: &Conversation) -> Option<Text> {
        let asked = |of: &Conversation| self.asked.keys().filter(|(asked, _)| asked == of).count();
        // What is being looked up is not counted yet.
        let count = |of: &Conversation| self.kept.get(of).map_or(0, BTreeMap::len).saturating_sub(asked(of));
        let of = if count(to) > OF_ONE {
            to
        } else if self.kept.keys().map(count).sum::<usize>() > IN_ALL {
            self.kept.keys().max_by_key(|of| count(of))?
        } else {
            return None;
        };
        let texts = self.kept.get(of)?.iter().filter(|(id, _)| !self.asked.contains_key(&(of.clone(), **id)));
        let oldest = texts.min_by_key(|(_, said)| said.at);
        oldest.map(|(id, _)| (of.clone(), *id))
    }
}

fn put(to: &Conversation, id: MessageId, said: &Said) -> Write {
    // Writing strings and numbers to memory cannot fail.
    let value = Zeroizing::new(serde_json::to_vec(&(to, id, said)).unwrap_or_default());
    Write::Put { kind: Table::Early, key: key(to, &id), value }
}

fn key(to: &Conversation, id: &MessageId) -> Vec<u8> {
    // No name of a conversation contains a 0.
    [to.to_string().as_bytes(), b"\0", id.as_bytes()].concat()
}

/// Whether a receipt says more than is known of a text.
fn says_more(received: Received, known: DeliveryStatus) -> bool {
    match known {
        DeliveryStatus::Queued | DeliveryStatus::Stored | DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_) => true,
        DeliveryStatus::Delivered => received == Received::Read,
        DeliveryStatus::Read | DeliveryStatus::Received { .. } => false,
    }
}

/// How far a text has come by a receipt.
pub(super) fn mark_of(received: Received) -> DeliveryStatus {
    match received {
        Received::Delivered => DeliveryStatus::Delivered,
        Received::Read => DeliveryStatus::Read,
    }
}

impl Delivery {
    /// What was kept of texts that were not here, by a run before, at a moment that has surely passed.
    pub(crate) fn load_early(&mut self, rows: Rows, past: u64) {
        self.early = EarlyMarks::load(rows, past);
    }

    /// The session stands: texts that were looked up when the run before ended are looked up again.
    pub(crate) fn handle_session(&mut self, cx: &mut Context) {
        cx.write(std::mem::take(&mut self.early.over));
        self.early.end_session();
        for (to, id) in std::mem::take(&mut self.early.unsure) {
            let received = self.early.kept.get(&to).and_then(|texts| texts.get(&id)).and_then(|said| said.received);
            if let Some(received) = received {
                let name = MessageKey::new(&to, &cx.me.user, id);
                self.look_up(cx, name, received);
            }
        }
    }

    /// Everything was taken that waited when the session began.
    pub(crate) fn handle_caught_up(&mut self, cx: &mut Context) {
        for (to, id) in std::mem::take(&mut self.early.former) {
            let Some((mut said, forgotten)) = self.early.take(&to, &id) else { continue };
            said.withdrawn.clear();
            let is_over = said.received.is_none();
            cx.write([if is_over { forgotten } else { put(&to, id, &said) }]);
            if !is_over {
                self.early.kept.entry(to).or_default().insert(id, said);
            }
        }
        self.handle_change();
    }

    /// There is a receipt for a text that is not under way from here: it was confirmed before, or was written at another
    /// terminal and has come here, or has not yet.
    pub(super) fn handle_receipt_elsewhere(&mut self, cx: &mut Context, name: MessageKey, received: Received) {
        self.keep_receipt(cx, &name, received);
        self.look_up(cx, name, received);
    }

    /// Keeps what a receipt says until the text has come, and was told.
    pub(super) fn keep_receipt(&mut self, cx: &mut Context, name: &MessageKey, received: Received) {
        let raise = |said: &mut Said| said.received = said.received.max(Some(received));
        cx.write([self.early.add(&name.conversation, name.id, cx.now.date, raise)]);
    }

    fn look_up(&mut self, cx: &mut Context, name: MessageKey, received: Received) {
        let asked = self.early.asked.entry((name.conversation.clone(), name.id)).or_insert(received);
        *asked = received.max(*asked);
        cx.push(Effect::Recall(Box::new(name)));
    }

    /// The history has been asked for a text that there is a receipt for.
    pub(super) fn handle_looked_up(&mut self, cx: &mut Context, name: &MessageKey, record: Option<StoredMessage>) {
        let (to, id) = (&name.conversation, name.id);
        let Some(received) = self.early.asked.remove(&(to.clone(), id)) else { return };
        // One that has come, and is not there, was forgotten for its age.
        if record.is_none() && !self.dedup.knows(&name.author, &id) {
            return cx.write(self.early.bound(to));
        }
        cx.write(self.early.take(to, &id).map(|(_, forgotten)| forgotten));
        if record.is_some_and(|record| says_more(received, record.mark)) {
            self.mark(cx, name, received);
            cx.tell(MessageNotice::Marked { to: to.clone(), ids: vec![id], mark: mark_of(received), late: false });
        }
    }

    /// Writes how far a text has come by a receipt.
    pub(super) fn mark(&self, cx: &mut Context, name: &MessageKey, received: Received) {
        let (name, mark, since) = (name.clone(), mark_of(received), cx.now.date);
        cx.write([Write::History(HistoryWrite::SetMark { name, mark, since })]);
    }

    /// The directory has dropped a text that is not here.
    pub(super) fn handle_report_elsewhere(&mut self, cx: &mut Context, name: &MessageKey, report: WithdrawnMessage) {
        if self.dedup.knows(&name.author, &name.id) {
            return;
        }
        let to = &name.conversation;
        cx.write([self.early.add(to, name.id, cx.now.date, |said| said.withdrawn.push(report))]);
        cx.write(self.early.bound(to));
    }

    /// A text has come that was written at another terminal, and was told: what was said of it before is true from now on.
    pub(super) fn handle_own_text(&mut self, cx: &mut Context, record: StoredMessage) {
        let (name, to) = (&record.name, &record.name.conversation);
        let Some((said, forgotten)) = self.early.take(to, &name.id) else { return };
        cx.write([forgotten]);
        if let Some(received) = said.received {
            self.mark(cx, name, received);
            let (ids, mark) = (vec![name.id], mark_of(received));
            return cx.tell(MessageNotice::Marked { to: to.clone(), ids, mark, late: false });
        }
        for report in said.withdrawn {
            self.withdraw_stored(cx, &record, &report);
        }
    }
}
