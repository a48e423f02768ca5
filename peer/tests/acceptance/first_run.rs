//! The first run of two people on one machine: what they type, counted, and what they see.

use std::time::Instant;

use crate::harness::{PASSCODE, Stage, Terminal};

/// What three people type at their shells.
const COMMANDS: &[&str] = &["directory-server serve", "peer", "peer"];
/// Keys until the first message is on the other screen.
const KEYS: usize = 107;

/// Somebody who types, with a count of the keys.
struct Typist<'a> {
    terminal: &'a Terminal,
    keys: usize,
}

impl<'a> Typist<'a> {
    fn at(terminal: &'a Terminal) -> Self {
        Self { terminal, keys: 0 }
    }

    fn answers(&mut self, question: &str, line: &str) {
        self.terminal.asks(question);
        self.enters(line);
    }

    fn enters(&mut self, line: &str) {
        self.terminal.enters(line);
        self.keys += line.chars().count() + 1;
    }
}

#[test]
fn from_nothing_to_the_first_message_in_a_hundred_and_seven_keys() {
    let begin = Instant::now();
    let stage = Stage::new();
    let server = stage.directory.address;
    let seats = [stage.seat(), stage.seat()];
    let terminals = [0, 1].map(|number| Terminal::start(&seats[number]));
    let mut people = [0, 1].map(|number| Typist::at(&terminals[number]));
    for (person, user) in people.iter_mut().zip(["ali", "bianca"]) {
        person.answers("Login:", user);
        person.answers(&format!("No user {user} on {server}. Register {user} now? [Y/n]"), "");
        person.answers("New passcode, 6 digits or more:", PASSCODE);
        person.answers("Same passcode again:", PASSCODE);
    }
    let [ali, bianca] = &mut people;
    // Making a key takes bianca's machine as long as it takes.
    bianca.terminal.is_at_prompt();
    ali.answers("Enter destination user ID:", "bianca");
    ali.terminal.shows("Connection established, type your messages");
    ali.enters("Hello, how are you today?");
    bianca.terminal.shows("Hello, how are you today?");
    let commands: usize = COMMANDS.iter().map(|command| command.len() + 1).sum();
    assert_eq!(commands + ali.keys + bianca.keys, KEYS);
    // Machines differ and may be busy: the time is printed, not judged.
    eprintln!("the first run took the machine {:?}", begin.elapsed());
    for (terminal, user) in terminals.iter().zip(["ali", "bianca"]) {
        let question = format!("No user {user} on {server}. Register {user} now? [Y/n]");
        let registered = format!("Registered {user}.");
        let talk: &[&str] = match user {
            "ali" => &[
                "Enter destination user ID: bianca",
                "Connection established, type your messages",
                "Hello, how are you today?",
            ],
            _ => &[
                "Enter destination user ID:",
                "Connection received from user ali, type your messages",
                "Hello, how are you today?",
            ],
        };
        let login = format!("Login: {user}");
        let entrance = [
            &*login,
            &question,
            "New passcode, 6 digits or more:",
            "Same passcode again:",
            &registered,
            "Enter passcode on keypad. Logged in.",
        ];
        terminal.reads(&entrance.iter().chain(talk).copied().collect::<Vec<_>>());
    }
}
