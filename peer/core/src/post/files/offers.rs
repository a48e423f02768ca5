//! Offers: made, taken, refused, given up (protocol section 6.9).

use common::ident::{MessageId, UserId};
use common::limits::{FILE_NAME, OFFERS_OPEN};
use common::msg::{Body, Letter, Outcome};

use super::{AcceptFiles, Post, Source, Step, Transfer};
use crate::command::FileWish;
use crate::engine::Effect;
use crate::file_name::harmless;
use crate::model::Conversation;
use crate::notice::{FileNews, FileNotice, FileState, NotOffered, Notice};
use crate::persistence::Write;

impl Post {
    /// The person offers a file.
    pub(crate) fn offer_file(
        &mut self,
        step: &mut Step<'_>,
        to: UserId,
        name: &str,
        (source, left_out): (Source, usize),
    ) {
        let why = match () {
            () if to == self.me.user => Some(NotOffered::Yourself),
            () if step.is_blocked(&to) => Some(NotOffered::Blocked),
            () if self.open_offers(&to, Side::Ours) >= OFFERS_OPEN => Some(NotOffered::TooMany),
            () => None,
        };
        let mut name = name.to_owned();
        while name.len() > FILE_NAME {
            name.pop();
        }
        if let Some(why) = why {
            return step.tell(Notice::File(FileNotice::NotOffered { to, name, why }));
        }
        let file = self.ids.message();
        let (with, size, files) = (Conversation::User(to.clone()), source.size, source.files);
        let letter = Letter { id: file, date: step.now.date, body: Body::Offer { name: name.clone(), size, files } };
        let added = self.outbox.add(&with, letter, step.now.date);
        let state = FileState::Offered;
        let transfer = Transfer { with: to, file, name, size, files, state, source: Some(source), folder: None };
        let (number, changes) = self.files.add(transfer);
        self.keep_files(step, changes.into_iter().chain([added]).collect());
        self.file_news(step, number, FileNews::Offering { left_out });
        self.pump(step, &with);
    }

    /// Files that nobody has answered, theirs or ours.
    fn open_offers(&self, with: &UserId, side: Side) -> usize {
        let open = |known: &&Transfer| {
            known.with == *with && known.state == FileState::Offered && known.source.is_some() == (side == Side::Ours)
        };
        self.files.all.values().filter(open).count()
    }

    /// Somebody offers a file.
    pub(in crate::post) fn file_offered(
        &mut self,
        step: &mut Step<'_>,
        from: &UserId,
        file: MessageId,
        (name, size, files): (&str, u64, Option<u64>),
    ) {
        let policy = self.files.policy;
        let too_many = self.open_offers(from, Side::Theirs) >= OFFERS_OPEN;
        if too_many || policy.accept == AcceptFiles::Never {
            let state = Outcome::Refused;
            let letter = self.write(step, &Conversation::User(from.clone()), Body::File { file, state });
            return self.also_keep([letter]);
        }
        let (with, name, state) = (from.clone(), harmless(name), FileState::Offered);
        let transfer = Transfer { with, file, name, size, files, state, source: None, folder: None };
        let (number, changes) = self.files.add(transfer);
        self.also_keep(changes);
        if size > policy.max {
            self.set_file(step, number, FileState::Refused, Some(Outcome::Refused));
            return self.file_news(step, number, FileNews::TooLarge { max: policy.max });
        }
        self.file_news(step, number, FileNews::Offered);
        if policy.accept == AcceptFiles::Verified && step.contacts.contact(from).is_some_and(|known| known.verified) {
            self.file_wish(step, number, FileWish::Accept { folder: None });
        }
    }

    /// The other side, or our user at another terminal, says what has become of a file.
    pub(in crate::post) fn file_told(
        &mut self,
        step: &mut Step<'_>,
        by: &UserId,
        with: &UserId,
        (file, outcome): (MessageId, Outcome),
    ) {
        let Some(number) = self.files.find(with, &file) else { return };
        let Some(transfer) = self.files.all.get(&number).filter(|known| !known.state.is_over()) else { return };
        let here = *by == self.me.user;
        let (state, news) = match (outcome, transfer.source.is_some(), here) {
            (Outcome::Received, true, false) => (FileState::Done, FileNews::Received),
            (Outcome::Refused, true, false) => (FileState::Refused, FileNews::Refused),
            (Outcome::Withdrawn, false, false) => (FileState::Cancelled, FileNews::Withdrawn),
            (Outcome::Received | Outcome::Refused, false, true) => (FileState::Elsewhere, FileNews::Elsewhere),
            _ => return,
        };
        self.stop_file(step, number);
        if let Some(transfer) = self.files.all.get_mut(&number) {
            transfer.state = state;
        }
        let change: Option<Write> = self.files.change(number);
        self.also_keep(change);
        self.file_news(step, number, news);
    }

    /// Nothing becomes of a file any more; what has come of it goes.
    fn stop_file(&mut self, step: &mut Step<'_>, number: u64) {
        self.files.stop(number);
        let came = self.files.all.get(&number).and_then(|transfer| transfer.wanted(number)).map(Box::new);
        step.out.push(Effect::StopFile { number, came });
    }

    /// What the person wants with a file.
    pub(in crate::post) fn file_wish(&mut self, step: &mut Step<'_>, number: u64, wish: FileWish) {
        let Some(transfer) = self.files.all.get_mut(&number) else {
            return step.tell(Notice::File(FileNotice::Unknown { number }));
        };
        let ours = transfer.source.is_some();
        match wish {
            _ if transfer.state.is_over() => self.file_news(step, number, FileNews::Over),
            FileWish::Accept { folder } if !ours => {
                transfer.folder = folder.or(transfer.folder.take());
                self.set_file(step, number, FileState::Accepted, None);
                self.file_news(step, number, FileNews::Accepted);
                self.fetch(step, number);
            }
            FileWish::Resume if !ours && transfer.state != FileState::Offered => {
                self.set_file(step, number, FileState::Accepted, None);
                self.file_news(step, number, FileNews::Accepted);
                self.fetch(step, number);
            }
            FileWish::Refuse | FileWish::Cancel => {
                let (state, outcome) = match (ours, &wish) {
                    (true, _) => (FileState::Cancelled, Outcome::Withdrawn),
                    (false, FileWish::Refuse) => (FileState::Refused, Outcome::Refused),
                    (false, _) => (FileState::Cancelled, Outcome::Refused),
                };
                self.stop_file(step, number);
                self.set_file(step, number, state, Some(outcome));
                self.file_news(step, number, FileNews::GivenUp);
            }
            FileWish::Accept { .. } | FileWish::Resume => self.file_news(step, number, FileNews::NotThat),
        }
    }
}

/// Who offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}
