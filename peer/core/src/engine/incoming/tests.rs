//! Bounds of what strangers can cause.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use common::ident::{KeyDigest, TerminalId};
use common::msg::{ConnectReq, Features};
use common::testkit::Example;

use super::*;
use crate::verify::LocalIdentity;

/// A caller whom nobody has seen, with a key and an address of its own.
fn claim(number: u32) -> Claim {
    /// Parsing a key for each of a thousand callers would take most of the time.
    static ME: OnceLock<LocalIdentity> = OnceLock::new();
    let me = ME.get_or_init(|| {
        let key = Example::Bianca.identity().unwrap().public().clone();
        LocalIdentity { user: Example::Bianca.user().unwrap(), key, terminal: TerminalId([1; 16]) }
    });
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    let message = ConnectReq {
        initiator: Example::Ali.user().unwrap(),
        destination: me.user.clone(),
        initiator_key: KeyDigest(digest),
        destination_key: me.key.digest(),
        terminal: TerminalId([9; 16]),
        features: Features::default(),
    };
    let source = SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(0x7f00_0000 + number)), 40_000);
    Claim::check(me, &Request { message, key: KeyDigest(digest), source }).unwrap()
}

fn at(tick: u64) -> Now {
    Now { tick, date: tick }
}

#[test]
fn so_many_refusals_are_remembered_and_no_more_until_the_first_are_old() {
    let mut limiter = CallerLimiter::default();
    let count = u32::try_from(REFUSALS).unwrap();
    for number in 0..count {
        limiter.remember(&claim(number), at(0));
    }
    assert!(limiter.refused_lately(&claim(0), at(0)) && limiter.refused_lately(&claim(count - 1), at(0)));
    limiter.remember(&claim(count), at(REFUSAL_KEPT - 1));
    assert!(!limiter.refused_lately(&claim(count), at(REFUSAL_KEPT - 1)), "one more was remembered");
    assert_eq!(limiter.refused.len(), REFUSALS);
    limiter.remember(&claim(count), at(REFUSAL_KEPT));
    assert!(limiter.refused_lately(&claim(count), at(REFUSAL_KEPT)));
    assert_eq!(limiter.refused.len(), 1, "old ones were kept");
}

#[test]
fn a_refusal_is_forgotten_after_a_minute() {
    let mut limiter = CallerLimiter::default();
    limiter.remember(&claim(1), at(100));
    for (tick, remembered) in [(100, true), (100 + REFUSAL_KEPT - 1, true), (100 + REFUSAL_KEPT, false)] {
        assert_eq!(limiter.refused_lately(&claim(1), at(tick)), remembered, "at {tick}");
    }
}

#[test]
fn lookups_that_strangers_cause_are_bounded_for_one_and_for_all() {
    let mut limiter = CallerLimiter::default();
    let of_one = (0..LOOKUPS_OF_ALL).filter(|_| limiter.may_look_up(&claim(0), at(0))).count();
    assert_eq!(of_one, LOOKUPS_OF_ONE);
    let of_others = (1..=LOOKUPS_OF_ALL).filter(|n| limiter.may_look_up(&claim(u32::try_from(*n).unwrap()), at(1)));
    assert_eq!(of_others.count(), LOOKUPS_OF_ALL - LOOKUPS_OF_ONE);
    assert!(!limiter.may_look_up(&claim(0), at(REFUSAL_KEPT - 1)));
    assert!(limiter.may_look_up(&claim(0), at(REFUSAL_KEPT)));
}
