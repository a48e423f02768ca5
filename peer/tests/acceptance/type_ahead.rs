//! What was typed before a question of security could be seen never answers it.
//!
//! The verify question and the changed key are in `changed_key`; the trust question of the line terminal needs a
//! directory on another machine, so the dialogue's own tests show that it takes no type-ahead.

use std::net::TcpListener;

use common::limits::DIRECTORY_PORT;
use rustix::process::Signal;

use crate::harness::address::fresh;
use crate::harness::proxy::Proxy;
use crate::harness::{Stage, Terminal};

#[test]
fn type_ahead_never_answers_whether_to_trust_a_directory() {
    let stage = Stage::new();
    // Whoever is on the way to the directory lets nobody pass until the answer has been typed.
    let gate = TcpListener::bind((fresh(), DIRECTORY_PORT)).unwrap();
    let at = gate.local_addr().unwrap();
    let mut ali = Terminal::start(&stage.seat().with(&["trust-server", &at.to_string()]));
    let waiting = crate::harness::accept(&gate);
    ali.types("yes\n");
    ali.shows("yes");
    Proxy::pass_on(waiting, fresh(), stage.directory.address);
    ali.asks("Compare it with the one your administrator gave you. Continue? Type yes or no:");
    // Half a word is no answer, and neither is none.
    for (times, unclear) in (2..).zip(["", "y", "maybe"]) {
        ali.types(&format!("{unclear}\n"));
        ali.until("the question once more", |lines| lines.concat().matches("Type yes or no:").count() == times);
    }
    ali.types("no\n");
    assert_eq!(ali.exit_code(), 7);
    ali.shows("Nothing was changed.");
}

#[test]
fn the_terminal_is_given_back_when_a_question_is_left_by_ctrl_c() {
    let stage = Stage::new();
    let mut ali = Terminal::start(&stage.seat().with(&["trust-server", &stage.directory.address.to_string()]));
    ali.asks("Compare it with the one your administrator gave you. Continue? Type yes or no:");
    ali.signal(Signal::INT);
    assert_eq!(ali.exit_code(), 130);
    assert_eq!(ali.modes(), ali.modes_before());
}
