//! The running server: the directory and what its connections share beside it.

use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{FutureExt as _, select_biased};

use crate::shell::clock::Clock;
use crate::shell::last_hour::LastHour;
use crate::shell::metrics::Metrics;
use crate::shell::rt::{self, Accepted};
use crate::shell::waiting_legs::WaitingLegs;
use crate::store::AnyStore;
use common::network::Source;
use directory_core::Directory;
use directory_core::admission::{Admission, Crowded, PATIENCE, PATIENCE_WITH_THE_IDLE, Place, Turn};
use directory_core::timestamp::Timestamp;

/// Held by each logged-in session; when all are gone, a stopping server may end.
pub(crate) type SessionToken = async_channel::Sender<std::convert::Infallible>;

/// Dropped to take a half-open connection its place away.
type Evictor = async_channel::Sender<std::convert::Infallible>;

/// One running server.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) directory: Directory<AnyStore>,
    pub(crate) clock: Clock,
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) listening: Vec<SocketAddr>,
    /// `HOST:PORT` by which people reach it.
    pub(crate) public: String,
    pub(crate) max_connections: usize,
    pub(crate) metrics: Metrics,
    pub(crate) last_hour: LastHour,
    /// Where it is kept; nothing if it is kept in memory only.
    pub(crate) data_dir: Option<PathBuf>,
    /// Legs that wait for the other one.
    pub(crate) waiting_legs: WaitingLegs,
    serve: fn(Admitted, Accepted),
    admission: Mutex<Admission<Evictor, Newcomer>>,
    connections: Arc<AtomicUsize>,
    token: Mutex<Option<SessionToken>>,
}

/// What a server is made of.
pub(crate) struct Parts {
    pub(crate) directory: Directory<AnyStore>,
    pub(crate) clock: Clock,
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) listening: Vec<SocketAddr>,
    pub(crate) public: String,
    pub(crate) max_connections: usize,
    pub(crate) metrics: Metrics,
    /// Where it is kept; nothing if it is kept in memory only.
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) token: SessionToken,
    /// Serves a connection that has a place, beside everything else.
    pub(crate) serve: fn(Admitted, Accepted),
}

impl Node {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { directory, clock, tls, listening, public, max_connections, metrics, data_dir, token, serve } =
            parts;
        Self {
            directory,
            clock,
            tls,
            listening,
            public,
            max_connections,
            metrics,
            last_hour: LastHour::default(),
            data_dir,
            waiting_legs: WaitingLegs::default(),
            serve,
            admission: Mutex::default(),
            connections: Arc::default(),
            token: Mutex::new(Some(token)),
        }
    }

    /// Counts a new connection and serves it as soon as it has a place, or says that there is no room for it.
    pub(crate) fn admit(self: &Arc<Self>, from: SocketAddr, stream: Accepted) -> Result<(), Crowded> {
        let address = from.ip();
        let source = Source::of(address);
        let now = self.clock.now();
        if self.directory.sources().refused_for(source, now).is_some() {
            return Err(Crowded::Source);
        }
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let free = self.max_connections.saturating_sub(before);
        let newcomer = Newcomer { counted: Counted(Arc::clone(&self.connections)), from, stream };
        let mut admission = self.admission();
        // Whoever has lost the place for it is told by the end of its channel.
        if let Some(next) = admission.admit(source, now, newcomer, free)?.enters {
            self.enter(&mut admission, next);
        }
        Ok(())
    }

    /// Serves a connection that has a place from now on.
    fn enter(self: &Arc<Self>, admission: &mut Admission<Evictor, Newcomer>, (turn, newcomer): (Turn, Newcomer)) {
        let Newcomer { counted, from, stream } = newcomer;
        let (address, port) = (from.ip(), from.port());
        let (evictor, evicted) = async_channel::bounded(1);
        let accepted = self.clock.now();
        let half_open = Some(HalfOpen { node: Arc::clone(self), place: admission.enter(turn, accepted, evictor) });
        let admitted =
            Admitted { node: Arc::clone(self), address, port, accepted, half_open, evicted, _counted: counted };
        (self.serve)(admitted, stream);
    }

    /// For a session that begins; nothing when the server is stopping.
    pub(crate) fn session_token(&self) -> Option<SessionToken> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on no session begins.
    pub(crate) fn refuse_sessions(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn admission(&self) -> MutexGuard<'_, Admission<Evictor, Newcomer>> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that may have to wait for its place.
#[derive(Debug)]
struct Newcomer {
    counted: Counted,
    from: SocketAddr,
    stream: Accepted,
}

/// A connection that was counted; dropping it takes it out of the count.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that has a place.
pub(crate) struct Admitted {
    pub(crate) node: Arc<Node>,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// When it got it.
    pub(crate) accepted: Timestamp,
    half_open: Option<HalfOpen>,
    evicted: async_channel::Receiver<std::convert::Infallible>,
    _counted: Counted,
}

impl Admitted {
    /// Ends when the place is needed for others.
    pub(crate) async fn evicted(&self) {
        select_biased! {
            // Nobody ever sends.
            _ = self.evicted.recv().fuse() => {}
            () = Box::pin(self.outstays()).fuse() => {}
        }
    }

    /// Ends when the place was held for long enough and others wait. Whoever comes later sees to it itself.
    async fn outstays(&self) {
        let Some(half_open) = &self.half_open else { return };
        for patience in [PATIENCE_WITH_THE_IDLE, PATIENCE] {
            let left = (self.accepted + patience).since(self.node.clock.now());
            rt::sleep(left).await;
            if self.node.admission().must_leave(half_open.place, self.node.clock.now()) {
                return;
            }
        }
        pending().await
    }

    /// It has begun a login or a registration.
    pub(crate) fn has_begun(&self) {
        if let Some(half_open) = &self.half_open {
            self.node.admission().begin(half_open.place);
        }
    }

    /// What has come over it and waits for more has so many bytes now.
    pub(crate) fn waits_for_more(&self, bytes: usize) {
        if let Some(half_open) = &self.half_open {
            // Whoever has lost the place for it is told by the end of its channel.
            drop(self.node.admission().wait_for_more(half_open.place, bytes));
        }
    }

    /// It has logged in.
    pub(crate) fn logged_in(&self) {
        self.node.admission().remember(Source::of(self.address));
    }

    /// It is half-open no longer.
    pub(crate) fn is_settled(&mut self) {
        self.half_open = None;
    }
}

struct HalfOpen {
    node: Arc<Node>,
    place: Place,
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        let mut admission = self.node.admission();
        if let Some(next) = admission.release(self.place) {
            self.node.enter(&mut admission, next);
        }
    }
}
