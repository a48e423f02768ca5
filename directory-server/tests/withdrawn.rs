//! What was stored and is dropped is told to those who sent it, and a restored backup goes by another name (decision D32).
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::ident::{MessageId, RoomId, TerminalId};
use common::limits::WITHDRAWN_KEPT;
use common::msg::{
    CommitReq, CommitStatus, EpochsReq, ErrorCode, Features, FromDirectory, KeyPackagePut, KeyPackageState, MailboxPut,
    MeetingWays, Member, Outgoing, Piece, Registration, RoomEpoch, Withdrawal,
};
use common::testkit::{Example, sealed_message};
use directory_core::Policy;
use directory_core::presence::Arrival;
use directory_core::records::{MailRule, Remover};
use directory_core::session::Session;
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::mail::{ROOM, commit_req, entry, member, pair, putting, two};
use support::{Peer, World, user};

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
fn a_second_copy_that_has_no_room_is_no_report() {
    let (world, [mut ali, _bianca, mut carol]) = three();
    world.mail_rule(MailRule { messages: 1, ..MailRule::default() });
    ali.open_mailbox(&world);
    for ids in [[3], [3], [4]] {
        assert_eq!(ali.put_as(&world, 0, &ids).stored, 1);
        carol.take_mail(&world);
    }
    block_on(world.directory.keep_time(world.now)).unwrap();
    assert_eq!(ali.withdrawn(&world), [(4, "bianca".to_owned(), Withdrawal::Full)]);
}

#[test]
fn what_is_for_invented_members_leaves_no_report() {
    let (world, mut ali, _bianca) = two();
    let invented = |n: u8| Member { userid: user(&format!("u{n}")), terminal: TerminalId([n; 16]) };
    let members: Vec<_> = (0..=254).map(invented).chain([member("ali", 1)]).collect();
    ali.create_group(&world, &members);
    ali.open_mailbox(&world);
    assert_eq!(ali.put_as(&world, 0, &[3]).stored, 1);
    assert_eq!((world.rows("ghosts"), world.rows("withdrawn")), (0, 0));
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_terminal_has_so_many_reports_and_no_more_at_any_moment() {
    let (world, [mut ali, bianca, _carol]) = three();
    drop(bianca);
    world.remove("bianca");
    let before = WITHDRAWN_KEPT - 2;
    world.add_reports(&member("ali", 1), before);
    ali.put_as(&world, 0, &[3, 4]);
    assert_eq!(world.rows("withdrawn"), u64::from(WITHDRAWN_KEPT));
    ali.put_as(&world, 0, &[5, 6, 7]);
    assert_eq!(world.rows("withdrawn"), u64::from(WITHDRAWN_KEPT));
    let oldest = block_on(world.directory.store.withdrawn(&member("ali", 1))).unwrap();
    assert_eq!(oldest[0].id.0[15], 3, "the oldest have gone");
    block_on(world.directory.store.acknowledge_withdrawn(&member("ali", 1), oldest[9].report)).unwrap();
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_put_that_leaves_much_to_report_stops_and_is_charged_for_it() {
    let (world, [mut ali, bianca, carol]) = three();
    world.directory.set_policy(Policy { requests_per_minute: 6000, ..world.directory.policy() });
    world.add_terminals("ali", 16);
    let mine = (0..16_u128).map(|n| Member { userid: user("ali"), terminal: TerminalId(n.to_be_bytes()) });
    let members: Vec<_> = mine.chain(["ali", "bianca", "carol"].map(|user| member(user, 1))).collect();
    assert_eq!(ali.commit(&world, commit_req(0, &members), b"add", b"welcome"), CommitStatus::Accepted);
    drop((bianca, carol));
    ["bianca", "carol"].iter().for_each(|id| world.remove(id));
    let ids: Vec<u8> = (1..=64).collect();
    // Two users are gone, and each of 17 terminals is told.
    for _ in 0..2 {
        let reply = ali.put_as(&world, 1, &ids);
        assert_eq!((reply.stored, reply.refused), (31, None));
    }
    let refused = ali.send(&world, putting(1, &[b"more"]));
    assert!(matches!(refused, Some(FromDirectory::Error(error)) if error.code == ErrorCode::RateLimited));
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
