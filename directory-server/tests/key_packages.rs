//! Threat G4: key packages are used once, a last resort stays, few left are refilled, askers are limited.

mod support;

use std::collections::BTreeSet;
use std::sync::Barrier;

use common::ident::TerminalId;
use common::limits::{Budget, KEY_PACKAGE_MAX, KEY_PACKAGES_IN_ONE, KEY_PACKAGES_KEPT, KEY_PACKAGES_LOW};
use common::msg::{Error, ErrorCode, FromDirectory, KeyPackagePut, KeyPackageReq, KeyPackageState, Piece};
use common::testkit::Example;
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::mail::pair;
use support::{Peer, World, user};

fn packages(range: std::ops::Range<u8>) -> Vec<[u8; 1]> {
    range.map(|n| [n]).collect()
}

fn publish(peer: &mut Peer, world: &World, range: std::ops::Range<u8>) -> KeyPackageState {
    let mut state = KeyPackageState { left: 0, last_resort: false };
    for some in packages(range).chunks(KEY_PACKAGES_IN_ONE) {
        let some: Vec<&[u8]> = some.iter().map(|package| package.as_slice()).collect();
        state = peer.publish(world, &some, None);
    }
    state
}

fn take(peer: &mut Peer, world: &World) -> Option<Vec<u8>> {
    peer.take_key_packages(world, "bianca", &[1]).packages.pop().map(|taken| taken.package.0)
}

#[test]
fn key_packages_are_given_out_once_the_oldest_first_and_then_the_last_resort() {
    let (mut world, mut ali, mut bianca) = pair();
    assert_eq!(take(&mut ali, &world), None);
    let state = bianca.publish(&world, &[b"first", b"second"], Some(b"last"));
    assert_eq!(state, KeyPackageState { left: 2, last_resort: true });
    assert_eq!(take(&mut ali, &world).unwrap(), b"first");
    drop((ali, bianca));
    world = world.restart();
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    let taken: Vec<_> = (0..3).map(|_| take(&mut ali, &world).unwrap()).collect();
    assert_eq!(taken, [b"second".to_vec(), b"last".to_vec(), b"last".to_vec()]);
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    assert_eq!(bianca.publish(&world, &[], None), KeyPackageState { left: 0, last_resort: true });
    bianca.publish(&world, &[], Some(b"another"));
    assert_eq!(take(&mut ali, &world).unwrap(), b"another");
}

#[test]
fn a_taken_key_package_comes_with_certificate_and_identity_key_also_of_a_user_who_is_away() {
    let (mut world, mut ali, mut bianca) = pair();
    let (mut second, _) = world.log_in(Example::Bianca, 2);
    bianca.publish(&world, &[b"of the first"], None);
    second.publish(&world, &[b"of the second"], None);
    drop((bianca, second));
    let reply = ali.take_key_packages(&world, "bianca", &[2, 1, 2, 9]);
    let identity = Example::Bianca.identity().unwrap();
    assert_eq!(reply.publickey.0, identity.public().as_pkcs1());
    assert_eq!(reply.packages.len(), 2, "one for each terminal that has any, however often it is named");
    for (taken, (terminal, package)) in reply.packages.iter().zip([(1, &b"of the first"[..]), (2, b"of the second")]) {
        assert_eq!((taken.certificate.terminal, &taken.package.0[..]), (TerminalId([terminal; 16]), package));
        common::crypto::terminal::verify(&taken.certificate, &user("bianca"), identity.public()).unwrap();
    }
    assert_eq!(
        ali.take_key_packages(&world, "nobody", &[1]),
        common::msg::KeyPackageReply { publickey: common::msg::Hex::default(), packages: Vec::new() }
    );
}

#[test]
fn parallel_takers_never_get_the_same_key_package() {
    let (world, _ali, mut bianca) = pair();
    publish(&mut bianca, &world, 0..64);
    let (store, bianca_id, terminal) = (&world.directory.store, user("bianca"), TerminalId([1; 16]));
    const TAKERS: usize = 8;
    let start = Barrier::new(TAKERS);
    let taken: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let key_package_limiter: Vec<_> = (0..TAKERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let take = || block_on(store.take_key_packages(&bianca_id, vec![terminal])).unwrap().reply;
                    (0..10).filter_map(|_| take().packages.pop()).map(|taken| taken.package.0).collect::<Vec<_>>()
                })
            })
            .collect();
        key_package_limiter.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), 64);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 64);
}

#[test]
fn a_hundred_are_kept_and_the_oldest_go() {
    let (world, mut ali, mut bianca) = pair();
    assert_eq!(publish(&mut bianca, &world, 0..104).left as usize, KEY_PACKAGES_KEPT);
    assert_eq!(take(&mut ali, &world).unwrap(), [4]);
}

#[test]
fn the_owner_is_told_when_few_are_left() {
    let (world, mut ali, mut bianca) = pair();
    publish(&mut bianca, &world, 0..KEY_PACKAGES_LOW as u8 + 1);
    take(&mut ali, &world);
    assert_eq!(bianca.pushed(&world), None, "enough are left");
    take(&mut ali, &world);
    let left = KEY_PACKAGES_LOW as u32 - 1;
    assert_eq!(bianca.pushed(&world), Some(KeyPackageState { left, last_resort: false }.into()));
}

#[test]
fn a_user_takes_as_many_a_minute_as_the_limit_says_whatever_the_session() {
    let (mut world, mut ali, mut bianca) = pair();
    publish(&mut bianca, &world, 0..100);
    let (mut second, _) = world.log_in(Example::Ali, 2);
    for _ in 0..Budget::KeyPackages.allowance().user / 2 {
        assert!(take(&mut ali, &world).is_some());
        assert!(take(&mut second, &world).is_some());
    }
    let request = || KeyPackageReq { userid: user("bianca"), terminals: vec![TerminalId([1; 16])] };
    let limited =
        Error { to: Some("KEYPACKAGEREQ".into()), retry_after: Some(60), ..Error::new(ErrorCode::RateLimited) };
    assert_eq!(ali.send(&world, request()), Some(limited.clone().into()));
    assert_eq!(second.send(&world, KeyPackageReq { terminals: Vec::new(), ..request() }), Some(limited.into()));
    let other = bianca.send(&world, request());
    assert!(matches!(other, Some(FromDirectory::KeyPackageReply(_))), "others may");
    world.now = world.now + std::time::Duration::from_secs(60);
    assert!(take(&mut ali, &world).is_some());
}

#[test]
fn an_empty_or_too_large_key_package_is_malformed() {
    for size in [0, KEY_PACKAGE_MAX + 1] {
        let piece = || Piece(vec![1; size]);
        let puts = [
            KeyPackagePut { packages: vec![Piece(vec![1]), piece()], last_resort: None, anew: false },
            KeyPackagePut { packages: Vec::new(), last_resort: Some(piece()), anew: false },
        ];
        for put in puts {
            let (world, _ali, mut bianca) = pair();
            assert_eq!(bianca.send(&world, put), Some(Error::new(ErrorCode::Malformed).into()));
            assert!(bianca.closed);
        }
    }
}
