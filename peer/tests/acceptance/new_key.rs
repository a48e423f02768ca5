//! `/passwd --new-key` (decision D47, threat L6): a new key takes the place of one's own, confirmed by the former one, and
//! nothing is lost by it.

use common::testkit::Example;

use crate::harness::stage::Seat;
use crate::harness::{PASSCODE, Piped, Stage, Terminal};

const NEW: &str = "739164";
const CONFIRMED: &str = "-- bianca has a new key, confirmed by the former one.";

/// Has a session make a new key.
fn makes_a_key(terminal: &mut Piped) {
    ["/passwd --new-key", PASSCODE, NEW, NEW].iter().for_each(|line| terminal.enters(line));
    terminal.shows("-- Making a new key.");
    terminal.shows("-- You have a new key, confirmed by the former one");
}

/// What is said to a login with this passcode, followed by nothing.
fn login(seat: &Seat, passcode: &str) -> (Option<i32>, String) {
    let mut piped = Piped::start(seat);
    piped.enters(passcode);
    piped.ends_input();
    (piped.exit_code(), piped.output())
}

fn logs_in_anew(seat: &Seat) -> Piped {
    let mut piped = Piped::start(seat);
    piped.enters(NEW);
    piped.shows("Logged in.");
    piped
}

/// Calls bianca, whose session may still be beginning again with the new key, and is asked about it the second time.
fn calls_and_is_asked(ali: &Terminal) {
    let is_back = |line: &String| line == "-- bianca is online.";
    let is_asked = |line: &&String| line.starts_with("Type verify, accept or block:");
    ali.enters("bianca");
    ali.until("the question, or that bianca is back", |lines| {
        lines.iter().any(is_back) || lines.iter().filter(is_asked).count() == 2
    });
    if ali.lines().iter().any(is_back) {
        ali.ctrl_c();
        ali.is_at_prompt();
        ali.enters("bianca");
    }
    ali.asks("Type verify, accept or block:");
}

#[test]
fn a_contact_takes_the_new_key_over_and_sends_nothing_before_agreeing() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut bianca = stage.piped_of("bianca");
    let ali = stage.terminal_of("ali");
    ali.enters("@bianca before");
    bianca.shows("ali: before");
    ali.enters("/verify bianca");
    ali.asks("Do the numbers match? Type yes or no:");
    ali.enters("yes");
    ali.shows("-- bianca is verified.");

    makes_a_key(&mut bianca);
    ali.shows(CONFIRMED);
    ali.asks("Type verify, accept or block:");
    ali.ctrl_c();
    ali.is_at_prompt();
    ali.enters("@bianca after");
    ali.shows("-- The key of bianca has changed; 1 message waits here until you choose.");
    assert!(!bianca.output().contains("ali: after"), "{}", bianca.output());
    ali.enters("list");
    ali.until("bianca, not verified", |lines| {
        lines.iter().any(|line| line.starts_with("bianca ") && line.ends_with("  changed"))
    });
    calls_and_is_asked(&ali);
    ali.enters("accept");
    ali.shows("-- The new key of bianca is used from now on, not verified.");
    bianca.shows("ali: after");
    // The call that raised the question is made now.
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    assert!(!ali.lines().iter().any(|line| line.contains("WARNING")), "{:#?}", ali.lines());
}

#[test]
fn a_contact_who_was_away_is_told_at_the_next_login() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seat = stage.seat_of("ali");
    let mut bianca = stage.piped_of("bianca");
    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    ali.enters("@bianca before");
    bianca.shows("ali: before");
    ali.enters("logout");
    assert_eq!(ali.exit_code(), 0);
    makes_a_key(&mut bianca);
    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    ali.shows(CONFIRMED);
    ali.asks("Type verify, accept or block:");
    ali.enters("accept");
    ali.shows("-- The new key of bianca is used from now on, not verified.");
    // What was decided is not asked again.
    ali.enters("logout");
    assert_eq!(ali.exit_code(), 0);
    let ali = Terminal::start(&seat);
    ali.logs_in();
    ali.enters("@bianca after");
    bianca.shows("ali: after");
    assert!(!ali.lines().iter().any(|line| line.contains("has a new key")), "{:#?}", ali.lines());
}

#[test]
fn the_other_terminal_takes_the_new_key_and_loses_nothing() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (older, younger) = (stage.seat_of("bianca"), stage.seat_of("bianca"));
    let mut first = Piped::start(&older);
    first.logs_in();
    let mut second = Piped::start(&younger);
    second.logs_in();
    let mut ali = stage.piped_of("ali");
    ali.enters("@bianca before");
    first.shows("ali: before");
    second.shows("ali: before");

    makes_a_key(&mut first);
    second.shows("-- Logged out: your passcode was changed at another terminal.");
    assert_eq!(second.exit_code(), Some(4));
    let (code, said) = login(&younger, PASSCODE);
    assert_eq!(code, Some(4), "{said}");
    let mut second = logs_in_anew(&younger);
    second.shows("-- You have a new key, made at another terminal and confirmed by the former one.");
    second.enters("@ali from the second");
    ali.shows("bianca: from the second");
    ali.shows(CONFIRMED);
    ["accept", "@bianca after"].iter().for_each(|line| ali.enters(line));
    first.shows("ali: after");
    second.shows("ali: after");
    second.enters("/find before");
    second.shows("ali: before");
}

#[test]
fn a_program_that_is_killed_in_between_goes_on_with_the_new_key_and_all_it_had() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seat = stage.seat_of("bianca");
    let mut bianca = Piped::start(&seat);
    bianca.logs_in();
    let mut ali = stage.piped_of("ali");
    ali.enters("@bianca before");
    bianca.shows("ali: before");
    ["/passwd --new-key", PASSCODE, NEW, NEW].iter().for_each(|line| bianca.enters(line));
    bianca.shows("-- You have a new key, confirmed by the former one");
    bianca.kill();
    assert_eq!(login(&seat, PASSCODE).0, Some(4), "the former key opens nothing");
    let mut bianca = logs_in_anew(&seat);
    bianca.enters("/find before");
    bianca.shows("ali: before");
    bianca.enters("@ali here again");
    ali.shows("bianca: here again");
    ali.shows(CONFIRMED);
}

#[test]
fn a_younger_terminal_makes_no_key() {
    let stage = Stage::of(&[Example::Ali]);
    let (older, younger) = (stage.seat_of("ali"), stage.seat_of("ali"));
    let mut owner = Piped::start(&older);
    owner.logs_in();
    let mut thief = Piped::start(&younger);
    thief.logs_in();
    ["/passwd --new-key", PASSCODE, NEW, NEW].iter().for_each(|line| thief.enters(line));
    thief.shows("-- Not changed: another terminal of yours has been there longer");
    owner.enters("logout");
    assert_eq!(owner.exit_code(), Some(0));
    assert_eq!(login(&older, PASSCODE).0, Some(0));
}
