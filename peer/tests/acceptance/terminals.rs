//! Several terminals of one user (acceptance line 6): the passcode alone is enough, and a call reaches all of them.

use common::testkit::Example;

use crate::harness::{Piped, Stage, Terminal};

/// The twelve groups of a safety number, as they stand on three lines of the output.
fn safety_number(output: &str) -> Vec<String> {
    let groups = |line: &str| {
        let groups: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let digits = |group: &String| group.len() == 5 && group.bytes().all(|byte| byte.is_ascii_digit());
        if groups.len() == 4 && groups.iter().all(digits) { groups } else { Vec::new() }
    };
    output.lines().flat_map(groups).collect()
}

fn number_shown_by(peer: &mut Piped, with: &str) -> Vec<String> {
    peer.enters(&format!("/verify {with}"));
    peer.asks("Do the numbers match? Type yes or no: ");
    let number = safety_number(&peer.output());
    assert_eq!(number.len(), 12, "{}", peer.output());
    number
}

#[test]
fn a_second_terminal_with_only_id_and_passcode_has_the_same_safety_number() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let mut ali = stage.piped_of("ali");
    let mut terminals = [0, 1].map(|_| stage.piped_of("bianca"));
    let seen_by_ali = number_shown_by(&mut ali, "bianca");
    for terminal in &mut terminals {
        assert_eq!(number_shown_by(terminal, "ali"), seen_by_ali);
    }
    ali.enters("yes");
    ali.shows("-- bianca is verified.\n");
}

#[test]
fn a_call_reaches_both_terminals_and_the_first_to_accept_takes_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ask = "[peer]\naccept = \"ask\"\n";
    let ali = stage.terminal_of("ali");
    let [one, other] = [0, 1].map(|_| Terminal::start(&stage.seat_of("bianca").configured(ask)));
    one.logs_in();
    other.logs_in();
    ali.enters("bianca");
    for terminal in [&one, &other] {
        terminal.asks("Connection request from user ali. Accept? [Y/n]");
    }
    other.enters("y");
    other.shows("Connection received from user ali, type your messages");
    ali.shows("Connection established, type your messages");
    one.shows("-- ali gave up calling.");
    one.is_at_prompt();
    ali.enters("Hello, how are you today?");
    other.shows("Hello, how are you today?");
    other.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?");
    assert!(!one.lines().iter().any(|line| line.contains("Connection received")), "{:#?}", one.lines());
}

#[test]
fn a_call_that_is_declined_says_no_more_than_that() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let ali = stage.terminal_of("ali");
    let ask = "[peer]\naccept = \"ask\"\n";
    let bianca = Terminal::start(&stage.seat_of("bianca").configured(ask));
    bianca.logs_in();
    ali.enters("bianca");
    bianca.asks("Connection request from user ali. Accept? [Y/n]");
    bianca.enters("n");
    ali.shows("bianca did not accept the connection.");
    ali.is_at_prompt();
    bianca.is_at_prompt();
}

#[test]
fn who_is_known_may_call_and_nobody_else_where_only_contacts_are_taken() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let known = "[peer]\naccept = \"contacts\"\n";
    let bianca = Terminal::start(&stage.seat_of("bianca").configured(known));
    bianca.logs_in();
    let [mut ali, mut carol] = ["ali", "carol"].map(|user| stage.piped_of(user));
    ali.enters("bianca");
    ali.shows("bianca did not accept the connection.\n");
    // Bianca knows ali from now on.
    bianca.enters("ali");
    bianca.shows("Connection established, type your messages");
    bianca.ctrl_c();
    bianca.is_at_prompt();
    ali.asks("Connection ended\nEnter destination user ID: ");
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages");
    carol.enters("bianca");
    carol.shows("bianca did not accept the connection.\n");
    assert!(!bianca.lines().iter().any(|line| line.contains("carol")), "{:#?}", bianca.lines());
}
