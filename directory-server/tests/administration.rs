//! What administrators do beyond users and invitations: sessions, groups, backups, files for the system.

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;

use common::ident::{MessageId, RoomId};
use common::msg::{ByeReason, MailboxPut, MailboxReq, Outgoing, Piece};
use common::testkit::{Example, sealed_message};
use rustix::process::Signal;
use support::process::{
    Server, assert_another_generation, bye, command, log_in, mail, register, run, stdout, write_to_bianca,
};

fn code(data: &Path, arguments: &[&str]) -> Option<i32> {
    run(data, arguments).status.code()
}

#[test]
fn sessions_are_listed_and_ended_and_their_users_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    register(&server, Example::Ali);
    assert_eq!(stdout(dir.path(), &["session", "list"]), "Nobody is online.\n");
    let mut ali = log_in(&server, Example::Ali);
    let listed = stdout(dir.path(), &["session", "list"]);
    assert!(listed.starts_with("ID   SINCE          TERMINALS\nali  "), "{listed}");
    let json: serde_json::Value = serde_json::from_str(&stdout(dir.path(), &["session", "list", "--json"])).unwrap();
    assert_eq!((&json[0]["user"], &json[0]["terminals"]), (&"ali".into(), &1.into()));
    assert_eq!(stdout(dir.path(), &["session", "end", "ali"]), "Ended 1 session of ali.\n");
    assert_eq!(bye(&mut ali), ByeReason::Administrator);
    assert_eq!(stdout(dir.path(), &["session", "end", "ali"]), "ali was not online.\n");
    drop(log_in(&server, Example::Ali));
    assert_eq!(code(dir.path(), &["session", "end", "nobody"]), Some(5));
}

#[test]
fn groups_are_known_by_their_ids_and_can_be_removed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    assert_eq!(stdout(dir.path(), &["group", "list"]), "No groups and no conversations yet.\n");
    register(&server, Example::Ali);
    register(&server, Example::Bianca);
    let room = write_to_bianca(&server).to_string();
    let listed = stdout(dir.path(), &["group", "list"]);
    assert_eq!(listed.lines().nth(1).unwrap(), format!("{room}  people      2          2        0"));
    let shown = stdout(dir.path(), &["group", "show", &room]);
    assert!(shown.contains("users       ali, bianca\n"), "{shown}");
    assert_eq!(code(dir.path(), &["group", "remove", &room, "--no-input"]), Some(2));
    assert_eq!(stdout(dir.path(), &["group", "remove", &room, "--yes"]), format!("Removed {room}.\n"));
    assert_eq!(code(dir.path(), &["group", "show", &room]), Some(5));
    assert_eq!(code(dir.path(), &["group", "show", "team"]), Some(2));
    let mut bianca = log_in(&server, Example::Bianca);
    bianca.ask(MailboxReq {}).unwrap();
    assert_eq!(mail(&mut bianca).items.len(), 1, "what was written before is still delivered");
}

#[test]
fn a_backup_of_a_running_directory_restores_it_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other) = (dir.path().join("data"), dir.path().join("other"));
    let file = dir.path().join("today.backup");
    let secrets = dir.path().join("today.backup.secrets");
    let named = file.to_str().unwrap();
    let mut server = Server::start(&data);
    let key = server.connect().key();
    register(&server, Example::Ali);
    register(&server, Example::Bianca);
    write_to_bianca(&server);
    let said = stdout(&data, &["backup", named]);
    assert!(said.starts_with("Backed up 2 users, 1 group, server key and secret to "), "{said}");
    for path in [&file, &secrets] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let database = std::fs::read(&file).unwrap();
    for name in ["server.key", "opaque.secret"] {
        let secret = std::fs::read(data.join(name)).unwrap();
        assert!(!database.windows(secret.len()).any(|part| part == secret), "{name} is in the backup of the database");
    }
    assert_eq!(code(&data, &["backup", named]), Some(10), "nothing is overwritten");
    assert_eq!(code(&data, &["restore", named]), Some(13), "there is a directory already");
    server.signal(Signal::KILL);
    server.wait();

    let report: serde_json::Value = serde_json::from_str(&stdout(&other, &["restore", named, "--json"])).unwrap();
    assert_eq!((&report["users"], &report["groups"]), (&2.into(), &1.into()));
    assert_eq!(stdout(&other, &["key", "show"]).lines().next().unwrap(), key.short());
    let server = Server::start(&other);
    assert_eq!(server.connect().key(), key);
    let mut bianca = log_in(&server, Example::Bianca);
    bianca.ask(MailboxReq {}).unwrap();
    let before = mail(&mut bianca).items;
    assert_eq!(before.len(), 1);
    drop(bianca);
    let mut ali = log_in(&server, Example::Ali);
    let room = RoomId([7; 16]);
    let items = vec![Outgoing { id: MessageId([2; 16]), piece: Piece(sealed_message(&room, 0, b"sealed")) }];
    ali.ask(MailboxPut { room, epoch: 0, items, leave: false }).unwrap();
    drop(ali);
    let mut bianca = log_in(&server, Example::Bianca);
    bianca.ask(MailboxReq {}).unwrap();
    let items = mail(&mut bianca).items;
    assert!(items[1].item > before[0].item + (1 << 32), "no number is given out again: {items:?}");
    drop(server);
    assert_eq!(code(&other, &["check"]), Some(0));
    // What should be looked at is no failure.
    let checked = |dir: &Path| stdout(dir, &["check"]);
    assert!(checked(&other).contains("\nWARN  no backup yet. Take one: "), "{}", checked(&other));
    stdout(&other, &["backup", other.join("copy").to_str().unwrap()]);
    assert!(checked(&other).contains("\nok    last backup "), "{}", checked(&other));
    let told: serde_json::Value = serde_json::from_str(&stdout(&other, &["check", "--json"])).unwrap();
    let is_backup = |finding: &serde_json::Value| finding["found"].as_str().unwrap().starts_with("last backup ");
    assert!(told.as_array().unwrap().iter().any(|finding| is_backup(finding) && finding["state"] == "ok"), "{told}");
}

#[test]
fn a_database_that_was_put_back_by_other_means_goes_by_another_name_and_gives_no_number_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let serve = || command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_another_generation(|| Server::start_logging(&mut serve()), |arguments| run(dir.path(), arguments));
}

#[test]
fn what_is_no_backup_or_belongs_to_another_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other, empty) = (dir.path().join("data"), dir.path().join("other"), dir.path().join("empty"));
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    assert_eq!(code(&data, &["backup", &path("a")]), Some(10), "there is nothing yet");
    for place in [&data, &other] {
        drop(Server::start(place));
    }
    stdout(&data, &["backup", &path("a")]);
    stdout(&other, &["backup", &path("b")]);
    let secrets = std::fs::read(path("b.secrets")).unwrap();
    std::fs::write(path("a.secrets"), secrets).unwrap();
    assert_eq!(code(&empty, &["restore", &path("a")]), Some(13), "secrets of another directory");
    assert_eq!(code(&data, &["backup", &path("a")]), Some(13), "secrets of another directory are not overwritten");
    std::fs::set_permissions(path("b.secrets"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(code(&empty, &["restore", &path("b")]), Some(13), "others could have read the secrets");
    std::fs::remove_file(path("b.secrets")).unwrap();
    assert_eq!(code(&empty, &["restore", &path("b")]), Some(10), "no secrets");
    std::fs::write(path("b.secrets"), "{}").unwrap();
    std::fs::set_permissions(path("b.secrets"), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(code(&empty, &["restore", &path("b")]), Some(10), "damaged secrets");
    std::fs::copy(path("b.secrets"), path("c.secrets")).unwrap();
    std::fs::write(path("c"), "no database").unwrap();
    assert_eq!(code(&empty, &["restore", &path("c")]), Some(10), "no backup");
    assert!(!empty.join("directory.db").exists());
}

#[test]
fn the_configuration_is_created_once_and_holds_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new/config.toml");
    let named = path.to_str().unwrap();
    assert!(stdout(dir.path(), &["config", "init", "-c", named]).starts_with(&format!("Created {named}. ")));
    assert_eq!(stdout(dir.path(), &["config", "show", "-c", named]), stdout(dir.path(), &["config", "show"]));
    assert_eq!(code(dir.path(), &["config", "init", "-c", named]), Some(10), "nothing is overwritten");
}

#[test]
fn a_service_manager_hears_when_the_server_is_ready_alive_and_stopping() {
    let dir = tempfile::tempdir().unwrap();
    let manager = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    let mut serve = command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("NOTIFY_SOCKET", dir.path().join("notify")).env("WATCHDOG_USEC", "100000").stderr(Stdio::null());
    let mut server = Server::start_logging(&mut serve);
    let hear = |wanted: &str| loop {
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        match std::str::from_utf8(&heard[..length]).unwrap() {
            heard if heard == wanted => return,
            "WATCHDOG=1" => {}
            heard => panic!("{heard} and not {wanted}"),
        }
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    server.signal(Signal::TERM);
    hear("STOPPING=1");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let manual = stdout(dir.path(), &["man"]);
    for section in ["\"USER REMOVE\"", "\"BACKUP\"", "\"CONFIG INIT\"", "\"GROUP SHOW\""] {
        assert!(manual.contains(&format!(".SH {section}")), "{section}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(dir.path(), &["completions", shell]);
        for command in ["backup", "passcode", "--watch"] {
            assert!(script.contains(command.trim_start_matches('-')), "{shell}: {command}");
        }
    }
    assert_eq!(code(dir.path(), &["completions", "cmd"]), Some(2));
}

#[test]
fn nothing_but_a_terminal_gets_an_escape_byte() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Server::start(dir.path());
    let commands: [&[&str]; 16] = [
        &["--help"],
        &["help", "user"],
        &["user", "list"],
        &["user", "show", "nobody"],
        &["invite", "ali"],
        &["invite", "list"],
        &["session", "list"],
        &["group", "list"],
        &["status"],
        &["log", "--broadcasts"],
        &["check"],
        &["health"],
        &["key", "show"],
        &["config", "show"],
        &["man"],
        &["usr"],
    ];
    for arguments in commands {
        let output = run(dir.path(), arguments);
        assert!(![output.stdout, output.stderr].concat().contains(&0x1b), "{arguments:?}");
    }
}
