//! How long a call takes from the wish to `accepted`: our lookup, TCP, preface, mutual TLS with identity keys,
//! `CONNECTREQ`, the callee's own lookup, `CONNECTREPLY`. The callee is a real peer, the directory a real directory.
//!
//! Its floor is the mutual handshake with the same keys and one exchange of the same size.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use common::crypto::identity::{IdentityKey, PublicKey};
use common::ident::UserId;
use common::limits::{PADDED_SIZES, PEER_PORT};
use common::link::tls;
use common::msg::{Bye, ByeReason};
use common::testkit::caller::{Call, Caller};
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch};

use crate::bare::{Bare, Like, Sizes};
use crate::directory::{PASSCODE, RunningDirectory, source, terminal};
use crate::figure::{Figure, Unit, median};
use crate::process::{Process, Programs};
use crate::{Effort, Outcome};

/// What a peer says when it waits for a command.
pub(crate) const PROMPT: &str = "Enter destination user ID: ";
/// The sizes of most messages on a link, which are padded.
pub(crate) const SIZES: Sizes = Sizes { request: PADDED_SIZES[0], reply: PADDED_SIZES[0] };
/// Calls that a peer takes from one caller before it spares its directory the lookups for a minute.
const CALLS_OF_ONE: usize = 20;
/// Where our caller calls from, and where the peer is.
const ALI: usize = 2;
const BIANCA: usize = 3;

/// A directory, bianca's peer logged in to it, and ali, who can call.
pub(crate) struct Stage {
    pub(crate) bianca: Process,
    client: Client,
    ali: Account,
    callee: UserId,
    told: u64,
    since: Instant,
    _directory: RunningDirectory,
    _data: tempfile::TempDir,
}

impl Stage {
    pub(crate) fn set(programs: &Programs, ali: &IdentityKey, bianca: &IdentityKey) -> Outcome<Self> {
        let directory = RunningDirectory::start(programs)?;
        let data = tempfile::tempdir()?;
        let ali = directory.register("ali", Stretch::Least, ali.to_pkcs1())?;
        let callee = directory.register("bianca", Stretch::Full, bianca.to_pkcs1())?.user;
        let mut peer = start_peer(programs, directory.address, (source(BIANCA), data.path()), &callee)?;
        peer.wait_for(PROMPT)?;
        let mut client = Client::connect(source(ALI), directory.address)?;
        let told = client.log_in(&ali, terminal(1), PEER_PORT)?.time;
        Ok(Self { bianca: peer, client, ali, callee, told, since: Instant::now(), _directory: directory, _data: data })
    }

    /// Calls; how long it took.
    pub(crate) fn call(&mut self) -> Outcome<(Duration, Caller)> {
        let begun = Instant::now();
        let found = self.client.lookup(&self.ali.user, &self.callee)?;
        let callee = PublicKey::from_pkcs1(&found.publickey.0)?;
        let call = Call {
            source: source(ALI),
            to: *found.addresses.first().ok_or("the callee is not there")?,
            destination: &self.callee,
            callee: &callee,
            initiator: &self.ali.user,
            identity: &self.ali.identity,
            time: self.told + self.since.elapsed().as_secs(),
        };
        let caller = call.place()?;
        Ok((begun.elapsed(), caller))
    }

    /// Ends a call, and waits until the peer is ready for the next.
    pub(crate) fn end(&mut self, mut caller: Caller) -> Outcome<()> {
        caller.send_message(Bye { reason: ByeReason::Ended })?;
        self.bianca.wait_for(PROMPT)?;
        Ok(())
    }
}

/// Starts a peer that listens there and keeps what it has in this folder.
pub(crate) fn start_peer(
    programs: &Programs,
    directory: SocketAddr,
    (listen, data): (IpAddr, &Path),
    user: &UserId,
) -> Outcome<Process> {
    let passcode = data.join("passcode");
    std::fs::write(&passcode, PASSCODE)?;
    std::fs::set_permissions(&passcode, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let (server, listen) = (directory.to_string(), listen.to_string());
    let arguments = [
        "--server".as_ref(),
        server.as_ref(),
        "--listen".as_ref(),
        listen.as_ref(),
        "--user".as_ref(),
        user.as_str().as_ref(),
        "--passcode-file".as_ref(),
        passcode.as_os_str(),
        "--data-dir".as_ref(),
        data.as_os_str(),
    ];
    // A program types faster than anybody: its lines are none that were pasted.
    Process::start(&programs.peer, arguments, &[("PEER_LINE__PASTE_GUARD", "false")])
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let (ali, bianca) = (IdentityKey::generate()?, IdentityKey::generate()?);
    let bare = Bare::start(programs, Like::Call(&bianca), SIZES)?;
    let config = tls::peer_client(&ali, bianca.public())?;
    let (mut calls, mut handshakes) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(3, 1) {
        let mut stage = Stage::set(programs, &ali, &bianca)?;
        for _ in 0..CALLS_OF_ONE {
            let (took, caller) = stage.call()?;
            stage.end(caller)?;
            calls.push(took.as_secs_f64() * 1000.0);

            let begun = Instant::now();
            let mut client = bare.connect(source(ALI), &config)?;
            client.send()?;
            client.receive()?;
            handshakes.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(vec![Figure::new("call_setup", median(calls), Unit::Milliseconds).floor(median(handshakes))])
}
