//! The log file: what is in it, that it can be moved away, and `log`, which reads it.

mod support;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::testkit::Example;
use rustix::process::Signal;
use support::process::{Server, command, log_in, register, run};

/// A command that knows of a log file in its data directory, whose lines name users and networks.
fn logging(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = logging_by_default(data_dir, arguments);
    command.env("DIRSRV_LOG__USERS", "name").env("DIRSRV_LOG__ADDRESSES", "truncate");
    command
}

/// A command that knows of a log file in its data directory.
fn logging_by_default(data_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = command(data_dir, arguments);
    command.env("DIRSRV_LOG__FILE", data_dir.join("log"));
    command
}

fn wait_for(file: &Path, text: &str) {
    while !std::fs::read_to_string(file).unwrap_or_default().contains(text) {
        std::thread::yield_now();
    }
}

#[test]
fn a_log_file_is_private_and_goes_on_in_a_new_one_when_it_was_moved_away() {
    let dir = tempfile::tempdir().unwrap();
    // On the first run there is no data directory yet.
    let data = dir.path().join("data");
    let log = data.join("log");
    let server = Server::start_logging(logging(&data, &["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()));
    register(&server, Example::Ali);
    let _ali = log_in(&server, Example::Ali);
    wait_for(&log, "logged in");
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&log).unwrap();
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line.starts_with("{\"ts\":\"2") && entry["level"] == "info" && entry["event"].is_string(), "{line}");
    }
    let login = text.lines().find(|line| line.contains("logged in")).unwrap();
    assert!(login.ends_with(r#""event":"logged in","user":"ali","peer_ip":"127.0.0.0/24"}"#), "{login}");

    let moved = dir.path().join("log.1");
    std::fs::rename(&log, &moved).unwrap();
    server.signal(Signal::USR1);
    wait_for(&log, r#""event":"status: up "#);
    assert!(std::fs::read_to_string(&log).unwrap().contains(" 1 user, 1 online "));
    assert!(!std::fs::read_to_string(&moved).unwrap().contains("status"));
}

#[test]
fn by_default_no_line_names_a_user_or_an_address_and_those_about_one_user_are_found_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut serve = logging_by_default(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start_logging(serve.stderr(Stdio::null()));
    for example in [Example::Ali, Example::Bianca] {
        register(&server, example);
    }
    let _ali = log_in(&server, Example::Ali);
    wait_for(&log, "logged in");
    let text = std::fs::read_to_string(&log).unwrap();
    let about_users = text.lines().filter(|line| line.contains("\"user\":"));
    for line in about_users {
        assert!(!line.contains("ali") && !line.contains("bianca") && !line.contains("127.0.0"), "{line}");
    }
    let found = logging_by_default(dir.path(), &["log", "--user", "ali"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    assert_eq!(found.lines().count(), 2, "registered and logged in: {found}");
    assert!(found.lines().all(|line| line.contains(" · ~") && !line.contains(" from ")), "{found}");
}

#[test]
fn the_log_is_read_by_user_and_time_and_followed_into_the_next_file() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let refused = run(dir.path(), &["log"]);
    assert_eq!(refused.status.code(), Some(11));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("journalctl -u directory-server"));

    let server =
        Server::start_logging(logging(dir.path(), &["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()));
    let mut follow = logging(dir.path(), &["log", "-f", "--user", "ali"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut followed = BufReader::new(follow.stdout.take().unwrap()).lines().map(Result::unwrap);
    for example in [Example::Ali, Example::Bianca] {
        register(&server, example);
    }
    let _ali = log_in(&server, Example::Ali);
    assert!(followed.next().unwrap().ends_with(" registered · ali from 127.0.0.0/24"));
    assert!(followed.next().unwrap().ends_with(" logged in · ali from 127.0.0.0/24"));
    let read = |arguments: &[&str]| {
        let ended = logging(dir.path(), arguments).output().unwrap();
        assert!(ended.status.success());
        String::from_utf8(ended.stdout).unwrap()
    };
    assert_eq!(read(&["log", "--since", "1h", "--user", "bianca"]).lines().count(), 1);
    assert_eq!(read(&["log", "--since", "2999-01-01"]), "");
    assert!(read(&["log", "--json"]).lines().all(|line| line.starts_with('{')));
    assert!(read(&["log"]).contains(" ready · "));

    std::fs::rename(&log, dir.path().join("log.1")).unwrap();
    server.signal(Signal::USR1);
    wait_for(&log, "status");
    let _again = log_in(&server, Example::Ali);
    assert!(followed.next().unwrap().ends_with(" logged in · ali from 127.0.0.0/24"), "in the next file");
    follow.kill().unwrap();
    follow.wait().unwrap();
}

#[test]
fn times_are_kept_in_utc_and_shown_in_the_zone_of_who_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let line = |time: &str| format!(r#"{{"ts":"{time}","level":"info","event":"ready"}}"#) + "\n";
    let kept = line("2025-03-30T00:59:59.5Z") + &line("2025-03-30T01:00:00Z") + &line("2025-10-26T01:00:00Z");
    std::fs::write(dir.path().join("log"), &kept).unwrap();
    let read = |zone: &str, arguments: &[&str]| {
        let output = logging(dir.path(), arguments).env("TZ", zone).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // The rule itself, so that it needs no database of zones.
    let berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
    let local = "30 Mar 01:59:59 ready\n30 Mar 03:00:00 ready\n26 Oct 02:00:00 ready\n";
    assert_eq!(read(berlin, &["log"]), local);
    assert_eq!(read("UTC", &["log"]), "30 Mar 00:59:59 ready\n30 Mar 01:00:00 ready\n26 Oct 01:00:00 ready\n");
    assert_eq!(read(berlin, &["log", "--json"]), kept);
}

#[test]
fn text_and_whole_addresses_are_written_where_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut serve = logging(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("DIRSRV_LOG__FORMAT", "text").env("DIRSRV_LOG__ADDRESSES", "full").stderr(Stdio::null());
    let server = Server::start_logging(&mut serve);
    register(&server, Example::Ali);
    wait_for(&dir.path().join("log"), "registered user=ali peer_ip=\"127.0.0.1\"\n");
    drop(server);
    let nowhere = command(dir.path(), &["serve"]).env("DIRSRV_LOG__FILE", "/dev/null/log").output().unwrap();
    assert_eq!(nowhere.status.code(), Some(10));
}

#[test]
fn under_a_service_manager_each_line_begins_with_its_priority() {
    let dir = tempfile::tempdir().unwrap();
    let errors = dir.path().join("errors");
    let mut serve = command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    serve.env("JOURNAL_STREAM", "8:1").stderr(std::fs::File::create(&errors).unwrap());
    let server = Server::start_logging(&mut serve);
    register(&server, Example::Ali);
    wait_for(&errors, "registered");
    let text = std::fs::read_to_string(&errors).unwrap();
    assert!(text.lines().all(|line| line.starts_with("<6>{\"ts\":")), "{text}");
}
