//! Being seen from the other family of addresses as well (decision D26; protocol section 5.8).
//!
//! A directory tells others nothing but what it has seen, and sees a session come from one address. Where it can be reached
//! over the other family, too, one more connection shows that: with the token that the session was given, and then it ends.
//! What does not work is no failure: the terminal is seen from one family then, as before.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use common::ident::{KeyDigest, SeenToken};
use common::msg::{FromDirectory, SeenReq, SeenStatus};

use super::login;
use super::{DirectoryConnection, Endpoint};
use crate::shell::events::{Elsewhere, Event, Events};
use crate::shell::rt::{self, Task, TcpListener};

/// Shows a directory where else a terminal is, once in every session.
#[derive(Debug, Default)]
pub(crate) struct OtherFamily {
    /// Where is listened from an earlier session on.
    listening: Arc<Mutex<Option<SocketAddr>>>,
    /// Under way; a new one takes its place.
    showing: Option<Task>,
}

/// A session to which another address is added.
struct Showing {
    endpoint: Endpoint,
    /// The directory's.
    key: KeyDigest,
    /// Of the session.
    local: IpAddr,
    port: Option<u16>,
    token: SeenToken,
    listening: Option<SocketAddr>,
}

impl OtherFamily {
    /// Shows it, beside everything else, where the session was given a token for that and no address was asked for.
    pub(super) fn show(
        &mut self,
        session: &DirectoryConnection,
        token: Option<SeenToken>,
        port: Option<u16>,
        events: &Events,
    ) {
        self.showing = None;
        let Some(token) = token.filter(|_| session.endpoint.source.is_none()) else { return };
        let showing = Showing {
            endpoint: session.endpoint.clone(),
            key: session.key,
            local: session.local(),
            port,
            token,
            listening: *self.listening.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let (kept, events) = (Arc::clone(&self.listening), events.clone());
        self.showing = Some(rt::spawn(async move {
            let patience = showing.endpoint.patience;
            let Ok(Some((at, listener))) = rt::timeout(patience, showing.show()).await else { return };
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
            events.send(Event::Elsewhere(Elsewhere { source: at.ip(), listener })).await;
        }));
    }
}

impl Showing {
    /// Where we are seen and listen, with the socket if it is new.
    async fn show(self) -> Option<(SocketAddr, Option<TcpListener>)> {
        for directory in self.endpoint.addresses().await.ok()? {
            if directory.is_ipv4() == self.local.is_ipv4() {
                continue;
            }
            let Ok(source) = rt::source_towards(directory) else { continue };
            let stays = self.listening.filter(|listening| listening.ip() == source);
            let (at, listener) = match stays {
                Some(at) => (at, None),
                None => {
                    let Ok((socket, port)) = login::listen(source, self.port) else { continue };
                    (SocketAddr::new(source, port), Some(socket))
                }
            };
            if self.is_seen(at, directory).await.is_some() {
                return Some((at, listener));
            }
        }
        None
    }

    /// Connects from there, from the port that is listened on where that can be, to the directory that our session is with.
    async fn is_seen(&self, from: SocketAddr, directory: SocketAddr) -> Option<()> {
        let stream = self.endpoint.connect_from(Some(from), directory).await.ok()?;
        let connected = (stream, std::time::Duration::ZERO);
        let mut connection = DirectoryConnection::over(&self.endpoint, connected).await.ok()?;
        // The token is for nobody else.
        if connection.key() != self.key {
            return None;
        }
        let reply = connection.ask(SeenReq { token: self.token, port: from.port() }).await.ok()?;
        connection.close().await;
        matches!(reply, FromDirectory::SeenReply(reply) if reply.status == SeenStatus::Success).then_some(())
    }
}
