//! One user who is there, at one terminal or several.

use std::net::SocketAddr;
use std::sync::Arc;

use common::ident::{TerminalId, UserId};
use common::msg::{ByeReason, FoundTerminal, FromDirectory, Hex, LookupReply, LookupStatus, MeetingWays, Message as _};

use super::Arrival;
use crate::outbound::OutboundQueue;
use crate::timestamp::Timestamp;

/// A user who is there.
#[derive(Debug)]
pub(super) struct PresentUser {
    pub(super) public_key: Box<[u8]>,
    /// Newest login first; never empty outside this module's functions.
    pub(super) terminals: Vec<Terminal>,
    /// The encoded `LOOKUPREPLY`; lookups are far more frequent than logins.
    pub(super) reply: Arc<[u8]>,
}

impl PresentUser {
    pub(super) fn empty(arrival: &Arrival<'_>) -> Self {
        Self { public_key: arrival.public_key.into(), terminals: Vec::new(), reply: Arc::default() }
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        self.terminals.iter().map(|terminal| terminal.since).min()
    }

    /// The text of a user who is away at every terminal: that of the newest.
    pub(super) fn away(&self) -> Option<&str> {
        let away = self.terminals.iter().all(|terminal| terminal.away.is_some());
        self.terminals.first().filter(|_| away)?.away.as_deref()
    }

    pub(super) fn has_room_for(&self, terminal: &TerminalId, limit: usize) -> bool {
        self.terminals.len() < limit || self.terminals.iter().any(|t| t.id == *terminal)
    }

    pub(super) fn encode_reply(&mut self, user: &UserId) {
        let reply = LookupReply {
            status: LookupStatus::Success,
            userid: user.to_string(),
            addresses: self.terminals.iter().map(|terminal| terminal.address).collect(),
            publickey: Hex(self.public_key.to_vec()),
            terminals: self.terminals.iter().map(Terminal::found).collect(),
        };
        self.reply = FromDirectory::from(reply).encode().into();
    }

    pub(super) fn end(self, reason: ByeReason) -> usize {
        self.terminals.iter().for_each(|terminal| terminal.outbound.end(reason));
        self.terminals.len()
    }
}

/// One present terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) id: TerminalId,
    pub(super) session: u64,
    pub(super) address: SocketAddr,
    pub(super) since: Timestamp,
    pub(super) outbound: Arc<OutboundQueue>,
    pub(super) away: Option<String>,
    pub(super) ways: MeetingWays,
    pub(super) seen: SocketAddr,
}

impl Terminal {
    fn found(&self) -> FoundTerminal {
        FoundTerminal { terminal: self.id, relay: self.ways.relay, punch: self.ways.punch }
    }
}
