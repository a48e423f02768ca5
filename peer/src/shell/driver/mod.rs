//! A logged-in terminal: feeds the engine and carries out what it decides.
//!
//! - here: what happens, in the order in which it is looked at · [`effects`]: what the engine decides, and the disk
//!   first
//! - [`refused`]: who is told that the disk has kept nothing · [`storage`]: the core and the disk · [`links`], [`calls`], [`transfers`]: what runs beside the loop
//!
//! Decides nothing itself, except what a disk that refuses to write means for what rests on it.

mod calls;
mod effects;
mod links;
mod refused;
mod storage;
mod transfers;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use common::ident::KeyDigest;
use futures::lock::Mutex;
use futures::{FutureExt as _, select_biased};

use self::calls::Calls;
use self::links::Links;
use self::storage::Storage;
use self::transfers::Transfers;
use super::clock::Clock;
use super::directory::login::Presence;
use super::directory::request::{DirectoryRequest, PasscodeWish};
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
use peer_core::contacts::Contacts;
use peer_core::engine::{self, Engine};
use peer_core::event::Input;
use peer_core::notice::{Failure, Notice, SessionNotice, StoreUse};
use peer_core::retention::Retention;
use peer_core::verify::LocalIdentity;

/// Whether the loop goes on.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    On,
    Over,
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
        state: Arc::new(Mutex::new(state)),
    };
    let retention = storage.retention(setup.keep_messages).await?;
    let engine = open_engine(&setup, &storage, connection.key()).await?;
    let (events, happened) = Events::queue();
    let (requests, asked) = async_channel::unbounded();
    let source = setup.listen.unwrap_or_else(|| connection.local());

    let calls =
        Calls::new(Arc::clone(&credentials), (source, connection.remote()), socket, presence.time, events.clone())?;
    let session = Session {
        endpoint,
        folder,
        credentials,
        listen: setup.listen,
        port: setup.port,
        listening: SocketAddr::new(source, port),
        features: presence.features.clone(),
        state: Arc::clone(&storage.state),
    };
    let _session = session.keep(connection, asked, events.clone());

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
    let contacts = Contacts::new(storage.contacts().await?);
    let settings = engine::Setup {
        me: storage.me.clone(),
        directory,
        accept: setup.accept,
        read_receipts: setup.read_receipts,
        files: setup.file_policy,
    };
    let opening = storage.opening().await?;
    Engine::new(settings, contacts, opening).map_err(|why| Failure::Internal { detail: why.to_string() })
}

impl Driver {
    async fn run(mut self, happened: Receiver<Event>, presence: Presence) -> Result<(), Failure> {
        let commands = self.front_end.commands.clone();
        self.look_at_the_clock().await;
        if let Some(generation) = presence.generation {
            self.input(Input::Generation(generation)).await?;
        }
        if self.input(Input::Began(presence.features)).await? == Run::Over {
            return Ok(());
        }
        loop {
            while let Some(recalled) = self.recalled.pop_front() {
                self.input(recalled).await?;
            }
            let now = self.clock.now();
            let look = self.retention.next_deadline();
            let deadline = self.engine.next_deadline().map_or(look, |deadline| deadline.min(look));
            let tick = rt::sleep(Duration::from_secs(deadline.saturating_sub(now.tick)));
            let run = select_biased! {
                // The user first: nobody else may keep them waiting.
                command = commands.recv().fuse() => {
                    // A front end that is gone has logged out.
                    let logout = || Command::Session(SessionCommand::Logout);
                    let gone = || TicketedCommand { ticket: Ticket::default(), command: logout() };
                    self.command(command.unwrap_or_else(|_| gone())).await?
                }
                event = happened.recv().fuse() => match event {
                    Ok(event) => self.event(event).await?,
                    Err(_) => Run::Over,
                },
                () = tick.fuse() => {
                    if look <= self.clock.now().tick {
                        self.look_at_the_clock().await;
                    }
                    self.input(Input::Tick).await?
                }
            };
            if run == Run::Over {
                self.look_at_the_clock().await;
                return Ok(());
            }
        }
    }

    /// Keeps what has passed of the time, and forgets what is too old. A disk that refuses is asked again at the next look.
    async fn look_at_the_clock(&mut self) {
        let writes = self.retention.handle_time(self.clock.now());
        if let Err(error) = self.storage.persist(&writes, Vec::new()).await {
            tracing::warn!(%error, "what is too old could not be forgotten");
        }
    }

    async fn command(&mut self, TicketedCommand { ticket, command }: TicketedCommand) -> Result<Run, Failure> {
        // Until the session stands again the core would say that the directory is out of reach.
        if let Some(detail) = &self.suspended
            && let Some(notice) = refused::at_once(&ticket, &command, detail)
        {
            self.front_end.answer(Some(ticket), notice).await;
            return Ok(Run::On);
        }
        let answer = match command {
            Command::Session(command) => {
                if let Some(wish) = passcode_wish(&command) {
                    self.passcode_wish = Some(wish);
                }
                return self.input(Input::Command(ticket, Command::Session(command))).await;
            }
            Command::File(FileCommand::Offer { to, path }) => {
                self.transfers.look_at(ticket, to, path);
                return Ok(Run::On);
            }
            // Where it is now, whoever goes on with it from where.
            Command::File(FileCommand::Change { number, wish: FileWish::Accept { folder } }) => {
                let wish = FileWish::Accept { folder: folder.map(|folder| typed(&folder)) };
                let change = FileCommand::Change { number, wish };
                return self.input(Input::Command(ticket, Command::File(change))).await;
            }
            Command::Journal(JournalCommand::Replay { after, count }) => {
                let answer = self.storage.replay(&after, count).await;
                answer.unwrap_or_else(|error| store_failed(StoreUse::Reading, &error))
            }
            Command::Journal(JournalCommand::Acknowledge { name, seq }) => {
                let answer = self.storage.acknowledge(&name, seq).await;
                answer.unwrap_or_else(|error| store_failed(StoreUse::Command, &error))
            }
            command => return self.input(Input::Command(ticket, command)).await,
        };
        self.front_end.answer(Some(ticket), answer).await;
        Ok(Run::On)
    }

    async fn event(&mut self, event: Event) -> Result<Run, Failure> {
        match event {
            Event::Input(input) => {
                match &input {
                    Input::LinkEnded { link, .. } => self.links.forget(*link),
                    Input::Reopened(_) => self.suspended = None,
                    _ => {}
                }
                self.input(input).await
            }
            Event::Notice(notice) => {
                self.front_end.tell(notice).await;
                Ok(Run::On)
            }
            Event::Answer(ticket, notice) => {
                self.front_end.answer(Some(ticket), notice).await;
                Ok(Run::On)
            }
            Event::Failed(failure) => Err(failure),
            Event::Back(back) => self.session_is_back(back).await,
            Event::Caller(caller) => {
                let Caller { link, request, fetch, half_open, way } = *caller;
                let link = self.links.adopt(link, Some(half_open));
                self.input(Input::LinkStands { link, way }).await?;
                let input = match fetch {
                    Some((file, offset)) => Input::FileRequested { link, request, file, offset },
                    None => Input::Requested { link, request },
                };
                self.input(input).await
            }
            Event::Dialed(dial, outcome) => {
                // Given up meanwhile: the engine has forgotten it, and dropping the link closes it.
                if self.calls.end(dial).is_none() {
                    return Ok(Run::On);
                }
                let outcome = match outcome {
                    Ok(Reached { link, way }) => {
                        let link = self.links.adopt(*link, None);
                        self.input(Input::LinkStands { link, way }).await?;
                        Ok(link)
                    }
                    Err(why) => Err(why),
                };
                self.input(Input::Dialed { dial, outcome }).await
            }
        }
    }

    /// The session stands again, maybe at another address, at another time, or as another terminal.
    async fn session_is_back(&mut self, back: Back) -> Result<Run, Failure> {
        self.calls.session_is_back(back.presence.time, (back.source, back.directory), back.listener);
        let terminal = back.certificate.terminal;
        if terminal != self.storage.me.terminal {
            (self.storage.certificate, self.storage.me.terminal) = (back.certificate, terminal);
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

/// The passcodes that a command gives, if it needs any.
fn passcode_wish(command: &SessionCommand) -> Option<PasscodeWish> {
    let (current, to) = match command {
        SessionCommand::ProvePasscode { current } | SessionCommand::RemoveTerminal { current, .. } => (current, None),
        SessionCommand::ChangePasscode { current, to } => (current, Some(to.clone())),
        SessionCommand::Identify { .. }
        | SessionCommand::TrustDirectory(_)
        | SessionCommand::Login { .. }
        | SessionCommand::Register { .. }
        | SessionCommand::Invitation { .. }
        | SessionCommand::Terminals
        | SessionCommand::Logout => return None,
    };
    Some(PasscodeWish { current: current.clone(), to })
}
