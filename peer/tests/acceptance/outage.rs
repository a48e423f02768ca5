//! The directory comes and goes; conversations do not mind.

use common::testkit::Example;

use crate::harness::Stage;
use crate::harness::directory::Start;

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
    ali.shows("Cannot look up bianca: the directory server is out of reach. In ");
    ali.shows("bianca can be called without it; try again then.");
    ali.shows("-- A text waits here until it can go out: @bianca TEXT");
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
