//! The disk under transfers: how it is read, what a file there is like, what is free.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use blake3::Hasher;
use common::limits::FRAME_AFTER_LOGIN;
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

/// Adds what tells whether a file has been changed.
pub(super) fn stamp(digest: &mut Hasher, metadata: &Metadata) {
    digest.update(&metadata.size().to_be_bytes());
    digest.update(&metadata.mtime().to_be_bytes());
    digest.update(&metadata.mtime_nsec().to_be_bytes());
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
