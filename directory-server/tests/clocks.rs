//! Nothing is deleted, let in or kept out on the word of one reading of a clock (decision D32, threat L15).

mod support;

use std::time::Duration;

use common::crypto::invite::InviteCode;
use common::ident::{RoomId, TerminalId};
use common::limits::{EPOCHS_PER_USER, EPOCHS_WINDOW, FORMER_PASSCODE, ROOMS_PER_HOUR};
use common::msg::{CommitRefusal, CommitReq, CommitStatus, MailboxReply, RegisterRefusal, Registration};
use common::testkit::Example;
use directory_core::lockout::{Class, LockRule};
use directory_core::records::{
    Admits, Attempt, CookieDigest, Generation, Grant, IdStatus, InviteRecord, NewPasscode, PasscodeChange, Success,
};
use directory_core::store::Store as _;
use directory_core::timestamp::Timestamp;
use futures::executor::block_on;
use support::mail::{commit_req, member, pair};
use support::{NOON, RIGHT, World, user};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn stored(count: u32) -> MailboxReply {
    MailboxReply { stored: count, refused: None, full: Vec::new() }
}

#[test]
fn mail_survives_a_directory_that_was_started_with_a_wrong_clock() {
    let (world, mut ali, _) = pair();
    assert_eq!(ali.put(&world, 0, &[b"before"]), stored(1));
    // Months ahead, for some hours, and years behind, and right again.
    let mut world = world.restart_at(NOON + DAY * 120);
    let mut bianca = world.session(Example::Bianca, 1);
    world.expire_mail();
    assert_eq!(
        (bianca.open_mailbox(&world).waiting, bianca.mail(&world).len()),
        (1, 1),
        "it is delivered all the same"
    );
    world.now = world.now + HOUR * 20;
    let mut world = world.restart_at(Timestamp::from_seconds(0));
    world.now = world.now + HOUR * 20;
    let mut world = world.restart_at(NOON + HOUR);
    world.expire_mail();
    let state = world.session(Example::Bianca, 1).open_mailbox(&world);
    assert_eq!((state.waiting, state.lost), (1, 0));
    // It does go when its time has surely passed.
    world.now = world.now + DAY * 21;
    world.run_for_a_day();
    world.expire_mail();
    let state = world.session(Example::Bianca, 2).open_mailbox(&world);
    assert_eq!(state.lost, 0, "another terminal");
    assert_eq!(world.waiting(), 0);
}

#[test]
fn what_comes_while_the_clock_is_behind_is_not_dated_before_what_has_surely_passed() {
    let (mut world, ..) = pair();
    world.run_for_a_day();
    let mut world = world.restart_at(Timestamp::from_seconds(1_000));
    let mut ali = world.session(Example::Ali, 1);
    assert_eq!(ali.put(&world, 0, &[b"late"]), stored(1));
    let mut bianca = world.session(Example::Bianca, 1);
    bianca.open_mailbox(&world);
    assert!(bianca.mail(&world)[0].date >= NOON.seconds());
    drop((ali, bianca));
    let mut world = world.restart_at(NOON + DAY * 2);
    world.run_for_a_day();
    world.expire_mail();
    assert_eq!(world.waiting(), 1, "it is days old, not decades");
}

#[test]
fn an_invitation_outlives_a_wrong_clock_and_its_id_is_nobody_elses_meanwhile() {
    let world = World::new(Registration::Open);
    let code = InviteCode::generate().unwrap();
    let record = InviteRecord { user: user("ali"), code: code.clone(), expires: (NOON + DAY).seconds() };
    block_on(world.directory.store.invite(record, NOON)).unwrap();
    let mut world = world.restart_at(NOON + DAY * 30);
    let other = InviteRecord { user: user("carol"), code: InviteCode::generate().unwrap(), expires: u64::MAX >> 1 };
    block_on(world.directory.store.invite(other, world.now)).unwrap();
    let status = |world: &World| block_on(world.directory.store.id_status(&user("ali"), world.now)).unwrap();
    assert_eq!(status(&world), IdStatus::AwaitsInvite, "it lets nobody in, and the id is kept");
    let refused = world.connect().register(&world, Example::Ali, RIGHT, None).reason;
    assert_eq!(refused, Some(RegisterRefusal::Invite));
    world = world.restart_at(NOON + HOUR);
    assert_eq!(status(&world), IdStatus::Invited(code));
    world.now = world.now + DAY;
    world.run_for_a_day();
    assert_eq!(status(&world), IdStatus::Free, "it has surely expired");
}

#[test]
fn a_terminal_that_logs_in_while_the_clock_is_behind_is_not_the_first_to_be_forgotten() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let store = &world.directory.store;
    let credential = block_on(store.credential(&user("ali"))).unwrap().unwrap();
    let ask = |terminal: u8| {
        let (terminal, cookie) = (TerminalId([terminal; 16]), Some(CookieDigest([5; 32])));
        let attempt =
            Attempt { user: user("ali"), terminal, cookie, generation: Generation::Current, admits: Admits::Everybody };
        block_on(store.reserve(attempt, LockRule { tries: u32::MAX, ..LockRule::default() }, NOON)).unwrap()
    };
    let record = ask(0).account.unwrap().record;
    let log_in = |terminal: u8, now| {
        let (terminal, class, cookie) = (TerminalId([terminal; 16]), Class::UnknownTerminals, CookieDigest([5; 32]));
        let (user, record, unseen_since) = (user("ali"), record.clone(), Timestamp::from_seconds(0));
        let success = Success { user, credential, record, terminal, class, cookie, unseen_since };
        assert!(matches!(block_on(store.grant(success, now)), Ok(Grant::Granted { .. })));
    };
    (1..=64).for_each(|terminal| log_in(terminal, NOON));
    log_in(65, Timestamp::from_seconds(1_000));
    let is_known = |terminal: u8| ask(terminal).class == Class::KnownTerminal;
    assert_eq!((is_known(65), is_known(1), is_known(2)), (true, false, true));
}

#[test]
fn a_run_whose_clock_is_behind_lets_epochs_end_and_rooms_be_founded_as_any() {
    let (mut world, ..) = pair();
    world.run_for_a_day();
    let mut world = world.restart_at(Timestamp::from_seconds(1_000));
    let mut ali = world.session(Example::Ali, 1);
    let both = [member("ali", 1), member("bianca", 1)];
    let window = EPOCHS_PER_USER as u64;
    for epoch in 0..window {
        assert_eq!(ali.commit(&world, commit_req(epoch, &both), b"c", b""), CommitStatus::Accepted);
    }
    let refused = ali.commits(&world, commit_req(window, &both), b"c", b"");
    assert_eq!((refused.reason, refused.retry_after), (Some(CommitRefusal::Epochs), Some(600)));
    world.now = world.now + EPOCHS_WINDOW;
    assert_eq!(ali.commit(&world, commit_req(window, &both), b"c", b""), CommitStatus::Accepted);

    let founds = |n: usize| CommitReq { room: RoomId((n as u128).to_be_bytes()), ..commit_req(0, &both) };
    let founded = (1..=ROOMS_PER_HOUR).map(|n| ali.commit(&world, founds(n), b"", b""));
    assert!(founded.into_iter().all(|status| status == CommitStatus::Accepted));
    let next = founds(ROOMS_PER_HOUR + 1);
    assert_eq!(ali.commits(&world, next.clone(), b"", b"").reason, Some(CommitRefusal::Rooms));
    world.now = world.now + HOUR;
    assert_eq!(ali.commit(&world, next, b"", b""), CommitStatus::Accepted);
}

#[test]
fn a_report_that_is_first_seen_while_the_clock_is_behind_is_kept_as_long_as_any() {
    let (mut world, ..) = pair();
    world.run_for_a_day();
    world.remove("bianca");
    let mut world = world.restart_at(Timestamp::from_seconds(1_000));
    let mut ali = world.session(Example::Ali, 1);
    assert_eq!(ali.put(&world, 0, &[b"x"]), stored(1));
    block_on(world.directory.keep_time(world.now)).unwrap();
    let mut world = world.restart_at(NOON + DAY * 2);
    world.run_for_a_day();
    let past = world.directory.surely_past(world.now);
    block_on(world.directory.store.forget_withdrawn(past)).unwrap();
    assert_eq!(block_on(world.directory.store.withdrawn(&member("ali", 1))).unwrap().len(), 1);
}

/// Whether ali's older terminal, 1, opens the passcode from before a change by the younger one, 2.
fn opens_the_former(world: &World) -> bool {
    let (terminal, cookie, generation) = (TerminalId([1; 16]), Some(CookieDigest([5; 32])), Generation::Previous);
    let attempt = Attempt { user: user("ali"), terminal, cookie, generation, admits: Admits::Everybody };
    block_on(world.directory.store.reserve(attempt, LockRule::default(), world.now))
        .is_ok_and(|reserved| reserved.changed)
}

#[test]
fn a_passcode_that_is_changed_while_the_clock_is_ahead_or_behind_opens_for_seven_days_as_any() {
    // Set ahead by a year; and behind when the directory begins once more.
    for (wrong, then) in [(NOON + DAY * 365, NOON), (NOON, Timestamp::from_seconds(1_000))] {
        let mut world = World::new(Registration::Open);
        world.register(Example::Ali);
        world.run_for_a_day();
        let mut world = world.restart_at(wrong + DAY * 2);
        let store = &world.directory.store;
        let credential = block_on(store.credential(&user("ali"))).unwrap().unwrap();
        let (ali, cookie, generation) = (user("ali"), None, Generation::Current);
        let attempt =
            Attempt { user: ali.clone(), terminal: TerminalId([1; 16]), cookie, generation, admits: Admits::Everybody };
        let record = block_on(store.reserve(attempt, LockRule::default(), world.now)).unwrap().account.unwrap().record;
        for terminal in [1, 2] {
            let (class, cookie) = (Class::UnknownTerminals, CookieDigest([5; 32]));
            let (user, record, unseen_since) = (ali.clone(), record.clone(), Timestamp::from_seconds(0));
            let terminal = TerminalId([terminal; 16]);
            let success = Success { user, credential, record, terminal, class, cookie, unseen_since };
            assert!(matches!(block_on(store.grant(success, world.now)), Ok(Grant::Granted { .. })));
        }
        let (user, terminal, proved) = (ali, TerminalId([2; 16]), record);
        let (record, vault, version) = (b"record".to_vec(), b"vault".to_vec(), 2);
        let new = NewPasscode { user, terminal, credential, proved, record, vault, version };
        assert_eq!(block_on(store.change_passcode(new, world.now)), Ok(PasscodeChange::Changed));
        world = world.restart_at(then + DAY * 2);
        assert!(opens_the_former(&world));
        let mut world = world.restart_at(NOON + DAY * 2);
        world.now = world.now + (FORMER_PASSCODE - DAY * 2);
        world.run_for_a_day();
        assert!(opens_the_former(&world), "nobody's way back is taken");
        world.now = world.now + DAY * 3;
        world.run_for_a_day();
        assert!(!opens_the_former(&world));
    }
}
