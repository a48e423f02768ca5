//! The running side of the administration socket.

use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::execute::Desk;
use super::{Answer, Request, socket_path};
use crate::failure::{Failure, Kind};
use crate::shell::node::Node;
use crate::shell::rt::{self, UnixListener, UnixStream};

/// Bytes of a request: an invitation of a thousand people.
const REQUEST_MAX: u64 = 64 * 1024;
/// How long an administrator's command may take to send its line.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The socket file; dropping it removes the file.
pub(crate) struct Socket {
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A file that stays is replaced at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listens for administrators. The data directory's lock is held, so a socket file that is there is a dead one.
pub(crate) fn listen(node: &Arc<Node>, data_dir: &Path, invite_ttl: Duration) -> Result<Socket, Failure> {
    let path = socket_path(data_dir);
    let _ = std::fs::remove_file(&path);
    let bound = bind_privately(&path);
    let listener = bound.map_err(|error| Failure::io(format_args!("listen on {}", path.display()), &error))?;
    let node = Arc::clone(node);
    rt::spawn(async move {
        let listener = UnixListener::from(listener);
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely: wait for some to be given back.
                rt::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let node = Arc::clone(&node);
            rt::spawn(async move {
                if rt::timeout(PATIENCE, answer(&node, stream, invite_ttl)).await.is_none() {
                    tracing::warn!("an administrator's command took too long");
                }
            });
        }
    });
    Ok(Socket { path })
}

/// A socket gets its mode only after it is there, so it is made where nobody else can enter, and moved: the directory it
/// belongs in may be one that was there before, open to others.
fn bind_privately(path: &Path) -> std::io::Result<StdListener> {
    // No longer than the name of the socket: the system takes some hundred bytes of a path.
    let private = path.with_file_name("new");
    let inside = private.join("sock");
    // What a server left behind that was killed right here.
    let _ = std::fs::remove_file(&inside);
    let _ = std::fs::remove_dir(&private);
    std::fs::DirBuilder::new().mode(0o700).create(&private)?;
    let bound = StdListener::bind(&inside).and_then(|listener| {
        std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
        std::fs::rename(&inside, path)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    let _ = std::fs::remove_file(&inside);
    std::fs::remove_dir(&private)?;
    bound
}

async fn answer(node: &Node, stream: UnixStream, invite_ttl: Duration) {
    let mut line = Vec::new();
    let mut reader = BufReader::new((&stream).take(REQUEST_MAX));
    if reader.read_until(b'\n', &mut line).await.is_err() {
        return;
    }
    let answer = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => {
            let store = &node.directory.store;
            let now = node.directory.date(node.clock.now());
            let desk = Desk {
                store,
                node: Some(node),
                now,
                public: &node.public,
                invite_ttl,
                data_dir: node.data_dir.as_deref(),
            };
            desk.execute(request).await
        }
        Err(error) => Answer::Failed {
            failure: Failure::new(Kind::Usage, format!("The running server does not understand this: {error}.")),
        },
    };
    let mut reply = serde_json::to_vec(&answer).unwrap_or_default();
    reply.push(b'\n');
    let mut stream = &stream;
    // Whoever asked may have gone away.
    let _ = stream.write_all(&reply).await;
    let _ = stream.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_private_and_what_a_killed_server_left_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        std::fs::create_dir(dir.path().join("new")).unwrap();
        drop(StdListener::bind(dir.path().join("new/sock")).unwrap());
        let _listener = bind_privately(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["admin.sock"]);
    }
}
