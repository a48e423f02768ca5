//! Offers: made, taken, refused, given up (protocol section 6.9).

use common::ident::{MessageId, UserId};
use common::limits::{FILE_NAME, FOLDER_ENTRIES, OFFERS_OPEN};
use common::msg::{Body, EntryName, FileRefusal, Letter, Outcome, WithdrawnMessage};

use super::{Files, Transfer, say_outcome, say_refused};
use crate::command::FileWish;
use crate::context::Context;
use crate::event::Effect;
use crate::file_name::{harmless, shortened};
use crate::files::model::{AcceptFiles, LeftOut, Source};
use crate::model::Conversation;
use crate::notice::{FileFailed, FileNews, FileNotice, FileState, NotOffered, Undelivered};
use crate::request::{DeliveryRequest, Request};

/// Bytes of a header in an archive, and the most of its padding and one.
const BLOCK: u64 = 512;

/// Who offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

/// A file that somebody offers, as the letter says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedFile {
    pub(crate) file: MessageId,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) files: Option<u64>,
    /// The bytes of these files together, as its sender says.
    pub(crate) content: Option<u64>,
    /// What its sender says is not sent.
    pub(crate) left_out: LeftOut,
}

/// What the other side, or another terminal of our user, says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) file: MessageId,
    pub(crate) outcome: Outcome,
    pub(crate) changed: bool,
    pub(crate) reason: Option<FileRefusal>,
}

impl Files {
    /// Offers a file of this machine.
    pub(crate) fn offer(
        &mut self,
        cx: &mut Context,
        to: UserId,
        name: String,
        (source, left_out): (Source, LeftOut),
    ) -> Vec<Request> {
        let name = shortened(&name, FILE_NAME);
        let why = match () {
            () if cx.is_me(&to) => Some(NotOffered::Yourself),
            () if cx.is_blocked(&to) => Some(NotOffered::Blocked),
            () if cx.contacts.awaits_decision(&to) => Some(NotOffered::KeyChanged),
            () if self.offered_before(&to, &name, &source).is_some() => None,
            () if self.open_offers(&to, Side::Ours) >= OFFERS_OPEN => Some(NotOffered::TooMany),
            () => None,
        };
        if let Some(why) = why {
            cx.tell(FileNotice::NotOffered { to, name, why });
            return Vec::new();
        }
        if let Some(number) = self.offered_before(&to, &name, &source) {
            self.tell(cx, number, FileNews::OfferedBefore);
            return Vec::new();
        }
        cx.choose(&to);
        let (file, size, files, content) = (cx.ids.message(), source.size, source.files, source.content);
        let left_out_names = left_out.names.iter().cloned().map(EntryName).collect();
        let count = Some(left_out.count).filter(|count| *count > 0);
        let body = Body::Offer { name: name.clone(), size, files, content, left_out: count, left_out_names };
        let letter = Letter { id: file, date: cx.now.date, body };
        let (with, state) = (to.clone(), FileState::Offered);
        let source = Some(source);
        let transfer = Transfer { with, file, name, size, files, content, left_out, state, source, folder: None };
        let number = self.add(cx, transfer);
        self.tell(cx, number, if cx.is_up() { FileNews::Offering } else { FileNews::OfferWaits });
        self.wait_to_give(cx, number);
        vec![Request::Delivery(DeliveryRequest::Send { to: Conversation::User(to), letter })]
    }

    /// The transfer of just this, unchanged, to the same user, where it is not over.
    fn offered_before(&self, to: &UserId, name: &str, source: &Source) -> Option<u64> {
        let is_same = |known: &Transfer| {
            known.with == *to && known.name == name && known.source.as_ref() == Some(source) && !known.state.is_over()
        };
        self.all.iter().find(|(_, known)| is_same(known)).map(|(number, _)| *number)
    }

    /// Files that nobody has answered, theirs or ours.
    fn open_offers(&self, with: &UserId, side: Side) -> usize {
        let open = |known: &&Transfer| {
            known.with == *with && known.state == FileState::Offered && known.source.is_some() == (side == Side::Ours)
        };
        self.all.values().filter(open).count()
    }

    /// Somebody offers a file.
    pub(crate) fn handle_offer(&mut self, cx: &mut Context, from: &UserId, offered: OfferedFile) -> Vec<Request> {
        let OfferedFile { file, name, size, files, content, mut left_out } = offered;
        let content = content.filter(|content| files.is_some() && is_content(*content, size));
        for name in &mut left_out.names {
            *name = name.split('/').map(harmless).collect::<Vec<_>>().join("/");
        }
        // The user has said so.
        if self.policy.accept == AcceptFiles::Never {
            return vec![say_outcome(cx, from.clone(), (file, Outcome::Refused))];
        }
        if self.open_offers(from, Side::Theirs) >= OFFERS_OPEN {
            return vec![say_refused(cx, from.clone(), file, FileRefusal::Many)];
        }
        let (with, name, state) = (from.clone(), harmless(&name), FileState::Offered);
        let transfer = Transfer { with, file, name, size, files, content, left_out, state, source: None, folder: None };
        let number = self.add(cx, transfer);
        if size > self.policy.max {
            self.set_state(cx, number, FileState::Refused, None);
            self.tell(cx, number, FileNews::TooLarge { max: self.policy.max });
            return vec![say_refused(cx, from.clone(), file, FileRefusal::Size)];
        }
        self.tell(cx, number, FileNews::Offered);
        let is_verified = cx.contacts.contact(from).is_some_and(|known| known.verified);
        if self.policy.accept == AcceptFiles::Verified && is_verified {
            return self.change(cx, number, FileWish::Accept { folder: None });
        }
        Vec::new()
    }

    /// The other side, or our user at another terminal, says what has become of a file.
    pub(crate) fn handle_outcome(
        &mut self,
        cx: &mut Context,
        by: &UserId,
        with: &UserId,
        Told { file, outcome, changed, reason }: Told,
    ) {
        let Some(number) = self.find(with, &file) else { return };
        let Some(transfer) = self.all.get(&number).filter(|known| !known.state.is_over()) else { return };
        let (state, news) = match (outcome, transfer.source.is_some(), cx.is_me(by)) {
            (Outcome::Received, true, false) => (FileState::Done, FileNews::Received),
            (Outcome::Refused, true, false) => {
                (FileState::Refused, reason.map_or(FileNews::Refused, FileNews::NotTaken))
            }
            (Outcome::Withdrawn, false, false) if changed => (FileState::Failed, FileNews::Failed(FileFailed::Changed)),
            (Outcome::Withdrawn, false, false) => (FileState::Cancelled, FileNews::Withdrawn),
            (Outcome::Received | Outcome::Refused, false, true) => (FileState::Elsewhere, FileNews::Elsewhere),
            _ => return,
        };
        self.stop(cx, number);
        self.set_state(cx, number, state, None);
        self.tell(cx, number, news);
    }

    /// There is no such user: nothing becomes of what was offered to them.
    pub(crate) fn handle_no_such_user(&mut self, cx: &mut Context, user: &UserId, near: Option<&UserId>) {
        let offered = |known: &Transfer| known.with == *user && known.source.is_some() && !known.state.is_over();
        let numbers: Vec<u64> =
            self.all.iter().filter(|(_, known)| offered(known)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.not_delivered(cx, number, Undelivered::NoSuchUser { near: near.cloned() });
        }
    }

    /// The directory has dropped a letter of ours to this user: if it was an offer, nobody hears of that file (decision D32).
    pub(crate) fn handle_withdrawn(&mut self, cx: &mut Context, to: &Conversation, dropped: &WithdrawnMessage) {
        let Conversation::User(user) = to else { return };
        let Some(number) = self.find(user, &dropped.id) else { return };
        let is_unanswered = |known: &Transfer| known.source.is_some() && known.state == FileState::Offered;
        if self.all.get(&number).is_some_and(is_unanswered) {
            self.not_delivered(cx, number, Undelivered::Dropped(dropped.reason));
        }
    }

    /// The directory goes on from an older state, and may have forgotten what we have said of files: it is said again. Whoever
    /// has heard it passes it over.
    pub(crate) fn handle_restored(&self, cx: &mut Context) -> Vec<Request> {
        let known: Vec<&Transfer> = self.all.values().filter(|known| !cx.is_blocked(&known.with)).collect();
        known.into_iter().filter_map(|known| self.said_again(cx, known)).collect()
    }

    fn said_again(&self, cx: &mut Context, known: &Transfer) -> Option<Request> {
        let outcome = match (known.state, known.source.is_some()) {
            (FileState::Cancelled, true) => Outcome::Withdrawn,
            (FileState::Refused, false) if known.size > self.policy.max => {
                return Some(say_refused(cx, known.with.clone(), known.file, FileRefusal::Size));
            }
            (FileState::Refused | FileState::Cancelled, false) => Outcome::Refused,
            (FileState::Done, false) => Outcome::Received,
            // Said by the other side, by another terminal of ours, or not over.
            (FileState::Refused | FileState::Done, true)
            | (FileState::Offered | FileState::Accepted | FileState::Running | FileState::Paused, _)
            | (FileState::Failed | FileState::Elsewhere, _) => return None,
        };
        Some(say_outcome(cx, known.with.clone(), (known.file, outcome)))
    }

    fn not_delivered(&mut self, cx: &mut Context, number: u64, why: Undelivered) {
        self.set_state(cx, number, FileState::Failed, None);
        self.tell(cx, number, FileNews::Failed(FileFailed::NotDelivered(why)));
    }

    /// Nothing becomes of a file any more; what has come of it goes.
    pub(super) fn stop(&mut self, cx: &mut Context, number: u64) {
        self.running.remove(&number);
        self.looking_up.remove(&number);
        self.retries.remove(&number);
        self.meetings.remove(&number);
        self.waiting.remove(&number);
        let came = self.all.get(&number).and_then(|transfer| transfer.download(number)).map(Box::new);
        cx.push(Effect::StopFile { number, came });
    }

    /// Does what the user wants with a file.
    pub(crate) fn change(&mut self, cx: &mut Context, number: u64, wish: FileWish) -> Vec<Request> {
        let Some(transfer) = self.all.get_mut(&number) else {
            cx.tell(FileNotice::Unknown { number });
            return Vec::new();
        };
        let ours = transfer.source.is_some();
        match wish {
            _ if transfer.state.is_over() => self.tell(cx, number, FileNews::Over),
            FileWish::Accept { folder } if !ours => {
                transfer.folder = folder.or(transfer.folder.take());
                let from = transfer.with.clone();
                cx.choose(&from);
                return self.accept(cx, number);
            }
            FileWish::Resume if !ours && transfer.state != FileState::Offered => return self.accept(cx, number),
            FileWish::Refuse | FileWish::Cancel => {
                let (state, outcome) = match (ours, &wish) {
                    (true, _) => (FileState::Cancelled, Outcome::Withdrawn),
                    (false, FileWish::Refuse) => (FileState::Refused, Outcome::Refused),
                    (false, _) => (FileState::Cancelled, Outcome::Refused),
                };
                self.stop(cx, number);
                let said = self.set_state(cx, number, state, Some(outcome));
                self.tell(cx, number, FileNews::GivenUp);
                return said.into_iter().collect();
            }
            FileWish::Accept { .. } | FileWish::Resume => self.tell(cx, number, FileNews::NotThat),
        }
        Vec::new()
    }

    fn accept(&mut self, cx: &mut Context, number: u64) -> Vec<Request> {
        self.set_state(cx, number, FileState::Accepted, None);
        self.tell(cx, number, FileNews::Accepted);
        self.fetch(cx, number).into_iter().collect()
    }
}

/// Whether the files of a folder whose archive has `size` bytes can have so many (protocol section 7.6).
fn is_content(content: u64, size: u64) -> bool {
    let frame = 2 * BLOCK * (FOLDER_ENTRIES as u64 + 1);
    size.checked_sub(content).is_some_and(|rest| rest <= frame)
}
