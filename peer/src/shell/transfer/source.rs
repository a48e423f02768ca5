//! What is given: a file, or a folder as an archive (protocol section 7.6).

use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

use async_channel::{Receiver, Sender};
use blake3::{Hash, Hasher};

use super::config::typed;
use super::disk::{PIECE, Stamp, open};
use super::folder::{Archive, Tree};
use peer_core::files::model::{LeftOut, Source, SourceState};

/// What was found under a path.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// What of a folder is not sent.
    pub(crate) left_out: LeftOut,
}

/// Looks at a file or folder that is to be offered.
pub(crate) fn look_at(path: &Path) -> io::Result<Look> {
    let named = typed(path);
    let path = named.canonicalize()?;
    // A link is offered under its own name. `..` has none; then the folder's own counts.
    let name = named.file_name().or(path.file_name()).unwrap_or_default().to_string_lossy().into_owned();
    let metadata = std::fs::metadata(&path)?;
    if metadata.is_dir() {
        let tree = Tree::walk(&path)?;
        let (files, content) = (Some(tree.files()), Some(tree.content()));
        let source = Source { size: tree.size(), files, content, state: tree.stamp.state(), path };
        return Ok(Look { name, source, left_out: tree.left_out });
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    open(&path)?;
    let state = stamp_of(&metadata).state();
    let source = Source { size: metadata.size(), files: None, content: None, state, path };
    Ok(Look { name, source, left_out: LeftOut::default() })
}

/// What a file is like now.
fn stamp_of(metadata: &Metadata) -> Stamp {
    let mut stamp = Stamp::default();
    stamp.add(b"", metadata);
    stamp
}

/// Why nothing, or no more, can be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is not what was offered.
    Changed,
    /// The disk's word.
    Disk(io::Error),
}

/// What is read from, and the digest of all that was.
pub(super) struct Reading {
    source: Source,
    /// What it was like before its first byte was read.
    found: SourceState,
    /// It was changed so shortly before that a further change would not show.
    is_fresh: bool,
    from: Box<dyn Read + Send>,
    digest: Hasher,
    left: u64,
}

impl Reading {
    /// Opens what was offered, behind its first `offset` bytes.
    pub(super) fn open(source: &Source, offset: u64) -> Result<Self, Unreadable> {
        let mut reading = Self::begin(source)?;
        let (mut piece, mut before) = (vec![0; PIECE], offset.min(source.size));
        while before > 0 {
            let count = usize::try_from(before).unwrap_or(PIECE).min(PIECE);
            reading.fill(&mut piece[..count])?;
            before -= count as u64;
        }
        Ok(reading)
    }

    fn begin(source: &Source) -> Result<Self, Unreadable> {
        let now = SystemTime::now();
        let (stamp, from) = contents(&source.path, source.files.is_some()).map_err(Unreadable::Disk)?;
        if !stamp.is(&source.state) {
            return Err(Unreadable::Changed);
        }
        let (found, is_fresh) = (stamp.state(), stamp.may_hide_a_change(now));
        Ok(Self { source: source.clone(), found, is_fresh, from, digest: Hasher::new(), left: source.size })
    }

    /// The digest of the whole, if it is still what it was when it was opened: otherwise pieces of before and after a
    /// change may have been read, which were never one file.
    fn finish(self) -> Result<Hash, Unreadable> {
        let (stamp, mut from) = contents(&self.source.path, self.source.files.is_some()).map_err(unreadable)?;
        if stamp.state() != self.found {
            return Err(Unreadable::Changed);
        }
        let digest = self.digest.finalize();
        if self.is_fresh {
            let (mut again, mut piece, mut left) = (Hasher::new(), vec![0; PIECE], self.source.size);
            while left > 0 {
                let count = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
                from.read_exact(&mut piece[..count]).map_err(unreadable)?;
                again.update(&piece[..count]);
                left -= count as u64;
            }
            if again.finalize() != digest {
                return Err(Unreadable::Changed);
            }
        }
        Ok(digest)
    }

    fn fill(&mut self, piece: &mut [u8]) -> Result<(), Unreadable> {
        self.from.read_exact(piece).map_err(unreadable)?;
        self.digest.update(piece);
        self.left -= piece.len() as u64;
        Ok(())
    }

    /// Hands on all that is left, piece by piece, on a thread that may wait; the digest of the whole. `None` if nobody
    /// takes it any more. `used` are pieces that can be filled again.
    pub(super) fn pour(mut self, into: &Sender<Vec<u8>>, used: &Receiver<Vec<u8>>) -> Result<Option<Hash>, Unreadable> {
        while self.left > 0 {
            let mut piece = used.try_recv().unwrap_or_default();
            piece.resize(usize::try_from(self.left).unwrap_or(PIECE).min(PIECE), 0);
            self.fill(&mut piece)?;
            if into.send_blocking(piece).is_err() {
                return Ok(None);
            }
        }
        self.finish().map(Some)
    }
}

fn contents(path: &Path, is_folder: bool) -> io::Result<(Stamp, Box<dyn Read + Send>)> {
    if is_folder {
        let tree = Tree::walk(path)?;
        return Ok((tree.stamp.clone(), Box::new(Archive::of(tree))));
    }
    let file = open(path)?;
    Ok((stamp_of(&file.metadata()?), Box::new(file)))
}

/// What is shorter than it was, or gone, was changed.
fn unreadable(error: io::Error) -> Unreadable {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => Unreadable::Changed,
        _ => Unreadable::Disk(error),
    }
}
