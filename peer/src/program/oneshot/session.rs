//! A session that a command has to itself, or shares with the user's daemon.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use common::ident::UserId;
use common::secret::Passcode;
use futures::executor::block_on;

use super::super::ask::Person;
use super::super::backup::{own_passcode, trusted, who};
use super::super::{internal, setup, sleep, start_engine};
use super::client::{Client, Transport};
use crate::app::rpc::methods::{self, Call, Nothing};
use crate::app::rpc::news::EventTold;
use crate::app::rpc::results::{self, Done, File, Listed, Position, Record, SafetyNumber, Sent, Status};
use crate::app::rpc::{self, Life};
use crate::app::texts::failure::Report;
use crate::cli::Settings;
use crate::shell::setup::{Setup, Turn};
use crate::ui::json::{self, Channels};

/// A logged-in session.
pub(super) struct Session {
    client: Client,
    /// Who is logged in.
    pub(super) user: UserId,
    /// Whether the session ends with the command.
    is_own: bool,
    /// The passcode that was asked for, if one was.
    passcode: Option<Passcode>,
}

impl Session {
    /// Joins the daemon of the user, or logs in.
    pub(super) fn open(settings: &Settings, person: &Person) -> Result<Self, Report> {
        let user = match settings.config.server.user.0.clone() {
            Some(user) => user,
            None => who(person)?,
        };
        let patience: Duration = settings.config.server.connect_timeout.into();
        if let Ok(daemon) = UnixStream::connect(settings.socket(&user)) {
            let client = Client::new(Transport::over_socket(daemon).map_err(internal)?, patience);
            let mut session = Self { client, user, is_own: false, passcode: None };
            if !session.status()?.online {
                session.log_in(&own_passcode(settings, person)?)?;
            }
            return Ok(session);
        }
        trusted(person, &setup(settings), None, &settings.zone)?;
        let passcode = own_passcode(settings, person)?;
        let mut session =
            Self { client: Client::new(in_process(settings)?, patience), user, is_own: true, passcode: None };
        session.log_in(&passcode)?;
        Ok(session)
    }

    fn log_in(&mut self, given: &Passcode) -> Result<(), Report> {
        let (user, passcode) = (Some(self.user.to_string()), Some(typed(given)));
        let params = methods::Login { user, passcode, register: false, server_key: None, older_vault: false };
        self.client.ask_in_turn::<results::Session>(Call::Login(params)).map(drop)?;
        self.passcode = Some(given.clone());
        Ok(())
    }

    pub(super) fn status(&mut self) -> Result<Status, Report> {
        self.client.ask(Call::Status(Nothing {}))
    }

    pub(super) fn list(&mut self) -> Result<Vec<Listed>, Report> {
        self.client.ask(Call::List(Nothing {}))
    }

    pub(super) fn history(&mut self, params: methods::History) -> Result<Vec<Record>, Report> {
        self.client.ask(Call::History(params))
    }

    pub(super) fn number(&mut self, of: &str) -> Result<SafetyNumber, Report> {
        self.client.ask(Call::VerifyNumber(methods::User { id: of.to_owned() }))
    }

    pub(super) fn sends(&mut self, params: methods::Send) -> Result<Sent, Report> {
        self.client.ask(Call::Send(params))
    }

    pub(super) fn offers(&mut self, params: methods::FileSend) -> Result<File, Report> {
        self.client.ask(Call::FileSend(params))
    }

    pub(super) fn subscribes(&mut self, params: methods::Subscribe) -> Result<Position, Report> {
        self.client.ask(Call::Subscribe(params))
    }

    pub(super) fn acknowledges(&mut self, params: methods::Ack) -> Result<Done, Report> {
        self.client.ask(Call::Ack(params))
    }

    /// The passcode that this command has logged in with; nothing where a daemon had.
    pub(super) fn passcode(&self) -> Option<Passcode> {
        self.passcode.clone()
    }

    pub(super) fn changes_passcode(
        &mut self,
        current: &Passcode,
        to: &Passcode,
        new_key: bool,
    ) -> Result<Done, Report> {
        self.client.ask(Call::Passwd(methods::Passwd { passcode: typed(to), current: Some(typed(current)), new_key }))
    }

    /// The next event; nothing if none comes before `until`.
    pub(super) fn event(&mut self, until: Instant) -> Result<Option<EventTold>, Report> {
        self.client.event(until)
    }

    /// Drops the events that came while an answer was awaited.
    pub(super) fn forget_events(&mut self) {
        self.client.forget_events();
    }

    /// Ends the session, if it is the command's own.
    pub(super) fn close(self) {
        if self.is_own {
            self.client.end(Call::Logout(Nothing {}));
        }
    }
}

fn typed(passcode: &Passcode) -> String {
    String::from_utf8_lossy(passcode.expose()).into_owned()
}

fn in_process(settings: &Settings) -> Result<Transport, Report> {
    let setup = Setup { event_filter: Some(rpc::event_filter), turn: Turn::Waited, ..setup(settings) };
    let (commands, notices) = start_engine(setup)?;
    // Signals end the process: what was kept leaves at the next login.
    let (unused, interrupts) = async_channel::bounded(1);
    let options = rpc::Options { user: None, ..settings.rpc_options(Life::Command, None) };
    let serve = move |clients| {
        let _open = unused;
        block_on(json::run(options, Channels { commands, notices, interrupts, clients, sleep }));
    };
    Transport::in_process(serve).map_err(internal)
}
