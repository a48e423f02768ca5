//! `peer doctor`: without a login it says what works, what does not, and what to do.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use common::limits::{DIRECTORY_PORT, PEER_PORT};
use common::testkit::Example;
use serde_json::Value;

use crate::harness::address::fresh;
use crate::harness::piped::runs;
use crate::harness::{Seat, Stage, Terminal};

/// The states of all checks, and what was found and advised.
fn examined(seat: &Seat) -> (Option<i32>, Vec<(String, String, String)>) {
    let (code, told, errors) = runs(seat, &["doctor", "--json"], "");
    assert_eq!(errors, "");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((told["ok"].as_bool(), told["exit"].as_i64()), (Some(code == Some(0)), code.map(i64::from)));
    let word = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let checks = told["checks"].as_array().unwrap();
    let checks = checks
        .iter()
        .map(|check| (word(check, "check"), word(check, "state"), word(check, "found") + " " + &word(check, "fix")));
    (code, checks.collect())
}

#[track_caller]
fn finds(seat: &Seat, code: i32, check: &str, state: &str, words: &str) {
    let (ended, checks) = examined(seat);
    let found = checks.iter().find(|(name, ..)| name == check);
    let (_, is, said) = found.unwrap_or_else(|| panic!("{check} is missing in {checks:#?}"));
    assert!(is == state && said.contains(words), "{is} {said:?}, not {state} {words:?}");
    assert_eq!(ended, Some(code), "{checks:#?}");
}

#[test]
fn where_all_is_well_nothing_is_complained_about() {
    let stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat();
    let (code, checks) = examined(&seat);
    let bad: Vec<_> = checks.iter().filter(|(_, state, _)| state != "ok").collect();
    assert!(bad.is_empty() && code == Some(0), "{bad:#?}");
    let names: Vec<&str> = checks.iter().map(|(name, ..)| name.as_str()).collect();
    let all =
        ["terminal", "characters", "colours", "configuration", "data", "clock", "directory", "server key", "port"];
    assert_eq!(names, all);
    let (code, told, _) = runs(&seat, &["doctor"], "");
    assert_eq!((code, told.lines().count()), (Some(0), all.len()));
    assert!(told.lines().all(|line| line.starts_with("ok    ")), "{told}");
    let wide = told.lines().find(|line| !line.contains(" data ") && line.chars().count() > 80);
    assert_eq!(wide, None, "a path may be long, other lines fit a terminal");
    assert!(told.contains(&format!("{PEER_PORT} on {} is free", seat.ip)), "{told}");
}

#[test]
fn what_does_not_work_has_its_exit_code_and_its_fix() {
    let mut stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat();
    finds(&seat.clone().set("LANG", "C"), 0, "characters", "warn", "export LANG=C.UTF-8");
    finds(&seat.clone().set("NO_COLOR", "1"), 0, "colours", "ok", "no");
    finds(&seat.clone().set("NO_COLOR", "1").with(&["--color", "always"]), 0, "colours", "ok", "yes");
    finds(&stage.seat().configured("[line]\nhistry = 5\n"), 11, "configuration", "fail", "Did you mean \"history\"?");
    let nowhere = seat.clone().keeping_state_in(std::path::Path::new("/dev/null/data"));
    finds(&nowhere, 10, "data", "fail", "Check its permissions");
    let full = stage.folder().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::create_dir(full.join("~doctor")).unwrap();
    finds(&seat.clone().keeping_state_in(&full), 10, "data", "fail", "or use another: --data-dir DIR");
    let open = stage.folder().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    finds(&seat.clone().keeping_state_in(&open), 0, "data", "warn", "chmod 700");
    let nobody = (fresh(), DIRECTORY_PORT).into();
    finds(&seat.clone().at_server(nobody), 3, "directory", "fail", "Start one with: directory-server serve");

    let taken = TcpListener::bind(seat.address()).unwrap();
    let words = format!("{PEER_PORT} on {} is taken by another program or peer; {} is used", seat.ip, PEER_PORT + 1);
    finds(&seat, 0, "port", "ok", &words);
    drop(taken);

    let terminal = Terminal::start(&seat.clone().with(&["--user", "ali"]));
    terminal.logs_in();
    finds(&seat, 0, "server key", "ok", "trusted since");
    stage.directory.kill();
    std::fs::remove_dir_all(stage.directory.folder()).unwrap();
    stage.directory.start_again(crate::harness::directory::Start::default());
    finds(&seat, 8, "server key", "fail", "peer trust-server");
}

#[test]
fn on_a_terminal_its_kind_and_size_are_told() {
    let stage = Stage::new();
    let mut good = Terminal::start_sized(&stage.seat().with(&["doctor"]), 80, 24);
    assert_eq!(good.exit_code(), 0);
    good.shows("ok    terminal       xterm-256color, 80x24");
    let mut small = Terminal::start_sized(&stage.seat().with(&["doctor"]), 80, 5);
    assert_eq!(small.exit_code(), 0);
    let mut dumb = Terminal::start(&stage.seat().with(&["doctor"]).set("TERM", "dumb"));
    assert_eq!(dumb.exit_code(), 0);
    dumb.shows("WARN  terminal       TERM is dumb: the cursor is not moved");
    dumb.shows("ok    colours        no");
}
