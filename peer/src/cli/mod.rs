//! The command line, and what comes of it together with the configuration.

mod front_ends;
mod mistakes;
mod overview;
mod surroundings;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;
use common::secret::Passcode;
use jiff::tz::TimeZone;

use crate::app::exit;
use crate::app::line::Questions;
use crate::app::texts::failure::{self, Report};
use crate::app::texts::oneshot::{Form, Loudness};
use crate::app::texts::setup;
use crate::config::{
    self, Colours, Config, HumanDuration, Listen, LogLevel, Login, Named, ServerAddress, passcode_file,
};
use crate::store::pins;
pub(crate) use mistakes::{Stopped, completions, manual, parse};
pub(crate) use surroundings::{Characters, Colour, locale};

const EXAMPLES: &str = "\
Examples:
  peer                            log in and talk, directory on this machine
  peer --server dir.example.org   the same, directory elsewhere";

/// Talk to people, directly and encrypted.
#[derive(Debug, Parser)]
#[command(name = "peer", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) given: Given,
    /// Without a command: the line terminal.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options, each also as a variable of the environment.
#[derive(Debug, Args)]
pub(crate) struct Given {
    /// Directory server.
    #[arg(short, long, value_name = "HOST[:PORT]", env = "PEER_SERVER", global = true, hide_env = true)]
    server: Option<ServerAddress>,
    /// Who logs in.
    #[arg(short, long, value_name = "ID", env = "PEER_USER", global = true, hide_env = true)]
    user: Option<Login>,
    /// Passcode in the first line; - is the input.
    #[arg(long, value_name = "FILE", env = "PEER_PASSCODE_FILE", global = true, hide_env = true)]
    passcode_file: Option<PathBuf>,
    /// Listen here and call from here.
    #[arg(long, value_name = "ADDR[:PORT]", env = "PEER_LISTEN", global = true, hide_env = true)]
    listen: Option<Listen>,
    /// Configuration file.
    #[arg(short, long, value_name = "FILE", env = "PEER_CONFIG", global = true, hide_env = true)]
    config: Option<PathBuf>,
    /// Where keys and pins are kept.
    #[arg(long, value_name = "DIR", env = "PEER_DATA_DIR", global = true, hide_env = true)]
    data_dir: Option<PathBuf>,
    /// Whether there are colours.
    #[arg(long, value_name = "WHEN", value_enum, global = true)]
    color: Option<Colours>,
    /// Only append, with names: for screen readers.
    #[arg(long, env = "PEER_PLAIN", value_parser = FalseyValueParser::new(), global = true, hide_env = true)]
    plain: bool,
    /// Fail instead of asking.
    #[arg(long, global = true)]
    no_input: bool,
    /// One JSON object or array as the result.
    #[arg(long, global = true)]
    json: bool,
    /// Tell only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell what went well, too; twice: log every step.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Log there.
    #[arg(long, value_name = "FILE", env = "PEER_LOG", global = true, hide_env = true)]
    log_file: Option<PathBuf>,
    /// Patience with the directory.
    #[arg(long, value_name = "SECS", env = "PEER_TIMEOUT", global = true, hide_env = true)]
    timeout: Option<u64>,
}

/// A command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Full screen.
    Tui,
    /// Use an invite.
    Join {
        /// - reads the invite from the input, as without it.
        #[arg(value_name = "-", value_parser = ["-"], hide = true)]
        input: Option<String>,
    },
    /// Send one message.
    Send {
        /// ID, #group or *.
        #[arg(value_name = "TO")]
        to: String,
        /// - or nothing reads the input.
        #[arg(value_name = "TEXT")]
        text: Option<String>,
        /// Fail if it cannot be delivered at once.
        #[arg(long)]
        no_queue: bool,
    },
    /// Print what has come.
    Recv {
        /// Wait for so many; otherwise print what waits.
        #[arg(short, value_name = "N")]
        number: Option<usize>,
    },
    /// Who is there.
    List,
    /// Stored messages.
    History {
        /// ID, #group or *.
        #[arg(value_name = "WITH")]
        with: String,
        /// The last so many.
        #[arg(short, value_name = "N", default_value_t = 20)]
        number: usize,
    },
    /// Send a file.
    File {
        /// ID.
        #[arg(value_name = "TO")]
        to: String,
        /// A file or a folder.
        #[arg(value_name = "PATH")]
        path: PathBuf,
        /// How long TO may take; otherwise --timeout, or five minutes.
        #[arg(long, value_name = "SECS")]
        wait: Option<u64>,
    },
    /// Show a safety number.
    Verify {
        /// ID.
        #[arg(value_name = "WHO")]
        who: String,
    },
    /// Change the passcode.
    Passwd {
        /// Make a new identity key, too, confirmed by the former one.
        #[arg(long)]
        new_key: bool,
    },
    /// Look for what is wrong.
    Doctor,
    /// JSON lines, for programs.
    Json {
        /// Print the schema of what can be said, and stop.
        #[arg(long)]
        schema: bool,
    },
    /// The same on a socket.
    Daemon {
        /// Where; otherwise peer/ID.sock below $XDG_RUNTIME_DIR.
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
    },
    /// Accept a server's new key.
    TrustServer {
        /// The server.
        #[arg(value_name = "HOST[:PORT]")]
        host: ServerAddress,
    },
    /// Back up key and contacts.
    Export {
        /// Must not exist.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Restore a backup.
    Import {
        /// What export has written.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Completions for a shell.
    Completions {
        /// Which one.
        #[arg(value_name = "SHELL", value_enum)]
        shell: Shell,
    },
    /// A manual page.
    Man {
        /// Which one.
        #[arg(value_name = "PAGE", value_enum, default_value = "peer")]
        page: Page,
    },
    /// Print this, or the help of a command.
    #[command(hide = true)]
    Help {
        /// The command.
        #[arg(value_name = "COMMAND")]
        about: Option<String>,
    },
}

/// A manual page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Page {
    /// peer(1): the command line.
    Peer,
    /// peer-config(5): every key of the configuration.
    #[value(alias = "peer-config")]
    Config,
    /// peer-json(5): what programs say and are told.
    #[value(alias = "peer-json")]
    Json,
}

/// `peer config …`
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Where it is read from, and where data and the socket of a daemon are.
    Path,
    /// What is in effect.
    Show,
    /// Whether it is in order.
    Check,
    /// Writes a file with every key and its default, where there is none.
    Init,
}

/// Everything that options, environment and files say.
#[derive(Debug)]
pub(crate) struct Settings {
    /// All keys, the options put on top.
    pub(crate) config: Config,
    /// Where keys and pins are kept.
    pub(crate) data_dir: PathBuf,
    /// The configuration files that were read.
    pub(crate) origin: config::Origin,
    /// The configuration file that would be read if it were there, and that the user can write.
    pub(crate) own_file: PathBuf,
    /// Whether a directory was chosen: by option, variable, file or invitation.
    pub(crate) server_named: Named,
    /// How long others may take, where that was said (`--timeout`).
    pub(crate) timeout: Option<Duration>,
    /// Whether anything may be asked.
    pub(crate) questions: Questions,
    /// In which form results are printed.
    pub(crate) form: Form,
    /// How much is told.
    pub(crate) loudness: Loudness,
    /// Whether there are colours.
    pub(crate) colour: Colour,
    /// In which dates and clocks are shown.
    pub(crate) zone: TimeZone,
}

impl Given {
    /// In which form results are printed.
    pub(crate) fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

impl Settings {
    /// Reads the configuration and puts the options on top; `zone` is that of whoever reads the screen.
    pub(crate) fn load(given: Given, zone: TimeZone) -> Result<Self, Report> {
        let form = given.form();
        let named = if given.config.is_some() { Named::Yes } else { Named::No };
        let usual = config::default_paths(|name| std::env::var_os(name));
        let paths = given.config.map_or(usual, |named| vec![named]);
        let data_dir = given.data_dir.or_else(|| config::default_data_dir(|name| std::env::var_os(name)));
        let nowhere = || Report { lines: vec![setup::NO_HOME.to_owned()], exit: exit::CONFIG };
        let data_dir = data_dir.ok_or_else(nowhere)?;
        let joined = pins::joined(&data_dir).map_err(|error| failure::undated(&error.into()))?;
        let (mut config, origin) = config::load(&paths, named, joined, std::env::vars_os())?;
        let own_file = config::own_path(|name| std::env::var_os(name)).or(paths.into_iter().next()).unwrap_or_default();
        let chosen = given.server.is_some() || config.server.address != ServerAddress::default();
        let server_named = if chosen { Named::Yes } else { Named::No };
        let server = &mut config.server;
        given.server.into_iter().for_each(|address| server.address = address);
        given.user.into_iter().for_each(|user| server.user = user);
        given.passcode_file.into_iter().for_each(|path| server.passcode_file = path);
        let timeout = given.timeout.map(Duration::from_secs);
        given.timeout.into_iter().for_each(|seconds| server.connect_timeout = HumanDuration::from_secs(seconds));
        given.listen.into_iter().for_each(|listen| config.peer.listen = listen);
        given.log_file.into_iter().for_each(|file| config.log.file = file);
        let level = [LogLevel::Error, LogLevel::Info, LogLevel::Debug][usize::from(given.verbose.min(2))];
        config.log.level = config.log.level.max(level);
        config.ui.plain |= given.plain;
        let questions = if given.no_input { Questions::Forbidden } else { Questions::Allowed };
        let colour = surroundings::colour(given.color, config.ui.color, |name| std::env::var_os(name));
        let loudness = match (given.quiet, given.verbose) {
            (true, _) => Loudness::Quiet,
            (false, 0) => Loudness::Normal,
            (false, _) => Loudness::Verbose,
        };
        Ok(Self { config, data_dir, origin, own_file, server_named, timeout, questions, form, loudness, colour, zone })
    }

    /// The passcode from its file, if there is one.
    pub(crate) fn passcode(&self) -> Result<Option<Passcode>, Report> {
        let path = &self.config.server.passcode_file;
        if path.as_os_str().is_empty() { Ok(None) } else { passcode_file::read(path).map(Some) }
    }
}
