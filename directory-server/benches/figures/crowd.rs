//! What strangers cost the directory who hold all connections at once that it takes, and whether others log in meanwhile.
//!
//! As many connections as the crowd can have stand open all the time: whoever is turned away comes again. Those that get a
//! place send empty frames, thousands of them, and read nothing. The floor of an honest login is one with nobody else there,
//! measured just before.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::limits::{FRAME_BEFORE_LOGIN, HALF_OPEN_PER_SOURCE};
use common::link::tls;
use common::testkit::client::{self, Trouble};
use common::testkit::login::Account;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use crate::directory::{RunningDirectory, source};
use crate::figure::{Figure, Target, Unit, median};
use crate::flood::{log_in, prepared};
use crate::process::Programs;
use crate::{Effort, Outcome};

/// How long the crowd stands in the door: longer than anybody may take to log in, so that all places change hands.
const STANDS: Duration = Duration::from_secs(20);

/// A connection of the crowd.
struct Stranger {
    stream: TcpStream,
    tls: ClientConnection,
    has_poured: bool,
}

impl Stranger {
    /// Connects and says the first word of a handshake.
    fn connect(config: &Arc<ClientConfig>, n: usize, to: SocketAddr) -> Outcome<Self> {
        let stream = client::connect(source(1 + n / HALF_OPEN_PER_SOURCE), to)?;
        stream.set_nonblocking(true)?;
        let tls = ClientConnection::new(Arc::clone(config), ServerName::from(Ipv4Addr::LOCALHOST))?;
        let mut stranger = Self { stream, tls, has_poured: false };
        stranger.write();
        Ok(stranger)
    }

    /// Writes what goes out at once; the rest is nobody's concern.
    fn write(&mut self) {
        while self.tls.wants_write() && matches!(self.tls.write_tls(&mut self.stream), Ok(1..)) {}
    }

    /// Goes on with the handshake, and pours when it is done. Whether the connection still stands.
    fn goes_on(&mut self, bytes: &[u8]) -> bool {
        if self.has_poured {
            let mut unread = [0; 1];
            return match self.stream.peek(&mut unread) {
                Ok(read) => read > 0,
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            };
        }
        match self.tls.read_tls(&mut self.stream) {
            Ok(0) => return false,
            Ok(_) if self.tls.process_new_packets().is_err() => return false,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
        if !self.tls.is_handshaking() {
            self.has_poured = self.tls.writer().write_all(bytes).is_ok();
        }
        self.write();
        true
    }
}

/// A directory of its own: what the one before has grown to would hide what this takes.
pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let (directory, account) = &prepared(programs)?;
    let connections = effort.of(10_000, 1_000);
    let (config, empty) = (tls::directory_client()?, vec![0; 4 * FRAME_BEFORE_LOGIN]);
    let alone = (0..8).map(|_| timed(directory, account)).collect::<Result<Vec<_>, _>>()?;
    let before = directory.process.memory()?;
    let mut crowd: Vec<Option<Stranger>> = Vec::new();
    crowd.resize_with(connections, || None);
    let (mut peak, mut most, mut tried, mut logins) = (before, 0, 0, Vec::new());
    let began = Instant::now();
    while began.elapsed() < STANDS {
        for (n, place) in crowd.iter_mut().enumerate() {
            if !place.as_mut().is_some_and(|stranger| stranger.goes_on(&empty)) {
                *place = Stranger::connect(&config, n, directory.address).ok();
            }
        }
        most = most.max(crowd.iter().flatten().count());
        peak = peak.max(directory.process.memory()?);
        tried += 1;
        logins.extend(timed(directory, account));
    }
    let came = logins.len();
    Ok(vec![
        Figure::new("flood_held_memory", peak - before, Unit::Kibibytes)
            .target(Target::Value(8.0 * 1024.0))
            .note(format!("at its peak, {most} connections at once for {} s", STANDS.as_secs())),
        Figure::new("flood_held_login", median(logins), Unit::Milliseconds)
            .floor(median(alone))
            .note(format!("{came} of {tried} honest logins meanwhile")),
    ])
}

/// How long an honest login takes, milliseconds.
fn timed(directory: &RunningDirectory, account: &Account) -> Result<f64, Trouble> {
    let began = Instant::now();
    log_in(directory, account)?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}
