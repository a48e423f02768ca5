//! Protocol section 6.6, threats L11 and G5: what is kept for whom, in which order, and until when.

mod support;

use std::time::Duration;

use common::ident::{GroupHandle, GroupName, KeyDigest, MessageId, RoomId};
use common::limits::{MAIL_IN_ONE, PIECE_MAX};
use common::msg::{
    CommitReq, CommitStatus, Error, ErrorCode, FromDirectory, MailKind, MailRefusal, MailboxPut, MailboxReply,
    MailboxState, Outgoing, Piece, Registration,
};
use common::testkit::{Example, sealed_commit, sealed_message};
use directory_core::records::MailRule;
use support::mail::{ROOM, body, commit_req, member, pair, team};
use support::{NOON, World, user};

const HOUR: Duration = Duration::from_secs(3600);

/// What ali has written before any put: the request that created the room.
const CREATED: u64 = 1;

fn stored(count: u32) -> MailboxReply {
    MailboxReply { stored: count, refused: None, full: Vec::new() }
}

fn refused(stored: u32, refused: MailRefusal) -> MailboxReply {
    MailboxReply { stored, refused: Some(refused), full: Vec::new() }
}

fn numbered(from: usize, to: usize) -> Vec<Vec<u8>> {
    (from..to).map(|n| n.to_be_bytes().to_vec()).collect()
}

fn slices(bodies: &[Vec<u8>]) -> Vec<&[u8]> {
    bodies.iter().map(Vec::as_slice).collect()
}

#[test]
fn what_is_put_waits_for_the_other_terminal_with_sender_time_and_epoch() {
    let (world, mut ali, mut bianca) = pair();
    assert_eq!(ali.put(&world, 0, &[b"one", b"two"]), stored(2));
    assert_eq!(bianca.pushed(&world), None, "whoever has not asked for mail gets none");
    assert_eq!(bianca.open_mailbox(&world), MailboxState { acked: 0, written: 0, lost: 0, waiting: 2 });
    let items = bianca.mail(&world);
    let bodies: Vec<_> = items.iter().map(body).collect();
    assert_eq!(bodies, [b"one", b"two"]);
    assert!(items[0].item > 0 && items[0].item < items[1].item);
    for item in &items {
        assert_eq!((item.room, item.kind, item.epoch), (ROOM, MailKind::Message, 0));
        assert_eq!((&item.from, item.date, item.size), (&member("ali", 1), NOON.seconds(), 47 + 3));
    }
    assert_eq!(ali.open_mailbox(&world).waiting, 0, "the sender's own terminal gets nothing");
}

#[test]
fn the_next_mailbox_comes_behind_the_acknowledgement_of_the_last_item_only() {
    let (world, mut ali, mut bianca) = pair();
    bianca.open_mailbox(&world);
    assert_eq!(bianca.mail(&world), []);
    ali.put(&world, 0, &[b"one", b"two"]);
    let first = bianca.mail(&world);
    assert_eq!(first.len(), 2, "new mail is pushed to a terminal that waits for it");
    ali.put(&world, 0, &[b"three"]);
    assert_eq!(bianca.mail(&world), []);
    bianca.acknowledge(&world, first[0].item);
    assert_eq!(bianca.mail(&world), [], "only a part is acknowledged");
    bianca.acknowledge(&world, first[1].item);
    assert_eq!(body(&bianca.mail(&world)[0]), b"three");
}

#[test]
fn what_is_acknowledged_is_gone_and_the_rest_comes_again_in_the_next_session() {
    let (mut world, mut ali, mut bianca) = pair();
    ali.put(&world, 0, &[b"one", b"two", b"three"]);
    bianca.open_mailbox(&world);
    let first = bianca.mail(&world);
    bianca.acknowledge(&world, first[1].item);
    drop((ali, bianca));
    world = world.restart();
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    let acked = first[1].item;
    assert_eq!(bianca.open_mailbox(&world), MailboxState { acked, written: 0, lost: 0, waiting: 1 });
    assert_eq!(bianca.mail(&world), first[2..]);
    assert_eq!(bianca.open_mailbox(&world).waiting, 1, "asked again, it starts over");
    assert_eq!(bianca.mail(&world), first[2..]);
}

#[test]
fn an_acknowledgement_of_what_does_not_exist_takes_away_nothing_that_comes_later() {
    let (world, mut ali, mut bianca) = pair();
    bianca.open_mailbox(&world);
    bianca.acknowledge(&world, u64::MAX);
    ali.put(&world, 0, &[b"one"]);
    assert_eq!(bianca.open_mailbox(&world), MailboxState { acked: 0, written: 0, lost: 0, waiting: 1 });
}

#[test]
fn a_thousand_messages_arrive_once_and_in_order_across_restarts() {
    let (mut world, mut ali, mut bianca) = pair();
    world.mail_rule(MailRule { messages: 0, ..MailRule::default() });
    let all = numbered(0, 1000);
    let mut arrived = Vec::new();
    for (round, bodies) in all.chunks(MAIL_IN_ONE).enumerate() {
        assert_eq!(ali.put(&world, 0, &slices(bodies)), stored(bodies.len() as u32));
        if round % 5 == 0 {
            arrived.extend(bianca.take_mail(&world));
        }
        if round % 8 == 7 {
            drop((ali, bianca));
            world = world.restart();
            (ali, bianca) = (world.log_in(Example::Ali, 1).0, world.log_in(Example::Bianca, 1).0);
        }
    }
    arrived.extend(bianca.take_mail(&world));
    assert_eq!(arrived, all);
    assert_eq!(ali.open_mailbox(&world).written, CREATED + all.len().div_ceil(MAIL_IN_ONE) as u64);
}

#[test]
fn a_message_that_was_promised_is_there_although_the_answer_got_lost() {
    let (mut world, mut ali, bianca) = pair();
    // The session ends between the transaction and its answer: nothing but the store knows.
    ali.put(&world, 0, &[b"one"]);
    drop((ali, bianca));
    world = world.restart();
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    assert_eq!(ali.open_mailbox(&world).written, CREATED + 1, "by which the sender learns it");
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    assert_eq!(bianca.take_mail(&world), [b"one"]);
}

#[test]
fn only_terminals_of_the_room_put_and_only_into_its_epoch() {
    let (mut world, mut ali, mut bianca) = pair();
    world.register(Example::Carol);
    let (mut carol, _) = world.log_in(Example::Carol, 1);
    let (mut second, _) = world.log_in(Example::Ali, 2);
    assert_eq!(carol.put(&world, 0, &[b"x"]), refused(0, MailRefusal::Room));
    assert_eq!(second.put(&world, 0, &[b"x"]), refused(0, MailRefusal::Room), "another terminal of a member");
    assert_eq!(ali.put(&world, 1, &[b"x"]), refused(0, MailRefusal::Epoch));
    assert_eq!(ali.put(&world, u64::MAX, &[b"x"]), refused(0, MailRefusal::Epoch));
    let piece = Piece(sealed_message(&RoomId([8; 16]), 0, b"x"));
    let items = vec![Outgoing { id: MessageId([1; 16]), piece }];
    let elsewhere = MailboxPut { room: RoomId([8; 16]), epoch: 0, items, leave: false };
    assert_eq!(ali.send(&world, elsewhere), Some(refused(0, MailRefusal::Room).into()));
    assert_eq!(bianca.open_mailbox(&world).waiting, 0);
    assert_eq!(ali.open_mailbox(&world).written, CREATED);
}

#[test]
fn an_empty_put_and_an_empty_message_are_malformed() {
    for bodies in [&[][..], &[&b""[..]]] {
        let (world, mut ali, _bianca) = pair();
        let items = bodies.iter().map(|body| Outgoing { id: MessageId([1; 16]), piece: Piece(body.to_vec()) });
        let put = MailboxPut { room: ROOM, epoch: 0, items: items.collect(), leave: false };
        assert_eq!(ali.send(&world, put), Some(Error::new(ErrorCode::Malformed).into()));
        assert!(ali.closed);
    }
}

#[test]
fn a_full_mailbox_stops_a_pair_at_the_first_message_and_stores_nothing_of_the_rest() {
    let (world, mut ali, mut bianca) = pair();
    world.mail_rule(MailRule { messages: 3, ..MailRule::default() });
    assert_eq!(ali.put(&world, 0, &[b"1", b"2"]), stored(2));
    assert_eq!(ali.put(&world, 0, &[b"3", b"4", b"5"]), refused(1, MailRefusal::Full));
    assert_eq!(ali.put(&world, 0, &[b"6"]), refused(0, MailRefusal::Full));
    let state = bianca.open_mailbox(&world);
    assert_eq!((state.waiting, state.lost), (3, 0), "the sender keeps the rest, so nothing is lost");
    assert_eq!(ali.open_mailbox(&world).written, CREATED + 2, "a put that stores nothing was not carried out");
    assert_eq!(bianca.take_mail(&world), [b"1", b"2", b"3"]);
    assert_eq!(ali.put(&world, 0, &[b"4", b"5"]), stored(2), "and there is room again");
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn messages_are_limited_for_each_sender_and_bytes_for_all_together() {
    let (mut world, mut ali, mut bianca) = team();
    world.register(Example::Carol);
    let (mut carol, _) = world.log_in(Example::Carol, 1);
    let all = [member("ali", 1), member("bianca", 1), member("carol", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &all), b"commit", b"welcome"), CommitStatus::Accepted);
    world.mail_rule(MailRule { messages: 1, bytes: 1000, ..MailRule::default() });
    bianca.take_mail(&world);
    assert_eq!(ali.put(&world, 1, &[b"a"]), stored(1));
    assert_eq!(carol.put(&world, 1, &[b"c"]), stored(1), "ali's messages do not count for carol");
    world.mail_rule(MailRule { messages: 0, bytes: 4000, ..MailRule::default() });
    let full = vec![user("bianca")];
    carol.take_mail(&world);
    ali.take_mail(&world);
    assert_eq!(ali.put(&world, 1, &[&[0; 952]]), stored(1), "48 bytes of ali wait for bianca already");
    let none_for_bianca = || MailboxReply { full: full.clone(), ..stored(1) };
    assert_eq!(ali.put(&world, 1, &[b"a"]), none_for_bianca(), "a quarter of the bytes is for one sender");
    assert_eq!(carol.put(&world, 1, &[b"c"]), stored(1), "which is not carol");
    world.mail_rule(MailRule { messages: 0, bytes: 1096, ..MailRule::default() });
    assert_eq!(carol.put(&world, 1, &[b"c"]), none_for_bianca(), "all together count, whoever sent them");
    assert_eq!(bianca.open_mailbox(&world).lost, 2);
    assert_eq!(bianca.open_mailbox(&world).lost, 2, "the answer may not have arrived");
    world.mail_rule(MailRule { messages: 0, bytes: 1, ..MailRule::default() });
    assert_eq!(carol.put(&world, 1, &[b"c"]).stored, 1);
    bianca.acknowledge(&world, 0);
    assert_eq!(bianca.open_mailbox(&world).lost, 1, "what came behind it was not told");
    bianca.acknowledge(&world, 0);
    assert_eq!(bianca.open_mailbox(&world).lost, 0, "told until it was heard");
}

#[test]
fn nobody_fills_another_s_mailbox_with_commits_alone() {
    let (mut world, mut ali, mut bianca) = team();
    world.register(Example::Carol);
    let (mut carol, _) = world.log_in(Example::Carol, 1);
    let all = [member("ali", 1), member("bianca", 1), member("carol", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &all), b"commit", b"welcome"), CommitStatus::Accepted);
    world.mail_rule(MailRule { bytes: 100_000, ..MailRule::default() });
    // 5,000 bytes each with the header; six in ten minutes.
    for epoch in 1..100 {
        world.now = world.now + Duration::from_secs(100);
        assert_eq!(carol.commit(&world, commit_req(epoch, &all), &[0; 4_953], b""), CommitStatus::Accepted);
    }
    world.now = world.now + Duration::from_secs(100);
    assert_eq!(ali.put(&world, 100, &[b"hello"]), stored(1), "there is room for what others say");
    assert_eq!(ali.commit(&world, commit_req(100, &all), &[0; 4_953], b""), CommitStatus::Accepted);
    let state = bianca.open_mailbox(&world);
    assert_eq!((state.waiting, state.lost), (1 + 10 + 2, 89), "half as many bytes as messages may take");
    bianca.take_mail(&world);
    assert_eq!(carol.commit(&world, commit_req(101, &all), &[0; 4_953], b""), CommitStatus::Accepted);
    assert_eq!(bianca.open_mailbox(&world).lost, 0, "and there is room again");
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_user_is_full_when_none_of_the_terminals_has_everything_and_own_terminals_never_block() {
    let (mut world, mut ali, mut bianca) = pair();
    let (_second, _) = world.log_in(Example::Ali, 2);
    let (mut other, _) = world.log_in(Example::Bianca, 2);
    let all = [member("ali", 1), member("ali", 2), member("bianca", 1), member("bianca", 2)];
    assert_eq!(ali.commit(&world, commit_req(0, &all), b"commit", b"welcome"), CommitStatus::Accepted);
    world.mail_rule(MailRule { messages: 2, ..MailRule::default() });
    assert_eq!(ali.put(&world, 1, &[b"1", b"2"]), stored(2));
    other.take_mail(&world);
    assert_eq!(ali.put(&world, 1, &[b"3"]), stored(1), "one terminal of bianca has room; ali's own second has not");
    assert_eq!(bianca.open_mailbox(&world).lost, 1);
    assert_eq!(ali.put(&world, 1, &[b"4", b"5"]), refused(1, MailRefusal::Full));
    assert_eq!(other.take_mail(&world), [b"3", b"4"]);
}

#[test]
fn commits_and_welcomes_take_room_that_messages_may_not() {
    let (world, mut ali, mut bianca) = pair();
    world.mail_rule(MailRule { messages: 1, bytes: 400, ..MailRule::default() });
    let both = [member("ali", 1), member("bianca", 1)];
    assert_eq!(ali.put(&world, 0, &[&[0; 100]]), stored(1), "a quarter of them for one sender");
    assert_eq!(ali.commit(&world, commit_req(0, &both), &[1; 53], b""), CommitStatus::Accepted);
    assert_eq!(
        ali.commit(&world, commit_req(1, &both), b"2", b""),
        CommitStatus::Accepted,
        "the room goes on all the same"
    );
    let state = bianca.open_mailbox(&world);
    assert_eq!((state.waiting, state.lost), (2, 1), "twice the bytes, and no more");
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn what_is_too_old_is_deleted_and_counted_as_lost_when_it_is_asked_for_or_swept() {
    let (mut world, mut ali, mut bianca) = pair();
    world.mail_rule(MailRule { messages: 2, keep: HOUR * 100, ..MailRule::default() });
    ali.put(&world, 0, &[b"old"]);
    bianca.open_mailbox(&world);
    world.now = world.now + HOUR * 60;
    ali.put(&world, 0, &[b"young"]);
    world.now = world.now + HOUR * 40;
    world.run_for_a_day();
    assert_eq!(body(&bianca.mail(&world)[0]), b"young", "too old is not delivered");
    assert_eq!(bianca.open_mailbox(&world), MailboxState { acked: 0, written: 0, lost: 1, waiting: 1 });
    bianca.acknowledge(&world, 0);
    assert_eq!(ali.put(&world, 0, &[b"x", b"y"]), refused(1, MailRefusal::Full), "what is gone makes room");
    world.now = world.now + HOUR * 60;
    world.run_for_a_day();
    world.expire_mail();
    assert_eq!(ali.put(&world, 0, &[b"y"]), stored(1), "the sweep makes room, too");
    assert_eq!(bianca.open_mailbox(&world), MailboxState { acked: 0, written: 0, lost: 1, waiting: 2 });
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_sweep_forgets_any_number_in_every_mailbox_and_their_bodies() {
    let (mut world, mut ali, mut bianca) = pair();
    world.mail_rule(MailRule { messages: 0, keep: HOUR * 100, ..MailRule::default() });
    let canary = b"canary-of-a-body";
    for _ in 0..40 {
        ali.put(&world, 0, &[&canary[..]; MAIL_IN_ONE]);
    }
    bianca.put(&world, 0, &[b"other"]);
    world.now = world.now + HOUR * 100;
    world.run_for_a_day();
    world.expire_mail();
    assert_eq!(bianca.open_mailbox(&world).lost, 40 * MAIL_IN_ONE as u64);
    assert_eq!(ali.open_mailbox(&world).lost, 1);
    assert_eq!(world.waiting(), 0);
    assert_eq!(world.bodies(), 0);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn what_was_taken_leaves_no_trace_in_the_files_of_a_directory_that_has_stopped() {
    let (world, mut ali, mut bianca) = pair();
    let canary = b"canary-of-a-message-that-was-taken";
    let has_it = |world: &World| world.database().windows(canary.len()).any(|bytes| bytes == canary);
    for _ in 0..20 {
        assert_eq!(ali.put(&world, 0, &[&canary[..]]), stored(1));
    }
    assert!(has_it(&world));
    assert_eq!(bianca.take_mail(&world).len(), 20);
    drop((ali, bianca));
    assert!(!has_it(&world.restart()));
}

#[test]
fn large_items_come_without_their_bytes_and_are_fetched_in_pieces() {
    let (world, mut ali, mut bianca) = pair();
    let content: Vec<u8> = (0..PIECE_MAX + 53).map(|n| n as u8).collect();
    let both = [member("ali", 1), member("bianca", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &both), &content, b""), CommitStatus::Accepted);
    let commit = sealed_commit(&ROOM, 0, &content);
    bianca.open_mailbox(&world);
    let items = bianca.mail(&world);
    assert_eq!((items[0].piece.as_ref(), items[0].size as usize), (None, commit.len()));
    let item = items[0].item;
    let first = bianca.fetch(&world, item, 0);
    let second = bianca.fetch(&world, item, PIECE_MAX as u32);
    assert_eq!((first.len(), second.len()), (PIECE_MAX, 100));
    assert_eq!([first, second].concat(), commit);
    assert_eq!(bianca.fetch(&world, item, commit.len() as u32), b"");
    assert_eq!(bianca.fetch(&world, item, u32::MAX), b"");
    assert_eq!(bianca.fetch(&world, u64::MAX, 0), b"", "no such item");
    bianca.acknowledge(&world, item);
    assert_eq!(bianca.fetch(&world, item, 0), b"", "forgotten");
    let (mut world, _ali, mut stranger) = (world, ali, bianca);
    world.register(Example::Carol);
    let (mut carol, _) = world.log_in(Example::Carol, 1);
    assert_eq!(stranger.fetch(&world, item, 0), b"");
    assert_eq!(carol.fetch(&world, item, 0), b"", "nobody reads another's mailbox");
}

#[test]
fn a_mailbox_message_is_as_large_as_a_frame_allows() {
    let (world, mut ali, mut bianca) = pair();
    let large = vec![9; PIECE_MAX];
    let bodies = [&large[..], b"small", &large[..]];
    assert_eq!(ali.put(&world, 0, &bodies), stored(3));
    bianca.open_mailbox(&world);
    let sizes = [2, 1].map(|count| {
        let items = bianca.mail(&world);
        assert_eq!(items.len(), count);
        bianca.acknowledge(&world, items[count - 1].item);
        items[0].size as usize
    });
    assert_eq!(sizes, [PIECE_MAX, PIECE_MAX]);
    for _ in 0..2 {
        ali.put(&world, 0, &[&[1; 20][..]; MAIL_IN_ONE]);
    }
    let items = bianca.mail(&world);
    assert_eq!(items.len(), MAIL_IN_ONE);
}

#[test]
fn a_body_is_stored_once_and_goes_with_its_last_mailbox() {
    let mut world = World::new(Registration::Open);
    for example in [Example::Ali, Example::Bianca, Example::Carol] {
        world.register(example);
    }
    let [mut ali, mut bianca, mut carol] =
        [Example::Ali, Example::Bianca, Example::Carol].map(|example| world.log_in(example, 1).0);
    ali.create_group(&world, &["ali", "bianca", "carol"].map(|id| member(id, 1)));
    ali.put(&world, 0, &[b"one"]);
    assert_eq!((world.waiting(), world.bodies()), (2, 1));
    bianca.take_mail(&world);
    assert_eq!((world.waiting(), world.bodies()), (1, 1));
    carol.take_mail(&world);
    assert_eq!((world.waiting(), world.bodies()), (0, 0));
}

#[test]
fn removing_a_user_or_a_terminal_empties_the_mailbox_and_the_numbers_go_on() {
    let (mut world, mut ali, mut bianca) = team();
    ali.put(&world, 0, &[b"one"]);
    bianca.open_mailbox(&world);
    let first = bianca.mail(&world)[0].item;
    drop(bianca);
    world.remove("bianca");
    assert_eq!((world.waiting(), world.bodies()), (0, 0));
    assert_eq!(ali.put(&world, 0, &[b"two"]), stored(1), "for nobody, until the room follows");
    world.register(Example::Carol);
    let (mut carol, _) = world.log_in(Example::Carol, 1);
    let both = [member("ali", 1), member("carol", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &both), b"commit", b"welcome"), CommitStatus::Accepted);
    carol.open_mailbox(&world);
    assert!(carol.mail(&world)[0].item > first, "an item number is never given out twice");
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn nothing_but_ids_sizes_and_times_is_stored_beside_the_bodies() {
    let (world, mut ali, _bianca) = pair();
    let group = common::msg::GroupEntry {
        handle: GroupHandle::of(&GroupName::parse("canary-group").unwrap(), &KeyDigest([1; 32])),
        admins: vec![user("ali")],
    };
    let request = CommitReq { room: RoomId([9; 16]), group: Some(group), ..commit_req(0, &[member("ali", 1)]) };
    assert_eq!(ali.commit(&world, request, b"", b""), CommitStatus::Accepted);
    let id = MessageId(*b"canary-message-i");
    let items = vec![Outgoing { id, piece: Piece(sealed_message(&ROOM, 0, b"sealed-body")) }];
    assert!(matches!(
        ali.send(&world, MailboxPut { room: ROOM, epoch: 0, items, leave: false }),
        Some(FromDirectory::MailboxReply(_))
    ));
    let database = world.database();
    let holds = |canary: &[u8]| database.windows(canary.len()).any(|window| window == canary);
    assert!(holds(b"sealed-body"), "the search finds what is there");
    assert!(holds(b"canary-message-i"), "its sender is told by it if it does not arrive");
    assert!(!holds(b"canary-group"));
}
