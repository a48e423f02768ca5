//! Files between terminals: a link of its own for each transfer, without bytes. A file is some pieces, and a piece is the
//! number of the version of the sender's file that it was read from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::ident::{MessageId, UserId};
use common::msg::{ConnectReq, Features};

use super::clients::Life;
use super::faults_profile::FaultsProfile;
use super::fixtures::{address, fixtures};
use super::world::{ClientId, Event, World};
use crate::command::Ticket;
use crate::event::{Input, LinkId};
use crate::files::model::{Download, LeftOut, Source, TransferOutcome};
use crate::notice::{FileFailed, FileState};
use crate::verify::{ConnectRequest, LookupResult};

/// Pieces of a file.
const PIECES: usize = 4;
const PIECE: u64 = 1000;
const SIZE: u64 = 4 * PIECE;
/// Milliseconds for which a call waits for an answer.
const PATIENCE: u64 = 10_000;

/// The version that a piece was read from.
type Version = u64;

/// A terminal in one of its lives, and the number that a file has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    client: ClientId,
    life: Life,
    number: u64,
}

/// A transfer that is under way.
struct Stream {
    receiver: End,
    wanted: Download,
    /// Calls that nobody has answered.
    unanswered: usize,
    giver: Option<(End, Source)>,
}

/// What happens to a transfer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// A terminal is called for it.
    Call(ClientId),
    /// A call was not taken.
    NotTaken,
    /// The next piece comes, or the end.
    Piece,
    /// Whoever has not answered by now does not.
    GiveUp,
}

/// All files, and what there is of them.
#[derive(Default)]
pub(super) struct Files {
    streams: BTreeMap<u64, Stream>,
    /// Calls for files that have not been answered.
    calls: BTreeMap<(ClientId, LinkId), u64>,
    /// Files of the senders, by their names.
    sources: BTreeMap<PathBuf, Version>,
    parts: BTreeMap<(ClientId, MessageId), Vec<Version>>,
    saved: BTreeMap<(ClientId, MessageId), Vec<Version>>,
}

impl World {
    /// Offers a file that nobody else has.
    pub(super) fn offer(&mut self, client: ClientId, to: UserId) {
        // A letter that a full mailbox does not take is lost to one of several terminals, which would ask for ever.
        if self.clients[client].is_suspended || self.profile.quota < FaultsProfile::ENOUGH {
            return;
        }
        let (version, number) = (self.number(), self.number());
        let path = PathBuf::from(format!("/{number}"));
        self.files.sources.insert(path.clone(), version);
        self.note(&self.clients[client].name, format_args!("offers {} to {to}", path.display()));
        let source = Source { path, size: SIZE, files: None, content: None, state: state(version) };
        let (name, left_out) = (format!("{number}.pdf"), LeftOut::default());
        self.feed(client, Input::FileRead { ticket: Ticket::default(), to, name, source, left_out });
    }

    /// Somebody writes a file that was offered.
    pub(super) fn rewrite_a_file(&mut self) {
        let paths: Vec<PathBuf> = self.files.sources.keys().cloned().collect();
        if !paths.is_empty() {
            let (path, version) = (paths[self.rng.below(paths.len())].clone(), self.number());
            self.note("world", format_args!("rewrites {}", path.display()));
            self.files.sources.insert(path, version);
        }
    }

    /// A terminal calls for a file at all addresses.
    pub(super) fn fetch(&mut self, client: ClientId, found: &LookupResult, wanted: Download) {
        self.stop_file(client, wanted.number, false);
        let id = self.number();
        let called = found.addresses().filter_map(|at| (0..self.clients.len()).find(|other| address(*other) == at));
        let called: Vec<ClientId> = called.collect();
        let receiver = End { client, life: self.clients[client].life, number: wanted.number };
        self.files.streams.insert(id, Stream { receiver, wanted, unanswered: called.len().max(1), giver: None });
        if called.is_empty() {
            self.file_step_soon(id, Step::NotTaken);
        }
        self.at(self.now + PATIENCE, Event::File(id, Step::GiveUp));
        for callee in called {
            let is_reached = self.clients[callee].is_running() && !self.rng.per_mille(self.profile.unreachable);
            self.file_step_soon(id, if is_reached { Step::Call(callee) } else { Step::NotTaken });
        }
    }

    fn file_step_soon(&mut self, stream: u64, step: Step) {
        let when = self.now + self.latency();
        self.at(when, Event::File(stream, step));
    }

    pub(super) fn file_step(&mut self, id: u64, step: Step) {
        match step {
            Step::Call(callee) => self.call_for_file(id, callee),
            Step::NotTaken => {
                let Some(stream) = self.files.streams.get_mut(&id) else { return };
                stream.unanswered = stream.unanswered.saturating_sub(1);
                if stream.unanswered == 0 && stream.giver.is_none() {
                    self.break_stream(id);
                }
            }
            Step::Piece => self.piece(id),
            Step::GiveUp if self.files.streams.get(&id).is_some_and(|stream| stream.giver.is_none()) => {
                self.break_stream(id);
            }
            Step::GiveUp => {}
        }
    }

    fn call_for_file(&mut self, id: u64, callee: ClientId) {
        let Some(stream) = self.files.streams.get(&id) else { return };
        if !self.clients[callee].is_running() {
            return self.file_step(id, Step::NotTaken);
        }
        let (client, file) = (stream.receiver.client, stream.wanted.file);
        let offset = PIECE * u64::try_from(self.part(client, file).len()).unwrap();
        let (me, to) = (&fixtures()[client].me, &fixtures()[callee].me);
        let message = ConnectReq {
            initiator: me.user.clone(),
            destination: to.user.clone(),
            initiator_key: me.key.digest(),
            destination_key: to.key.digest(),
            terminal: me.terminal,
            features: Features::default(),
            record: None,
            conversation: None,
        };
        let request = ConnectRequest { message, key: me.key.digest(), source: address(client) };
        let link = self.new_link(callee);
        self.files.calls.insert((callee, link), id);
        self.feed(callee, Input::FileRequested { link, request, file, offset });
    }

    /// How many pieces of files have come to a terminal that are not whole.
    pub(super) fn pieces(&self, client: ClientId) -> usize {
        self.files.parts.iter().filter(|((at, _), _)| *at == client).map(|(_, came)| came.len()).sum()
    }

    fn part(&self, client: ClientId, file: MessageId) -> &[Version] {
        self.files.parts.get(&(client, file)).map_or(&[], Vec::as_slice)
    }

    /// A terminal does not give a file to this caller; whether the caller wanted one.
    pub(super) fn file_refused(&mut self, client: ClientId, link: LinkId) -> bool {
        let call = self.files.calls.remove(&(client, link));
        call.into_iter().for_each(|id| self.file_step_soon(id, Step::NotTaken));
        call.is_some()
    }

    /// A terminal gives a file to this caller.
    pub(super) fn give(&mut self, client: ClientId, link: LinkId, number: u64, source: Source) {
        let call = self.files.calls.remove(&(client, link));
        self.stop_file(client, number, true);
        let giver = End { client, life: self.clients[client].life, number };
        match call.and_then(|id| Some((id, self.files.streams.get_mut(&id)?))) {
            Some((id, stream)) if stream.giver.is_none() => {
                stream.giver = Some((giver, source));
                self.file_step_soon(id, Step::Piece);
            }
            // It has taken another terminal, or is gone.
            _ => self.file_ends(giver, TransferOutcome::Stopped),
        }
    }

    /// A terminal fetches (`gives`: gives) a file no longer.
    fn stop_file(&mut self, client: ClientId, number: u64, gives: bool) {
        let is_it = |end: &End| end.client == client && end.number == number;
        let stopped = self.files.streams.iter().filter(|(_, stream)| match gives {
            true => stream.giver.as_ref().is_some_and(|(giver, _)| is_it(giver)),
            false => is_it(&stream.receiver),
        });
        let stopped: Vec<u64> = stopped.map(|(id, _)| *id).collect();
        for id in stopped {
            let Some(stream) = self.files.streams.remove(&id) else { continue };
            let other = if gives { Some(stream.receiver) } else { stream.giver.map(|(giver, _)| giver) };
            other.into_iter().for_each(|end| self.file_ends(end, TransferOutcome::Stopped));
        }
    }

    /// The core wants nothing more of a file, nor what has come of it.
    pub(super) fn forget_file(&mut self, client: ClientId, number: u64, came: Option<&Download>) {
        self.stop_file(client, number, came.is_none());
        if let Some(wanted) = came {
            self.files.parts.remove(&(client, wanted.file));
        }
    }

    /// Tells an end what has become of its file, if it is still the same program: behind everything that it does now.
    fn file_ends(&mut self, end: End, outcome: TransferOutcome) {
        self.at(self.now, Event::FileEnded(end.client, end.life, end.number, Box::new(outcome)));
    }

    pub(super) fn file_ended(&mut self, client: ClientId, life: Life, number: u64, outcome: TransferOutcome) {
        if self.clients[client].life == life {
            self.note(&self.clients[client].name, format_args!("file {number}: {outcome:?}"));
            self.feed(client, Input::FileEnded { number, outcome });
        }
    }

    /// The link of a transfer breaks.
    fn break_stream(&mut self, id: u64) {
        let Some(stream) = self.files.streams.remove(&id) else { return };
        self.file_ends(stream.receiver, TransferOutcome::Stopped);
        stream.giver.into_iter().for_each(|(giver, _)| self.file_ends(giver, TransferOutcome::Stopped));
    }

    /// Some transfer loses its link.
    pub(super) fn break_a_transfer(&mut self) {
        let ids: Vec<u64> = self.files.streams.keys().copied().collect();
        if !ids.is_empty() {
            let id = self.rng.pick(&ids);
            self.note("network", format_args!("breaks transfer {id}"));
            self.break_stream(id);
        }
    }

    fn piece(&mut self, id: u64) {
        let Some(stream) = self.files.streams.get(&id) else { return };
        let (receiver, file) = (stream.receiver, stream.wanted.file);
        let Some((giver, source)) = stream.giver.clone() else { return };
        let is_gone = |end: End| self.clients[end.client].life != end.life;
        if is_gone(receiver) || is_gone(giver) {
            return self.break_stream(id);
        }
        let came = self.part(receiver.client, file).len();
        let version = self.files.sources[&source.path];
        if state(version) != source.state {
            self.files.streams.remove(&id);
            self.file_ends(giver, TransferOutcome::Failed(FileFailed::Changed));
            if came < PIECES {
                return self.file_ends(receiver, TransferOutcome::Stopped);
            }
            self.files.parts.remove(&(receiver.client, file));
            return self.file_ends(receiver, TransferOutcome::Failed(FileFailed::Changed));
        }
        if came == PIECES {
            self.files.streams.remove(&id);
            self.file_ends(giver, TransferOutcome::Sent);
            let went = self.save(receiver, file, version);
            return self.file_ends(receiver, went);
        }
        if self.clients[receiver.client].full_until > self.now {
            self.files.streams.remove(&id);
            self.file_ends(giver, TransferOutcome::Stopped);
            let full = TransferOutcome::DiskFull { need: SIZE, free: 0, folder: "/".into() };
            return self.file_ends(receiver, full);
        }
        self.files.parts.entry((receiver.client, file)).or_default().push(version);
        let done = PIECE * u64::try_from(came + 1).unwrap();
        self.file_step_soon(id, Step::Piece);
        for end in [giver, receiver] {
            if self.clients[end.client].life == end.life {
                self.feed(end.client, Input::FileProgress { number: end.number, done });
            }
        }
    }

    /// All bytes are here: it gets its name if they are those of the version that the digest is of.
    fn save(&mut self, receiver: End, file: MessageId, digest: Version) -> TransferOutcome {
        let came = self.files.parts.remove(&(receiver.client, file)).unwrap_or_default();
        if came.iter().any(|version| *version != digest) {
            return TransferOutcome::Failed(FileFailed::Digest);
        }
        self.files.saved.insert((receiver.client, file), came);
        TransferOutcome::Saved { path: "/saved.pdf".into() }
    }

    /// A terminal says where a file stands.
    pub(super) fn tells_file(&mut self, client: ClientId, file: MessageId, state: FileState, ours: bool) {
        let is_saved = |(at, saved): &(ClientId, MessageId)| *saved == file && (ours || *at == client);
        if state == FileState::Done && !self.files.saved.keys().any(is_saved) {
            self.violated(format!("{} tells that {file} has arrived", self.clients[client].name));
        }
    }

    /// Every offer is over for both sides or can go on, and nothing is left of what nobody wants.
    pub(super) fn check_files(&self) -> Result<(), String> {
        for (file, came) in &self.files.saved {
            if came.len() != PIECES || came.iter().any(|version| *version != came[0]) {
                return Err(format!("{file:?} is mixed of {came:?}"));
            }
        }
        let all: Vec<(ClientId, serde_json::Value)> = (0..self.clients.len())
            .flat_map(|client| {
                let rows = self.clients[client].disk.load(crate::persistence::Table::File);
                rows.into_iter().map(move |(_, row)| (client, serde_json::from_slice(&row).unwrap()))
            })
            .collect();
        for (client, file) in self.files.parts.keys() {
            let row = all.iter().find(|(at, row)| at == client && row["file"] == serde_json::json!(file));
            let state = row.map(|(_, row)| serde_json::from_value::<FileState>(row["state"].clone()).unwrap());
            if state.is_none_or(FileState::is_over) {
                return Err(format!("a part of {file} is left at {}: {state:?}", self.clients[*client].name));
            }
        }
        for (giver, ours) in all.iter().filter(|(_, row)| !row["source"].is_null()) {
            let theirs = all.iter().filter(|(_, row)| row["source"].is_null() && row["file"] == ours["file"]);
            let theirs: Vec<FileState> =
                theirs.map(|(_, row)| serde_json::from_value(row["state"].clone()).unwrap()).collect();
            let state: FileState = serde_json::from_value(ours["state"].clone()).unwrap();
            let fits = match state {
                FileState::Done => theirs.contains(&FileState::Done),
                state if state.is_over() => theirs.iter().all(|state| state.is_over()),
                _ => theirs.is_empty() || theirs.iter().any(|state| !state.is_over()),
            };
            if !fits {
                let giver = &self.clients[*giver].name;
                return Err(format!("{giver} sees {} as {state:?}, its receivers as {theirs:?}", ours["file"]));
            }
        }
        Ok(())
    }
}

/// What a sender remembers of a version.
fn state(version: Version) -> [u8; 32] {
    let mut state = [0; 32];
    state[..8].copy_from_slice(&version.to_be_bytes());
    state
}
