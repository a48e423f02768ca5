//! Transfers: fetched from where the sender is, given to whom they were offered, tried again (protocol section 7.6).

use common::backoff::Backoff;
use common::ident::{MessageId, UserId};
use common::msg::{ConnectRefusal, FileRefusal, Outcome, PresenceStatus};

use super::{Files, Retry, Transfer, say_changed, say_outcome, say_refused};
use crate::context::Context;
use crate::event::{Effect, LinkId, Over};
use crate::files::model::TransferOutcome;
use crate::meeting::{Meeting, fallback};
use crate::notice::{FileFailed, FileNews, FileState};
use crate::request::{DirectoryRequest, LookupReason, Request};
use crate::verify::LookupResult;

/// Files that are fetched at once; the next one begins when one has ended. Chosen arbitrarily: they share one network.
pub(super) const FETCHED_AT_ONCE: usize = 4;
/// Of these, of one user: whoever gives files byte by byte leaves a place for somebody else's.
pub(super) const FETCHED_OF_ONE: usize = 3;
/// Files that are given at once. Twice as many as one receiver fetches.
pub(super) const GIVEN_AT_ONCE: usize = 8;
/// Of these, to one user: as many as a receiver fetches.
pub(super) const GIVEN_TO_ONE: usize = 4;
/// Seconds until a transfer that was lost is tried again; doubles up to a minute.
pub(super) const FIRST_RETRY: u64 = 2;
pub(super) const LAST_RETRY: u64 = 60;

impl Files {
    /// A user is there now, or (`None`) everybody may be: what is wanted of them is fetched.
    pub(crate) fn handle_presence(&mut self, cx: &mut Context, of: Option<&UserId>) -> Vec<Request> {
        self.fetch_all(cx, |_, known| of.is_none_or(|user| *user == known.with))
    }

    fn fetch_all(&mut self, cx: &Context, wanted: impl Fn(u64, &Transfer) -> bool) -> Vec<Request> {
        let wanted = |(number, known): &(&u64, &Transfer)| known.is_wanted() && wanted(**number, known);
        let numbers: Vec<u64> = self.all.iter().filter(wanted).map(|(number, _)| *number).collect();
        numbers.into_iter().filter_map(|number| self.fetch(cx, number)).collect()
    }

    /// Looks up where the sender of a file is, if it can be fetched now.
    pub(super) fn fetch(&mut self, cx: &Context, number: u64) -> Option<Request> {
        let transfer = self.all.get(&number)?;
        let away = cx.presence.get(&transfer.with).is_some_and(|there| there.status == PresenceStatus::Offline);
        let is_busy = self.running.contains_key(&number) || self.looking_up.contains(&number);
        let under_way = self.running.keys().chain(&self.looking_up).filter_map(|number| self.all.get(number));
        let fetched: Vec<&UserId> = under_way.filter(|known| known.source.is_none()).map(|known| &known.with).collect();
        let is_full = !has_place(&fetched, &transfer.with, FETCHED_AT_ONCE, FETCHED_OF_ONE);
        if is_busy || away || !cx.is_up() || cx.is_blocked(&transfer.with) || is_full {
            return None;
        }
        if let Some(retry) = self.retries.get_mut(&number) {
            retry.at = None;
        }
        self.looking_up.insert(number);
        Some(Request::Directory(DirectoryRequest::LookUp {
            user: transfer.with.clone(),
            reason: LookupReason::File(number),
        }))
    }

    /// The session is gone, and with it what was asked.
    pub(crate) fn handle_session_lost(&mut self) {
        self.looking_up.clear();
    }

    /// Where the sender of a file is; nothing if the directory does not say.
    pub(crate) fn handle_sender(&mut self, cx: &mut Context, number: u64, found: Option<LookupResult>) {
        self.looking_up.remove(&number);
        let Some(transfer) = self.all.get(&number).filter(|known| known.state == FileState::Accepted) else {
            return;
        };
        // Nothing is asked of somebody whose new key the user has not agreed to (decision D33).
        let Some(found) = found.filter(|_| !cx.contacts.awaits_decision(&transfer.with)) else {
            return self.retry(cx, number, 0);
        };
        if self.running.contains_key(&number) {
            return;
        }
        let (to, Some(wanted)) = (transfer.with.clone(), transfer.download(number)) else { return };
        if cx.is_pinned(&to, &found.key) {
            self.running.insert(number, 0);
            let meeting = Meeting::for_file(cx, &found);
            let over = Over::Addresses(fallback(meeting.as_ref()));
            match meeting {
                Some(meeting) => drop(self.meetings.insert(number, meeting)),
                None => drop(self.meetings.remove(&number)),
            }
            cx.push(Effect::Fetch { to, found, over, wanted: Box::new(wanted) });
        }
    }

    /// A caller who was verified wants a file, from a byte on: it gets it if it was offered to this user and the offer
    /// stands.
    pub(crate) fn handle_fetch(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        from: &UserId,
        (file, offset): (MessageId, u64),
    ) {
        let under_way = self.running.keys().filter_map(|number| self.all.get(number));
        let given: Vec<&UserId> = under_way.filter(|known| known.source.is_some()).map(|known| &known.with).collect();
        let is_busy = !has_place(&given, from, GIVEN_AT_ONCE, GIVEN_TO_ONE);
        let number = self.find(from, &file);
        let transfer = number.and_then(|number| self.all.get_mut(&number)).filter(|known| !known.state.is_over());
        let (Some(number), Some(transfer)) = (number, transfer) else {
            return cx.refuse(link, ConnectRefusal::Declined);
        };
        let Some(source) = transfer.source.clone() else {
            return cx.refuse(link, ConnectRefusal::Declined);
        };
        if is_busy && !self.running.contains_key(&number) {
            return cx.refuse(link, ConnectRefusal::Busy);
        }
        // Written as offered: a receiver that asks again shows that it wants it.
        transfer.state = FileState::Accepted;
        self.running.insert(number, 0);
        let reply = cx.accepted();
        cx.push(Effect::Serve { link, reply, number, source, offset });
    }

    /// Bytes that have been sent, or have come, so far.
    pub(crate) fn handle_progress(&mut self, cx: &mut Context, number: u64, done: u64) {
        let Some(known) = self.running.get_mut(&number) else { return };
        let before = std::mem::replace(known, done);
        self.waiting.remove(&number);
        // A link that brings nothing new is no better than none.
        self.retries.retain(|other, retry| *other != number || done <= retry.done);
        if let Some(file) = self.shown(number) {
            let percent = |done| u128::from(done) * 100 / u128::from(file.size.max(1));
            let is_step = percent(done) > percent(before);
            self.tell(cx, number, FileNews::Progress { is_step });
        }
    }

    /// A transfer came to an end.
    pub(crate) fn handle_end(&mut self, cx: &mut Context, number: u64, outcome: TransferOutcome) -> Vec<Request> {
        let done = self.running.remove(&number).unwrap_or_default();
        let Some(transfer) = self.all.get(&number).filter(|known| !known.state.is_over()) else { return Vec::new() };
        let ours = transfer.source.is_some();
        let mut requests = Vec::new();
        match outcome {
            TransferOutcome::Saved { path } => {
                requests.extend(self.set_state(cx, number, FileState::Done, Some(Outcome::Received)));
                self.tell(cx, number, FileNews::Saved { path });
            }
            TransferOutcome::Sent => {}
            TransferOutcome::NotReached(why) if !ours && why.is_of_the_addresses() => {
                requests.extend(self.not_reached(cx, number, why));
            }
            TransferOutcome::Stopped | TransferOutcome::NotReached(_) => {
                // Told once: what is tried again and again is no news.
                if !self.retries.contains_key(&number) {
                    self.tell(cx, number, FileNews::Stopped { done });
                }
                if !ours {
                    self.retry(cx, number, done);
                }
            }
            // Another folder may be better.
            TransferOutcome::Failed(FileFailed::Disk { detail }) if !ours => {
                self.set_state(cx, number, FileState::Paused, None);
                self.tell(cx, number, FileNews::NotSaved { detail });
            }
            TransferOutcome::DiskFull { need, free, folder } => {
                self.set_state(cx, number, FileState::Paused, None);
                self.tell(cx, number, FileNews::DiskFull { need, free, folder });
            }
            TransferOutcome::Failed(FileFailed::Changed) if ours => {
                let (with, file) = (transfer.with.clone(), transfer.file);
                self.set_state(cx, number, FileState::Failed, None);
                requests.push(say_changed(cx, with, file));
                self.tell(cx, number, FileNews::Failed(FileFailed::Changed));
            }
            TransferOutcome::Failed(why) => {
                let (with, file) = (transfer.with.clone(), transfer.file);
                self.set_state(cx, number, FileState::Failed, None);
                requests.extend(match &why {
                    _ if ours => Some(say_outcome(cx, with, (file, Outcome::Withdrawn))),
                    FileFailed::Digest | FileFailed::Folder { .. } => {
                        Some(say_refused(cx, with, file, FileRefusal::Spoilt))
                    }
                    // Its sender knows, and has said so.
                    FileFailed::Changed => None,
                    FileFailed::Disk { .. } | FileFailed::NotDelivered(_) => {
                        Some(say_outcome(cx, with, (file, Outcome::Refused)))
                    }
                });
                // What has come of it is no part of anything any more.
                self.stop(cx, number);
                self.tell(cx, number, FileNews::Failed(why));
            }
        }
        requests.extend(self.fetch_next(cx));
        requests
    }

    /// Files that wait only because others were fetched.
    fn fetch_next(&mut self, cx: &Context) -> Vec<Request> {
        let put_off: Vec<u64> =
            self.retries.iter().filter(|(_, retry)| retry.at.is_some()).map(|(number, _)| *number).collect();
        self.fetch_all(cx, |number, _| !put_off.contains(&number))
    }

    pub(super) fn retry(&mut self, cx: &Context, number: u64, done: u64) {
        let backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let retry = self.retries.entry(number).or_insert(Retry { at: None, backoff, done });
        retry.at = Some(cx.now.tick + retry.backoff.fail());
        retry.done = retry.done.max(done);
    }

    /// When a transfer is to be tried again, by the tick clock.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.retries.values().filter_map(|retry| retry.at).min()
    }

    /// Tries what is due.
    pub(crate) fn handle_tick(&mut self, cx: &Context) -> Vec<Request> {
        let due = |retry: &Retry| retry.at.is_some_and(|at| at <= cx.now.tick);
        let numbers: Vec<u64> = self.retries.iter().filter(|(_, retry)| due(retry)).map(|(n, _)| *n).collect();
        let try_again = |number| {
            self.retries.entry(number).and_modify(|retry| retry.at = None);
            self.fetch(cx, number)
        };
        numbers.into_iter().filter_map(try_again).collect()
    }
}

/// Whether there is a place for one more of this user's among those under way.
fn has_place(under_way: &[&UserId], user: &UserId, at_once: usize, of_one: usize) -> bool {
    under_way.len() < at_once && under_way.iter().filter(|other| **other == user).count() < of_one
}
