//! `kill -9` at any moment (threat T6): what was promised holds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use common::ident::{TerminalId, UserId};
use common::limits::PEER_PORT;
use common::testkit::Example;
use common::testkit::client::{Client, Trouble};
use common::testkit::login::{Account, Stretch, is_registered};
use rustix::process::Signal;

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::stage::identity;
use crate::harness::{PASSCODE, Stage, Terminal};

/// How often the directory is killed.
const KILLS: usize = 100;
/// Registrations and logins under way at once.
const HANDS: u8 = 4;

fn numbered(number: usize) -> Account {
    Account {
        user: UserId::parse(&format!("user{number}")).unwrap(),
        passcode: PASSCODE.to_owned(),
        stretch: Stretch::Least,
        identity: identity(Example::Ali),
    }
}

#[test]
fn every_registration_that_was_answered_survives_a_hundred_kills_of_the_directory() {
    let mut stage = Stage::new();
    let promised = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let sources: Vec<_> = (0..HANDS).map(|_| fresh()).collect();
    for kill in 0..KILLS {
        let (answered, answers) = mpsc::channel();
        std::thread::scope(|scope| {
            for (hand, source) in (0..).zip(&sources) {
                let (answered, promised, next) = (answered.clone(), &promised, &next);
                let directory = stage.directory.address;
                scope.spawn(move || {
                    // Until the connection breaks, which it does when the directory is killed.
                    let work = || -> Result<(), Trouble> {
                        loop {
                            let number = next.fetch_add(1, Ordering::Relaxed);
                            let account = numbered(number);
                            let mut client = Client::connect((*source).into(), directory)?;
                            if is_registered(&client.register(&account, None)?) {
                                promised.lock().unwrap_or_else(PoisonError::into_inner).push(number);
                                // The main thread may have stopped counting.
                                let _ = answered.send(());
                            }
                            client.log_in(&account, TerminalId([hand; 16]), PEER_PORT)?;
                        }
                    };
                    let broken = work();
                    assert!(matches!(broken, Err(Trouble::Link(_) | Trouble::Closed)), "{broken:?}");
                });
            }
            drop(answered);
            // After a different number of answers each time, and with something under way in every hand.
            for _ in 0..=kill % 4 {
                answers.recv().unwrap();
            }
            stage.directory.kill();
        });
        stage.directory.start_again(Start::default());
    }
    let promised = promised.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(promised.len() >= KILLS);
    let lost: Vec<usize> = promised
        .into_iter()
        .filter(|number| {
            let mut client = stage.client(sources[0]);
            client.log_in(&numbered(*number), TerminalId([9; 16]), PEER_PORT).is_err()
        })
        .collect();
    assert!(lost.is_empty(), "registered, but cannot log in: {lost:?}");
}

#[test]
fn a_killed_peer_is_missed_at_once_and_can_come_back_at_once() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let seat = stage.seat_of("ali");
    let mut ali = Terminal::start(&seat);
    ali.logs_in();
    let bianca = stage.terminal_of("bianca");
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    ali.kill();
    bianca.shows("Connection ended");
    bianca.is_at_prompt();

    let ali = Terminal::start(&seat);
    ali.logs_in();
    bianca.enters("ali");
    bianca.shows("Connection established, type your messages");
    ali.shows("Connection received from user bianca, type your messages");
}

#[test]
fn a_text_to_a_program_that_hangs_is_told_as_not_confirmed_and_arrives_when_it_goes_on() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let [ali, bianca] = stage.conversation();
    bianca.signal(Signal::STOP);
    ali.enters("are you still there?");
    ali.shows("-- bianca has not confirmed your last message yet.");
    bianca.signal(Signal::CONT);
    bianca.shows("are you still there?");
}
