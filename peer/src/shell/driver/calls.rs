//! Calls of a driver, in both directions: where callers arrive, and the calls that are being placed. Whom to call, who
//! is taken, and what a failed call means is the engine's.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::ident::MeetingToken;
use common::msg::Meet;

use crate::shell::candidates::Sources;
use crate::shell::clock::DirectoryTime;
use crate::shell::dial::{self, Dial, Over};
use crate::shell::directory::Ends;
use crate::shell::directory::login::Credentials;
use crate::shell::events::{Elsewhere, Event, Events};
use crate::shell::listener::{Listener, Place};
use crate::shell::rendezvous::{self, Rendezvous, Role};
use crate::shell::rt::{self, Task, TcpListener};
use peer_core::event::{Call, DialId, Fallback};
use peer_core::notice::Failure;
use peer_core::verify::LocalIdentity;

/// The listener, and the calls that are being placed.
pub(super) struct Calls {
    credentials: Arc<Credentials>,
    /// Where calls are placed from, and legs go to.
    ends: Ends,
    listener: Arc<Listener>,
    /// Lets callers in until it is dropped.
    listening: Task,
    /// Our address of the other family, where the directory has seen one in this session.
    other: Option<IpAddr>,
    /// Lets callers in there.
    listening_there: Option<Task>,
    dials: BTreeMap<DialId, Task>,
    events: Events,
}

impl Calls {
    /// Lets callers in at `socket`.
    pub(super) fn new(
        credentials: Arc<Credentials>,
        ends: Ends,
        socket: TcpListener,
        time: DirectoryTime,
        events: Events,
    ) -> Result<Self, Failure> {
        let listener = Listener::new(&credentials.identity, time)?;
        let listening = listener.open(socket, events.clone());
        let (other, listening_there, dials) = (None, None, BTreeMap::new());
        Ok(Self { credentials, ends, listener, listening, other, listening_there, dials, events })
    }

    /// The session came back: at this time, with this address, and with another socket if that has changed.
    pub(super) fn session_is_back(&mut self, time: DirectoryTime, ends: Ends, socket: Option<TcpListener>) {
        self.listener.set_time(time);
        (self.ends, self.other) = (ends, None);
        if let Some(socket) = socket {
            self.listening = self.listener.open(socket, self.events.clone());
        }
    }

    /// The directory has seen us at an address of the other family as well.
    pub(super) fn is_elsewhere(&mut self, elsewhere: Elsewhere) {
        self.other = Some(elsewhere.source);
        if let Some(socket) = elsewhere.listener {
            self.listening_there = Some(self.listener.open(socket, self.events.clone()));
        }
    }

    /// Our user has another identity key.
    pub(super) fn set_credentials(&mut self, credentials: Arc<Credentials>) -> Result<(), Failure> {
        self.listener.set_identity(&credentials.identity)?;
        self.credentials = credentials;
        Ok(())
    }

    /// The directory's time, seconds since the epoch.
    pub(super) fn time(&self) -> u64 {
        self.listener.time()
    }

    /// A call that is ready to be placed.
    pub(super) fn call(&self, me: &LocalIdentity, call: Call) -> Result<Dial, Failure> {
        let config = dial::config(&self.credentials.identity, &call.found);
        let config = config.map_err(|error| Failure::Internal { detail: error.to_string() })?;
        let time = self.listener.time();
        let sources = Sources { session: self.ends.source, other: self.other };
        let over = Over::Addresses(Fallback::Nothing);
        Ok(Dial { me: me.clone(), call, config, over, sources, time, fetch: None, shown: None })
    }

    /// The same, over the leg that this token opens.
    pub(super) fn call_by_relay(&self, me: &LocalIdentity, call: Call, token: MeetingToken) -> Result<Dial, Failure> {
        Ok(Dial { over: Over::Relay(self.ends.directory, token), ..self.call(me, call)? })
    }

    /// The same, by connecting to each other; by no way at all where the port cannot be shared.
    pub(super) fn call_to_meet(
        &self,
        me: &LocalIdentity,
        call: Call,
        (address, after): (SocketAddr, u32),
    ) -> Result<Dial, Failure> {
        let over = self.rendezvous(address, after, Role::Caller).map_or(Over::Nowhere, Over::Meeting);
        Ok(Dial { over, ..self.call(me, call)? })
    }

    fn rendezvous(&self, to: SocketAddr, after: u32, role: Role) -> Option<Rendezvous> {
        let (from, wait) = (self.ends.shared?, rendezvous::wait(after, self.ends.round_trip));
        Some(Rendezvous { from, to, wait, role, expected: self.listener.expected() })
    }

    /// Comes to a meeting, and waits for whoever has asked for it.
    pub(super) fn meet(&self, meet: Meet) {
        let place = match (meet.token, meet.after) {
            (Some(token), _) => Some(Place::Leg(token, (self.ends.source, self.ends.directory))),
            (None, Some(after)) => self.rendezvous(meet.address, after, Role::Callee).map(Place::Punch),
            (None, None) => None,
        };
        if let Some(place) = place {
            self.listener.meet(meet, place, self.events.clone());
        }
    }

    /// Places a call, beside everything else.
    pub(super) fn place(&mut self, dial: DialId, call: Dial) {
        let events = self.events.clone();
        let task = rt::spawn(async move {
            let outcome = call.place().await;
            events.send(Event::Dialed(dial, outcome)).await;
        });
        self.dials.insert(dial, task);
    }

    /// Gives a call up, or takes note of its end. `None` if it was given up before.
    pub(super) fn end(&mut self, dial: DialId) -> Option<()> {
        self.dials.remove(&dial).map(drop)
    }
}
