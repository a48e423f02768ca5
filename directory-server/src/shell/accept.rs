//! Listening sockets and the accept loop.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::metrics::Connection;
use super::node::Node;
use super::rt::{self, TcpListener};
use directory_core::admission::Crowded;

/// Connections the kernel keeps until they are accepted; with 128 a burst of logins drops to a fiftieth (measured).
const BACKLOG: i32 = 1024;
/// Pause after a failed accept, most likely for want of file descriptors: chosen arbitrarily, short against a login.
const PAUSE: Duration = Duration::from_millis(100);

/// Opens a listening socket.
pub(crate) fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can be listened on side by side.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts connections for ever; each is served by a task of its own.
pub(crate) async fn accept(node: Arc<Node>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => match node.admit(from, stream) {
                Ok(()) => node.metrics.connection(Connection::Accepted),
                Err(crowded) => {
                    node.metrics.connection(match crowded {
                        Crowded::Source => Connection::Source,
                        Crowded::Everywhere => Connection::Full,
                    });
                    tracing::debug!(peer_ip = node.directory.shown(from.ip()), ?crowded, "connection refused");
                }
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                rt::sleep(PAUSE).await;
            }
        }
    }
}
