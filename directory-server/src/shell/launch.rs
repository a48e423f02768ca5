//! What every server does, whatever it is made of: it listens, serves, and says goodbye.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_channel::Receiver;
use common::crypto::directory_key::DirectoryKey;
use common::crypto::opaque::ServerSecret;
use common::crypto::record::Issuer;
use common::link::tls;
use common::msg::ByeReason;
use futures::future::{Either, select};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use super::clock::Clock;
use super::metrics::{Metrics, Timing};
use super::node::{Node, Parts};
use super::signals::{Asked, Errand};
use super::{accept, connection, keep_time, rt, stores};
use crate::config::Config;
use crate::failure::{Failure, Kind};
use crate::store::AnyStore;
use directory_core::Directory;

/// How long open sessions may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// Who chose the addresses to listen on; if nobody did, one of them may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    AskedFor,
    Default,
}

/// What a server is made of.
pub(super) struct Foundation<'a> {
    pub(super) config: &'a Config,
    pub(super) store: AnyStore,
    pub(super) key: &'a DirectoryKey,
    pub(super) secret: ServerSecret,
    pub(super) clock: Clock,
    pub(super) timing: Timing,
    /// Where it is kept; nothing if it is kept in memory only.
    pub(super) data_dir: Option<PathBuf>,
}

/// A server that runs.
pub(super) struct Launched {
    pub(super) node: Arc<Node>,
    /// Closed when the last session has ended.
    ended: Receiver<std::convert::Infallible>,
    /// Why it has to end although nobody asks for it.
    doomed: Receiver<Failure>,
}

/// Serves on these sockets.
pub(super) fn launch(foundation: Foundation<'_>, listeners: Vec<TcpListener>) -> Result<Launched, Failure> {
    let Foundation { config, store, key, secret, clock, timing, data_dir } = foundation;
    let listening = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>();
    let listening = listening.map_err(|error| Failure::io("listen", &error))?;
    let tls = tls::directory_server(key).map_err(|error| Failure::new(Kind::Internal, error.to_string()))?;
    let (token, ended) = async_channel::bounded(1);
    let issuer = Issuer::new(key).map_err(|error| Failure::new(Kind::Internal, error.to_string()))?;
    let directory = Directory::new(store, secret, key.digest(), config.policy(&listening));
    directory.presence.set_issuer(issuer);
    let node = Arc::new(Node::new(Parts {
        directory,
        clock,
        tls,
        public: config.public_name(&listening),
        listening,
        max_connections: config.listen.max_connections,
        metrics: Metrics::new(timing),
        data_dir,
        token,
        // In a box: the runtime moves a future several times, and keeps room for each.
        serve: |admitted, stream| rt::spawn(Box::pin(connection::serve(admitted, stream))),
    }));
    rt::block_on(node.directory.begin_run(clock.now()))?;
    for listener in listeners {
        let listener = rt::TcpListener::new(listener).map_err(|error| Failure::io("listen", &error))?;
        rt::spawn(accept::accept(Arc::clone(&node), listener));
    }
    rt::spawn(keep_time::keep_time(Arc::clone(&node)));
    let (doom, doomed) = async_channel::bounded(1);
    if let AnyStore::Postgres(_) = node.directory.store {
        rt::spawn(stores::watch(Arc::clone(&node), doom));
    }
    Ok(Launched { node, ended, doomed })
}

impl Launched {
    /// Waits until a signal asks to stop; gives the exit code it asks for.
    ///
    /// # Errors
    /// [`Failure`]: it cannot go on.
    pub(super) fn until_stopped(
        &self,
        signals: &Receiver<Asked>,
        attend: impl Fn(&Node, Errand),
    ) -> Result<u8, Failure> {
        let doomed = async {
            match self.doomed.recv().await {
                Ok(failure) => failure,
                // Nobody watches, or nobody does any more.
                Err(_) => std::future::pending().await,
            }
        };
        let mut doomed = pin!(doomed);
        loop {
            match rt::block_on(select(pin!(signals.recv()), &mut doomed)) {
                Either::Left((Ok(Asked::Attend(errand)), _)) => attend(&self.node, errand),
                Either::Left((Ok(Asked::Stop(code)), _)) => return Ok(code),
                Either::Left((Err(_), _)) => return Ok(0),
                Either::Right((failure, _)) => return Err(failure),
            }
        }
    }

    /// Ends all sessions.
    pub(super) fn stop(self) {
        self.node.refuse_sessions();
        self.node.directory.presence.end_all(ByeReason::Stopping);
        if rt::block_on(rt::timeout(FAREWELL, self.ended.recv())).is_none() {
            tracing::warn!("some sessions did not end in time");
        }
        if let Err(error) = rt::block_on(self.node.directory.keep_time(self.node.clock.now())) {
            tracing::warn!(%error, "what has passed of the time could not be kept");
        }
        rt::block_on(self.node.directory.store.close());
    }
}

/// No core dumps and no debugger of another process (threat T5), and as many file descriptors as the system allows.
/// All are attempts: a system that forbids them still gets its server.
pub(super) fn harden() {
    let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let files = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
}

/// Opens the sockets.
pub(super) fn listen(wanted: &[SocketAddr], addresses: Addresses) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in wanted {
        match accept::listen(*address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if addresses == Addresses::Default && !listeners.is_empty() => {
                tracing::debug!(%address, %error, "not available");
                let _ = writeln!(io::stderr(), "{address} is not available on this machine; going on without it.");
            }
            Err(error) => return Err(cannot_listen(*address, &error, "--listen ADDR:PORT")),
        }
    }
    if listeners.is_empty() {
        return Err(Failure::new(Kind::Config, "No address to listen on. Set listen.address or use --listen."));
    }
    Ok(listeners)
}

/// Why an address that `setting` chooses cannot be had.
pub(super) fn cannot_listen(address: SocketAddr, error: &io::Error, setting: &str) -> Failure {
    if error.kind() == io::ErrorKind::AddrInUse {
        let message = format!("{address} is in use by another program. Stop it, or choose another: {setting}");
        return Failure::new(Kind::Io, message);
    }
    Failure::io(format_args!("listen on {address}"), error)
}

/// Says something on standard output. A closed one stops nobody.
pub(super) fn say(lines: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}
