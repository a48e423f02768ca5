//! The disk under transfers: how it is read, what a file there is like, what is free.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use blake3::Hasher;
use common::limits::FRAME_AFTER_LOGIN;
use peer_core::files::model::SourceState;
use rustix::fs::OFlags;

/// Bytes that are read and given to the link at once: a disk's request is long by then, and what waits is little.
pub(super) const PIECE: usize = 4 * FRAME_AFTER_LOGIN;
/// Pieces that wait between the disk and the link.
pub(super) const PIECES: usize = 2;

/// Opens a file, and nothing that would keep us waiting.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(nonblock).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

/// Tells whether files have been changed since: their sizes, times and places on the disk.
#[derive(Clone, Default)]
pub(super) struct Stamp {
    all: Hasher,
    /// What offers were stamped with by versions before, and may still be open: sizes and times of modification.
    former: Hasher,
    /// When the newest of them was changed, in seconds since the epoch.
    newest: i64,
}

impl Stamp {
    pub(super) fn add(&mut self, name: &[u8], metadata: &Metadata) {
        for digest in [&mut self.all, &mut self.former] {
            digest.update(&metadata.size().to_be_bytes());
            digest.update(&metadata.mtime().to_be_bytes());
            digest.update(&metadata.mtime_nsec().to_be_bytes());
        }
        // Whoever sets the time of modification back cannot set that of the change.
        for number in [metadata.ctime(), metadata.ctime_nsec()] {
            self.all.update(&number.to_be_bytes());
        }
        self.all.update(&metadata.ino().to_be_bytes());
        for digest in [&mut self.all, &mut self.former] {
            digest.update(name);
        }
        self.newest = self.newest.max(metadata.mtime()).max(metadata.ctime());
    }

    /// Tells what was added last apart from the same without a mark.
    pub(super) fn mark(&mut self) {
        for digest in [&mut self.all, &mut self.former] {
            digest.update(&[1]);
        }
    }

    /// What is kept with an offer.
    pub(super) fn state(&self) -> SourceState {
        *self.all.finalize().as_bytes()
    }

    /// Whether nothing has changed since this was kept.
    pub(super) fn is(&self, state: &SourceState) -> bool {
        self.state() == *state || self.former.finalize().as_bytes() == state
    }

    /// Whether the newest change came so shortly before `moment` that another one may have the same time: clocks of file
    /// systems count in steps of up to two seconds.
    pub(super) fn may_hide_a_change(&self, moment: SystemTime) -> bool {
        let seconds = moment.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        i64::try_from(seconds).is_ok_and(|seconds| self.newest.saturating_add(2) >= seconds)
    }
}

/// Bytes that are free where a folder lies; none where nobody can say.
pub(super) fn free_in(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |space| space.f_bavail.saturating_mul(space.f_frsize))
}

/// Removes a folder and everything in it; one that is not there is no error.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
