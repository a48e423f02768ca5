//! What strangers cost the directory who open connections and never log in, and whether others log in meanwhile.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use common::crypto::identity::IdentityKey;
use common::limits::{FRAME_BEFORE_LOGIN, HALF_OPEN_PER_SOURCE};
use common::link::tls;
use common::testkit::client::{self, Client, Trouble};
use common::testkit::login::{Account, Stretch};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::directory::{RunningDirectory, source, terminal};
use crate::figure::{Figure, Target, Unit};
use crate::process::Programs;
use crate::{Effort, Outcome, crowd};

/// Connections that are kept open at once: all the half-open places but those for the honest.
const KEPT: usize = 504;
/// Where honest users come from.
const HONEST: usize = 60_000;

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let connections = effort.of(10_000, 1_000);
    let (directory, account) = prepared(programs)?;
    let before = directory.process.memory()?;

    let (config, empty) = (tls::directory_client()?, vec![0; 4 * FRAME_BEFORE_LOGIN]);
    let (mut kept, mut peak, mut logins) = (VecDeque::new(), before, Vec::new());
    for n in 0..connections {
        // Whoever is turned away has cost the directory nothing but that.
        // Four bytes make a frame, so these are thousands; none of the answers is read.
        kept.extend(pour(&config, source(1 + n / HALF_OPEN_PER_SOURCE), directory.address, &empty));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        if n % 100 == 99 {
            peak = peak.max(directory.process.memory()?);
            let began = Instant::now();
            if log_in(&directory, &account).is_ok() {
                logins.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    drop(kept);
    let tried = connections / 100;
    logins.sort_by(f64::total_cmp);
    let median = logins.get(logins.len() / 2).copied().ok_or("nobody could log in")?;
    let figures = vec![
        Figure::new("flood_memory", peak - before, Unit::Kibibytes)
            .target(Target::Value(8.0 * 1024.0))
            .note(format!("at its peak, {connections} connections that send empty frames")),
        Figure::new("flood_login", median, Unit::Milliseconds)
            .note(format!("{} of {tried} honest logins meanwhile", logins.len())),
    ];
    Ok(figures.into_iter().chain(crowd::measure(programs, effort)?).collect())
}

/// A directory that has nothing left to do, and somebody who has logged in there before.
pub(crate) fn prepared(programs: &Programs) -> Outcome<(RunningDirectory, Account)> {
    let directory = RunningDirectory::start(programs)?;
    let identity = IdentityKey::generate()?;
    let account = directory.register("ali", Stretch::Least, identity.to_pkcs1())?;
    // What the first connections set up belongs to the directory, not to a flood.
    (0..16).try_for_each(|_| log_in(&directory, &account).map(drop))?;
    directory.process.cpu_at_rest()?;
    Ok((directory, account))
}

/// A connection over which so much was sent; nothing if the directory did not want it.
fn pour(
    config: &Arc<ClientConfig>,
    source: IpAddr,
    to: SocketAddr,
    bytes: &[u8],
) -> Option<StreamOwned<ClientConnection, TcpStream>> {
    let tls = ClientConnection::new(Arc::clone(config), ServerName::from(Ipv4Addr::LOCALHOST)).ok()?;
    let mut stream = StreamOwned::new(tls, client::connect(source, to).ok()?);
    stream.write_all(bytes).and_then(|()| stream.flush()).ok()?;
    Some(stream)
}

pub(crate) fn log_in(directory: &RunningDirectory, account: &Account) -> Result<(), Trouble> {
    let mut client = Client::connect(source(HONEST), directory.address)?;
    client.log_in(account, terminal(1), 65_000)?;
    client.log_out()
}
