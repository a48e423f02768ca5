//! The client's side of the JSON front end: typed requests, results and events, over either of two ways.
//!
//! Within this process they pass as values; to a daemon they are written, and read back, as JSON-RPC.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use futures::executor::block_on;
use futures::{FutureExt as _, select_biased};

use super::super::{internal, sleep};
use crate::app::rpc::methods::Call;
use crate::app::rpc::news::EventTold;
use crate::app::rpc::results::Told;
use crate::app::rpc::{self, ClientId, Heard, ToClient};
use crate::app::texts::failure::Report;
use crate::app::texts::oneshot as said;
use crate::ui::json;

/// Requests that the front end has not taken; then the command waits.
const ASKED: usize = 64;
/// Lines of a daemon that were not read yet; then its reader waits, and the daemon holds events back.
const LINES: usize = 64;
/// How long it may take until everybody before has had a turn. Chosen arbitrarily: longer than anybody waits.
const TURNS: Duration = Duration::from_secs(24 * 60 * 60);
/// The one client of a front end within this process.
const CLIENT: ClientId = ClientId(0);

/// The way to a front end, and back.
#[derive(Debug)]
pub(super) enum Transport {
    /// To one within this process.
    Values { asked: Sender<json::Told>, heard: Receiver<ToClient> },
    /// To a daemon.
    Socket { stream: UnixStream, heard: Receiver<String> },
}

impl Transport {
    /// To a front end that `serve` runs within this process, on a thread of its own.
    pub(super) fn in_process(serve: impl FnOnce(Receiver<json::Told>) + Send + 'static) -> io::Result<Self> {
        let (asked, clients) = async_channel::bounded(ASKED);
        let heard = json::connect(CLIENT, &asked);
        std::thread::Builder::new().name("front end".to_owned()).spawn(move || serve(clients))?;
        Ok(Self::Values { asked, heard })
    }

    /// To the daemon at the other end of a socket.
    pub(super) fn over_socket(stream: UnixStream) -> io::Result<Self> {
        let (told, heard) = async_channel::bounded(LINES);
        let reader = BufReader::new(stream.try_clone()?);
        let read = move || reader.lines().map_while(Result::ok).try_for_each(|line| told.send_blocking(line));
        std::thread::Builder::new().name("daemon".to_owned()).spawn(read)?;
        Ok(Self::Socket { stream, heard })
    }

    fn say(&mut self, id: u64, call: Call) -> Result<(), Report> {
        match self {
            Self::Values { asked, .. } => {
                asked.send_blocking(json::said(CLIENT, id, call)).map_err(|_| said::daemon_gone())
            }
            Self::Socket { stream, .. } => {
                // A path that is not UTF-8 cannot be said in JSON.
                let line = rpc::request(id, &call).map_err(|_| said::not_for_a_daemon())?;
                stream.write_all(format!("{line}\n").as_bytes()).map_err(|_| said::daemon_gone())
            }
        }
    }

    /// What comes next; nothing if nothing comes before `until`.
    fn hear(&self, until: Instant) -> Result<Option<Heard>, Report> {
        let heard = match self {
            Self::Values { heard, .. } => next(heard, until)?.map(ToClient::heard),
            Self::Socket { heard, .. } => next(heard, until)?.map(|line| rpc::heard(&line)),
        };
        heard.transpose().map_err(internal)
    }
}

fn next<T>(heard: &Receiver<T>, until: Instant) -> Result<Option<T>, Report> {
    block_on(async {
        let told = heard.recv().fuse();
        let over = sleep(until.saturating_duration_since(Instant::now())).fuse();
        futures::pin_mut!(told, over);
        select_biased! {
            told = told => told.map(Some).map_err(|_| said::daemon_gone()),
            () = over => Ok(None),
        }
    })
}

/// Asks one thing after the other.
#[derive(Debug)]
pub(super) struct Client {
    transport: Transport,
    events: VecDeque<EventTold>,
    requests: u64,
    /// How long the front end waits for its answers.
    patience: Duration,
}

impl Client {
    pub(super) fn new(transport: Transport, patience: Duration) -> Self {
        Self { transport, events: VecDeque::new(), requests: 0, patience }
    }

    /// Asks for something and waits for the answer; events that come meanwhile wait.
    pub(super) fn ask<T: Told>(&mut self, call: Call) -> Result<T, Report> {
        // The front end gives up before this.
        self.ask_until(Instant::now() + self.patience + Duration::from_secs(30), call)
    }

    /// The same for what may have to wait until others have had their turns; the front end says when that takes too long.
    pub(super) fn ask_in_turn<T: Told>(&mut self, call: Call) -> Result<T, Report> {
        self.ask_until(Instant::now() + TURNS, call)
    }

    fn ask_until<T: Told>(&mut self, until: Instant, call: Call) -> Result<T, Report> {
        self.requests += 1;
        let id = self.requests;
        self.transport.say(id, call)?;
        loop {
            match self.transport.hear(until)?.ok_or_else(said::no_answer)? {
                Heard::Event(event) => self.events.push_back(*event),
                Heard::Answer(of, _) if of != id => {}
                Heard::Answer(_, Ok(result)) => return result.read().map_err(internal),
                Heard::Answer(_, Err(why)) => {
                    let (line, exit) = why.into_end();
                    return Err(Report { lines: vec![line], exit });
                }
            }
        }
    }

    /// The next event; nothing if none comes before `until`.
    pub(super) fn event(&mut self, until: Instant) -> Result<Option<EventTold>, Report> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        Ok(match self.transport.hear(until)? {
            Some(Heard::Event(event)) => Some(*event),
            Some(Heard::Answer(..)) | None => None,
        })
    }

    /// Drops the events that came while an answer was awaited.
    pub(super) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Asks for the end, and waits until the front end is gone.
    pub(super) fn end(mut self, last: Call) {
        if self.transport.say(0, last).is_err() {
            return;
        }
        let until = Instant::now() + self.patience;
        // What was just sent leaves first; then the front end says goodbye and is gone.
        while let Ok(Some(_)) = self.transport.hear(until) {}
    }
}

#[cfg(test)]
mod tests {
    use common::ident::{MessageId, UserId};
    use common::msg::Registration;
    use peer_core::command::{
        Command, DirectoryCommand, JournalCommand, MessageCommand, SessionCommand, TicketedCommand,
    };
    use peer_core::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
    use peer_core::notice::{
        DirectoryNotice, Event, JournalNotice, KeyState, LoggedOut, MessageNotice, Notice, Notification, Person,
        SessionNotice,
    };

    use super::*;
    use crate::app::exit;
    use crate::app::rpc::news::News;
    use crate::app::rpc::results::{Listed, Sent, Session};
    use crate::app::rpc::{Life, Options, methods};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn bianca() -> UserId {
        UserId::parse("bianca").unwrap()
    }

    /// What an engine says to a command.
    fn answers_to(command: Command) -> Vec<Notice> {
        match command {
            Command::Session(SessionCommand::Identify { user }) => {
                let (known, registration, passcode_min) = (Some(true), Registration::Open, 6);
                vec![Notice::Session(SessionNotice::Identified {
                    user,
                    known,
                    refused: None,
                    registration,
                    passcode_min,
                })]
            }
            Command::Session(SessionCommand::Login { user, .. }) => {
                let address = "127.0.0.1:65000".parse().unwrap();
                vec![Notice::Session(SessionNotice::LoggedIn { user, address })]
            }
            Command::Session(SessionCommand::Logout) => {
                vec![Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked })]
            }
            Command::Journal(JournalCommand::Replay { .. }) => {
                vec![Notice::Journal(JournalNotice::Replayed { events: vec![], lost: 0, last: 0 })]
            }
            Command::Directory(DirectoryCommand::List) => {
                let (user, key) = (bianca(), KeyState::NotVerified);
                let person = Person { user, online_since: Some(5), away: None, unread: 0, chosen: true, key };
                vec![Notice::Directory(DirectoryNotice::People { people: vec![person], groups: vec![] })]
            }
            Command::Message(MessageCommand::Send { text, ticket, .. }) => {
                let id = MessageId([7; 16]);
                let name = MessageKey { conversation: Conversation::User(bianca()), author: bianca(), id };
                let mark = DeliveryStatus::Queued;
                let record = StoredMessage { name, text: text.clone(), date: 5, arrived: 5, mark, since: 5 };
                let came = Notice::Message(MessageNotice::Text { from: bianca(), text, id, date: 5 });
                let content = rpc::event_filter(&came).remove(0);
                vec![
                    Notice::Journal(JournalNotice::Journaled(Event { seq: 1, at: 1, content })),
                    Notice::Message(MessageNotice::Sent { ticket: Some(ticket), record }),
                ]
            }
            other => panic!("nobody asks for {other:?}"),
        }
    }

    fn serve(clients: Receiver<json::Told>) {
        let (commands, asked) = async_channel::unbounded::<TicketedCommand>();
        let (told, notices) = async_channel::unbounded();
        let engine = std::thread::spawn(move || {
            while let Ok(TicketedCommand { ticket, command }) = asked.recv_blocking() {
                for notice in answers_to(command) {
                    let _ = told.send_blocking(Notification { answers: Some(ticket.clone()), notice });
                }
            }
        });
        let (unused, interrupts) = async_channel::bounded(1);
        let (server, patience, life) = ("127.0.0.1:7420".to_owned(), PATIENCE, Life::Client);
        let options = Options { server, user: None, passcode: None, patience, life };
        let _ = block_on(json::run(options, json::Channels { commands, notices, interrupts, clients, sleep }));
        drop(unused);
        engine.join().unwrap();
    }

    fn over_both() -> [Client; 2] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (told, clients) = async_channel::bounded(ASKED);
        json::open(CLIENT, theirs.try_clone().unwrap(), theirs.try_clone().unwrap(), told).unwrap();
        std::thread::spawn(move || {
            serve(clients);
            theirs.shutdown(std::net::Shutdown::Both).unwrap();
        });
        [Transport::in_process(serve).unwrap(), Transport::over_socket(ours).unwrap()]
            .map(|transport| Client::new(transport, PATIENCE))
    }

    #[test]
    fn results_and_events_are_the_same_as_values_and_over_a_socket() {
        let told = over_both().map(|mut client| {
            let (user, passcode) = (Some("ali".to_owned()), Some("482193".to_owned()));
            let login = methods::Login { user, passcode, register: false, server_key: None, older_vault: false };
            let session: Session = client.ask(Call::Login(login)).unwrap();
            let listed: Vec<Listed> = client.ask(Call::List(methods::Nothing {})).unwrap();
            client.forget_events();
            let (to, text) = ("bianca".to_owned(), "Hello\n\u{1b}[31m".to_owned());
            let sent: Sent = client.ask(Call::Send(methods::Send { to, text, queue: true, reference: None })).unwrap();
            let event = client.event(Instant::now() + PATIENCE).unwrap().unwrap();
            client.end(Call::Logout(methods::Nothing {}));
            (session, listed, sent, event)
        });
        let (_, listed, sent, event) = &told[0];
        assert_eq!((listed.len(), sent.msg, event.seq), (1, MessageId([7; 16]), Some(1)));
        let News::Message(message) = &event.news else { panic!("{event:?}") };
        assert_eq!((message.text.as_str(), message.verified), ("Hello\n\u{1b}[31m", Some(false)));
        assert_eq!(told[0], told[1]);
    }

    #[test]
    fn a_refusal_and_the_end_are_the_same_as_values_and_over_a_socket() {
        for mut client in over_both() {
            let why = client.ask::<Vec<Listed>>(Call::List(methods::Nothing {})).unwrap_err();
            assert_eq!(
                (why.exit, why.lines.as_slice()),
                (exit::LOGIN_REFUSED, ["Nobody is logged in. Log in first.".to_owned()].as_slice())
            );
            client.transport.say(0, Call::Logout(methods::Nothing {})).unwrap();
            let until = Instant::now() + PATIENCE;
            let gone = loop {
                match client.transport.hear(until) {
                    Err(gone) => break gone,
                    Ok(told) => assert!(told.is_some(), "the front end is not gone"),
                }
            };
            assert_eq!(gone, said::daemon_gone());
        }
    }
}
