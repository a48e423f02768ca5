//! What a handler knows of the connection that it answers.

use std::net::{IpAddr, SocketAddr};

use common::crypto::transcript::Channel;
use common::ident::{KeyDigest, UserId};

use common::network::Source;

/// Where a connection comes from and what makes it unique.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The other side's address.
    pub address: IpAddr,
    /// The other side's port.
    pub port: u16,
    /// TLS exporter of the connection.
    pub exporter: [u8; 32],
}

impl Origin {
    /// Both, as others may be told.
    #[must_use]
    pub fn seen(&self) -> SocketAddr {
        SocketAddr::new(self.address.to_canonical(), self.port)
    }

    /// What penalties and counts apply to.
    #[must_use]
    pub fn source(&self) -> Source {
        Source::of(self.address)
    }

    /// What transcripts of this connection are bound to.
    pub(crate) fn channel<'a>(&'a self, user: &'a UserId, directory: &'a KeyDigest) -> Channel<'a> {
        Channel { user, directory, exporter: &self.exporter }
    }
}
