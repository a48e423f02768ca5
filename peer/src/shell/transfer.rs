//! The bytes of a file on a link of their own (decision D7, threat T3; protocol section 7.6).
//!
//! Memory is constant: a piece of the file, and what TLS has not written. Disk work runs beside the executor.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::frame::Padding;
use common::limits::{CALL_DEADLINE, DEAD_AFTER, FRAME_AFTER_LOGIN};
use common::link::{Link, LinkError};
use common::msg::{ConnectRefusal, FileEnd, Hex, Message as _, PeerMessage};
use futures::io::{AsyncRead, AsyncWrite};
use rustix::fs::{OFlags, RenameFlags};
use sha2::{Digest as _, Sha256};

use super::dial::Dial;
use super::link::send;
use super::{Events, rt};
use crate::core::engine::{DialFailed, Input};
use crate::core::notice::FileFailed;
use crate::core::post::{Source, Wanted, Went};

/// Bytes that are read or written at once. Chosen arbitrarily: a disk's request is long by then.
const PIECE: usize = 512 * 1024;
/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(250);
/// Names that are tried before a file is left under its temporary one.
const NAMES: usize = 1000;

/// Tells how far a transfer is, four times a second.
struct Progress<'a> {
    events: &'a Events,
    number: u64,
    told: Instant,
}

impl<'a> Progress<'a> {
    fn new(events: &'a Events, number: u64) -> Self {
        Self { events, number, told: Instant::now() }
    }

    async fn tell(&mut self, done: u64, size: u64) {
        if self.told.elapsed() >= PROGRESS || done == size {
            self.told = Instant::now();
            self.events.input(Input::FileProgress { number: self.number, done }).await;
        }
    }
}

/// Looks at a file that is to be offered.
pub(super) fn look_at(path: &Path) -> io::Result<(String, Source)> {
    let path = std::path::absolute(path)?;
    let metadata = File::open(&path)?.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((name, Source { path, size: metadata.size(), changed: changed(&metadata) }))
}

fn changed(metadata: &std::fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

/// A file and the digest of what has been read or written of it.
struct Hashed {
    file: File,
    digest: Sha256,
}

impl Hashed {
    /// Takes up a file behind its first `offset` bytes.
    fn behind(mut file: File, offset: u64) -> io::Result<Self> {
        let (mut digest, mut left, mut piece) = (Sha256::new(), offset, vec![0; PIECE]);
        file.seek(SeekFrom::Start(0))?;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            file.read_exact(&mut piece[..wanted])?;
            digest.update(&piece[..wanted]);
            left -= wanted as u64;
        }
        Ok(Self { file, digest })
    }

    fn read(&mut self, mut piece: Vec<u8>, most: u64) -> io::Result<Vec<u8>> {
        piece.resize(usize::try_from(most).unwrap_or(PIECE).min(PIECE), 0);
        self.file.read_exact(&mut piece)?;
        self.digest.update(&piece);
        Ok(piece)
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.digest.update(piece);
        Ok(())
    }
}

/// Gives a file to a caller that was accepted and told so.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    number: u64,
    source: Source,
    offset: u64,
    events: &Events,
) -> Went {
    match stream(link, number, source, offset, events).await {
        Ok(went) => went,
        Err(_) => Went::Stopped,
    }
}

async fn stream<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    number: u64,
    source: Source,
    offset: u64,
    events: &Events,
) -> Result<Went, LinkError> {
    let taken = rt::timeout(CALL_DEADLINE, link.next()).await.map_err(|_| LinkError::Lost)??;
    let taken = taken.as_deref().map(PeerMessage::decode);
    if !matches!(taken, Some(Ok(PeerMessage::Connected(_)))) || offset > source.size {
        return Ok(Went::Stopped);
    }
    let size = source.size;
    let opened = rt::unblock(move || {
        let file = File::open(&source.path)?;
        let now = file.metadata()?;
        if now.size() != source.size || changed(&now) != source.changed {
            return Ok(None);
        }
        Hashed::behind(file, offset).map(Some)
    });
    let mut hashed = match opened.await {
        Ok(Some(hashed)) => hashed,
        Ok(None) => return Ok(Went::Failed(FileFailed::Changed)),
        Err(error) => return Ok(Went::Failed(disk(&error))),
    };
    send(link, common::msg::File { size })?;
    let (mut done, mut piece, mut progress) = (offset, Vec::new(), Progress::new(events, number));
    while done < size {
        let read = rt::unblock(move || {
            let read = hashed.read(piece, size - done);
            (hashed, read)
        });
        let (again, read) = read.await;
        hashed = again;
        piece = match read {
            Ok(piece) => piece,
            Err(_) => return Ok(Went::Failed(FileFailed::Changed)),
        };
        for frame in piece.chunks(FRAME_AFTER_LOGIN) {
            link.queue(frame, Padding::None)?;
            rt::timeout(DEAD_AFTER, link.flush()).await.map_err(|_| LinkError::TooSlow)??;
        }
        done += piece.len() as u64;
        progress.tell(done, size).await;
    }
    send(link, FileEnd { digest: Hex(hashed.digest.finalize().to_vec()) })?;
    rt::timeout(DEAD_AFTER, link.flush()).await.map_err(|_| LinkError::TooSlow)??;
    // The other side closes when it has everything.
    let _ = rt::timeout(CALL_DEADLINE, link.next()).await;
    Ok(Went::Sent)
}

/// A file to be fetched.
pub(super) struct Fetch {
    pub(super) wanted: Wanted,
    /// Where files are saved unless the person says otherwise.
    pub(super) downloads: PathBuf,
    pub(super) dial: Dial,
    pub(super) events: Events,
}

impl Fetch {
    /// Fetches it, from where an earlier attempt has come to.
    pub(super) async fn run(self) -> Went {
        let folder = self.wanted.folder.clone().unwrap_or(self.downloads);
        let id: String = self.wanted.file.to_string().chars().take(8).collect();
        let part = folder.join(format!("{}.{id}.part", self.wanted.name));
        let (size, number, file) = (self.wanted.size, self.wanted.number, self.wanted.file);
        let (at, into) = (part.clone(), folder.clone());
        let (mut hashed, mut done) = match rt::unblock(move || open_part(&into, &at, size)).await {
            Ok(Part::Open { hashed, done }) => (hashed, done),
            Ok(Part::NoSpace { need, free }) => return Went::DiskFull { need, free, folder },
            Err(error) => return Went::Failed(disk(&error)),
        };
        let mut link = match self.dial.for_file(file, done).place().await {
            Ok(link) => link,
            Err(DialFailed::Refused(ConnectRefusal::Declined)) => return Went::Failed(FileFailed::Declined),
            Err(_) => return Went::Stopped,
        };
        let Some(PeerMessage::File(head)) = message(&mut link).await else { return Went::Stopped };
        if head.size != size {
            return Went::Failed(FileFailed::Changed);
        }
        let mut progress = Progress::new(&self.events, number);
        let mut piece = Vec::with_capacity(PIECE + FRAME_AFTER_LOGIN);
        let mut lost = false;
        while done < size && !lost {
            match rt::timeout(DEAD_AFTER, link.next()).await {
                Ok(Ok(Some(frame))) if frame.len() as u64 <= size - done - piece.len() as u64 => {
                    piece.extend_from_slice(&frame);
                }
                _ => lost = true,
            }
            if piece.len() < PIECE && done + (piece.len() as u64) < size && !lost {
                continue;
            }
            let written = rt::unblock(move || {
                let written = hashed.write(&piece);
                (hashed, piece, written)
            });
            let (again, mut empty, written) = written.await;
            match written {
                Ok(()) => {}
                Err(error) => return full_or_broken(&error, size - done, folder),
            }
            done += empty.len() as u64;
            empty.clear();
            (hashed, piece) = (again, empty);
            progress.tell(done, size).await;
        }
        if lost {
            return Went::Stopped;
        }
        let Some(PeerMessage::FileEnd(end)) = message(&mut link).await else { return Went::Stopped };
        let _ = rt::timeout(CALL_DEADLINE, link.close()).await;
        let name = self.wanted.name;
        rt::unblock(move || finish(hashed, &end.digest.0, &folder, &part, &name)).await
    }
}

async fn message<S: AsyncRead + AsyncWrite + Unpin>(link: &mut Link<S>) -> Option<PeerMessage> {
    let payload = rt::timeout(DEAD_AFTER, link.next()).await.ok()?.ok()??;
    PeerMessage::decode(&payload).ok()
}

enum Part {
    Open { hashed: Hashed, done: u64 },
    NoSpace { need: u64, free: u64 },
}

/// Opens what an earlier attempt has left, or begins anew; never through a link, never readable by others.
fn open_part(folder: &Path, part: &Path, size: u64) -> io::Result<Part> {
    std::fs::create_dir_all(folder)?;
    let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nofollow)
        .open(part)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("there is something else under that name"));
    }
    let done = if metadata.size() > size { 0 } else { metadata.size() };
    file.set_len(done)?;
    let space = rustix::fs::statvfs(folder)?;
    let (need, free) = (size - done, space.f_bavail.saturating_mul(space.f_frsize));
    if need > free {
        return Ok(Part::NoSpace { need, free });
    }
    Ok(Part::Open { hashed: Hashed::behind(file, done)?, done })
}

/// Gives a file its name if it is right; what is there already stays.
fn finish(hashed: Hashed, digest: &[u8], folder: &Path, part: &Path, name: &str) -> Went {
    if hashed.digest.finalize().as_slice() != digest {
        let _ = std::fs::remove_file(part);
        return Went::Failed(FileFailed::Digest);
    }
    if let Err(error) = hashed.file.sync_all() {
        return full_or_broken(&error, 0, folder.to_owned());
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    for number in 1..=NAMES {
        let path = folder.join(if number == 1 { name.to_owned() } else { format!("{stem} ({number}){ending}") });
        let here = rustix::fs::CWD;
        match rustix::fs::renameat_with(here, part, here, &path, RenameFlags::NOREPLACE) {
            Ok(()) => return Went::Saved { path },
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Went::Failed(disk(&error.into())),
        }
    }
    Went::Saved { path: part.to_owned() }
}

fn full_or_broken(error: &io::Error, need: u64, folder: PathBuf) -> Went {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            let free = rustix::fs::statvfs(&folder).map_or(0, |space| space.f_bavail.saturating_mul(space.f_frsize));
            Went::DiskFull { need, free, folder }
        }
        _ => Went::Failed(disk(error)),
    }
}

fn disk(error: &io::Error) -> FileFailed {
    FileFailed::Disk { detail: error.to_string() }
}
