//! What reaches the driver from its tasks, and the queue it comes over.

use std::net::IpAddr;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use common::ident::MessageId;
use common::link::Link;
use common::msg::Record;

use super::directory::Ends;
use super::directory::login::{Credentials, Presence};
use super::half_open::HalfOpen;
use super::rt::{TcpListener, TcpStream};
use crate::store::StoreError;
use peer_core::command::Ticket;
use peer_core::event::{DialFailed, DialId, Input};
use peer_core::model::{LinkWay, Named};
use peer_core::notice::{Failure, Notice};
use peer_core::verify::ConnectRequest;

/// How many inputs may wait for the engine before whoever makes them has to wait.
const EVENTS: usize = 256;

/// What reaches the driver from its tasks.
pub(crate) enum Event {
    /// For the engine.
    Input(Input),
    /// For the user, past the engine.
    Notice(Notice),
    /// Answers a command, past the engine.
    Answer(Ticket, Notice),
    /// The end.
    Failed(Failure),
    /// Somebody calls.
    Caller(Box<Caller>),
    /// A dial came to its end.
    Dialed(DialId, Result<Reached, DialFailed>),
    /// The session came back, maybe at another address and time.
    Back(Back),
    /// The directory has seen us from the other family as well.
    Elsewhere(Elsewhere),
    /// What was written and nobody waits for has waited long enough.
    SyncDue,
    /// What was written up to this commit survives the loss of power, or may not.
    Synced(u64, Result<(), StoreError>),
}

/// A terminal that has taken a call of ours.
pub(crate) struct Reached {
    pub(crate) link: Box<Link<TcpStream>>,
    pub(crate) way: LinkWay,
    /// What its directory says of it.
    pub(crate) record: Option<Box<Record>>,
    /// How it names the conversation.
    pub(crate) named: Option<Named>,
}

/// A caller that has shown a key of its own and asked to be connected; the engine judges.
pub(crate) struct Caller {
    /// The link, after the handshake.
    pub(crate) link: Link<TcpStream>,
    /// What the caller asks, and the connection it came over.
    pub(crate) request: ConnectRequest,
    /// The file the caller wants, and from which byte on; otherwise it wants to talk.
    pub(crate) fetch: Option<(MessageId, u64)>,
    /// How the link goes.
    pub(crate) way: LinkWay,
    /// Counts the caller as half-open until it is dropped.
    pub(crate) half_open: HalfOpen,
}

/// A session that stands again.
pub(crate) struct Back {
    /// What the directory tells others now.
    pub(crate) presence: Presence,
    /// Both ends of its connection.
    pub(crate) ends: Ends,
    /// Who we are: with another certificate than before if this has become another terminal, with another identity key if
    /// our user has made one.
    pub(crate) credentials: Arc<Credentials>,
    /// Where callers arrive from now on, if our address has changed.
    pub(crate) listener: Option<TcpListener>,
}

/// Where the directory has seen us beside where our session comes from.
pub(crate) struct Elsewhere {
    /// Calls to this family are placed from here.
    pub(crate) source: IpAddr,
    /// Where callers arrive, if nobody listens there yet.
    pub(crate) listener: Option<TcpListener>,
}

/// Where tasks report.
#[derive(Debug, Clone)]
pub(crate) struct Events(Sender<Event>);

impl Events {
    /// A queue that makes its writers wait when it is full.
    pub(crate) fn queue() -> (Self, Receiver<Event>) {
        let (sender, receiver) = async_channel::bounded(EVENTS);
        (Self(sender), receiver)
    }

    /// Reports; after the end of the driver nobody listens, which is no error.
    pub(crate) async fn send(&self, event: Event) {
        let _ = self.0.send(event).await;
    }

    /// Reports an input for the engine.
    pub(crate) async fn input(&self, input: Input) {
        self.send(Event::Input(input)).await;
    }
}
