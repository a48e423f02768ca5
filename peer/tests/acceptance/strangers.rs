//! Strangers on port 65000 (decision D13, threat P3): not a byte for them.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown, TcpStream};

use common::crypto::preface;
use common::limits::{CALLERS_HALF_OPEN, CALLERS_HALF_OPEN_PER_SOURCE};
use common::link::tls;
use common::testkit::Example;
use common::testkit::client::connect;
use rustls::pki_types::ServerName;

use crate::harness::address::fresh;
use crate::harness::stage::{Seat, identity};
use crate::harness::{Piped, Stage};

fn bianca(stage: &Stage) -> (Seat, Piped) {
    let seat = stage.seat_of("bianca");
    let mut bianca = Piped::start(&seat);
    bianca.logs_in();
    (seat, bianca)
}

/// Sends bytes and reads to the end of the connection.
fn answer_to(seat: &Seat, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(IpAddr::V4(fresh()), seat.address()).unwrap();
    // The door may be shut before everything has been said.
    let _ = stream.write_all(bytes);
    read_to_the_end(&mut stream)
}

fn read_to_the_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => answer,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => answer,
        Err(error) => panic!("{error}"),
    }
}

fn client_hello() -> Vec<u8> {
    let callee = identity(Example::Bianca);
    let config = tls::peer_client(&identity(Example::Ali), callee.public()).unwrap();
    let name = ServerName::try_from("raw.invalid").unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

#[test]
fn whoever_does_not_know_the_key_gets_not_a_byte() {
    let stage = Stage::of(&[Example::Bianca]);
    let (seat, bianca) = bianca(&stage);
    let hello = client_hello();
    assert!(hello.len() > preface::LENGTH);
    assert_eq!(answer_to(&seat, &hello), b"", "a TLS client hello");
    let http = format!("GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: scanner\r\nAccept: */*\r\n\r\n", seat.ip);
    assert_eq!(answer_to(&seat, http.as_bytes()), b"", "HTTP");
    assert_eq!(answer_to(&seat, &common::crypto::random::<1024>().unwrap()), b"", "noise");
    let stranger = identity(Example::Ali).public().digest();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let other = [&preface::make(&stranger, now).unwrap()[..], &hello].concat();
    assert_eq!(answer_to(&seat, &other), b"", "a preface for somebody else");
    let ours = identity(Example::Bianca).public().digest();
    for time in [now - 3600, now + 3600] {
        let stale = [&preface::make(&ours, time).unwrap()[..], &hello].concat();
        assert_eq!(answer_to(&seat, &stale), b"", "a preface of another hour");
    }
    let mut short = connect(IpAddr::V4(fresh()), seat.address()).unwrap();
    short.write_all(&preface::make(&ours, now).unwrap()[..preface::LENGTH - 1]).unwrap();
    short.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_the_end(&mut short), b"", "all but one byte of a good preface");
    assert!(bianca.output().ends_with("Enter destination user ID: "), "{}", bianca.output());
}

#[test]
fn whoever_says_nothing_is_dropped_in_silence() {
    let stage = Stage::of(&[Example::Bianca]);
    let (seat, bianca) = bianca(&stage);
    assert_eq!(answer_to(&seat, b""), b"");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let good = preface::make(&identity(Example::Bianca).public().digest(), now).unwrap();
    assert_eq!(answer_to(&seat, &good), b"", "a good preface and nothing behind it");
    assert!(bianca.output().ends_with("Enter destination user ID: "), "{}", bianca.output());
}

#[test]
fn noise_behind_a_good_preface_gets_an_alert_at_most() {
    let stage = Stage::of(&[Example::Bianca]);
    let (seat, bianca) = bianca(&stage);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let good = preface::make(&identity(Example::Bianca).public().digest(), now).unwrap();
    let answer = answer_to(&seat, &[&good[..], b"GET / HTTP/1.1\r\n\r\n", &[0xff; 200]].concat());
    // Whoever knows the key may learn that TLS is spoken here: one alert record, as TLS prescribes.
    assert!(answer.is_empty() || (answer.len() == 7 && answer[0] == 21), "{answer:02x?}");
    assert!(bianca.output().ends_with("Enter destination user ID: "), "{}", bianca.output());
}

#[test]
fn strangers_who_stand_in_the_door_do_not_shut_it() {
    let stage = Stage::of(&[Example::Ali, Example::Bianca]);
    let (seat, bianca) = bianca(&stage);
    let mut ali = Piped::start(&stage.seat_of("ali"));
    ali.logs_in();
    // As many as there are places, from as few addresses as can be.
    let addresses: Vec<IpAddr> =
        (0..CALLERS_HALF_OPEN / CALLERS_HALF_OPEN_PER_SOURCE).map(|_| IpAddr::V4(fresh())).collect();
    let idle: Vec<TcpStream> = (0..CALLERS_HALF_OPEN)
        .map(|n| connect(addresses[n / CALLERS_HALF_OPEN_PER_SOURCE], seat.address()).unwrap())
        .collect();
    ali.enters("bianca");
    bianca.shows("Connection received from user ali, type your messages\n");
    drop(idle);
}
