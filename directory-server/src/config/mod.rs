//! The configuration: every key, its default and its meaning.
//!
//! [`mod@load`] finds and reads the file and the environment; this file is what they may say.

mod load;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use common::limits::{Budget, DIRECTORY_PORT, TERMINALS_PER_USER};
use common::msg::Registration;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};
use directory_core::Policy;
use directory_core::address_style::AddressStyle;
use directory_core::lockout::LockRule;
use directory_core::records::MailRule;
use directory_core::relay::RelayMode;
use directory_core::sources::{LoopbackRule, Source};
use directory_core::subscriptions;
use directory_core::user_style::UserStyle;

pub(crate) use common::settings::{ByteSize, HumanDuration};
pub(crate) use load::{EXAMPLE, Loaded, create, default_path, load};

/// The port that examples of `[http]` use: chosen arbitrarily, next to that of the directory.
const HTTP_PORT: u16 = DIRECTORY_PORT + 1;

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
}

/// `[store]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    /// Empty: `$STATE_DIRECTORY` or the XDG data directory.
    pub(crate) dir: PathBuf,
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
        Self { dir, backup_dir, backup_every: HumanDuration::from_secs(0), backup_keep: 7 }
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

/// How the server backs itself up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backups {
    pub(crate) dir: PathBuf,
    pub(crate) every: Duration,
    pub(crate) keep: usize,
}

impl Config {
    /// Refuses what cannot be meant, where the form is right.
    fn validate(self) -> Result<Self, Failure> {
        self.http_address()?;
        self.backups()?;
        if !(1..=TERMINALS_PER_USER).contains(&self.auth.sessions_per_user) {
            let message = format!("[auth] sessions_per_user is a number from 1 to {TERMINALS_PER_USER}.");
            return Err(Failure::new(Kind::Config, message));
        }
        Ok(self)
    }

    /// How the server backs itself up, if it does.
    pub(crate) fn backups(&self) -> Result<Option<Backups>, Failure> {
        let Store { backup_dir: dir, backup_every, backup_keep: keep, .. } = &self.store;
        let every = Duration::from(*backup_every);
        if every.is_zero() {
            return Ok(None);
        }
        if !dir.is_absolute() || *keep == 0 {
            let message =
                "[store] backup_every needs backup_dir, a folder from the root on, and a backup_keep of at least 1.";
            return Err(Failure::new(Kind::Config, message));
        }
        Ok(Some(Backups { dir: dir.clone(), every, keep: *keep }))
    }

    /// The addresses to listen on.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let parsed = self.listen.address.iter().map(|text| {
            text.parse().map_err(|_| {
                let message = format!("\"{text}\" is not an address to listen on, such as 0.0.0.0:{DIRECTORY_PORT}.");
                Failure::new(Kind::Config, message)
            })
        });
        parsed.collect()
    }

    /// Where the status page and the metrics are, if anywhere. Whoever reads them sees how the directory is doing, and
    /// there is no login: so only this machine can.
    pub(crate) fn http_address(&self) -> Result<Option<SocketAddr>, Failure> {
        let text = &self.http.listen;
        if text.is_empty() {
            return Ok(None);
        }
        let example = format!("127.0.0.1:{HTTP_PORT}");
        let address: SocketAddr = text.parse().map_err(|_| {
            Failure::new(Kind::Config, format!("[http] listen = \"{text}\" is not an address, such as {example}."))
        })?;
        if !address.ip().is_loopback() {
            let message = format!(
                "[http] listen = \"{text}\" would show everyone on the network how this directory is doing. Use an address \
                 of this machine only, such as {example}; from elsewhere reach it through ssh -L {HTTP_PORT}:{example}"
            );
            return Err(Failure::new(Kind::Config, message));
        }
        Ok(Some(address))
    }

    /// The rules for a server on these addresses.
    pub(crate) fn policy(&self, addresses: &[SocketAddr]) -> Policy {
        let registration = match self.register.mode {
            Mode::Open => Registration::Open,
            Mode::Invite => Registration::Invite,
            Mode::Closed => Registration::Closed,
            Mode::Auto if is_this_machine_only(addresses) => Registration::Open,
            Mode::Auto => Registration::Invite,
        };
        Policy {
            registration,
            passcode_min: self.register.passcode_min,
            lock: LockRule { tries: self.auth.tries.max(1), lock: self.auth.lock.into() },
            logins_per_minute: self.limits.logins_per_minute,
            lookups_per_minute: self.limits.lookups_per_minute,
            requests_per_minute: self.limits.requests_per_minute,
            loopback: match self.limits.loopback {
                Loopback::Exempt => LoopbackRule::Exempt,
                Loopback::Counted => LoopbackRule::Counted,
                Loopback::Auto if is_this_machine_only(addresses) && self.listen.public.is_empty() => {
                    LoopbackRule::Exempt
                }
                Loopback::Auto => LoopbackRule::Counted,
            },
            broadcasts_per_minute: self.limits.broadcasts_per_minute,
            addresses: self.log.addresses,
            users: self.log.users,
            terminals_per_user: self.auth.sessions_per_user,
            relay: match self.relay.mode {
                Relaying::Off => RelayMode::Off,
                Relaying::Chat => RelayMode::Chat,
            },
            presence: match self.presence.show {
                Show::Auto => subscriptions::Visibility::Auto,
                Show::Everyone => subscriptions::Visibility::Everyone,
                Show::Contacts => subscriptions::Visibility::Contacts,
            },
            mail: MailRule {
                messages: self.limits.queue,
                bytes: self.limits.queue_bytes.into(),
                keep: self.limits.queue_ttl.into(),
            },
        }
    }

    /// `HOST:PORT` by which people reach a server on these addresses.
    pub(crate) fn public_name(&self, addresses: &[SocketAddr]) -> String {
        let port = addresses.first().map_or(DIRECTORY_PORT, SocketAddr::port);
        let public = &self.listen.public;
        let has_port = public.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match addresses.first() {
            _ if has_port => public.clone(),
            _ if !public.is_empty() => format!("{public}:{port}"),
            Some(first) if !first.ip().is_unspecified() => first.to_string(),
            _ => format!("{}:{port}", rustix::system::uname().nodename().to_string_lossy()),
        }
    }
}

/// Whether only this machine can connect.
pub(crate) fn is_this_machine_only(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| Source::of(address.ip()).is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_is_open_on_loopback_and_by_invitation_elsewhere() {
        let config = Config::default();
        let registration = |address: &str| config.policy(&[address.parse().unwrap()]).registration;
        assert_eq!(registration("127.0.0.1:7420"), Registration::Open);
        assert_eq!(registration("[::1]:7420"), Registration::Open);
        assert_eq!(registration("0.0.0.0:7420"), Registration::Invite);
        assert_eq!(registration("192.0.2.7:7420"), Registration::Invite);
    }

    #[test]
    fn this_machine_is_counted_where_a_proxy_may_stand_before_the_server() {
        let mut config = Config::default();
        let rule = |config: &Config, address: &str| config.policy(&[address.parse().unwrap()]).loopback;
        for (public, address, expected) in [
            ("", "127.0.0.1:7420", LoopbackRule::Exempt),
            ("", "0.0.0.0:7420", LoopbackRule::Counted),
            ("dir.example.org", "127.0.0.1:7420", LoopbackRule::Counted),
        ] {
            config.listen.public = public.into();
            assert_eq!(rule(&config, address), expected, "{public} {address}");
            config.limits.loopback = Loopback::Exempt;
            assert_eq!(rule(&config, address), LoopbackRule::Exempt);
            config.limits.loopback = Loopback::Counted;
            assert_eq!(rule(&config, address), LoopbackRule::Counted);
            config.limits.loopback = Loopback::Auto;
        }
    }

    #[test]
    fn the_public_name_gets_the_port_people_need() {
        let mut config = Config::default();
        let addresses = ["0.0.0.0:7421".parse().unwrap()];
        config.listen.public = "dir.example.org".into();
        assert_eq!(config.public_name(&addresses), "dir.example.org:7421");
        config.listen.public = "dir.example.org:443".into();
        assert_eq!(config.public_name(&addresses), "dir.example.org:443");
        config.listen.public.clear();
        assert_eq!(config.public_name(&["192.0.2.7:7420".parse().unwrap()]), "192.0.2.7:7420");
    }
}
