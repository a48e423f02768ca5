//! The log: who was talked to and what went wrong, never what was said, and never on a terminal.

use std::os::unix::fs::PermissionsExt as _;

use common::testkit::Example;
use serde_json::Value;

use crate::harness::piped::runs;
use crate::harness::{PASSCODE, Piped, Stage, Terminal};

const SAID: &str = "Hello, how are you today?";

#[test]
fn the_log_tells_of_a_call_without_what_was_said() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let file = stage.folder().join("log");
    let told = file.display().to_string();
    let mut bianca = stage.piped_of("bianca");
    let mut ali = Piped::start(&stage.seat_of("ali").with(&["-vv", "--log-file", &told]));
    ali.logs_in();
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages\n");
    ali.enters(SAID);
    bianca.shows(SAID);
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?\n");
    ali.ends_input();
    assert_eq!((ali.exit_code(), ali.errors().as_str()), (Some(0), ""));
    let log = std::fs::read_to_string(&file).unwrap();
    for words in ["peer begins", "logged in user=ali", "connected with=bianca", "a message came directly", "logged out"]
    {
        assert!(log.contains(words), "{words:?} is missing in {log}");
    }
    for secret in [PASSCODE, SAID, "I am fine", "\u{1b}"] {
        assert!(!log.contains(secret), "{secret:?} is in {log}");
    }
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is its owner's alone");
}

#[test]
fn programs_read_the_log_as_json_and_less_is_logged_where_less_is_wanted() {
    let mut stage = Stage::of(&[Example::Ali]);
    let file = stage.folder().join("log");
    let seat = stage.seat_of("ali").configured("[log]\nformat = \"json\"\n").set("PEER_LOG", file.to_str().unwrap());
    let mut ali = Piped::start(&seat);
    ali.logs_in();
    stage.directory.kill();
    ali.shows("Lost the directory server; retrying in ");
    ali.ends_input();
    assert_eq!(ali.exit_code(), Some(0));
    let log = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["level"], &lines[0]["message"]), (&"WARN".into(), &"the directory was lost".into()), "{log}");
    assert!(lines.iter().all(|line| line["level"] != "INFO"), "{log}");
}

#[test]
fn no_log_is_written_to_a_terminal_or_where_none_can_be() {
    let stage = Stage::of(&[Example::Ali]);
    let mut ali = Terminal::start(&stage.seat_of("ali").with(&["--log-file", "/dev/tty"]));
    assert_eq!(ali.exit_code(), 2);
    ali.shows("/dev/tty is a terminal, where a log would disturb the texts.");
    let (code, output, errors) = runs(&stage.seat(), &["doctor", "--log-file", "/dev/null/log"], "");
    assert_eq!((code, output.as_str()), (Some(10), ""), "{errors}");
    assert!(errors.contains("Choose another: --log-file FILE"), "{errors}");
}
