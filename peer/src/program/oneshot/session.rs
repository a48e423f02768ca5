//! A session that a command has to itself, or shares with the user's daemon.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use common::ident::UserId;
use common::secret::Passcode;
use futures::executor::block_on;

use super::super::ask::Person;
use super::super::backup::{own_passcode, trusted, who};
use super::super::{internal, setup, sleep, start_engine};
use crate::app::rpc::methods::{self, Call, Nothing};
use crate::app::rpc::results;
use crate::app::rpc::results::{Done, EventTold, File, Listed, Position, Record, SafetyNumber, Sent, Status, Told};
use crate::app::rpc::{self, ClientId, Heard, Life};
use crate::app::texts::failure::Report;
use crate::app::texts::oneshot as said;
use crate::cli::Settings;
use crate::shell::setup::Setup;
use crate::ui::json::{self, Channels};

/// Lines in both directions.
struct Lines {
    say: Box<dyn FnMut(String) -> std::io::Result<()>>,
    heard: Receiver<String>,
}

/// A logged-in session.
pub(super) struct Session {
    lines: Lines,
    /// Who is logged in.
    pub(super) user: UserId,
    events: VecDeque<EventTold>,
    requests: u64,
    /// Whether the session ends with the command.
    is_own: bool,
    patience: Duration,
}

impl Session {
    /// Joins the daemon of the user, or logs in.
    pub(super) fn open(settings: &Settings, person: &Person) -> Result<Self, Report> {
        let user = match settings.config.server.user.0.clone() {
            Some(user) => user,
            None => who(person)?,
        };
        let patience: Duration = settings.config.server.connect_timeout.into();
        let begin =
            |lines, is_own| Self { lines, user: user.clone(), events: VecDeque::new(), requests: 0, is_own, patience };
        if let Ok(daemon) = UnixStream::connect(settings.socket(&user)) {
            let mut session = begin(over_socket(daemon).map_err(internal)?, false);
            if !session.status()?.online {
                session.log_in(&own_passcode(settings, person)?)?;
            }
            return Ok(session);
        }
        trusted(person, &setup(settings), None, &settings.zone)?;
        let passcode = own_passcode(settings, person)?;
        let mut session = begin(in_process(settings)?, true);
        session.log_in(&passcode)?;
        Ok(session)
    }

    fn log_in(&mut self, passcode: &Passcode) -> Result<(), Report> {
        let (user, passcode) = (Some(self.user.to_string()), Some(typed(passcode)));
        let params = methods::Login { user, passcode, register: false, server_key: None };
        self.ask::<results::Session>(Call::Login(params)).map(drop)
    }

    pub(super) fn status(&mut self) -> Result<Status, Report> {
        self.ask(Call::Status(Nothing {}))
    }

    pub(super) fn list(&mut self) -> Result<Vec<Listed>, Report> {
        self.ask(Call::List(Nothing {}))
    }

    pub(super) fn history(&mut self, params: methods::History) -> Result<Vec<Record>, Report> {
        self.ask(Call::History(params))
    }

    pub(super) fn number(&mut self, of: &str) -> Result<SafetyNumber, Report> {
        self.ask(Call::VerifyNumber(methods::User { id: of.to_owned() }))
    }

    pub(super) fn sends(&mut self, params: methods::Send) -> Result<Sent, Report> {
        self.ask(Call::Send(params))
    }

    pub(super) fn offers(&mut self, params: methods::FileSend) -> Result<File, Report> {
        self.ask(Call::FileSend(params))
    }

    pub(super) fn subscribes(&mut self, params: methods::Subscribe) -> Result<Position, Report> {
        self.ask(Call::Subscribe(params))
    }

    pub(super) fn acknowledges(&mut self, params: methods::Ack) -> Result<Done, Report> {
        self.ask(Call::Ack(params))
    }

    pub(super) fn changes_passcode(&mut self, to: &Passcode) -> Result<Done, Report> {
        self.ask(Call::Passwd(methods::Passwd { passcode: typed(to) }))
    }

    /// Asks for something and waits for the answer; events that come meanwhile wait.
    fn ask<T: Told>(&mut self, call: Call) -> Result<T, Report> {
        self.requests += 1;
        let id = self.requests;
        self.say(id, &call)?;
        // The front end gives up before this.
        let until = Instant::now() + self.patience + Duration::from_secs(30);
        loop {
            match self.hear(until)?.ok_or_else(said::no_answer)? {
                Heard::Event(event) => self.events.push_back(*event),
                Heard::Answer(of, _) if of != id => {}
                Heard::Answer(_, Ok(result)) => return serde_json::from_value(result).map_err(internal),
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
        Ok(match self.hear(until)? {
            Some(Heard::Event(event)) => Some(*event),
            Some(Heard::Answer(..)) | None => None,
        })
    }

    /// Drops the events that came while an answer was awaited.
    pub(super) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Ends the session, if it is the command's own.
    pub(super) fn close(mut self) {
        if !self.is_own || self.say(0, &Call::Logout(Nothing {})).is_err() {
            return;
        }
        let until = Instant::now() + self.patience;
        // What was just sent leaves first; then the front end says goodbye and is gone.
        while let Ok(Some(_)) = self.hear(until) {}
    }

    fn say(&mut self, id: u64, call: &Call) -> Result<(), Report> {
        let line = rpc::request(id, call).map_err(internal)?;
        (self.lines.say)(line).map_err(|_| said::daemon_gone())
    }

    fn hear(&mut self, until: Instant) -> Result<Option<Heard>, Report> {
        match self.lines.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => rpc::heard(&line).map(Some).map_err(internal),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(said::daemon_gone()),
        }
    }
}

fn typed(passcode: &Passcode) -> String {
    String::from_utf8_lossy(passcode.expose()).into_owned()
}

fn over_socket(stream: UnixStream) -> std::io::Result<Lines> {
    let (told, heard) = mpsc::channel();
    let reader = BufReader::new(stream.try_clone()?);
    std::thread::Builder::new()
        .name("daemon".to_owned())
        .spawn(move || reader.lines().map_while(Result::ok).try_for_each(|line| told.send(line)))?;
    let mut stream = stream;
    Ok(Lines { say: Box::new(move |line| stream.write_all(format!("{line}\n").as_bytes())), heard })
}

fn in_process(settings: &Settings) -> Result<Lines, Report> {
    let (commands, notices) = start_engine(Setup { event_filter: Some(rpc::event_filter), ..setup(settings) })?;
    let (told, clients) = async_channel::bounded(64);
    // Signals end the process: what was kept leaves at the next login.
    let (unused, interrupts) = async_channel::bounded(1);
    let options = rpc::Options { user: None, ..settings.rpc_options(Life::Client, None) };
    let from_front_end = json::connect(ClientId(0), &told);
    let serve = move || {
        let _open = unused;
        block_on(json::run(options, Channels { commands, notices, interrupts, clients, sleep }))
    };
    std::thread::Builder::new().name("front end".to_owned()).spawn(serve).map_err(internal)?;
    let (forward, heard) = mpsc::channel();
    let listen = move || {
        while let Ok(line) = from_front_end.recv_blocking() {
            if forward.send(line).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("answers".to_owned()).spawn(listen).map_err(internal)?;
    let say = move |line| {
        told.send_blocking(json::said(ClientId(0), line)).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    };
    Ok(Lines { say: Box::new(say), heard })
}
