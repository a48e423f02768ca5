//! The mailbox: items of it, one after the other (protocol section 6.6).
//!
//! What an item changes and the number of the item are written together, so that one that comes again after a crash is
//! skipped; the directory is told only then. What an item means is not known here: [`GroupRequest::Open`] hands it on, and is
//! answered by [`Mailbox::handle_taken`] or [`Mailbox::handle_needs`].

mod counters;
mod taken;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use common::ident::DirectoryGeneration;
use common::limits::{CERTIFICATES_ASKED, COMMIT_MAX, MAIL_IN_ONE};
use common::msg::{
    CertificatesReq, FetchReq, MailItem, MailboxAck, MailboxReq, MailboxState, Member, TerminalRemove, UserCertificate,
};

use self::counters::{Counters, Told};
pub use self::counters::{begin_without_rooms, known_generation};
use self::taken::{Known, Print, Taken};
use crate::context::{Context, Session};
use crate::event::Effect;
use crate::notice::MessageNotice;
use crate::persistence::Rows;
use crate::request::{DeliveryRequest, DirectoryRequest, GroupRequest, Question, Request, WholeItem, successors};

/// The item that is being taken.
#[derive(Debug)]
struct Taking {
    whole: WholeItem,
    /// Terminals whose certificates are to be fetched before it can be judged.
    missing: VecDeque<Member>,
    /// Whether a question about it was not answered yet.
    is_asked: bool,
}

/// Where the session is in the mailbox.
#[derive(Debug, Default)]
struct Progress {
    /// The last item that came, or that the directory knew as taken before.
    last: u64,
    /// Up to which item it was told that all is taken.
    confirmed: Option<u64>,
    /// What the item is that is being taken.
    print: Option<Print>,
}

/// The mail that has come and was not taken yet.
#[derive(Debug)]
pub(crate) struct Mailbox {
    counters: Counters,
    told: Told,
    taken: Taken,
    progress: Progress,
    /// By which name what the directory remembers goes, as it has said in front of this session.
    generation: Option<DirectoryGeneration>,
    /// The last item whose number was written.
    written: u64,
    items: VecDeque<MailItem>,
    taking: Option<Taking>,
    /// Of the items that waited when the session began, how many were not taken; nothing until the directory has said.
    waiting: Option<u64>,
    /// The terminal that this one took the place of, until the directory has forgotten it.
    replaced: Option<TerminalRemove>,
    /// When a question that was refused is asked again, by the tick clock.
    ask_again: Option<u64>,
}

impl Mailbox {
    /// Reads what was written.
    pub(crate) fn load(rows: &Rows) -> Self {
        let (counters, told, replaced) = (Counters::load(rows), Told::load(rows), counters::replaced(rows));
        let (items, written) = (VecDeque::new(), counters.acked);
        Self {
            counters,
            told,
            taken: Taken::load(rows, counters.acked),
            progress: Progress::default(),
            generation: None,
            written,
            items,
            taking: None,
            waiting: None,
            replaced,
            ask_again: None,
        }
    }

    /// Whether this terminal has just taken the place of another.
    pub(crate) fn has_replaced(&self) -> bool {
        self.replaced.is_some()
    }

    /// The session stands: the mail is asked for.
    pub(crate) fn handle_session(&mut self) -> Vec<Request> {
        let mut requests = vec![Request::Directory(DirectoryRequest::Ask {
            message: MailboxReq {}.into(),
            question: Question::Mailbox,
        })];
        // Before our key packages are there: whoever adds us finds that the other one is gone.
        requests.extend(self.ask_to_forget());
        requests
    }

    /// Has the directory forget the terminal that this one has taken the place of.
    pub(crate) fn ask_to_forget(&self) -> Option<Request> {
        let message = self.replaced.clone()?.into();
        Some(Request::Directory(DirectoryRequest::Ask { message, question: Question::Replaced }))
    }

    /// The session is gone; what was not taken comes again.
    pub(crate) fn handle_session_lost(&mut self) {
        self.items.clear();
        (self.taking, self.waiting, self.ask_again) = (None, None, None);
        self.progress = Progress::default();
    }

    /// The directory has forgotten the terminal that this one took the place of.
    pub(crate) fn handle_replaced(&mut self, cx: &mut Context) {
        self.replaced = None;
        cx.write([counters::is_replaced()]);
    }

    /// Counts something that is about to be given to the directory.
    pub(crate) fn handle_written(&mut self, cx: &mut Context) {
        self.counters.written += 1;
        cx.write([self.counters.written_row()]);
    }

    /// The directory says that it has carried out what it was given: it counts it from now on.
    pub(crate) fn handle_carried_out(&mut self, cx: &mut Context) {
        self.told.written += 1;
        cx.write([self.told.numbers_row()]);
    }

    /// The directory says by which name what it remembers goes.
    pub(crate) fn handle_generation(&mut self, generation: DirectoryGeneration) {
        self.generation = Some(generation);
    }

    /// Whether the directory goes on from an older state than this terminal has seen (decision D32).
    fn has_gone_back(&self, state: &MailboxState) -> bool {
        let is_another = self.told.generation.zip(self.generation).is_some_and(|(known, now)| known != now);
        is_another || state.acked < self.told.acked || state.written < self.told.written
    }

    /// The directory has the key packages that were made anew: a repair that is interrupted goes on without others.
    pub(crate) fn handle_packages_made(&mut self, cx: &mut Context) {
        self.told.has_packages = self.told.is_repairing;
        cx.write(self.told.rows());
    }

    /// All that an older state of the directory has spoilt is made anew.
    pub(crate) fn handle_repaired(&mut self, cx: &mut Context) {
        (self.told.is_repairing, self.told.has_packages) = (false, false);
        cx.write(self.told.rows());
    }

    /// What waits, and whether one of the two goes on from an older state: this terminal, if the directory's numbers are
    /// greater (threat G5); the directory, if they have fallen or go by another name.
    pub(crate) fn handle_state(&mut self, cx: &mut Context, state: MailboxState) -> Vec<Request> {
        let mut requests = Vec::new();
        let has_gone_back = self.has_gone_back(&state);
        if has_gone_back || self.told.is_repairing {
            self.told.has_packages &= !has_gone_back;
            self.counters.written = state.written;
            cx.write([self.counters.written_row()]);
            requests = self.go_back(cx, state.acked);
        } else if state.acked > self.counters.acked || state.written > self.counters.written {
            cx.push(Effect::NewTerminal);
            return Vec::new();
        }
        self.progress.last = state.acked;
        self.taken.confirmed(state.acked);
        self.taken.begin();
        let told = Told {
            acked: state.acked,
            written: state.written,
            generation: self.generation.or(self.told.generation),
            ..self.told
        };
        if told != self.told || told.is_repairing {
            self.told = told;
            cx.write(told.rows());
        }
        if state.lost > 0 {
            cx.tell(MessageNotice::Lost { count: state.lost });
            self.taken.excuse();
            // Confirmations may have been among it.
            requests.push(Request::Delivery(DeliveryRequest::StoredLost));
            // Until it hears so, the directory tells it again.
            requests.push(Request::Directory(DirectoryRequest::Tell(MailboxAck { upto: state.acked }.into())));
        }
        self.waiting = Some(state.waiting);
        requests.extend(self.caught_up(cx));
        requests
    }

    /// The directory goes on from an older state, which ends with this item: what it does not know any more is made anew.
    fn go_back(&mut self, cx: &mut Context, behind: u64) -> Vec<Request> {
        (self.counters.acked, self.written) = (behind, behind);
        self.taken.forget(behind);
        self.told.is_repairing = true;
        cx.write([self.counters.acked_row(), self.taken.row()]);
        cx.write(self.told.rows());
        let has_packages = self.told.has_packages;
        vec![Request::Delivery(DeliveryRequest::StoredLost), Request::Group(GroupRequest::Restored { has_packages })]
    }

    /// Whether everything that waited was taken just now. What was taken before and not confirmed must have come again.
    fn caught_up(&mut self, cx: &mut Context) -> Vec<Request> {
        if self.waiting != Some(0) || cx.session != Session::CatchingUp {
            return Vec::new();
        }
        let mut requests = Vec::new();
        if self.taken.misses_any() {
            self.told.has_packages = false;
            requests = self.go_back(cx, self.progress.last);
        }
        cx.session = Session::CaughtUp;
        requests.push(Request::Group(GroupRequest::CaughtUp));
        requests
    }

    /// Items came.
    pub(crate) fn handle_items(&mut self, cx: &mut Context, items: Vec<MailItem>) -> Vec<Request> {
        // It sends what follows when it knows what was taken.
        let first = items.first().map_or(0, |item| item.item);
        if let Some(confirmed) = self.progress.confirmed.take_if(|confirmed| *confirmed < first) {
            self.told.acked = self.told.acked.max(confirmed);
            self.taken.confirmed(confirmed);
        }
        // A directory sends no more before this is confirmed; one that does is not listened to without end.
        let room = (2 * MAIL_IN_ONE).saturating_sub(self.items.len());
        self.items.extend(items.into_iter().take(room));
        if self.taking.as_ref().is_some_and(|taking| taking.is_asked) {
            return Vec::new();
        }
        self.take_next(cx)
    }

    /// Goes on with the item that is being taken, or the next; when it lacks something of the directory, or there are no
    /// more, what was taken is confirmed.
    fn take_next(&mut self, cx: &mut Context) -> Vec<Request> {
        let mut requests = Vec::new();
        while self.taking.is_none() {
            let Some(item) = self.items.pop_front() else {
                requests.extend(self.confirm(cx));
                requests.extend(self.caught_up(cx));
                return requests;
            };
            let print = Print::of(&item);
            self.progress.last = item.item;
            if item.item <= self.counters.acked {
                if self.taken.comes_again(item.item, print) != Known::Another {
                    self.waiting = self.waiting.map(|waiting| waiting.saturating_sub(1));
                    continue;
                }
                self.told.has_packages = false;
                requests.extend(self.go_back(cx, item.item - 1));
                if cx.session == Session::CaughtUp {
                    requests.push(Request::Group(GroupRequest::CaughtUp));
                }
            }
            self.progress.print = Some(print);
            let item = bounded(item);
            let bytes = item.piece.as_ref().map(|piece| piece.0.clone()).unwrap_or_default();
            let whole = WholeItem { item, bytes, certificates: None };
            self.taking = Some(Taking { whole, missing: VecDeque::new(), is_asked: false });
        }
        let needs = self.taking.as_ref().map(|taking| taking.missing.iter().map(|member| member.userid.clone()));
        let needs: Vec<_> = needs.into_iter().flatten().take(CERTIFICATES_ASKED).collect();
        if let Some(question) = self.ask_for_rest() {
            requests.extend(successors(cx, needs));
            requests.push(question);
            requests.extend(self.confirm(cx));
            return requests;
        }
        let open = |taking: Taking| Request::Group(GroupRequest::Open(Box::new(taking.whole)));
        requests.extend(self.taking.take().map(open));
        requests
    }

    /// Asks for what the item lacks.
    fn ask_for_rest(&mut self) -> Option<Request> {
        let taking = self.taking.as_mut()?;
        let have = taking.whole.bytes.len();
        let ask = if u32::try_from(have).is_ok_and(|have| have < taking.whole.item.size) {
            let (item, offset) = (taking.whole.item.item, u32::try_from(have).unwrap_or(u32::MAX));
            Request::Directory(DirectoryRequest::Ask {
                message: FetchReq { item, offset }.into(),
                question: Question::Piece,
            })
        } else if taking.missing.is_empty() {
            return None;
        } else {
            let members = taking.missing.iter().take(CERTIFICATES_ASKED).cloned().collect();
            Request::Directory(DirectoryRequest::Ask {
                message: CertificatesReq { members }.into(),
                question: Question::Certificates,
            })
        };
        taking.is_asked = true;
        Some(ask)
    }

    /// A question was refused: it is asked again at `until`.
    pub(crate) fn handle_refused(&mut self, until: u64) {
        self.ask_again = Some(until);
    }

    /// When something must be asked again, by the tick clock.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.ask_again
    }

    /// A deadline has passed.
    pub(crate) fn handle_tick(&mut self, cx: &Context) -> Vec<Request> {
        if self.ask_again.take_if(|until| *until <= cx.now.tick).is_none() {
            return Vec::new();
        }
        match self.waiting {
            None => self.handle_session(),
            Some(_) => self.ask_for_rest().into_iter().collect(),
        }
    }

    /// The next piece of the item came.
    pub(crate) fn handle_piece(&mut self, cx: &mut Context, piece: &[u8]) -> Vec<Request> {
        let Some(taking) = &mut self.taking else { return Vec::new() };
        if piece.is_empty() {
            // The directory has it no more; what it was is lost.
            taking.whole.item.size = 0;
            taking.whole.bytes.clear();
        } else {
            taking.whole.bytes.extend_from_slice(piece);
        }
        taking.is_asked = false;
        self.take_next(cx)
    }

    /// Certificates came, which judging the item needs.
    pub(crate) fn handle_certificates(&mut self, cx: &mut Context, certificates: Vec<UserCertificate>) -> Vec<Request> {
        let Some(taking) = &mut self.taking else { return Vec::new() };
        taking.whole.certificates.get_or_insert_default().extend(certificates);
        let came = taking.missing.len().min(CERTIFICATES_ASKED);
        taking.missing.drain(..came);
        taking.is_asked = false;
        self.take_next(cx)
    }

    /// The item cannot be judged without the certificates of these terminals.
    pub(crate) fn handle_needs(&mut self, cx: &mut Context, whole: WholeItem, missing: Vec<Member>) -> Vec<Request> {
        self.taking = Some(Taking { whole, missing: missing.into(), is_asked: false });
        self.take_next(cx)
    }

    /// The item of this number was taken.
    pub(crate) fn handle_taken(&mut self, cx: &mut Context, item: u64) -> Vec<Request> {
        self.counters.acked = item;
        if let Some(print) = self.progress.print.take() {
            self.taken.add(item, print);
        }
        self.waiting = self.waiting.map(|waiting| waiting.saturating_sub(1));
        self.take_next(cx)
    }

    /// Writes how far the mail was taken, and confirms it to the directory and to the senders.
    fn confirm(&mut self, cx: &mut Context) -> Vec<Request> {
        let acked = self.counters.acked;
        if acked != self.written {
            self.written = acked;
            cx.write([self.counters.acked_row(), self.taken.row(), self.told.numbers_row()]);
        }
        let mut requests = Vec::new();
        // Before the confirmations: whoever gets one finds that there is space again.
        if acked > 0 {
            self.progress.confirmed = Some(acked);
            requests.push(Request::Directory(DirectoryRequest::Tell(MailboxAck { upto: acked }.into())));
        }
        requests.push(Request::Delivery(DeliveryRequest::LettersTaken));
        requests
    }
}

/// An item larger than any can be is not fetched: the directory does not have it, whatever it says.
fn bounded(item: MailItem) -> MailItem {
    let fits = usize::try_from(item.size).is_ok_and(|size| size <= COMMIT_MAX);
    if fits { item } else { MailItem { size: 0, piece: None, ..item } }
}
