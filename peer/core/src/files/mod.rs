//! Files: who offered what to whom, and what has become of it (decision D7; protocol section 7.6).
//!
//! - [`offers`]: what is offered and answered, by letters
//! - [`transfers`]: the bytes, over links of their own
//! - [`relayed`]: what is tried where the sender is not reached
//!
//! Every file is a row, so that it goes on after a kill of either side. The bytes are the shell's; the letters go out
//! through delivery, which is asked by [`DeliveryRequest::Send`].

pub(crate) mod left_out;
pub mod model;
mod offers;
mod relayed;
mod stored_path;
#[cfg(test)]
mod tests;
mod transfers;

pub(crate) use self::offers::{OfferedFile, Told};

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use common::backoff::Backoff;
use common::ident::{MessageId, UserId};
use common::msg::{Body, FileRefusal, Letter, Outcome};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::event::Effect;
use crate::files::model::{Download, FilePolicy, LeftOut, Source};
use crate::meeting::Meeting;
use crate::model::Conversation;
use crate::notice::{FileNews, FileNotice, FileShown, FileState, FileWaits};
use crate::persistence::{Rows, Table, Write};
use crate::request::{DeliveryRequest, Request};

/// Files of which nothing becomes any more and that are remembered all the same, for `/files`. Chosen arbitrarily.
const REMEMBERED: usize = 200;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Transfer {
    with: UserId,
    file: MessageId,
    name: String,
    size: u64,
    #[serde(default)]
    files: Option<u64>,
    /// The bytes of these files together, where that is known.
    #[serde(default)]
    content: Option<u64>,
    #[serde(default)]
    left_out: LeftOut,
    state: FileState,
    /// What we give; absent where we receive.
    source: Option<Source>,
    /// Where it is to be saved, if the user said so.
    #[serde(with = "stored_path::option", default)]
    folder: Option<PathBuf>,
}

impl Transfer {
    /// What the shell needs to fetch it; nothing where we give it.
    fn download(&self, number: u64) -> Option<Download> {
        let Self { file, name, size, files, folder, .. } = self.clone();
        self.source.is_none().then_some(Download { number, file, name, size, files, folder })
    }

    fn is_wanted(&self) -> bool {
        self.source.is_none() && self.state == FileState::Accepted
    }
}

/// A transfer that was lost.
#[derive(Debug, Clone, Copy)]
struct Retry {
    /// By the tick clock; absent while it is being tried.
    at: Option<u64>,
    backoff: Backoff,
    /// Bytes that there were.
    done: u64,
}

/// All files.
#[derive(Debug)]
pub(crate) struct Files {
    policy: FilePolicy,
    all: BTreeMap<u64, Transfer>,
    /// On the way now: how many bytes there are.
    running: BTreeMap<u64, u64>,
    looking_up: BTreeSet<u64>,
    retries: BTreeMap<u64, Retry>,
    /// What is left to try of those that are fetched.
    meetings: BTreeMap<u64, Meeting>,
    /// Those between whose sender and receiver there is no way for files.
    waiting: BTreeMap<u64, FileWaits>,
    last: u64,
}

impl Files {
    /// Reads what was written; rows that cannot be read are of a later version and stay where they are.
    pub(crate) fn load(rows: Rows, policy: FilePolicy) -> Self {
        let mut files = Self {
            policy,
            all: BTreeMap::new(),
            running: BTreeMap::new(),
            looking_up: BTreeSet::new(),
            retries: BTreeMap::new(),
            meetings: BTreeMap::new(),
            waiting: BTreeMap::new(),
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

    /// The program begins: what has come of files that are over goes, in case it ended before that was done.
    pub(crate) fn handle_beginning(&mut self, cx: &mut Context) {
        let left = |known: &&Transfer| known.state.is_over() && known.state != FileState::Done;
        let left = self.all.iter().filter(|(_, known)| left(known));
        for wanted in left.filter_map(|(number, known)| known.download(*number)) {
            cx.push(Effect::StopFile { number: wanted.number, came: Some(Box::new(wanted)) });
        }
    }

    /// What to take and what not; kept when the rows are read again.
    pub(crate) fn policy(&self) -> FilePolicy {
        self.policy
    }

    /// Tells the user of all files, the oldest first.
    pub(crate) fn list(&self, cx: &mut Context) {
        cx.tell(FileNotice::All(self.all.keys().filter_map(|number| self.shown(*number)).collect()));
    }

    /// Adds a file, and forgets the oldest of those that are over.
    fn add(&mut self, cx: &mut Context, transfer: Transfer) -> u64 {
        self.last += 1;
        self.all.insert(self.last, transfer);
        cx.write(self.row(self.last));
        let over: Vec<u64> =
            self.all.iter().filter(|(_, known)| known.state.is_over()).map(|(number, _)| *number).collect();
        for number in over.iter().take(over.len().saturating_sub(REMEMBERED)) {
            self.all.remove(number);
            cx.write([Write::Delete { kind: Table::File, key: key(*number) }]);
        }
        self.last
    }

    fn row(&self, number: u64) -> Option<Write> {
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
        let (ours, left_out) = (transfer.source.is_some(), Box::new(transfer.left_out.clone()));
        let may_wait = state == FileState::Accepted || (ours && state == FileState::Offered);
        let waits = self.waiting.get(&number).filter(|_| may_wait).cloned().map(Box::new);
        let (id, content) = (transfer.file, transfer.content);
        Some(FileShown { number, id, with, ours, name, size, files, content, left_out, done, state, waits })
    }

    fn find(&self, with: &UserId, file: &MessageId) -> Option<u64> {
        self.all.iter().find(|(_, known)| known.with == *with && known.file == *file).map(|(number, _)| *number)
    }

    fn tell(&self, cx: &mut Context, number: u64, news: FileNews) {
        if let Some(file) = self.shown(number) {
            cx.tell(FileNotice::News { file, news });
        }
    }

    /// Gives a file a new state; what there is to say about it goes out as a letter.
    fn set_state(&mut self, cx: &mut Context, number: u64, state: FileState, say: Option<Outcome>) -> Option<Request> {
        let transfer = self.all.get_mut(&number)?;
        transfer.state = state;
        let (with, file) = (transfer.with.clone(), transfer.file);
        cx.write(self.row(number));
        say.map(|outcome| say_outcome(cx, with, (file, outcome)))
    }
}

/// Tells the other side what has become of a file.
fn say_outcome(cx: &mut Context, with: UserId, (file, state): (MessageId, Outcome)) -> Request {
    say(cx, with, Body::File { file, state, changed: false, reason: None })
}

/// Tells the other side that a rule of this terminal refuses a file.
fn say_refused(cx: &mut Context, with: UserId, file: MessageId, reason: FileRefusal) -> Request {
    say(cx, with, Body::File { file, state: Outcome::Refused, changed: false, reason: Some(reason) })
}

/// Tells the receiver of a file that it is not what was offered any more.
fn say_changed(cx: &mut Context, with: UserId, file: MessageId) -> Request {
    say(cx, with, Body::File { file, state: Outcome::Withdrawn, changed: true, reason: None })
}

fn say(cx: &mut Context, with: UserId, body: Body) -> Request {
    let letter = Letter { id: cx.ids.message(), date: cx.now.date, body };
    Request::Delivery(DeliveryRequest::Send { to: Conversation::User(with), letter })
}

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().into()
}
