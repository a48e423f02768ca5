//! Transfers: fetched from where the sender is, given to whom they were offered, tried again (protocol section 7.6).
#![expect(missing_docs, reason = "fields are named after what they hold")]

use std::path::PathBuf;

use common::ident::{MessageId, UserId};
use common::msg::{LookupReq, Outcome, PresenceStatus};

use super::{Post, Source, Step, Transfer};
use crate::engine::{Effect, Purpose, Unreachable};
use crate::notice::{FileFailed, FileNews, FileState};
use crate::post::Asked;
use crate::verify::LookupResult;

/// Files that are fetched at once; the next one begins when one has ended. Chosen arbitrarily: they share one network.
pub(super) const FETCHED_AT_ONCE: usize = 4;
/// Files that are given at once. Twice as many as one receiver fetches.
const GIVEN_AT_ONCE: usize = 8;
/// Seconds until a transfer that was lost is tried again; doubles up to a minute.
pub(super) const FIRST_RETRY: u64 = 2;
pub(super) const LAST_RETRY: u64 = 60;

/// What the shell is to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Number of the transfer.
    pub number: u64,
    /// The letter that offered it.
    pub file: MessageId,
    /// A harmless name.
    pub name: String,
    /// Bytes of the whole.
    pub size: u64,
    /// How many files it holds, if it is a folder.
    pub files: Option<u64>,
    /// Where to; otherwise where the person's downloads go.
    pub folder: Option<PathBuf>,
}

/// How a transfer went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferOutcome {
    /// All of it is here, under this path.
    Saved { path: PathBuf },
    /// All of it was sent; the receiver will say whether it is right.
    Sent,
    /// It can go on later.
    Stopped,
    /// The disk is full: so much is needed and so much is free in this folder.
    DiskFull { need: u64, free: u64, folder: PathBuf },
    /// It cannot.
    Failed(FileFailed),
}

/// A transfer that was lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retry {
    /// By the tick clock; absent while it is being tried.
    at: Option<u64>,
    after: u64,
    /// Bytes that there were.
    done: u64,
}

impl Post {
    /// Files of somebody who is there now, or of everybody, that the person waits for.
    pub(in crate::post) fn fetch_from(&mut self, step: &mut Step<'_>, of: Option<&UserId>) {
        let waits = |known: &Transfer| {
            known.source.is_none() && known.state == FileState::Accepted && of.is_none_or(|user| *user == known.with)
        };
        let numbers: Vec<u64> =
            self.files.all.iter().filter(|(_, known)| waits(known)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.fetch(step, number);
        }
    }

    pub(super) fn fetch(&mut self, step: &mut Step<'_>, number: u64) {
        let Some(transfer) = self.files.all.get(&number) else { return };
        let away = self.there.get(&transfer.with).is_some_and(|there| there.status == PresenceStatus::Offline);
        let busy = self.files.running.contains_key(&number) || self.files.looking_up.contains(&number);
        let fetched = self.files.running.keys().chain(&self.files.looking_up);
        let fetched = fetched.filter(|number| self.files.all.get(number).is_some_and(|known| known.source.is_none()));
        if busy || away || !self.desk.is_up() || step.is_blocked(&transfer.with) || fetched.count() >= FETCHED_AT_ONCE {
            return;
        }
        if let Some(retry) = self.files.retries.get_mut(&number) {
            retry.at = None;
        }
        self.files.looking_up.insert(number);
        let user = transfer.with.clone();
        let request = LookupReq { userid: self.me.user.clone(), lookup: user.clone() };
        self.desk.ask(step, request, Asked::Lookup { purpose: Purpose::File(number), user });
    }

    /// The session is gone, and with it what was asked.
    pub(in crate::post) fn stop_looking_up(&mut self) {
        self.files.looking_up.clear();
    }

    /// Where the sender of a file is.
    pub(crate) fn found_sender(
        &mut self,
        step: &mut Step<'_>,
        number: u64,
        found: Result<Option<LookupResult>, Unreachable>,
    ) {
        self.files.looking_up.remove(&number);
        let Some(transfer) = self.files.all.get(&number).filter(|known| known.state == FileState::Accepted) else {
            return;
        };
        let Ok(Some(found)) = found else { return self.retry(step, number, 0) };
        if self.files.running.contains_key(&number) {
            return;
        }
        let (to, Some(wanted)) = (transfer.with.clone(), transfer.wanted(number)) else { return };
        if step.is_pinned(&to, &found.key) {
            self.files.running.insert(number, 0);
            step.out.push(Effect::Fetch { to, found, wanted: Box::new(wanted) });
        }
    }

    /// What was offered to this user under this id, if the offer stands.
    pub fn file_for(&mut self, user: &UserId, file: &MessageId) -> Offer {
        let given = self.files.running.keys();
        let given = given.filter(|number| self.files.all.get(number).is_some_and(|known| known.source.is_some()));
        let is_busy = given.count() >= GIVEN_AT_ONCE;
        let Some(number) = self.files.find(user, file) else { return Offer::None };
        let Some(transfer) = self.files.all.get_mut(&number) else { return Offer::None };
        let Some(source) = transfer.source.clone().filter(|_| !transfer.state.is_over()) else { return Offer::None };
        if is_busy && !self.files.running.contains_key(&number) {
            return Offer::Busy;
        }
        // Kept as offered: a receiver that asks again shows that it wants it.
        transfer.state = FileState::Accepted;
        self.files.running.insert(number, 0);
        Offer::Stands { number, source }
    }

    /// So many bytes have been sent, or have come.
    pub(crate) fn file_progress(&mut self, step: &mut Step<'_>, number: u64, done: u64) {
        let Some(known) = self.files.running.get_mut(&number) else { return };
        let before = std::mem::replace(known, done);
        // A link that brings nothing new is no better than none.
        self.files.retries.retain(|other, retry| *other != number || done <= retry.done);
        if let Some(file) = self.files.shown(number) {
            let percent = |done| u128::from(done) * 100 / u128::from(file.size.max(1));
            let is_step = percent(done) > percent(before);
            self.file_news(step, number, FileNews::Progress { is_step });
        }
    }

    /// A transfer came to an end.
    pub(crate) fn file_went(&mut self, step: &mut Step<'_>, number: u64, went: TransferOutcome) {
        let done = self.files.running.remove(&number).unwrap_or_default();
        let Some(transfer) = self.files.all.get(&number).filter(|known| !known.state.is_over()) else { return };
        let ours = transfer.source.is_some();
        match went {
            TransferOutcome::Saved { path } => {
                self.set_file(step, number, FileState::Done, Some(Outcome::Received));
                self.file_news(step, number, FileNews::Saved { path });
            }
            TransferOutcome::Sent => {}
            TransferOutcome::Stopped => {
                // Told once: what is tried again and again is no news.
                if !self.files.retries.contains_key(&number) {
                    self.file_news(step, number, FileNews::Stopped { done });
                }
                if !ours {
                    self.retry(step, number, done);
                }
            }
            // Another folder may be better.
            TransferOutcome::Failed(FileFailed::Disk { detail }) if !ours => {
                self.set_file(step, number, FileState::Paused, None);
                self.file_news(step, number, FileNews::NotSaved { detail });
            }
            TransferOutcome::DiskFull { need, free, folder } => {
                self.set_file(step, number, FileState::Paused, None);
                self.file_news(step, number, FileNews::DiskFull { need, free, folder });
            }
            TransferOutcome::Failed(why) => {
                let say = if ours { Outcome::Withdrawn } else { Outcome::Refused };
                self.set_file(step, number, FileState::Failed, Some(say));
                self.file_news(step, number, FileNews::Failed(why));
            }
        }
        self.fetch_next(step);
    }

    /// Files that wait only because others were fetched.
    fn fetch_next(&mut self, step: &mut Step<'_>) {
        let waits = |(number, known): &(&u64, &Transfer)| {
            let is_put_off = self.files.retries.get(number).is_some_and(|retry| retry.at.is_some());
            known.source.is_none() && known.state == FileState::Accepted && !is_put_off
        };
        let numbers: Vec<u64> = self.files.all.iter().filter(waits).map(|(number, _)| *number).collect();
        numbers.into_iter().for_each(|number| self.fetch(step, number));
    }

    fn retry(&mut self, step: &Step<'_>, number: u64, done: u64) {
        let before = self.files.retries.get(&number);
        let after = before.map_or(FIRST_RETRY, |retry| (retry.after * 2).min(LAST_RETRY));
        let done = before.map_or(done, |retry| retry.done.max(done));
        self.files.retries.insert(number, Retry { at: Some(step.now.tick + after), after, done });
    }

    /// When a transfer is to be tried again, by the tick clock.
    pub(in crate::post) fn next_transfer(&self) -> Option<u64> {
        self.files.retries.values().filter_map(|retry| retry.at).min()
    }

    /// Tries what is due.
    pub(in crate::post) fn try_transfers(&mut self, step: &mut Step<'_>) {
        let due = |retry: &Retry| retry.at.is_some_and(|at| at <= step.now.tick);
        let numbers: Vec<u64> = self.files.retries.iter().filter(|(_, retry)| due(retry)).map(|(n, _)| *n).collect();
        for number in numbers {
            self.files.retries.entry(number).and_modify(|retry| retry.at = None);
            self.fetch(step, number);
        }
    }
}

/// Whether a caller gets a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// It was offered, and is here.
    Stands { number: u64, source: Source },
    /// Too many are given now.
    Busy,
    /// It was not offered to this user, or not any more.
    None,
}
