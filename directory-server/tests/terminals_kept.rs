//! Decision D33, threat L14: whoever has learnt a passcode takes nothing away from the terminals that its owner has had for
//! longer, in any store.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use common::ident::{CredentialId, TerminalId, TerminalKey, UserId};
use common::limits::{FORMER_PASSCODE, TERMINALS_REMEMBERED};
use common::msg::{Blob, Certificate, Member};
use common::settled::{SETTLES_AFTER, SettledTime};
use directory_core::lockout::{Class, LockRule};
use directory_core::records::{
    Account, Admits, Attempt, CookieDigest, Entry, EntryCheck, Generation, Grant, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Reservation, Success, TerminalRemoval,
};
use directory_core::store::Store;
use directory_core::timestamp::Timestamp;
use directory_server::store::sqlite::SqliteStore;
use futures::executor::block_on;
use support::postgres::{Isolation, Postgres};
use support::{NOON, user};

const CREDENTIAL: CredentialId = CredentialId([4; 16]);
const LONG_AGO: Timestamp = Timestamp::from_seconds(0);
/// [`TERMINALS_REMEMBERED`].
const ALL: u8 = 64;

/// A store in which ali is registered.
struct Stage<S>(S);

impl<S: Store> Stage<S> {
    fn new(store: S) -> Self {
        let (record, vault) = (b"record".to_vec(), b"vault".to_vec());
        let account = Account { credential: CREDENTIAL, record, public_key: b"key".to_vec(), vault, newest: None };
        let registered = block_on(store.register(NewUser { id: ali(), account, invite: None }, NOON)).unwrap();
        assert_eq!(registered, Registered::Done);
        Self(store)
    }

    /// A login without a cookie, which gets cookie number `terminal`.
    fn arrives(&self, terminal: u8, unseen_since: Timestamp) -> Grant {
        block_on(self.0.grant(success(terminal, b"record", unseen_since), NOON)).unwrap()
    }

    fn announces(&self, terminal: u8) -> EntryCheck {
        let Success { user, credential, record, terminal, .. } = success(terminal, b"record", LONG_AGO);
        let certificate = Certificate { terminal, key: TerminalKey([5; 32]), issued: 1, signature: Blob(vec![6; 256]) };
        let encoded = serde_json::to_vec(&certificate).unwrap();
        let entry = Entry { user, credential, record, terminal, new_certificate: Some(encoded) };
        block_on(self.0.enter(entry, NOON)).unwrap()
    }

    /// Logs in there and announces it.
    fn comes(&self, terminal: u8) {
        assert!(matches!(self.arrives(terminal, LONG_AGO), Grant::Granted { certificate: None, .. }), "{terminal}");
        assert_eq!(self.announces(terminal), EntryCheck::Valid);
    }

    fn changes(&self, terminal: u8, (proved, record, version): (&[u8], &[u8], i64), now: Timestamp) {
        let (terminal, vault) = (TerminalId([terminal; 16]), b"vault".to_vec());
        let (proved, record) = (proved.to_vec(), record.to_vec());
        let new = NewPasscode { user: ali(), terminal, credential: CREDENTIAL, proved, record, vault, version };
        assert_eq!(block_on(self.0.change_passcode(new, now)), Ok(PasscodeChange::Changed));
    }

    /// The directory has been running for long enough, so that this moment has surely passed.
    fn settles(&self, moment: Timestamp) {
        let mut time = SettledTime::default();
        time.observe(moment.seconds(), 0);
        time.observe(moment.seconds(), SETTLES_AFTER.as_secs());
        block_on(self.0.keep_time(time, moment)).unwrap();
    }

    /// How many of these are known.
    fn known(&self, terminals: std::ops::RangeInclusive<u8>) -> usize {
        terminals.filter(|terminal| self.is_known(*terminal)).count()
    }

    /// Whether the cookie that a terminal got is worth something.
    fn is_known(&self, terminal: u8) -> bool {
        self.reserves(terminal, Generation::Current, NOON).class == Class::KnownTerminal
    }

    /// What a login with its cookie is answered from.
    fn reserves(&self, terminal: u8, generation: Generation, now: Timestamp) -> Reservation {
        let Success { user, terminal, cookie, .. } = success(terminal, b"record", LONG_AGO);
        let attempt = Attempt { user, terminal, cookie: Some(cookie), generation, admits: Admits::Everybody };
        let rule = LockRule { tries: u32::MAX, ..LockRule::default() };
        block_on(self.0.reserve(attempt, rule, now)).unwrap()
    }
}

fn ali() -> UserId {
    user("ali")
}

fn success(terminal: u8, record: &[u8], unseen_since: Timestamp) -> Success {
    let (cookie, terminal) = (CookieDigest([terminal; 32]), TerminalId([terminal; 16]));
    let (class, record) = (Class::UnknownTerminals, record.to_vec());
    Success { user: ali(), credential: CREDENTIAL, record, terminal, class, cookie, unseen_since }
}

fn newcomers_push_out_nobody<S: Store>(store: S) {
    assert_eq!(usize::from(ALL), TERMINALS_REMEMBERED);
    let stage = Stage::new(store);
    (1..=ALL - 1).for_each(|terminal| stage.comes(terminal));
    // A thief's, which do not even announce themselves: one after the other has the last place.
    for terminal in 101..=200 {
        assert!(matches!(stage.arrives(terminal, LONG_AGO), Grant::Granted { .. }));
    }
    assert_eq!((stage.known(1..=ALL - 1), stage.known(101..=200), stage.is_known(200)), (63, 1, true));
    // And one that does.
    stage.comes(201);
    assert_eq!((stage.known(1..=ALL - 1), stage.known(101..=200), stage.is_known(201)), (63, 0, true));
    assert_eq!(stage.arrives(202, LONG_AGO), Grant::Full, "all of them have been here for longer");
    assert_eq!(stage.arrives(202, NOON), Grant::Full, "those who were here a moment ago have not been away for long");
    assert_eq!((stage.known(1..=ALL - 1), stage.is_known(201), stage.is_known(202)), (63, true, false));
    // What a new key is to let hold on are those of the oldest.
    let certified = block_on(stage.0.own_certificates(&ali())).unwrap();
    assert!(certified.iter().map(|one| one.terminal).eq((1..=8).map(|terminal| TerminalId([terminal; 16]))));
    // Under an id that is there, without its cookie, it takes nobody's place.
    assert!(matches!(stage.arrives(1, LONG_AGO), Grant::Granted { certificate: Some(_), .. }));
    // The owner's oldest changes the passcode: whoever came later holds nothing, and makes room.
    stage.changes(2, (b"record", b"new", 2), NOON);
    let newcomer = || block_on(stage.0.grant(success(203, b"new", LONG_AGO), NOON)).unwrap();
    assert!(matches!(newcomer(), Grant::Granted { .. }));
    assert_eq!((stage.is_known(203), stage.is_known(2)), (true, true));
}

fn who_was_away_for_long_makes_room<S: Store>(store: S) {
    let stage = Stage::new(store);
    (1..=ALL).for_each(|terminal| stage.comes(terminal));
    assert_eq!(stage.arrives(101, NOON), Grant::Full);
    let later = Timestamp::from_seconds(NOON.seconds() + 1000);
    assert!(matches!(stage.arrives(101, later), Grant::Granted { .. }));
    assert_eq!((stage.is_known(1), stage.known(2..=ALL)), (false, 63), "the one seen first");
}

fn a_thief_s_second_change_leaves_what_the_first_replaced<S: Store>(store: S) {
    let stage = Stage::new(store);
    [1, 2].into_iter().for_each(|terminal| stage.comes(terminal));
    let mut known = b"record".to_vec();
    let mut version = 1;
    let mut change = |terminal: u8, now| {
        version += 1;
        let next = format!("record {version}").into_bytes();
        stage.changes(terminal, (&known, &next, version), now);
        // The newest is used.
        let used = Success { class: Class::KnownTerminal, ..success(terminal, &next, LONG_AGO) };
        assert!(matches!(block_on(stage.0.grant(used, now)), Ok(Grant::Granted { .. })));
        std::mem::replace(&mut known, next)
    };
    // Once in a while, for years.
    let mut now = NOON;
    for _ in 0..20 {
        change(1, now);
        now = now + FORMER_PASSCODE * 2;
        stage.settles(now);
    }
    change(1, now);
    // Its cookie is gone with the changes of the older one; it has learnt the passcode again.
    assert!(matches!(block_on(stage.0.grant(success(2, b"record 22", LONG_AGO), now)), Ok(Grant::Granted { .. })));
    now = now + FORMER_PASSCODE * 2;
    stage.settles(now);
    let owners = change(2, now);
    (0..20).for_each(|_| drop(change(2, now)));
    let former = stage.reserves(1, Generation::Previous, now);
    assert_eq!((former.changed, former.account.unwrap().record), (true, owners));
}

fn a_change_in_a_run_whose_clock_is_behind_may_be_undone_as_any<S: Store>(store: S) {
    let stage = Stage::new(store);
    [1, 2].into_iter().for_each(|terminal| stage.comes(terminal));
    stage.settles(NOON);
    stage.changes(2, (b"record", b"new", 2), Timestamp::from_seconds(1000));
    let former = |now| stage.reserves(1, Generation::Previous, now).changed;
    assert!(former(NOON));
    let over = NOON + FORMER_PASSCODE;
    assert!(former(over), "a clock that is ahead");
    stage.settles(over);
    assert!(!former(over));
}

#[test]
fn a_passcode_is_changed_back_for_as_long_whatever_the_clock_said_meanwhile() {
    a_change_in_a_run_whose_clock_is_behind_may_be_undone_as_any(SqliteStore::in_memory().unwrap());
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    a_change_in_a_run_whose_clock_is_behind_may_be_undone_as_any(postgres.open(1).unwrap());
}

#[test]
fn a_thief_does_not_push_out_the_passcode_that_the_owner_knows() {
    a_thief_s_second_change_leaves_what_the_first_replaced(SqliteStore::in_memory().unwrap());
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    a_thief_s_second_change_leaves_what_the_first_replaced(postgres.open(1).unwrap());
}

#[test]
fn newcomers_push_out_no_older_terminal_that_shows_its_cookie() {
    newcomers_push_out_nobody(SqliteStore::in_memory().unwrap());
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    newcomers_push_out_nobody(postgres.open(1).unwrap());
}

#[test]
fn a_terminal_that_was_away_for_long_makes_room() {
    who_was_away_for_long_makes_room(SqliteStore::in_memory().unwrap());
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    who_was_away_for_long_makes_room(postgres.open(1).unwrap());
}

fn certificates_of_what_is_gone_have_an_end<S: Store>(store: S) {
    let stage = Stage::new(store);
    let member = |terminal: u8| Member { userid: ali(), terminal: TerminalId([terminal; 16]) };
    for terminal in 1..=ALL + 6 {
        stage.comes(terminal);
        let removed = block_on(stage.0.remove_terminal(&member(terminal), Remover::Administrator));
        assert_eq!(removed, Ok(TerminalRemoval::Removed));
    }
    let has = |terminal: &u8| !block_on(stage.0.certificates(vec![member(*terminal)])).unwrap().is_empty();
    assert!((1..=ALL + 6).filter(has).eq(7..=ALL + 6), "the newest");
}

#[test]
fn of_a_user_s_terminals_that_are_gone_so_many_certificates_are_kept() {
    certificates_of_what_is_gone_have_an_end(SqliteStore::in_memory().unwrap());
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    certificates_of_what_is_gone_have_an_end(postgres.open(1).unwrap());
}
