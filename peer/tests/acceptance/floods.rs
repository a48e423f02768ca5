//! What many connections, or slow ones, must not do to others (threat L9).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use common::ident::TerminalId;
use common::limits::{HALF_OPEN, HALF_OPEN_PER_SOURCE, PEER_PORT};
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
