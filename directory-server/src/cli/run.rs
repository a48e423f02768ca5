//! Carries out what the command line asks for.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::ident::UserId;

use super::mistakes::{self, Wanted};
use super::{Cli, Command, ConfigCommand, Global, InviteCommand, Log, One, User, words};
use crate::config::{self, Loaded};
use crate::failure::{Failure, Kind};
use crate::shell::admin::client::{self, By};
use crate::shell::admin::{Answer, Request};
use crate::shell::check;
use crate::shell::serve::{self, Addresses, Start};

/// Runs the program and says how it ended; failures are printed here.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let outcome = mistakes::parse(arguments).and_then(|parsed| match parsed {
        Ok(cli) => carry_out(cli),
        Err(Wanted(text)) => {
            // Standard output may be closed; then nobody wants the text.
            let _ = text.print();
            Ok(ExitCode::SUCCESS)
        }
    });
    outcome.unwrap_or_else(|failure| {
        let _ = writeln!(io::stderr(), "{failure}");
        failure.exit_code()
    })
}

fn carry_out(cli: Cli) -> Result<ExitCode, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Serve(options) => {
            let load = {
                let config = global.config.clone();
                let (listen, public) = (options.listen.clone(), options.public.clone());
                move || -> Result<Loaded, Failure> {
                    let mut loaded = config::load(config.as_deref(), environment())?;
                    if !listen.is_empty() {
                        loaded.config.listen.address = listen.iter().map(ToString::to_string).collect();
                    }
                    if let Some(public) = &public {
                        loaded.config.listen.public.clone_from(public);
                    }
                    Ok(loaded)
                }
            };
            let loaded = load()?;
            let default = config::Config::default().listen.address;
            let chosen = loaded.config.listen.address != default;
            let addresses = if chosen { Addresses::AskedFor } else { Addresses::Default };
            let data_dir = data_dir(&global, &loaded)?;
            let clock_offset = options.clock_offset;
            serve::serve(Start { loaded, reload: Box::new(load), data_dir, addresses, clock_offset })
        }
        Command::Invite(invite) => match invite.command {
            None => ask(&global, Request::Invite { users: invite.users }),
            Some(InviteCommand::List) => ask(&global, Request::Invites),
            Some(InviteCommand::Revoke { code }) => ask(&global, Request::Revoke { code }),
        },
        Command::User(command) => user(&global, command),
        Command::Status => ask(&global, Request::Status),
        Command::Log(Log { broadcasts: _, limit }) => ask(&global, Request::Broadcasts { limit }),
        Command::Check => {
            let loaded = config::load(global.config.as_deref(), environment())?;
            let findings = check::check(&data_dir(&global, &loaded)?, &loaded)?;
            print(&findings.text());
            Ok(if findings.all_well() { ExitCode::SUCCESS } else { ExitCode::from(Kind::Config as u8) })
        }
        Command::Health => {
            let loaded = config::load(global.config.as_deref(), environment())?;
            let data_dir = data_dir(&global, &loaded)?;
            match client::ask_server(&data_dir, &Request::Status)? {
                Some(Answer::Status { .. }) => Ok(ExitCode::SUCCESS),
                _ => {
                    let message =
                        format!("No server runs in {}. Start one with: directory-server serve", data_dir.display());
                    Err(Failure::new(Kind::ServerUnreachable, message))
                }
            }
        }
        Command::Config(command) => configuration(&global, &command),
    }
}

fn user(global: &Global, command: User) -> Result<ExitCode, Failure> {
    let request = match command {
        User::Add { users } => Request::Invite { users },
        User::List => Request::Users,
        User::Show(One { user }) => Request::User { user },
        User::Lock { one: One { user }, reason } => Request::Lock { user, reason },
        User::Unlock(One { user }) => Request::Unlock { user },
        User::Passcode(One { user }) => {
            confirm(global, &user, "forget its passcode and its key")?;
            Request::Reset { user }
        }
        User::Remove(One { user }) => {
            confirm(global, &user, "remove it")?;
            Request::Remove { user }
        }
    };
    ask(global, request)
}

/// Asks for the id again before something is lost.
fn confirm(global: &Global, user: &UserId, what: &str) -> Result<(), Failure> {
    if global.yes {
        return Ok(());
    }
    if global.no_input {
        return Err(Failure::new(Kind::Usage, format!("This would ask before it acts on {user}. Say --yes.")));
    }
    let _ = write!(io::stderr(), "Type the ID again to {what}: ");
    let mut typed = String::new();
    let read = io::stdin().read_line(&mut typed);
    read.map_err(|error| Failure::io("read the answer", &error))?;
    if typed.trim() == user.as_str() {
        return Ok(());
    }
    Err(Failure::new(Kind::Usage, format!("That was not {user}. Nothing was changed.")))
}

fn ask(global: &Global, request: Request) -> Result<ExitCode, Failure> {
    let loaded = config::load(global.config.as_deref(), environment())?;
    let (answer, by) = client::ask(&data_dir(global, &loaded)?, &loaded.config, request)?;
    if by == By::Store {
        let _ = writeln!(io::stderr(), "(server not running)");
    }
    print(&if global.json { json(&answer)? } else { words::text(&answer) });
    Ok(ExitCode::SUCCESS)
}

/// One JSON object or array: the answer without its envelope, where it has only one part.
fn json(answer: &Answer) -> Result<String, Failure> {
    let encoded = match answer {
        Answer::Invites { invites } => serde_json::to_string(invites),
        Answer::Users { users } => serde_json::to_string(users),
        Answer::User { user } => serde_json::to_string(user),
        Answer::Status { status } => serde_json::to_string(status),
        Answer::Broadcasts { entries } => serde_json::to_string(entries),
        other => serde_json::to_string(other),
    };
    encoded.map(|json| json + "\n").map_err(|error| Failure::new(Kind::Internal, error.to_string()))
}

fn configuration(global: &Global, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    if matches!(command, ConfigCommand::Path) {
        let path = global.config.clone().unwrap_or_else(config::default_path);
        print(&format!("{}\n", path.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let Loaded { config, file } = config::load(global.config.as_deref(), environment())?;
    let addresses = config.addresses()?;
    match (command, global.json) {
        (ConfigCommand::Show, false) => print(&toml::to_string(&config).map_err(internal)?),
        (ConfigCommand::Show, true) => print(&(serde_json::to_string(&config).map_err(internal)? + "\n")),
        (ConfigCommand::Path | ConfigCommand::Check, _) => {
            let file = file.map_or_else(|| "No file; the defaults".into(), |file| file.display().to_string());
            print(&format!("{file}: ok ({} addresses).\n", addresses.len()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Internal, error.to_string())
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
}

fn data_dir(global: &Global, loaded: &Loaded) -> Result<PathBuf, Failure> {
    global.data_dir.as_deref().map(Path::to_owned).map_or_else(|| serve::default_data_dir(&loaded.config), Ok)
}

/// Results go to standard output; if nobody reads them, that is no failure.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
