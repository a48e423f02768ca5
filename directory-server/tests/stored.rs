//! A data directory that an earlier version has left opens, with everything in it (see `fixtures/stored/README.md`).
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use common::ident::TerminalId;
use common::msg::{FromDirectory, KeyPackageReq};
use common::testkit::Example;
use common::testkit::login::{Account, is_registered};
use serde_json::{Value, json};
use support::process::{Server, account, command, run, stdout};
use support::user;

/// When the programs that made it were stopped, seconds since the epoch. The directory's clock goes on from there, so that
/// neither mail nor locks nor invitations have run out.
const MADE: u64 = 1_796_009_024;

fn unpacked(into: &Path) -> PathBuf {
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/stored/directory.tar.gz");
    let status = Command::new("tar").arg("-xzpf").arg(archive).arg("-C").arg(into).status().unwrap();
    assert!(status.success());
    into.join("directory")
}

/// Starts a server whose clock goes on from [`MADE`].
fn start(data: &Path) -> Server {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let offset = format!("--clock-offset={}", i128::from(MADE) - i128::from(now));
    Server::start_logging(command(data, &["serve", "--listen", "127.0.0.1:0", &offset]).stderr(Stdio::null()))
}

fn told(data: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(data, &[arguments, &["--json"]].concat())).unwrap()
}

/// These fields of every row.
fn fields(rows: &Value, names: &[&str]) -> Vec<Vec<Value>> {
    rows.as_array().unwrap().iter().map(|row| names.iter().map(|name| row[name].clone()).collect()).collect()
}

#[test]
fn the_data_of_the_version_before_hold_everything_that_was_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let data = unpacked(dir.path());
    let server = start(&data);
    let key = "7BDD 76C9 9259 8403 2268";
    assert!(server.greeting.iter().any(|line| line.contains(key)), "{:?}", server.greeting);

    let users = told(&data, &["user", "list"]);
    let columns = ["id", "registered_at", "logins", "wrong", "terminals", "waiting", "locked"];
    let rows = json!([
        ["ali", 1_796_008_967, 2, 0, 1, 0, null],
        ["bianca", 1_796_008_981, 2, 0, 1, 2, null],
        ["carol", 1_796_008_992, 2, 4, 1, 1, "has lost her machine"],
    ]);
    assert_eq!(json!(fields(&users, &columns)), rows);
    assert_eq!(users[0]["key"], "07a532706b5ebb6ef26409273e9bae20d172992fe57383206de1b8635ce30d0b");
    let locked_out = users[2]["locked_out_for"].as_u64().unwrap();
    assert!((1..=300).contains(&locked_out), "four wrong passcodes lock for five minutes, not for {locked_out} s");

    let groups = told(&data, &["group", "list"]);
    let groups = fields(&groups, &["room", "epoch", "named", "admins", "users"]);
    assert_eq!(groups.len(), 6);
    let team = ["ali", "bianca", "carol"];
    assert_eq!(json!(groups[1]), json!(["1be156d058cf6e86ab75b25bcee9f2b4", 2, true, ["ali"], team]));
    assert_eq!(json!(groups[4]), json!(["f1fe332f75694ceadd089f227a0c9234", 1, false, [], ["ali", "bianca"]]));

    let invites = told(&data, &["invite", "list"]);
    assert_eq!(
        json!(fields(&invites, &["user", "expires"])),
        json!([["gina", 1_796_095_424], ["hugo", 1_796_095_424]])
    );
    assert!(invites[0]["line"].as_str().unwrap().ends_with("/N7V2-45CZ-C374-H9HA"), "{invites}");
    let broadcasts = told(&data, &["log", "--broadcasts"]);
    let said = json!([[1, 1_796_009_017, "The kitchen is closed today."]]);
    assert_eq!(json!(fields(&broadcasts, &["number", "taken", "message"])), said);
    let again = run(&data, &["invite", "dora"]);
    assert!(!again.status.success(), "the id of a user who was removed is never given out again");
}

/// Keys and database are as they must be; what else should be looked at is no matter here.
#[track_caller]
fn assert_sound(data: &Path) {
    let checked = stdout(data, &["check"]);
    assert!(!checked.contains("FAIL") && checked.contains("ok    database"), "{checked}");
}

#[test]
fn the_data_of_the_version_before_are_sound_and_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = unpacked(dir.path());
    assert_sound(&data);

    let server = start(&data);
    let fran = Account { user: user("fran"), ..account(Example::Ali) };
    assert!(is_registered(&server.connect().register(&fran, None).unwrap()));
    let mut fran_there = server.connect();
    fran_there.log_in(&fran, TerminalId([1; 16]), 65_000).unwrap();
    // What carol's terminal has published is given out.
    let terminal = "c3f25d395f5a79910a53cd8ad7a71780".parse().unwrap();
    let wanted = KeyPackageReq { userid: user("carol"), terminals: vec![terminal] };
    match fran_there.ask(wanted).unwrap() {
        FromDirectory::KeyPackageReply(reply) => assert_eq!(reply.packages.len(), 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(stdout(&data, &["user", "unlock", "carol"]), "Unlocked carol.\n");
    assert_eq!(told(&data, &["user", "show", "carol"])["wrong"], 0);
    drop(server);
    assert_sound(&data);
}
