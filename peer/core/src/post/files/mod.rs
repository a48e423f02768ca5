//! Files: who offered what to whom, and what has become of it (decision D7; protocol section 7.6).
//!
//! - [`offers`]: what is offered and answered, by letters
//! - [`transfers`]: the bytes, over links of their own
//!
//! Every file is a kept row, so that it goes on after a kill of either side. The bytes are the shell's.
#![expect(missing_docs, reason = "fields are named after what they hold")]

mod offers;
#[cfg(test)]
mod tests;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use common::ident::{MessageId, UserId};
use common::msg::Outcome;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::transfers::{Download, Offer, TransferOutcome};
use super::{Post, Rows, Step};
use crate::model::Conversation;
use crate::notice::{FileNews, FileNotice, FileShown, FileState, Notice};
use crate::persistence::{Table, Write};

/// Files of which nothing becomes any more and that are remembered all the same, for `/files`. Chosen arbitrarily.
const REMEMBERED: usize = 200;

/// A file or folder of this machine that is to be offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// The bytes that are sent.
    pub size: u64,
    /// How many files it holds, if it is a folder.
    #[serde(default)]
    pub files: Option<u64>,
    /// What it was like when it was offered; only that is sent.
    pub state: SourceState,
}

/// Tells whether a file or folder is still what was offered: BLAKE3 over sizes, times of change and names.
pub type SourceState = [u8; 32];

/// Which offers are taken without asking, and which are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePolicy {
    pub accept: AcceptFiles,
    /// Bytes of the largest that is taken.
    pub max: u64,
}

/// Whose files are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceptFiles {
    /// The person decides each time.
    #[default]
    Ask,
    /// Those of verified users are taken at once.
    Verified,
    /// Nobody's: all are refused.
    Never,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transfer {
    with: UserId,
    file: MessageId,
    name: String,
    size: u64,
    #[serde(default)]
    files: Option<u64>,
    state: FileState,
    /// What we give; absent where we receive.
    source: Option<Source>,
    /// Where it is to be saved, if the person said so.
    folder: Option<PathBuf>,
}

impl Transfer {
    /// What the shell needs to fetch it; nothing where we give it.
    fn wanted(&self, number: u64) -> Option<Download> {
        let Self { file, name, size, files, folder, .. } = self.clone();
        self.source.is_none().then_some(Download { number, file, name, size, files, folder })
    }
}

/// All files.
#[derive(Debug)]
pub(super) struct Files {
    policy: FilePolicy,
    all: BTreeMap<u64, Transfer>,
    /// On the way now: how many bytes there are.
    running: BTreeMap<u64, u64>,
    looking_up: BTreeSet<u64>,
    retries: BTreeMap<u64, transfers::Retry>,
    last: u64,
}

impl Files {
    /// Reads what was kept; rows that cannot be read are of a later version and stay where they are.
    pub(super) fn load(rows: Rows, policy: FilePolicy) -> Self {
        let mut files = Self {
            policy,
            all: BTreeMap::new(),
            running: BTreeMap::new(),
            looking_up: BTreeSet::new(),
            retries: BTreeMap::new(),
            last: 0,
        };
        for (key, value) in rows {
            let Ok(number) = key.try_into().map(u64::from_be_bytes) else { continue };
            files.last = files.last.max(number);
            if let Ok(transfer) = serde_json::from_slice(&value) {
                files.all.insert(number, transfer);
            }
        }
        files
    }

    /// Adds a file; the changes that keep it, and forget the oldest of those that are over.
    fn add(&mut self, transfer: Transfer) -> (u64, Vec<Write>) {
        self.last += 1;
        self.all.insert(self.last, transfer);
        let over: Vec<u64> =
            self.all.iter().filter(|(_, known)| known.state.is_over()).map(|(number, _)| *number).collect();
        let forgotten = over.iter().take(over.len().saturating_sub(REMEMBERED)).map(|number| {
            self.all.remove(number);
            Write::Delete { kind: Table::File, key: key(*number) }
        });
        let forgotten: Vec<Write> = forgotten.collect();
        (self.last, self.change(self.last).into_iter().chain(forgotten).collect())
    }

    fn change(&self, number: u64) -> Option<Write> {
        let transfer = self.all.get(&number)?;
        // Writing plain structs of strings and numbers to memory cannot fail: paths are UTF-8 (`Source`, commands).
        let value = Zeroizing::new(serde_json::to_vec(transfer).unwrap_or_default());
        Some(Write::Put { kind: Table::File, key: key(number), value })
    }

    fn shown(&self, number: u64) -> Option<FileShown> {
        let transfer = self.all.get(&number)?;
        let running = self.running.get(&number).filter(|_| transfer.state == FileState::Accepted);
        let (state, done) = match running {
            Some(done) => (FileState::Running, *done),
            None if transfer.state == FileState::Done => (FileState::Done, transfer.size),
            None => (transfer.state, 0),
        };
        let (with, name, size, files) = (transfer.with.clone(), transfer.name.clone(), transfer.size, transfer.files);
        Some(FileShown {
            number,
            id: transfer.file,
            with,
            ours: transfer.source.is_some(),
            name,
            size,
            files,
            done,
            state,
        })
    }

    fn find(&self, with: &UserId, file: &MessageId) -> Option<u64> {
        self.all.iter().find(|(_, known)| known.with == *with && known.file == *file).map(|(number, _)| *number)
    }

    /// Nothing is on the way any more.
    fn stop(&mut self, number: u64) {
        self.running.remove(&number);
        self.looking_up.remove(&number);
        self.retries.remove(&number);
    }
}

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().into()
}

impl Post {
    fn file_news(&self, step: &mut Step<'_>, number: u64, news: FileNews) {
        if let Some(file) = self.files.shown(number) {
            step.tell(Notice::File(FileNotice::News { file, news }));
        }
    }

    /// Keeps a new state of a file, and a letter that says so.
    fn set_file(&mut self, step: &mut Step<'_>, number: u64, state: FileState, say: Option<Outcome>) {
        let Some(transfer) = self.files.all.get_mut(&number) else { return };
        transfer.state = state;
        let (to, file) = (Conversation::User(transfer.with.clone()), transfer.file);
        let mut changes: Vec<Write> = self.files.change(number).into_iter().collect();
        if let Some(state) = say {
            changes.push(self.write(step, &to, common::msg::Body::File { file, state }));
        }
        self.keep_files(step, changes);
        self.pump(step, &to);
    }

    /// Behind what is being taken from the mailbox: that may hold an older state of the same file.
    fn keep_files(&mut self, step: &mut Step<'_>, changes: Vec<Write>) {
        if self.is_taking() { self.also_keep(changes) } else { step.keep(changes) }
    }

    /// All files, the oldest first.
    pub(super) fn list_files(&self, step: &mut Step<'_>) {
        step.tell(Notice::File(FileNotice::All(
            self.files.all.keys().filter_map(|number| self.files.shown(*number)).collect(),
        )));
    }
}
