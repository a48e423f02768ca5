//! Weaker connections than the protocol allows (threat P2), tried on the real sockets of both programs. What each rule
//! says in TLS itself is tested beside the configuration, in `common/tests/hostile_tls.rs`.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use common::crypto::preface;
use common::frame::{Decoder, Padding, encode};
use common::ident::{TerminalId, UserId};
use common::limits::{DIRECTORY_PORT, FRAME_BEFORE_LOGIN, PEER_PORT};
use common::msg::{FromDirectory, Hello, Message, PeerMessage, Registration, ToDirectory, Welcome};
use common::testkit::Example;
use common::testkit::client::connect;
use common::testkit::login::Stretch;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection, version};

use crate::harness;
use crate::harness::address::fresh;
use crate::harness::stage::account;
use crate::harness::{Counterpart, PASSCODE, Piped, Stage};
use crate::hostile::{Clients, Hostile, KeyKind, Resumption, certificate, raw_identity, shown};

/// A counterpart that breaks no rule, and those that break one each.
fn counterparts(alpn: &[u8], key: Option<Arc<CertifiedKey>>) -> [(&'static str, Hostile); 4] {
    let honest = Hostile::new(alpn, key);
    let old = Hostile {
        version: &version::TLS12,
        groups: vec![kx_group::X25519],
        asks: KeyKind::X509,
        shows: KeyKind::X509,
        ..honest.clone()
    };
    [
        ("no rule", honest.clone()),
        ("TLS 1.3 only", old),
        ("X25519MLKEM768 only", Hostile { groups: vec![kx_group::X25519], ..honest.clone() }),
        ("raw public keys only", Hostile { asks: KeyKind::X509, shows: KeyKind::X509, ..honest }),
    ]
}

/// A key as directories have it.
pub(crate) fn p256() -> Option<Arc<CertifiedKey>> {
    let (_, signer) = certificate(&rcgen::PKCS_ECDSA_P256_SHA256);
    Some(shown(signer.public_key().unwrap().to_vec(), signer))
}

/// A connection that has asked one thing: what TLS made of it, and the answer.
struct Asked {
    tls: ClientConnection,
    answer: io::Result<Vec<u8>>,
}

impl Asked {
    /// Connects, sends `first` in the clear, then `question` in TLS, and waits for one frame.
    fn new(config: &Arc<ClientConfig>, to: SocketAddr, from: IpAddr, first: &[u8], question: &[u8]) -> Self {
        let mut stream = connect(from, to).unwrap();
        stream.write_all(first).unwrap();
        let name = rustls::pki_types::ServerName::try_from("raw.invalid").unwrap();
        let mut tls = ClientConnection::new(Arc::clone(config), name).unwrap();
        let answer = exchange(&mut rustls::Stream::new(&mut tls, &mut stream), question);
        Self { tls, answer }
    }
}

fn exchange(stream: &mut (impl io::Read + io::Write), question: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(&encode(question, Padding::None, FRAME_BEFORE_LOGIN).unwrap())?;
    stream.flush()?;
    read_frame(stream)
}

fn read_frame(stream: &mut impl io::Read) -> io::Result<Vec<u8>> {
    let mut decoder = Decoder::new(FRAME_BEFORE_LOGIN);
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        if let Some(frame) = decoder.feed(&mut &byte[..]).map_err(io::Error::other)? {
            return Ok(frame);
        }
    }
}

fn hello() -> Vec<u8> {
    ToDirectory::from(Hello { userid: UserId::parse("ali").unwrap() }).encode()
}

#[test]
fn the_directory_answers_nobody_who_wants_less() {
    let stage = Stage::new();
    for (rule, client) in counterparts(b"directory/1", None) {
        let asked = Asked::new(&client.client(), stage.directory.address, fresh().into(), b"", &hello());
        assert_eq!(asked.answer.is_ok(), rule == "no rule", "{rule}: {:?}", asked.answer);
    }
}

#[test]
fn the_directory_gives_out_no_tickets_and_takes_no_early_data() {
    let stage = Stage::new();
    let eager = Hostile { resumption: Resumption::On, ..Hostile::new(b"directory/1", None) }.client();
    for _ in 0..3 {
        let mut asked = Asked::new(&eager, stage.directory.address, fresh().into(), b"", &hello());
        assert!(asked.answer.is_ok());
        assert_eq!(asked.tls.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(asked.tls.tls13_tickets_received(), 0);
        assert!(asked.tls.early_data().is_none());
    }
}

#[test]
fn the_door_opens_for_nobody_who_wants_less() {
    let stage = Stage::of(&[Example::Bianca]);
    let seat = stage.seat_of("bianca");
    let mut bianca = Piped::start(&seat);
    bianca.logs_in();
    let ali = Counterpart::ali(&stage);
    let call = ali.call(seat.address());
    let ask = |config: &Arc<ClientConfig>| {
        let request = PeerMessage::from(call.request()).encode();
        Asked::new(config, call.to, call.source, &call.preface().unwrap(), &request)
    };
    for (rule, caller) in counterparts(b"peer/1", Some(raw_identity(call.identity))) {
        let answer = ask(&caller.client()).answer;
        assert_eq!(answer.is_ok(), rule == "no rule", "{rule}: {answer:?}");
    }
    let eager = Hostile { resumption: Resumption::On, ..Hostile::new(b"peer/1", Some(raw_identity(call.identity))) };
    let eager = eager.client();
    for _ in 0..3 {
        let mut asked = ask(&eager);
        assert!(asked.answer.is_ok());
        assert_eq!(asked.tls.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(asked.tls.tls13_tickets_received(), 0);
        assert!(asked.tls.early_data().is_none());
    }
    assert!(!bianca.output().contains("Connection "), "{}", bianca.output());
}

/// Takes one connection and waits for its first frame; `preface` bytes stand before TLS.
fn accept(listener: &TcpListener, config: &Arc<ServerConfig>, preface: usize) -> io::Result<(Served, Vec<u8>)> {
    let mut stream = harness::accept(listener);
    stream.read_exact(&mut vec![0; preface])?;
    let mut tls = ServerConnection::new(Arc::clone(config)).unwrap();
    let frame = read_frame(&mut rustls::Stream::new(&mut tls, &mut stream))?;
    Ok((Served { tls, stream }, frame))
}

struct Served {
    tls: ServerConnection,
    stream: TcpStream,
}

#[test]
fn a_peer_tells_nothing_to_a_directory_that_wants_less() {
    let stage = Stage::new();
    for (rule, directory) in counterparts(b"directory/1", p256()) {
        let listener = TcpListener::bind((fresh(), DIRECTORY_PORT)).unwrap();
        let seat = stage.seat().at_server(listener.local_addr().unwrap()).with(&["--user", "ali"]);
        let mut peer = Piped::start(&seat);
        peer.ends_input();
        let heard = accept(&listener, &directory.server(Clients::Anonymous), 0);
        assert_eq!(heard.is_ok(), rule == "no rule", "{rule}");
        drop(heard);
        let code = if rule == "TLS 1.3 only" { 14 } else { 3 };
        assert_eq!(peer.exit_code(), Some(code), "{rule}: {}", peer.output());
    }
}

#[test]
fn a_peer_resumes_no_session_with_a_directory_that_would() {
    let stage = Stage::new();
    let listener = TcpListener::bind((fresh(), DIRECTORY_PORT)).unwrap();
    let seat = stage.seat().at_server(listener.local_addr().unwrap()).with(&["--user", "ali"]);
    let mut peer = Piped::start(&seat);
    let directory = Hostile { resumption: Resumption::On, ..Hostile::new(b"directory/1", p256()) };
    let directory = directory.server(Clients::Anonymous);
    let (Served { mut tls, mut stream }, frame) = accept(&listener, &directory, 0).unwrap();
    assert!(matches!(ToDirectory::decode(&frame), Ok(ToDirectory::Hello(_))));
    let welcome = Welcome { registration: Registration::Closed, known: None, refused: None, passcode_min: 6 };
    let welcome = encode(&FromDirectory::from(welcome).encode(), Padding::None, FRAME_BEFORE_LOGIN).unwrap();
    rustls::Stream::new(&mut tls, &mut stream).write_all(&welcome).unwrap();
    peer.asks("Enter passcode on keypad. ");
    peer.enters(PASSCODE);
    let (Served { mut tls, .. }, frame) = accept(&listener, &directory, 0).unwrap();
    assert!(matches!(ToDirectory::decode(&frame), Ok(ToDirectory::AuthReq(_))));
    assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full));
    assert!(tls.early_data().is_none());
}

#[test]
fn a_peer_tells_nothing_to_a_callee_that_wants_less() {
    let stage = Stage::of(&[Example::Ali]);
    let bianca = account(Example::Bianca, Stretch::Least);
    stage.register(&bianca);
    let at = fresh();
    let mut session = stage.client(at);
    session.log_in(&bianca, TerminalId([2; 16]), PEER_PORT).unwrap();
    let listener = TcpListener::bind((at, PEER_PORT)).unwrap();
    // Without a mailbox every call that comes to nothing ends at the prompt.
    let mut ali = Piped::start(&stage.seat_of("ali").set("PEER_PEER__QUEUE", "false"));
    ali.logs_in();
    let callees = counterparts(b"peer/1", Some(raw_identity(&bianca.identity)));
    for (number, (rule, callee)) in callees.iter().enumerate() {
        ali.enters("bianca");
        let heard = accept(&listener, &callee.server(Clients::ShowKeys), preface::LENGTH);
        assert_eq!(heard.is_ok(), *rule == "no rule", "{rule}");
        drop(heard);
        ali.shows_times("Enter destination user ID: ", number + 2);
    }
    assert!(!ali.output().contains("Connection established"), "{}", ali.output());
}
