//! The configuration: every key, its default and its meaning.
//!
//! [`mod@load`] finds and reads the file and the environment; this file is what they may say, and [`rules`] what that comes
//! to.

mod load;
mod rules;

use std::path::PathBuf;

use common::limits::{Budget, DIRECTORY_PORT, TERMINALS_PER_USER};
use serde::{Deserialize, Serialize};

use directory_core::address_style::AddressStyle;
use directory_core::lockout::LockRule;
use directory_core::records::MailRule;
use directory_core::user_style::UserStyle;

pub(crate) use common::settings::{ByteSize, HumanDuration};
pub(crate) use load::{EXAMPLE, Loaded, create, default_paths, load};
pub(crate) use rules::{Backups, is_this_machine_only};

/// All sections.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(crate) listen: Listen,
    pub(crate) register: Register,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) presence: Presence,
    pub(crate) relay: Relay,
    pub(crate) records: Records,
    pub(crate) store: Store,
    pub(crate) http: Http,
    pub(crate) log: Log,
}

/// `[listen]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Listen {
    /// Addresses to listen on.
    pub(crate) address: Vec<String>,
    /// The name by which people reach the server; empty: the address.
    pub(crate) public: String,
    /// Connections at once.
    pub(crate) max_connections: usize,
}

impl Default for Listen {
    fn default() -> Self {
        let loopback = [format!("127.0.0.1:{DIRECTORY_PORT}"), format!("[::1]:{DIRECTORY_PORT}")];
        Self { address: loopback.into(), public: String::new(), max_connections: 10_000 }
    }
}

/// Who may register.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Open where only this machine can connect, by invitation elsewhere.
    #[default]
    Auto,
    Open,
    Invite,
    Closed,
}

/// `[register]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Register {
    pub(crate) mode: Mode,
    pub(crate) invite_ttl: HumanDuration,
    pub(crate) passcode_min: u16,
}

impl Default for Register {
    fn default() -> Self {
        Self { mode: Mode::Auto, invite_ttl: HumanDuration::from_secs(24 * 3600), passcode_min: 6 }
    }
}

/// `[auth]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Auth {
    pub(crate) tries: u32,
    /// The first; the second lasts an hour, every further one a day.
    pub(crate) lock: HumanDuration,
    /// At most [`TERMINALS_PER_USER`].
    pub(crate) sessions_per_user: usize,
}

impl Default for Auth {
    fn default() -> Self {
        let LockRule { tries, lock } = LockRule::default();
        Self { tries, lock: HumanDuration::from_secs(lock.as_secs()), sessions_per_user: TERMINALS_PER_USER }
    }
}

/// Whether limits of sources apply to this machine's own addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Loopback {
    /// Exempt where the server listens on loopback addresses only and has no public name, counted elsewhere.
    #[default]
    Auto,
    /// Everyone on this machine shares these addresses.
    Exempt,
    /// A proxy or a tunnel on this machine brings everybody.
    Counted,
}

/// `[limits]`; 0 is no limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// Of one source.
    pub(crate) logins_per_minute: u32,
    /// Users and groups that one user asks for.
    pub(crate) lookups_per_minute: u32,
    /// Of one user, and what they carry.
    pub(crate) requests_per_minute: u32,
    /// Of one user.
    pub(crate) broadcasts_per_minute: u32,
    /// Whether limits of sources apply to loopback addresses.
    pub(crate) loopback: Loopback,
    /// Messages of one user that wait for one terminal.
    pub(crate) queue: u32,
    /// What waits for one terminal.
    pub(crate) queue_bytes: ByteSize,
    /// How long anything waits.
    pub(crate) queue_ttl: HumanDuration,
}

impl Default for Limits {
    fn default() -> Self {
        let MailRule { messages, bytes, keep } = MailRule::default();
        Self {
            logins_per_minute: Budget::Logins.allowance().source,
            lookups_per_minute: Budget::Names.allowance().user,
            requests_per_minute: Budget::Requests.allowance().user,
            broadcasts_per_minute: Budget::Broadcasts.allowance().user,
            loopback: Loopback::default(),
            queue: messages,
            queue_bytes: ByteSize::from_bytes(bytes),
            queue_ttl: HumanDuration::from_secs(keep.as_secs()),
        }
    }
}

/// `[presence]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Presence {
    pub(crate) show: Show,
}

/// Who hears of it when somebody comes or goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Show {
    /// Everyone while few users are present, otherwise contacts.
    #[default]
    Auto,
    Everyone,
    /// Those who watch each other.
    Contacts,
}

/// `[relay]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Relay {
    pub(crate) mode: Relaying,
}

/// Whether links are relayed between terminals that do not reach each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Relaying {
    Off,
    /// Conversations, and no files.
    #[default]
    Chat,
    /// Files, too.
    All,
}

/// `[records]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Records {
    /// At most [`common::limits::RECORD_VALID`]; 0: there are none.
    pub(crate) valid: HumanDuration,
}

impl Default for Records {
    fn default() -> Self {
        Self { valid: HumanDuration::from_secs(12 * 3600) }
    }
}

/// `[store]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// Empty: `$STATE_DIRECTORY` or the XDG data directory.
    pub(crate) dir: PathBuf,
    /// Empty: a file there. Otherwise the database that remembers.
    pub(crate) url: String,
    /// Where the server backs itself up.
    pub(crate) backup_dir: PathBuf,
    /// How often; 0: never.
    pub(crate) backup_every: HumanDuration,
    /// How many of these backups are kept.
    pub(crate) backup_keep: usize,
}

impl Default for Store {
    fn default() -> Self {
        let (dir, backup_dir) = (PathBuf::new(), PathBuf::new());
        Self { dir, url: String::new(), backup_dir, backup_every: HumanDuration::from_secs(0), backup_keep: 7 }
    }
}

/// `[http]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Http {
    /// Empty: there is none.
    pub(crate) listen: String,
    pub(crate) metrics: bool,
    pub(crate) page: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: String::new(), metrics: true, page: true }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise, and in a file.
    #[default]
    Auto,
    Text,
    Json,
}

/// Which events are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

impl LogLevel {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Log {
    pub(crate) level: LogLevel,
    pub(crate) format: LogFormat,
    /// Empty: standard error.
    pub(crate) file: PathBuf,
    pub(crate) addresses: AddressStyle,
    pub(crate) users: UserStyle,
    /// Whether what administrators change is logged, and that a link was relayed.
    pub(crate) audit: bool,
}

impl Default for Log {
    fn default() -> Self {
        let (level, format, addresses) = (LogLevel::default(), LogFormat::default(), AddressStyle::default());
        Self { level, format, file: PathBuf::new(), addresses, users: UserStyle::default(), audit: true }
    }
}
