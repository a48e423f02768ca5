//! Calls while the directory is out of reach (decision D27): contacts reach each other, nobody else gets in, and nothing is lost
//! or doubled when it is back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use common::ident::{KeyDigest, TerminalId};
use common::limits::PEER_PORT;
use common::msg::{ConnectRefusal, ConnectReq, ConnectStatus, Features, Record};
use common::testkit::Example;
use common::testkit::caller::Call;
use common::testkit::client::Client;
use common::testkit::login::Stretch;

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::later::Later;
use crate::harness::stage::{Seat, account, id, identity};
use crate::harness::{Stage, Terminal};
use crate::old_copy::logs_out;

const ESTABLISHED: &str = "Connection established, type your messages";

fn received(from: &str) -> String {
    format!("Connection received from user {from}, type your messages")
}

fn vouched(with: &str) -> String {
    format!("-- The directory is out of reach; {with} was vouched for at ")
}

fn seat(stage: &Stage, later: &Later, user: &str) -> Seat {
    later.environment().iter().fold(stage.seat_of(user), |seat, (name, value)| seat.set(name, value))
}

/// One calls another, who is at the prompt; both say something, and the caller ends it.
#[track_caller]
fn talk((caller, from): (&Terminal, &str), (callee, to): (&Terminal, &str), texts: [&str; 2]) {
    let count = |terminal: &Terminal, text: &str| terminal.lines().iter().filter(|line| line.contains(text)).count();
    let (established, taken) = (count(caller, ESTABLISHED), count(callee, &received(from)));
    caller.enters(to);
    caller.shows_times(ESTABLISHED, established + 1);
    callee.shows_times(&received(from), taken + 1);
    caller.enters(texts[0]);
    callee.shows(texts[0]);
    callee.enters(texts[1]);
    caller.shows(texts[1]);
    // CTRL-C within a second of the last one would be taken for the same.
    caller.enters("/end");
    caller.is_at_prompt();
    callee.is_at_prompt();
}

#[test]
fn contacts_call_each_other_while_the_directory_is_down_and_nothing_is_lost_when_it_is_back() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
    let Some(later) = Later::below(stage.folder()) else { return };
    let seats = ["ali", "bianca", "carol"].map(|user| seat(&stage, &later, user));
    let [ali, bianca, carol] = seats.each_ref().map(Terminal::start);
    [&ali, &bianca, &carol].into_iter().for_each(Terminal::logs_in);
    let (a, b, c) = ((&ali, "ali"), (&bianca, "bianca"), (&carol, "carol"));
    for (number, (caller, callee)) in [(a, b), (b, a), (b, c), (c, b)].into_iter().enumerate() {
        talk(caller, callee, [format!("there {number}"), format!("back {number}")].each_ref().map(String::as_str));
    }
    // What is known of bianca is kept.
    logs_out(&ali);
    let ali = Terminal::start(&seats[0]);
    ali.logs_in();
    let a = (&ali, "ali");
    stage.directory.kill();
    for terminal in [&ali, &bianca, &carol] {
        terminal.shows("Lost the directory server; retrying in 1 s. Open conversations go on.");
    }
    ali.enters("bianca");
    ali.shows("can be called without it; try again then.");
    ali.is_at_prompt();

    later.set(40);
    for (number, (caller, callee)) in [(a, b), (b, a), (b, c), (c, b)].into_iter().enumerate() {
        let texts = [format!("unaided {number}"), format!("as well {number}")];
        talk(caller, callee, texts.each_ref().map(String::as_str));
        caller.0.shows(&vouched(callee.1));
        callee.0.shows(&vouched(caller.1));
    }
    // They have never met.
    ali.enters("carol");
    ali.shows("Cannot look up carol: the directory server is out of reach. Try again when it is back.");
    ali.is_at_prompt();
    // A conversation that goes on until the directory is back.
    ali.enters("bianca");
    ali.shows_times(ESTABLISHED, 2);
    bianca.shows_times(&received("ali"), 3);
    ali.enters("before it is back");
    bianca.shows("before it is back");

    stage.directory.start_again(Start::default());
    for terminal in [&ali, &bianca, &carol] {
        terminal.shows("Directory server is back.");
    }
    bianca.enters("after it is back");
    ali.shows("after it is back");
    ali.enters("/end");
    ali.is_at_prompt();
    bianca.is_at_prompt();
    bianca.enters("/history ali 100");
    for text in ["unaided 0", "as well 0", "unaided 1", "as well 1", "before it is back", "after it is back"] {
        bianca.shows_times(text, 2);
    }
    talk(a, b, ["aided", "at last"]);
    for text in ["unaided 0", "as well 0", "unaided 1", "as well 1", "before it is back", "after it is back"] {
        let shown = bianca.lines().iter().filter(|line| line.contains(text)).count();
        assert_eq!(shown, 2, "{text:?} was said and stands in the history, once each");
    }
    // The receipt may come by mail, behind the end of the conversation.
    let is_there = |terminal: &Terminal| terminal.lines().iter().any(|line| line.contains("Nothing is missing."));
    for asked in 1.. {
        ali.enters("/why bianca");
        ali.shows_times("-- \"aided\" ", asked);
        if is_there(&ali) {
            break;
        }
        assert!(asked < 1000, "{:#?}", ali.lines());
    }
    let notices = ali.lines().iter().filter(|line| line.contains(&vouched("bianca"))).count();
    assert_eq!(notices, 3, "of calls that were made without it");
}

#[test]
fn contacts_who_have_only_written_to_each_other_can_be_called_too() {
    let mut stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let Some(later) = Later::below(stage.folder()) else { return };
    let [ali, bianca] = ["ali", "bianca"].map(|user| Terminal::start(&seat(&stage, &later, user)));
    [&ali, &bianca].into_iter().for_each(Terminal::logs_in);
    ali.enters("send bianca a letter");
    bianca.shows("a letter");
    bianca.enters("send ali an answer");
    ali.shows("an answer");
    later.set(31);
    // It has looked the other one up between the two.
    for terminal in [&ali, &bianca] {
        for times in 1..=2 {
            terminal.enters("list");
            terminal.shows_times("STATE", times);
        }
        terminal.is_at_prompt();
    }
    stage.directory.kill();
    for terminal in [&ali, &bianca] {
        terminal.shows("Lost the directory server; retrying in 1 s. Open conversations go on.");
    }
    later.set(90);
    let (a, b) = ((&ali, "ali"), (&bianca, "bianca"));
    talk(a, b, ["here I am", "so am I"]);
    talk(b, a, ["there you are", "and you"]);
}

/// Somebody who has logged in with a program of our own.
struct Outsider {
    _session: Client,
    at: Ipv4Addr,
    time: u64,
    record: Option<Box<Record>>,
    destination: common::ident::UserId,
    callee: common::crypto::identity::IdentityKey,
    initiator: common::ident::UserId,
    key: common::crypto::identity::IdentityKey,
}

const TERMINAL: TerminalId = TerminalId([7; 16]);

impl Outsider {
    fn enters(stage: &Stage, example: Example) -> Self {
        let (account, at) = (account(example, Stretch::Least), fresh());
        let mut session = stage.client(at);
        session.names(Features::of_terminal());
        let announced = session.log_in(&account, TERMINAL, PEER_PORT).unwrap();
        let (destination, callee) = (id(Example::Bianca), identity(Example::Bianca));
        let (initiator, key) = (id(example), identity(example));
        let (time, record) = (announced.time, announced.record);
        Self { _session: session, at, time, record, destination, callee, initiator, key }
    }

    fn call(&self, to: SocketAddr) -> Call<'_> {
        Call {
            source: IpAddr::V4(self.at),
            to,
            destination: &self.destination,
            callee: self.callee.public(),
            initiator: &self.initiator,
            identity: &self.key,
            time: self.time,
        }
    }

    /// What the answer to a call is that shows this.
    fn shows(&self, to: SocketAddr, from: Ipv4Addr, shown: Option<Record>) -> Option<ConnectRefusal> {
        let call = Call { source: IpAddr::V4(from), ..self.call(to) };
        let features = Features::between_terminals();
        let request = ConnectReq { features, record: shown.map(Box::new), ..call.request() };
        let reply = call.connect().unwrap().ask_to_connect(request).unwrap();
        assert_eq!(reply.reason.is_none(), reply.status == ConnectStatus::Accepted);
        reply.reason
    }
}

#[test]
fn nobody_gets_in_by_a_record_that_is_not_signed_for_this_caller_here_and_now() {
    let mut stage = Stage::of(&[Example::Bianca]);
    let Some(later) = Later::below(stage.folder()) else { return };
    for example in [Example::Ali, Example::Carol] {
        stage.register(&account(example, Stretch::Least));
    }
    // A record of yesterday, valid for twelve hours.
    stage.directory.kill();
    stage.directory.start_again(Start { clock_offset: -86_400, ..Start::default() });
    let yesterday = Outsider::enters(&stage, Example::Ali).record.unwrap();
    stage.directory.kill();
    stage.directory.start_again(Start::default());
    let seat = seat(&stage, &later, "bianca");
    let bianca = Terminal::start(&seat);
    bianca.logs_in();
    let (ali, carol) = (Outsider::enters(&stage, Example::Ali), Outsider::enters(&stage, Example::Carol));
    // Bianca has talked to ali, and only been called by carol.
    for (caller, answer) in [(&ali, Some("hello ali")), (&carol, None)] {
        let mut link = caller.call(seat.address()).place().unwrap();
        bianca.shows(&received(caller.initiator.as_str()));
        if let Some(answer) = answer {
            bianca.enters(answer);
            link.receive_message().unwrap();
        }
        link.close().unwrap();
        bianca.is_at_prompt();
    }
    let record = *ali.record.clone().unwrap();
    let carols = *carol.record.clone().unwrap();
    let to = seat.address();
    stage.directory.kill();
    bianca.shows("Lost the directory server; retrying in 1 s. Open conversations go on.");
    assert_eq!(ali.shows(to, ali.at, Some(record.clone())), Some(ConnectRefusal::Unavailable), "silent for too short");

    later.set(40);
    use ConnectRefusal::{Record as OfRecord, Unavailable};
    let extended = Record { until: record.until + 1, ..record.clone() };
    let moved = Record { addresses: vec![SocketAddr::new(fresh().into(), PEER_PORT)], ..record.clone() };
    let rekeyed = Record { key: KeyDigest([9; 32]), ..record.clone() };
    for (name, shown, from, reason) in [
        ("nothing", None, ali.at, Unavailable),
        ("from elsewhere", Some(record.clone()), fresh(), OfRecord),
        ("yesterday's", Some(Record { addresses: record.addresses.clone(), ..*yesterday.clone() }), ali.at, OfRecord),
        ("yesterday's, from there", Some(*yesterday), ali.at, OfRecord),
        ("carol's", Some(carols.clone()), ali.at, OfRecord),
        ("longer", Some(extended), ali.at, OfRecord),
        ("of another address", Some(moved), ali.at, OfRecord),
        ("of another key", Some(rekeyed), ali.at, OfRecord),
    ] {
        assert_eq!(ali.shows(to, from, shown), Some(reason), "{name}");
    }
    assert_eq!(carol.shows(to, carol.at, Some(carols.clone())), Some(Unavailable), "whom nobody has chosen");
    assert_eq!(carol.shows(to, carol.at, Some(record.clone())), Some(Unavailable), "with what is ali's");
    let posing = Outsider { initiator: id(Example::Ali), ..carol };
    assert_eq!(posing.shows(to, ali.at, Some(record.clone())), Some(ConnectRefusal::Key), "carol as ali");
    let refused = "-- Refused a call from ali at ";
    bianca.shows(&format!("{refused}{}: the directory server is out of reach, so nobody can be verified.", ali.at));
    bianca.shows("and its last word about that");
    assert!(bianca.lines().iter().filter(|line| line.starts_with("Connection received")).count() == 2);
    bianca.is_at_prompt();

    // None of it keeps out who is who it says.
    let call = ali.call(to);
    let mut link = call.connect().unwrap();
    let request =
        ConnectReq { features: Features::between_terminals(), record: Some(Box::new(record)), ..call.request() };
    let reply = link.ask_to_connect(request).unwrap();
    assert_eq!(reply.status, ConnectStatus::Accepted, "{reply:?}");
    assert_eq!(reply.record.map(|shown| shown.userid), Some(id(Example::Bianca)));
    link.send_message(common::msg::Connected {}).unwrap();
    bianca.shows_times(&received("ali"), 2);
    bianca.shows(&vouched("ali"));
}

#[test]
fn where_the_administrator_wants_no_records_nobody_can_be_called_without_the_directory() {
    let mut stage = Stage::with(Start { settings: &[("RECORDS__VALID", "0s")], ..Start::default() });
    let Some(later) = Later::below(stage.folder()) else { return };
    for example in [Example::Ali, Example::Bianca] {
        stage.register(&account(example, Stretch::Full));
    }
    let [ali, bianca] = stage.conversation_at(["ali", "bianca"].map(|user| seat(&stage, &later, user)));
    bianca.enters("hello");
    ali.shows("hello");
    ali.ctrl_c();
    ali.is_at_prompt();
    stage.directory.kill();
    ali.shows("Lost the directory server; retrying in 1 s. Open conversations go on.");
    later.set(40);
    ali.enters("bianca");
    ali.shows("Cannot look up bianca: the directory server is out of reach. Try again when it is back.");
}
