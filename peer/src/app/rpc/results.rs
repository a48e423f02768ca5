//! Results as types that are written and read, with the words and fields of the wire. What no command of this program
//! asks for is made where it is answered.

use common::ident::{MessageId, UserId};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use peer_core::model::DeliveryStatus;
use peer_core::notice::{FileState, KeyState};

/// A result, of whatever method.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Done(Done),
    Session(Session),
    Status(Status),
    Position(Position),
    Listed(Vec<Listed>),
    Sent(Sent),
    Records(Vec<Record>),
    File(File),
    Files(Vec<File>),
    Number(SafetyNumber),
    /// What no command of this program reads.
    Other(Value),
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        Self::Other(value)
    }
}

/// A result as it came: as a value, or as it was written.
#[derive(Debug)]
pub(crate) enum Given {
    Typed(Reply),
    Written(Value),
}

impl Given {
    /// The result, if it is what was asked for.
    pub(crate) fn read<T: Told>(self) -> serde_json::Result<T> {
        match self {
            Self::Typed(reply) => T::of(reply).ok_or_else(|| de::Error::custom("a result of another method")),
            Self::Written(value) => serde_json::from_value(value),
        }
    }
}

/// A result of a certain type.
pub(crate) trait Told: DeserializeOwned {
    /// The result, if it is of this type.
    fn of(reply: Reply) -> Option<Self>;
}

macro_rules! told {
    ($($variant:ident: $result:ty),*) => {$(
        impl Told for $result {
            fn of(reply: Reply) -> Option<Self> {
                if let Reply::$variant(result) = reply { Some(result) } else { None }
            }
        }

        impl From<$result> for Reply {
            fn from(result: $result) -> Self {
                Self::$variant(result)
            }
        }
    )*};
}

told!(
    Done: Done, Session: Session, Status: Status, Position: Position, Listed: Vec<Listed>, Sent: Sent,
    Records: Vec<Record>, File: File, Files: Vec<File>, Number: SafetyNumber
);

/// It was done; there is no more to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Done {}

/// Of `login`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) user: Option<UserId>,
    pub(crate) server: String,
    /// The newest event.
    pub(crate) seq: u64,
}

/// Of `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    #[serde(flatten)]
    pub(crate) session: Session,
    pub(crate) passcode_min: u16,
    pub(crate) online: bool,
    pub(crate) connections: Vec<UserId>,
    /// How each of these goes, and why there is none to whom one is looked for.
    #[serde(default)]
    pub(crate) ways: Vec<Way>,
    /// Whether the directory is there; a daemon of a version before says nothing of this and of what follows.
    #[serde(default)]
    pub(crate) directory: Reach,
    /// Own messages that wait on this machine.
    #[serde(default)]
    pub(crate) outbox: usize,
    /// Messages that nobody has seen.
    #[serde(default)]
    pub(crate) unread: usize,
    /// Files on their way, both ways.
    #[serde(default)]
    pub(crate) transfers: Vec<File>,
}

/// How what is said goes to a user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Way {
    pub(crate) id: UserId,
    /// `mailbox` where no connection stands.
    pub(crate) way: String,
    /// Why there is no connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// When the directory has vouched for the user, if the connection has come about without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vouched: Option<String>,
}

/// Whether the directory can be asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    Here,
    Lost,
    /// Nobody is logged in, or it was not told.
    #[default]
    Unknown,
}

/// Of `subscribe`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The newest event.
    pub(crate) seq: u64,
}

/// Of `list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Listed {
    User {
        id: UserId,
        state: Availability,
        /// Seconds since the epoch.
        since: Option<u64>,
        away: Option<String>,
        unread: usize,
        verified: bool,
        /// Whether the user has chosen them; a daemon of a version before does not say.
        #[serde(default)]
        contact: bool,
        key: Key,
    },
    Group {
        id: String,
        members: usize,
        online: usize,
        admins: Vec<UserId>,
        unread: usize,
        waiting: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Availability {
    Offline,
    Online,
    Away,
}

impl Availability {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Online => "online",
            Self::Away => "away",
        }
    }
}

/// What is known of a user's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Key {
    Verified,
    NotVerified,
    Changed,
    Blocked,
}

impl Key {
    /// Words for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::NotVerified => "not verified",
            Self::Changed => "changed",
            Self::Blocked => "blocked",
        }
    }
}

impl From<KeyState> for Key {
    fn from(key: KeyState) -> Self {
        match key {
            KeyState::Verified => Self::Verified,
            KeyState::NotVerified => Self::NotVerified,
            KeyState::Changed => Self::Changed,
            KeyState::Blocked => Self::Blocked,
        }
    }
}

/// Of `send`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) msg: MessageId,
    pub(crate) state: SentState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SentState {
    Sent,
    Queued,
}

/// A stored message, as `history` and `search` tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) msg: MessageId,
    pub(crate) from: UserId,
    #[serde(rename = "in")]
    pub(crate) at: String,
    pub(crate) group: Option<String>,
    pub(crate) text: String,
    pub(crate) date: u64,
    pub(crate) state: Mark,
    pub(crate) state_since: u64,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    Unread,
    Read,
    Queued,
    Stored,
    Delivered,
    Failed,
}

impl From<DeliveryStatus> for Mark {
    fn from(mark: DeliveryStatus) -> Self {
        match mark {
            DeliveryStatus::Received { read: false } => Self::Unread,
            DeliveryStatus::Received { read: true } | DeliveryStatus::Read => Self::Read,
            DeliveryStatus::Queued => Self::Queued,
            DeliveryStatus::Stored => Self::Stored,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::Failed | DeliveryStatus::Withdrawn(_) => Self::Failed,
        }
    }
}

/// A file, as `file.list`, answers and events tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) file: u64,
    pub(crate) id: MessageId,
    pub(crate) with: UserId,
    pub(crate) outgoing: bool,
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) files: Option<u64>,
    /// The bytes of these files together, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<u64>,
    /// Entries of a folder that are not sent; absent where all are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) left_out: u64,
    /// The first of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out_names: Vec<String>,
    pub(crate) done: u64,
    pub(crate) state: FileState,
    /// Why one that is wanted does not come yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waits: Option<String>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Of `verify.number`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SafetyNumber {
    pub(crate) id: UserId,
    /// 12 groups of 5.
    pub(crate) digits: Vec<String>,
    pub(crate) verified: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn comes_back<T: DeserializeOwned + Serialize>(value: Value) {
        let read: T = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }

    #[test]
    fn results_are_written_as_they_are_read() {
        let msg = "07".repeat(16);
        comes_back::<Session>(json!({"user": null, "server": "d:7420", "seq": 0}));
        comes_back::<Status>(json!({
            "user": "ali", "server": "d:7420", "seq": 7, "passcode_min": 6, "online": true, "connections": ["bianca"],
            "ways": [{"id": "bianca", "way": "relayed"}, {"id": "carol", "way": "mailbox", "why": "no answer in 2 seconds"}],
            "directory": "here", "outbox": 2, "unread": 3, "transfers": []
        }));
        comes_back::<Vec<Listed>>(json!([
            {"id": "bianca", "kind": "user", "state": "away", "since": 5, "away": "back soon", "unread": 2,
             "verified": false, "contact": true, "key": "not_verified"},
            {"id": "#team", "kind": "group", "members": 2, "online": 1, "admins": ["ali"], "unread": 0, "waiting": 1}
        ]));
        comes_back::<Sent>(json!({"msg": msg, "state": "queued"}));
        comes_back::<Vec<Record>>(json!([
            {"msg": msg, "from": "ali", "in": "#team", "group": "#team", "text": "hi", "date": 5, "state": "unread",
             "state_since": 6}
        ]));
        comes_back::<SafetyNumber>(json!({"id": "bianca", "digits": ["12345"], "verified": true}));
    }
}
