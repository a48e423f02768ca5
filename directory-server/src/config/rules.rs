//! What the configuration comes to: addresses, rules and backups; and what is refused although its form is right.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use common::limits::{DIRECTORY_PORT, RECORD_VALID, TERMINALS_PER_USER};
use common::msg::Registration;

use super::{Config, HumanDuration, Loopback, Mode, Relaying, Show, Store};
use crate::failure::{Failure, Kind};
use crate::store::postgres::Place;
use common::network::Source;
use directory_core::Policy;
use directory_core::lockout::LockRule;
use directory_core::records::MailRule;
use directory_core::relay::RelayMode;
use directory_core::sources::LoopbackRule;
use directory_core::subscriptions;

/// The port that examples of `[http]` use: chosen arbitrarily, next to that of the directory.
const HTTP_PORT: u16 = DIRECTORY_PORT + 1;

/// How the server backs itself up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backups {
    pub(crate) dir: PathBuf,
    pub(crate) every: Duration,
    pub(crate) keep: usize,
}

impl Config {
    /// Refuses what cannot be meant, where the form is right.
    pub(super) fn validate(self) -> Result<Self, Failure> {
        self.http_address()?;
        self.backups()?;
        if !(1..=TERMINALS_PER_USER).contains(&self.auth.sessions_per_user) {
            let message = format!("[auth] sessions_per_user is a number from 1 to {TERMINALS_PER_USER}.");
            return Err(Failure::new(Kind::Config, message));
        }
        if Duration::from(self.records.valid) > RECORD_VALID {
            let most = HumanDuration::from_secs(RECORD_VALID.as_secs());
            let message = format!("[records] valid is at most {most}.");
            return Err(Failure::new(Kind::Config, message));
        }
        Ok(self)
    }

    /// How the server backs itself up, if it does.
    pub(crate) fn backups(&self) -> Result<Option<Backups>, Failure> {
        let Store { backup_dir: dir, backup_every, backup_keep: keep, url, .. } = &self.store;
        let every = Duration::from(*backup_every);
        if every.is_zero() {
            return Ok(None);
        }
        if !dir.is_absolute() || *keep == 0 {
            let message =
                "[store] backup_every needs backup_dir, a folder from the root on, and a backup_keep of at least 1.";
            return Err(Failure::new(Kind::Config, message));
        }
        if !url.is_empty() {
            let message = "[store] backup_every is for a database in the data directory. One in store.url is backed up with \
                           its own tools; set backup_every to 0s.";
            return Err(Failure::new(Kind::Config, message));
        }
        Ok(Some(Backups { dir: dir.clone(), every, keep: *keep }))
    }

    /// The database that remembers, if it is not a file in the data directory.
    pub(crate) fn place(&self) -> Result<Option<Place>, Failure> {
        let url = &self.store.url;
        if url.is_empty() {
            return Ok(None);
        }
        let place = Place::parse(url, &|name| std::env::var(name).ok());
        place.map(Some).map_err(|error| Failure::new(Kind::Config, format!("store.url: {error}")))
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
                Relaying::All => RelayMode::All,
            },
            records: self.records.valid.into(),
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
