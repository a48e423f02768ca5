//! `peer trust-server`, and commands at a new directory: sees which key a directory has now, and pins it once the user
//! has compared it.

use std::net::IpAddr;

use common::ident::KeyDigest;

use super::clock;
use super::directory::{DirectoryConnection, Endpoint};
use super::setup::Setup;
use crate::store::pins::{self, DirectoryPin};
use crate::store::places::ServerFolder;
use peer_core::notice::Failure;

/// What a directory shows now beside what is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The key it has proved to hold.
    pub(crate) now: KeyDigest,
    /// The pinned key and since when, if there is one.
    pub(crate) pinned: Option<(KeyDigest, u64)>,
    /// Whether the directory runs on this machine.
    pub(crate) local: bool,
    /// Our end of the connection, where callers would arrive.
    pub(crate) from: IpAddr,
}

/// Asks a directory for its key. Nothing is sent beyond the TLS handshake.
pub(crate) async fn look(setup: &Setup) -> Result<Shown, Failure> {
    let endpoint = Endpoint { server: setup.server.clone(), source: setup.listen, patience: setup.patience };
    let connection = DirectoryConnection::open(&endpoint).await?;
    let (now, local, from) = (connection.key(), connection.is_local(), connection.local());
    connection.close().await;
    let pinned = pins::directory(&ServerFolder::new(&setup.data, &setup.server))?;
    Ok(Shown { now, pinned: pinned.map(|pin| (pin.key, pin.since)), local, from })
}

/// Trusts that key from now on.
pub(crate) fn pin(setup: &Setup, key: KeyDigest) -> Result<(), Failure> {
    let folder = ServerFolder::new(&setup.data, &setup.server);
    Ok(pins::trust_directory(&folder, DirectoryPin { key, since: clock::date() })?)
}
