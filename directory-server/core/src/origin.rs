//! What a handler knows of the connection that it answers.

use std::net::IpAddr;

use common::crypto::transcript::Channel;
use common::ident::{KeyDigest, UserId};

use crate::sources::Source;

/// Where a connection comes from and what makes it unique.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The other side's address.
    pub address: IpAddr,
    /// TLS exporter of the connection.
    pub exporter: [u8; 32],
}

impl Origin {
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
