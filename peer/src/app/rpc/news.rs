//! Events as types that are written and read, as far as commands of this program wait for them.

use common::ident::{MessageId, UserId};
use common::msg::Withdrawal;
use serde::{Deserialize, Serialize};

use super::results::{File, Mark};
use peer_core::notice::FileState;

/// An event as a client gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventTold {
    #[serde(flatten)]
    pub(crate) news: News,
    /// Its number; absent where it is not in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<String>,
    /// The client's own name for the message.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
}

/// What an event says, as far as a command of this program waits for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum News {
    Message(Arrived),
    MessageState {
        msg: MessageId,
        to: String,
        state: Mark,
        /// Of one that the directory had stored and has dropped: why, and whom it does not reach.
        #[serde(flatten)]
        missed: Option<Missed>,
    },
    Receipt {
        msg: MessageId,
        from: String,
        state: Mark,
    },
    Outbox {
        to: String,
        waiting: usize,
        next: Next,
    },
    File(FileNews),
    /// Something has failed by itself.
    Error {
        /// The word of an exit code, if there is one for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        message: String,
    },
    /// The key of a user is not the pinned one.
    KeyChanged {
        id: UserId,
        /// Since when the old one was pinned, seconds since the epoch.
        since: u64,
        old: String,
        new: String,
    },
    /// Comes before `key_changed` where the former key of a user has confirmed the one that takes its place, or two have
    /// claimed that.
    KeySucceeded {
        id: UserId,
        /// False where two keys claim it.
        confirmed: bool,
    },
    /// Of another type.
    #[serde(other)]
    Other,
}

/// Whom a message does not reach that the directory had stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Missed {
    pub(crate) reason: Withdrawal,
    pub(crate) users: Vec<UserId>,
}

/// A message that has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arrived {
    pub(crate) msg: MessageId,
    pub(crate) from: String,
    #[serde(rename = "in")]
    pub(crate) at: String,
    pub(crate) group: Option<String>,
    pub(crate) text: String,
    pub(crate) date: u64,
    /// Whether it waited at the directory.
    pub(crate) offline: bool,
    /// Whether its author's key is verified now; not in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<bool>,
}

/// What a message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Next {
    Nothing,
    Confirmation,
    Server,
    Keys,
    Terminal,
    Space,
    Receiver,
    KeyDecision,
    /// The directory knows no such user: it is given up.
    NoSuchUser,
    Again,
}

/// News of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileNews {
    #[serde(flatten)]
    pub(crate) file: File,
    pub(crate) what: What,
    /// Where it was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// Why it did not go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// What has become of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Offer,
    Progress,
    Done,
    Refused,
    Cancelled,
    Stopped,
    Paused,
    Failed,
    Elsewhere,
}

impl What {
    /// How it ended; nothing while it may go on by itself.
    pub(crate) fn end(self) -> Option<FileState> {
        match self {
            Self::Offer | Self::Progress | Self::Stopped => None,
            Self::Done => Some(FileState::Done),
            Self::Refused => Some(FileState::Refused),
            Self::Cancelled => Some(FileState::Cancelled),
            Self::Paused => Some(FileState::Paused),
            Self::Failed => Some(FileState::Failed),
            Self::Elsewhere => Some(FileState::Elsewhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn comes_back(value: Value) {
        let read: EventTold = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), value);
    }

    #[test]
    fn events_are_written_as_they_are_read_and_those_nobody_waits_for_are_known_to_be_others() {
        let msg = "07".repeat(16);
        comes_back(json!({
            "type": "message", "msg": msg, "from": "bianca", "in": "bianca", "group": null, "text": "hi", "date": 5,
            "offline": true, "verified": false, "seq": 3, "ts": "1970-01-01T00:00:00Z"
        }));
        comes_back(json!({"type": "message_state", "msg": msg, "to": "#team", "state": "stored", "ref": "job"}));
        comes_back(json!({"type": "receipt", "msg": msg, "from": "bianca", "state": "read", "seq": 4}));
        comes_back(json!({"type": "outbox", "to": "bianca", "waiting": 1, "next": "key_decision"}));
        comes_back(json!({
            "type": "file", "file": 4, "id": msg, "with": "bianca", "outgoing": true, "name": "plan", "size": 9,
            "files": null, "done": 3, "state": "running", "what": "paused", "message": "full", "seq": 5
        }));
        comes_back(json!({"type": "outbox", "to": "bianca", "waiting": 1, "next": "no_such_user"}));
        comes_back(json!({"type": "key_changed", "id": "bianca", "since": 5, "old": "1 2", "new": "3 4", "seq": 6}));
        let other = serde_json::from_value::<EventTold>(json!({"type": "presence", "id": "bianca", "seq": 6})).unwrap();
        assert_eq!((other.news, other.seq), (News::Other, Some(6)));
    }
}
