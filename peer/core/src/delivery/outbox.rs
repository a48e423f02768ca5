//! Letters of ours that have not come to their end, in the order they were written (decision D17).
//!
//! Every entry is a row; which route it takes is not written, so that after a restart it begins again. Receivers drop what
//! they have had already. [`queue`] finds entries by what is asked for, so that no step costs more where more waits.

mod queue;

use std::collections::BTreeMap;

use common::ident::{MessageId, UserId};
use common::msg::{Body, Letter, Member, Withdrawal, WithdrawnMessage};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::queue::Queue;
use crate::event::LinkId;
use crate::model::{Conversation, DeliveryStatus};
use crate::persistence::{Table, Write};

/// Texts that are said over a link without a receipt for them. Chosen arbitrarily: more than are confirmed while the first
/// of them are on their way.
const UNCONFIRMED: usize = 1024;
/// Bytes of such texts: with all the padding there is they are half of what may wait to be written
/// ([`PENDING_OUTPUT`](common::limits::PENDING_OUTPUT)), so that no link is given up for what we say.
const UNCONFIRMED_BYTES: usize = 128 * 1024;

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    /// Here.
    Waiting,
    /// Said over this link, not confirmed.
    OnLink(LinkId),
    /// Given to the directory, not answered.
    ToDirectory,
    /// Kept by the directory, not confirmed by the receiver.
    Stored,
    /// Dropped by the directory; it waits for the user to send it again.
    Withdrawn,
}

/// One letter under way.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) letter: Letter,
    /// Since when it is where it is, seconds since the epoch.
    pub(crate) since: u64,
    pub(crate) route: Route,
    /// The epoch it was sealed in last; not written.
    pub(crate) epoch: u64,
    /// For which terminals of others it is said again, or was; not written.
    pub(crate) again: Vec<Member>,
    /// Whether the directory keeps it, whatever route it takes besides.
    stored: bool,
    /// Who does not get it, and why.
    withdrawn: Option<Missed>,
}

/// What the directory has said of a letter that it has dropped.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Missed {
    reason: Withdrawal,
    users: Vec<UserId>,
}

impl Entry {
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.letter.body {
            Body::Text { text } => Some(text),
            _ => None,
        }
    }

    /// What the user calls it who asks what has become of it: its text, or the name of the file that it offers.
    pub(crate) fn called(&self) -> Option<&str> {
        match &self.letter.body {
            Body::Text { text } => Some(text),
            Body::Offer { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(crate) fn mark(&self) -> DeliveryStatus {
        match &self.withdrawn {
            Some(missed) => DeliveryStatus::Withdrawn(missed.reason),
            None if self.stored => DeliveryStatus::Stored,
            None => DeliveryStatus::Queued,
        }
    }
}

/// An entry as it is kept.
#[derive(Serialize, Deserialize)]
struct Row {
    to: Conversation,
    letter: Letter,
    since: u64,
    stored: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    withdrawn: Option<Missed>,
}

/// All letters under way.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queues: BTreeMap<Conversation, Queue>,
    last: u64,
}

impl Outbox {
    /// Reads what was kept; rows that cannot be read are of a later version and stay where they are.
    pub(crate) fn load(rows: impl IntoIterator<Item = (Vec<u8>, Zeroizing<Vec<u8>>)>) -> Self {
        let mut outbox = Self::default();
        for (key, value) in rows {
            let (Ok(number), Ok(row)) = (key.try_into().map(u64::from_be_bytes), serde_json::from_slice::<Row>(&value))
            else {
                continue;
            };
            let route = match &row.withdrawn {
                Some(_) => Route::Withdrawn,
                None if row.stored => Route::Stored,
                None => Route::Waiting,
            };
            let Row { letter, since, stored, withdrawn, .. } = row;
            let entry = Entry { letter, since, route, epoch: 0, again: Vec::new(), stored, withdrawn };
            outbox.queues.entry(row.to).or_default().insert(number, entry);
            outbox.last = outbox.last.max(number);
        }
        outbox
    }

    /// Adds a letter behind all others.
    pub(crate) fn add(&mut self, to: &Conversation, letter: Letter, now: u64) -> Write {
        self.last += 1;
        self.add_again(to, self.last, (letter, Vec::new()), now)
    }

    /// Adds a letter at the place that it has had, for these terminals.
    pub(crate) fn add_again(
        &mut self,
        to: &Conversation,
        number: u64,
        (letter, again): (Letter, Vec<Member>),
        now: u64,
    ) -> Write {
        let entry =
            Entry { letter, since: now, route: Route::Waiting, epoch: 0, again, stored: false, withdrawn: None };
        let change = put(to, number, &entry);
        self.queues.entry(to.clone()).or_default().insert(number, entry);
        change
    }

    /// Takes a letter back in that the directory was thought to keep; its number. To be written by what follows.
    pub(crate) fn add_stored(&mut self, to: &Conversation, letter: Letter, now: u64) -> u64 {
        self.last += 1;
        let (route, again) = (Route::Stored, Vec::new());
        let entry = Entry { letter, since: now, route, epoch: 0, again, stored: true, withdrawn: None };
        self.queues.entry(to.clone()).or_default().insert(self.last, entry);
        self.last
    }

    /// Notes that the directory has dropped a letter: its text, and who does not get it so far. Nothing if it is on its way
    /// again, or that was known.
    pub(crate) fn withdraw(
        &mut self,
        to: &Conversation,
        number: u64,
        report: &WithdrawnMessage,
        now: u64,
    ) -> Option<(String, Vec<UserId>, Write)> {
        let (entry, users) = self.queues.get_mut(to)?.change(number, |entry| {
            if !matches!(entry.route, Route::Stored | Route::Withdrawn) {
                return None;
            }
            let missed = entry.withdrawn.get_or_insert(Missed { reason: report.reason, users: Vec::new() });
            if missed.users.contains(&report.user) {
                return None;
            }
            missed.users.push(report.user.clone());
            let users = missed.users.clone();
            (entry.route, entry.stored, entry.since) = (Route::Withdrawn, false, now);
            Some(users)
        })?;
        Some((entry.text()?.to_owned(), users?, put(to, number, entry)))
    }

    /// What has failed waits to be sent again.
    pub(crate) fn send_again(&mut self, to: &Conversation, number: u64, now: u64) -> Option<Write> {
        let again = |entry: &mut Entry| (entry.route, entry.withdrawn, entry.since) = (Route::Waiting, None, now);
        let (entry, ()) = self.queues.get_mut(to)?.change(number, again)?;
        Some(put(to, number, entry))
    }

    /// Where there is something under way.
    pub(crate) fn conversations(&self) -> Vec<Conversation> {
        self.queues.keys().cloned().collect()
    }

    /// What is under way, in order.
    pub(crate) fn queue(&self, to: &Conversation) -> impl Iterator<Item = (u64, &Entry)> {
        self.queues.get(to).into_iter().flat_map(Queue::entries)
    }

    /// One letter under way.
    pub(crate) fn get(&self, to: &Conversation, number: u64) -> Option<&Entry> {
        self.queues.get(to)?.get(number)
    }

    /// Whether anything is under way.
    pub(crate) fn is_empty(&self, to: &Conversation) -> bool {
        !self.queues.contains_key(to)
    }

    /// Whether anything of this route is under way.
    pub(crate) fn any(&self, to: &Conversation, route: impl Fn(Route) -> bool) -> bool {
        self.queues.get(to).is_some_and(|queue| queue.any(|taken, _| route(taken)))
    }

    /// Whether any text of this route is under way.
    pub(crate) fn any_text(&self, to: &Conversation, route: impl Fn(Route) -> bool) -> bool {
        self.queues.get(to).is_some_and(|queue| queue.any(|taken, is_text| is_text && route(taken)))
    }

    /// Whether anything that is no text is under way on this route.
    pub(crate) fn any_other(&self, to: &Conversation, route: impl Fn(Route) -> bool) -> bool {
        self.queues.get(to).is_some_and(|queue| queue.any(|taken, is_text| !is_text && route(taken)))
    }

    /// How many texts of this route are under way, and the first of them.
    pub(crate) fn texts(&self, to: &Conversation, route: impl Fn(Route) -> bool) -> Option<(usize, &Entry)> {
        let queue = self.queues.get(to)?;
        let is_meant = |taken, is_text| is_text && route(taken);
        let first = queue.first(1, is_meant);
        Some((queue.count(is_meant), queue.get(*first.first()?)?))
    }

    /// The first letters that wait, at most so many: texts among them only if `texts`.
    pub(crate) fn waiting(&self, to: &Conversation, most: usize, texts: bool) -> Vec<(u64, &Entry)> {
        let Some(queue) = self.queues.get(to) else { return Vec::new() };
        let numbers = queue.first(most, |route, is_text| route == Route::Waiting && (texts || !is_text));
        numbers.into_iter().filter_map(|number| Some((number, queue.get(number)?))).collect()
    }

    /// The first texts that were not said over this link, as many as it has room for.
    pub(crate) fn unsaid(&self, to: &Conversation, link: LinkId) -> Vec<(u64, &Entry)> {
        let Some(queue) = self.queues.get(to) else { return Vec::new() };
        let said = queue.count(|route, _| route == Route::OnLink(link));
        let is_meant = |route, is_text| is_text && ![Route::OnLink(link), Route::Withdrawn].contains(&route);
        let mut bytes = queue.said();
        // No more are looked for than may have room: thousands may wait, and each step asks.
        let room = UNCONFIRMED_BYTES.saturating_sub(bytes) / queue::BESIDE + usize::from(bytes == 0);
        let numbers = queue.first(room.min(UNCONFIRMED.saturating_sub(said)), is_meant);
        let mut unsaid = Vec::new();
        for (number, entry) in numbers.into_iter().filter_map(|number| Some((number, queue.get(number)?))) {
            // A single one always has room.
            if bytes > 0 && bytes.saturating_add(queue::size(entry)) > UNCONFIRMED_BYTES {
                break;
            }
            bytes = bytes.saturating_add(queue::size(entry));
            unsaid.push((number, entry));
        }
        unsaid
    }

    /// Notes the route an entry takes. Only `Stored` is written.
    pub(crate) fn take_route(&mut self, to: &Conversation, number: u64, route: Route, now: u64) -> Option<Write> {
        let (entry, ()) = self.queues.get_mut(to)?.change(number, |entry| {
            (entry.route, entry.since) = (route, now);
            entry.stored |= route == Route::Stored;
        })?;
        (route == Route::Stored).then(|| put(to, number, entry))
    }

    /// Notes the epoch an entry was sealed in.
    pub(crate) fn sealed_in(&mut self, to: &Conversation, number: u64, epoch: u64) {
        let queue = self.queues.get_mut(to);
        queue.map(|queue| queue.change(number, |entry| entry.epoch = epoch));
    }

    /// Whatever took a route that is gone waits again, unless the directory has it as well.
    pub(crate) fn turn_back(&mut self, gone: impl Fn(Route) -> bool) {
        for queue in self.queues.values_mut() {
            for number in queue.first(usize::MAX, |route, _| gone(route)) {
                queue.change(number, |entry| {
                    entry.route = if entry.stored { Route::Stored } else { Route::Waiting };
                });
            }
        }
    }

    /// Whatever the directory keeps waits again: it may have lost some of it.
    pub(crate) fn turn_back_all_stored(&mut self) -> Vec<Write> {
        self.conversations().iter().flat_map(|to| self.turn_back_stored(to)).collect()
    }

    /// Whatever the directory kept for a receiver's terminals that are gone waits again.
    pub(crate) fn turn_back_stored(&mut self, to: &Conversation) -> Vec<Write> {
        let Some(queue) = self.queues.get_mut(to) else { return Vec::new() };
        let stored: Vec<u64> = queue.entries().filter(|(_, entry)| entry.stored).map(|(number, _)| number).collect();
        let mut writes = Vec::new();
        for number in stored {
            let changed = queue.change(number, |entry| {
                entry.stored = false;
                if entry.route == Route::Stored {
                    entry.route = Route::Waiting;
                }
            });
            writes.extend(changed.map(|(entry, ())| put(to, number, entry)));
        }
        writes
    }

    /// Takes out an entry that has come to its end.
    pub(crate) fn remove(&mut self, to: &Conversation, number: u64) -> Option<(Entry, Write)> {
        let queue = self.queues.get_mut(to)?;
        let entry = queue.remove(number)?;
        if queue.is_empty() {
            self.queues.remove(to);
        }
        Some((entry, Write::Delete { kind: Table::Outbox, key: number.to_be_bytes().into() }))
    }

    /// Takes out all that is for a conversation that has come to its end; the texts among it are given up.
    pub(crate) fn give_up(&mut self, to: &Conversation) -> Vec<(u64, Entry)> {
        let queue = self.queues.remove(to).unwrap_or_default();
        queue.entries().map(|(number, entry)| (number, entry.clone())).collect()
    }

    /// Finds a letter by the id its receiver names.
    pub(crate) fn find(&self, to: &Conversation, id: &MessageId) -> Option<u64> {
        self.queues.get(to)?.find(id)
    }
}

fn put(to: &Conversation, number: u64, entry: &Entry) -> Write {
    let Entry { letter, since, stored, withdrawn, .. } = entry.clone();
    // Without the names of its fields, in their order. Writing strings and numbers to memory cannot fail.
    let row = (to, letter, since, stored, withdrawn);
    let value = Zeroizing::new(serde_json::to_vec(&row).unwrap_or_default());
    Write::Put { kind: Table::Outbox, key: number.to_be_bytes().into(), value }
}
