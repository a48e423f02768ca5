//! Forms of values: addresses, user ids. Each is parsed once, from the file, the environment or an option.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use common::ident::{BadUserId, UserId};
use common::limits::DIRECTORY_PORT;
use peer_core::model::Conversation;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const AUTO: &str = "auto";

/// Serialises a type by its text form.
macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

/// Where the directory is: `HOST[:PORT]`, kept with its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerAddress(String);
as_text!(ServerAddress);

/// Why a text is not the address of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server is a name or an address, with a port or without, such as \"dir.example.org:7420\"")]
pub(crate) struct NotAServer;

impl Default for ServerAddress {
    fn default() -> Self {
        Self(format!("127.0.0.1:{DIRECTORY_PORT}"))
    }
}

impl FromStr for ServerAddress {
    type Err = NotAServer;
    fn from_str(text: &str) -> Result<Self, NotAServer> {
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            return Ok(Self(SocketAddr::new(ip, DIRECTORY_PORT).to_string()));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self(address.to_string()));
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| NotAServer)?),
            None => (text, DIRECTORY_PORT),
        };
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || port == 0 || !host.chars().all(sound) {
            return Err(NotAServer);
        }
        Ok(Self(format!("{}:{port}", host.to_ascii_lowercase())))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where callers arrive and calls come from: `auto` or `ADDR[:PORT]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Listen {
    /// Absent: the address of the connection to the directory.
    pub(crate) address: Option<IpAddr>,
    /// Absent: 65000 or the next free one.
    pub(crate) port: Option<u16>,
}
as_text!(Listen);

/// Why a text is not an address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address to listen on is \"auto\" or an address of this machine, such as \"192.0.2.7\" or \"192.0.2.7:65000\", with a \
     port from 1024 on"
)]
pub(crate) struct NotAListener;

impl FromStr for Listen {
    type Err = NotAListener;
    fn from_str(text: &str) -> Result<Self, NotAListener> {
        if text == AUTO {
            return Ok(Self::default());
        }
        if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(Self { address: Some(ip), port: None });
        }
        let address: SocketAddr = text.parse().map_err(|_| NotAListener)?;
        // A directory announces none below (decision D26).
        if (1..1024).contains(&address.port()) {
            return Err(NotAListener);
        }
        Ok(Self { address: Some(address.ip()), port: Some(address.port()).filter(|port| *port != 0) })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (None, _) => f.write_str(AUTO),
            (Some(ip), None) => write!(f, "{ip}"),
            (Some(ip), Some(port)) => write!(f, "{}", SocketAddr::new(ip, port)),
        }
    }
}

/// Who logs in; empty: whoever says so at the prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Login(pub(crate) Option<UserId>);
as_text!(Login);

impl FromStr for Login {
    type Err = BadUserId;
    fn from_str(text: &str) -> Result<Self, BadUserId> {
        if text.is_empty() { Ok(Self(None)) } else { crate::app::grammar::user_id(text).map(|user| Self(Some(user))) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map_or("", UserId::as_str))
    }
}

/// Whom to hear nothing of: `ID`, `#group` or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Muted(pub(crate) Conversation);
as_text!(Muted);

impl FromStr for Muted {
    type Err = BadUserId;
    fn from_str(text: &str) -> Result<Self, BadUserId> {
        crate::app::grammar::conversation(text).map(Self)
    }
}

impl fmt::Display for Muted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `22:00-07:00`, from and to which minute of the day; empty: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QuietHours(pub(crate) Option<(u64, u64)>);
as_text!(QuietHours);

/// Why a text is not a part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("quiet hours are two times of the day, such as \"22:00-07:00\", or empty")]
pub(crate) struct NotQuietHours;

impl FromStr for QuietHours {
    type Err = NotQuietHours;
    fn from_str(text: &str) -> Result<Self, NotQuietHours> {
        let minute = |time: &str| {
            let (hours, minutes) = time.trim().split_once(':')?;
            let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        if text.is_empty() {
            return Ok(Self(None));
        }
        let (from, to) = text.split_once('-').ok_or(NotQuietHours)?;
        Ok(Self(Some((minute(from).ok_or(NotQuietHours)?, minute(to).ok_or(NotQuietHours)?))))
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((from, to)) = self.0 else { return Ok(()) };
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_port_gets_the_usual_one() {
        for (text, address) in [
            ("dir.example.org", "dir.example.org:7420"),
            ("Dir.Example.org:1", "dir.example.org:1"),
            ("127.0.0.1", "127.0.0.1:7420"),
            ("::1", "[::1]:7420"),
            ("[::1]", "[::1]:7420"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), address);
        }
        for wrong in ["", ":7420", "a b", "dir:x", "dir:0", "dir:70000", "http://dir", "\u{1b}"] {
            assert_eq!(wrong.parse::<ServerAddress>(), Err(NotAServer), "{wrong}");
        }
    }

    #[test]
    fn an_address_to_listen_on_may_leave_the_port_open() {
        for text in ["auto", "127.0.0.2", "127.0.0.2:65000", "[::1]:1024", "::1"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
        assert_eq!("127.0.0.2:0".parse::<Listen>().unwrap().port, None);
        for wrong in ["dir.example.org", "127.0.0.2:1", "[::1]:1023"] {
            assert_eq!(wrong.parse::<Listen>(), Err(NotAListener), "{wrong}");
        }
    }

    #[test]
    fn quiet_hours_are_two_times_of_the_day() {
        assert_eq!("22:00-07:05".parse::<QuietHours>().unwrap(), QuietHours(Some((1320, 425))));
        for text in ["22:00-07:05", ""] {
            assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), text);
        }
        for wrong in ["22", "22:00", "25:00-1:00", "1:60-2:00", "night"] {
            assert_eq!(wrong.parse::<QuietHours>(), Err(NotQuietHours), "{wrong}");
        }
    }

    #[test]
    fn a_user_is_folded_to_lower_case() {
        assert_eq!("Ali".parse::<Login>().unwrap().to_string(), "ali");
        assert_eq!("".parse::<Login>().unwrap(), Login(None));
        assert!("a b".parse::<Login>().is_err());
    }
}
