//! Meetings: two terminals that do not reach each other ask the directory to bring them together (decision D26; protocol
//! section 6.12).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::features::{Features, PUNCH, RELAY, RELAY_FILES};
use crate::ident::{MeetingToken, TerminalId, UserId};

/// How two terminals meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeetingWay {
    /// Both connect to the directory, which joins the two connections: for a conversation.
    Relay,
    /// The same, for a file that the asker fetches.
    File,
    /// Both connect to each other at one moment, to talk.
    Punch,
    /// A way this version does not know.
    #[serde(other)]
    Other,
}

/// The ways by which a terminal can be met, as it has named them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeetingWays {
    /// By relay, to talk.
    pub relay: bool,
    /// By relay, for a file.
    pub file: bool,
    /// By connecting to each other.
    pub punch: bool,
}

impl MeetingWays {
    /// Those that a terminal names in `ANNOUNCE`.
    #[must_use]
    pub fn named(features: &Features) -> Self {
        Self { relay: features.include(RELAY), file: features.include(RELAY_FILES), punch: features.include(PUNCH) }
    }

    /// Whether it can be met by this one.
    #[must_use]
    pub fn include(self, way: MeetingWay) -> bool {
        match way {
            MeetingWay::Relay => self.relay,
            MeetingWay::File => self.file,
            MeetingWay::Punch => self.punch,
            MeetingWay::Other => false,
        }
    }
}

/// `MEETREQ`: asks to be brought together with a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetReq {
    /// Whose terminal.
    pub userid: UserId,
    /// Which of the user's terminals.
    pub terminal: TerminalId,
    /// How.
    pub how: MeetingWay,
}

/// Whether there is a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MeetStatus {
    /// There is, and the other terminal was told.
    #[serde(rename = "SUCCESS")]
    Success,
    /// See `reason`.
    #[serde(rename = "REFUSED")]
    Refused,
}

/// Why there is no meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeetRefusal {
    /// The directory's administrator does not allow this way.
    Off,
    /// The terminal is not present, or knows no such way.
    NotPresent,
    /// A connection between the two cannot come about.
    NoWay,
    /// As many relayed links as there may be: in all, or of either user.
    Full,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// `MEETREPLY`: answers `MEETREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeetReply {
    /// Whether there is a meeting.
    pub status: MeetStatus,
    /// Opens the asker's leg, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<MeetingToken>,
    /// Where to connect to: where the directory sees the session of the other, port included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// When, in milliseconds from when the directory has said it.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<MeetRefusal>,
}

impl MeetReply {
    /// There is one, and this opens the asker's leg.
    #[must_use]
    pub fn success(token: MeetingToken) -> Self {
        Self { status: MeetStatus::Success, token: Some(token), address: None, after: None, reason: None }
    }

    /// There is one at this place and time.
    #[must_use]
    pub fn punch(address: SocketAddr, after: u32) -> Self {
        Self { status: MeetStatus::Success, token: None, address: Some(address), after: Some(after), reason: None }
    }

    /// There is none.
    #[must_use]
    pub fn refused(reason: MeetRefusal) -> Self {
        Self { status: MeetStatus::Refused, token: None, address: None, after: None, reason: Some(reason) }
    }
}

/// `MEET`: somebody wants to be brought together with this terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meet {
    /// Opens this terminal's leg, once; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<MeetingToken>,
    /// Who asks.
    pub userid: UserId,
    /// At which terminal.
    pub terminal: TerminalId,
    /// The address of the session that asks, as a lookup shows it: it takes the place of the source address when the caller is
    /// verified (decision D15). To be connected to: as the directory sees it, port included.
    pub address: SocketAddr,
    /// How.
    pub how: MeetingWay,
    /// When to connect, in milliseconds from when the directory has said it.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}
