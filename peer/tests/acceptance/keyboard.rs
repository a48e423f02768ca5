//! Typing while things happen: not a letter is lost, and none goes to somebody else.

use common::msg::PeerMessage;
use common::testkit::Example;

use crate::harness::{Counterpart, PASSCODE, Stage, Terminal};

/// What is typed, letter by letter, while a line arrives for each.
const TYPED: &str = "Grüße, 你好 und 🙂 bis später – all of it stays as it is";

#[test]
fn half_a_line_survives_a_call_that_comes_in() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = ["ali", "bianca"].map(|user| stage.terminal_of(user));
    bianca.types("car");
    bianca.holds("Enter destination user ID: car");
    ali.enters("bianca");
    bianca.shows("(your unfinished entry \"car\" is kept)");
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?");
    ali.types("half a mess");
    ali.holds("half a mess");
    bianca.ctrl_c();
    bianca.holds("Enter destination user ID: car");
    bianca.enters("ol");
    bianca.shows("No user carol.");
    bianca.reads(&[
        "Enter passcode on keypad. Logged in.",
        "Enter destination user ID: car",
        "Connection received from user ali, type your messages",
        "(your unfinished entry \"car\" is kept)",
        "I am fine, how about you?",
        "CTRL-C connection ended",
        "Enter destination user ID: carol",
        "No user carol. Type list to see everyone.",
        "Enter destination user ID:",
    ]);
    // What ali had typed for bianca neither leaves nor becomes a destination.
    ali.shows("Connection ended");
    ali.shows("(your unfinished entry \"half a mess\" is kept)");
    ali.is_at_prompt();
}

#[test]
fn what_is_typed_stays_intact_while_many_lines_arrive() {
    let stage = Stage::of(&[Example::Bianca]);
    let ali = Counterpart::ali(&stage);
    for columns in [20, 40, 80, 120] {
        let seat = stage.seat_of("bianca");
        let bianca = Terminal::start_wide(&seat, columns);
        bianca.shows("Enter passcode");
        bianca.enters(PASSCODE);
        bianca.shows("Logged in.");
        bianca.until("the prompt", |lines| lines.concat().ends_with("Enter destination user ID:"));
        let mut caller = ali.call(seat.address()).place().unwrap();
        bianca.shows("Connection received from user ali, type your messages");
        let mut said = Vec::new();
        for (number, letter) in TYPED.chars().enumerate() {
            said.push(format!("line {number} of many"));
            caller.say("ali", &said[number]).unwrap();
            bianca.types(&letter.to_string());
        }
        for line in &said {
            bianca.until(line, |lines| lines.contains(line));
        }
        bianca.enters("");
        let entered = loop {
            match caller.receive_message().unwrap() {
                PeerMessage::Chat(chat) => break chat.message,
                PeerMessage::Receipt(_) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(entered, TYPED, "{columns} columns");
        // Once arrived, every line stands where it was, in order, and nothing is left of the entry in between.
        let lines = bianca.lines();
        let first = lines.iter().position(|line| *line == said[0]).unwrap();
        assert_eq!(lines[first..][..said.len()], said, "{columns} columns");
    }
}

fn guarded_conversation(stage: &Stage) -> [Terminal; 2] {
    stage.conversation_at(["ali", "bianca"].map(|user| stage.seat_of(user).pastes_as_configured()))
}

#[test]
fn a_paste_of_several_lines_is_one_message() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = guarded_conversation(&stage);
    ali.types("\x1b[200~one\ntwo\nthree\x1b[201~");
    ali.shows("-- Paste of 3 lines: Enter sends it as one message, Esc discards it.");
    assert!(!bianca.lines().iter().any(|line| line.contains("one")));
    ali.enters("");
    bianca.until("one message", |lines| lines.ends_with(&["one".into(), "  two".into(), "  three".into()]));
}

#[test]
fn several_lines_at_once_are_a_paste_where_the_terminal_does_not_mark_one() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [mut ali, bianca] = guarded_conversation(&stage);
    ali.types("one\r/quit\rthree\r");
    ali.shows("-- Paste of 3 lines: Enter sends it as one message, Esc discards it.");
    assert!(!bianca.lines().iter().any(|line| line.contains("one")));
    ali.enters("");
    bianca.until("one message", |lines| lines.ends_with(&["one".into(), "  /quit".into(), "  three".into()]));
    // At a prompt, too, nothing of it is carried out; and one line with its end is typed.
    ali.ctrl_c();
    ali.is_at_prompt();
    ali.types("bianca\r/quit\r");
    ali.holds("Enter destination user ID: bianca /quit");
    ali.types("\x15");
    ali.is_at_prompt();
    ali.enters("/quit");
    assert_eq!(ali.exit_code(), 0);
}

#[test]
fn the_entry_survives_every_change_of_the_size_of_the_screen() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = Terminal::start_wide(&stage.seat_of("ali"), 120);
    let bianca = Terminal::start_wide(&stage.seat_of("bianca"), 120);
    ali.logs_in();
    bianca.logs_in();
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    let text = "a sentence that is rather too long for a narrow screen, and is typed on three of them";
    let third = text.len() / 3;
    for (columns, part) in [(120, &text[..third]), (40, &text[third..2 * third]), (20, &text[2 * third..])] {
        ali.resize(columns);
        ali.types(part);
    }
    ali.resize(120);
    ali.enters("");
    bianca.shows(text);
}

#[test]
fn a_key_pressed_while_the_screen_changes_its_size_counts_at_once() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = stage.terminal_of("ali");
    let mut typed = String::new();
    for (letter, columns) in ('a'..='z').zip([120, 80].into_iter().cycle()) {
        ali.resize(columns);
        ali.types(&letter.to_string());
        typed.push(letter);
        ali.holds(&format!("Enter destination user ID: {typed}"));
    }
}

#[test]
fn ctrl_c_closes_a_search_and_nothing_else_and_what_finds_nothing_enters_nothing() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = stage.conversation();
    for text in ["the first plan", "something else"] {
        ali.enters(text);
        bianca.shows(text);
    }
    ali.types("half a mess");
    ali.types("\x12");
    ali.types("\x7f".repeat("half a mess".len()).as_str());
    ali.types("plan");
    ali.holds("search \"plan\": the first plan");
    ali.types("q");
    ali.asks("search \"planq\" (nothing found):");
    ali.enters("");
    ali.types("z");
    ali.asks("search \"planqz\" (nothing found):");
    ali.ctrl_c();
    ali.holds("half a mess");
    ali.types("age");
    ali.enters("");
    bianca.shows("half a message");
    assert!(!bianca.lines().iter().any(|line| line == "Connection ended"));
}

#[test]
fn a_text_that_is_too_long_is_told_once_and_drawn_once_for_what_arrives_together() {
    let stage = Stage::of(&[Example::Ali]);
    let ali = stage.terminal_of("ali");
    let before = ali.bytes().len();
    ali.types(&"a".repeat(17_000));
    // The entry fills the screen, so that what was told above it may have left it again.
    ali.until_written(before, "Too long: 16385 of 16384 bytes.");
    ali.enters("");
    ali.until_written(before, "Too long: 17000 of 16384 bytes.");
    assert_eq!(String::from_utf8_lossy(&ali.bytes()).matches("Too long: ").count(), 2);
    // A screen for each letter would be 17,000 times up to 2,000 cells.
    let written = ali.bytes().len() - before;
    assert!(written < 4_000_000, "{written} bytes for 17,000 letters");
}
