//! A folder as the bytes that are sent: a `ustar` archive that is always the same for the same folder (protocol section
//! 7.6), made while it is read, and unpacked with suspicion (threat T3).

use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Cursor, Read, Seek as _, SeekFrom, Take};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use common::limits::{FOLDER_ENTRIES, FOLDER_PATH};
use rustix::fs::{Access, AtFlags, CWD};
use rustix::io::Errno;
use tar::{EntryType, Header};
use walkdir::WalkDir;

use super::disk::{Stamp, open};
use peer_core::file_name::harmless;
use peer_core::files::model::LeftOut;

/// A block of an archive.
const BLOCK: u64 = 512;
/// What an owner may do with a file.
const PLAIN: u32 = 0o600;
/// The same and to run it, or to enter a folder.
const WITH_EXECUTABLE: u32 = 0o700;
/// The bit between them.
const EXECUTABLE: u32 = 0o100;

/// What lies in a folder.
pub(super) struct Tree {
    root: PathBuf,
    entries: VecDeque<Entry>,
    pub(super) stamp: Stamp,
    /// Links, pipes, sockets and devices, and what cannot be read.
    pub(super) left_out: LeftOut,
}

#[derive(Debug)]
struct Entry {
    header: Box<Header>,
    path: PathBuf,
    /// Bytes of a file; absent for a folder.
    size: Option<u64>,
}

impl Tree {
    /// Looks at everything in a folder; follows no links.
    pub(super) fn walk(root: &Path) -> io::Result<Self> {
        let mut tree = Self {
            root: root.to_owned(),
            entries: VecDeque::new(),
            stamp: Stamp::default(),
            left_out: LeftOut::default(),
        };
        for found in WalkDir::new(root).min_depth(1).sort_by_file_name() {
            let within = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    let path = error.path().map(within).unwrap_or_default();
                    let error = io::Error::from(error);
                    if error.kind() != io::ErrorKind::PermissionDenied || path.is_empty() {
                        return Err(error);
                    }
                    tree.left_out.add(&path);
                    continue;
                }
            };
            let (kind, metadata) = (found.file_type(), found.metadata()?);
            if !(kind.is_dir() || kind.is_file() && is_readable(found.path())) {
                tree.left_out.add(&within(found.path()));
                continue;
            }
            if tree.entries.len() >= FOLDER_ENTRIES {
                return Err(io::Error::other(format!("a folder may have {FOLDER_ENTRIES} entries; pack it first")));
            }
            let path = found.path().strip_prefix(root).map_err(io::Error::other)?;
            let bad_name = || io::Error::other(format!("{} has a name that is too long or not UTF-8", path.display()));
            let name = path.to_str().filter(|name| name.len() <= FOLDER_PATH).ok_or_else(bad_name)?;
            tree.stamp.add(&[name.as_bytes(), &[0]].concat(), &metadata);
            let size = kind.is_file().then(|| metadata.size());
            let mode = if kind.is_dir() || metadata.mode() & EXECUTABLE != 0 { WITH_EXECUTABLE } else { PLAIN };
            if kind.is_file() && mode == WITH_EXECUTABLE {
                // It is in the archive, and nothing else tells when it changes.
                tree.stamp.mark();
            }
            let header = Box::new(header(name, size, mode).map_err(|_| bad_name())?);
            tree.entries.push_back(Entry { header, path: path.to_owned(), size });
        }
        Ok(tree)
    }

    pub(super) fn files(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.size.is_some()).count() as u64
    }

    /// Bytes of the files together.
    pub(super) fn content(&self) -> u64 {
        self.entries.iter().filter_map(|entry| entry.size).sum()
    }

    /// Bytes of the archive.
    pub(super) fn size(&self) -> u64 {
        let entries = self.entries.iter().map(|entry| BLOCK + entry.size.unwrap_or_default().next_multiple_of(BLOCK));
        entries.sum::<u64>() + 2 * BLOCK
    }
}

/// Whether we may read a file, without opening it.
fn is_readable(path: &Path) -> bool {
    rustix::fs::accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_ok()
}

fn header(name: &str, size: Option<u64>, mode: u32) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_entry_type(if size.is_some() { EntryType::Regular } else { EntryType::Directory });
    header.set_path(name)?;
    header.set_size(size.unwrap_or_default());
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Ok(header)
}

/// The archive of a folder, made while it is read.
pub(super) struct Archive {
    tree: Tree,
    /// Headers, and zeros behind contents.
    frame: Cursor<Vec<u8>>,
    content: Option<Take<File>>,
    padding: usize,
    is_closed: bool,
}

impl Archive {
    pub(super) fn of(tree: Tree) -> Self {
        Self { tree, frame: Cursor::default(), content: None, padding: 0, is_closed: false }
    }

    /// Goes to the next entry; false behind the last one.
    fn next(&mut self) -> io::Result<bool> {
        let Some(entry) = self.tree.entries.pop_front() else {
            let begins_end = !std::mem::replace(&mut self.is_closed, true);
            self.frame = Cursor::new(vec![0; if begins_end { 2 * BLOCK as usize } else { 0 }]);
            return Ok(begins_end);
        };
        self.frame = Cursor::new(entry.header.as_bytes().to_vec());
        if let Some(size) = entry.size {
            self.content = Some(open(&self.tree.root.join(&entry.path))?.take(size));
            self.padding = usize::try_from(size.next_multiple_of(BLOCK) - size).unwrap_or_default();
        }
        Ok(true)
    }
}

impl Read for Archive {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.frame.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            if let Some(content) = &mut self.content {
                let count = content.read(into)?;
                if count > 0 {
                    return Ok(count);
                }
                if content.limit() > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.content = None;
                self.frame = Cursor::new(vec![0; std::mem::take(&mut self.padding)]);
            } else if !self.next()? {
                return Ok(0);
            }
        }
    }
}

/// Why an archive was not unpacked.
#[derive(Debug)]
pub(super) enum NotUnpacked {
    /// It is none, or one that is not allowed; another disk would not help.
    Archive(String),
    /// The disk's word.
    Disk(io::Error),
}

impl From<io::Error> for NotUnpacked {
    /// What the reader of archives says has no number of the system; what a sound archive never leads to is the archive's
    /// fault as well: two entries of one name, an entry in what is no folder or was not named before.
    fn from(error: io::Error) -> Self {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        match errno {
            None | Some(Errno::EXIST | Errno::NOTDIR | Errno::ISDIR | Errno::NOENT) => {
                Self::Archive(format!("what came is no folder: {error}"))
            }
            Some(_) => Self::Disk(error),
        }
    }
}

/// Unpacks an archive with this number of files into a folder that nobody else knows: regular files and folders, under
/// harmless names. Nothing is written before all of it was judged, and all of it is on the disk then.
pub(super) fn unpack(mut archive: &File, into: &Path, files: u64) -> Result<(), NotUnpacked> {
    let not_allowed = |what: &str| NotUnpacked::Archive(format!("what came is no folder: {what}"));
    let (mut count, mut found) = (0, 0);
    // Raw: extension headers would be read into memory, whatever their size.
    for entry in tar::Archive::new(archive).entries_with_seek()?.raw(true) {
        let entry = entry?;
        count += 1;
        found += u64::from(entry.header().entry_type() == EntryType::Regular);
        if count > FOLDER_ENTRIES || found > files {
            return Err(not_allowed("it has more entries than a folder may have, or than were offered"));
        }
        if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Directory) {
            return Err(not_allowed("it has links, devices or extensions"));
        }
        place(&entry.path_bytes()).ok_or_else(|| not_allowed("a path is too long, or leads out of it"))?;
    }
    if found < files {
        return Err(not_allowed("it has fewer files than were offered"));
    }
    archive.seek(SeekFrom::Start(0))?;
    DirBuilder::new().mode(0o700).create(into)?;
    let mut written = vec![into.to_owned()];
    for entry in tar::Archive::new(archive).entries_with_seek()?.raw(true) {
        let mut entry = entry?;
        let Some(place) = place(&entry.path_bytes()) else { continue };
        let at = into.join(place);
        if entry.header().entry_type() == EntryType::Directory {
            DirBuilder::new().mode(0o700).create(&at)?;
        } else {
            // That one bit, and nothing else of what the sender's disk says.
            let is_executable = entry.header().mode().unwrap_or_default() & EXECUTABLE != 0;
            let mode = if is_executable { WITH_EXECUTABLE } else { PLAIN };
            let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&at)?;
            if io::copy(&mut entry, &mut file)? < entry.size() {
                return Err(not_allowed("it ends in the middle"));
            }
        }
        written.push(at);
    }
    sync(&written)
}

/// Sees to it that files and folders are on the disk, those within others first.
fn sync(written: &[PathBuf]) -> Result<(), NotUnpacked> {
    // All at once is quicker than one by one, but does not tell of each whether it went well.
    if let Some(folder) = written.first() {
        rustix::fs::syncfs(File::open(folder)?).map_err(io::Error::from)?;
    }
    for path in written.iter().rev() {
        File::open(path)?.sync_all()?;
    }
    Ok(())
}

/// Where in the new folder an entry goes; nothing if its path is not allowed.
fn place(path: &[u8]) -> Option<PathBuf> {
    let path = std::str::from_utf8(path).ok().filter(|path| path.len() <= FOLDER_PATH)?;
    let names = path.strip_suffix('/').unwrap_or(path).split('/');
    names.map(|name| (!matches!(name, "" | "." | "..")).then(|| harmless(name))).collect()
}
