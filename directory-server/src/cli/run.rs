//! Carries out what the command line asks for.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::CommandFactory as _;
use common::display::visible_json;
use directory_core::user_style::UserStyle;
use jiff::tz::TimeZone;

use super::usage_errors::{self, Wanted};
use super::{
    BackupFile, Cli, Command, ConfigCommand, Global, GroupCommand, InviteCommand, KeyCommand, Log, One, OneGroup, Page,
    Serve, SessionCommand, User, words,
};
use super::{log, manual};
use crate::config::{self, Loaded};
use crate::failure::{Failure, Kind};
use crate::shell::admin::client::{self, By};
use crate::shell::admin::{Answer, Request};
use crate::shell::backup;
use crate::shell::launch::Addresses;
use crate::shell::serve::{self, Start};
use crate::shell::{self, check, demo, rt, stores};

/// Runs the program and says how it ended; failures are printed here.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let outcome = guarded(|| match usage_errors::parse(arguments)? {
        Ok(cli) => carry_out(cli),
        Err(Wanted(text)) => {
            // Standard output may be closed; then nobody wants the text.
            let _ = text.print();
            Ok(ExitCode::SUCCESS)
        }
    });
    outcome.unwrap_or_else(|failure| {
        let _ = io::stderr().write_all(words::failed(&failure).as_bytes());
        failure.exit_code()
    })
}

/// Tells a bug as one. What happened where has been written by then, by the language.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let version = env!("CARGO_PKG_VERSION");
        let message = format!("This is a bug of directory-server {version}. Please report it with the lines above.");
        Err(Failure::new(Kind::Internal, message))
    })
}

fn carry_out(cli: Cli) -> Result<ExitCode, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Serve(options) => serve(&global, options),
        Command::Demo => demo::demo(),
        Command::Invite(invite) => match invite.command {
            None if invite.qr && !global.json => invite_by_picture(&global, Request::Invite { users: invite.users }),
            None => ask(&global, Request::Invite { users: invite.users }),
            Some(InviteCommand::List) => ask(&global, Request::Invites),
            Some(InviteCommand::Revoke { code }) => ask(&global, Request::Revoke { code }),
        },
        Command::User(command) => user(&global, command),
        Command::Session(SessionCommand::List) => ask(&global, Request::Sessions),
        Command::Session(SessionCommand::End(One { user })) => ask(&global, Request::EndSessions { user }),
        Command::Group(GroupCommand::List) => ask(&global, Request::Rooms),
        Command::Group(GroupCommand::Show(OneGroup { group: room })) => ask(&global, Request::Room { room }),
        Command::Group(GroupCommand::Remove(OneGroup { group: room })) => {
            confirm(&global, &room.to_string(), "remove it")?;
            ask(&global, Request::RemoveRoom { room })
        }
        Command::Status { watch: false } => ask(&global, Request::Status),
        Command::Status { watch: true } => watch(&global),
        Command::Log(Log { broadcasts: true, limit, .. }) => ask(&global, Request::Broadcasts { limit }),
        Command::Log(log) => show_log(&global, log),
        Command::Check => check_data(&global),
        Command::Health => health(&global),
        Command::Key(KeyCommand::Show) => show_key(&global),
        Command::Key(KeyCommand::Rotate) => Err(Failure::new(Kind::NotPermitted, words::NO_ROTATION)),
        Command::Backup(BackupFile { file }) => {
            let loaded = load(&global)?;
            let data_dir = data_dir(&global, &loaded)?;
            if loaded.config.place()?.is_some() {
                let secrets = backup::back_up_secrets(&data_dir, &file)?;
                return report(&global, &secrets, words::secrets_backed_up);
            }
            report(&global, &backup::back_up(&data_dir, &file)?, words::backed_up)
        }
        Command::Restore(BackupFile { file }) => {
            let loaded = load(&global)?;
            let data_dir = data_dir(&global, &loaded)?;
            if loaded.config.place()?.is_some() {
                let secrets = backup::restore_secrets(&data_dir, &file)?;
                return report(&global, &secrets, words::secrets_restored);
            }
            report(&global, &backup::restore(&data_dir, &file)?, words::restored)
        }
        Command::NewGeneration => begin_generation(&global),
        Command::Config(command) => configuration(&global, &command),
        Command::Completions { shell } => Ok(completions(shell)),
        Command::Man { page } => manual_page(page),
    }
}

/// Gives what the directory remembers another name; no server may run on it.
fn begin_generation(global: &Global) -> Result<ExitCode, Failure> {
    let loaded = load(global)?;
    let (opened, store) = stores::open_for_command(&data_dir(global, &loaded)?, loaded.config.place()?)?;
    let begun = rt::block_on(store.begin_generation());
    rt::block_on(store.close());
    drop(opened);
    begun?;
    report(global, &serde_json::json!({ "generation": "new" }), |_| words::NEW_GENERATION.to_owned())
}

fn serve(global: &Global, options: Serve) -> Result<ExitCode, Failure> {
    let load = {
        let (config, store) = (global.config.clone(), global.store.clone());
        let (listen, public) = (options.listen.clone(), options.public.clone());
        move || -> Result<Loaded, Failure> {
            let mut loaded = load_from(config.as_deref(), store.as_deref())?;
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
    let data_dir = data_dir(global, &loaded)?;
    let clock_offset = options.clock_offset;
    let status_text = words::status_text;
    serve::serve(Start { loaded, reload: Box::new(load), data_dir, addresses, clock_offset, status_text })
}

fn show_log(global: &Global, log: Log) -> Result<ExitCode, Failure> {
    let Log { follow, since, user, .. } = log;
    let loaded = load(global)?;
    let file = loaded.config.log.file.clone();
    if file.as_os_str().is_empty() {
        return Err(Failure::new(Kind::Config, words::NO_LOG_FILE));
    }
    let user = user.map(|user| {
        // Whoever may read the log and not the secret finds the lines that name the user.
        let secret = data_dir(global, &loaded).and_then(|dir| shell::data_dir::opaque_secret(&dir)).ok();
        let pseudonym = secret.map(|secret| UserStyle::Hash.show(&secret, &user));
        pseudonym.into_iter().chain([user.to_string()]).collect()
    });
    log::show(&file, &log::Wanted { since, user, follow, raw: global.json }, &TimeZone::system())?;
    Ok(ExitCode::SUCCESS)
}

fn check_data(global: &Global) -> Result<ExitCode, Failure> {
    let loaded = load(global)?;
    let findings = check::check(&data_dir(global, &loaded)?, &loaded)?;
    if global.json {
        print(&(visible_json(serde_json::to_string(&findings).map_err(internal)?) + "\n"));
    } else {
        print(&findings.text());
    }
    Ok(if findings.all_well() { ExitCode::SUCCESS } else { ExitCode::from(Kind::Config as u8) })
}

/// Whether a server runs and its store answers.
fn health(global: &Global) -> Result<ExitCode, Failure> {
    let loaded = load(global)?;
    let data_dir = data_dir(global, &loaded)?;
    match client::ask_server(&data_dir, &Request::Status)? {
        Some(Answer::Status { .. }) => Ok(ExitCode::SUCCESS),
        _ => {
            let message = format!("No server runs in {}. Start one with: directory-server serve", data_dir.display());
            Err(Failure::new(Kind::ServerUnreachable, message))
        }
    }
}

fn show_key(global: &Global) -> Result<ExitCode, Failure> {
    let loaded = load(global)?;
    let key = shell::data_dir::server_key(&data_dir(global, &loaded)?)?.digest();
    let text = if global.json {
        serde_json::json!({ "key": key.short(), "sha256": key.to_string() }).to_string() + "\n"
    } else {
        format!("{}\nsha256 {key}\n", key.short())
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut text = Vec::new();
    let mut grammar = Cli::command();
    let name = grammar.get_name().to_owned();
    clap_complete::generate(shell, &mut grammar, name, &mut text);
    print(&String::from_utf8_lossy(&text));
    ExitCode::SUCCESS
}

fn manual_page(page: Page) -> Result<ExitCode, Failure> {
    match page {
        Page::DirectoryServer => {
            let mut text = Vec::new();
            let rendered = manual::render(&mut text);
            rendered.map_err(|error| Failure::io("write the manual page", &error))?;
            print(&String::from_utf8_lossy(&text));
        }
        Page::Config => {
            let places = ["$XDG_CONFIG_HOME/directory-server/config.toml", "/etc/directory-server/config.toml"];
            print(&common::settings::manual::configuration("directory-server", &places, config::EXAMPLE));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn user(global: &Global, command: User) -> Result<ExitCode, Failure> {
    let request = match command {
        User::Add { users } => Request::Invite { users },
        User::List => Request::Users,
        User::Show(One { user }) => Request::User { user },
        User::Lock { one: One { user }, reason } => Request::Lock { user, reason },
        User::Unlock(One { user }) => Request::Unlock { user },
        User::Passcode(One { user }) => {
            confirm(global, user.as_str(), "forget its passcode and its key")?;
            Request::Reset { user }
        }
        User::Remove(One { user }) => {
            confirm(global, user.as_str(), "remove it")?;
            Request::Remove { user }
        }
    };
    ask(global, request)
}

/// Asks for the id again before something is lost.
fn confirm(global: &Global, id: &str, what: &str) -> Result<(), Failure> {
    if global.yes {
        return Ok(());
    }
    if global.no_input {
        return Err(Failure::new(Kind::Usage, format!("This would ask before it acts on {id}. Say --yes.")));
    }
    let _ = write!(io::stderr(), "Type the ID again to {what}: ");
    let mut typed = String::new();
    let read = io::stdin().read_line(&mut typed);
    read.map_err(|error| Failure::io("read the answer", &error))?;
    if typed.trim() == id {
        return Ok(());
    }
    Err(Failure::new(Kind::Usage, format!("That was not {id}. Nothing was changed.")))
}

fn ask(global: &Global, request: Request) -> Result<ExitCode, Failure> {
    let answer = answer_to(global, request)?;
    print(&if global.json { json(&answer)? } else { words::text(&answer, &TimeZone::system()) });
    Ok(completeness(&answer))
}

/// Says what of a request was not done, if a part of it was.
fn completeness(answer: &Answer) -> ExitCode {
    let Answer::Invites { refused, .. } = answer else { return ExitCode::SUCCESS };
    for failure in refused {
        let _ = io::stderr().write_all(words::failed(failure).as_bytes());
    }
    if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Kind::Incomplete as u8) }
}

/// Invitations, each with its QR code below.
fn invite_by_picture(global: &Global, request: Request) -> Result<ExitCode, Failure> {
    let answer = answer_to(global, request)?;
    let mut text = words::text(&answer, &TimeZone::system());
    if let Answer::Invites { invites, .. } = &answer {
        // Black on white, whatever the colours of the terminal are.
        let coloured = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let (on, off) = if coloured { ("\x1b[97;40m", "\x1b[0m") } else { ("", "") };
        for invite in invites {
            text += &format!("\n{}\n", invite.user);
            common::qr::rows(&invite.line).iter().for_each(|row| text += &format!("{on}{row}{off}\n"));
        }
    }
    print(&text);
    Ok(completeness(&answer))
}

fn answer_to(global: &Global, request: Request) -> Result<Answer, Failure> {
    let loaded = load(global)?;
    let (answer, by) = client::ask(&data_dir(global, &loaded)?, &loaded.config, request)?;
    if by == By::Store {
        let _ = writeln!(io::stderr(), "(server not running)");
    }
    Ok(answer)
}

fn report<R: serde::Serialize>(global: &Global, report: &R, text: fn(&R) -> String) -> Result<ExitCode, Failure> {
    print(&if global.json {
        visible_json(serde_json::to_string(report).map_err(internal)?) + "\n"
    } else {
        text(report)
    });
    Ok(ExitCode::SUCCESS)
}

/// The status again and again, until a signal ends the process.
fn watch(global: &Global) -> Result<ExitCode, Failure> {
    let on_screen = io::stdout().is_terminal() && !global.json;
    let pause = Duration::from_secs(if on_screen { 2 } else { 10 });
    let loaded = load(global)?;
    let data_dir = data_dir(global, &loaded)?;
    loop {
        let (answer, by) = client::ask(&data_dir, &loaded.config, Request::Status)?;
        let mut text = if global.json { json(&answer)? } else { words::text(&answer, &TimeZone::system()) };
        if on_screen {
            let note = if by == By::Store { "(server not running)\n" } else { "" };
            // The top left corner, and nothing below what is written.
            text = format!("\x1b[H\x1b[2J{note}{text}");
        }
        let mut out = io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(pause);
    }
}

/// One JSON object or array: the answer without its envelope, where it has only one part.
fn json(answer: &Answer) -> Result<String, Failure> {
    let encoded = match answer {
        Answer::Invites { invites, .. } => serde_json::to_string(invites),
        Answer::Users { users } => serde_json::to_string(users),
        Answer::User { user } => serde_json::to_string(user),
        Answer::Status { status } => serde_json::to_string(status),
        Answer::Broadcasts { entries } => serde_json::to_string(entries),
        Answer::Rooms { rooms } => serde_json::to_string(rooms),
        Answer::Room { room } => serde_json::to_string(room),
        Answer::Sessions { sessions } => serde_json::to_string(sessions),
        other => serde_json::to_string(other),
    };
    encoded.map(|json| visible_json(json) + "\n").map_err(|error| Failure::new(Kind::Internal, error.to_string()))
}

fn configuration(global: &Global, command: &ConfigCommand) -> Result<ExitCode, Failure> {
    if matches!(command, ConfigCommand::Path) {
        let mut paths = global.config.clone().map_or_else(config::default_paths, |named| vec![named]);
        // Those that count, or else all that would.
        if paths.iter().any(|path| path.exists()) {
            paths.retain(|path| path.exists());
        }
        let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        if global.json {
            print(&(visible_json(serde_json::to_string(&paths).map_err(internal)?) + "\n"));
        } else {
            paths.iter().for_each(|path| print(&format!("{path}\n")));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if matches!(command, ConfigCommand::Init) {
        let path = config::create(global.config.as_deref())?;
        if global.json {
            print(&(visible_json(serde_json::json!({ "file": path.display().to_string() }).to_string()) + "\n"));
        } else {
            print(&format!("Created {}. It holds the defaults; change what you need.\n", path.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = load(global)?;
    let (source, config) = (loaded.source(), loaded.config);
    let addresses = config.addresses()?;
    match (command, global.json) {
        (ConfigCommand::Show, false) => print(&toml::to_string(&config).map_err(internal)?),
        (ConfigCommand::Show, true) => print(&(visible_json(serde_json::to_string(&config).map_err(internal)?) + "\n")),
        (ConfigCommand::Path | ConfigCommand::Init | ConfigCommand::Check, true) => {
            let files: Vec<String> = loaded.files.iter().map(|file| file.display().to_string()).collect();
            let checked = serde_json::json!({ "files": files, "in_order": true, "addresses": addresses.len() });
            print(&(visible_json(checked.to_string()) + "\n"));
        }
        (ConfigCommand::Path | ConfigCommand::Init | ConfigCommand::Check, false) => {
            let source = source.unwrap_or_else(|| "No file; the defaults".into());
            print(&format!("{source}: ok ({} addresses).\n", addresses.len()));
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

/// The configuration, with the store that the command line names.
fn load(global: &Global) -> Result<Loaded, Failure> {
    load_from(global.config.as_deref(), global.store.as_deref())
}

fn load_from(config: Option<&Path>, store: Option<&str>) -> Result<Loaded, Failure> {
    let mut loaded = config::load(config, environment())?;
    if let Some(url) = store {
        url.clone_into(&mut loaded.config.store.url);
        loaded.config.place().map_err(|failure| {
            let message = failure.message.replacen("store.url", "--store", 1);
            Failure::new(Kind::Usage, message)
        })?;
    }
    Ok(loaded)
}

fn data_dir(global: &Global, loaded: &Loaded) -> Result<PathBuf, Failure> {
    global.data_dir.as_deref().map(Path::to_owned).map_or_else(|| serve::default_data_dir(&loaded.config), Ok)
}

/// Results go to standard output; if nobody reads them, that is no failure.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_told_as_one() {
        let failure = guarded(|| -> Result<(), Failure> { panic!("no user table") }).unwrap_err();
        assert_eq!(failure.kind, Kind::Internal);
        assert!(failure.message.starts_with("This is a bug of directory-server "));
    }
}
