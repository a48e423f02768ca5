//! The configuration: every key, its default and its meaning.
//!
//! [`mod@load`] finds and reads the file and the environment, [`forms`] are the forms of values, [`passcode_file`]
//! reads the passcode. Options of the command line are put on top by [`crate::cli`].

mod forms;
mod load;
pub(crate) mod passcode_file;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::app::line::{Backlog, Names, Presence, Time};
use crate::app::screen::{Clock, Ring, When};
use crate::shell::transfer::config::{OnExists, typed};
use crate::ui::Keymap;
use crate::ui::tui::{Theme, Via};
pub(crate) use common::settings::{ByteSize, HumanDuration};
pub(crate) use forms::{Listen, Login, Muted, QuietHours, ServerAddress};
pub(crate) use load::{
    EXAMPLE, Named, Origin, commented_example, default_data_dir, default_paths, default_state_dir, load, own_path,
};
use peer_core::files::model::AcceptFiles;

/// All sections.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) peer: Peer,
    pub(crate) ui: Ui,
    pub(crate) line: Line,
    pub(crate) tui: Tui,
    pub(crate) notify: Notify,
    pub(crate) keys: Keymap,
    pub(crate) log: Log,
    pub(crate) files: Files,
}

/// `[files]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Files {
    /// Where files are saved; empty: the folder for downloads.
    pub(crate) dir: PathBuf,
    /// Whose files are taken.
    pub(crate) accept: AcceptFiles,
    /// The largest that is taken; larger ones are refused at once.
    pub(crate) max: ByteSize,
    /// Bytes a second that a file is given with at most; `0`: as many as the link takes.
    pub(crate) rate: ByteSize,
    /// What is done about a name that is taken.
    pub(crate) on_exists: OnExists,
}

impl Files {
    /// Where files are saved: in the folder for downloads, unless another one is set.
    pub(crate) fn folder(&self) -> PathBuf {
        if self.dir.as_os_str().is_empty() { downloads() } else { typed(&self.dir) }
    }
}

impl Default for Files {
    fn default() -> Self {
        Self {
            dir: PathBuf::new(),
            accept: AcceptFiles::default(),
            max: ByteSize::from_bytes(2 << 30),
            rate: ByteSize::from_bytes(0),
            on_exists: OnExists::default(),
        }
    }
}

/// Where the user's downloads go: `$XDG_DOWNLOAD_DIR`, otherwise `Downloads` at home.
fn downloads() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_DOWNLOAD_DIR").or_else(|| Some(variable("HOME")?.join("Downloads"))).unwrap_or_default()
}

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Server {
    /// The directory.
    pub(crate) address: ServerAddress,
    /// Who logs in; empty: ask.
    pub(crate) user: Login,
    /// Whose first line is the passcode; empty: ask.
    #[serde(serialize_with = "shown")]
    pub(crate) passcode_file: PathBuf,
    /// For connecting to the directory and for its answers.
    pub(crate) connect_timeout: HumanDuration,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            address: ServerAddress::default(),
            user: Login::default(),
            passcode_file: PathBuf::new(),
            connect_timeout: HumanDuration::from_secs(10),
        }
    }
}

/// `[peer]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Peer {
    /// Where callers arrive, and where calls come from; `auto`: the address of the connection to the directory.
    pub(crate) listen: Listen,
    /// Which calls are taken.
    pub(crate) accept: Accept,
    /// Whether what is written to somebody who is not there waits.
    pub(crate) queue: bool,
    /// Whether others are told what was read.
    pub(crate) read_receipts: bool,
    /// How long messages are kept here; `0s` keeps none beyond the end of the program.
    pub(crate) keep_messages: HumanDuration,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            accept: Accept::default(),
            queue: true,
            read_receipts: false,
            keep_messages: HumanDuration::from_days(90),
        }
    }
}

/// Which calls are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Accept {
    /// Every verified caller.
    #[default]
    All,
    /// Whom the user has chosen: called, written to, verified, or let in by hand.
    Contacts,
    /// The user is asked.
    Ask,
    /// Nobody.
    None,
}

/// `[ui]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ui {
    /// Output is only ever appended, with names.
    pub(crate) plain: bool,
    /// Whether there are colours.
    pub(crate) color: Colours,
    /// Which ones.
    pub(crate) theme: Theme,
    /// Whether only ASCII signs are drawn.
    pub(crate) glyphs: GlyphSet,
    /// Whether clicks, wheel and dragging are the full screen's from the beginning.
    pub(crate) mouse: bool,
}

/// Whether there are colours; `cli` asks the environment too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Colours {
    /// Unless the environment says otherwise.
    #[default]
    Auto,
    /// Unless `NO_COLOR` says otherwise.
    Always,
    /// None.
    Never,
}

/// Which signs are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GlyphSet {
    /// What the locale says.
    #[default]
    Auto,
    Unicode,
    Ascii,
}

/// `[tui]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tui {
    /// Whether the time stands in front of messages.
    pub(crate) time: Clock,
    /// Columns of the people.
    pub(crate) people_width: u16,
    /// Columns of the details.
    pub(crate) details_width: u16,
    /// Whether the title of the terminal's window says how much is unread.
    pub(crate) title: bool,
}

impl Default for Tui {
    fn default() -> Self {
        Self { time: Clock::Always, people_width: 20, details_width: 28, title: true }
    }
}

/// `[notify]`, for the full screen
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Notify {
    /// Which messages ring the bell.
    pub(crate) bell: Ring,
    /// How notices reach the desktop.
    pub(crate) via: Via,
    /// Whether they say what was said.
    pub(crate) preview: bool,
    /// When the user is called.
    pub(crate) when: When,
    /// Between which times of the day (local time) nobody is called.
    pub(crate) quiet_hours: QuietHours,
    /// Of whom nothing is told: `bianca`, `#team`, `*`.
    pub(crate) muted: Vec<Muted>,
}

/// `[line]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    /// When to show who said something.
    pub(crate) names: Names,
    /// Whose coming and going is told.
    pub(crate) presence: Presence,
    /// When the clock is shown.
    pub(crate) time: Time,
    /// Whether the user is told how far each message has come.
    pub(crate) receipts: bool,
    /// Entries remembered per conversation.
    pub(crate) history: usize,
    /// Whether the arrow keys bring back what was written before this login; it comes from the sealed history.
    pub(crate) history_file: bool,
    /// Whether a paste of several lines is pointed out before it is sent.
    pub(crate) paste_guard: bool,
    /// How many of the last messages are shown when a conversation is opened; `auto`: 10 in groups, none where two talk.
    pub(crate) backlog: Backlog,
    /// How long a second CTRL-C is ignored after one that ended a conversation.
    pub(crate) ctrl_c_grace: HumanDuration,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            names: Names::Auto,
            presence: Presence::Groups,
            time: Time::Never,
            receipts: false,
            history: 500,
            history_file: true,
            paste_guard: true,
            backlog: Backlog::default(),
            ctrl_c_grace: HumanDuration::from_secs(1),
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Log {
    /// How much.
    pub(crate) level: LogLevel,
    /// Where; empty: there is no log.
    #[serde(serialize_with = "shown")]
    pub(crate) file: PathBuf,
    /// For people or for programs.
    pub(crate) format: LogFormat,
}

/// How much is logged: this and what is worse. Never texts and passcodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    /// What ends a session.
    Error,
    /// What the user should look at.
    #[default]
    Warn,
    /// Logins and calls.
    Info,
    /// Every message, without its text.
    Debug,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// A line of words.
    #[default]
    Text,
    /// A line of JSON.
    Json,
}

/// A path that is not UTF-8 came by an option; it is shown as well as it can be.
fn shown<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

impl Config {
    /// The configuration as a file would say it.
    pub(crate) fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}
