//! The JSON front end's machine: lines of clients in, lines and commands out. No clock, no sockets.
//!
//! - [`wire`]: JSON-RPC 2.0 · [`methods`]: what can be asked · [`answers`]: which notice answers it
//! - [`events`]: what of the engine's notices becomes an event · [`feed`]: which client has had which
//! - [`references`]: names that clients give their messages · [`login`]: until the session stands

mod answers;
mod events;
mod feed;
mod login;
mod methods;
mod references;
mod request;
mod schema;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use common::ident::UserId;
use common::secret::Passcode;
use serde_json::{Value, json};

use self::answers::{Await, answer};
pub(crate) use self::events::event_filter;
use self::feed::Feed;
use self::login::Entering;
use self::references::References;
pub(crate) use self::schema::schema;
pub(crate) use self::wire::LINE_MAX;
use self::wire::RpcError;
use crate::app::exit;
use crate::app::texts::failure;
use peer_core::command::{After, Command, JournalCommand, MessageCommand, SessionCommand, Ticket};
use peer_core::model::Conversation;
use peer_core::notice::{
    CallNotice, ContactNotice, DirectoryNotice, JournalNotice, KeyState, LoggedOut, Notice, SessionNotice,
};

/// A client, for as long as it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(pub(crate) u64);

/// With what the program was started.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The directory, as people call it.
    pub(crate) server: String,
    /// Who logs in, if that was said.
    pub(crate) user: Option<UserId>,
    /// With this passcode, if that was said; then the program logs in by itself.
    pub(crate) passcode: Option<Passcode>,
    /// How long an answer of the engine may take.
    pub(crate) patience: Duration,
    /// What becomes of the session when a client leaves.
    pub(crate) life: Life,
}

/// How long the session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// As long as the one client (`peer json`).
    Client,
    /// Until somebody ends it (`peer daemon`).
    Daemon,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    /// A client has come.
    Opened(ClientId),
    /// A line of a client.
    Line(ClientId, String),
    /// A line that was longer than [`LINE_MAX`].
    Oversize(ClientId),
    /// A client is gone.
    Closed(ClientId),
    /// Something from the engine.
    Notice(Notice),
    /// [`Rpc::deadline`] has passed.
    Tick,
    /// The program is asked to stop, with this exit code.
    Stop(i32),
    /// The engine is gone.
    EngineGone,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Send a line.
    Line(ClientId, String),
    /// Ask the engine.
    Command(Command),
    /// Say something on the error output.
    Complain(String),
    /// The end.
    Exit(i32),
}

/// Who asked, and under which id.
#[derive(Debug, Clone)]
struct Asker {
    client: ClientId,
    /// Absent: no answer is wanted.
    id: Option<Value>,
}

#[derive(Debug)]
struct Pending {
    asker: Asker,
    awaited: Await,
    until: Instant,
}

/// For whom a page of the journal was asked for.
#[derive(Debug)]
enum Replay {
    /// To learn the clients' names for messages at the beginning; then whoever logged in is told.
    Beginning(Option<Asker>),
    /// `subscribe`: where the cursor stands.
    Cursor(Asker),
    /// The next events.
    Page(ClientId),
}

#[derive(Debug)]
enum Stage {
    LoggedOut,
    Entering(Entering),
    LoggedIn {
        user: UserId,
    },
    /// Logging out; then the program ends with this code.
    Leaving(i32),
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Rpc {
    options: Options,
    stage: Stage,
    clients: BTreeMap<ClientId, Feed>,
    pending: Vec<Pending>,
    replays: VecDeque<Replay>,
    tickets: u64,
    /// The newest event.
    last: u64,
    references: References,
    verified: BTreeSet<UserId>,
    /// Direct connections that stand.
    links: BTreeSet<UserId>,
    /// Who asks to be connected.
    asking: BTreeSet<UserId>,
    /// Fewest characters of a new passcode.
    passcode_min: u16,
    now: Instant,
    /// Milliseconds since the epoch.
    date: u64,
    out: Vec<Output>,
}

/// How soon a client that does not keep up is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Rpc {
    /// Begins; logs in at once where everything for it was said.
    pub(crate) fn new(options: Options, now: Instant) -> (Self, Vec<Output>) {
        let mut rpc = Self {
            options,
            stage: Stage::LoggedOut,
            clients: BTreeMap::new(),
            pending: Vec::new(),
            replays: VecDeque::new(),
            tickets: 0,
            last: 0,
            references: References::default(),
            verified: BTreeSet::new(),
            links: BTreeSet::new(),
            asking: BTreeSet::new(),
            passcode_min: 0,
            now,
            date: 0,
            out: Vec::new(),
        };
        if rpc.options.user.is_some() && rpc.options.passcode.is_some() {
            let own = methods::Login { user: None, passcode: None, register: false, server_key: None };
            rpc.log_in(None, own);
        }
        let out = std::mem::take(&mut rpc.out);
        (rpc, out)
    }

    /// When [`Input::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let behind = self.clients.values().any(Feed::is_behind).then(|| self.now + LOOK_AGAIN);
        self.pending.iter().map(|pending| pending.until).chain(behind).min()
    }

    /// Takes one input at a moment, by two clocks: one that only goes forward, and milliseconds since the epoch. `room`:
    /// whether a client can be sent more events now.
    pub(crate) fn handle(
        &mut self,
        (now, date): (Instant, u64),
        input: Input,
        room: &dyn Fn(ClientId) -> bool,
    ) -> Vec<Output> {
        (self.now, self.date) = (now, date);
        match input {
            Input::Opened(client) => drop(self.clients.insert(client, Feed::live_behind(self.last))),
            Input::Line(client, line) => self.line(client, &line),
            Input::Oversize(client) => self.out.push(Output::Line(client, wire::oversize())),
            Input::Closed(client) => self.closed(client),
            Input::Notice(notice) => self.notice(notice, room),
            Input::Tick => self.give_up_waiting(),
            Input::Stop(code) => self.leave(code),
            Input::EngineGone => self.out.push(Output::Exit(exit::INTERNAL)),
        }
        if matches!(self.stage, Stage::LoggedIn { .. }) {
            self.catch_up(room);
        }
        std::mem::take(&mut self.out)
    }

    fn closed(&mut self, client: ClientId) {
        self.clients.remove(&client);
        self.pending.retain(|pending| pending.asker.client != client);
        if self.options.life == Life::Client {
            self.leave(exit::OK);
        }
    }

    /// Logs out; the program ends when the engine has.
    fn leave(&mut self, code: i32) {
        if !matches!(self.stage, Stage::Leaving(_)) {
            self.command(Command::Session(SessionCommand::Logout));
        }
        self.stage = Stage::Leaving(code);
    }

    fn notice(&mut self, notice: Notice, room: &dyn Fn(ClientId) -> bool) {
        match notice {
            Notice::Journal(JournalNotice::Journaled(event)) => {
                self.references.learn(&event);
                return self.journaled(&event, room);
            }
            Notice::Journal(JournalNotice::Replayed { events, lost, last }) => {
                return self.replayed(&events, lost, last);
            }
            Notice::Session(SessionNotice::Failed(failure)) => {
                let report = failure::report(&failure);
                let why = RpcError::from(report.clone());
                if let Stage::Entering(entering) = std::mem::replace(&mut self.stage, Stage::Leaving(report.exit)) {
                    self.reply(entering.asker(), Err(why.clone()));
                }
                std::mem::take(&mut self.pending)
                    .into_iter()
                    .for_each(|pending| self.reply(Some(pending.asker), Err(why.clone())));
                self.out.push(Output::Complain(report.lines.join("\n")));
                return self.end(report.exit);
            }
            Notice::Session(SessionNotice::LoggedOut { why }) => {
                let code = match (why, &self.stage) {
                    (LoggedOut::Asked, Stage::Leaving(code)) => *code,
                    (LoggedOut::Asked, _) => exit::OK,
                    (LoggedOut::Administrator, _) => exit::NOT_PERMITTED,
                    (LoggedOut::Replaced, _) => exit::ALREADY_RUNNING,
                };
                return self.end(code);
            }
            _ => {}
        }
        if matches!(self.stage, Stage::Entering(_))
            && let Stage::Entering(entering) = std::mem::replace(&mut self.stage, Stage::LoggedOut)
        {
            return self.entering(entering, &notice);
        }
        self.learn(&notice);
        self.answer_with(&notice);
    }

    /// What is known for later answers and events.
    fn learn(&mut self, notice: &Notice) {
        match notice {
            Notice::Directory(DirectoryNotice::People { people, .. }) => {
                let verified = people.iter().filter(|person| person.key == KeyState::Verified);
                self.verified = verified.map(|person| person.user.clone()).collect();
            }
            Notice::Contact(ContactNotice::NumberConfirmed { with, verified: true }) => {
                self.verified.insert(with.clone());
            }
            Notice::Contact(ContactNotice::NumberConfirmed { with, .. })
            | Notice::Contact(ContactNotice::KeyChanged { of: with, .. }) => {
                self.verified.remove(with);
            }
            Notice::Call(CallNotice::Asked { from }) => drop(self.asking.insert(from.clone())),
            Notice::Call(CallNotice::AskedNoMore { from }) => drop(self.asking.remove(from)),
            Notice::Call(CallNotice::Established { with }) | Notice::Call(CallNotice::Received { from: with }) => {
                self.asking.remove(with);
                self.links.insert(with.clone());
            }
            Notice::Call(CallNotice::Ended { with, .. }) | Notice::Call(CallNotice::LinkLost { with, .. }) => {
                self.links.remove(with);
            }
            _ => {}
        }
    }

    /// Answers the oldest request that waits for this.
    fn answer_with(&mut self, notice: &Notice) {
        if let Notice::Call(CallNotice::Established { with }) = notice
            && let Some(place) =
                self.pending.iter().position(|p| matches!(&p.awaited, Await::CallToSend { to, .. } if to == with))
        {
            let Pending { asker, awaited, .. } = self.pending.remove(place);
            if let Await::CallToSend { to, text, reference } = awaited {
                self.send(asker, Conversation::User(to), text, reference);
            }
            return;
        }
        let answered = self.pending.iter().enumerate();
        let Some((place, outcome)) =
            answered.into_iter().find_map(|(place, pending)| Some((place, answer(&pending.awaited, notice)?)))
        else {
            return;
        };
        let asker = self.pending.remove(place).asker;
        self.reply(Some(asker), outcome);
    }

    fn replayed(&mut self, events: &[peer_core::notice::Event], lost: u64, last: u64) {
        self.last = last.max(self.last);
        match self.replays.pop_front() {
            Some(Replay::Beginning(asker)) => {
                events.iter().for_each(|event| self.references.learn(event));
                match events.last().filter(|event| event.seq < last) {
                    Some(event) => {
                        self.replays.push_front(Replay::Beginning(asker));
                        let after = After::Seq(event.seq);
                        self.command(Command::Journal(JournalCommand::Replay { after, count: feed::PAGE }));
                    }
                    None => self.ready(asker),
                }
            }
            Some(Replay::Cursor(asker)) => {
                // `lost` counts from the place of the cursor to the first event that is there.
                let first = events.first().map_or(last, |event| event.seq - 1);
                if let Some(feed) = self.clients.get_mut(&asker.client) {
                    feed.begin_behind(first.saturating_sub(lost));
                }
                self.reply(Some(asker), Ok(json!({ "seq": last })));
            }
            Some(Replay::Page(client)) => self.page(client, events, lost, last),
            None => {}
        }
    }

    /// The session stands, and everything is known.
    fn ready(&mut self, asker: Option<Asker>) {
        for feed in self.clients.values_mut() {
            *feed = Feed::live_behind(self.last);
        }
        let session = self.session();
        self.reply(asker, Ok(session.clone()));
        let event = json!({ "type": "ready", "user": session["user"], "server": session["server"], "seq": self.last });
        self.tell_all(&event);
    }

    /// Tells all clients something that is not in the journal.
    fn tell_all(&mut self, event: &Value) {
        let line = wire::event(event);
        self.out.extend(self.clients.keys().map(|client| Output::Line(*client, line.clone())));
    }

    fn end(&mut self, code: i32) {
        self.tell_all(&json!({ "type": "bye", "exit": code }));
        self.out.push(Output::Exit(code));
    }

    fn give_up_waiting(&mut self) {
        let now = self.now;
        for pending in self.pending.extract_if(.., |pending| pending.until <= now).collect::<Vec<_>>() {
            let why = RpcError::of(exit::TIMEOUT, "There was no answer in time. It may still come about; ask again.");
            self.reply(Some(pending.asker), Err(why));
        }
    }

    fn reply(&mut self, asker: Option<Asker>, outcome: Result<Value, RpcError>) {
        if let Some(Asker { client, id: Some(id) }) = asker {
            self.out.push(Output::Line(client, wire::answer(&id, outcome)));
        }
    }

    fn command(&mut self, command: Command) {
        self.out.push(Output::Command(command));
    }

    /// Asks the engine, and waits for what answers it.
    fn ask(&mut self, asker: Asker, awaited: Await, command: Command) {
        self.command(command);
        let until = self.now + self.options.patience;
        self.pending.push(Pending { asker, awaited, until });
    }

    fn send(&mut self, asker: Asker, to: Conversation, text: String, reference: Option<String>) {
        self.tickets += 1;
        let linked = matches!(&to, Conversation::User(user) if self.links.contains(user));
        let ticket = Ticket { number: self.tickets, reference };
        self.ask(
            asker,
            Await::Sent { ticket: self.tickets, linked },
            Command::Message(MessageCommand::Send { to, text, ticket }),
        );
    }

    fn user(&self) -> Option<&UserId> {
        if let Stage::LoggedIn { user } = &self.stage { Some(user) } else { None }
    }
}
