//! What a directory says of a terminal, signed, so that it holds while the directory is out of reach (decision D27; protocol
//! section 8.10).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Blob, Hex, bounded};
use crate::ident::{KeyDigest, TerminalId, UserId};
use crate::limits::ADDRESSES_PER_TERMINAL;

/// `RECORD`, and what others are shown of it: whose terminal this is, under which key and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Whose terminal.
    pub userid: UserId,
    /// Which terminal.
    pub terminal: TerminalId,
    /// Digest of the user's identity key.
    pub key: KeyDigest,
    /// Where the directory has seen it, the address of its session first; at most [`ADDRESSES_PER_TERMINAL`].
    #[serde(deserialize_with = "bounded::list::<_, _, ADDRESSES_PER_TERMINAL>")]
    pub addresses: Vec<SocketAddr>,
    /// When it was signed, seconds since the epoch by the directory's clock.
    pub issued: u64,
    /// Until when it is valid, by the same clock.
    pub until: u64,
    /// The directory's key, SubjectPublicKeyInfo DER: worth something only if its digest is the pinned one.
    pub directory: Hex,
    /// By the directory's key over the record transcript.
    pub signature: Blob,
}
