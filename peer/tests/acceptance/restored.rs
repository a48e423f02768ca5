//! A directory that is restored from a backup, or has dropped what it had stored (decision D32): terminals notice, say what
//! is undone, and nothing is lost in silence.

use std::path::Path;
use std::process::Command;

use common::testkit::Example;

use crate::harness::directory::Start;
use crate::harness::stage::Seat;
use crate::harness::{PASSCODE, Piped, Stage, Terminal};
use crate::old_copy::logs_out;

/// Puts the directory back to the backup, as an administrator does after a loss.
fn restore(stage: &mut Stage, backup: &str) {
    stage.directory.kill();
    std::fs::remove_dir_all(stage.directory.folder()).unwrap();
    stage.directory.administrator(&["restore", backup]);
    stage.directory.start_again(Start::default());
}

#[test]
fn a_restored_backup_is_noticed_mail_is_sent_again_and_a_group_that_has_changed_is_told_as_lost() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let ali = stage.terminal_of("ali");
    let bianca = stage.terminal_of("bianca");
    ali.enters("/group create #team");
    ali.shows("created; you are its admin.");
    bianca.enters("/group join #team");
    ali.shows("-- bianca asks to join #team:");
    ali.enters("/group approve bianca #team");
    bianca.shows("-- You are now a member of #team (2 members).");
    ali.enters("/group create #quiet");
    ali.shows("Group #quiet created");
    let seat = stage.seat_of("carol");
    let carol = Terminal::start(&seat);
    carol.logs_in();
    carol.enters("send ali we have a room");
    ali.shows("-- carol: we have a room");

    let backup = stage.folder().join("backup.db").display().to_string();
    stage.directory.administrator(&["backup", &backup]);
    carol.enters("/group join #team");
    ali.shows("-- carol asks to join #team:");
    ali.enters("/group approve carol #team");
    carol.shows("-- You are now a member of #team (3 members).");
    logs_out(&carol);
    ali.enters("send carol kept by the directory only");
    ali.shows("1 message waits with the directory server.");

    restore(&mut stage, &backup);
    ali.shows("-- The directory server goes on from an older state (a backup was restored).");
    ali.shows(
        "-- #team: the last changes of its members are undone; it has to be founded anew by ali, its first admin.",
    );
    bianca.shows(
        "-- #team: the last changes of its members are undone; it has to be founded anew by ali, its first admin.",
    );
    // Who founded it anew is told what, and so is who was taken along.
    ali.shows(
        "-- #team: as its first admin you have founded it anew, because the directory server had forgotten changes of",
    );
    ali.shows("They were asked in and need not do anything.");
    ali.shows("-- #team: who comes and goes is decided by ali.");
    bianca.shows(
        "-- #team: as its first admin ali has founded it anew, because the directory server had forgotten changes of",
    );
    let carol = Terminal::start(&seat);
    carol.logs_in();
    carol.shows("kept by the directory only");
    // A group that has not changed goes on, and so do conversations.
    ali.enters("/group members #quiet");
    ali.shows("-- #quiet, 1 member: ali (admin)");
    carol.enters("send bianca still here");
    bianca.shows("-- carol: still here");
}

#[test]
fn what_waited_for_somebody_who_was_removed_has_failed_and_is_told() {
    let stage = Stage::of(&[Example::Ali, Example::Carol]);
    let seat = stage.seat_of("ali");
    let ali = Terminal::start(&seat);
    ali.logs_in();
    let carol = stage.terminal_of("carol");
    carol.enters("send ali we have a room");
    ali.shows("-- carol: we have a room");
    logs_out(&carol);
    ali.enters("send carol never taken");
    ali.shows("1 message waits with the directory server.");
    logs_out(&ali);
    stage.directory.administrator(&["user", "remove", "carol", "--yes"]);
    let ali = Terminal::start(&seat);
    ali.logs_in();
    ali.shows("-- Not delivered to carol: \"never taken\" (the terminal that it waited for was removed). /retry sends it again.");
    // It cannot be sent again: there is nobody of this name any more, which is told when the directory has said so.
    ali.shows("-- Not delivered: 1 message. No user carol.");
    ali.enters("/why carol");
    ali.shows("-- \"never taken\" was given up");
}

/// What a login says with this passcode and these lines behind it.
fn login(seat: &Seat, lines: &[&str]) -> (Option<i32>, String) {
    let mut ali = Piped::start(seat);
    lines.iter().for_each(|line| ali.enters(line));
    ali.ends_input();
    (ali.exit_code(), ali.output() + &ali.errors())
}

/// Ali, who has changed the passcode and logged in with the new one, at a directory of which `backup` was made before.
fn with_another_passcode(stage: &Stage, seat: &Seat, backup: &str) {
    stage.directory.administrator(&["backup", backup]);
    let mut ali = Piped::start(seat);
    ali.logs_in();
    ["/passwd", PASSCODE, NEW, NEW].iter().for_each(|line| ali.enters(line));
    ali.shows("-- Passcode changed.");
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    let (code, said) = login(seat, &[NEW]);
    assert_eq!(code, Some(0), "{said}");
}

const NEW: &str = "739164";

#[test]
fn an_older_vault_is_asked_about_where_a_backup_was_restored() {
    let mut stage = Stage::of(&[Example::Ali]);
    let (seat, backup) = (stage.seat_of("ali"), stage.folder().join("backup.db").display().to_string());
    with_another_passcode(&stage, &seat, &backup);
    restore(&mut stage, &backup);
    let (code, said) = login(&seat, &[PASSCODE, "no"]);
    assert_eq!(code, Some(4), "{said}");
    for told in
        ["It has your key in version 1; version 2 has been seen here", "-- yes: log in", "-- no: nothing is taken"]
    {
        assert!(said.contains(told), "{said}");
    }
    let script = stage.script_of("ali").keeping_state_in(&seat.data);
    let list = script.command().arg("list").output().unwrap();
    let errors = String::from_utf8_lossy(&list.stderr);
    assert_eq!(list.status.code(), Some(4), "{errors}");
    assert!(errors.contains("log in once with `peer`"), "{errors}");
    let (code, said) = login(&seat, &[PASSCODE, "yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Logged in."), "{said}");
    let (code, said) = login(&seat, &[PASSCODE]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("older"), "asked once: {said}");
}

#[test]
fn an_older_vault_of_a_directory_that_was_not_restored_is_refused() {
    let mut stage = Stage::of(&[Example::Ali]);
    let (seat, backup) = (stage.seat_of("ali"), stage.folder().join("backup.db").display().to_string());
    let (folder, copy) = (stage.directory.folder().to_owned(), stage.folder().join("copy"));
    stage.directory.kill();
    let copies = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    copies(&folder, &copy);
    stage.directory.start_again(Start::default());
    with_another_passcode(&stage, &seat, &backup);
    stage.directory.kill();
    std::fs::remove_dir_all(&folder).unwrap();
    copies(&copy, &folder);
    stage.directory.start_again(Start::default());
    let (code, said) = login(&seat, &[PASSCODE, "yes"]);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("older than the last one seen here") && !said.contains("Was a backup restored?"), "{said}");
}
