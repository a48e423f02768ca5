//! A database beside the directory: who may work on it, what happens while it is away, and what comes in between.

mod support;

use common::ident::{CredentialId, TerminalId};
use directory_core::lockout::{LockRule, Verdict};
use directory_core::records::{Account, Admits, Attempt, Generation, NewUser, Registered};
use directory_core::store::Store;
use directory_server::store::postgres::OpenError;
use futures::executor::block_on;
use futures::future::join_all;
use support::postgres::{Isolation, Postgres};
use support::{NOON, user};

fn new_user(id: &str) -> NewUser {
    let (record, vault) = (b"record".to_vec(), b"vault".to_vec());
    let account =
        Account { credential: CredentialId([4; 16]), record, public_key: b"key".to_vec(), vault, newest: None };
    NewUser { id: user(id), account, invite: None }
}

#[test]
fn one_directory_at_a_time_works_on_a_database() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let first = postgres.open(1).unwrap();
    let refused = postgres.open(2).unwrap_err();
    assert!(matches!(&refused, OpenError::Busy { holder, .. } if holder == "directory 1"), "{refused}");
    block_on(first.close());
    assert!(block_on(first.count()).is_err(), "it has given the database back");
    // Somebody else's lease that has run out is nobody's.
    postgres.sql("INSERT INTO nodes (one, incarnation, holder, name, until) VALUES (1, '1', '3', 'directory 3', 0)");
    let second = postgres.open(2).unwrap();
    assert_eq!(block_on(second.count()), Ok(0));
    // The same place again: the one before is surely gone, though it has not said so.
    drop(second);
    postgres.open(2).unwrap();
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    drop(postgres.open(1).unwrap());
    drop(postgres.open(1).unwrap());
    postgres.sql("UPDATE schema SET version = 9, written_by = '9.8.7'");
    drop(postgres.open(1).unwrap());
    postgres.sql("UPDATE schema SET min_reader = 9");
    let refused = postgres.open(1).unwrap_err().to_string();
    assert!(refused.contains("install that version") && refused.contains("9.8.7"), "{refused}");
}

#[test]
fn a_database_that_was_started_anew_is_used_on() {
    let Some(mut postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let store = postgres.open(1).unwrap();
    block_on(store.register(new_user("ali"), NOON)).unwrap();
    block_on(join_all((0..8).map(|_| store.count()))).into_iter().for_each(|count| assert_eq!(count, Ok(1)));
    postgres.stop();
    // Asked while it is away, answered when it is back.
    let counts = std::thread::scope(|scope| {
        let asked = scope.spawn(|| block_on(join_all((0..20).map(|_| store.count()))));
        postgres.start_again();
        asked.join().unwrap()
    });
    counts.into_iter().for_each(|count| assert_eq!(count, Ok(1)));
    assert_eq!(block_on(store.register(new_user("bianca"), NOON)), Ok(Registered::Done));
}

#[test]
fn nothing_is_written_in_sql_that_not_every_database_knows() {
    let here = concat!(env!("CARGO_MANIFEST_DIR"));
    let folders = ["/src/store/postgres", "/migrations/postgres"].map(|folder| format!("{here}{folder}"));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| line.split(" -- ").next().unwrap())
            .filter(|line| !line.starts_with("--"))
            .collect();
        let code = code.join("\n");
        for word in [
            "LISTEN ",
            "NOTIFY ",
            "ADVISORY",
            "SERIAL,",
            "SERIAL ",
            "BIGSERIAL",
            "NEXTVAL",
            "SEQUENCE",
            "TRIGGER",
            "FOR SHARE",
            "SKIP LOCKED",
            "CONCURRENTLY",
            "TEMP TABLE",
            "TEMPORARY",
            "IDENTITY (",
            "CTID",
            "CREATE FUNCTION",
        ] {
            assert!(!code.contains(word), "{}: {word}", file.display());
        }
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_budget_that_is_given_back_between_two_statements_is_made_again() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let store = postgres.open(1).unwrap();
    // Takes the row away behind the statement that makes it, once: what is counted by a sequence stays counted.
    for sql in [
        "CREATE SEQUENCE times",
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN IF nextval(''times'') = 1 THEN DELETE FROM stranger_budgets; END IF; RETURN NULL; END'",
        "CREATE TRIGGER away AFTER INSERT ON stranger_budgets FOR EACH STATEMENT EXECUTE FUNCTION away()",
    ] {
        postgres.sql(sql);
    }
    let (terminal, cookie, generation) = (TerminalId([1; 16]), None, Generation::Current);
    let attempt = Attempt { user: user("ali"), terminal, cookie, generation, admits: Admits::Everybody };
    let reserved = block_on(store.reserve(attempt, LockRule::default(), NOON)).unwrap();
    assert!(matches!(reserved.verdict, Verdict::Reserved { .. }));
    assert_eq!(postgres.sql("SELECT last_value FROM times"), "2");
}

#[test]
fn nothing_is_committed_by_one_whose_database_was_taken_over_meanwhile() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let store = postgres.open(1).unwrap();
    // Who registers waits until there is a row.
    for sql in [
        "CREATE TABLE go (now BIGINT)",
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN LOOP EXIT WHEN EXISTS (SELECT 1 FROM go); END LOOP; RETURN NULL; END'",
        "CREATE TRIGGER wait AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION wait()",
    ] {
        postgres.sql(sql);
    }
    let registered = std::thread::scope(|scope| {
        let registers = scope.spawn(|| block_on(store.register(new_user("ali"), NOON)));
        while postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO users%'") == "0" {}
        postgres.sql("UPDATE nodes SET incarnation = '1', holder = '2', name = 'carol', until = until + 1000000");
        while store.taken_by().is_none() {
            std::thread::yield_now();
        }
        postgres.sql("INSERT INTO go VALUES (1)");
        registers.join().unwrap()
    });
    assert!(registered.is_err(), "{registered:?}");
    assert_eq!(postgres.sql("SELECT count(*) FROM users"), "0");
}

#[test]
fn a_database_without_users_takes_new_keys() {
    let Some(postgres) = Postgres::start(Isolation::ReadCommitted) else { return };
    let store = postgres.open(1).unwrap();
    assert_eq!(block_on(store.belongs_to([1; 32])), Ok(true));
    assert_eq!(block_on(store.belongs_to([2; 32])), Ok(true), "nobody depends on those that were lost");
    block_on(store.register(new_user("ali"), NOON)).unwrap();
    assert_eq!(block_on(store.belongs_to([1; 32])), Ok(false));
    assert_eq!(block_on(store.belongs_to([2; 32])), Ok(true));
}
