//! Puts the parts together: command line, configuration, engine, front end.

mod ask;
mod backup;
pub(crate) mod bug;
mod configuration;
mod doctor;
mod json;
mod logs;
mod oneshot;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use common::ident::KeyDigest;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt as _, select_biased};
use jiff::tz::TimeZone;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::alarm::Alarm;
use crate::app::exit;
use crate::app::line::{Questions, Queue, Start};
use crate::app::rpc;
use crate::app::sanitise::SafeText;
use crate::app::texts::failure::{self, Report};
use crate::app::texts::oneshot::Form;
use crate::app::texts::{self, trust as trust_words};
use crate::cli::{self, Command, Settings, Stopped};
use crate::config::Accept;
use crate::shell::front_end::FrontEnd;
use crate::shell::setup::{Setup, Turn};
use crate::shell::transfer::config::TransferConfig;
use crate::shell::{self, rt, trust_server};
use crate::signals::Terminal;
use crate::{signals, ui};
use ask::Person;
use peer_core::command::{Answer, Command as Wish, SessionCommand, Ticket, TicketedCommand};
use peer_core::event;
use peer_core::files::model::FilePolicy;
use peer_core::notice::{Failure, Notification};

/// Notices that may wait for the front end before whoever causes them has to wait (threat P4).
const NOTICES: usize = 256;

/// Runs the program; returns its exit code.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> i32 {
    keep_memory_private();
    bug::install();
    // Where the system does not say in which zone it is, times are in UTC.
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    // Of what cannot be understood this much can.
    let mut form = if arguments.iter().any(|given| given == "--json") { Form::Json } else { Form::Text };
    let outcome = match cli::parse(arguments) {
        Ok(cli) => {
            form = cli.given.form();
            match (Settings::load(cli.given, zone), cli.command) {
                (Err(report), Some(Command::Doctor)) => Ok(doctor::without_settings(report, form)),
                (settings, command) => settings.and_then(|settings| {
                    logs::start(&settings.config.log)?;
                    carry_out(&settings, command)
                }),
            }
        }
        Err(Stopped::Wanted(text)) => {
            return print(text.trim_end().lines(), &mut io::stdout()).map_or_else(lost, |()| exit::OK);
        }
        Err(Stopped::Mistaken(report)) => Err(report),
    };
    outcome.unwrap_or_else(|report| {
        // Whoever closed the error output does not want to know.
        let _ = print(report.lines.iter().map(String::as_str), &mut io::stderr());
        if form == Form::Json && !report.lines.is_empty() {
            // Nor does whoever closed this one.
            let _ = oneshot::print::failure(&report, serde_json::json!({}));
        }
        report.exit
    })
}

fn carry_out(settings: &Settings, command: Option<Command>) -> Result<i32, Report> {
    match command {
        None => talk(settings, Start::Login, Front::Line),
        Some(Command::Tui) => talk(settings, Start::Login, Front::Full),
        Some(Command::Join { .. }) => talk(settings, Start::Join, Front::Line),
        Some(Command::Send { to, text, no_queue }) => {
            let queue = if no_queue { Queue::Forbidden } else { settings.queue() };
            oneshot::send(settings, &to, text, queue)
        }
        Some(Command::File { to, path, wait }) => {
            oneshot::file(settings, &to, &path, wait.map(Duration::from_secs).or(settings.timeout))
        }
        Some(Command::Recv { number }) => oneshot::recv(settings, number),
        Some(Command::List) => oneshot::list(settings),
        Some(Command::History { with, number }) => oneshot::history(settings, &with, number),
        Some(Command::Verify { who }) => oneshot::verify(settings, &who),
        Some(Command::Passwd { new_key }) => oneshot::passwd(settings, new_key),
        Some(Command::Doctor) => Ok(doctor::run(settings)),
        Some(Command::Completions { shell }) => raw(&cli::completions(shell)),
        Some(Command::Man { page }) => raw(&cli::manual(page).map_err(internal)?),
        Some(Command::Json { schema: true }) => {
            Ok(print(rpc::schema().lines(), &mut io::stdout()).map_or_else(lost, |()| exit::OK))
        }
        Some(Command::Json { schema: false }) => json::stdio(settings),
        Some(Command::Daemon { socket }) => json::daemon(settings, socket),
        Some(Command::TrustServer { host }) => {
            trust_server(settings, &Setup { server: host.to_string(), ..setup(settings) })
        }
        Some(Command::Export { file }) => backup::export(settings, &file),
        Some(Command::Import { file }) => backup::import(settings, &file),
        Some(Command::Config(what)) => configuration::run(settings, what),
        // Answered while the command line was parsed.
        Some(Command::Help { .. }) => Ok(exit::OK),
    }
}

/// Which front end the user talks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Front {
    /// Line by line.
    Line,
    /// On a screen of its own, where there is one.
    Full,
}

/// Runs a front end in which the user talks.
fn talk(settings: &Settings, start: Start, front: Front) -> Result<i32, Report> {
    let options = settings.line_options(start, settings.passcode()?);
    let interrupts = interrupts(Terminal::Needed)?;
    let (commands, notices) = start_engine(setup(settings))?;
    let engine = (commands.clone(), notices.clone());
    let channels = ui::event_loop::Channels { commands, notices, interrupts, alarm: Alarm::new(sleep) };
    // Where output is only ever appended, the line terminal is what the full screen comes down to.
    if front == Front::Full && options.look == ui::line::Look::Screen && ui::tui::has_a_screen() {
        let code = block_on(ui::tui::run(settings.tui_options(&options), channels));
        return Ok(block_on(goodbye(engine, code)));
    }
    let code = block_on(ui::line::run(options, channels));
    Ok(block_on(goodbye(engine, code)))
}

/// A terminal that is gone took its front end with it; those who are talked to are told all the same. Returns the code.
async fn goodbye((commands, notices): (Sender<TicketedCommand>, Receiver<Notification>), code: i32) -> i32 {
    if !matches!(code, exit::HANG_UP | exit::BROKEN_PIPE | exit::IO) {
        return code;
    }
    let logout = Wish::Session(SessionCommand::Logout);
    // An engine that is gone has said it.
    drop(commands.try_send(TicketedCommand { ticket: Ticket::default(), command: logout }));
    let over = async { while notices.recv().await.is_ok() {} };
    let (mut over, mut patience) = (std::pin::pin!(over.fuse()), sleep(signals::GOODBYES).fuse());
    select_biased! { () = over => {}, () = patience => {} }
    code
}

fn start_engine(setup: Setup) -> Result<(Sender<TicketedCommand>, Receiver<Notification>), Report> {
    let (command_sender, commands) = async_channel::unbounded();
    let (notices, notice_receiver) = async_channel::bounded(NOTICES);
    // A thread of its own: whoever does not read our output holds up the front end, and the engine only when many
    // notices wait. Commands come from the user alone, so their queue needs no bound and both cannot wait for each
    // other.
    let engine = move || rt::block_on(shell::run(setup, FrontEnd { commands, notices }));
    std::thread::Builder::new().name("engine".to_owned()).spawn(engine).map_err(internal)?;
    Ok((command_sender, notice_receiver))
}

fn interrupts(terminal: Terminal) -> Result<Receiver<ui::event_loop::Interrupt>, Report> {
    signals::listen(terminal).map_err(|error| internal(format!("signals cannot be handled: {error}")))
}

fn internal(error: impl Display) -> Report {
    failure::undated(&Failure::Internal { detail: error.to_string() })
}

pub(crate) fn sleep(duration: Duration) -> BoxFuture<'static, ()> {
    Box::pin(rt::sleep(duration))
}

/// Shows the key a directory has now and pins it if the user says so.
fn trust_server(settings: &Settings, setup: &Setup) -> Result<i32, Report> {
    let shown = rt::block_on(trust_server::look(setup)).map_err(|failure| failure::report(&failure, &settings.zone))?;
    if settings.questions == Questions::Forbidden {
        let lines = trust_words::shown(&setup.server, &shown.now, shown.pinned, &settings.zone);
        return Err(trust_words::needs_a_person(lines));
    }
    let person = Person::new(settings.questions)?;
    compare(&person, setup, (&shown.now, shown.pinned), &settings.zone)?;
    person.told(&trust_words::trusted(&setup.server));
    told(settings, &serde_json::json!({ "server": setup.server, "key": shown.now.short() }))
}

/// What a command did that prints nothing for people, for programs that ask for it.
fn told(settings: &Settings, what: &serde_json::Value) -> Result<i32, Report> {
    if settings.form == Form::Json {
        oneshot::print::result(what)?;
    }
    Ok(exit::OK)
}

/// Lets the user compare a directory's key with the one known so far, and pins it if they say so.
fn compare(
    person: &Person,
    setup: &Setup,
    (now, known): (&KeyDigest, Option<(KeyDigest, u64)>),
    zone: &TimeZone,
) -> Result<(), Report> {
    trust_words::shown(&setup.server, now, known, zone).iter().for_each(|line| person.told(line));
    if person.decides(texts::TRUST)? == Answer::No {
        return Err(trust_words::not_trusted());
    }
    trust_server::pin(setup, *now).map_err(|failure| failure::report(&failure, zone))
}

fn setup(settings: &Settings) -> Setup {
    let config = &settings.config;
    Setup {
        server: config.server.address.to_string(),
        data: settings.data_dir.clone(),
        listen: config.peer.listen.address,
        port: config.peer.listen.port,
        patience: config.server.connect_timeout.into(),
        accept: match config.peer.accept {
            Accept::All => event::Accept::All,
            Accept::Contacts => event::Accept::Contacts,
            Accept::Ask => event::Accept::Ask,
            Accept::None => event::Accept::None,
        },
        read_receipts: config.peer.read_receipts,
        keep_messages: config.peer.keep_messages.into(),
        files: TransferConfig {
            folder: config.files.folder(),
            on_exists: config.files.on_exists,
            rate: Some(config.files.rate.into()).filter(|rate| *rate > 0),
        },
        file_policy: FilePolicy { accept: config.files.accept, max: config.files.max.into() },
        event_filter: None,
        turn: Turn::AtOnce,
    }
}

/// No core dumps and no debugger of another process: passcodes and keys are in this memory (threat T5).
fn keep_memory_private() {
    // Best effort: where the system refuses, the program is no worse than others.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn print<'a>(lines: impl IntoIterator<Item = &'a str>, out: &mut impl io::Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{}", SafeText::ours(line).as_str())?;
    }
    out.flush()
}

/// Bytes that are not lines for a screen.
fn raw(bytes: &[u8]) -> Result<i32, Report> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map(|()| exit::OK).map_err(lost_output)
}

/// The same, for who has nothing more to do.
fn lost_output(error: io::Error) -> Report {
    Report { lines: Vec::new(), exit: lost(error) }
}

/// The exit code when an output is gone.
fn lost(error: io::Error) -> i32 {
    match error.kind() {
        _ if ui::hang_up::is_gone() => exit::HANG_UP,
        io::ErrorKind::BrokenPipe => exit::BROKEN_PIPE,
        _ => exit::IO,
    }
}
