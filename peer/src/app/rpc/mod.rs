//! The JSON front end's machine: requests of clients in, answers, events and commands out. No clock, no sockets.
//!
//! - [`wire`]: JSON-RPC 2.0 · [`methods`]: what can be asked · [`subject`]: the same by subject · [`answers`]: which notice answers it, [`refusals`]: as what error
//! - [`events`]: what of the engine's notices becomes an event · [`results`], [`news`]: the types of results and events · [`feed`]: which client has had which
//! - [`pending`]: requests that wait for the engine · [`references`]: names that clients give their messages · [`login`]: until the session stands, [`held`]: what waits for it, and who only waits for answers

mod answers;
mod events;
mod feed;
mod held;
mod login;
pub(crate) mod methods;
pub(crate) mod news;
mod pending;
mod references;
mod refusals;
mod request;
pub(crate) mod results;
mod schema;
mod subject;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::ident::UserId;
use common::secret::Passcode;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub(crate) use self::events::event_filter;
use self::feed::Feed;
use self::login::Entering;
use self::methods::Call;
use self::pending::Pending;
use self::references::References;
pub(crate) use self::schema::{manual, schema};
use self::subject::Subject;
use self::wire::RpcError;
pub(crate) use self::wire::{Heard, LINE_MAX, ToClient, heard, request};
use crate::app::model::Model;
use crate::app::texts::{self, failure};
use crate::app::tickets::PendingTickets;
use crate::app::{Now, exit};
use peer_core::command::{Command, SessionCommand, Ticket, TicketedCommand};
use peer_core::notice::{Failure, JournalNotice, LoggedOut, MessageNotice, Notice, Notification, SessionNotice};

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
    /// The same, for a client that tells its user itself what it was answered (a command that runs and ends).
    Command,
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
    /// A request of a client within this program, under this number.
    Asked(ClientId, u64, Box<Call>),
    /// A line that was longer than [`LINE_MAX`].
    Oversize(ClientId),
    /// A line that was not UTF-8.
    NotText(ClientId),
    /// A client says nothing more; it may still read.
    Ended(ClientId),
    /// A client is gone.
    Closed(ClientId),
    /// Something from the engine.
    Notice(Notification),
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
    /// Tell a client.
    Tell(ClientId, ToClient),
    /// Ask the engine.
    Command(TicketedCommand),
    /// A client has had all its answers and is let go.
    LetGo(ClientId),
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
enum State {
    LoggedOut,
    Entering(Entering),
    LoggedIn(Box<Model>),
    /// Logging out; then the program ends with this code.
    Leaving(i32),
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Rpc {
    options: Options,
    state: State,
    clients: BTreeMap<ClientId, Feed>,
    pending: PendingTickets<Pending>,
    /// Requests that wait for the login under way, in their order.
    held: Vec<(Asker, Subject)>,
    /// Clients that say nothing more, and until when they wait for answers.
    ended: BTreeMap<ClientId, Instant>,
    /// The newest event.
    last: u64,
    references: References,
    /// Fewest characters of a new passcode.
    passcode_min: u16,
    now: Instant,
    /// Milliseconds since the epoch.
    date: u64,
    out: Vec<Output>,
}

/// What is said to requests that are not answered because the session ends.
fn over() -> RpcError {
    RpcError::of(exit::REFUSED, "The session ended before there was an answer.")
}

/// How soon a client that does not keep up is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Rpc {
    /// Begins; logs in at once where everything for it was said.
    pub(crate) fn new(options: Options, now: Instant) -> (Self, Vec<Output>) {
        let mut rpc = Self {
            options,
            state: State::LoggedOut,
            clients: BTreeMap::new(),
            pending: PendingTickets::default(),
            held: Vec::new(),
            ended: BTreeMap::new(),
            last: 0,
            references: References::default(),
            passcode_min: 0,
            now,
            date: 0,
            out: Vec::new(),
        };
        if rpc.options.user.is_some() && rpc.options.passcode.is_some() {
            let own =
                methods::Login { user: None, passcode: None, register: false, server_key: None, older_vault: false };
            rpc.log_in(None, own);
        }
        let out = std::mem::take(&mut rpc.out);
        (rpc, out)
    }

    /// When [`Input::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let behind = self.clients.values().any(Feed::is_behind).then(|| self.now + LOOK_AGAIN);
        let ended = self.ended.values().copied();
        self.pending.questions().filter_map(Pending::until).chain(behind).chain(ended).min()
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
            Input::Asked(client, id, call) => self.asked(Asker { client, id: Some(id.into()) }, *call),
            Input::Oversize(client) => self.out.push(Output::Tell(client, wire::oversize())),
            Input::NotText(client) => self.out.push(Output::Tell(client, wire::not_text())),
            Input::Ended(client) => self.ended(client),
            Input::Closed(client) => self.closed(client),
            Input::Notice(told) => self.notice(&told, room),
            Input::Tick => self.give_up_waiting(),
            // Asked once more: what has not come about by now is not waited for.
            Input::Stop(code) if matches!(self.state, State::Leaving(_)) => self.end(code),
            Input::Stop(code) => self.leave(code),
            Input::EngineGone => self.out.push(Output::Exit(exit::INTERNAL)),
        }
        if matches!(self.state, State::LoggedIn(_)) {
            self.catch_up(room);
        }
        self.let_go();
        std::mem::take(&mut self.out)
    }

    fn closed(&mut self, client: ClientId) {
        self.ended.remove(&client);
        self.held.retain(|(asker, _)| asker.client != client);
        // The one client of a program hears how it ends.
        if self.options.life != Life::Client {
            self.clients.remove(&client);
        }
        self.forget_requests_of(client);
        if self.options.life != Life::Daemon && !matches!(self.state, State::Leaving(_)) {
            self.leave(exit::OK);
        }
    }

    /// Logs out; the program ends when the engine has.
    fn leave(&mut self, code: i32) {
        if !matches!(self.state, State::Leaving(_)) {
            self.command(Command::Session(SessionCommand::Logout));
        }
        if let State::Entering(entering) = std::mem::replace(&mut self.state, State::Leaving(code)) {
            self.reply(entering.asker(), Err(over()));
        }
    }

    fn notice(&mut self, told: &Notification, room: &dyn Fn(ClientId) -> bool) {
        match &told.notice {
            Notice::Journal(JournalNotice::Journaled(event)) => {
                self.references.learn(event);
                return self.journaled(event, room);
            }
            Notice::Message(MessageNotice::Sent { ticket: Some(Ticket { reference: Some(name), .. }), record }) => {
                self.references.keep(record.name.id, name, self.date);
            }
            Notice::Session(SessionNotice::Failed(failure)) => return self.failed(failure),
            Notice::Session(SessionNotice::LoggedOut { why }) => return self.logged_out(*why),
            // By itself: what the store cannot keep cannot stand in the journal either.
            Notice::Session(SessionNotice::StoreFailed { at, detail }) if told.answers.is_none() => {
                let message = texts::store_failed(*at, detail);
                let message = message.trim_start_matches("-- ");
                self.tell_all(&json!({ "type": "error", "kind": exit::word(exit::IO), "message": message }));
            }
            Notice::Session(_)
            | Notice::Directory(_)
            | Notice::Call(_)
            | Notice::Message(_)
            | Notice::Contact(_)
            | Notice::Group { .. }
            | Notice::File(_)
            | Notice::Journal(_) => {}
        }
        match std::mem::replace(&mut self.state, State::LoggedOut) {
            State::Entering(entering) => return self.entering(entering, &told.notice),
            State::LoggedIn(mut model) => {
                model.learn(Now { instant: self.now, date: self.date / 1000 }, &told.notice);
                self.state = State::LoggedIn(model);
            }
            state @ (State::LoggedOut | State::Leaving(_)) => self.state = state,
        }
        self.postponed(told);
        self.answer_with(told);
    }

    fn failed(&mut self, failure: &Failure) {
        // Programs are told in UTC, also in words.
        let report = failure::report(failure, &TimeZone::UTC);
        let why = RpcError::from(report.clone());
        let told = self.out.len();
        if let State::Entering(entering) = std::mem::replace(&mut self.state, State::Leaving(report.exit)) {
            self.reply(entering.asker(), Err(why.clone()));
        }
        self.fail_everything(&why);
        // Once is enough.
        if self.options.life != Life::Command || self.out.len() == told {
            self.out.push(Output::Complain(report.lines.join("\n")));
        }
        self.end(report.exit);
    }

    fn logged_out(&mut self, why: LoggedOut) {
        let code = match (why, &self.state) {
            (LoggedOut::Asked, State::Leaving(code)) => *code,
            (LoggedOut::Asked, _) => exit::OK,
            (LoggedOut::Administrator, _) => exit::NOT_PERMITTED,
            (LoggedOut::Replaced, _) => exit::ALREADY_RUNNING,
            (LoggedOut::PasscodeChanged, _) => exit::LOGIN_REFUSED,
        };
        self.end(code);
    }

    /// The session stands, and everything is known.
    fn ready(&mut self, asker: Option<Asker>) {
        for feed in self.clients.values_mut() {
            *feed = Feed::live_behind(self.last);
        }
        let session = self.session();
        self.reply(asker, Ok(session.clone().into()));
        let event = json!({ "type": "ready", "user": session.user, "server": session.server, "seq": self.last });
        self.tell_all(&event);
        self.take_held();
    }

    /// Tells all clients something that is not in the journal.
    fn tell_all(&mut self, event: &Value) {
        let told = self.clients.keys().map(|client| Output::Tell(*client, ToClient::Event(event.clone())));
        self.out.extend(told);
    }

    fn end(&mut self, code: i32) {
        self.fail_everything(&over());
        self.tell_all(&json!({ "type": "bye", "exit": code }));
        self.out.push(Output::Exit(code));
    }

    fn model(&self) -> Option<&Model> {
        if let State::LoggedIn(model) = &self.state { Some(model) } else { None }
    }

    fn model_mut(&mut self) -> Option<&mut Model> {
        if let State::LoggedIn(model) = &mut self.state { Some(model) } else { None }
    }

    fn user(&self) -> Option<&UserId> {
        self.model().map(|model| &model.account.user)
    }
}
