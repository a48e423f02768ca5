//! The status page, the metrics and the answers for load balancers: HTTP/1.1 for this machine only.
//!
//! A connection carries one request and one answer. Nothing can be changed from here, so there is no login; what keeps
//! others out is that the address is one of this machine ([`crate::config::Config::http_address`]) and that a browser
//! which was sent here under another name is turned away ([`request`]).

mod metrics;
mod page;
mod plot;
mod reply;
mod request;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::io::{AsyncReadExt as _, AsyncWriteExt as _};

use self::reply::Reply;
use self::request::{Method, Refused, Request};
use super::accept;
use super::admin::Status;
use super::node::Node;
use super::rt::{self, TcpListener, TcpStream};
use crate::config;

/// Connections at once; one more is closed without an answer.
const CONNECTIONS: usize = 16;
/// How long a connection may last.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a failed accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// What is read and thrown away behind a request, so that the answer is not lost with a connection that is reset.
const LEFTOVER: u64 = 64 * 1024;

/// How far the server is.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Starting,
    Ready(Arc<Node>),
    Stopping(Arc<Node>),
}

/// What is there to read, and how far the server is.
#[derive(Debug)]
pub(crate) struct Site {
    offered: config::Http,
    /// The words for the state of the directory.
    status_text: fn(&Status) -> String,
    phase: RwLock<Phase>,
}

impl Site {
    /// A server that is starting.
    pub(crate) fn new(offered: config::Http, status_text: fn(&Status) -> String) -> Arc<Self> {
        Arc::new(Self { offered, status_text, phase: RwLock::default() })
    }

    /// Listens; gives the address, whose port may have been chosen by the system.
    pub(crate) fn listen(self: &Arc<Self>, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = accept::listen(address)?;
        let address = listener.local_addr()?;
        rt::spawn(Arc::clone(self).accept(TcpListener::new(listener)?, PATIENCE));
        Ok(address)
    }

    /// From now on requests are answered from this node.
    pub(crate) fn ready(&self, node: &Arc<Node>) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Ready(Arc::clone(node));
    }

    /// From now on the server is not ready any more.
    pub(crate) fn stopping(&self, node: &Arc<Node>) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Stopping(Arc::clone(node));
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, patience: Duration) {
        // Each open connection holds a copy, so the number of copies is the number of connections.
        let open = Arc::new(());
        loop {
            match listener.accept().await {
                Ok((stream, _)) if Arc::strong_count(&open) <= CONNECTIONS => {
                    let Ok(stream) = stream.open() else { continue };
                    let (site, open) = (Arc::clone(&self), Arc::clone(&open));
                    rt::spawn(async move {
                        // Whoever is too slow, or goes away, gets no answer.
                        let _ = rt::timeout(patience, site.serve(stream)).await;
                        drop(open);
                    });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for the status page");
                    rt::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let (reply, method) = match request::read(&mut stream).await? {
            Ok(request) => (self.answer(&request).await, request.method),
            Err(refused) => (Reply::refused(refused), Method::Get),
        };
        stream.write_all(&reply.into_bytes(method)).await?;
        stream.end_writing()?;
        futures::io::copy(&mut stream.take(LEFTOVER), &mut futures::io::sink()).await.map(drop)
    }

    async fn answer(&self, request: &Request) -> Reply {
        let (node, ready) = match &*self.phase.read().unwrap_or_else(PoisonError::into_inner) {
            Phase::Starting => (None, Err("starting")),
            Phase::Ready(node) => (Some(Arc::clone(node)), Ok(())),
            Phase::Stopping(node) => (Some(Arc::clone(node)), Err("stopping")),
        };
        match (request.path.as_str(), node) {
            ("/healthz", _) => Reply::text("alive"),
            ("/readyz", Some(node)) if ready.is_ok() && node.directory.store.complaint().is_some() => {
                Reply::unavailable(&node.directory.store.complaint().unwrap_or_default())
            }
            ("/readyz", _) => ready.map_or_else(Reply::unavailable, |()| Reply::text("ready")),
            ("/metrics", Some(node)) if self.offered.metrics => metrics::metrics(&node).await,
            ("/", Some(node)) if self.offered.page => page::page(&node, self.status_text, self.offered.metrics).await,
            ("/metrics", None) if self.offered.metrics => Reply::unavailable("starting"),
            ("/", None) if self.offered.page => Reply::unavailable("starting"),
            _ => Reply::refused(Refused::NotFound),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net;

    use super::*;

    /// The site of a server that is starting, for clients that have as long as this.
    fn starting(patience: Duration) -> SocketAddr {
        let site = Site::new(config::Http::default(), |_| String::new());
        let listener = accept::listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        rt::spawn(site.accept(TcpListener::new(listener).unwrap(), patience));
        address
    }

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = net::TcpStream::connect(address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    #[test]
    fn a_server_that_is_starting_is_alive_but_not_ready() {
        let address = starting(PATIENCE);
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200 "));
        for path in ["/readyz", "/metrics", "/"] {
            let reply = get(address, path);
            assert!(reply.starts_with("HTTP/1.1 503 ") && reply.ends_with("\r\n\r\nstarting\n"), "{reply}");
        }
    }

    #[test]
    fn whoever_is_too_slow_is_cut_off() {
        let mut quiet = net::TcpStream::connect(starting(Duration::ZERO)).unwrap();
        assert_eq!(quiet.read(&mut [0]).unwrap(), 0);
    }
}
