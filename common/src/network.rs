//! The network an address belongs to, as far as one user can change addresses at no cost: what limits count by, and what
//! a log shows.
//!
//! Owns the mask, and what a source of connections is. Whether a limit applies to loopback addresses, and how a network is
//! written, is decided where it is used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many leading bits of an address count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Of an IPv4 address, 32 at most.
    pub v4: u32,
    /// Of an IPv6 address, 128 at most.
    pub v6: u32,
}

/// What limits count by: the whole of an IPv4 address, and of IPv6 the /64 that whoever has an address in it has whole.
const SOURCE: Prefix = Prefix { v4: 32, v6: 64 };
/// What one customer of a provider has at most (RFC 6177): 65,536 sources of IPv6. Of IPv4 it is the source.
const SITE: Prefix = Prefix { v6: 48, ..SOURCE };
/// What lies together, and is often one provider's.
const NEIGHBOURS: Prefix = Prefix { v4: 24, v6: 32 };
/// What a log shows by default: too little to find a user by it (threat L5).
pub const SHOWN: Prefix = Prefix { v4: 24, v6: 48 };

/// Where a connection comes from, as coarse as an attacker can change addresses at no cost; and the wider networks that it
/// lies in. The limits of a source hold for its site, too, where that is not the same, with a larger bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    network: IpAddr,
    width: Width,
}

/// How much of an address counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Width {
    Source,
    Site,
    Neighbours,
}

impl Source {
    /// The source of an address: the whole of IPv4, the first 64 bits of IPv6.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self { network: SOURCE.network(address), width: Width::Source }
    }

    /// Its site, where that is wider: the first 48 bits of IPv6.
    #[must_use]
    pub fn site(self) -> Option<Self> {
        let network = SITE.network(self.network);
        (network.is_ipv6() && !network.is_loopback()).then_some(Self { network, width: Width::Site })
    }

    /// All that lies beside it: the first 24 bits of IPv4, 32 of IPv6. For being served in turn; nobody answers for their
    /// neighbours.
    #[must_use]
    pub fn neighbours(self) -> Self {
        Self { network: NEIGHBOURS.network(self.network), width: Width::Neighbours }
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.network.is_loopback()
    }
}

impl Prefix {
    /// The first address of the network that `address` is in. An IPv4 address that is mapped into IPv6 is an IPv4
    /// address; the loopback address of IPv6 is a network of its own.
    #[must_use]
    pub fn network(self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let rest = u32::MAX.checked_shr(self.v4).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !rest))
            }
            IpAddr::V6(v6) if v6.is_loopback() => IpAddr::V6(v6),
            IpAddr::V6(v6) => {
                let rest = u128::MAX.checked_shr(self.v6).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !rest))
            }
        }
    }
}

/// Whether other networks have this address, too (RFC 1918, RFC 4193): it leads nowhere from outside.
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(prefix: Prefix, address: &str) -> String {
        prefix.network(address.parse().unwrap()).to_string()
    }

    #[test]
    fn an_address_becomes_its_network() {
        for (prefix, address, expected) in [
            (SOURCE, "192.0.2.7", "192.0.2.7"),
            (SOURCE, "::ffff:192.0.2.7", "192.0.2.7"),
            (SOURCE, "2001:db8:1:2::", "2001:db8:1:2::"),
            (SOURCE, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            (SOURCE, "2001:db8:1:2:8000::", "2001:db8:1:2::"),
            (SOURCE, "2001:db8:1:3::", "2001:db8:1:3::"),
            (SOURCE, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff::"),
            (SOURCE, "::1", "::1"),
            (SOURCE, "127.9.9.9", "127.9.9.9"),
            (SHOWN, "192.0.2.77", "192.0.2.0"),
            (SHOWN, "255.255.255.255", "255.255.255.0"),
            (SHOWN, "2001:db8:1:ffff:3::4", "2001:db8:1::"),
            (Prefix { v4: 0, v6: 0 }, "192.0.2.7", "0.0.0.0"),
            (Prefix { v4: 0, v6: 0 }, "2001:db8::1", "::"),
            (Prefix { v4: 32, v6: 128 }, "2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(network(prefix, address), expected, "{address} with {prefix:?}");
        }
    }

    #[test]
    fn an_address_that_leads_somewhere_from_outside_is_not_local() {
        for (address, expected) in [
            ("192.168.1.5", true),
            ("::ffff:192.168.1.5", true),
            ("10.0.0.1", true),
            ("172.16.0.1", true),
            ("fd00::1", true),
            ("192.0.2.7", false),
            ("127.0.0.1", false),
            ("169.254.0.1", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("2001:db8::7", false),
            ("fe80::1", false),
            ("::1", false),
        ] {
            assert_eq!(is_local(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_source_lies_in_its_site_and_among_its_neighbours() {
        let source = |address: &str| Source::of(address.parse().unwrap());
        let (one, other, far) = (source("2001:db8:1:2::3"), source("2001:db8:1:3::3"), source("2001:db8:2:3::3"));
        assert_eq!(one, source("2001:db8:1:2:ffff::"));
        assert_ne!(one, other);
        assert_eq!(one.site(), other.site());
        assert_ne!(one.site(), far.site());
        assert_eq!(one.neighbours(), far.neighbours());
        // A site is not taken for the source at its beginning.
        assert_ne!(one.site(), Some(source("2001:db8:1::")));
        assert_eq!(source("::ffff:192.0.2.7"), source("192.0.2.7"));
        assert_eq!(source("192.0.2.7").site(), None);
        assert_eq!(source("192.0.2.7").neighbours(), source("192.0.2.8").neighbours());
        assert_ne!(source("192.0.2.7").neighbours(), source("192.0.3.7").neighbours());
        assert!(source("::1").is_loopback() && source("127.9.9.9").is_loopback());
        assert_eq!(source("::1").site(), None);
    }

    proptest! {
        /// Two addresses are in one network exactly if their leading bits are the same.
        #[test]
        fn leading_bits_decide(bits: u128, flipped in 0..128_u32, kept in 0..=128_u32) {
            let prefix = Prefix { v4: 32, v6: kept };
            let (one, other) = (Ipv6Addr::from_bits(bits), Ipv6Addr::from_bits(bits ^ (1 << (127 - flipped))));
            let special = |v6: &Ipv6Addr| v6.is_loopback() || v6.to_ipv4_mapped().is_some();
            prop_assume!(!special(&one) && !special(&other));
            let same = prefix.network(one.into()) == prefix.network(other.into());
            prop_assert_eq!(same, flipped >= kept);
        }

        /// A network is its own network.
        #[test]
        fn masking_twice_changes_nothing(v4: u32, v6: u128, kept4 in 0..=32_u32, kept6 in 0..=128_u32) {
            let prefix = Prefix { v4: kept4, v6: kept6 };
            for address in [IpAddr::V4(Ipv4Addr::from_bits(v4)), IpAddr::V6(Ipv6Addr::from_bits(v6))] {
                let once = prefix.network(address);
                prop_assume!(once.to_canonical() == once);
                prop_assert_eq!(prefix.network(once), once);
            }
        }
    }
}
