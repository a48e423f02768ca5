//! `/passwd` (threat L6): the passcode is changed, the key stays, and nobody is locked out in between.

use common::testkit::Example;

use crate::harness::directory::Start;
use crate::harness::stage::Seat;
use crate::harness::{PASSCODE, Piped, Stage};

const NEW: &str = "739164";

/// Ali, who has changed the passcode and logged out.
fn changed() -> (Stage, Seat) {
    let stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat_of("ali");
    let mut ali = Piped::start(&seat);
    ali.logs_in();
    ["/passwd", PASSCODE, NEW, NEW].iter().for_each(|line| ali.enters(line));
    ali.shows("-- Passcode changed.");
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    assert!(!(ali.output() + &ali.errors()).contains(NEW));
    (stage, seat)
}

/// What is said to a login with this passcode, followed by nothing.
fn login(seat: &Seat, passcode: &str) -> (Option<i32>, String) {
    let mut ali = Piped::start(seat);
    ali.enters(passcode);
    ali.ends_input();
    (ali.exit_code(), ali.output())
}

#[test]
fn a_new_passcode_logs_in_and_the_old_one_does_not_any_more() {
    let (_stage, seat) = changed();
    let (code, said) = login(&seat, NEW);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("changed"), "{said}");
    let (code, said) = login(&seat, PASSCODE);
    assert_eq!(code, Some(4), "{said}");
}

#[test]
fn until_the_new_one_was_used_the_old_one_still_opens_at_this_terminal_and_says_so() {
    let (_stage, seat) = changed();
    let (code, said) = login(&seat, PASSCODE);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("-- Your passcode was changed, and this was the one from before."), "{said}");
    let (code, said) = login(&seat, NEW);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn another_terminal_takes_the_new_one_only() {
    let (stage, _seat) = changed();
    let elsewhere = stage.seat_of("ali");
    let (code, said) = login(&elsewhere, PASSCODE);
    assert_eq!(code, Some(4), "{said}");
    let (code, said) = login(&elsewhere, NEW);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_session_that_changed_the_passcode_comes_back_with_it() {
    let mut stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat_of("ali");
    let mut ali = Piped::start(&seat);
    ali.logs_in();
    for (old, new) in [(PASSCODE, NEW), (NEW, "850275")] {
        ["/passwd", old, new, new].iter().for_each(|line| ali.enters(line));
    }
    ali.shows_times("-- Passcode changed.", 2);
    stage.directory.kill();
    stage.directory.start_again(Start::default());
    ali.shows("Directory server is back.");
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    let (code, said) = login(&seat, "850275");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(login(&seat, PASSCODE).0, Some(4), "the session's login was the first with the new one");
}

#[test]
fn a_wrong_present_passcode_is_said_counted_and_changes_nothing() {
    let stage = Stage::of(&[Example::Ali]);
    let seat = stage.seat_of("ali");
    let mut ali = Piped::start(&seat);
    ali.logs_in();
    for left in ["3 tries left.", "2 tries left."] {
        ["/passwd", "111111"].iter().for_each(|line| ali.enters(line));
        ali.shows(&format!("-- That is not your passcode. Nothing was changed; /passwd tries again. {left}"));
    }
    ali.enters("logout");
    assert_eq!(ali.exit_code(), Some(0));
    assert_eq!(login(&seat, PASSCODE).0, Some(0));
}

#[test]
fn a_change_logs_the_other_terminals_out_and_an_older_one_changes_it_back() {
    let stage = Stage::of(&[Example::Ali]);
    let (older, younger) = (stage.seat_of("ali"), stage.seat_of("ali"));
    let mut owner = Piped::start(&older);
    owner.logs_in();
    let mut thief = Piped::start(&younger);
    thief.logs_in();
    ["/passwd", PASSCODE, NEW, NEW].iter().for_each(|line| thief.enters(line));
    thief.shows("-- Passcode changed.");
    owner.shows("-- Logged out: your passcode was changed at another terminal.");
    assert_eq!(owner.exit_code(), Some(4));
    let mut owner = Piped::start(&older);
    owner.enters(PASSCODE);
    owner.shows("-- Your passcode was changed, and this was the one from before.");
    ["/passwd", PASSCODE, "850275", "850275"].iter().for_each(|line| owner.enters(line));
    owner.shows("-- Passcode changed.");
    thief.shows("-- Logged out: your passcode was changed at another terminal.");
    assert_eq!(login(&younger, NEW).0, Some(4));
}
