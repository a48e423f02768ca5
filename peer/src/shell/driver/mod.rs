//! A logged-in terminal: feeds the engine and carries out what it decides.

mod files;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures::lock::Mutex;
use futures::{FutureExt as _, select_biased};

use super::clock::{self, Clock};
use super::dial::{self, Dial};
use super::directory::login::Credentials;
use super::directory::session::{Question, Session, ask};
use super::event_log;
use super::link::{self, Admission, LinkCommand};
use super::listener::{Caller, HalfOpen, Listener};
use super::login_flow::LoggedIn;
use super::office::Office;
use super::rt::{self, Task, TcpStream};
use super::transfer::{self, TransferConfig, Upload};
use super::{Event, EventFilter, Events, FrontEnd, Setup};
use crate::store::StoreError;
use crate::store::state::State;
use peer_core::command::{Command, FileCommand, FileWish, JournalCommand, SessionCommand};
use peer_core::contacts::Contacts;
use peer_core::engine::{DialFailed, DialId, Effect, Engine, Input, LinkId};
use peer_core::notice::{DirectoryNotice, Failure, JournalNotice, Notice, SessionNotice};
use peer_core::persistence::{HistoryWrite, Table, Write};
use peer_core::post::forget_rooms;
use peer_core::verify::{LocalIdentity, LookupResult};

/// How long goodbyes may take when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a disk that would not keep something is left alone. Chosen arbitrarily.
const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// Whether the loop goes on.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    On,
    Over,
}

struct LinkHandle {
    commands: Sender<LinkCommand>,
    /// Set while the caller is not accepted.
    half_open: Option<HalfOpen>,
}

struct Driver {
    engine: Engine,
    clock: Clock,
    me: LocalIdentity,
    credentials: Arc<Credentials>,
    source: std::net::IpAddr,
    listener: Arc<Listener>,
    /// Lets callers in until it is dropped.
    listening: Task,
    state: Arc<Mutex<State>>,
    questions: Sender<Question>,
    events: Events,
    links: BTreeMap<LinkId, LinkHandle>,
    dials: BTreeMap<DialId, Task>,
    next_link: u64,
    /// Closed when the last link task has ended.
    link_tasks: (Sender<()>, Receiver<()>),
    front_end: FrontEnd,
    event_filter: Option<EventFilter>,
    transfers: TransferConfig,
    fetching: BTreeMap<u64, Task>,
    /// Links over which files are given.
    uploads: BTreeMap<u64, LinkId>,
    office: Office,
    /// The post office in memory is not what the disk has: it keeps, and therefore sends, nothing until it is opened anew.
    is_suspended: bool,
    /// The session ends and begins again on purpose, of which the person has been told.
    is_renewing: bool,
    reopening: Option<Task>,
}

/// Runs until logout, or until nothing can go on.
pub(crate) async fn run(setup: Setup, logged_in: LoggedIn, front_end: FrontEnd) {
    let told = front_end.clone();
    if let Err(failure) = start(setup, logged_in, front_end).await {
        told.tell(Notice::Session(SessionNotice::Failed(failure))).await;
    }
}

async fn start(setup: Setup, logged_in: LoggedIn, front_end: FrontEnd) -> Result<(), Failure> {
    let LoggedIn { wire, place, folder, credentials, mut state, socket, port, presence } = logged_in;
    let credentials = Arc::new(credentials);
    let me = LocalIdentity {
        user: credentials.user.clone(),
        key: credentials.identity.public().clone(),
        terminal: credentials.certificate.terminal,
    };
    forget_old_messages(&mut state, setup.keep_messages)?;
    let office = Office {
        me: me.clone(),
        certificate: credentials.certificate.clone(),
        directory: wire.key(),
        read_receipts: setup.read_receipts,
        files: setup.file_policy,
        began: state.last_event()?,
    };
    let engine = Engine::new(me.clone(), setup.accept, Contacts::new(state.contacts()?), office.open(&state)?);
    let (events, happened) = Events::queue();
    let (questions, asked) = async_channel::unbounded();
    let source = setup.listen.unwrap_or_else(|| wire.local());
    let state = Arc::new(Mutex::new(state));

    let listener = Listener::new(&credentials.identity, presence.time)?;
    let listening = listener.open(socket, events.clone());
    let session = Session {
        place,
        folder,
        credentials: Arc::clone(&credentials),
        listen: setup.listen,
        port: setup.port,
        listening: SocketAddr::new(source, port),
        state: Arc::clone(&state),
    };
    let _session = session.keep(wire, asked, events.clone());

    let driver = Driver {
        engine,
        clock: Clock::start(),
        me,
        credentials,
        source,
        listener,
        listening,
        state,
        questions,
        events,
        links: BTreeMap::new(),
        dials: BTreeMap::new(),
        next_link: 0,
        link_tasks: async_channel::bounded(1),
        front_end,
        event_filter: setup.event_filter,
        transfers: setup.files,
        fetching: BTreeMap::new(),
        uploads: BTreeMap::new(),
        office,
        is_suspended: false,
        is_renewing: false,
        reopening: None,
    };
    driver.run(happened).await
}

/// Messages older than the person wants to keep go at the start of the program.
fn forget_old_messages(state: &mut State, keep: Duration) -> Result<(), Failure> {
    let before = clock::date().saturating_sub(keep.as_secs());
    Ok(state.keep(&[Write::History(HistoryWrite::Forget { before })])?)
}

impl Driver {
    async fn run(mut self, happened: Receiver<Event>) -> Result<(), Failure> {
        let commands = self.front_end.commands.clone();
        if self.input(Input::Began).await? == Run::Over {
            return Ok(());
        }
        loop {
            let now = self.clock.now();
            let wait = self.engine.next_deadline().map(|deadline| deadline.saturating_sub(now.tick));
            let tick = async {
                match wait {
                    Some(seconds) => rt::sleep(Duration::from_secs(seconds)).await,
                    None => std::future::pending().await,
                }
            };
            let run = select_biased! {
                // The person first: nobody else may keep them waiting.
                command = commands.recv().fuse() => {
                    // A front end that is gone has logged out.
                    self.command(command.unwrap_or(Command::Session(SessionCommand::Logout))).await?
                }
                event = happened.recv().fuse() => match event {
                    Ok(event) => self.event(event).await?,
                    Err(_) => Run::Over,
                },
                () = tick.fuse() => self.input(Input::Tick).await?,
            };
            if run == Run::Over {
                return Ok(());
            }
        }
    }

    async fn command(&mut self, command: Command) -> Result<Run, Failure> {
        if let Command::Session(SessionCommand::ChangePasscode { to }) = command {
            ask(&self.questions, Question::ChangePasscode(to)).await;
            return Ok(Run::On);
        }
        if let Command::File(FileCommand::Offer { to, path }) = command {
            self.look_at(to, path);
            return Ok(Run::On);
        }
        // Where it is now, whoever goes on with it from where.
        let command = match command {
            Command::File(FileCommand::Change { number, wish: FileWish::Accept { folder } }) => {
                let folder = folder.map(|folder| transfer::typed(&folder));
                Command::File(FileCommand::Change { number, wish: FileWish::Accept { folder } })
            }
            command => command,
        };
        let answer = match &command {
            Command::Journal(JournalCommand::Replay { after, count }) => {
                self.office.replay(&*self.state.lock().await, after, *count)
            }
            Command::Journal(JournalCommand::Acknowledge { name, seq }) => {
                self.office.acknowledge(&*self.state.lock().await, name, *seq)
            }
            _ => return self.input(Input::Command(command)).await,
        };
        let answer =
            answer.unwrap_or_else(|error| Notice::Session(SessionNotice::NotKept { detail: error.to_string() }));
        self.front_end.tell(answer).await;
        Ok(Run::On)
    }

    async fn event(&mut self, event: Event) -> Result<Run, Failure> {
        match event {
            Event::Input(input) => {
                match &input {
                    Input::LinkEnded { link, .. } => drop(self.links.remove(link)),
                    Input::Reopened(_) => self.is_suspended = false,
                    _ => {}
                }
                return self.input(input).await;
            }
            Event::Notice(notice) => self.front_end.tell(notice).await,
            Event::Failed(failure) => return Err(failure),
            Event::Back(back) => {
                self.listener.set_time(back.presence.time);
                self.source = back.source;
                let terminal = back.certificate.terminal;
                if terminal != self.office.me.terminal {
                    (self.office.certificate, self.office.me.terminal) = (back.certificate, terminal);
                    self.me.terminal = terminal;
                    let post = self.office.open(&*self.state.lock().await)?;
                    self.is_suspended = false;
                    return self.input(Input::Renewed { terminal, post: Box::new(post) }).await;
                }
                if let Some(socket) = back.listener {
                    self.listening = self.listener.open(socket, self.events.clone());
                }
            }
            Event::Caller(caller) => {
                let Caller { link, request, fetch, half_open } = *caller;
                let link = self.adopt(link, Some(half_open));
                if let Some((file, offset)) = fetch {
                    return self.input(Input::FileRequested { link, request, file, offset }).await;
                }
                return self.input(Input::Requested { link, request }).await;
            }
            Event::Dialed(dial, outcome) => {
                // Given up meanwhile: the engine has forgotten it, and dropping the link closes it.
                if self.dials.remove(&dial).is_none() {
                    return Ok(Run::On);
                }
                let outcome = outcome.map(|link| self.adopt(*link, None));
                return self.input(Input::Dialed { dial, outcome }).await;
            }
        }
        Ok(Run::On)
    }

    async fn input(&mut self, input: Input) -> Result<Run, Failure> {
        let mut effects = Vec::new();
        self.engine.handle(self.clock.now(), input, &mut effects);
        let mut run = Run::On;
        let mut news = event_log::news(self.event_filter, &effects);
        let mut rests_on_nothing = false;
        for effect in effects {
            match effect {
                // Whoever leaves is not held up by a disk.
                effect if rests_on_nothing && !effect.is_an_end() => {}
                Effect::Persist(_) if self.is_suspended => rests_on_nothing = true,
                effect if self.is_suspended && effect.rests_on_the_disk() => {}
                Effect::Persist(changes) => {
                    let kept = self.keep(&changes, news.pop_front().unwrap_or_default()).await;
                    if let Err(error) = kept {
                        // What follows rests on it. Where the disk stands now, the post office begins anew.
                        self.front_end
                            .tell(Notice::Session(SessionNotice::NotKept { detail: error.to_string() }))
                            .await;
                        self.reopen().await?;
                        rests_on_nothing = true;
                    }
                }
                Effect::NewTerminal => return self.renew().await,
                effect => {
                    if self.carry_out(effect).await? == Run::Over {
                        run = Run::Over;
                    }
                }
            }
        }
        // Nothing was kept: what was told is about this moment only.
        if let Some(news) = news.pop_front().filter(|news| !news.is_empty())
            && let Err(error) = self.keep(&[], news).await
        {
            self.front_end.tell(Notice::Session(SessionNotice::NotKept { detail: error.to_string() })).await;
        }
        Ok(run)
    }

    async fn keep(&mut self, changes: &[Write], news: Vec<String>) -> Result<(), StoreError> {
        let events = self.state.lock().await.keep_and_tell(changes, clock::milliseconds(), news)?;
        for event in events {
            self.front_end.tell(Notice::Journal(JournalNotice::Journaled(event))).await;
        }
        Ok(())
    }

    /// Opens the post office with what is on the disk, after a while: a disk that is full stays so for some time. The
    /// session begins anew, so that no answer comes to a question that nobody remembers.
    async fn reopen(&mut self) -> Result<(), Failure> {
        self.is_suspended = true;
        ask(&self.questions, Question::Anew).await;
        let post = self.office.open(&*self.state.lock().await)?;
        let events = self.events.clone();
        let again = rt::spawn(async move {
            rt::sleep(DISK_PATIENCE).await;
            events.input(Input::Reopened(Box::new(post))).await;
        });
        self.reopening = Some(again);
        Ok(())
    }

    /// This state is an old copy: rooms are forgotten, messages stay, and the session begins anew with a new terminal.
    async fn renew(&mut self) -> Result<Run, Failure> {
        self.is_suspended = true;
        {
            let mut state = self.state.lock().await;
            let forgotten =
                forget_rooms(self.office.me.terminal, &state.load(Table::Mls)?, &state.load(Table::Counter)?);
            state.renew_terminal(&forgotten)?;
        }
        self.front_end.tell(Notice::Session(SessionNotice::NewTerminal)).await;
        self.is_renewing = true;
        ask(&self.questions, Question::Anew).await;
        Ok(Run::On)
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<Run, Failure> {
        match effect {
            Effect::Notify(notice @ Notice::Session(SessionNotice::LoggedOut { .. })) => {
                self.last_words().await;
                self.front_end.tell(notice).await;
                return Ok(Run::Over);
            }
            Effect::Notify(Notice::Directory(DirectoryNotice::Lost { .. })) if self.is_renewing => {}
            Effect::Notify(Notice::Directory(DirectoryNotice::Back)) if self.is_renewing => self.is_renewing = false,
            Effect::Notify(notice) => self.front_end.tell(notice).await,
            Effect::Lookup { purpose, user } => ask(&self.questions, Question::Lookup { purpose, user }).await,
            Effect::List => ask(&self.questions, Question::List).await,
            Effect::LogOut => ask(&self.questions, Question::Logout).await,
            Effect::Dial { dial, to, found } => self.dial(dial, to, found)?,
            Effect::Hang(dial) => drop(self.dials.remove(&dial)),
            Effect::Reply { link, reply } => {
                let keep = reply.status == common::msg::ConnectStatus::Accepted;
                if let Some(handle) = self.links.get_mut(&link) {
                    handle.half_open = None;
                    link::command(&handle.commands, LinkCommand::Reply(reply));
                }
                if !keep {
                    self.links.remove(&link);
                }
            }
            Effect::Serve { link, reply, number, source, offset } => {
                self.upload(link, reply, Upload { number, source, offset, rate: self.transfers.rate });
            }
            Effect::Fetch { to, found, wanted } => self.fetch(to, found, *wanted)?,
            Effect::StopFile { number, came } => self.stop_file(number, came),
            Effect::Say { link, chat } => {
                if let Some(handle) = self.links.get(&link) {
                    link::command(&handle.commands, LinkCommand::Say(chat));
                }
            }
            Effect::Confirm { link, receipt } => {
                if let Some(handle) = self.links.get(&link) {
                    link::command(&handle.commands, LinkCommand::Confirm(receipt));
                }
            }
            Effect::Ask(message) => ask(&self.questions, Question::Post(message)).await,
            Effect::QueryHistory(recall) => {
                let answer = self.office.recall(&*self.state.lock().await, recall);
                let answer = answer
                    .unwrap_or_else(|error| Notice::Session(SessionNotice::NotKept { detail: error.to_string() }));
                self.front_end.tell(answer).await;
            }
            // Taken before they come here.
            Effect::Persist(_) | Effect::NewTerminal => {}
            Effect::Close { link, reason } => {
                if let Some(handle) = self.links.remove(&link) {
                    link::command(&handle.commands, LinkCommand::Close(reason));
                }
            }
            Effect::Save(contact) => {
                let saved = self.state.lock().await.save_contact(&contact);
                if let Err(error) = saved {
                    self.front_end.tell(Notice::Session(SessionNotice::NotKept { detail: error.to_string() })).await;
                }
            }
        }
        Ok(Run::On)
    }

    fn call(&self, to: common::ident::UserId, found: LookupResult, config: Arc<rustls::ClientConfig>) -> Dial {
        Dial { me: self.me.clone(), to, found, config, source: self.source, time: self.listener.time(), fetch: None }
    }

    fn dial(&mut self, dial: DialId, to: common::ident::UserId, found: LookupResult) -> Result<(), Failure> {
        let config = dial::config(&self.credentials.identity, &found)
            .map_err(|e| Failure::Internal { detail: e.to_string() })?;
        let call = self.call(to, found, config);
        let events = self.events.clone();
        let task = rt::spawn(async move {
            let outcome: Result<_, DialFailed> = call.place().await.map(Box::new);
            events.send(Event::Dialed(dial, outcome)).await;
        });
        self.dials.insert(dial, task);
        Ok(())
    }

    /// Gives a link its task.
    fn adopt(&mut self, link: common::link::Link<TcpStream>, half_open: Option<HalfOpen>) -> LinkId {
        self.next_link += 1;
        let id = LinkId(self.next_link);
        let (commands, received) = async_channel::unbounded();
        let admission = if half_open.is_some() { Admission::Open } else { Admission::Accepted };
        let events = self.events.clone();
        let task = link::LinkTask { link, id, commands: received, events, admission };
        let alive = self.link_tasks.0.clone();
        rt::detach(async move {
            task.run().await;
            drop(alive);
        });
        self.links.insert(id, LinkHandle { commands, half_open });
        id
    }

    /// Waits until every link has said goodbye.
    async fn last_words(&mut self) {
        self.links.clear();
        let (ours, all_gone) = std::mem::replace(&mut self.link_tasks, async_channel::bounded(1));
        drop(ours);
        // Nobody ever sends: this ends when the last sender is gone.
        let _ = rt::timeout(LAST_WORDS, all_gone.recv()).await;
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Io { path, detail } => Self::Io { path: path.display().to_string(), detail },
            StoreError::NoRandomness(_) => Self::Internal { detail },
            StoreError::InUse { .. } | StoreError::Database(_) | StoreError::Unreadable => {
                Self::Io { path: "the local store".into(), detail }
            }
        }
    }
}
