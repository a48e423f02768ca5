//! Terminals that do not reach each other talk by the directory, which cannot read it (decision D26).

use std::net::{IpAddr, SocketAddr};

use common::crypto::identity::PublicKey;
use common::ident::{MeetingToken, TerminalId};
use common::msg::{
    ConnectReq, ConnectStatus, Features, FileReq, FromDirectory, LookupReply, MeetReq, MeetingWay, PeerMessage, RELAY,
};
use common::relay::header;
use common::testkit::Example;
use common::testkit::caller::Call;
use common::testkit::client::Client;
use common::testkit::login::Stretch;
use serde_json::json;

use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::proxy::Proxy;
use crate::harness::stage::{Seat, account, id, identity};
use crate::harness::{Stage, Terminal};
use crate::json::Bot;

/// A terminal of this user behind a router: the directory sees it at an address at which nobody can be reached.
fn behind_a_router(stage: &Stage, user: &str) -> (Seat, Proxy) {
    let router = Proxy::start(SocketAddr::new(fresh().into(), 7420), fresh(), stage.directory.address);
    (stage.seat_of(user).at_server(router.address()), router)
}

#[test]
fn two_terminals_behind_routers_talk_and_the_directory_reads_nothing() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (seats, routers): (Vec<Seat>, Vec<Proxy>) =
        ["ali", "bianca"].map(|user| behind_a_router(&stage, user)).into_iter().unzip();
    let [ali, bianca] = stage.conversation_at(seats.try_into().unwrap());
    ali.shows("-- There is no direct way between you and bianca: the directory server passes on what you say.");
    bianca.shows("-- There is no direct way between you and ali: the directory server passes on what you say.");
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    bianca.enters("I am fine, how about you?");
    ali.shows("I am fine, how about you?");
    for passed in routers.iter().flat_map(|router| [router.sent_by_client(), router.sent_by_server()]) {
        assert!(!passed.windows(6).any(|bytes| bytes == b"Hello," || bytes == b"bianca"));
    }
    let header = |router: &Proxy| router.sent_by_client().windows(22).any(|bytes| bytes == b"peer-messenger/1 relay");
    assert!(routers.iter().all(header), "both have opened a leg");
    ali.ctrl_c();
    bianca.shows("Connection ended");
}

#[test]
fn a_program_is_told_of_the_way() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let bianca = Terminal::start(&behind_a_router(&stage, "bianca").0);
    bianca.logs_in();
    let mut ali = Bot::logged_in(&stage.seat(), "ali");
    assert_eq!(ali.asks("connect", json!({"to": "bianca"}))["state"], "established");
    let told = ali.has_heard(|line| line["params"]["state"] == "way");
    assert_eq!((&told["params"]["id"], &told["params"]["way"]), (&json!("bianca"), &json!("relayed")));
}

/// Ali and bianca behind routers, at a directory that relays this; ali offers a file, which bianca takes.
fn file_offered(mode: &str) -> (Stage, [Terminal; 2], [Proxy; 2], std::path::PathBuf) {
    let stage = Stage::with(Start { settings: &[("RELAY__MODE", mode)], ..Start::default() });
    [Example::Ali, Example::Bianca].iter().for_each(|user| stage.register(&account(*user, Stretch::Full)));
    let [(of_ali, one), (of_bianca, other)] = ["ali", "bianca"].map(|user| behind_a_router(&stage, user));
    let [ali, bianca] = [of_ali, of_bianca].map(|seat| {
        let terminal = Terminal::start(&seat);
        terminal.logs_in();
        terminal
    });
    let (plans, saved) = (stage.folder().join("plans.pdf"), stage.folder().join("saved"));
    std::fs::write(&plans, "plans".repeat(20_000)).unwrap();
    std::fs::create_dir(&saved).unwrap();
    ali.enters(&format!("/file bianca {}", plans.display()));
    bianca.asks("ali offers plans.pdf (100.0 kB, PDF). Accept? [y/N]");
    bianca.enters("");
    bianca.enters(&format!("/accept 1 {}", saved.display()));
    (stage, [ali, bianca], [one, other], saved)
}

#[test]
fn a_file_comes_by_relay_where_the_administrator_allows_it() {
    let (_stage, [ali, bianca], routers, saved) = file_offered("all");
    bianca.shows("saved to");
    ali.has_whole("-- bianca has plans.pdf (100.0 kB");
    assert_eq!(std::fs::read(saved.join("plans.pdf")).unwrap(), "plans".repeat(20_000).as_bytes());
    for passed in routers.iter().flat_map(|router| [router.sent_by_client(), router.sent_by_server()]) {
        assert!(!passed.windows(10).any(|bytes| bytes == b"plansplans"));
    }
}

#[test]
fn a_file_waits_and_says_why_where_only_conversations_are_relayed() {
    let (_stage, [_ali, bianca], _routers, saved) = file_offered("chat");
    let why = "there is no direct way to ali (nobody listens at the address that the directory server has), and the";
    bianca.shows(&format!("-- plans.pdf waits: {why}"));
    bianca.enters("/why ali");
    bianca.shows("-- plans.pdf waits: there is no direct way to ali");
    assert!(!saved.join("plans.pdf").exists());
}

#[test]
fn a_session_comes_from_the_port_that_is_listened_on_and_no_two_peers_share_one() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (of_ali, router) = behind_a_router(&stage, "ali");
    let of_bianca = stage.seat_of("bianca").listening_at(of_ali.address().ip()).at_server(router.address());
    let address = of_ali.address().ip();
    let _both = [(&of_ali, 65_000), (&of_bianca, 65_001)].map(|(seat, port)| {
        let terminal = Terminal::start(seat);
        terminal.logs_in();
        assert!(router.clients().contains(&SocketAddr::new(address, port)), "{:?}", router.clients());
        terminal
    });
}

#[test]
fn where_there_is_a_direct_way_nothing_is_said_of_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    for terminal in stage.conversation() {
        assert!(!terminal.lines().iter().any(|line| line.contains("direct way")));
    }
}

#[test]
fn where_nothing_is_relayed_messages_go_by_mail_until_there_is_a_way() {
    let stage = Stage::with(Start { settings: &[("RELAY__MODE", "off")], ..Start::default() });
    [Example::Ali, Example::Bianca].iter().for_each(|user| stage.register(&account(*user, Stretch::Full)));
    let (seat, _router) = behind_a_router(&stage, "bianca");
    let mut bianca = Terminal::start(&seat);
    bianca.logs_in();
    let ali = stage.terminal_of("ali");
    ali.enters("bianca");
    ali.shows(
        "-- Messages to bianca go by the directory server: no direct way yet (nobody listens at the address that the",
    );
    ali.enters("Hello, how are you today?");
    bianca.shows("Hello, how are you today?");
    ali.enters("/why");
    ali.shows("-- You are not connected to bianca: by mailbox, because there is no direct way");
    bianca.kill();
    let bianca = Terminal::start(&stage.seat_of("bianca"));
    bianca.logs_in();
    bianca.shows("Connection received from user ali, type your messages");
    ali.shows("Connection established, type your messages");
    ali.enters("/why bianca");
    ali.shows("-- You are connected to bianca: direct over IPv4.");
}

/// Ali as the directory sees a terminal that says what the test says, and bianca at hers.
struct Hostile {
    stage: Stage,
    bianca: Terminal,
    ali: Client,
    found: LookupReply,
    time: u64,
}

const TERMINAL: TerminalId = TerminalId([7; 16]);

impl Hostile {
    fn new() -> Self {
        let stage = Stage::of(&[Example::Ali, Example::Bianca, Example::Carol]);
        let bianca = stage.terminal_of("bianca");
        let mut ali = stage.client(fresh());
        ali.names(Features::of(&[RELAY]));
        let announced = ali.log_in(&account(Example::Ali, Stretch::Full), TERMINAL, 65_000).unwrap();
        let found = ali.lookup(&id(Example::Ali), &id(Example::Bianca)).unwrap();
        Self { stage, bianca, ali, found, time: announced.time }
    }

    fn token(&mut self) -> MeetingToken {
        let terminal = self.found.terminals[0].terminal;
        let request = MeetReq { userid: id(Example::Bianca), terminal, how: MeetingWay::Relay };
        match self.ali.ask(request).unwrap() {
            FromDirectory::MeetReply(reply) => reply.token.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What bianca's terminal answers to a caller over a leg, who is this user and says this; nothing where it closes.
    fn says(&mut self, who: Example, change: impl FnOnce(ConnectReq) -> PeerMessage) -> Option<PeerMessage> {
        let token = self.token();
        let (initiator, identity, destination) = (id(who), identity(who), id(Example::Bianca));
        let callee = PublicKey::from_pkcs1(&self.found.publickey.0).unwrap();
        let call = Call {
            source: IpAddr::V4(fresh()),
            to: self.stage.directory.address,
            destination: &destination,
            callee: &callee,
            initiator: &initiator,
            identity: &identity,
            time: self.time,
        };
        let behind = [&header(&token)[..], &call.preface().unwrap()].concat();
        let mut caller = call.connect_behind(&behind).unwrap();
        caller.send_message(change(call.request())).ok()?;
        caller.receive_message().ok()
    }
}

#[test]
fn over_a_leg_only_the_user_and_the_terminal_are_taken_that_have_asked_for_it() {
    let mut hostile = Hostile::new();
    let another = |request| PeerMessage::from(ConnectReq { terminal: TerminalId([8; 16]), ..request });
    assert_eq!(hostile.says(Example::Ali, another), None, "another terminal");
    assert_eq!(hostile.says(Example::Carol, PeerMessage::from), None, "another user");
    let file = |call| PeerMessage::from(FileReq { call, file: common::ident::MessageId([1; 16]), offset: 0 });
    assert_eq!(hostile.says(Example::Ali, file), None, "a file");
    let answer = hostile.says(Example::Ali, PeerMessage::from);
    assert!(matches!(answer, Some(PeerMessage::ConnectReply(reply)) if reply.status == ConnectStatus::Accepted));
    assert!(!hostile.bianca.lines().iter().any(|line| line.contains("carol")));
}
