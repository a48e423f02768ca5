//! The world: one clock, one queue of what happens when, and everybody in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use common::msg::{Envelope, FromDirectory, ToDirectory};

use super::clients::{Client, Life};
use super::faults_profile::FaultsProfile;
use super::files::{Files, Step};
use super::fixtures::fixtures;
use super::invariants::Invariants;
use super::network::{Connection, Dialing, Frame, Side};
use super::rng::Rng;
use super::server::{Earlier, Server};
use super::sessions::Session;
use crate::event::DialId;
use crate::files::model::TransferOutcome;
use crate::model::MessageKey;

/// Seconds since the epoch when a simulation begins.
pub(super) const DAWN: u64 = 1_800_000_000;

/// A terminal, by its place in [`fixtures`].
pub(super) type ClientId = usize;

/// Something that is going to happen.
#[derive(Debug)]
pub(super) enum Event {
    /// A terminal's program is started.
    Start(ClientId),
    /// It tries to log in.
    LogIn(ClientId, Life),
    /// Its login has succeeded.
    Entered(u64),
    /// A frame reaches the directory.
    Up(u64, Box<Envelope<ToDirectory>>),
    /// A frame reaches a terminal.
    Down(u64, Box<Envelope<FromDirectory>>),
    /// The directory looks whether there is something to push.
    Turn(u64),
    /// One end of a session notices that the connection is gone.
    SessionGone(u64, End),
    /// A deadline of a terminal.
    Tick(ClientId),
    /// A terminal's program knows that its disk did not keep something.
    NotKept(ClientId, Life),
    /// What a terminal's program has written is synced.
    Synced(ClientId, Life),
    /// A terminal's program tries whether its disk works again.
    Reopen(ClientId, Life),
    /// The directory's disk is full no longer.
    Space,
    /// A frame reaches the end of a link.
    Frame(u64, Side, Frame),
    /// One end of a link notices that the connection is gone.
    LinkGone(u64, Side),
    /// A message was looked up in the history.
    Recalled(ClientId, Life, Box<MessageKey>),
    /// A transfer of a file goes on.
    File(u64, Step),
    /// A terminal's shell has come to the end of a transfer.
    FileEnded(ClientId, Life, u64, Box<TransferOutcome>),
    /// A call that nobody takes.
    NoAnswer(ClientId, DialId, Life),
    /// Somebody does something.
    Act,
    /// Something breaks.
    Fault,
    /// The directory is started.
    Open,
}

/// When something happens, and its place among what happens then.
pub(super) type Place = (u64, u64);

/// The ends of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Terminal,
    Directory,
}

/// One line per step; what a replay must repeat.
#[derive(Clone, Default)]
pub(super) struct Trace(Rc<RefCell<String>>);

impl Trace {
    pub(super) fn text(&self) -> String {
        self.0.borrow().clone()
    }
}

pub(super) struct World {
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    queue: BTreeMap<Place, Event>,
    drawn: u64,
    pub(super) rng: Rng,
    pub(super) profile: FaultsProfile,
    pub(super) server: Server,
    /// What the directory may go back to.
    pub(super) earlier: Option<Earlier>,
    /// Seconds by which the directory's clock is ahead.
    pub(super) clock_error: i64,
    pub(super) sessions: BTreeMap<u64, Session>,
    pub(super) clients: Vec<Client>,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) dials: BTreeMap<(ClientId, DialId), Dialing>,
    pub(super) files: Files,
    pub(super) invariants: Invariants,
    /// What must not be, and is.
    pub(super) broken: Option<String>,
    pub(super) trace: Trace,
}

impl World {
    pub(super) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::new(seed);
        let profile = FaultsProfile::draw(&mut rng).with_relays(seed);
        Self::with_rng(rng, profile, trace)
    }

    /// With a profile of one's own.
    pub(super) fn with(seed: u64, profile: FaultsProfile, trace: Trace) -> Self {
        Self::with_rng(Rng::new(seed), profile, trace)
    }

    fn with_rng(rng: Rng, profile: FaultsProfile, trace: Trace) -> Self {
        let server = Server::new(&profile);
        let clients: Vec<Client> = fixtures().iter().map(Client::new).collect();
        let mut world = Self {
            now: 0,
            queue: BTreeMap::new(),
            drawn: 0,
            rng,
            profile,
            server,
            earlier: None,
            clock_error: 0,
            sessions: BTreeMap::new(),
            invariants: Invariants::new(clients.len()),
            clients,
            connections: BTreeMap::new(),
            dials: BTreeMap::new(),
            files: Files::default(),
            broken: None,
            trace,
        };
        world.note("world", format_args!("{:?}", world.profile));
        world.begin_run();
        world
    }

    /// A number nothing else has.
    pub(super) fn number(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    pub(super) fn at(&mut self, when: u64, event: Event) -> Place {
        let place = (when.max(self.now), self.number());
        self.queue.insert(place, event);
        place
    }

    /// It does not happen.
    pub(super) fn cancel(&mut self, place: Place) {
        self.queue.remove(&place);
    }

    /// Between now and this number of milliseconds later.
    pub(super) fn soon(&mut self, most: u64, event: Event) {
        let when = self.now + self.rng.up_to(most);
        self.at(when, event);
    }

    /// How long a frame is under way.
    pub(super) fn latency(&mut self) -> u64 {
        1 + self.rng.up_to(self.profile.latency)
    }

    /// Writes a line of the trace.
    pub(super) fn note(&self, who: &str, what: std::fmt::Arguments<'_>) {
        let mut trace = self.trace.0.borrow_mut();
        writeln!(trace, "{:>6}.{:03} {who:9} {what}", self.now / 1000, self.now % 1000).unwrap();
    }

    /// Something is as it must not be.
    pub(super) fn violated(&mut self, what: String) {
        self.note("world", format_args!("VIOLATED: {what}"));
        self.broken.get_or_insert(what);
    }

    /// Lets everything happen until then; false when nothing is left to happen.
    pub(super) fn run_until(&mut self, until: u64) -> Result<bool, String> {
        while let Some(entry) = self.queue.first_entry() {
            if entry.key().0 > until {
                self.now = until;
                return Ok(true);
            }
            let ((when, _), event) = entry.remove_entry();
            self.now = when;
            self.happens(event);
            if let Some(broken) = self.broken.take() {
                return Err(broken);
            }
        }
        Ok(false)
    }

    /// What is going to happen next, and when.
    pub(super) fn upcoming(&self) -> String {
        let next = self.queue.first_key_value();
        next.map_or_else(|| "nothing".to_owned(), |((when, _), event)| format!("{event:?} at {when} ms"))
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Start(client) => self.start(client),
            Event::LogIn(client, life) => self.log_in(client, life),
            Event::Entered(session) => self.entered(session),
            Event::Up(session, frame) => self.serve(session, *frame),
            Event::Down(session, frame) => self.heard(session, *frame),
            Event::Turn(session) => self.turn(session),
            Event::SessionGone(session, end) => self.session_gone(session, end),
            Event::Tick(client) => self.tick(client),
            Event::Recalled(client, life, name) => self.recalled(client, life, *name),
            Event::NotKept(client, life) => self.not_kept(client, life),
            Event::Synced(client, life) => self.synced(client, life),
            Event::Reopen(client, life) => self.reopen(client, life),
            Event::Space => self.directory_has_space(),
            Event::Frame(connection, side, frame) => self.frame(connection, side, frame),
            Event::LinkGone(connection, side) => self.link_gone(connection, side),
            Event::File(stream, step) => self.file_step(stream, step),
            Event::FileEnded(client, life, number, went) => self.file_ended(client, life, number, *went),
            Event::NoAnswer(client, dial, life) => self.no_answer(client, dial, life),
            Event::Act => self.act(),
            Event::Fault => self.fault(),
            Event::Open => self.open_directory(),
        }
    }
}
