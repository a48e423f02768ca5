//! A session that a command has to itself, or shares with the user's daemon.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use common::ident::UserId;
use common::secret::Passcode;
use futures::executor::block_on;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::ask::Person;
use super::super::backup::{own_passcode, trusted, who};
use super::super::{internal, setup, sleep, start_engine};
use crate::app::exit;
use crate::app::rpc::{self, ClientId, Life};
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
    events: VecDeque<Value>,
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
            if session.ask("status", &json!({}))?["online"] != true {
                session.log_in(&own_passcode(settings, person)?)?;
            }
            return Ok(session);
        }
        trusted(person, &setup(settings), None)?;
        let passcode = own_passcode(settings, person)?;
        let mut session = begin(in_process(settings)?, true);
        session.log_in(&passcode)?;
        Ok(session)
    }

    fn log_in(&mut self, passcode: &Passcode) -> Result<(), Report> {
        let typed = Zeroizing::new(String::from_utf8_lossy(passcode.expose()).into_owned());
        let params = json!({ "user": self.user, "passcode": *typed });
        self.ask("login", &params).map(drop)
    }

    /// Asks for something and waits for the answer; events that come meanwhile wait.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Report> {
        self.requests += 1;
        let id = self.requests;
        self.say(json!({ "id": id, "method": method, "params": params }).to_string())?;
        // The front end gives up before this.
        let until = Instant::now() + self.patience + Duration::from_secs(30);
        loop {
            let mut told = self.hear(until)?.ok_or_else(said::no_answer)?;
            if told["id"] != id {
                self.events.extend(told.get_mut("params").map(Value::take));
            } else if let Some(error) = told.get("error") {
                let code = error["data"]["exit"].as_i64().and_then(|code| i32::try_from(code).ok());
                let line = error["message"].as_str().unwrap_or_default().to_owned();
                return Err(Report { lines: vec![line], exit: code.unwrap_or(exit::USAGE) });
            } else {
                return Ok(told["result"].take());
            }
        }
    }

    /// The next event; nothing if none comes before `until`.
    pub(super) fn event(&mut self, until: Instant) -> Result<Option<Value>, Report> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        Ok(self.hear(until)?.and_then(|mut told| told.get_mut("params").map(Value::take)))
    }

    /// Drops the events that came while an answer was awaited.
    pub(super) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// Ends the session, if it is the command's own.
    pub(super) fn close(mut self) {
        if !self.is_own || self.say(json!({ "id": 0, "method": "logout" }).to_string()).is_err() {
            return;
        }
        let until = Instant::now() + self.patience;
        // What was just sent leaves first; then the front end says goodbye and is gone.
        while let Ok(Some(_)) = self.hear(until) {}
    }

    fn say(&mut self, line: String) -> Result<(), Report> {
        (self.lines.say)(line).map_err(|_| said::daemon_gone())
    }

    fn hear(&mut self, until: Instant) -> Result<Option<Value>, Report> {
        match self.lines.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => serde_json::from_str(&line).map(Some).map_err(internal),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(said::daemon_gone()),
        }
    }
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
