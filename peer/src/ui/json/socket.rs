//! The socket of `peer daemon`: clients of the same user of this machine, and nobody else (threat T4).

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_channel::Sender;
use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use super::client::{self, Told};
use crate::app::rpc::ClientId;

/// Clients at the same time. Chosen arbitrarily; each takes two threads.
const CLIENTS: usize = 16;

/// A socket that listens; its file goes with it.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    /// Which file it is.
    inode: (u64, u64),
}

/// Why there is no socket.
#[derive(Debug)]
pub(crate) enum NotBound {
    /// Another program listens there.
    InUse,
    /// There is a file, a folder or a link of that name, which is nobody's socket and stays as it is.
    NoSocket,
    /// The operating system's word.
    Io(io::Error),
}

impl From<io::Error> for NotBound {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Socket {
    /// Listens at `path` for clients, whose lines go to `told`. What a daemon that was killed has left there is removed.
    pub(crate) fn listen(path: &Path, told: Sender<Told>) -> Result<Self, NotBound> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(NotBound::NoSocket),
            Ok(_) if UnixStream::connect(path).is_ok() => return Err(NotBound::InUse),
            Ok(_) => fs::remove_file(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let listener = UnixListener::bind(path)?;
        let socket = Self { path: path.to_owned(), inode: inode(path)? };
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let accept = move || accept(&listener, &told);
        std::thread::Builder::new().name("socket".to_owned()).spawn(accept)?;
        Ok(socket)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Best effort: what is left is removed at the next start. What has taken its place is not ours.
        if inode(&self.path).is_ok_and(|found| found == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Held by the writer of a client; frees its place in the end.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn accept(listener: &UnixListener, told: &Sender<Told>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let mut last = 0;
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if !is_ours(&stream) || taken.load(Ordering::Acquire) >= CLIENTS {
            continue;
        }
        taken.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&taken));
        last += 1;
        let Ok(input) = stream.try_clone() else { continue };
        // Without threads there is no client; it sees the end of its connection.
        let _ = client::open(ClientId(last), input, Writer { stream, _place: place }, told.clone());
        if told.is_closed() {
            return;
        }
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|credentials| credentials.uid == geteuid())
}

/// The way to a client. When nothing more is to be written, its reader ends too.
struct Writer {
    stream: UnixStream,
    _place: Place,
}

impl io::Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever is gone already needs no goodbye.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(path: &Path) -> Result<Socket, NotBound> {
        Socket::listen(path, async_channel::bounded(1).0)
    }

    #[test]
    fn what_is_no_socket_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, inner] = ["file", "link", "folder"].map(|name| folder.path().join(name));
        fs::write(&file, "precious").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        fs::create_dir(&inner).unwrap();
        for path in [&file, &link, &inner] {
            assert!(matches!(listen(path), Err(NotBound::NoSocket)), "{path:?}");
        }
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        assert!(link.is_symlink() && inner.is_dir());
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_taken_and_goes_with_its_daemon() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sock");
        drop(UnixListener::bind(&path).unwrap());
        let socket = listen(&path).unwrap();
        assert!(matches!(listen(&path), Err(NotBound::InUse)));
        drop(socket);
        assert!(!path.exists());

        let socket = listen(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "somebody else's").unwrap();
        drop(socket);
        assert!(path.exists(), "what has taken its place is not ours");
    }
}
