//! What was stored and is dropped is told to those who sent it, and a restored backup goes by another name (decision D32).
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::ident::{MessageId, RoomId, TerminalId};
use common::msg::{
    CommitReq, CommitStatus, EpochsReq, Features, FromDirectory, KeyPackagePut, KeyPackageState, MailboxPut,
    MeetingWays, Outgoing, Piece, Registration, RoomEpoch, Withdrawal,
};
use common::testkit::{Example, sealed_message};
use directory_core::presence::Arrival;
use directory_core::records::{MailRule, Remover};
use directory_core::session::Session;
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::mail::{ROOM, commit_req, entry, member, pair};
use support::{Peer, World};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A group of ali, bianca and carol.
fn three() -> (World, [Peer; 3]) {
    let mut world = World::new(Registration::Open);
    let users = [Example::Ali, Example::Bianca, Example::Carol];
    let mut peers = users.map(|user| {
        world.register(user);
        world.log_in(user, 1).0
    });
    let members = ["ali", "bianca", "carol"].map(|user| member(user, 1));
    let create = CommitReq { group: entry("team", &["ali"]), ..commit_req(0, &members) };
    assert_eq!(peers[0].commit(&world, create, b"", b""), CommitStatus::Accepted);
    (world, peers)
}

fn expire(world: &mut World) {
    world.now = world.now + DAY * 22;
    world.run_for_a_day();
    world.expire_mail();
    block_on(world.directory.keep_time(world.now)).unwrap();
}

#[test]
fn what_expires_is_told_at_every_terminal_of_its_sender_and_is_gone_when_that_is_confirmed() {
    let (mut world, mut ali, bianca) = pair();
    let (mut second, _) = world.log_in(Example::Ali, 2);
    let all = [member("ali", 1), member("ali", 2), member("bianca", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &all), b"add", b"welcome"), CommitStatus::Accepted);
    ali.put_as(&world, 1, &[3, 4]);
    drop(bianca);
    expire(&mut world);
    for peer in [&mut ali, &mut second] {
        assert_eq!(peer.withdrawn(&world), [], "before mail is asked for");
        peer.open_mailbox(&world);
        let told: Vec<_> = [3, 4].map(|id| (id, "bianca".to_owned(), Withdrawal::Expired)).into();
        assert_eq!(peer.withdrawn(&world), told);
        peer.open_mailbox(&world);
        assert_eq!(peer.withdrawn(&world), [], "once");
    }
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_terminal_that_does_not_know_of_reports_is_not_sent_any() {
    let (mut world, mut ali, bianca) = pair();
    ali.put_as(&world, 0, &[3]);
    drop((ali, bianca));
    expire(&mut world);
    let mut old = world.connect();
    let (user, address) = (Example::Ali.user().unwrap(), (old.origin.address, 65_000).into());
    let arrival = Arrival {
        user: &user,
        terminal: TerminalId([1; 16]),
        age: 0,
        address,
        public_key: b"key",
        seen: ([192, 0, 2, 7], 50_000).into(),
        ways: MeetingWays::named(&Features::of_terminal()),
        now: world.now,
    };
    let origin = old.origin;
    old.enter(Session::new(world.directory.presence.join(&arrival).unwrap(), origin, Features::default()));
    old.open_mailbox(&world);
    assert_eq!(old.withdrawn(&world), []);
    drop(old);
    let mut new = world.session(Example::Ali, 1);
    new.open_mailbox(&world);
    assert_eq!(new.withdrawn(&world).len(), 1, "it waits for a version that knows of it");
}

#[test]
fn what_another_terminal_of_the_receiver_has_had_or_may_have_is_not_withdrawn() {
    let (mut world, mut ali, mut bianca) = pair();
    let (second, _) = world.log_in(Example::Bianca, 2);
    let all = [member("ali", 1), member("bianca", 1), member("bianca", 2)];
    assert_eq!(ali.commit(&world, commit_req(0, &all), b"add", b"welcome"), CommitStatus::Accepted);
    ali.put_as(&world, 1, &[3]);
    bianca.take_mail(&world);
    ali.put_as(&world, 1, &[4]);
    // The second terminal goes: the first has had one of them, and may have the other.
    drop(second);
    block_on(world.directory.store.remove_terminal(&member("bianca", 2), Remover::Administrator)).unwrap();
    block_on(world.directory.keep_time(world.now)).unwrap();
    ali.open_mailbox(&world);
    assert_eq!(ali.withdrawn(&world), []);
    expire(&mut world);
    assert_eq!(ali.withdrawn(&world), [(4, "bianca".to_owned(), Withdrawal::Expired)]);
}

#[test]
fn what_a_removed_receiver_would_have_had_is_told_however_the_receiver_goes() {
    for removed in ["user", "terminal"] {
        let (world, [mut ali, bianca, mut carol]) = three();
        drop(bianca);
        ali.open_mailbox(&world);
        ali.put_as(&world, 0, &[3]);
        carol.take_mail(&world);
        match removed {
            "user" => world.remove("bianca"),
            _ => {
                let removed = member("bianca", 1);
                block_on(world.directory.store.remove_terminal(&removed, Remover::Administrator)).map(drop).unwrap();
            }
        }
        block_on(world.directory.keep_time(world.now)).unwrap();
        assert_eq!(ali.withdrawn(&world), [(3, "bianca".to_owned(), Withdrawal::Removed)], "{removed}");
        assert_eq!(world.check(), [""; 0]);
    }
}

#[test]
fn what_is_put_for_somebody_who_is_gone_is_told_and_who_has_left_is_not_waited_for() {
    let (world, mut ali, bianca) = pair();
    drop(bianca);
    ali.open_mailbox(&world);
    block_on(world.directory.store.remove_terminal(&member("bianca", 1), Remover::Administrator)).map(drop).unwrap();
    assert_eq!(ali.put_as(&world, 0, &[3]).stored, 1);
    block_on(world.directory.keep_time(world.now)).unwrap();
    assert_eq!(ali.withdrawn(&world), [(3, "bianca".to_owned(), Withdrawal::Removed)]);

    let (world, [mut ali, mut bianca, carol]) = three();
    drop(carol);
    ali.open_mailbox(&world);
    let goodbye = Outgoing { id: MessageId([3; 16]), piece: Piece(sealed_message(&ROOM, 0, b"goodbye")) };
    bianca.send(&world, MailboxPut { room: ROOM, epoch: 0, items: vec![goodbye], leave: true });
    world.remove("carol");
    ali.put_as(&world, 0, &[4]);
    block_on(world.directory.keep_time(world.now)).unwrap();
    assert_eq!(ali.withdrawn(&world), [(4, "carol".to_owned(), Withdrawal::Removed)]);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn who_has_no_room_for_a_message_of_a_group_is_named_to_its_sender() {
    let (world, [mut ali, _bianca, mut carol]) = three();
    world.mail_rule(MailRule { messages: 1, ..MailRule::default() });
    ali.open_mailbox(&world);
    ali.put_as(&world, 0, &[3]);
    carol.take_mail(&world);
    assert_eq!(ali.put_as(&world, 0, &[4]).stored, 1);
    block_on(world.directory.keep_time(world.now)).unwrap();
    assert_eq!(ali.withdrawn(&world), [(4, "bianca".to_owned(), Withdrawal::Full)]);
}

#[test]
fn reports_are_kept_for_ninety_days_and_only_so_many() {
    let (mut world, mut ali, bianca) = pair();
    ali.put_as(&world, 0, &[3]);
    drop(bianca);
    expire(&mut world);
    let forget = |world: &World| {
        let past = world.directory.surely_past(world.now);
        block_on(world.directory.store.forget_withdrawn(past)).unwrap();
        block_on(world.directory.store.withdrawn(&member("ali", 1))).unwrap().len()
    };
    assert_eq!(forget(&world), 1);
    world.now = world.now + DAY * 91;
    assert_eq!(forget(&world), 1, "on one reading of the clock");
    world.run_for_a_day();
    assert_eq!(forget(&world), 0);
}

#[test]
fn a_terminal_learns_the_epochs_of_its_rooms_and_of_no_others() {
    let (mut world, mut ali, mut bianca) = pair();
    let rooms = vec![ROOM, RoomId([8; 16])];
    let ask = |peer: &mut Peer, world: &World| match peer.send(world, EpochsReq { rooms: rooms.clone() }) {
        Some(FromDirectory::EpochsReply(reply)) => reply.rooms,
        _ => Vec::new(),
    };
    assert_eq!(ask(&mut ali, &world), [RoomEpoch { room: ROOM, epoch: 0 }]);
    let both = [member("ali", 1), member("bianca", 1)];
    ali.commit(&world, commit_req(0, &both), b"commit", b"");
    assert_eq!(ask(&mut bianca, &world), [RoomEpoch { room: ROOM, epoch: 1 }]);
    world.register(Example::Carol);
    let (mut carol, _) = world.log_in(Example::Carol, 1);
    assert_eq!(ask(&mut carol, &world), []);
}

#[test]
fn key_packages_published_anew_take_the_place_of_all_before() {
    let (world, mut ali, _bianca) = pair();
    ali.publish(&world, &[b"one", b"two"], Some(b"last"));
    let put = KeyPackagePut { packages: vec![Piece(b"new".to_vec())], last_resort: None, anew: true };
    let Some(FromDirectory::KeyPackageState(state)) = ali.send(&world, put) else { panic!("no answer") };
    assert_eq!(state, KeyPackageState { left: 1, last_resort: false });
}
