//! A logged-in terminal: feeds the engine and carries out what it decides.
//!
//! - here: what happens, in the order in which it is looked at · [`batch`]: what waits is taken together · [`effects`]: what
//!   the engine decides, and the disk first · [`unsynced`], [`syncing`]: what waits for the disk
//! - [`refused`]: who is told that the disk has kept nothing · [`storage`]: the core and the disk · [`links`], [`calls`], [`transfers`]: what runs beside the loop
//!
//! Decides nothing itself, except what a disk that refuses to write means for what rests on it.

mod batch;
mod calls;
mod effects;
mod links;
mod refused;
mod storage;
mod syncing;
mod transfers;
mod unsynced;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use common::ident::KeyDigest;
use futures::lock::Mutex;
use futures::{FutureExt as _, select_biased};

use self::batch::Batch;
use self::calls::Calls;
use self::links::Links;
use self::storage::Storage;
use self::syncing::Syncing;
use self::transfers::Transfers;
use self::unsynced::Unsynced;
use super::clock::Clock;
use super::directory::login::Presence;
use super::directory::other_family::OtherFamily;
use super::directory::request::{DirectoryRequest, PasscodeWish, ask};
use super::directory::session::Session;
use super::event_log::EventFilter;
use super::events::{Back, Caller, Event, Events, Reached};
use super::front_end::FrontEnd;
use super::log;
use super::login_flow::LoggedIn;
use super::rt::{self, Task};
use super::setup::Setup;
use super::transfer::config::typed;
use crate::store::StoreError;
use peer_core::command::{Command, FileCommand, FileWish, JournalCommand, SessionCommand, Ticket, TicketedCommand};
use peer_core::engine::{self, Engine};
use peer_core::event::{Durability, Input};
use peer_core::notice::{Failure, Notice, SessionNotice, StoreUse};
use peer_core::retention::Retention;
use peer_core::verify::LocalIdentity;

/// Whether the loop goes on.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    On,
    Over,
}

/// What happens to a driver.
enum Happened {
    Command(Box<TicketedCommand>),
    Event(Box<Event>),
    /// A deadline has passed; and when the clock is to be looked at.
    Tick(u64),
    /// Nobody is there who could report anything.
    Gone,
}

impl Happened {
    /// A front end that is gone has logged out.
    fn of_command(command: Option<TicketedCommand>) -> Self {
        let logout = Command::Session(SessionCommand::Logout);
        let gone = || TicketedCommand { ticket: Ticket::default(), command: logout };
        Self::Command(Box::new(command.unwrap_or_else(gone)))
    }
}

struct Driver {
    engine: Engine,
    clock: Clock,
    storage: Storage,
    requests: Sender<DirectoryRequest>,
    /// What the user wants the passcode to be, until the change begins.
    passcode_wish: Option<PasscodeWish>,
    events: Events,
    links: Links,
    calls: Calls,
    transfers: Transfers,
    front_end: FrontEnd,
    event_filter: Option<EventFilter>,
    /// The core in memory is not what the disk has, for this reason: nothing is kept, and therefore sent, until it is
    /// opened again.
    suspended: Option<String>,
    /// What the disk has said last; a session that begins again does so because of it.
    disk_said: Option<String>,
    unsynced: Unsynced,
    syncing: Syncing,
    /// The session ends and begins again on purpose, of which the user has been told.
    is_renewing: bool,
    reopening: Option<Task>,
    retention: Retention,
    /// What the engine has looked up in the history.
    recalled: VecDeque<Input>,
    /// The command whose step is being carried out.
    answering: Option<Ticket>,
}

/// Runs until logout, or until nothing can go on.
pub(crate) async fn run(setup: Setup, logged_in: LoggedIn, front_end: FrontEnd) {
    let told = front_end.clone();
    if let Err(failure) = start(setup, logged_in, front_end).await {
        told.tell(Notice::Session(SessionNotice::Failed(failure))).await;
    }
}

async fn start(setup: Setup, logged_in: LoggedIn, front_end: FrontEnd) -> Result<(), Failure> {
    let LoggedIn { connection, endpoint, folder, credentials, state, socket, port, presence } = logged_in;
    log::memory();
    let credentials = Arc::new(credentials);
    let storage = Storage {
        me: LocalIdentity {
            user: credentials.user.clone(),
            key: credentials.identity.public().clone(),
            terminal: credentials.certificate.terminal,
        },
        certificate: credentials.certificate.clone(),
        began: state.last_event()?,
        log: state.log(),
        is_doubtful: false,
        state: Arc::new(Mutex::new(state)),
    };
    let retention = storage.retention(setup.keep_messages).await?;
    let engine = open_engine(&setup, &storage, connection.key()).await?;
    let (events, happened) = Events::queue();
    let (requests, asked) = async_channel::unbounded();
    let source = setup.listen.unwrap_or_else(|| connection.local());

    let calls =
        Calls::new(Arc::clone(&credentials), connection.ends(source, port), socket, presence.time, events.clone())?;
    let session = Session {
        endpoint,
        folder,
        credentials,
        listen: setup.listen,
        port: setup.port,
        listening: SocketAddr::new(source, port),
        features: presence.features.clone(),
        state: Arc::clone(&storage.state),
        elsewhere: OtherFamily::default(),
    };
    let _session = session.keep(connection, presence.other, asked, events.clone());

    let driver = Driver {
        engine,
        clock: Clock::start(),
        storage,
        requests,
        passcode_wish: None,
        links: Links::new(events.clone()),
        calls,
        transfers: Transfers::new(setup.files, events.clone()),
        events,
        front_end,
        event_filter: setup.event_filter,
        suspended: None,
        disk_said: None,
        unsynced: Unsynced::default(),
        syncing: Syncing::default(),
        is_renewing: false,
        answering: None,
        reopening: None,
        retention,
        recalled: VecDeque::new(),
    };
    driver.run(happened, presence).await
}

/// The engine, with what is on the disk.
async fn open_engine(setup: &Setup, storage: &Storage, directory: KeyDigest) -> Result<Engine, Failure> {
    let settings = engine::Setup {
        me: storage.me.clone(),
        directory,
        accept: setup.accept,
        read_receipts: setup.read_receipts,
        files: setup.file_policy,
    };
    let opening = storage.opening().await?;
    let engine = Engine::new(settings, opening);
    let engine = engine.map_err(|why| Failure::Internal { detail: why.to_string() })?;
    Ok(engine.with_records(storage.records().await?))
}

impl Driver {
    async fn run(mut self, happened: Receiver<Event>, presence: Presence) -> Result<(), Failure> {
        let commands = self.front_end.commands.clone();
        self.look_at_the_clock().await;
        if let Some(generation) = presence.generation {
            self.input(Input::Generation(generation)).await?;
        }
        if let Some(record) = presence.record {
            self.input(Input::of_directory(*record)).await?;
        }
        if self.input(Input::Began(presence.features)).await? == Run::Over {
            return Ok(());
        }
        let mut alarm = rt::alarm();
        loop {
            while let Some(recalled) = self.recalled.pop_front() {
                self.input(recalled).await?;
            }
            let now = self.clock.now();
            let look = self.retention.next_deadline();
            let deadline = self.engine.next_deadline().map_or(look, |deadline| deadline.min(look));
            let due = Instant::now() + Duration::from_secs(deadline.saturating_sub(now.tick));
            let first = select_biased! {
                // The user first: nobody else may keep them waiting.
                command = commands.recv().fuse() => Happened::of_command(command.ok()),
                event = happened.recv().fuse() => event.map_or(Happened::Gone, |event| Happened::Event(Box::new(event))),
                () = alarm.ring(Some(due)).fuse() => Happened::Tick(look),
            };
            // What waits besides is taken with it: of the user and of others in turn, so that no flood of one keeps the
            // other waiting.
            let mut turn = 0;
            let mut others = std::iter::from_fn(|| {
                turn += 1;
                let event = || happened.try_recv().ok().map(|event| Happened::Event(Box::new(event)));
                let command = || commands.try_recv().ok().map(|command| Happened::Command(Box::new(command)));
                if turn % 2 == 1 { event().or_else(command) } else { command().or_else(event) }
            })
            .take(batch::INPUTS);
            let mut batch = Batch::default();
            let mut next = Some(first);
            let mut run = Run::On;
            while let Some(happened) = next.take().filter(|_| run == Run::On) {
                run = self.take(happened, &mut batch).await?;
                next = if batch.is_full() { None } else { others.next() };
            }
            if self.carry_out_all(batch).await? == Run::Over {
                run = Run::Over;
            }
            if run == Run::Over {
                self.look_at_the_clock().await;
                return Ok(());
            }
            // What was decided leaves now, however much waits here.
            rt::yield_now().await;
        }
    }

    /// Keeps what has passed of the time, and forgets what is too old. A disk that refuses is asked again at the next look.
    async fn look_at_the_clock(&mut self) {
        let writes = self.retention.handle_time(self.clock.now());
        if let Err(error) = self.storage.persist(&writes, Vec::new(), Durability::Synced).await {
            tracing::warn!(%error, "what is too old could not be forgotten");
        }
    }

    /// Takes something that happened: an input of the engine goes to the batch, unless it must be a step of its own.
    async fn take(&mut self, happened: Happened, batch: &mut Batch) -> Result<Run, Failure> {
        let inputs = match happened {
            Happened::Command(command) => {
                if DirectoryRequest::is_needed_for(&command.command) {
                    ask(&self.requests, DirectoryRequest::Hurry).await;
                }
                match self.input_of_command(*command) {
                    Ok(input) => vec![input],
                    Err(command) => {
                        let run = self.carry_out_all(std::mem::take(batch)).await?;
                        self.command(*command).await;
                        return Ok(run);
                    }
                }
            }
            Happened::Event(event) => match self.inputs_of_event(*event) {
                Ok(inputs) => inputs,
                Err(event) => {
                    let run = self.carry_out_all(std::mem::take(batch)).await?;
                    return if run == Run::Over { Ok(run) } else { self.event(*event).await };
                }
            },
            Happened::Tick(look) => {
                if look <= self.clock.now().tick {
                    self.look_at_the_clock().await;
                }
                vec![Input::Tick]
            }
            Happened::Gone => return Ok(Run::Over),
        };
        for input in inputs {
            if !batch::is_alone(&input) {
                self.step(input, batch);
            } else if self.carry_out_all(std::mem::take(batch)).await? == Run::Over
                || self.step_alone(input).await? == Run::Over
            {
                return Ok(Run::Over);
            }
        }
        Ok(Run::On)
    }

    async fn step_alone(&mut self, input: Input) -> Result<Run, Failure> {
        if matches!(input, Input::Reopened(_)) {
            self.suspended = None;
        }
        self.input(input).await
    }

    /// What a command is to the engine; those that are none of its business come back.
    fn input_of_command(
        &mut self,
        TicketedCommand { ticket, command }: TicketedCommand,
    ) -> Result<Input, Box<TicketedCommand>> {
        let is_refused = self.suspended.as_ref().is_some_and(|why| refused::at_once(&ticket, &command, why).is_some());
        match command {
            command if is_refused => Err(Box::new(TicketedCommand { ticket, command })),
            command @ (Command::File(FileCommand::Offer { .. }) | Command::Journal(_)) => {
                Err(Box::new(TicketedCommand { ticket, command }))
            }
            Command::Session(command) => {
                if let Some(wish) = PasscodeWish::of(&command) {
                    self.passcode_wish = Some(wish);
                }
                Ok(Input::Command(ticket, Command::Session(command)))
            }
            // Where it is now, whoever goes on with it from where.
            Command::File(FileCommand::Change { number, wish: FileWish::Accept { folder } }) => {
                let wish = FileWish::Accept { folder: folder.map(|folder| typed(&folder)) };
                Ok(Input::Command(ticket, Command::File(FileCommand::Change { number, wish })))
            }
            command => Ok(Input::Command(ticket, command)),
        }
    }

    /// A command that is none of the engine's business.
    async fn command(&mut self, TicketedCommand { ticket, command }: TicketedCommand) {
        // Until the session stands again the core would say that the directory is out of reach.
        if let Some(detail) = &self.suspended
            && let Some(notice) = refused::at_once(&ticket, &command, detail)
        {
            return self.front_end.answer(Some(ticket), notice).await;
        }
        let answer = match command {
            Command::File(FileCommand::Offer { to, path }) => return self.transfers.look_at(ticket, to, path),
            Command::Journal(JournalCommand::Replay { after, count }) => {
                let answer = self.storage.replay(&after, count).await;
                answer.unwrap_or_else(|error| store_failed(StoreUse::Reading, &error))
            }
            Command::Journal(JournalCommand::Acknowledge { name, seq }) => {
                let answer = self.storage.acknowledge(&name, seq).await;
                answer.unwrap_or_else(|error| store_failed(StoreUse::Command, &error))
            }
            // The engine's.
            _ => return,
        };
        self.front_end.answer(Some(ticket), answer).await;
    }

    /// What an event is to the engine, if anything; those that are none of its business come back.
    fn inputs_of_event(&mut self, event: Event) -> Result<Vec<Input>, Box<Event>> {
        Ok(match event {
            Event::Input(input) => {
                if let Input::LinkEnded { link, .. } = &input {
                    self.links.forget(*link);
                }
                vec![input]
            }
            Event::Caller(caller) => {
                let Caller { link, request, fetch, half_open, way } = *caller;
                let link = self.links.adopt(link, Some(half_open));
                let wanted = match fetch {
                    Some((file, offset)) => Input::FileRequested { link, request, file, offset },
                    None => Input::Requested { link, request },
                };
                vec![Input::LinkStands { link, way }, wanted]
            }
            Event::Dialed(dial, outcome) => {
                // Given up meanwhile: the engine has forgotten it, and dropping the link closes it.
                if self.calls.end(dial).is_none() {
                    return Ok(Vec::new());
                }
                match outcome {
                    Ok(Reached { link, way, record, named }) => {
                        let link = self.links.adopt(*link, None);
                        let shown = record.map(|record| Input::Shown { link, record });
                        let named = named.map(|named| Input::LinkNamed { link, named });
                        let stands = [Input::LinkStands { link, way }].into_iter().chain(named).chain(shown);
                        stands.chain([Input::Dialed { dial, outcome: Ok(link) }]).collect()
                    }
                    Err(why) => vec![Input::Dialed { dial, outcome: Err(why) }],
                }
            }
            event => return Err(Box::new(event)),
        })
    }

    /// An event that is none of the engine's business.
    async fn event(&mut self, event: Event) -> Result<Run, Failure> {
        match event {
            Event::Notice(notice) => self.front_end.tell(notice).await,
            Event::Answer(ticket, notice) => self.front_end.answer(Some(ticket), notice).await,
            Event::Failed(failure) => return Err(failure),
            Event::Back(back) => return self.session_is_back(back).await,
            Event::Elsewhere(elsewhere) => self.calls.is_elsewhere(elsewhere),
            Event::SyncDue => self.sync_due(),
            Event::Synced(number, outcome) => self.synced(number, outcome).await?,
            // The engine's.
            Event::Input(_) | Event::Caller(_) | Event::Dialed(..) => {}
        }
        Ok(Run::On)
    }

    /// The session stands again, maybe at another address, at another time, or as another terminal.
    async fn session_is_back(&mut self, back: Back) -> Result<Run, Failure> {
        self.calls.session_is_back(back.presence.time, back.ends, back.listener);
        let key = back.credentials.identity.public();
        if *key != self.storage.me.key {
            let key = key.clone();
            self.storage.me.key = key.clone();
            self.storage.certificate = back.credentials.certificate.clone();
            self.calls.set_credentials(back.credentials)?;
            let opening = self.storage.opening().await?;
            return self.input(Input::Rekeyed(Box::new((key, opening)))).await;
        }
        let certificate = back.credentials.certificate.clone();
        let terminal = certificate.terminal;
        if terminal != self.storage.me.terminal {
            (self.storage.certificate, self.storage.me.terminal) = (certificate, terminal);
            let opening = self.storage.opening().await?;
            self.suspended = None;
            return self.input(Input::Renewed(Box::new(opening))).await;
        }
        Ok(Run::On)
    }
}

/// The disk's word, for the user.
fn store_failed(at: StoreUse, error: &StoreError) -> Notice {
    Notice::Session(SessionNotice::StoreFailed { at, detail: error.to_string() })
}
