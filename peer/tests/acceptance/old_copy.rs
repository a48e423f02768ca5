//! A state directory that is put back as it was before (threat G5): the terminal notices, says so, and becomes another one,
//! which conversations and groups take in again.

use std::path::Path;
use std::process::Command;

use common::testkit::Example;

use crate::harness::stage::Seat;
use crate::harness::{Stage, Terminal};

/// Copies a folder as it is.
pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// Logs out and waits for the answer.
pub(crate) fn logs_out(terminal: &Terminal) {
    terminal.enters("logout");
    terminal.shows("Logged out.");
}

fn goes_back_to(seat: &Seat, copied: &Path) {
    std::fs::remove_dir_all(&seat.data).unwrap();
    copy(copied, &seat.data);
}

#[test]
fn a_terminal_whose_state_is_an_old_copy_says_so_and_is_taken_in_again() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seat = stage.seat_of("bianca");
    let ali = stage.terminal_of("ali");
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    ali.enters("/group create #team");
    ali.shows("created; you are its admin.");
    bianca.enters("/group join #team");
    ali.shows("-- bianca asks to join #team:");
    ali.enters("/group approve bianca #team");
    bianca.shows("-- You are now a member of #team (2 members).");
    ali.enters("send bianca first of all");
    bianca.shows("-- ali: first of all");
    logs_out(&bianca);
    let copied = stage.folder().join("copy");
    copy(&seat.data, &copied);

    // The state goes on, and uses keys that the copy still has.
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    bianca.enters("#team");
    bianca.shows("-- You are writing to #team, 2 members.");
    bianca.enters("a text behind the copy");
    ali.shows("-- #team bianca: a text behind the copy");
    ali.enters("send bianca second of all");
    bianca.shows("second of all");
    bianca.ctrl_c();
    bianca.is_at_prompt();
    logs_out(&bianca);
    ali.enters("send bianca sent while she was away");

    goes_back_to(&seat, &copied);
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    bianca.shows("-- This machine's state was an old copy, so it goes on as a new terminal.");
    // What waited for the terminal that is gone comes to the new one, and both can talk again, here and in the group.
    bianca.shows("sent while she was away");
    bianca.shows("-- You are now a member of #team (2 members).");
    assert!(!bianca.lines().iter().any(|line| line.contains("Lost the directory server")));
    bianca.enters("#team back again");
    ali.shows("-- #team bianca: back again");
    ali.enters("#team welcome back");
    bianca.shows("-- #team ali: welcome back");
    bianca.enters("send ali this too");
    ali.shows("bianca: this too");
    bianca.enters("/find first");
    bianca.shows("ali: first of all");
    ali.enters("/group members #team");
    ali.shows("-- #team, 2 members: ali (admin), bianca");

    // Once only: the new terminal is a terminal like any other.
    logs_out(&bianca);
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    ali.enters("#team and again");
    bianca.shows("#team ali: and again");
    assert!(!bianca.lines().iter().any(|line| line.contains("old copy")));
}
