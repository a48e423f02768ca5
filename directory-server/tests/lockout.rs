//! How often a passcode may be tried: four times, then not for five minutes (decisions D9, D10; threats L1, L3, L4).

mod support;

use std::time::Duration;

use common::ident::{Cookie, TerminalId};
use common::limits::Budget;
use common::msg::{
    AuthRefusal, AuthReply, AuthStatus, Blob, ErrorCode, FromDirectory, Hello, InviteReq, RegisterReq, Registration,
};
use common::network::Source;
use common::testkit::Example;
use directory_core::lockout::{LockRule, Verdict};
use directory_core::records::{Admits, Attempt, Generation, UnlockOutcome};
use directory_core::store::Store as _;
use directory_core::timestamp::Timestamp;
use futures::executor::block_on;
use futures::future::join_all;
use support::{NOON, RIGHT, WRONG, World, user};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: u64 = 86_400;

fn fail(world: &mut World, id: &str, times: u32) {
    for _ in 0..times {
        let mut peer = world.connect();
        assert_eq!(peer.authenticate(world, id, WRONG, 9, None).0.status, AuthStatus::Refused);
    }
}

#[test]
fn wrong_passcodes_are_counted_down_and_then_even_the_right_one_is_refused() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let mut peer = world.connect();
    for tries_left in [3, 2, 1] {
        let (reply, _) = peer.authenticate(&world, "ali", WRONG, 9, None);
        assert_eq!((reply.reason, reply.tries_left), (Some(AuthRefusal::Passcode), Some(tries_left)));
    }
    let (fourth, _) = peer.authenticate(&world, "ali", WRONG, 9, None);
    assert_eq!((fourth.reason, fourth.retry_after), (Some(AuthRefusal::Locked), Some(300)));
    let (fifth, _) = peer.authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!((fifth.reason, fifth.retry_after), (Some(AuthRefusal::Locked), Some(300)));
    world.now = world.now + 5 * MINUTE;
    world.log_in(Example::Ali, 9);
}

#[test]
fn the_fourth_attempt_may_still_be_the_right_one_and_gives_everything_back() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    for _ in 0..3 {
        fail(&mut world, "ali", 3);
        world.log_in(Example::Ali, 9);
    }
}

#[test]
fn a_lock_that_was_not_seen_to_end_begins_anew_with_the_directory_whatever_the_clock_says() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    fail(&mut world, "ali", 3);
    let mut world = world.restart();
    fail(&mut world, "ali", 1);
    fail(&mut world, "carol", 4);
    world.now = world.now + 4 * MINUTE;
    // The clock is set ahead while the directory is down, and is back at the next start.
    let later = world.now + Duration::from_secs(2 * DAY);
    for start in [later, NOON] {
        world = world.restart_at(start);
        // Nobody has the second id.
        for id in ["ali", "carol"] {
            let (reply, _) = world.connect().authenticate(&world, id, RIGHT, 9, None);
            assert_eq!((reply.reason, reply.retry_after), (Some(AuthRefusal::Locked), Some(300)), "{id}");
        }
    }
    // One that was seen to end has ended.
    world.now = world.now + 5 * MINUTE;
    let mut world = world.restart_at(NOON);
    world.log_in(Example::Ali, 9);
}

#[test]
fn a_clock_set_back_a_day_while_the_directory_was_down_prolongs_no_lock() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    fail(&mut world, "ali", 4);
    let mut world = world.restart();
    world.now = Timestamp::from_seconds(NOON.seconds() - DAY);
    let mut peer = world.connect();
    let (reply, _) = peer.authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!(reply.retry_after, Some(300), "the lock keeps its full duration and no more");
    world.now = world.now + 5 * MINUTE;
    world.log_in(Example::Ali, 9);
}

#[test]
fn of_a_thousand_parallel_attempts_exactly_four_are_answered() {
    let world = World::new(Registration::Open);
    for id in ["ali", "nobody"] {
        let attempts = (0..1000u16).map(|n| {
            let mut terminal = [0; 16];
            terminal[..2].copy_from_slice(&n.to_be_bytes());
            let attempt = Attempt {
                user: user(id),
                terminal: TerminalId(terminal),
                cookie: None,
                generation: Generation::Current,
                admits: Admits::Everybody,
            };
            world.directory.store.reserve(attempt, LockRule::default(), NOON)
        });
        let answers = block_on(join_all(attempts));
        let reserved = answers.into_iter().filter(|answer| {
            matches!(answer.as_ref().map(|reservation| reservation.verdict), Ok(Verdict::Reserved { .. }))
        });
        assert_eq!(reserved.count(), 4, "{id}");
    }
}

#[test]
fn attempts_without_a_finish_message_count_too() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    for _ in 0..4 {
        assert!(world.connect().ke1(&world, "ali", WRONG, 9, None).is_ok());
    }
    let refusal = world.connect().ke1(&world, "ali", RIGHT, 9, None).err();
    assert_eq!(refusal.and_then(|reply| reply.reason), Some(AuthRefusal::Locked));
}

#[test]
fn a_terminal_that_has_logged_in_before_gets_in_while_strangers_are_locked_out() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (session, cookie) = world.log_in(Example::Ali, 1);
    fail(&mut world, "ali", 5);
    let kept = world.connect().log_in(&world, Example::Ali, 1, Some(cookie));
    assert_eq!(kept, cookie, "the cookie stays");
    let mut without = world.connect();
    let (reply, _) = without.authenticate(&world, "ali", RIGHT, 1, None);
    assert_eq!(reply.reason, Some(AuthRefusal::Locked), "the terminal's id alone opens nothing");
    let other_terminal = world.connect().ke1(&world, "ali", RIGHT, 2, Some(cookie)).err();
    assert_eq!(other_terminal.and_then(|reply| reply.reason), Some(AuthRefusal::Locked), "nor does another's cookie");
    let forged = world.connect().ke1(&world, "ali", RIGHT, 1, Some(Cookie([7; 32]))).err();
    assert_eq!(forged.and_then(|reply| reply.reason), Some(AuthRefusal::Locked), "nor does a cookie made up");
    drop(session);
}

#[test]
fn a_known_terminal_has_tries_of_its_own() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (_session, cookie) = world.log_in(Example::Ali, 1);
    for _ in 0..4 {
        let mut peer = world.connect();
        peer.authenticate(&world, "ali", WRONG, 1, Some(cookie));
    }
    let (reply, _) = world.connect().authenticate(&world, "ali", RIGHT, 1, Some(cookie));
    assert_eq!(reply.reason, Some(AuthRefusal::Locked));
    let record = block_on(world.directory.store.user(&user("ali"), world.now)).unwrap().unwrap();
    assert_eq!((record.locked_out_for, record.known_locked_out_for), (None, Some(300)), "administrators see it");
    world.log_in(Example::Ali, 2);
}

#[test]
fn after_a_hundred_failures_only_an_administrator_unlocks_the_id_for_strangers() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let store = &world.directory.store;
    let attempt = Attempt {
        user: user("ali"),
        terminal: TerminalId([9; 16]),
        cookie: None,
        generation: Generation::Current,
        admits: Admits::Everybody,
    };
    let mut now = NOON;
    let mut reserved = 0;
    // 100 attempts and the 25 locks between them.
    let for_good = (0..=125).any(|_| {
        match block_on(store.reserve(attempt.clone(), LockRule::default(), now)).unwrap().verdict {
            Verdict::Reserved { .. } => reserved += 1,
            Verdict::Locked { retry_after: Some(wait) } => now = now + wait,
            Verdict::Locked { retry_after: None } => return true,
        }
        false
    });
    assert_eq!((reserved, for_good), (100, true));
    world.now = now + Duration::from_secs(365 * DAY);
    let (reply, _) = world.connect().authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!((reply.reason, reply.retry_after), (Some(AuthRefusal::Locked), None));
    assert_eq!(block_on(world.directory.store.unlock(&user("ali"))).unwrap(), UnlockOutcome::Unlocked);
    world.log_in(Example::Ali, 9);
}

#[test]
fn a_source_that_failed_a_thousand_times_is_closed_to_strangers_and_open_to_known_terminals() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let office = [192, 0, 2, 7].into();
    let (source, budget) = (Source::of(office), Budget::Failures);
    let cookie = world.connect_from(office).log_in(&world, Example::Ali, 1, None);
    for n in 0..1_000 {
        let drawn = world.directory.sources().draw(source, world.now, budget, budget.allowance());
        assert_eq!(drawn, Ok(()), "{n}: what was granted was given back");
    }
    for id in ["ali", "nobody"] {
        let (reply, _) = world.connect_from(office).authenticate(&world, id, RIGHT, 9, None);
        assert_eq!((reply.reason, reply.retry_after), (Some(AuthRefusal::TooMany), Some(86_400)), "{id}");
        let wrong = Some(Cookie([7; 32]));
        let (reply, _) = world.connect_from(office).authenticate(&world, id, RIGHT, 1, wrong);
        assert_eq!((reply.reason, reply.retry_after), (Some(AuthRefusal::TooMany), Some(86_400)), "{id}, a cookie");
    }
    world.connect_from(office).log_in(&world, Example::Ali, 1, Some(cookie));
    let (reply, _) = world.connect_from(office).authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!(reply.reason, Some(AuthRefusal::TooMany), "nothing was given back that was not drawn");
    world.log_in(Example::Ali, 9);
    world.now = world.now + Duration::from_secs(DAY);
    let (reply, _) = world.connect_from(office).authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!(reply.status, AuthStatus::Granted);
}

#[test]
fn a_source_asks_about_ids_sixty_times_a_minute_in_whatever_way_and_on_whatever_connection() {
    let mut world = World::new(Registration::Invite);
    let office = [192, 0, 2, 7].into();
    let mut refused = 0;
    for n in 0..90 {
        let userid = user(&format!("u{n}"));
        let mut peer = world.connect_from(office);
        let answer = match n % 3 {
            0 => peer.send(&world, Hello { userid }),
            1 => peer.send(&world, InviteReq { userid }),
            _ => peer.send(&world, RegisterReq { userid, passcode: Blob(vec![1; 32]), invite: None }),
        };
        if let Some(FromDirectory::Error(error)) = answer {
            assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(60)));
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
}

/// What a guesser is answered on each of so many days, who asks again as soon as the directory lets it: `attempt` is asked again
/// and again and gives the wait where it was not answered.
fn answered(world: &mut World, days: usize, mut attempt: impl FnMut(&mut World, u32) -> Option<Duration>) -> Vec<u32> {
    let (begun, mut counted, mut tries) = (world.now, vec![0; days], 0);
    while let Some(today) = counted.get_mut((world.now.since(begun).as_secs() / DAY) as usize) {
        tries += 1;
        match attempt(world, tries) {
            None => *today += 1,
            Some(wait) => world.now = world.now + wait,
        }
    }
    counted
}

/// How long an attempt that was not answered has to wait; longer than anything here lasts where only an administrator helps.
fn wait_of(refused: AuthReply) -> Duration {
    Duration::from_secs(refused.retry_after.unwrap_or(100 * DAY))
}

#[test]
fn one_id_is_guessed_at_twelve_times_on_the_first_day_wherever_the_guesser_comes_from() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    for id in ["ali", "nobody"] {
        let guesses = answered(&mut world, 3, |world, tries| {
            let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + tries);
            world.connect_from(address.into()).ke1(world, id, WRONG, 9, None).err().map(wait_of)
        });
        assert_eq!(guesses, [12, 4, 4], "{id}");
    }
}

#[test]
fn one_source_guesses_a_thousand_times_a_day_at_whomever() {
    let mut world = World::new(Registration::Open);
    let office = [192, 0, 2, 7].into();
    let guesses = answered(&mut world, 1, |world, tries| {
        let mut peer = world.connect_from(office);
        peer.ke1(world, &format!("u{tries}"), WRONG, 9, None).err().map(wait_of)
    });
    assert_eq!(guesses, [1000]);
}
