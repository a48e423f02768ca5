//! What is said to everyone: told to everyone online but the sender, and logged (protocol section 6.8, decision D18).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::crypto::terminal::{TerminalIdentity, verify, verify_signature};
use common::crypto::transcript;
use common::ident::{MessageId, TerminalId};
use common::limits::{BROADCAST_PAGE, BROADCAST_TEXT, BROADCASTS_KEPT, BROADCASTS_OF_USER, FRAME_AFTER_LOGIN};
use common::msg::{
    Blob, Broadcast, BroadcastLog, BroadcastLogReq, BroadcastReq, ErrorCode, FromDirectory, Message as _, Registration,
};
use common::secret::Secret;
use common::testkit::Example;
use directory_core::Policy;
use support::{NOON, Peer, World, user};

/// What ali says at this terminal.
fn said(world: &World, terminal: u8, id: u8, message: &str) -> BroadcastReq {
    let (terminal, seed) = (TerminalId([terminal; 16]), Secret::new(vec![terminal; 32]));
    let key = TerminalIdentity::from_seed(terminal, &seed).unwrap();
    let (id, date) = (MessageId([id; 16]), 17);
    let signed = transcript::broadcast(&user("ali"), &terminal, &world.directory.key, &id, date, message);
    BroadcastReq { id, message: message.to_owned(), date, signature: Blob(key.sign(signed.as_bytes())) }
}

fn number(peer: &mut Peer, world: &World, request: BroadcastReq) -> u64 {
    match peer.send(world, request) {
        Some(FromDirectory::BroadcastReply(reply)) => reply.number,
        other => panic!("{other:?}"),
    }
}

fn error(answer: Option<FromDirectory>) -> ErrorCode {
    match answer {
        Some(FromDirectory::Error(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

/// The broadcasts among what it has been told.
fn told(peer: &mut Peer, world: &World) -> Vec<Broadcast> {
    let told = std::iter::from_fn(|| peer.pushed(world));
    told.filter_map(|message| match message {
        FromDirectory::Broadcast(broadcast) => Some(broadcast),
        _ => None,
    })
    .collect()
}

fn log(peer: &mut Peer, world: &World, before: Option<u64>) -> BroadcastLog {
    match peer.send(world, BroadcastLogReq { before }) {
        Some(FromDirectory::BroadcastLog(log)) => {
            assert!(FromDirectory::from(log.clone()).encode().len() <= FRAME_AFTER_LOGIN);
            log
        }
        other => panic!("{other:?}"),
    }
}

fn numbers(log: &BroadcastLog) -> Vec<u64> {
    log.entries.iter().map(|entry| entry.number).collect()
}

/// ali at two terminals, bianca at one.
fn meeting() -> (World, Peer, Peer, Peer) {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    world.register(Example::Bianca);
    let [ali, other] = [1, 2].map(|terminal| world.log_in(Example::Ali, terminal).0);
    let (bianca, _) = world.log_in(Example::Bianca, 1);
    (world, ali, other, bianca)
}

#[test]
fn everyone_online_but_the_sender_is_told_and_can_verify_it() {
    let (world, mut ali, mut other, mut bianca) = meeting();
    assert_eq!(number(&mut ali, &world, said(&world, 1, 1, "Lunch is ready.")), 1);
    assert_eq!(
        (told(&mut ali, &world), told(&mut other, &world)),
        (vec![], vec![]),
        "no terminal of the sender's user"
    );
    let [broadcast] = told(&mut bianca, &world).try_into().unwrap();
    assert_eq!((broadcast.number, broadcast.taken, broadcast.date), (1, NOON.seconds(), 17));
    assert_eq!(broadcast.message, "Lunch is ready.");
    let (sender, identity) = (&broadcast.sender, Example::Ali.identity().unwrap());
    assert_eq!(sender.publickey.0, identity.public().as_pkcs1());
    verify(&sender.certificate, &user("ali"), identity.public()).unwrap();
    let terminal = &sender.certificate.terminal;
    let directory = &world.directory.key;
    let signed =
        transcript::broadcast(&user("ali"), terminal, directory, &broadcast.id, broadcast.date, &broadcast.message);
    verify_signature(&sender.certificate.key, signed.as_bytes(), &broadcast.signature.0).unwrap();
}

#[test]
fn the_log_outlives_a_restart_and_its_sender() {
    let (world, mut ali, other, bianca) = meeting();
    number(&mut ali, &world, said(&world, 1, 1, "Lunch is ready."));
    drop((ali, other, bianca));
    let mut world = world.restart();
    world.remove("ali");
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    let log = log(&mut bianca, &world, None);
    assert_eq!((numbers(&log), log.more), (vec![1], false));
    assert_eq!(log.entries[0].sender.userid, user("ali"), "it is still said by whom");
}

#[test]
fn what_the_terminal_has_not_signed_like_this_is_neither_logged_nor_told() {
    type Forge = fn(BroadcastReq) -> BroadcastReq;
    let forgeries: [Forge; 5] = [
        |said| BroadcastReq { message: "Dinner is ready.".into(), ..said },
        |said| BroadcastReq { date: 18, ..said },
        |said| BroadcastReq { id: MessageId([9; 16]), ..said },
        |said| BroadcastReq { signature: Blob(vec![0; 64]), ..said },
        |said| BroadcastReq { signature: Blob(Vec::new()), ..said },
    ];
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    world.register(Example::Bianca);
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    for forge in forgeries {
        let (mut ali, _) = world.log_in(Example::Ali, 1);
        let forged = forge(said(&world, 1, 1, "Lunch is ready."));
        assert_eq!(error(ali.send(&world, forged)), ErrorCode::NotAccepted);
        assert!(ali.closed);
    }
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    let of_another_terminal = said(&world, 2, 1, "Lunch is ready.");
    assert_eq!(error(ali.send(&world, of_another_terminal)), ErrorCode::NotAccepted);
    assert_eq!(told(&mut bianca, &world), []);
    assert_eq!(log(&mut bianca, &world, None).entries, []);
}

#[test]
fn a_request_that_is_repeated_is_no_second_broadcast() {
    let (world, mut ali, _other, mut bianca) = meeting();
    for _ in 0..2 {
        assert_eq!(number(&mut ali, &world, said(&world, 1, 1, "Lunch is ready.")), 1);
    }
    assert_eq!(told(&mut bianca, &world).len(), 1);
    assert_eq!(numbers(&log(&mut bianca, &world, None)), [1]);
}

#[test]
fn a_user_speaks_to_everyone_six_times_a_minute_at_all_terminals_together() {
    let (mut world, mut ali, mut other, _bianca) = meeting();
    world.directory.set_policy(Policy { broadcasts_per_minute: 6, ..world.directory.policy() });
    for id in 1..=3 {
        number(&mut ali, &world, said(&world, 1, id, "Lunch is ready."));
        number(&mut other, &world, said(&world, 2, 10 + id, "Lunch is ready."));
    }
    let seventh = said(&world, 1, 7, "Lunch is ready.");
    match ali.send(&world, seventh.clone()) {
        Some(FromDirectory::Error(error)) => assert_eq!(
            (error.code, error.to.as_deref(), error.retry_after),
            (ErrorCode::RateLimited, Some("BROADCASTREQ"), Some(60))
        ),
        other => panic!("{other:?}"),
    }
    world.now = world.now + Duration::from_secs(60);
    assert_eq!(number(&mut ali, &world, seventh), 7);
}

#[test]
fn a_user_speaks_to_everyone_two_hundred_times_a_day() {
    let (mut world, mut ali, _other, _bianca) = meeting();
    world.directory.set_policy(Policy { broadcasts_per_minute: 6, ..world.directory.policy() });
    for id in 1..=200 {
        number(&mut ali, &world, said(&world, 1, id, "Lunch is ready."));
        world.now = world.now + Duration::from_secs(10);
    }
    let next = said(&world, 1, 201, "Lunch is ready.");
    match ali.send(&world, next.clone()) {
        Some(FromDirectory::Error(error)) => assert_eq!(
            (error.code, error.to.as_deref(), error.retry_after),
            (ErrorCode::RateLimited, Some("BROADCASTREQ"), Some(86_400 - 2_000))
        ),
        other => panic!("{other:?}"),
    }
    world.now = world.now + Duration::from_secs(86_400 - 2_000);
    assert_eq!(number(&mut ali, &world, next), 201);
}

#[test]
fn the_log_has_the_newest_of_each_user_and_of_all() {
    let (world, mut ali, ..) = meeting();
    world.add_broadcasts("ali", BROADCASTS_OF_USER);
    let next = u64::from(BROADCASTS_OF_USER) + 1;
    assert_eq!(number(&mut ali, &world, said(&world, 1, 1, "Lunch is ready.")), next);
    assert_eq!(world.rows("broadcasts"), u64::from(BROADCASTS_OF_USER), "the oldest has gone");
    for user in 1..=10 {
        world.add_broadcasts(&format!("u{user}"), BROADCASTS_OF_USER);
    }
    let newest = number(&mut ali, &world, said(&world, 1, 2, "Lunch is ready."));
    assert_eq!(newest, next + 10 * u64::from(BROADCASTS_OF_USER) + 1);
    assert_eq!(world.rows("broadcasts"), u64::from(BROADCASTS_KEPT));
}

#[test]
fn the_log_is_read_in_pages_from_the_newest_on() {
    let (world, mut ali, _other, mut bianca) = meeting();
    let all = BROADCAST_PAGE as u64 + 3;
    for id in 1..=all {
        number(&mut ali, &world, said(&world, 1, id as u8, "Lunch is ready."));
    }
    let first = log(&mut bianca, &world, None);
    assert_eq!((numbers(&first), first.more), ((4..=all).rev().collect(), true));
    let rest = log(&mut bianca, &world, first.entries.last().map(|last| last.number));
    assert_eq!((numbers(&rest), rest.more), (vec![3, 2, 1], false));
    assert_eq!(numbers(&log(&mut bianca, &world, Some(1))), Vec::<u64>::new());
}

#[test]
fn a_page_of_the_longest_texts_fits_into_a_frame_and_nothing_is_passed_over() {
    let (world, mut ali, _other, mut bianca) = meeting();
    // Six bytes each in JSON.
    let longest = "\u{1}".repeat(BROADCAST_TEXT);
    for id in 1..=5 {
        number(&mut ali, &world, said(&world, 1, id, &longest));
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = log(&mut bianca, &world, before);
        seen.extend(numbers(&page));
        before = seen.last().copied();
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}
