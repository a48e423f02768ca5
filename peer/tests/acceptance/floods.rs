//! What many connections, or slow ones, must not do to others (threat L9).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use common::ident::TerminalId;
use common::limits::{FIRST_FRAMES, HALF_OPEN, HALF_OPEN_BYTES, HALF_OPEN_PER_SOURCE, PEER_PORT};
use common::testkit::Example;
use common::testkit::client::connect;
use common::testkit::login::Stretch;

use crate::harness::Stage;
use crate::harness::address::fresh;
use crate::harness::directory::Start;
use crate::harness::stage::account;

/// How long a dribbler pauses between two bytes …
const PAUSE: Duration = Duration::from_millis(200);
/// … and how many it sends: for several times the deadline of a login.
const DRIBBLES: usize = 250;

#[test]
fn half_open_connections_of_one_source_leave_room_for_the_honest() {
    let stage = Stage::new();
    let ali = account(Example::Ali, Stretch::Least);
    stage.register(&ali);
    let source = IpAddr::V4(fresh());
    let flood: Vec<_> = (0..HALF_OPEN).map(|_| connect(source, stage.directory.address).unwrap()).collect();
    for terminal in 0..4 {
        stage.client(fresh()).log_in(&ali, TerminalId([terminal; 16]), PEER_PORT).unwrap();
    }
    let closed_at_once = flood.iter().filter(|stream| {
        stream.set_nonblocking(true).unwrap();
        !matches!((&mut &**stream).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    });
    assert!(closed_at_once.count() >= HALF_OPEN - HALF_OPEN_PER_SOURCE, "one source keeps more than its share");
}

#[test]
fn a_slow_dribbler_is_dropped_however_long_it_goes_on() {
    let stage = Stage::with(Start { settings: &[("LOG__LEVEL", "debug")], ..Start::default() });
    let mut dribbler = connect(IpAddr::V4(fresh()), stage.directory.address).unwrap();
    dribbler.set_read_timeout(Some(PAUSE)).unwrap();
    // The head of a TLS record that promises far more than this connection will ever send.
    let mut hello = [0x16, 3, 1, 0x07, 0xff, 1, 0, 0x07, 0xfb, 3, 3].into_iter().chain(std::iter::repeat(0));
    let end = hello.by_ref().take(DRIBBLES).find_map(|byte| {
        match dribbler.write_all(&[byte]).and_then(|()| dribbler.read(&mut [0])) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            end => Some(end),
        }
    });
    assert!(matches!(end, Some(Ok(0) | Err(_))), "{end:?}");
    stage.directory.logs("TooSlow");
}

/// The first bytes of a TLS handshake whose first message is longer, in records that are allowed.
fn unfinished_hello(size: usize) -> Vec<u8> {
    let hello: Vec<u8> = [1, 0, 0xff, 0xff].into_iter().chain(std::iter::repeat(0)).take(size).collect();
    let record = |piece: &[u8]| [&[0x16, 3, 1], &u16::try_from(piece.len()).unwrap().to_be_bytes()[..], piece].concat();
    hello.chunks(FIRST_FRAMES).flat_map(record).collect()
}

#[test]
fn what_waits_before_login_has_a_bound_and_whoever_makes_most_wait_is_closed() {
    let stage = Stage::new();
    let ali = account(Example::Ali, Stretch::Least);
    stage.register(&ali);
    let hello = unfinished_hello(64_000);
    let places = HALF_OPEN_BYTES / hello.len() + 2;
    let sources: Vec<_> = (0..places).step_by(HALF_OPEN_PER_SOURCE).map(|_| IpAddr::V4(fresh())).collect();
    let of = |place: usize| sources[place / HALF_OPEN_PER_SOURCE];
    let mut flood: Vec<_> = (0..places).map(|place| connect(of(place), stage.directory.address).unwrap()).collect();
    flood.iter_mut().for_each(|stream| stream.write_all(&hello).unwrap());
    assert!(places % HALF_OPEN_PER_SOURCE == 3, "the last one's source has fewest: {places}");
    let is_open = |stream: &std::net::TcpStream| {
        stream.set_nonblocking(true).unwrap();
        matches!((&mut &*stream).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let (full, fewest) = flood.split_at(places - 3);
    // Meanwhile the honest are let in; all that takes less than the deadline of a login.
    let closed = (0..8).map(|terminal| {
        stage.client(fresh()).log_in(&ali, TerminalId([terminal; 16]), PEER_PORT).unwrap();
        full.iter().filter(|stream| !is_open(stream)).count()
    });
    let closed = closed.max().unwrap();
    assert!((1..=3).contains(&closed), "{closed} of {places}");
    assert!(fewest.iter().all(is_open), "of the source that has fewest");
}
