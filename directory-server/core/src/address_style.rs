//! How much of somebody's address a log line shows (threat L5).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// How much of an address a log line shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressStyle {
    /// All of it.
    Full,
    /// The first three bytes of IPv4, the first three groups of IPv6.
    #[default]
    Truncate,
    /// Nothing.
    None,
}

impl AddressStyle {
    /// An address as a log line shows it.
    #[must_use]
    pub fn show(self, address: IpAddr) -> String {
        match (self, address.to_canonical()) {
            (Self::Full, address) => address.to_string(),
            (Self::None, _) => "-".into(),
            (Self::Truncate, IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            (Self::Truncate, IpAddr::V6(v6)) => {
                let [a, b, c, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_show_half_an_address_at_most() {
        let truncated = |address: &str| AddressStyle::Truncate.show(address.parse().unwrap());
        assert_eq!(truncated("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(truncated("2001:db8:1:2:3::4"), "2001:db8:1::/48");
        assert_eq!(AddressStyle::None.show("192.0.2.77".parse().unwrap()), "-");
    }
}
