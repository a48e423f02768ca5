//! Fetching a file from where its sender is (protocol section 7.6).

use std::time::Duration;

use async_channel::{Receiver, Sender};
use common::limits::{CALL_DEADLINE, DEAD_AFTER, FRAME_AFTER_LOGIN};
use common::link::Link;
use common::msg::PeerMessage;
use futures::io::{AsyncRead, AsyncWrite};

use super::config::TransferConfig;
use super::disk::{PIECE, PIECES};
use super::partial_file::PartialFile;
use super::progress::Progress;
use crate::shell::dial::Dial;
use crate::shell::events::Events;
use crate::shell::frames::receive;
use crate::shell::rt;
use peer_core::files::model::{Download, TransferOutcome};
use peer_core::notice::FileFailed;

/// Bytes a second that a sender's disk gives at least. Chosen arbitrarily: half of what old ones do.
const SLOW_DISK: u64 = 20_000_000;

/// Frames of a file before the other tasks of the terminal get their turn: as many as make a piece, of those that are full.
const TURN: u32 = (PIECE / FRAME_AFTER_LOGIN) as u32;

/// A file to be fetched.
pub(crate) struct Fetch {
    pub(crate) wanted: Download,
    pub(crate) config: TransferConfig,
    pub(crate) dial: Dial,
    pub(crate) events: Events,
}

impl Fetch {
    /// Fetches it, from where an earlier attempt has come to.
    pub(crate) async fn run(self) -> TransferOutcome {
        let Self { wanted, config, dial, events } = self;
        let folder = wanted.folder.clone().unwrap_or(config.folder);
        let (size, number, file) = (wanted.size, wanted.number, wanted.file);
        let part = match rt::unblock(move || PartialFile::open(wanted, folder)).await {
            Ok(part) => part,
            Err(went) => return went,
        };
        let done = part.done;
        // Whoever declines now may be another terminal than the one that has the file.
        let mut link = match dial.for_file(file, done).place().await {
            Ok(reached) => reached.link,
            Err(why) => return TransferOutcome::NotReached(why.into()),
        };
        // The sender reads all of that once more, for the digest.
        let patience = DEAD_AFTER + Duration::from_secs(done / SLOW_DISK);
        match receive(&mut link, patience).await {
            Some(PeerMessage::File(head)) if head.size == size => {}
            Some(PeerMessage::File(_)) => return TransferOutcome::Failed(FileFailed::Changed),
            _ => return TransferOutcome::Stopped,
        }
        let (pieces, written) = async_channel::bounded(PIECES);
        let (empty, used) = async_channel::bounded(PIECES + 1);
        let filled = rt::unblock(move || part.fill(&written, &empty));
        let mut progress = Progress::new(&events, number);
        let came = take_bytes(&mut link, (pieces, used), (done, size), &mut progress).await;
        let part = match filled.await {
            Ok(part) => part,
            Err(went) => return went,
        };
        if came.is_none() {
            return TransferOutcome::Stopped;
        }
        let Some(PeerMessage::FileEnd(end)) = receive(&mut link, DEAD_AFTER).await else {
            return TransferOutcome::Stopped;
        };
        let _ = rt::timeout(CALL_DEADLINE, link.close()).await;
        rt::unblock(move || part.finish(&end.digest.0, config.on_exists)).await
    }
}

/// Takes all bytes that are missing; `None` if they do not come. Frames are gathered into pieces that are filled again
/// and again: memory that wanders from thread to thread is given back to the system and faulted in again.
async fn take_bytes<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    (pieces, used): (Sender<Vec<u8>>, Receiver<Vec<u8>>),
    (mut done, size): (u64, u64),
    progress: &mut Progress<'_>,
) -> Option<()> {
    progress.tell(done, size).await;
    let (mut piece, mut frames) = (Vec::new(), 0_u32);
    while done < size {
        let frame = rt::timeout(DEAD_AFTER, link.next()).await.ok()?.ok()??;
        // An empty one brings nothing, and there could be endless ones.
        if frame.is_empty() || frame.len() as u64 > size - done {
            return None;
        }
        // A link that is always ready leaves no turn to those that carry conversations.
        frames = frames.wrapping_add(1);
        if frames.is_multiple_of(TURN) {
            rt::yield_now().await;
        }
        done += frame.len() as u64;
        piece.extend_from_slice(&frame);
        if piece.len() >= PIECE || done == size {
            pieces.send(std::mem::replace(&mut piece, used.try_recv().unwrap_or_default())).await.ok()?;
            progress.tell(done, size).await;
        }
    }
    Some(())
}
