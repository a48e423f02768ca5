//! Messages for somebody who is away (decisions D16, D17): each arrives once, in order, whatever is killed
//! meanwhile, and the sender knows what has become of them.

use common::testkit::Example;

use crate::harness::directory::Start;
use crate::harness::stage::Seat;
use crate::harness::{Piped, Stage, Terminal};

/// A terminal that has been there once, so that its key packages lie with the directory.
pub(crate) fn was_there(seat: &Seat) {
    let terminal = Terminal::start(seat);
    terminal.logs_in();
    terminal.enters("list");
    terminal.shows("ID        STATE                     KEY");
    terminal.enters("logout");
    terminal.shows("Logged out.");
}

/// Asks what has become of the messages to bianca until the answer is this one.
fn why_says(ali: &Terminal, answer: &str) {
    for asked in 1..200 {
        ali.enters("/why bianca");
        let asks = |lines: &[String]| lines.iter().filter(|line| line.contains("/why bianca")).count();
        ali.until("an answer", |lines| {
            let answered = lines.iter().rposition(|line| line.contains("/why bianca"));
            asks(lines) >= asked
                && answered.is_some_and(|place| lines[place + 1..].iter().any(|l| l.starts_with("-- \"")))
        });
        if ali.lines().iter().any(|line| line.contains(answer)) {
            return;
        }
    }
    panic!("never: {answer}");
}

/// The lines of a terminal that hold one of ali's numbered messages, as their numbers.
fn numbers(lines: &[String]) -> Vec<u32> {
    let number = |line: &String| line.split_once("message number ")?.1.trim().parse().ok();
    lines.iter().filter_map(number).collect()
}

#[test]
fn messages_to_somebody_away_arrive_at_the_next_login_and_the_sender_is_told() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = stage.seat_of("bianca");
    was_there(&bianca);
    let ali = stage.terminal_of("ali");
    ali.enters("bianca");
    ali.shows("-- bianca is offline. Messages wait here and go out when bianca is back. (CTRL-C leaves.)");
    for text in ["Here are the plans.", "The first page is what we should read."] {
        ali.enters(text);
        ali.shows(text);
    }
    why_says(&ali, "bianca gets it at the next login.");
    let bianca = Terminal::start(&bianca);
    bianca.logs_in();
    bianca.shows("-- 2 messages arrived while you were away:");
    bianca.shows("ali: Here are the plans.");
    bianca.shows("ali: The first page is what we should read.");
    ali.shows("-- Delivered to bianca: 2 waiting messages.");
    // Whoever writes to ali now is answered at once.
    bianca.enters("ali");
    ali.shows("Connection received from user bianca, type your messages");
    bianca.enters("Reading it now.");
    ali.shows("Reading it now.");
    bianca.enters("/history");
    bianca.until("the whole history", |lines| {
        let texts = ["ali: Here are the plans.", "ali: The first page is what", "Reading it now."];
        texts.iter().all(|text| lines.iter().any(|line| line.starts_with(char::is_numeric) && line.contains(text)))
    });
}

#[test]
fn the_outbox_survives_kills_of_the_sender_the_directory_and_the_receiver() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali_seat, bianca_seat] = ["ali", "bianca"].map(|user| stage.seat_of(user));
    was_there(&bianca_seat);
    let mut next = 0;
    for round in 0..4 {
        let mut ali = Terminal::start(&ali_seat);
        ali.logs_in();
        ali.enters("bianca");
        ali.shows("-- bianca is offline.");
        for _ in 0..5 {
            ali.enters(&format!("message number {next}"));
            ali.shows(&format!("message number {next}"));
            next += 1;
        }
        // Answered only when they are in the outbox.
        why_says(&ali, &format!("-- \"message number {}\"", next - 1));
        if round % 2 == 1 {
            stage.directory.kill();
            ali.shows("Lost the directory server");
            ali.enters(&format!("message number {next}"));
            next += 1;
            why_says(&ali, "The directory server is out of reach; it is tried again by itself.");
        }
        ali.kill();
        if round % 2 == 1 {
            stage.directory.start_again(Start::default());
        }
    }
    let ali = Terminal::start(&ali_seat);
    ali.logs_in();
    ali.shows("wait with the directory server.");
    let mut bianca = Terminal::start(&bianca_seat);
    bianca.logs_in();
    bianca.shows("message number 0");
    bianca.kill();
    // What was shown may have been kept or not; the history has each once, in order.
    let bianca = Terminal::start(&bianca_seat);
    bianca.logs_in();
    bianca.enters("/find message");
    bianca.until("each message once", |lines| {
        let found = lines.iter().position(|line| line.contains("with \"message\", newest first:"));
        let mut found = found.map(|place| numbers(&lines[place..])).unwrap_or_default();
        found.reverse();
        found == (0..next).collect::<Vec<_>>()
    });
    ali.shows("-- Delivered to bianca:");
}

#[test]
fn a_script_sends_to_somebody_away_and_leaves_when_it_is_stored() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seat = stage.seat_of("bianca");
    was_there(&seat);
    let mut ali = stage.piped_of("ali");
    ali.enters("send bianca from a script");
    ali.ends_input();
    assert_eq!(ali.exit_code(), Some(0));
    let mut bianca = Piped::start(&seat);
    bianca.logs_in();
    bianca.shows("ali: from a script");
}

#[test]
fn the_directory_holds_neither_texts_nor_names_of_groups() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seat = stage.seat_of("bianca");
    was_there(&seat);
    let ali = stage.terminal_of("ali");
    ali.enters("/group create #canarygroup");
    ali.shows("-- Group #canarygroup created; you are its admin.");
    ali.enters("send bianca canary-in-a-message");
    ali.enters("#canarygroup canary-in-a-group");
    why_says(&ali, "is kept by the directory server");
    for entry in std::fs::read_dir(stage.directory.folder()).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains("canary"), "{}", path.display());
    }
    assert!(!stage.directory.output().contains("canary"));
}
