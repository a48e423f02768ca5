//! Callers who are not who they say they are (threats P1, P3): refused, told little, and never shown as connected.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, TcpListener};

use common::frame::PREFIX;
use common::ident::KeyDigest;
use common::limits::{MESSAGE_TEXT, PADDED_SIZES, PEER_PORT};
use common::msg::{ConnectRefusal, ConnectReq, ConnectStatus, Pong};
use common::testkit::Example;
use common::testkit::caller::Call;
use common::testkit::client::{Trouble, connect};

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::proxy::Proxy;
use crate::harness::stage::{Seat, id, identity};
use crate::harness::{Counterpart, Piped, Stage, Terminal};

/// Bianca waits at her prompt; ali is logged in at an address of his own.
struct Scene {
    stage: Stage,
    ali: Counterpart,
    bianca: Piped,
    seat: Seat,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::of(&[Example::Bianca]);
        let seat = stage.seat_of("bianca");
        let mut bianca = Piped::start(&seat);
        bianca.logs_in();
        Self { ali: Counterpart::ali(&stage), stage, bianca, seat }
    }

    /// An honest call of ali's.
    fn call(&self) -> Call<'_> {
        self.ali.call(self.seat.address())
    }

    /// The call is refused with the coarse reason, and bianca reads the precise one.
    #[track_caller]
    fn refuses(&self, call: &Call<'_>, request: ConnectReq, why: &str) {
        let line = format!("-- Refused a call from {} at {}: {why}.\n", request.initiator, call.source);
        let reply = call.connect().unwrap().ask_to_connect(request).unwrap();
        assert_eq!((reply.status, reply.reason), (ConnectStatus::Refused, Some(ConnectRefusal::Declined)));
        assert_eq!(reply.terminal, None);
        self.bianca.shows(&line);
    }

    /// Nobody has been shown as connected; an honest call still is.
    #[track_caller]
    fn still_takes_an_honest_call(&self) {
        assert!(!self.bianca.output().contains("Connection "), "{}", self.bianca.output());
        let mut caller = self.call().place().unwrap();
        self.bianca.shows_times("Connection received from user ali, type your messages\n", 1);
        caller.say("ali", "it is me").unwrap();
        self.bianca.shows("it is me\n");
    }
}

#[test]
fn a_caller_with_the_right_address_and_a_wrong_key_is_refused() {
    let scene = Scene::new();
    let carol = identity(Example::Carol);
    let call = Call { identity: &carol, ..scene.call() };
    scene.refuses(&call, call.request(), "the key is not the one the directory server has");
    scene.still_takes_an_honest_call();
}

#[test]
fn a_caller_with_the_right_key_and_a_wrong_address_is_refused() {
    let scene = Scene::new();
    let call = Call { source: IpAddr::V4(fresh()), ..scene.call() };
    scene.refuses(&call, call.request(), "the address is not the one the directory server has");
    scene.still_takes_an_honest_call();
}

#[test]
fn a_request_that_does_not_fit_its_connection_is_refused() {
    let scene = Scene::new();
    let call = scene.call();
    let elsewhere = "the call was meant for somebody else";
    scene.refuses(&call, ConnectReq { destination: id(Example::Carol), ..call.request() }, elsewhere);
    let other = identity(Example::Carol).public().digest();
    scene.refuses(&call, ConnectReq { destination_key: other, ..call.request() }, elsewhere);
    let ours = ConnectReq { initiator: id(Example::Bianca), ..call.request() };
    scene.refuses(&call, ours, elsewhere);
    let unproved = ConnectReq { initiator_key: KeyDigest([0; 32]), ..call.request() };
    scene.refuses(&call, unproved, "the key is not the one the directory server has");
    scene.still_takes_an_honest_call();
}

#[test]
fn a_request_replayed_by_somebody_else_is_refused() {
    let scene = Scene::new();
    let honest = scene.call().request();
    let carol = identity(Example::Carol);
    let call = Call { identity: &carol, ..scene.call() };
    scene.refuses(&call, honest, "the key is not the one the directory server has");
    scene.still_takes_an_honest_call();
}

#[test]
fn a_caller_who_has_logged_out_is_refused() {
    let mut scene = Scene::new();
    let session = std::mem::replace(&mut scene.ali.session, scene.stage.client(fresh()));
    session.log_out().unwrap();
    let call = scene.call();
    scene.refuses(&call, call.request(), "the directory server does not show that user as logged in");
    assert!(!scene.bianca.output().contains("Connection "));
}

/// Threat P7.
#[test]
fn what_a_terminal_sends_over_a_link_has_one_of_the_sizes_that_frames_have() {
    let mut scene = Scene::new();
    let mut caller = scene.call().place().unwrap();
    scene.bianca.shows("Connection received from user ali, type your messages\n");
    caller.say("ali", "it is me").unwrap();
    scene.bianca.shows("it is me\n");
    for text in ["yes", &"x".repeat(300), &"x".repeat(5_000), "/end"] {
        scene.bianca.enters(text);
    }
    let mut frames = 0;
    while let Ok(Some(frame)) = caller.receive() {
        let whole = PREFIX + frame.len();
        assert!(PADDED_SIZES.contains(&whole), "{whole} bytes: {}", String::from_utf8_lossy(&frame));
        frames += 1;
    }
    assert!(frames >= 5, "a receipt, three texts and a goodbye: {frames}");
}

#[test]
fn a_replayed_preface_or_a_replayed_call_gets_not_a_byte() {
    let scene = Scene::new();
    let preface = scene.call().preface().unwrap();
    drop(scene.call().connect_behind(&preface).unwrap());
    let again = scene.call().connect_behind(&preface);
    assert!(matches!(again, Err(Trouble::Link(_))), "{again:?}");

    // All the bytes of an honest call, once more.
    let middleman = Proxy::start((fresh(), PEER_PORT).into(), scene.ali.at, scene.seat.address());
    let mut caller = Call { to: middleman.address(), ..scene.call() }.place().unwrap();
    scene.bianca.shows("Connection received from user ali, type your messages\n");
    caller.close().unwrap();
    scene.bianca.shows("Connection ended\n");
    let mut replay = connect(IpAddr::V4(scene.ali.at), scene.seat.address()).unwrap();
    // The other end may close before it has taken everything.
    let _ = replay.write_all(&middleman.sent_by_client());
    let mut answer = Vec::new();
    let _ = replay.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    assert_eq!(scene.bianca.output().matches("Connection received").count(), 1);
}

#[test]
fn a_caller_who_is_accepted_but_never_takes_the_call_is_not_shown() {
    let scene = Scene::new();
    let call = scene.call();
    let reply = call.connect().unwrap().ask_to_connect(call.request()).unwrap();
    assert_eq!(reply.status, ConnectStatus::Accepted);
    scene.still_takes_an_honest_call();
}

#[test]
fn a_caller_who_floods_before_the_answer_is_cut_off_and_keeps_nobody_waiting() {
    let scene = Scene::new();
    // With a key and an address of its own: those of a caller who was refused are turned away for a while.
    let carol = identity(Example::Carol);
    let call = Call { identity: &carol, source: IpAddr::V4(fresh()), ..scene.call() };
    let mut flood = call.connect().unwrap();
    // Refused, so it has nothing to say; signs of life are the one thing it may send.
    flood.send_message(ConnectReq { initiator: id(Example::Carol), ..call.request() }).unwrap();
    let cut_off = (0..100_000).find(|_| flood.send_message(Pong {}).is_err());
    assert!(cut_off.is_some(), "the flood goes on");
    scene.still_takes_an_honest_call();
}

#[test]
fn a_conversation_partner_who_floods_is_slowed_down_to_what_can_be_shown() {
    let scene = Scene::new();
    let mut partner = scene.call().place().unwrap();
    scene.bianca.shows("Connection received from user ali, type your messages\n");
    let before = resident(&scene.bianca);
    let text = "x".repeat(MESSAGE_TEXT);
    // More than a terminal reads of one user in a minute; what it does not read waits in the network, which takes some
    // megabytes before whoever writes has to wait.
    for _ in 0..200 {
        partner.say("ali", &text).unwrap();
    }
    let grown = resident(&scene.bianca).saturating_sub(before);
    assert!(grown < 8_000, "3 MB of texts left {grown} KiB behind");
}

/// Memory of a program that is in use, in KiB.
fn resident(program: &Piped) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.child.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_call_between_ipv4_and_ipv6_is_relayed_and_nobody_is_told_of_one_that_was_refused() {
    let (_stage, [ali, bianca]) = of_two_families(Start::default());
    ali.enters("bianca");
    ali.shows("Connection established, type your messages");
    bianca.shows("Connection received from user ali, type your messages");
    assert!(!bianca.lines().join(" ").contains("Refused"));
}

/// Ali is logged in over IPv4, bianca over IPv6.
fn of_two_families(start: Start<'_>) -> (Stage, [Terminal; 2]) {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca]);
    // Free a moment ago; every test has ports of its own there.
    let six = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    stage.directory.kill();
    stage.directory.listens_too = Some(six);
    stage.directory.start_again(start);
    let ali = stage.terminal_of("ali");
    let seat = stage.seat_of("bianca").at_server(six).listening_at(six.ip());
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    (stage, [ali, bianca])
}

#[test]
fn a_call_between_ipv4_and_ipv6_is_told_as_the_rule_that_forbids_it_where_nothing_is_relayed() {
    let settings = [("RELAY__MODE", "off")];
    let (_stage, [ali, bianca]) = of_two_families(Start { settings: &settings, ..Start::default() });
    ali.enters("bianca");
    ali.shows("The terminal of bianca may not take the call: one of you is logged in over IPv4, the other over IPv6");
    ali.is_at_prompt();
    bianca.shows("-- Refused a call from ali at ::1: the address is not the one the directory server has.");
    assert!(!ali.lines().join(" ").contains("did not accept"));
}
