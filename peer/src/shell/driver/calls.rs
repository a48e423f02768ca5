//! Calls of a driver, in both directions: where callers arrive, and the calls that are being placed. Whom to call, who
//! is taken, and what a failed call means is the engine's.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::ident::{MeetingToken, UserId};
use common::msg::Meet;

use crate::shell::clock::DirectoryTime;
use crate::shell::dial::{self, Dial};
use crate::shell::directory::login::Credentials;
use crate::shell::events::{Event, Events, Reached};
use crate::shell::listener::Listener;
use crate::shell::rt::{self, Task, TcpListener};
use peer_core::event::{DialId, Fallback};
use peer_core::notice::Failure;
use peer_core::verify::{LocalIdentity, LookupResult};

/// The listener, and the calls that are being placed.
pub(super) struct Calls {
    credentials: Arc<Credentials>,
    /// The address that calls are placed from.
    source: IpAddr,
    /// Where legs of meetings go.
    directory: SocketAddr,
    listener: Arc<Listener>,
    /// Lets callers in until it is dropped.
    listening: Task,
    dials: BTreeMap<DialId, Task>,
    events: Events,
}

impl Calls {
    /// Lets callers in at `socket`.
    pub(super) fn new(
        credentials: Arc<Credentials>,
        (source, directory): (IpAddr, SocketAddr),
        socket: TcpListener,
        time: DirectoryTime,
        events: Events,
    ) -> Result<Self, Failure> {
        let listener = Listener::new(&credentials.identity, time)?;
        let listening = listener.open(socket, events.clone());
        Ok(Self { credentials, source, directory, listener, listening, dials: BTreeMap::new(), events })
    }

    /// The session came back: at this time, with this address, and with another socket if that has changed.
    pub(super) fn session_is_back(
        &mut self,
        time: DirectoryTime,
        (source, directory): (IpAddr, SocketAddr),
        socket: Option<TcpListener>,
    ) {
        self.listener.set_time(time);
        (self.source, self.directory) = (source, directory);
        if let Some(socket) = socket {
            self.listening = self.listener.open(socket, self.events.clone());
        }
    }

    /// Our user has another identity key.
    pub(super) fn set_credentials(&mut self, credentials: Arc<Credentials>) -> Result<(), Failure> {
        self.listener.set_identity(&credentials.identity)?;
        self.credentials = credentials;
        Ok(())
    }

    /// A call that is ready to be placed.
    pub(super) fn call(&self, me: &LocalIdentity, to: UserId, found: LookupResult) -> Result<Dial, Failure> {
        let config = dial::config(&self.credentials.identity, &found);
        let config = config.map_err(|error| Failure::Internal { detail: error.to_string() })?;
        let time = self.listener.time();
        let (relay, fallback, source) = (None, Fallback::Nothing, self.source);
        Ok(Dial { me: me.clone(), to, found, config, relay, fallback, source, time, fetch: None })
    }

    /// The same, over the leg that this token opens.
    pub(super) fn call_by_relay(
        &self,
        me: &LocalIdentity,
        (to, found): (UserId, LookupResult),
        token: MeetingToken,
    ) -> Result<Dial, Failure> {
        Ok(Dial { relay: Some((self.directory, token)), ..self.call(me, to, found)? })
    }

    /// Opens our leg of a meeting, and waits for whoever has asked for it.
    pub(super) fn meet(&self, meet: Meet) {
        self.listener.meet(meet, (self.source, self.directory), self.events.clone());
    }

    /// Places a call, beside everything else.
    pub(super) fn place(&mut self, dial: DialId, call: Dial) {
        let events = self.events.clone();
        let task = rt::spawn(async move {
            let outcome = call.place().await.map(|(link, way)| Reached { link: Box::new(link), way });
            events.send(Event::Dialed(dial, outcome)).await;
        });
        self.dials.insert(dial, task);
    }

    /// Gives a call up, or takes note of its end. `None` if it was given up before.
    pub(super) fn end(&mut self, dial: DialId) -> Option<()> {
        self.dials.remove(&dial).map(drop)
    }
}
