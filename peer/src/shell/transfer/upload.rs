//! Giving a file to a caller who asked for it (protocol section 7.6).

use std::time::{Duration, Instant};

use common::frame::Padding;
use common::limits::{CALL_DEADLINE, DEAD_AFTER, FRAME_AFTER_LOGIN};
use common::link::{Link, LinkError};
use common::msg::{File, FileEnd, Hex, PeerMessage};
use futures::io::{AsyncRead, AsyncWrite};

use super::disk::PIECES;
use super::progress::Progress;
use super::source::{Reading, Unreadable};
use crate::shell::events::Events;
use crate::shell::frames::{receive, send};
use crate::shell::rt;
use peer_core::files::model::{Source, TransferOutcome};
use peer_core::notice::FileFailed;

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
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
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
        let Some(PeerMessage::Connected(_)) = receive(link, CALL_DEADLINE).await else {
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
        let (digest, went) = match poured.await {
            Ok(digest) => (digest.map(|digest| digest.as_bytes().to_vec()), TransferOutcome::Sent),
            // The receiver may have all bytes, but they were never one file.
            Err(Unreadable::Changed) if done == size => (None, TransferOutcome::Failed(FileFailed::Changed)),
            Err(why) => return Ok(TransferOutcome::Failed(failed(why))),
        };
        let sent = send(link, FileEnd { digest: Hex(digest.unwrap_or_default()) });
        let flushed = rt::timeout(DEAD_AFTER, link.flush()).await;
        if went == TransferOutcome::Sent {
            sent?;
            flushed.map_err(|_| LinkError::TooSlow)??;
        }
        // The other side closes when it has everything.
        let _ = rt::timeout(CALL_DEADLINE, link.next()).await;
        Ok(went)
    }
}

fn failed(why: Unreadable) -> FileFailed {
    match why {
        Unreadable::Changed => FileFailed::Changed,
        Unreadable::Disk(error) => FileFailed::Disk { detail: error.to_string() },
    }
}
