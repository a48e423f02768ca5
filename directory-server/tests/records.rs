//! Records: who is given one, what it says, and when there is another (decision D27; protocol section 5.9).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::crypto::directory_key::DirectoryKey;
use common::crypto::record::{self, Issuer};
use common::ident::{KeyDigest, TerminalId};
use common::msg::{
    ADDRESSES, Announce, Announced, Features, FromDirectory, LookupReq, RECORDS, Record, Registration, SeenReq,
};
use common::testkit::Example;
use directory_core::Policy;

use crate::support::{Peer, RIGHT, World, policy, user};

const HOUR: u64 = 3600;

/// A directory that gives records, with ali, who is registered; and the digest of its key.
fn world() -> (World, KeyDigest) {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let key = DirectoryKey::generate().unwrap();
    world.directory.presence.set_issuer(Issuer::new(&key).unwrap());
    (world, key.digest())
}

/// Ali logs in at a terminal that names these features, and listens at this port.
fn enters(world: &mut World, terminal: u8, features: &[&str], port: u16) -> (Peer, Announced) {
    let mut ali = world.connect();
    let (_, challenge) = ali.authenticate(world, "ali", RIGHT, terminal, None);
    let announce = ali.announcement_at(Example::Ali, terminal, &challenge, port);
    match ali.send(world, Announce { features: Features::of(features), ..announce }) {
        Some(FromDirectory::Announced(announced)) => (ali, announced),
        other => panic!("{other:?}"),
    }
}

/// What a lookup shows of ali's newest terminal.
fn shown(world: &World, asker: &mut Peer) -> Option<Record> {
    match asker.send(world, LookupReq { userid: user("ali"), lookup: user("ali") }) {
        Some(FromDirectory::LookupReply(mut reply)) => reply.terminals.remove(0).record.map(|record| *record),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_names_the_feature_has_a_record_that_a_lookup_shows_and_nobody_else() {
    let (mut world, key) = world();
    let (mut ali, announced) = enters(&mut world, 1, &[RECORDS], 65_000);
    let given = *announced.record.unwrap();
    record::verify(&given, &key).unwrap();
    let now = world.now.seconds();
    assert_eq!((given.userid.as_str(), given.terminal), ("ali", TerminalId([1; 16])));
    assert_eq!(given.key, Example::Ali.identity().unwrap().public().digest());
    assert_eq!((given.issued, given.until, &given.addresses), (now, now + 12 * HOUR, &vec![announced.address]));
    assert_eq!(shown(&world, &mut ali), Some(given));

    let (mut before, announced) = enters(&mut world, 2, &[], 65_000);
    assert_eq!((announced.record, shown(&world, &mut before)), (None, None));
}

#[test]
fn another_record_comes_when_half_of_its_time_is_over_and_when_the_terminal_is_seen_elsewhere() {
    let (mut world, key) = world();
    let begun = world.now;
    let (mut ali, announced) = enters(&mut world, 1, &[RECORDS, ADDRESSES], 65_000);
    world.now = begun + Duration::from_secs(6 * HOUR - 1);
    ali.idle(&world);
    assert_eq!(ali.told(), None);
    world.now = begun + Duration::from_secs(6 * HOUR);
    ali.idle(&world);
    let Some(FromDirectory::Record(second)) = ali.told() else { panic!("there is none") };
    record::verify(&second, &key).unwrap();
    assert_eq!((second.issued, second.until), (world.now.seconds(), world.now.seconds() + 12 * HOUR));
    assert_eq!(shown(&world, &mut ali), Some(second));
    ali.idle(&world);
    assert_eq!(ali.told(), None, "once");

    world.now = begun;
    let (mut ali, again) = enters(&mut world, 1, &[RECORDS, ADDRESSES], 65_000);
    let mut elsewhere = world.connect_from("2001:db8::2".parse().unwrap());
    elsewhere.send(&world, SeenReq { token: *again.other.unwrap(), port: 65_001 });
    let Some(FromDirectory::Record(third)) = ali.told() else { panic!("there is none") };
    record::verify(&third, &key).unwrap();
    assert_eq!(third.addresses, [announced.address, "[2001:db8::2]:65001".parse().unwrap()]);
    assert_eq!(shown(&world, &mut ali), Some(third));
}

#[test]
fn without_a_time_there_are_no_records_until_there_is_one() {
    let (mut world, _) = world();
    let valid = |seconds| Policy { records: Duration::from_secs(seconds), ..policy(Registration::Open) };
    world.directory.set_policy(valid(0));
    let (mut ali, announced) = enters(&mut world, 1, &[RECORDS], 65_000);
    assert_eq!((announced.record, shown(&world, &mut ali)), (None, None));
    ali.idle(&world);
    assert_eq!(ali.told(), None);
    world.directory.set_policy(valid(u64::MAX));
    ali.idle(&world);
    let Some(FromDirectory::Record(given)) = ali.told() else { panic!("there is none") };
    assert_eq!(given.until - given.issued, 7 * 24 * HOUR, "and not for ever");
}
