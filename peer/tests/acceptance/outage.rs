//! The directory comes and goes, and two people call each other at the same moment.

use common::testkit::Example;

use crate::harness::directory::Start;
use crate::harness::{Stage, Terminal};

#[test]
fn a_conversation_goes_on_without_the_directory_and_calls_work_again_with_it() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = stage.conversation();
    stage.directory.kill();
    for terminal in [&ali, &bianca] {
        terminal.shows("Lost the directory server; retrying in 1 s. Open conversations go on.");
    }
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?");
    ali.ctrl_c();
    ali.is_at_prompt();
    ali.enters("bianca");
    ali.shows("Cannot look up bianca: the directory server is out of reach. Try again when it is back.");
    ali.enters("list");
    ali.shows("-- Cannot ask who is online: the directory server is out of reach.");
    ali.is_at_prompt();

    stage.directory.start_again(Start::default());
    for terminal in [&ali, &bianca] {
        terminal.shows("Directory server is back.");
        terminal.is_at_prompt();
        assert_eq!(terminal.lines().iter().filter(|line| line.starts_with("Lost the directory")).count(), 1);
    }
    bianca.enters("ali");
    bianca.shows("Connection established, type your messages");
    ali.shows("Connection received from user bianca, type your messages");
    ali.enters("and again");
    bianca.shows("and again");
}

#[test]
fn of_two_calls_that_cross_one_conversation_comes() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let impatient = "[line]\nctrl_c_grace = \"0s\"\n";
    let start = |user| Terminal::start(&stage.seat_of(user).configured(impatient));
    let (ali, bianca) = (start("ali"), start("bianca"));
    ali.logs_in();
    bianca.logs_in();
    for round in 1..=10 {
        // Chance decides how the calls cross; every way must end in one conversation.
        ali.enters("bianca");
        bianca.enters("ali");
        for terminal in [&ali, &bianca] {
            terminal.shows_times(", type your messages", round);
        }
        ali.enters(&format!("from ali {round}"));
        bianca.enters(&format!("from bianca {round}"));
        bianca.shows(&format!("from ali {round}"));
        ali.shows(&format!("from bianca {round}"));
        ali.ctrl_c();
        ali.is_at_prompt();
        bianca.is_at_prompt();
    }
    for terminal in [&ali, &bianca] {
        let begun = terminal.lines().iter().filter(|line| line.ends_with(", type your messages")).count();
        assert_eq!(begun, 10, "{:#?}", terminal.lines());
    }
}
