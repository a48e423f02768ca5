//! The command line: grammar here, [`run`] does it, [`words`] prints what came of it.

mod log;
mod manual;
pub(crate) mod run;
mod time_format;
pub(crate) mod usage_errors;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use common::ident::{RoomId, UserId};
use common::limits::DIRECTORY_PORT;

/// The help of the whole program: as many commands as this have to stand together to fit a screen.
const HELP: &str = "\
Example:  directory-server serve --listen 0.0.0.0:7420 --public dir.example.org
Usage:    {usage}

  serve  demo                    run the server; demo: in memory, with two users
  invite ID...|list|revoke       let people register
  user                           add|list|show|lock|unlock|passcode|remove
  session list|end               who is online
  group list|show|remove         conversations, by their ids
  status [--watch]  health       how it is doing
  log [-f] [--since T]           what happened; --broadcasts: what was said to all
  backup  restore FILE           a backup also while the server runs
  new-generation                 after other tools put the database back
  key show|rotate  check         what people compare at first contact; test all
  config path|show|init|check    every setting
  completions SHELL  man  help   help COMMAND says more

{options}";

/// The directory of the peer messenger: login, presence, lookup.
#[derive(Debug, Parser)]
#[command(name = "directory-server", version)]
#[command(help_template = HELP, subcommand_help_heading = "Commands")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Configuration file.
    #[arg(short, long, value_name = "FILE", env = "DIRSRV_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where keys and users are kept.
    #[arg(long, value_name = "DIR", env = "DIRSRV_DATA_DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Database that remembers, such as postgres://USER@HOST/DATABASE.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) store: Option<String>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not ask before something is lost.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Fail instead of asking.
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    ///
    /// CTRL-C stops it; a hang-up (HUP) reloads the configuration; USR1 opens the log file anew and writes a status line.
    /// With http.listen set in the configuration there is a status page for this machine, too, with /metrics, /healthz
    /// and /readyz.
    Serve(Serve),
    /// Run a server in memory with two users, for trying things out; it keeps nothing.
    Demo,
    /// Invite people, or see and revoke invitations.
    ///
    /// Example: directory-server invite ali bianca
    ///
    /// It prints a line for each; send it to its person by a channel you trust. They run `peer join` and paste it, which
    /// registers that id, once, within register.invite_ttl of the configuration.
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Invite(Invite),
    /// See and change users.
    #[command(subcommand)]
    User(User),
    /// See and end sessions.
    #[command(subcommand)]
    Session(SessionCommand),
    /// See and remove groups. The directory knows them by their ids, not by their names.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Show how the directory is doing.
    Status {
        /// Again and again, until CTRL-C: every 2 seconds on a terminal, every 10 elsewhere.
        #[arg(long)]
        watch: bool,
    },
    /// Read the log file, or what was said to everyone.
    ///
    /// The log file is log.file of the configuration.
    Log(Log),
    /// Check configuration and data.
    Check,
    /// Exit 0 when the server is ready.
    Health,
    /// See the server's key.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Back up to FILE and FILE.secrets, also while the server runs.
    ///
    /// FILE holds the database, FILE.secrets the server's key and the secret that passcodes are checked with. Whoever has
    /// both can guess passcodes, so keep them in different places. The secrets never change: the file with them is
    /// written once.
    Backup(BackupFile),
    /// Restore a backup into a data directory that has no database.
    Restore(BackupFile),
    /// Say that the database was put back to an older state by other means than restore.
    ///
    /// Behind a restore of the database's own tools, a snapshot of the machine, or a replica that took over and had not
    /// everything. People's terminals then know that what they remember is newer, send again what is missing, and say what
    /// cannot be had again. Stop the server first, and run this once before it is started again.
    NewGeneration,
    /// See, create and check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print what completes commands in a shell.
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Print a manual page.
    Man {
        /// Which one.
        #[arg(value_enum, default_value = "directory-server")]
        page: Page,
    },
}

/// A manual page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Page {
    /// directory-server(1): the command line.
    DirectoryServer,
    /// directory-server-config(5): every key of the configuration.
    #[value(alias = "directory-server-config")]
    Config,
}

#[derive(Debug, Args)]
pub(crate) struct BackupFile {
    /// The file with the database; that with the secrets has the same name and .secrets behind it.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// Everyone online.
    List,
    /// End all sessions of a user, who may log in again.
    End(One),
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// All conversations, those of two people too.
    List,
    /// One of them.
    Show(OneGroup),
    /// Forget a group; its members can no longer write to it.
    Remove(OneGroup),
}

#[derive(Debug, Args)]
pub(crate) struct OneGroup {
    /// Which group: its id, as in the list.
    #[arg(value_name = "GROUP", value_parser = group_id)]
    pub(crate) group: RoomId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// The key that people compare at first contact.
    Show,
    /// Says why the key cannot be changed, and what to do if it was stolen.
    Rotate,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on; may be given more than once.
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen_address)]
    pub(crate) listen: Vec<SocketAddr>,
    /// Name by which people reach the server.
    #[arg(long, value_name = "NAME")]
    pub(crate) public: Option<String>,
    /// Run with a wrong clock, for drills and tests.
    #[arg(long, value_name = "SECS", hide = true, default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) clock_offset: i64,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Go on as the log grows.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// From then on: 30m, or a time in UTC such as 2025-11-21T14:05.
    #[arg(long, value_name = "T", value_parser = log::Since::parse)]
    pub(crate) since: Option<log::Since>,
    /// About this user.
    #[arg(long, value_name = "ID", value_parser = user_id)]
    pub(crate) user: Option<UserId>,
    /// Broadcasts instead, the newest last.
    #[arg(long, conflicts_with_all = ["follow", "since", "user"])]
    pub(crate) broadcasts: bool,
    /// How many broadcasts at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = entries, requires = "broadcasts")]
    pub(crate) limit: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Invite {
    /// Who may register, by the ids they will have.
    #[arg(value_name = "ID", required = true, value_parser = user_id)]
    pub(crate) users: Vec<UserId>,
    /// Also as a QR code, for who sits beside you.
    #[arg(long)]
    pub(crate) qr: bool,
    #[command(subcommand)]
    pub(crate) command: Option<InviteCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum InviteCommand {
    /// Invitations that have not been used.
    List,
    /// Take an invitation back.
    Revoke {
        /// The invitation, or its last part.
        code: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add a user: prints the invitation with which that person chooses a passcode nobody else ever knows.
    Add {
        /// Who is added.
        #[arg(value_name = "ID", required = true, value_parser = user_id)]
        users: Vec<UserId>,
    },
    /// Everyone who is registered.
    List,
    /// One user.
    Show(One),
    /// Keep a user out and end the user's sessions.
    Lock {
        #[command(flatten)]
        one: One,
        /// Why; shown in lists.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let a user in again: lifts every lock, that of wrong passcodes too.
    Unlock(One),
    /// Give out a new passcode: forgets the old one and prints an invitation.
    ///
    /// The user's key is sealed with the old passcode and is lost with it. The user gets a new key, and everyone who
    /// has talked to the user is warned that it has changed, unless the user has a backup of the key (peer import).
    Passcode(One),
    /// Remove a user for good; the id is never given out again.
    Remove(One),
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// Which user.
    #[arg(value_name = "ID", value_parser = user_id)]
    pub(crate) user: UserId,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// The file that is read.
    Path,
    /// Create the file with every key, its meaning and its default.
    Init,
    /// Every key and the value in force.
    Show,
    /// Report mistakes.
    Check,
}

fn user_id(text: &str) -> Result<UserId, String> {
    UserId::parse(&text.to_ascii_lowercase()).map_err(|error| error.to_string())
}

fn group_id(text: &str) -> Result<RoomId, String> {
    text.parse().map_err(|_| "32 hexadecimal digits, as in: directory-server group list".to_owned())
}

fn entries(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
    number.ok_or_else(|| "a number from 1 to 1000".to_owned())
}

fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse().or_else(|_| text.parse().map(|ip| SocketAddr::new(ip, DIRECTORY_PORT)));
    with_port.map_err(|_| format!("an address looks like 0.0.0.0:{DIRECTORY_PORT} or [::]:{DIRECTORY_PORT}"))
}
