//! Files: who offered what to whom, and what has become of it (decision D7; protocol section 7.6).
//!
//! Every file is a kept row, so that it goes on after a kill of either side. The bytes are the shell's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use common::ident::{MessageId, UserId};
use common::limits::FILE_NAME;
use common::msg::{Body, Letter, Outcome, PresenceStatus};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Post, Rows, Step};
use crate::core::command::FileWish;
use crate::core::engine::{Effect, Purpose, Unreachable};
use crate::core::file_name::harmless;
use crate::core::keep::{Change, Conversation, Kind};
use crate::core::notice::{FileFailed, FileNews, FileShown, FileState, NotSent, Notice};
use crate::core::verify::Found;

/// A file of this machine that is to be offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its bytes.
    pub(crate) size: u64,
    /// When it was changed last, in nanoseconds since the epoch: a file that is not what was offered is not sent.
    pub(crate) changed: i128,
}

/// What the shell is to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Number of the transfer.
    pub(crate) number: u64,
    /// The letter that offered it.
    pub(crate) file: MessageId,
    /// A harmless name.
    pub(crate) name: String,
    /// Bytes of the whole.
    pub(crate) size: u64,
    /// Where to; otherwise where the person's downloads go.
    pub(crate) folder: Option<PathBuf>,
}

/// How a transfer went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Went {
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

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transfer {
    with: UserId,
    file: MessageId,
    name: String,
    size: u64,
    state: FileState,
    /// What we give; absent where we receive.
    source: Option<Source>,
    /// Where it is to be saved, if the person said so.
    folder: Option<PathBuf>,
}

/// All files.
#[derive(Debug, Default)]
pub(super) struct Files {
    all: BTreeMap<u64, Transfer>,
    /// Being looked up, or on the way now.
    running: BTreeMap<u64, u64>,
    looking_up: BTreeSet<u64>,
    last: u64,
}

impl Files {
    /// Reads what was kept; rows that cannot be read are of a later version and stay where they are.
    pub(super) fn load(rows: Rows) -> Self {
        let mut files = Self::default();
        for (key, value) in rows {
            let Ok(number) = key.try_into().map(u64::from_be_bytes) else { continue };
            files.last = files.last.max(number);
            if let Ok(transfer) = serde_json::from_slice(&value) {
                files.all.insert(number, transfer);
            }
        }
        files
    }

    fn add(&mut self, transfer: Transfer) -> u64 {
        self.last += 1;
        self.all.insert(self.last, transfer);
        self.last
    }

    fn change(&self, number: u64) -> Option<Change> {
        let transfer = self.all.get(&number)?;
        // Writing plain structs of strings and numbers to memory cannot fail.
        let value = Zeroizing::new(serde_json::to_vec(transfer).unwrap_or_default());
        Some(Change::Put { kind: Kind::File, key: number.to_be_bytes().into(), value })
    }

    fn shown(&self, number: u64) -> Option<FileShown> {
        let transfer = self.all.get(&number)?;
        let (state, done) = match self.running.get(&number) {
            Some(done) if transfer.state == FileState::Accepted => (FileState::Running, *done),
            _ => (transfer.state, 0),
        };
        let (with, name, size) = (transfer.with.clone(), transfer.name.clone(), transfer.size);
        Some(FileShown { number, with, ours: transfer.source.is_some(), name, size, done, state })
    }

    fn find(&self, with: &UserId, file: &MessageId) -> Option<u64> {
        self.all.iter().find(|(_, known)| known.with == *with && known.file == *file).map(|(number, _)| *number)
    }
}

impl Post {
    fn file_news(&self, step: &mut Step<'_>, number: u64, news: FileNews) {
        if let Some(file) = self.files.shown(number) {
            step.tell(Notice::File { file, news });
        }
    }

    /// Keeps a new state of a file, and a letter that says so.
    fn set_file(&mut self, step: &mut Step<'_>, number: u64, state: FileState, say: Option<Outcome>) {
        let Some(transfer) = self.files.all.get_mut(&number) else { return };
        transfer.state = state;
        let (to, file) = (Conversation::User(transfer.with.clone()), transfer.file);
        let mut changes: Vec<Change> = self.files.change(number).into_iter().collect();
        if let Some(state) = say {
            changes.push(self.write(step, &to, Body::File { file, state }));
        }
        step.keep(changes);
        self.pump(step, &to);
    }

    /// The person offers a file.
    pub(in crate::core) fn offer_file(&mut self, step: &mut Step<'_>, to: UserId, name: &str, source: Source) {
        let why = match () {
            () if to == self.me.user => Some(NotSent::Yourself),
            () if step.is_blocked(&to) => Some(NotSent::Blocked),
            () => None,
        };
        let mut name = name.to_owned();
        while name.len() > FILE_NAME {
            name.pop();
        }
        if let Some(why) = why {
            return step.tell(Notice::FileNotOffered { to, name, why });
        }
        let file = self.ids.message();
        let (with, size) = (Conversation::User(to.clone()), source.size);
        let letter = Letter { id: file, date: step.now.date, body: Body::Offer { name: name.clone(), size } };
        let added = self.outbox.add(&with, letter, step.now.date);
        let state = FileState::Offered;
        let number = self.files.add(Transfer { with: to, file, name, size, state, source: Some(source), folder: None });
        step.keep(self.files.change(number).into_iter().chain([added]).collect());
        self.file_news(step, number, FileNews::Offered);
        self.pump(step, &with);
    }

    /// Somebody offers a file.
    pub(super) fn file_offered(&mut self, step: &mut Step<'_>, from: &UserId, file: MessageId, name: &str, size: u64) {
        let (with, name, state) = (from.clone(), harmless(name), FileState::Offered);
        let number = self.files.add(Transfer { with, file, name, size, state, source: None, folder: None });
        let change = self.files.change(number);
        self.also_keep(change);
        self.file_news(step, number, FileNews::Offered);
    }

    /// The other side says what has become of a file.
    pub(super) fn file_told(&mut self, step: &mut Step<'_>, by: &UserId, file: &MessageId, outcome: Outcome) {
        let Some(number) = self.files.find(by, file) else { return };
        let Some(transfer) = self.files.all.get_mut(&number) else { return };
        let news = match (outcome, transfer.source.is_some()) {
            _ if transfer.state.is_over() => return,
            (Outcome::Received, true) => (FileState::Done, FileNews::Received),
            (Outcome::Refused, true) => (FileState::Refused, FileNews::Refused),
            (Outcome::Withdrawn, false) => (FileState::Cancelled, FileNews::Withdrawn),
            _ => return,
        };
        transfer.state = news.0;
        self.files.running.remove(&number);
        step.out.push(Effect::StopFile(number));
        let change = self.files.change(number);
        self.also_keep(change);
        self.file_news(step, number, news.1);
    }

    /// What the person wants with a file.
    pub(super) fn file_wish(&mut self, step: &mut Step<'_>, number: u64, wish: FileWish) {
        let Some(transfer) = self.files.all.get_mut(&number) else { return step.tell(Notice::NoFile { number }) };
        let ours = transfer.source.is_some();
        match wish {
            _ if transfer.state.is_over() => self.file_news(step, number, FileNews::Over),
            FileWish::Accept { folder } if !ours => {
                transfer.folder = folder.or(transfer.folder.take());
                self.set_file(step, number, FileState::Accepted, None);
                self.file_news(step, number, FileNews::Accepted);
                self.fetch(step, number);
            }
            FileWish::Resume if !ours && transfer.state != FileState::Offered => self.fetch(step, number),
            FileWish::Refuse | FileWish::Cancel => {
                let (state, outcome) = match (ours, &wish) {
                    (true, _) => (FileState::Cancelled, Outcome::Withdrawn),
                    (false, FileWish::Refuse) => (FileState::Refused, Outcome::Refused),
                    (false, _) => (FileState::Cancelled, Outcome::Refused),
                };
                self.files.running.remove(&number);
                step.out.push(Effect::StopFile(number));
                self.set_file(step, number, state, Some(outcome));
                self.file_news(step, number, FileNews::GivenUp);
            }
            FileWish::Accept { .. } | FileWish::Resume => self.file_news(step, number, FileNews::NotThat),
        }
    }

    /// All files, the oldest first.
    pub(super) fn list_files(&self, step: &mut Step<'_>) {
        step.tell(Notice::Files(self.files.all.keys().filter_map(|number| self.files.shown(*number)).collect()));
    }

    /// Files of somebody who is there now, or of everybody, that the person waits for.
    pub(super) fn fetch_from(&mut self, step: &mut Step<'_>, of: Option<&UserId>) {
        let waits = |known: &Transfer| {
            known.source.is_none() && known.state == FileState::Accepted && of.is_none_or(|user| *user == known.with)
        };
        let numbers: Vec<u64> =
            self.files.all.iter().filter(|(_, known)| waits(known)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.fetch(step, number);
        }
    }

    fn fetch(&mut self, step: &mut Step<'_>, number: u64) {
        let Some(transfer) = self.files.all.get(&number) else { return };
        let away = self.there.get(&transfer.with).is_some_and(|there| there.status == PresenceStatus::Offline);
        let busy = self.files.running.contains_key(&number) || self.files.looking_up.contains(&number);
        if busy || away || !self.desk.is_up() {
            return;
        }
        self.files.looking_up.insert(number);
        step.out.push(Effect::Lookup { purpose: Purpose::File(number), user: transfer.with.clone() });
    }

    /// Where the sender of a file is.
    pub(in crate::core) fn found_sender(
        &mut self,
        step: &mut Step<'_>,
        number: u64,
        found: Result<Option<Found>, Unreachable>,
    ) {
        self.files.looking_up.remove(&number);
        let Some(transfer) = self.files.all.get(&number).filter(|known| known.state == FileState::Accepted) else {
            return;
        };
        let Ok(Some(found)) = found else { return };
        let (to, wanted) = (
            transfer.with.clone(),
            Wanted {
                number,
                file: transfer.file,
                name: transfer.name.clone(),
                size: transfer.size,
                folder: transfer.folder.clone(),
            },
        );
        if step.is_pinned(&to, &found.key) {
            self.files.running.insert(number, 0);
            step.out.push(Effect::Fetch { to, found, wanted: Box::new(wanted) });
        }
    }

    /// What was offered to this user under this id, if the offer stands.
    pub(in crate::core) fn file_for(&mut self, user: &UserId, file: &MessageId) -> Option<(u64, Source)> {
        let number = self.files.find(user, file)?;
        let transfer = self.files.all.get_mut(&number)?;
        let source = transfer.source.clone().filter(|_| !transfer.state.is_over())?;
        // Kept as offered: a receiver that asks again shows that it wants it.
        transfer.state = FileState::Accepted;
        self.files.running.insert(number, 0);
        Some((number, source))
    }

    /// So many bytes have been sent, or have come.
    pub(in crate::core) fn file_progress(&mut self, step: &mut Step<'_>, number: u64, done: u64) {
        if let Some(known) = self.files.running.get_mut(&number) {
            *known = done;
            self.file_news(step, number, FileNews::Progress);
        }
    }

    /// A transfer came to an end.
    pub(in crate::core) fn file_went(&mut self, step: &mut Step<'_>, number: u64, went: Went) {
        let done = self.files.running.remove(&number);
        let Some(transfer) = self.files.all.get(&number).filter(|known| !known.state.is_over()) else { return };
        let ours = transfer.source.is_some();
        match went {
            Went::Saved { path } => {
                self.set_file(step, number, FileState::Done, Some(Outcome::Received));
                self.file_news(step, number, FileNews::Saved { path });
            }
            Went::Sent => {}
            Went::Stopped => self.file_news(step, number, FileNews::Stopped { done: done.unwrap_or_default() }),
            Went::DiskFull { need, free, folder } => {
                self.file_news(step, number, FileNews::DiskFull { need, free, folder });
            }
            Went::Failed(why) => {
                let say = if ours { Outcome::Withdrawn } else { Outcome::Refused };
                self.set_file(step, number, FileState::Failed, Some(say));
                self.file_news(step, number, FileNews::Failed(why));
            }
        }
    }
}
