//! A file that is being received: under a temporary name, until its digest is right (threat T3).
//!
//! Owns what is deleted: a file that is not what was offered. What a disk has stopped stays, to go on with.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use async_channel::{Receiver, Sender};
use blake3::Hasher;
use rustix::fs::{OFlags, RenameFlags};

use super::config::{OnExists, TransferConfig};
use super::disk::{PIECE, free_in, remove};
use super::folder::{self, NotUnpacked};
use peer_core::file_name;
use peer_core::files::model::{Download, TransferOutcome};
use peer_core::notice::FileFailed;

/// Names that are tried before a complete file is left under its temporary one.
const NAMES: usize = 1000;

/// Deletes what is here of a file that is not wanted any more, also where a kill has left half a folder.
pub(crate) fn throw_away(wanted: &Download, config: &TransferConfig) {
    let folder = wanted.folder.as_ref().unwrap_or(&config.folder);
    // Most often there is nothing; what cannot be removed has a name that tells what it is.
    let _ = std::fs::remove_file(part_of(wanted, folder));
    let _ = remove(&unpacking(wanted, folder));
}

fn part_of(wanted: &Download, folder: &Path) -> PathBuf {
    folder.join(format!("{}.part", temporary(wanted)))
}

/// Where a folder is unpacked, beside its archive.
fn unpacking(wanted: &Download, folder: &Path) -> PathBuf {
    folder.join(format!("{}.unpacking", temporary(wanted)))
}

/// A file under its temporary name, and the digest of its bytes.
pub(super) struct PartialFile {
    wanted: Download,
    folder: PathBuf,
    path: PathBuf,
    file: File,
    digest: Hasher,
    /// Bytes that are here.
    pub(super) done: u64,
}

impl PartialFile {
    /// Takes up what an earlier attempt has left, or begins a new one; never through a link, never readable by others.
    pub(super) fn open(wanted: Download, folder: PathBuf) -> Result<Self, TransferOutcome> {
        let path = part_of(&wanted, &folder);
        let opened = Self::open_file(&wanted, &folder, &path);
        let opened = opened.map_err(|error| TransferOutcome::Failed(disk(&error)))?;
        // It goes on when the other is over.
        let (mut file, done) = opened.ok_or(TransferOutcome::Stopped)?;
        let need = needed(&wanted, done);
        let free = free_in(&folder);
        if need > free {
            return Err(TransferOutcome::DiskFull { need, free, folder });
        }
        let mut digest = Hasher::new();
        let hashed = hash(&mut file, &mut digest).map_err(|error| TransferOutcome::Failed(disk(&error)))?;
        Ok(Self { wanted, folder, path, file, digest, done: hashed })
    }

    /// The file, and how much of it is here; nothing while another transfer writes to it. A sender chooses name and id, so
    /// two offers may have one temporary name, and a digest is of what came and not of what both have written.
    fn open_file(wanted: &Download, folder: &Path, path: &Path) -> io::Result<Option<(File, u64)>> {
        std::fs::create_dir_all(folder)?;
        let nofollow = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(nofollow);
        let file = options.open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("there is something else under that name"));
        }
        // Where a disk knows no locks, there is none.
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) || !is_under(path, &metadata) {
            return Ok(None);
        }
        let metadata = file.metadata()?;
        if metadata.size() > wanted.size {
            file.set_len(0)?;
        }
        let done = file.metadata()?.size();
        Ok(Some((file, done)))
    }

    /// Writes what comes, on a thread that may wait, until nothing more comes; pieces that were written can be filled
    /// again.
    pub(super) fn fill(mut self, from: &Receiver<Vec<u8>>, empty: &Sender<Vec<u8>>) -> Result<Self, TransferOutcome> {
        while let Ok(mut piece) = from.recv_blocking() {
            if let Err(error) = self.file.write_all(&piece) {
                return Err(self.full_or_broken(&error));
            }
            self.digest.update(&piece);
            self.done += piece.len() as u64;
            piece.clear();
            let _ = empty.try_send(piece);
        }
        Ok(self)
    }

    /// Gives a complete file its name if its digest is right.
    pub(super) fn finish(mut self, digest: &[u8], on_exists: OnExists) -> TransferOutcome {
        if self.digest.finalize().as_bytes() != digest {
            let _ = std::fs::remove_file(&self.path);
            // A sender whose file has changed under its hands has no digest to tell.
            let why = if digest.is_empty() { FileFailed::Changed } else { FileFailed::Digest };
            return TransferOutcome::Failed(why);
        }
        if let Err(error) = self.file.sync_all() {
            return self.full_or_broken(&error);
        }
        let Some(files) = self.wanted.files else {
            return name(&self.path, &self.folder, &self.wanted.name, on_exists);
        };
        let into = unpacking(&self.wanted, &self.folder);
        let cleared = remove(&into).and_then(|()| self.file.seek(SeekFrom::Start(0)).map(drop));
        let unpacked = cleared.map_err(NotUnpacked::Disk).and_then(|()| folder::unpack(&self.file, &into, files));
        let went = match unpacked {
            Ok(()) => name(&into, &self.folder, &self.wanted.name, OnExists::Rename),
            Err(NotUnpacked::Archive(detail)) => TransferOutcome::Failed(FileFailed::Folder { detail }),
            Err(NotUnpacked::Disk(error)) => self.full_or_broken(&error),
        };
        if !matches!(went, TransferOutcome::Saved { .. }) {
            let _ = remove(&into);
        }
        // What a disk has stopped is paused: the archive is all here, and no byte of it has to come again.
        if !matches!(went, TransferOutcome::DiskFull { .. } | TransferOutcome::Failed(FileFailed::Disk { .. })) {
            let _ = std::fs::remove_file(&self.path);
        }
        went
    }

    fn full_or_broken(&self, error: &io::Error) -> TransferOutcome {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                let need = needed(&self.wanted, self.done);
                TransferOutcome::DiskFull { need, free: free_in(&self.folder), folder: self.folder.clone() }
            }
            _ => TransferOutcome::Failed(disk(error)),
        }
    }
}

/// Bytes that it takes from now on. A sender may offer as many as it likes.
fn needed(wanted: &Download, done: u64) -> u64 {
    // A folder is unpacked beside its archive.
    wanted.size.saturating_sub(done).saturating_add(wanted.files.map_or(0, |_| wanted.size))
}

/// Whether a file that was opened under a name still has it: another transfer may have given it its own meanwhile.
fn is_under(path: &Path, opened: &Metadata) -> bool {
    let found = std::fs::symlink_metadata(path);
    found.is_ok_and(|found| (found.dev(), found.ino()) == (opened.dev(), opened.ino()))
}

/// A name that other offers have by accident or by intent only.
fn temporary(wanted: &Download) -> String {
    let id: String = wanted.file.to_string().chars().take(8).collect();
    format!("{}.{id}", wanted.name)
}

fn hash(file: &mut File, digest: &mut Hasher) -> io::Result<u64> {
    let (mut piece, mut all) = (vec![0; PIECE], 0);
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(all);
        }
        digest.update(&piece[..count]);
        all += count as u64;
    }
}

/// Gives what is complete its name, or one that is free.
fn name(complete: &Path, folder: &Path, name: &str, on_exists: OnExists) -> TransferOutcome {
    let (stem, ending) = file_name::split(name);
    let flags = match on_exists {
        OnExists::Rename => RenameFlags::NOREPLACE,
        OnExists::Replace => RenameFlags::empty(),
    };
    for number in 1..=NAMES {
        let path = folder.join(if number == 1 { name.to_owned() } else { format!("{stem} ({number}){ending}") });
        let here = rustix::fs::CWD;
        match rustix::fs::renameat_with(here, complete, here, &path, flags) {
            // The name is on the disk, too, before anybody is told that it is saved.
            Ok(()) => {
                let synced = File::open(folder).and_then(|folder| folder.sync_all());
                return synced
                    .map_or_else(|error| TransferOutcome::Failed(disk(&error)), |()| TransferOutcome::Saved { path });
            }
            Err(rustix::io::Errno::EXIST | rustix::io::Errno::ISDIR) => {}
            Err(error) => return TransferOutcome::Failed(disk(&error.into())),
        }
    }
    TransferOutcome::Saved { path: complete.to_owned() }
}

fn disk(error: &io::Error) -> FileFailed {
    FileFailed::Disk { detail: error.to_string() }
}
