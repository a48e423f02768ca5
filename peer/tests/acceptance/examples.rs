//! The examples that the manual points to, as they are: telling of a failure, echoing, answering commands in a group.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::testkit::Example;
use serde_json::json;

use crate::harness::stage::Seat;
use crate::harness::{Owned, PASSCODE, Stage};
use crate::json::Bot;

/// Whether a program that an example is written in or uses is there.
fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: {program}, which the example needs, is not installed");
    }
    there
}

/// An example, at whose `peer` a user is logged in by options.
struct Play {
    folder: PathBuf,
    passcode: PathBuf,
}

impl Play {
    fn set(stage: &Stage, seat: &Seat, user: &str) -> Self {
        let folder = stage.folder().join(format!("programs-of-{user}"));
        std::fs::create_dir(&folder).unwrap();
        let passcode = folder.join("passcode");
        std::fs::write(&passcode, PASSCODE).unwrap();
        std::fs::set_permissions(&passcode, std::fs::Permissions::from_mode(0o600)).unwrap();
        let quoted: Vec<String> = seat.arguments().iter().map(|argument| format!("'{argument}'")).collect();
        let peer = folder.join("peer");
        let text = format!("#!/bin/sh\nexec '{}' {} \"$@\"\n", env!("CARGO_BIN_EXE_peer"), quoted.join(" "));
        std::fs::write(&peer, text).unwrap();
        std::fs::set_permissions(&peer, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder, passcode }
    }

    fn command(&self, seat: &Seat, user: &str, example: &str, arguments: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/examples").join(example);
        let mut command = Command::new(script);
        let path = format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap());
        command.args(arguments).env_clear().envs(seat.environment());
        command.env("PATH", path).env("PEER_USER", user).env("PEER_PASSCODE_FILE", &self.passcode);
        command
    }
}

#[test]
fn whoever_is_named_is_told_when_a_command_fails_and_only_then() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (seat, mut ali) = (stage.seat(), Bot::logged_in(&stage.seat(), "ali"));
    let play = Play::set(&stage, &seat, "bianca");
    for example in ["notify-on-failure", "notify-on-failure.py"] {
        if example.ends_with(".py") && !is_there("python3") {
            continue;
        }
        let succeeds = play.command(&seat, "bianca", example, &["ali", "true"]).output().unwrap();
        assert!(succeeds.status.success(), "{succeeds:?}");
        let fails =
            play.command(&seat, "bianca", example, &["ali", "sh", "-c", "echo no disk; exit 3"]).output().unwrap();
        assert_eq!(fails.status.code(), Some(3), "{fails:?}");
        assert_eq!(String::from_utf8_lossy(&fails.stdout), "no disk\n");
        let told = ali.event("message")["text"].as_str().unwrap().to_owned();
        assert!(told.starts_with("sh -c echo no disk; exit 3 failed on ") && told.ends_with("no disk"), "{told}");
    }
}

#[test]
fn the_echo_of_few_lines_of_shell_answers_what_waited_and_what_comes() {
    if !is_there("jq") {
        return;
    }
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (seat, mut ali) = (stage.seat(), Bot::logged_in(&stage.seat(), "ali"));
    let play = Play::set(&stage, &seat, "bianca");
    ali.says("send", json!({"to": "bianca", "text": "Hello\nthere"}));
    let _echo = Owned(play.command(&seat, "bianca", "echo.sh", &[]).spawn().unwrap());
    assert_eq!(ali.event("message")["text"], "You said: Hello\nthere");
    ali.says("send", json!({"to": "bianca", "text": "And again"}));
    assert_eq!(ali.event("message")["text"], "You said: And again");
}

#[test]
fn a_bot_in_a_group_answers_its_commands_and_nothing_else() {
    for (example, needs, answer) in [
        ("group-bot.sh", "jq", "bot time, bot load, bot help"),
        ("group-bot.py", "python3", "bot time, bot members, bot help"),
    ] {
        if !is_there(needs) {
            continue;
        }
        let stage = Stage::of(&[Example::Ali, Example::Bianca]);
        let seat = stage.seat();
        let play = Play::set(&stage, &seat, "bianca");
        let mut ali = Bot::logged_in(&stage.seat(), "ali");
        let mut bianca = Bot::logged_in(&seat, "bianca");
        ali.says("group.create", json!({"group": "team"}));
        ali.hears(|line| line["id"] == "group.create");
        bianca.says("group.join", json!({"group": "team"}));
        ali.hears(|line| line["params"]["what"] == "request");
        ali.says("group.approve", json!({"group": "team", "user": "bianca"}));
        bianca.hears(|line| line["params"]["what"] == "joined");
        bianca.says("logout", json!({}));
        bianca.hears(|line| line["params"]["type"] == "bye");
        drop(bianca);
        let passcode = play.passcode.display().to_string();
        let arguments: &[&str] = if needs == "jq" { &[] } else { &["bianca", &passcode] };
        let _bot = Owned(play.command(&seat, "bianca", example, arguments).spawn().unwrap());
        ali.says("send", json!({"to": "#team", "text": "good morning"}));
        ali.says("send", json!({"to": "#team", "text": "bot help"}));
        assert_eq!(ali.event("message")["text"], answer, "{example}");
        if needs == "python3" {
            ali.says("send", json!({"to": "#team", "text": "bot members"}));
            let told = ali.event("message")["text"].as_str().unwrap().to_owned();
            assert!(told.contains("ali (admin)") && told.contains("bianca"), "{told}");
        }
    }
}
