//! One user who is there, at one terminal or several.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use common::ident::{TerminalId, UserId};
use common::msg::{
    ByeReason, FoundTerminal, FromDirectory, Hex, LookupReply, LookupStatus, MeetingWays, Message as _, Record,
};

use super::Arrival;
use crate::outbound::OutboundQueue;
use crate::timestamp::Timestamp;

/// A user who is there.
#[derive(Debug)]
pub(super) struct PresentUser {
    pub(super) public_key: Box<[u8]>,
    /// Newest login first; never empty outside this module's functions.
    pub(super) terminals: Vec<Terminal>,
    /// The encoded `LOOKUPREPLY` for askers of either family; lookups are far more frequent than logins.
    replies: Replies,
}

/// One thing said to askers of either family.
#[derive(Debug, Default)]
struct Replies {
    v4: Arc<[u8]>,
    v6: Arc<[u8]>,
}

/// Whether the asker is shown where terminals listen in their own network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nearby {
    Shown,
    Hidden,
}

impl PresentUser {
    pub(super) fn empty(arrival: &Arrival<'_>) -> Self {
        Self { public_key: arrival.public_key.into(), terminals: Vec::new(), replies: Replies::default() }
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        self.terminals.iter().map(|terminal| terminal.since).min()
    }

    /// The text of a user who is away at every terminal: that of the newest.
    pub(super) fn away(&self) -> Option<&str> {
        let away = self.terminals.iter().all(|terminal| terminal.away.is_some());
        self.terminals.first().filter(|_| away)?.away.as_deref()
    }

    /// Whether there is room for a terminal, or it takes that of a younger one.
    pub(super) fn has_room_for(&self, terminal: &TerminalId, age: i64, limit: usize) -> bool {
        self.is_below(limit, terminal) || self.terminals.iter().any(|t| t.age > age)
    }

    /// Whether so many may be there, this one with them.
    pub(super) fn is_below(&self, limit: usize, terminal: &TerminalId) -> bool {
        self.terminals.len() < limit || self.terminals.iter().any(|t| t.id == *terminal)
    }

    /// The place of the youngest.
    pub(super) fn youngest(&self) -> Option<usize> {
        (0..self.terminals.len()).max_by_key(|place| self.terminals.get(*place).map(|terminal| terminal.age))
    }

    pub(super) fn encode_reply(&mut self, user: &UserId) {
        let v4 = self.encode(user, Ipv4Addr::UNSPECIFIED.into(), Nearby::Hidden);
        let v6 = match self.terminals.iter().any(|terminal| terminal.other.is_some()) {
            true => self.encode(user, Ipv6Addr::UNSPECIFIED.into(), Nearby::Hidden),
            false => Arc::clone(&v4),
        };
        self.replies = Replies { v4, v6 };
    }

    /// What an asker who is seen there is told.
    pub(super) fn reply(&self, asker: IpAddr) -> Arc<[u8]> {
        Arc::clone(if asker.is_ipv4() { &self.replies.v4 } else { &self.replies.v6 })
    }

    /// The same, with where terminals behind the same address listen in their network.
    pub(super) fn reply_nearby(&self, user: &UserId, asker: IpAddr) -> Arc<[u8]> {
        self.encode(user, asker, Nearby::Shown)
    }

    /// Whether a terminal that is seen at the asker's address has said where it listens in its network.
    pub(super) fn is_near(&self, asker: IpAddr) -> bool {
        self.terminals.iter().any(|terminal| terminal.is_near(asker))
    }

    fn encode(&self, user: &UserId, asker: IpAddr, nearby: Nearby) -> Arc<[u8]> {
        let reply = LookupReply {
            status: LookupStatus::Success,
            userid: user.to_string(),
            addresses: self.terminals.iter().map(|terminal| terminal.address_for(asker)).collect(),
            publickey: Hex(self.public_key.to_vec()),
            terminals: self.terminals.iter().map(|terminal| terminal.found(asker, nearby)).collect(),
        };
        FromDirectory::from(reply).encode().into()
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
    /// The greater, the younger.
    pub(super) age: i64,
    pub(super) session: u64,
    pub(super) address: SocketAddr,
    pub(super) since: Timestamp,
    pub(super) outbound: Arc<OutboundQueue>,
    pub(super) away: Option<String>,
    pub(super) ways: MeetingWays,
    pub(super) seen: SocketAddr,
    /// Where it is seen from the other family.
    pub(super) other: Option<SocketAddr>,
    /// Where it listens in its own network.
    pub(super) local: Vec<SocketAddr>,
    /// What it can show of itself where we cannot be asked; nothing of a terminal that knows no records.
    pub(super) record: Option<Box<Record>>,
}

impl Terminal {
    /// Where it is seen.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        [self.address].into_iter().chain(self.other)
    }

    /// The one for whoever is told one only: of the asker's family, if there is one.
    fn address_for(&self, asker: IpAddr) -> SocketAddr {
        self.addresses().find(|address| address.is_ipv4() == asker.is_ipv4()).unwrap_or(self.address)
    }

    fn is_near(&self, asker: IpAddr) -> bool {
        !self.local.is_empty() && self.addresses().any(|address| address.ip() == asker)
    }

    fn found(&self, asker: IpAddr, nearby: Nearby) -> FoundTerminal {
        let shows_local = nearby == Nearby::Shown && self.is_near(asker);
        FoundTerminal {
            terminal: self.id,
            relay: self.ways.relay,
            punch: self.ways.punch,
            addresses: self.other.map(|_| self.addresses().collect()).unwrap_or_default(),
            local: if shows_local { self.local.clone() } else { Vec::new() },
            record: self.record.clone(),
        }
    }
}
