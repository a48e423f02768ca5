//! A running directory and users of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use common::crypto::identity::IdentityKey;
use common::ident::{TerminalId, UserId};
use common::secret::Secret;
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch, is_registered};

use crate::Outcome;
use crate::process::{Process, Programs};

/// Everybody's passcode.
pub(crate) const PASSCODE: &str = "482193";

/// A directory with a store of its own, which is thrown away.
#[derive(Debug)]
pub(crate) struct RunningDirectory {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    _data: tempfile::TempDir,
}

impl RunningDirectory {
    /// Starts one without limits on how often a session may ask and how many messages wait.
    pub(crate) fn start(programs: &Programs) -> Outcome<Self> {
        let data = tempfile::tempdir()?;
        let (process, address) = start(programs, data.path())?;
        Ok(Self { process, address, _data: data })
    }

    /// Registers a user whose passcode is hashed with `stretch`.
    pub(crate) fn register(&self, id: &str, stretch: Stretch, identity: &Secret) -> Outcome<Account> {
        let account = Account {
            user: UserId::parse(id)?,
            passcode: PASSCODE.into(),
            stretch,
            identity: IdentityKey::from_pkcs1(identity)?,
        };
        let reply = Client::connect(source(1), self.address)?.register(&account, None)?;
        if is_registered(&reply) { Ok(account) } else { Err(format!("not registered: {reply:?}").into()) }
    }
}

/// What a session may ask for, and what a mailbox takes, has no limit; and nobody hears of others, which would come
/// between questions and answers.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("DIRSRV_LIMITS__LOOKUPS_PER_MINUTE", "0"),
    ("DIRSRV_LIMITS__REQUESTS_PER_MINUTE", "0"),
    ("DIRSRV_LIMITS__QUEUE", "0"),
    ("DIRSRV_PRESENCE__SHOW", "contacts"),
];

/// Starts a directory on a free port and waits until it listens.
pub(crate) fn start(programs: &Programs, data: &Path) -> Outcome<(Process, SocketAddr)> {
    let arguments =
        ["serve".as_ref(), "--listen".as_ref(), "127.0.0.1:0".as_ref(), "--data-dir".as_ref(), data.as_os_str()];
    let mut process = Process::start(&programs.directory_server, arguments, &ENVIRONMENT)?;
    process.wait_for("Listening on ")?;
    let address = process.wait_for(" ")?.trim().parse()?;
    Ok((process, address))
}

/// Address `n` of the many that loopback has; the directory counts half-open connections by source.
pub(crate) fn source(n: usize) -> IpAddr {
    let [.., high, low] = n.to_be_bytes();
    Ipv4Addr::new(127, 9, high, low).into()
}

/// Terminal `n` of a user.
pub(crate) fn terminal(n: usize) -> TerminalId {
    TerminalId(u128::try_from(n).unwrap_or_default().to_be_bytes())
}
