//! A directory that is restored from a backup, or has dropped what it had stored (decision D32): terminals notice, say what
//! is undone, and nothing is lost in silence.

use common::testkit::Example;

use crate::harness::directory::Start;
use crate::harness::{Stage, Terminal};
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
    let carol = Terminal::start(&seat);
    carol.logs_in();
    carol.shows("kept by the directory only");
    // A group that has not changed goes on, and so do conversations.
    // Who founded it anew is told what, and so is who was taken along.
    ali.shows(
        "-- #team: as its first admin you have founded it anew, because the directory server had forgotten changes of",
    );
    ali.shows("They were asked in and need not do anything.");
    ali.shows("-- #team: who comes and goes is decided by ali.");
    bianca.shows(
        "-- #team: as its first admin ali has founded it anew, because the directory server had forgotten changes of",
    );
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
