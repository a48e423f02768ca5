//! Relayed links through the real program: what a token opens, what passes, and what it costs who abuses it (protocol
//! section 6.12).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream};
use std::process::Stdio;

use common::ident::{MeetingToken, TerminalId};
use common::limits::MEETING_LEAD;
use common::msg::{
    Error, ErrorCode, Features, FromDirectory, LookupReq, Meet, MeetRefusal, MeetReply, MeetReq, MeetStatus,
    MeetingWay, Message as _, PUNCH, RELAY, RELAY_FILES, ToDirectory,
};
use common::relay::header;
use common::testkit::Example;
use common::testkit::client::{Client, connect};
use support::process::{Server, account, command, register};

const TERMINAL: TerminalId = TerminalId([1; 16]);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

fn present(server: &Server, example: Example, features: Features) -> Client {
    let mut client = server.connect();
    client.names(features);
    client.log_in(&account(example), TERMINAL, 65_000).unwrap();
    client
}

/// A server with ali and bianca, who can both be met by relay.
fn pair(data: &std::path::Path) -> (Server, Client, Client) {
    let server = Server::start(data);
    [Example::Ali, Example::Bianca].iter().for_each(|example| register(&server, *example));
    let [ali, bianca] =
        [Example::Ali, Example::Bianca].map(|example| present(&server, example, Features::of(&[RELAY])));
    (server, ali, bianca)
}

fn request(whom: Example) -> MeetReq {
    MeetReq { userid: whom.user().unwrap(), terminal: TERMINAL, how: MeetingWay::Relay }
}

fn asks(client: &mut Client, request: MeetReq) -> MeetReply {
    match client.ask(request).unwrap() {
        FromDirectory::MeetReply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn meet(client: &mut Client) -> Meet {
    loop {
        match FromDirectory::decode(&client.receive().unwrap().unwrap()).unwrap() {
            FromDirectory::Presence(_) => {}
            FromDirectory::Meet(meet) => return meet,
            other => panic!("{other:?}"),
        }
    }
}

/// The tokens of ali, who asks, and of bianca.
fn tokens(ali: &mut Client, bianca: &mut Client) -> [MeetingToken; 2] {
    let reply = asks(ali, request(Example::Bianca));
    assert_eq!((reply.status, reply.reason), (MeetStatus::Success, None));
    [reply.token.unwrap(), meet(bianca).token.unwrap()]
}

fn leg(server: &Server, from: Ipv4Addr, token: &MeetingToken) -> TcpStream {
    let mut stream = connect(IpAddr::V4(from), server.address).unwrap();
    stream.write_all(&header(token)).unwrap();
    stream
}

/// Whether the other side closes without a byte.
fn is_closed(mut stream: TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn reads(stream: &mut TcpStream, expected: &[u8]) {
    let mut read = vec![0; expected.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(read, expected);
}

#[test]
fn two_legs_are_joined_and_every_byte_passes_both_ways() {
    let data = tempfile::tempdir().unwrap();
    let (server, mut ali, mut bianca) = pair(data.path());
    let reply = asks(&mut ali, request(Example::Bianca));
    let asked = meet(&mut bianca);
    let session =
        match ali.ask(LookupReq { userid: Example::Ali.user().unwrap(), lookup: Example::Ali.user().unwrap() }) {
            Ok(FromDirectory::LookupReply(reply)) => reply,
            other => panic!("{other:?}"),
        };
    assert_eq!((&asked.userid, asked.terminal), (&Example::Ali.user().unwrap(), TERMINAL));
    assert_eq!(vec![asked.address], session.addresses, "as a lookup shows it");
    assert_ne!(reply.token, asked.token);
    let mut of_ali = leg(&server, OTHER, &reply.token.unwrap());
    // Sent before the other has come: it waits on the way.
    of_ali.write_all(b"preface").unwrap();
    let mut of_bianca = leg(&server, Ipv4Addr::LOCALHOST, &asked.token.unwrap());
    reads(&mut of_bianca, b"preface");
    of_bianca.write_all(b"answer").unwrap();
    reads(&mut of_ali, b"answer");
    of_ali.shutdown(Shutdown::Write).unwrap();
    assert_eq!(of_bianca.read(&mut [0; 1]).unwrap(), 0, "the end is passed on");
    of_bianca.write_all(b"last words").unwrap();
    drop(of_bianca);
    reads(&mut of_ali, b"last words");
    assert!(is_closed(of_ali));
}

#[test]
fn a_token_that_was_used_or_that_nobody_has_been_given_opens_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (server, mut ali, mut bianca) = pair(data.path());
    let [token, other] = tokens(&mut ali, &mut bianca);
    let mut first = leg(&server, Ipv4Addr::LOCALHOST, &token);
    // Whoever has read the token on the way is too late, and does not become the other side by it either.
    let mut second = leg(&server, Ipv4Addr::LOCALHOST, &other);
    second.write_all(b"hello").unwrap();
    reads(&mut first, b"hello");
    for stolen in [&token, &other, &MeetingToken([0x5a; 32])] {
        assert!(is_closed(leg(&server, OTHER, stolen)));
    }
    second.write_all(b"again").unwrap();
    reads(&mut first, b"again");
    let mut broken = connect(IpAddr::V4(OTHER), server.address).unwrap();
    broken.write_all(&[&b"peer-messenger/2 relay"[..], &[0; 42]].concat()).unwrap();
    assert!(is_closed(broken), "another label");
}

#[test]
fn a_third_one_who_was_faster_breaks_the_meeting_and_gains_no_other() {
    let data = tempfile::tempdir().unwrap();
    let (server, mut ali, mut bianca) = pair(data.path());
    let [token, other] = tokens(&mut ali, &mut bianca);
    let mut thief = leg(&server, OTHER, &token);
    let mut of_bianca = leg(&server, Ipv4Addr::LOCALHOST, &other);
    thief.write_all(&[0; 64]).unwrap();
    reads(&mut of_bianca, &[0; 64]);
    assert!(is_closed(leg(&server, Ipv4Addr::LOCALHOST, &token)), "whose token it was asks for another meeting");
    drop((thief, of_bianca));
    let [token, other] = tokens(&mut ali, &mut bianca);
    let (mut of_ali, mut of_bianca) =
        (leg(&server, Ipv4Addr::LOCALHOST, &token), leg(&server, Ipv4Addr::LOCALHOST, &other));
    of_ali.write_all(b"hello").unwrap();
    reads(&mut of_bianca, b"hello");
}

#[test]
fn a_header_that_comes_byte_by_byte_has_a_place_among_the_half_open_until_it_is_whole() {
    let data = tempfile::tempdir().unwrap();
    let (server, mut ali, mut bianca) = pair(data.path());
    let [token, other] = tokens(&mut ali, &mut bianca);
    // As many as one source may have half open, of which one goes on.
    let begun = || {
        let mut stream = connect(IpAddr::V4(OTHER), server.address).unwrap();
        stream.write_all(b"p").unwrap();
        stream
    };
    let mut slow: Vec<TcpStream> = (0..common::limits::HALF_OPEN_PER_SOURCE).map(|_| begun()).collect();
    assert!(is_closed(begun()), "one too many");
    let mut whole = slow.pop().unwrap();
    for byte in &header(&token)[1..] {
        whole.write_all(&[*byte]).unwrap();
    }
    let mut of_bianca = leg(&server, Ipv4Addr::LOCALHOST, &other);
    of_bianca.write_all(b"hello").unwrap();
    reads(&mut whole, b"hello");
    // Its place is free again.
    let mut next = begun();
    next.set_nonblocking(true).unwrap();
    assert_eq!(next.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_side_that_does_not_read_stops_the_other_and_not_the_directory() {
    let data = tempfile::tempdir().unwrap();
    let (server, mut ali, mut bianca) = pair(data.path());
    let [token, other] = tokens(&mut ali, &mut bianca);
    let (of_ali, of_bianca) = (leg(&server, Ipv4Addr::LOCALHOST, &token), leg(&server, Ipv4Addr::LOCALHOST, &other));
    of_ali.set_nonblocking(true).unwrap();
    let before = memory(&server);
    // Until nothing more is taken: what lies in the buffers of the system is all there is, however long one waits.
    let (mut sent, mut refused) = (0usize, 0);
    while refused < 5 {
        match (&of_ali).write(&[7; 65_536]) {
            Ok(count) => (sent, refused) = (sent + count, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                // The directory goes on meanwhile: this is answered when it has had its turn.
                let (userid, lookup) = (Example::Ali.user().unwrap(), Example::Bianca.user().unwrap());
                assert!(ali.lookup(&userid, &lookup).is_ok());
            }
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 64 * 1024 * 1024, "somebody keeps all that");
    }
    assert!(memory(&server).saturating_sub(before) < 1024, "KiB");
    drop(of_bianca);
}

/// Memory of a server's own, in KiB.
fn memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn whoever_cannot_be_met_or_asks_too_much_is_refused_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let (server, mut ali, mut bianca) = pair(data.path());
    register(&server, Example::Carol);
    let refusal = |ali: &mut Client, request| asks(ali, request).reason;
    assert_eq!(refusal(&mut ali, request(Example::Carol)), Some(MeetRefusal::NotPresent), "not logged in");
    let carol = present(&server, Example::Carol, Features::default());
    assert_eq!(refusal(&mut ali, request(Example::Carol)), Some(MeetRefusal::NotPresent), "knows no such way");
    assert_eq!(refusal(&mut ali, request(Example::Ali)), Some(MeetRefusal::NotPresent), "oneself");
    let unknown = MeetReq { terminal: TerminalId([9; 16]), ..request(Example::Bianca) };
    assert_eq!(refusal(&mut ali, unknown), Some(MeetRefusal::NotPresent), "another terminal");
    tokens(&mut ali, &mut bianca);
    tokens(&mut ali, &mut bianca);
    assert_eq!(refusal(&mut ali, request(Example::Bianca)), Some(MeetRefusal::Full), "two of ali's");
    for _ in 0..13 {
        asks(&mut ali, request(Example::Bianca));
    }
    match ali.ask(request(Example::Bianca)).unwrap() {
        FromDirectory::Error(Error { code: ErrorCode::RateLimited, to: Some(to), .. }) => assert_eq!(to, "MEETREQ"),
        other => panic!("{other:?}"),
    }
    let mut stranger = server.connect();
    stranger.send(&ToDirectory::from(request(Example::Bianca)).encode()).unwrap();
    let answer = FromDirectory::decode(&stranger.receive().unwrap().unwrap()).unwrap();
    assert_eq!(answer, Error::new(ErrorCode::OutOfOrder).into(), "nobody who has not logged in meets anybody");
    drop(carol);
}

#[test]
fn two_are_told_where_the_other_is_seen_and_when_to_connect() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    [Example::Ali, Example::Bianca, Example::Carol].iter().for_each(|example| register(&server, *example));
    let from = |example: Example, address: Ipv4Addr, features: &[&str]| {
        let mut client = Client::connect(address.into(), server.address).unwrap();
        client.names(Features::of(features));
        client.log_in(&account(example), TERMINAL, 65_000).unwrap();
        client
    };
    let mut ali = from(Example::Ali, Ipv4Addr::LOCALHOST, &[PUNCH]);
    let mut bianca = from(Example::Bianca, OTHER, &[PUNCH]);
    let mut carol = from(Example::Carol, Ipv4Addr::LOCALHOST, &[]);
    let punch = |whom| MeetReq { how: MeetingWay::Punch, ..request(whom) };
    let reply = asks(&mut ali, punch(Example::Bianca));
    let asked = meet(&mut bianca);
    assert_eq!((reply.status, reply.token, reply.after), (MeetStatus::Success, None, Some(MEETING_LEAD)));
    assert_eq!((asked.how, asked.token, asked.after), (MeetingWay::Punch, None, Some(MEETING_LEAD)));
    assert_eq!(reply.address.map(|seen| (seen.ip(), seen == asked.address)), Some((OTHER.into(), false)));
    assert_ne!(asked.address.port(), 65_000, "the port that it comes from");
    assert_eq!(asks(&mut ali, punch(Example::Ali)).reason, Some(MeetRefusal::NotPresent), "oneself");
    assert_eq!(asks(&mut ali, punch(Example::Carol)).reason, Some(MeetRefusal::NotPresent), "who has not named it");
    assert_eq!(asks(&mut carol, punch(Example::Bianca)).reason, Some(MeetRefusal::NotPresent), "nor asks who has not");
    drop(carol);
    let _carol = from(Example::Carol, Ipv4Addr::LOCALHOST, &[PUNCH]);
    assert_eq!(asks(&mut ali, punch(Example::Carol)).reason, Some(MeetRefusal::NoWay), "behind one router");
}

#[test]
fn files_are_relayed_only_where_the_administrator_says_so_and_to_who_has_named_it() {
    let file = |whom| MeetReq { how: MeetingWay::File, ..request(whom) };
    for (mode, named, refused) in [
        ("chat", &[RELAY, RELAY_FILES][..], Some(MeetRefusal::Off)),
        ("all", &[RELAY], Some(MeetRefusal::NotPresent)),
        ("all", &[RELAY, RELAY_FILES], None),
    ] {
        let data = tempfile::tempdir().unwrap();
        let mut serve = command(data.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let server = Server::start_logging(serve.env("DIRSRV_RELAY__MODE", mode).stderr(Stdio::null()));
        [Example::Ali, Example::Bianca].iter().for_each(|example| register(&server, *example));
        let mut ali = server.connect();
        ali.names(Features::of(&[RELAY, RELAY_FILES]));
        let announced = ali.log_in(&account(Example::Ali), TERMINAL, 65_000).unwrap();
        assert_eq!(announced.features.include(RELAY_FILES), mode == "all");
        let mut bianca = present(&server, Example::Bianca, Features::of(named));
        assert_eq!(asks(&mut ali, file(Example::Bianca)).reason, refused, "{mode}");
        if refused.is_none() {
            assert_eq!(meet(&mut bianca).how, MeetingWay::File);
            assert_eq!(asks(&mut ali, file(Example::Bianca)).reason, Some(MeetRefusal::Full), "one at a time");
            assert_eq!(asks(&mut ali, request(Example::Bianca)).status, MeetStatus::Success, "a place to talk");
        }
    }
}

#[test]
fn an_administrator_who_wants_no_relay_has_none() {
    let data = tempfile::tempdir().unwrap();
    let mut without = command(data.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start_logging(without.env("DIRSRV_RELAY__MODE", "off").stderr(Stdio::null()));
    [Example::Ali, Example::Bianca].iter().for_each(|example| register(&server, *example));
    let mut ali = server.connect();
    ali.names(Features::of(&[RELAY]));
    let announced = ali.log_in(&account(Example::Ali), TERMINAL, 65_000).unwrap();
    assert!(!announced.features.include(RELAY));
    let _bianca = present(&server, Example::Bianca, Features::of(&[RELAY]));
    assert_eq!(asks(&mut ali, request(Example::Bianca)).reason, Some(MeetRefusal::Off));
}
