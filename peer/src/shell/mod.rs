//! Sockets, clocks, files and tasks around the pure core.
//!
//! `login_flow` brings a user from nothing to logged in; `driver` then carries out what the engine decides. `directory`
//! is the connection to the directory, `listener` the listening port, `dial` an outgoing call, `link` a conversation;
//! `backup` and `trust_server` serve commands that run and end.

pub(crate) mod backup;
pub(crate) mod clock;
pub(crate) mod dial;
pub(crate) mod directory;
pub(crate) mod driver;
mod event_log;
pub(crate) mod link;
pub(crate) mod listener;
mod log;
pub(crate) mod login_flow;
mod office;
pub(crate) mod rt;
pub(crate) mod transfer;
pub(crate) mod trust_server;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_channel::{Receiver, Sender};

use self::directory::session::Back;
use self::listener::Caller;
use self::transfer::TransferConfig;
use peer_core::command::Command;
use peer_core::engine::{Accept, DialFailed, DialId, Input};
use peer_core::notice::{Failure, Notice, SessionNotice};
use peer_core::post::FilePolicy;

/// How many inputs may wait for the engine before whoever makes them has to wait.
const EVENTS: usize = 256;

/// What a terminal needs to know before it starts.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The directory, `host:port`.
    pub(crate) server: String,
    /// Where local state is kept.
    pub(crate) data: PathBuf,
    /// The address to listen on and to call from; otherwise that of the connection to the directory.
    pub(crate) listen: Option<IpAddr>,
    /// The port to listen on; otherwise 65000 or the next free one.
    pub(crate) port: Option<u16>,
    /// For connecting to the directory and for its answers.
    pub(crate) patience: Duration,
    /// Which calls are taken.
    pub(crate) accept: Accept,
    /// Whether others are told what was read.
    pub(crate) read_receipts: bool,
    /// How long messages are kept.
    pub(crate) keep_messages: Duration,
    /// How files are given and saved.
    pub(crate) files: TransferConfig,
    /// Which offers of files are taken.
    pub(crate) file_policy: FilePolicy,
    /// What of a notice goes into the event log, where one is kept.
    pub(crate) event_filter: Option<EventFilter>,
}

/// Says what of a notice is worth an event.
pub(crate) type EventFilter = fn(&Notice) -> Vec<String>;

/// What reaches the driver from its tasks.
pub(crate) enum Event {
    /// For the engine.
    Input(Input),
    /// For the person, past the engine.
    Notice(Notice),
    /// The end.
    Failed(Failure),
    /// Somebody calls.
    Caller(Box<Caller>),
    /// A dial came to its end.
    Dialed(DialId, Result<Box<common::link::Link<rt::TcpStream>>, DialFailed>),
    /// The session came back, maybe at another address and time.
    Back(Back),
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

/// The two queues to a front end.
#[derive(Debug, Clone)]
pub(crate) struct FrontEnd {
    /// What the person wants.
    pub(crate) commands: Receiver<Command>,
    /// What the person is told.
    pub(crate) notices: Sender<Notice>,
}

impl FrontEnd {
    /// Tells the person; a front end that is gone needs no telling.
    pub(crate) async fn tell(&self, notice: Notice) {
        log::told(&notice);
        let _ = self.notices.send(notice).await;
    }
}

/// Runs one user's session at this terminal: login, then conversations, until logout or failure.
pub(crate) async fn run(setup: Setup, front_end: FrontEnd) {
    match login_flow::run(&setup, &front_end).await {
        Ok(Some(logged_in)) => driver::run(setup, logged_in, front_end).await,
        Ok(None) => {
            front_end.tell(Notice::Session(SessionNotice::LoggedOut { why: peer_core::notice::LoggedOut::Asked })).await
        }
        Err(failure) => front_end.tell(Notice::Session(SessionNotice::Failed(failure))).await,
    }
}
