//! What systemd hears: ready, stopping, reloading, still alive. Without systemd nothing happens.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::rt;

/// The service manager, if there is one.
#[derive(Debug)]
pub(crate) struct Supervisor(Option<(UnixDatagram, SocketAddr)>);

impl Supervisor {
    /// The one named in the environment (`sd_notify(3)`).
    pub(crate) fn of_environment() -> Self {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Self(None) };
        let address = match name.as_encoded_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(&name),
        };
        Self(UnixDatagram::unbound().ok().zip(address.ok()))
    }

    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        if let Self(Some((socket, address))) = self
            && let Err(error) = socket.send_to_addr(state.as_bytes(), address)
        {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

/// Says that the server is alive, as often as the service manager wants to hear it, as long as the store answers.
pub(crate) async fn watchdog(node: Arc<Node>, supervisor: Arc<Supervisor>) {
    let wanted = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
    let Some(wanted) = wanted.map(Duration::from_micros).filter(|wanted| !wanted.is_zero()) else { return };
    loop {
        if node.directory.store.is_alive().await {
            supervisor.tell("WATCHDOG=1");
        }
        rt::sleep(wanted / 2).await;
    }
}
