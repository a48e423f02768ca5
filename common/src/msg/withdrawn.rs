//! Promises that are withdrawn: messages that were stored and never arrive, and what tells a terminal that its directory
//! was restored (protocol sections 6.10 and 6.11; decision D32).

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::ident::{MessageId, RoomId, UserId};
use crate::limits::{EPOCHS_ASKED, MAIL_IN_ONE};

/// Why a message that was stored does not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// Nobody has taken it in time.
    Expired,
    /// The receiver's mailbox took no more.
    Full,
    /// The receiver, or the terminal that it waited for, was removed.
    Removed,
    /// A reason this version does not know.
    #[serde(other)]
    Other,
}

/// One message that was stored and is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnMessage {
    /// The number of the report; ascending for a terminal, never 0.
    pub report: u64,
    /// The sender's name for the message.
    pub id: MessageId,
    /// The room it was put into.
    pub room: RoomId,
    /// Who does not get it.
    pub user: UserId,
    /// Why.
    pub reason: Withdrawal,
}

/// `WITHDRAWN`: reports in ascending order; only for those who named [`super::WITHDRAWN`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// At least one, at most [`MAIL_IN_ONE`].
    #[serde(deserialize_with = "bounded::list::<_, _, MAIL_IN_ONE>")]
    pub messages: Vec<WithdrawnMessage>,
}

/// `WITHDRAWNACK`: the terminal has kept everything up to this report; the directory forgets it. Not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnAck {
    /// The last report kept.
    pub upto: u64,
}

/// `EPOCHSREQ`: in which epochs are these rooms? Only to those who named [`super::EPOCHS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochsReq {
    /// At most [`EPOCHS_ASKED`].
    #[serde(deserialize_with = "bounded::list::<_, _, EPOCHS_ASKED>")]
    pub rooms: Vec<RoomId>,
}

/// The epoch of one room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomEpoch {
    /// The room.
    pub room: RoomId,
    /// Its epoch.
    pub epoch: u64,
}

/// `EPOCHSREPLY`: answers `EPOCHSREQ`; rooms that the terminal is not in are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochsReply {
    /// At most [`EPOCHS_ASKED`].
    #[serde(deserialize_with = "bounded::list::<_, _, EPOCHS_ASKED>")]
    pub rooms: Vec<RoomEpoch>,
}
