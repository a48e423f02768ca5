//! The session that must always work, word for word, on both sides: log in, call, chat, end, and the prompt again.

use common::ident::TerminalId;
use common::testkit::Example;
use common::testkit::login::Stretch;

use rustix::process::Signal;

use crate::harness::address::fresh;
use crate::harness::stage::{account, id};
use crate::harness::{PASSCODE, Piped, Stage, Terminal};

/// What stands on the caller's screen in the end.
const ALI: &[&str] = &[
    "Login: ali",
    "Enter passcode on keypad. Logged in.",
    "Enter destination user ID: bianca",
    "Connection established, type your messages",
    "Hello, how are you today?",
    "I am fine, how about you?",
    "CTRL-C connection ended",
    "Enter destination user ID:",
];
/// What stands on the other screen.
const BIANCA: &[&str] = &[
    "Login: bianca",
    "Enter passcode on keypad. Logged in.",
    "Enter destination user ID:",
    "Connection received from user ali, type your messages",
    "Hello, how are you today?",
    "I am fine, how about you?",
    "Connection ended",
    "Enter destination user ID:",
];

#[test]
fn two_people_talk_in_terminals_exactly_as_promised() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let seats = [stage.seat(), stage.seat()];
    let [ali, bianca] = [0, 1].map(|seat| Terminal::start(&seats[seat]));
    for (terminal, user) in [(&ali, "ali"), (&bianca, "bianca")] {
        terminal.asks("Login:");
        terminal.enters(user);
        terminal.logs_in();
    }
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?");
    ali.ctrl_c();
    bianca.shows("Connection ended");
    ali.is_at_prompt();
    bianca.is_at_prompt();
    ali.reads(ALI);
    bianca.reads(BIANCA);

    let mut carol = stage.client(fresh());
    carol.log_in(&account(Example::Carol, Stretch::Full), TerminalId([3; 16]), 65_000).unwrap();
    for (user, seat) in [Example::Ali, Example::Bianca].into_iter().zip(&seats) {
        let found = carol.lookup(&id(Example::Carol), &id(user)).unwrap();
        assert_eq!(found.addresses, [seat.address()], "both listen on port 65000 of their own address");
    }
}

#[test]
fn two_people_talk_over_pipes_exactly_as_promised() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [mut ali, mut bianca] = [stage.seat(), stage.seat()].map(|seat| Piped::start(&seat));
    for (peer, user) in [(&mut ali, "ali"), (&mut bianca, "bianca")] {
        peer.enters(user);
        peer.enters(PASSCODE);
        peer.asks("Enter destination user ID: ");
    }
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages\n");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?\n");
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?\n");
    ali.child.signal(Signal::INT);
    bianca.asks("Connection ended\nEnter destination user ID: ");
    ali.asks("CTRL-C connection ended\nEnter destination user ID: ");
    // A prompt ends in a space, where the next input would stand.
    assert_eq!(ali.output(), ALI.join("\n") + " ");
    assert_eq!(bianca.output().replace("ID: \n", "ID:\n"), BIANCA.join("\n") + " ");
    assert_eq!(ali.errors() + &bianca.errors(), "");
}

#[test]
fn the_same_two_programs_call_each_other_ten_times_in_turn() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    // Calls follow each other faster than a user presses CTRL-C twice by mistake.
    let impatient = "[line]\nctrl_c_grace = \"0s\"\n";
    let start = |user| Terminal::start(&stage.seat_of(user).configured(impatient));
    let (ali, bianca) = (start("ali"), start("bianca"));
    ali.logs_in();
    bianca.logs_in();
    for call in 1..=10usize {
        let (caller, callee, names) =
            if call % 2 == 1 { (&ali, &bianca, ["ali", "bianca"]) } else { (&bianca, &ali, ["bianca", "ali"]) };
        let [caller_id, callee_id] = names;
        caller.is_at_prompt();
        callee.is_at_prompt();
        caller.enters(callee_id);
        caller.shows_times("Connection established, type your messages", call.div_ceil(2));
        callee.shows_times(&format!("Connection received from user {caller_id}, type your messages"), call.div_ceil(2));
        caller.enters(&format!("This is call {call}"));
        callee.shows(&format!("This is call {call}"));
        callee.enters(&format!("And this the answer {call}"));
        caller.shows(&format!("And this the answer {call}"));
        // Either side may end it.
        let (ends, sees) = if call % 4 < 2 { (caller, callee) } else { (callee, caller) };
        ends.ctrl_c();
        ends.is_at_prompt();
        sees.is_at_prompt();
    }
    for terminal in [&ali, &bianca] {
        let lines = terminal.lines();
        let count = |what: &str| lines.iter().filter(|line| *line == what).count();
        assert_eq!(count("CTRL-C connection ended") + count("Connection ended"), 10, "{lines:#?}");
    }
}
