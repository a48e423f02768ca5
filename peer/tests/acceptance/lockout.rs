//! Guessing passcodes (threat L1): counted, refused, remembered, and no weapon against the owner.

use std::sync::Barrier;

use common::ident::TerminalId;
use common::msg::{AuthRefusal, AuthStatus};
use common::testkit::Example;
use common::testkit::client::Client;
use common::testkit::login::Stretch;

use crate::harness::directory::Start;
use crate::harness::stage::{account, id};
use crate::harness::{PASSCODE, address::fresh};
use crate::harness::{Piped, Stage};

/// Attempts without a finish …
const ATTEMPTS: usize = 1000;
/// … of which this number at the same moment, fewer than the directory begins to drop at random.
const AT_ONCE: usize = 200;

#[test]
fn of_a_thousand_attempts_without_a_finish_four_are_answered() {
    let stage = Stage::new();
    stage.register(&account(Example::Ali, Stretch::Least));
    let directory = stage.directory.address;
    let mut challenged = 0;
    for _ in 0..ATTEMPTS / AT_ONCE {
        let connected = Barrier::new(AT_ONCE);
        challenged += std::thread::scope(|scope| {
            let attempts: Vec<_> = (0..AT_ONCE)
                .map(|_| {
                    let connected = &connected;
                    let source = fresh().into();
                    scope.spawn(move || {
                        let client = Client::connect(source, directory);
                        connected.wait();
                        let terminal = TerminalId(common::crypto::random().unwrap());
                        match client.unwrap().begin_login(&id(Example::Ali), "000000", terminal, None).unwrap() {
                            Ok(_) => 1,
                            Err(reply) => {
                                assert_eq!(
                                    (reply.status, reply.reason),
                                    (AuthStatus::Refused, Some(AuthRefusal::Locked))
                                );
                                0
                            }
                        }
                    })
                })
                .collect();
            attempts.into_iter().map(|attempt| attempt.join().unwrap()).sum::<i32>()
        });
    }
    assert_eq!(challenged, 4);
}

#[test]
fn the_fifth_attempt_is_refused_except_where_the_user_has_logged_in_before() {
    let mut stage = Stage::of(&[Example::Ali]);
    let home = stage.seat_of("ali");
    let mut owner = Piped::start(&home);
    owner.logs_in();
    owner.enters("logout");
    assert_eq!(owner.exit_code(), Some(0));

    let elsewhere = stage.seat_of("ali");
    let mut guesser = Piped::start(&elsewhere);
    for left in ["Not accepted, 3 tries left.", "Not accepted, 2 tries left.", "Not accepted, 1 try left."] {
        guesser.enters("000000");
        guesser.shows(left);
    }
    guesser.enters("000000");
    guesser.shows("Too many wrong passcodes. ali is locked for 5 min; an administrator can unlock it: directory-server user unlock ali");
    guesser.ends_input();
    assert_eq!(guesser.exit_code(), Some(4));

    let refused = |seat: &crate::harness::stage::Seat| {
        let mut peer = Piped::start(seat);
        peer.enters(PASSCODE);
        peer.shows("Too many wrong passcodes. ali is locked for 5 min; an administrator can unlock it: directory-server user unlock ali");
        peer.ends_input();
        assert_eq!(peer.exit_code(), Some(4));
    };
    refused(&elsewhere);
    refused(&stage.seat_of("ali"));

    stage.directory.kill();
    stage.directory.start_again(Start::default());
    refused(&elsewhere);
    let mut owner = Piped::start(&home);
    owner.logs_in();
    owner.enters("logout");
    assert_eq!(owner.exit_code(), Some(0));

    stage.directory.kill();
    // A clock that was set ahead meanwhile ends no lock: that it is over, nobody has seen.
    stage.directory.start_again(Start { clock_offset: 301, ..Start::default() });
    refused(&elsewhere);
}
