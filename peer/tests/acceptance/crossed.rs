//! Two people call each other at the same moment (threat P5): one link goes on, and nothing is lost.

use std::io::Read as _;
use std::net::TcpListener;

use common::crypto::preface;
use common::limits::PEER_PORT;
use common::msg::{ConnectRefusal, ConnectStatus, Connected};
use common::testkit::Example;

use crate::harness::stage::identity;
use crate::harness::{Counterpart, Piped, Stage, Terminal, accept};

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

/// The moment is forced: the counterpart lets a call of the peer's wait while it places its own.
#[test]
fn of_two_crossing_calls_that_of_the_smaller_key_goes_on() {
    for (ours, theirs, names) in
        [(Example::Ali, Example::Bianca, ["ali", "bianca"]), (Example::Bianca, Example::Ali, ["bianca", "ali"])]
    {
        let [our_id, their_id] = names;
        let stage = Stage::of(&[theirs]);
        let counterpart = Counterpart::calling(&stage, ours, theirs);
        let listener = TcpListener::bind((counterpart.at, PEER_PORT)).unwrap();
        let seat = stage.seat_of(their_id);
        let mut peer = Piped::start(&seat);
        peer.logs_in();
        peer.enters(our_id);
        let mut waiting = accept(&listener);
        waiting.read_exact(&mut [0; preface::LENGTH]).unwrap();

        let call = counterpart.call(seat.address());
        let mut caller = call.connect().unwrap();
        let reply = caller.ask_to_connect(call.request()).unwrap();
        if identity(ours).public().digest() < identity(theirs).public().digest() {
            assert_eq!(reply.status, ConnectStatus::Accepted);
            caller.send_message(Connected {}).unwrap();
            peer.shows("Connection established, type your messages\n");
            caller.say(our_id, "over the link that goes on").unwrap();
            peer.shows("over the link that goes on\n");
            // The peer has hung up its own call.
            let _ = waiting.read_to_end(&mut Vec::new()).unwrap();
        } else {
            assert_eq!((reply.status, reply.reason), (ConnectStatus::Refused, Some(ConnectRefusal::Crossed)));
            waiting.set_nonblocking(true).unwrap();
            let mut rest = Vec::new();
            let open = waiting.read_to_end(&mut rest);
            assert_eq!(open.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "its own call goes on");
        }
        assert_eq!(peer.output().matches(", type your messages").count(), usize::from(reply.reason.is_none()));
    }
}
