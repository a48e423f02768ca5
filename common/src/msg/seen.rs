//! Where a terminal is seen from the other family of addresses (decision D26; protocol section 5.8).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::ident::SeenToken;

/// `SEENREQ`: this connection is of the terminal that was given the token; sent in the place of a login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenReq {
    /// Of `ANNOUNCED`; good once, for [`SEEN_VALID`](crate::limits::SEEN_VALID).
    pub token: SeenToken,
    /// TCP port the terminal listens on at the address it is seen from, never 0.
    #[serde(deserialize_with = "bounded::port")]
    pub port: u16,
}

/// Whether the address is one of the terminal's from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeenStatus {
    /// It is.
    #[serde(rename = "SUCCESS")]
    Success,
    /// The token is not good, or the address is of the family of the session.
    #[serde(rename = "REFUSED")]
    Refused,
}

/// `SEENREPLY`: answers `SEENREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenReply {
    /// Whether it is.
    pub status: SeenStatus,
    /// The address that others get, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
}

impl SeenReply {
    /// Others get this address, too.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        Self { status: SeenStatus::Success, address: Some(address) }
    }

    /// Nothing has changed.
    #[must_use]
    pub fn refused() -> Self {
        Self { status: SeenStatus::Refused, address: None }
    }
}
