//! The bytes of a file on a link of their own (decision D7, threat T3; protocol section 7.6).
//!
//! - [`source`]: what is given · [`partial_file`]: what is received · [`folder`]: folders as archives
//!
//! Memory is constant: a few pieces between the link and the disk, and what TLS has not written. The disk and the digest
//! have a thread of their own, beside the executor's.

mod folder;
mod partial_file;
mod source;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use common::frame::Padding;
use common::limits::{CALL_DEADLINE, DEAD_AFTER, FRAME_AFTER_LOGIN};
use common::link::{Link, LinkError};
use common::msg::{File, FileEnd, Hex, Message as _, PeerMessage};
use futures::io::{AsyncRead, AsyncWrite};
use serde::{Deserialize, Serialize};

use self::partial_file::PartialFile;
pub(super) use self::partial_file::throw_away;
pub(super) use self::source::{Look, look_at};
use self::source::{Reading, Unreadable};
use super::dial::Dial;
use super::link::send;
use super::{Events, rt};
use peer_core::engine::Input;
use peer_core::notice::FileFailed;
use peer_core::post::{Download, Source, TransferOutcome};

/// Bytes that are read and given to the link at once: a disk's request is long by then, and what waits is little.
const PIECE: usize = 4 * FRAME_AFTER_LOGIN;
/// Pieces that wait between the disk and the link.
const PIECES: usize = 2;
/// Bytes a second that a sender's disk gives at least. Chosen arbitrarily: half of what old ones do.
const SLOW_DISK: u64 = 20_000_000;
/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(250);

/// What is done about a name that is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnExists {
    /// What comes gets another name.
    #[default]
    Rename,
    /// What is there is replaced, unless it is a folder.
    Replace,
}

/// A path as people type it: `~` is their home, and what is not absolute begins where the program was started.
pub(crate) fn typed(path: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let path = match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path.to_owned(),
    };
    std::path::absolute(&path).unwrap_or(path)
}

/// How files are given and saved.
#[derive(Debug, Clone)]
pub(crate) struct TransferConfig {
    /// Where they are saved unless the person says otherwise.
    pub(crate) folder: PathBuf,
    pub(crate) on_exists: OnExists,
    /// Bytes a second that one file is given with at most.
    pub(crate) rate: Option<u64>,
}

/// Tells how far a transfer is, four times a second.
struct Progress<'a> {
    events: &'a Events,
    number: u64,
    told: Option<Instant>,
}

impl<'a> Progress<'a> {
    fn new(events: &'a Events, number: u64) -> Self {
        Self { events, number, told: None }
    }

    async fn tell(&mut self, done: u64, size: u64) {
        if done == size || self.told.is_none_or(|told| told.elapsed() >= PROGRESS) {
            self.told = Some(Instant::now());
            self.events.input(Input::FileProgress { number: self.number, done }).await;
        }
    }
}

/// A file to be given from a byte on.
#[derive(Debug)]
pub(crate) struct Upload {
    /// Number of the transfer.
    pub(crate) number: u64,
    pub(crate) source: Source,
    pub(crate) offset: u64,
    /// Bytes a second at most.
    pub(crate) rate: Option<u64>,
}

impl Upload {
    /// Gives it to a caller that was accepted and told so.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        link: &mut Link<S>,
        events: &Events,
    ) -> TransferOutcome {
        self.stream(link, events).await.unwrap_or(TransferOutcome::Stopped)
    }

    async fn stream<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        link: &mut Link<S>,
        events: &Events,
    ) -> Result<TransferOutcome, LinkError> {
        let Self { number, source, offset, rate } = self;
        let size = source.size;
        let Some(PeerMessage::Connected(_)) = message(link, CALL_DEADLINE).await else {
            return Ok(TransferOutcome::Stopped);
        };
        if offset > size {
            return Ok(TransferOutcome::Stopped);
        }
        let reading = match rt::unblock(move || Reading::open(&source, offset)).await {
            Ok(reading) => reading,
            Err(why) => return Ok(TransferOutcome::Failed(failed(why))),
        };
        send(link, File { size })?;
        let (pieces, read) = async_channel::bounded(PIECES);
        let (empty, used) = async_channel::bounded(PIECES + 1);
        let poured = rt::unblock(move || reading.pour(&pieces, &used));
        let (mut done, mut progress, began) = (offset, Progress::new(events, number), Instant::now());
        progress.tell(done, size).await;
        while let Ok(piece) = read.recv().await {
            for frame in piece.chunks(FRAME_AFTER_LOGIN) {
                link.queue(frame, Padding::None)?;
            }
            rt::timeout(DEAD_AFTER, link.flush()).await.map_err(|_| LinkError::TooSlow)??;
            done += piece.len() as u64;
            // The reader is never behind by more than there are.
            let _ = empty.try_send(piece);
            progress.tell(done, size).await;
            rt::yield_now().await;
            if let Some(rate) = rate {
                let due = Duration::from_secs_f64((done - offset) as f64 / rate as f64);
                rt::sleep(due.saturating_sub(began.elapsed())).await;
            }
        }
        let digest = match poured.await {
            Ok(digest) => Hex(digest.map(|digest| digest.as_bytes().to_vec()).unwrap_or_default()),
            Err(why) => return Ok(TransferOutcome::Failed(failed(why))),
        };
        send(link, FileEnd { digest })?;
        rt::timeout(DEAD_AFTER, link.flush()).await.map_err(|_| LinkError::TooSlow)??;
        // The other side closes when it has everything.
        let _ = rt::timeout(CALL_DEADLINE, link.next()).await;
        Ok(TransferOutcome::Sent)
    }
}

fn failed(why: Unreadable) -> FileFailed {
    match why {
        Unreadable::Changed => FileFailed::Changed,
        Unreadable::Disk(error) => FileFailed::Disk { detail: error.to_string() },
    }
}

/// A file to be fetched.
pub(super) struct Fetch {
    pub(super) wanted: Download,
    pub(super) config: TransferConfig,
    pub(super) dial: Dial,
    pub(super) events: Events,
}

impl Fetch {
    /// Fetches it, from where an earlier attempt has come to.
    pub(super) async fn run(self) -> TransferOutcome {
        let Self { wanted, config, dial, events } = self;
        let folder = wanted.folder.clone().unwrap_or(config.folder);
        let (size, number, file) = (wanted.size, wanted.number, wanted.file);
        let part = match rt::unblock(move || PartialFile::open(wanted, folder)).await {
            Ok(part) => part,
            Err(went) => return went,
        };
        let done = part.done;
        // Whoever declines now may be another terminal than the one that has the file.
        let Ok(mut link) = dial.for_file(file, done).place().await else { return TransferOutcome::Stopped };
        // The sender reads all of that once more, for the digest.
        let patience = DEAD_AFTER + Duration::from_secs(done / SLOW_DISK);
        match message(&mut link, patience).await {
            Some(PeerMessage::File(head)) if head.size == size => {}
            Some(PeerMessage::File(_)) => return TransferOutcome::Failed(FileFailed::Changed),
            _ => return TransferOutcome::Stopped,
        }
        let (pieces, written) = async_channel::bounded(PIECES);
        let (empty, used) = async_channel::bounded(PIECES + 1);
        let filled = rt::unblock(move || part.fill(&written, &empty));
        let mut progress = Progress::new(&events, number);
        let came = receive(&mut link, (pieces, used), (done, size), &mut progress).await;
        let part = match filled.await {
            Ok(part) => part,
            Err(went) => return went,
        };
        if came.is_none() {
            return TransferOutcome::Stopped;
        }
        let Some(PeerMessage::FileEnd(end)) = message(&mut link, DEAD_AFTER).await else {
            return TransferOutcome::Stopped;
        };
        let _ = rt::timeout(CALL_DEADLINE, link.close()).await;
        rt::unblock(move || part.finish(&end.digest.0, config.on_exists)).await
    }
}

/// Takes all bytes that are missing; `None` if they do not come. Frames are gathered into pieces that are filled again and
/// again: memory that wanders from thread to thread is given back to the system and faulted in anew.
async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    (pieces, used): (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    (mut done, size): (u64, u64),
    progress: &mut Progress<'_>,
) -> Option<()> {
    progress.tell(done, size).await;
    let mut piece = Vec::new();
    while done < size {
        let frame = rt::timeout(DEAD_AFTER, link.next()).await.ok()?.ok()??;
        if frame.len() as u64 > size - done {
            return None;
        }
        done += frame.len() as u64;
        piece.extend_from_slice(&frame);
        if piece.len() >= PIECE || done == size {
            pieces.send(std::mem::replace(&mut piece, used.try_recv().unwrap_or_default())).await.ok()?;
            progress.tell(done, size).await;
            // A link that is always ready leaves no turn to those that carry conversations.
            rt::yield_now().await;
        }
    }
    Some(())
}

async fn message<S: AsyncRead + AsyncWrite + Unpin>(link: &mut Link<S>, within: Duration) -> Option<PeerMessage> {
    let payload = rt::timeout(within, link.next()).await.ok()?.ok()??;
    PeerMessage::decode(&payload).ok()
}
