//! How much of somebody's address a log line shows (threat L5).

use std::net::IpAddr;

use common::network::SHOWN;
use serde::{Deserialize, Serialize};

/// How much of an address a log line shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressStyle {
    /// All of it.
    Full,
    /// The first three bytes of IPv4, the first three groups of IPv6.
    Truncate,
    /// Nothing.
    #[default]
    None,
}

impl AddressStyle {
    /// An address as a log line shows it.
    #[must_use]
    pub fn show(self, address: IpAddr) -> String {
        match (self, address.to_canonical()) {
            (Self::Full, address) => address.to_string(),
            (Self::None, _) => "-".into(),
            (Self::Truncate, address) => match SHOWN.network(address) {
                IpAddr::V4(network) => format!("{network}/{}", SHOWN.v4),
                // All three groups, also where they are nought.
                IpAddr::V6(network) => {
                    let [a, b, c, ..] = network.segments();
                    format!("{a:x}:{b:x}:{c:x}::/{}", SHOWN.v6)
                }
            },
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
        assert_eq!(truncated("2001:db8::4"), "2001:db8:0::/48");
        assert_eq!(truncated("::1"), "0:0:0::/48");
        assert_eq!(truncated("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(AddressStyle::Full.show("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.77");
        assert_eq!(AddressStyle::None.show("192.0.2.77".parse().unwrap()), "-");
    }
}
