//! What is given: a file, or a folder as an archive (protocol section 7.6).

use std::fs::Metadata;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use async_channel::{Receiver, Sender};
use blake3::{Hash, Hasher};

use super::config::typed;
use super::disk::{PIECE, open, stamp};
use super::folder::{Archive, Tree};
use peer_core::files::model::{Source, SourceState};

/// What was found under a path.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// Links, sockets and devices of a folder, which are not sent.
    pub(crate) left_out: usize,
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
        let source = Source { size: tree.size(), files: Some(tree.files()), state: tree.state(), path };
        return Ok(Look { name, source, left_out: tree.left_out });
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    open(&path)?;
    Ok(Look { name, source: Source { size: metadata.size(), files: None, state: state(&metadata), path }, left_out: 0 })
}

/// What a file is like now.
fn state(metadata: &Metadata) -> SourceState {
    let mut digest = Hasher::new();
    stamp(&mut digest, metadata);
    *digest.finalize().as_bytes()
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
    from: Box<dyn Read + Send>,
    digest: Hasher,
    left: u64,
}

impl Reading {
    /// Opens what was offered, behind its first `offset` bytes.
    pub(super) fn open(source: &Source, offset: u64) -> Result<Self, Unreadable> {
        let (found, from) = contents(&source.path, source.files.is_some()).map_err(Unreadable::Disk)?;
        if found != source.state {
            return Err(Unreadable::Changed);
        }
        let mut reading = Self { from, digest: Hasher::new(), left: source.size };
        let (mut piece, mut before) = (vec![0; PIECE], offset.min(source.size));
        while before > 0 {
            let count = usize::try_from(before).unwrap_or(PIECE).min(PIECE);
            reading.fill(&mut piece[..count])?;
            before -= count as u64;
        }
        Ok(reading)
    }

    fn fill(&mut self, piece: &mut [u8]) -> Result<(), Unreadable> {
        self.from.read_exact(piece).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => Unreadable::Changed,
            _ => Unreadable::Disk(error),
        })?;
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
        Ok(Some(self.digest.finalize()))
    }
}

fn contents(path: &Path, is_folder: bool) -> io::Result<(SourceState, Box<dyn Read + Send>)> {
    if is_folder {
        let tree = Tree::walk(path)?;
        return Ok((tree.state(), Box::new(Archive::of(tree))));
    }
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(0))?;
    Ok((state(&file.metadata()?), Box::new(file)))
}
