//! Administration of a running directory, or of its store when none runs.
//!
//! One request and one answer, each a line of JSON, over a unix socket that only the owner can open. [`server`] is the
//! running side, [`client`] the command's side, [`execute`] what both do, [`status`] what they show most often.

pub(crate) mod client;
pub(crate) mod execute;
pub(crate) mod server;
mod status;

use std::path::{Path, PathBuf};

use common::ident::{RoomId, UserId};
use common::msg::Broadcast;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use directory_core::records::{RoomRecord, UserRecord};

pub(crate) use status::Status;

/// What an administrator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Request {
    Invite { users: Vec<UserId> },
    Invites,
    Revoke { code: String },
    Users,
    User { user: UserId },
    Lock { user: UserId, reason: String },
    Unlock { user: UserId },
    Reset { user: UserId },
    Remove { user: UserId },
    Rooms,
    Room { room: RoomId },
    RemoveRoom { room: RoomId },
    Sessions,
    EndSessions { user: UserId },
    Status,
    Broadcasts { limit: usize },
}

impl Request {
    /// The one user who is changed by it.
    fn changed(&self) -> Option<&UserId> {
        match self {
            Self::Lock { user, .. }
            | Self::Unlock { user }
            | Self::Reset { user }
            | Self::Remove { user }
            | Self::EndSessions { user } => Some(user),
            _ => None,
        }
    }
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    Invites {
        invites: Vec<Invitation>,
        /// Who else was to be invited, and why they are not.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refused: Vec<Failure>,
    },
    Revoked {
        user: UserId,
    },
    Users {
        users: Vec<User>,
    },
    User {
        user: User,
    },
    Locked {
        user: UserId,
        sessions: usize,
    },
    Unlocked {
        user: UserId,
        was_locked: bool,
    },
    Reset {
        invite: Invitation,
        sessions: usize,
    },
    Removed {
        user: UserId,
        sessions: usize,
    },
    Rooms {
        rooms: Vec<RoomRecord>,
    },
    Room {
        room: RoomRecord,
    },
    RoomRemoved {
        room: RoomId,
    },
    Sessions {
        sessions: Vec<OnlineUser>,
    },
    SessionsEnded {
        user: UserId,
        sessions: usize,
    },
    Status {
        status: Status,
    },
    Broadcasts {
        entries: Vec<Broadcast>,
    },
    Failed {
        failure: Failure,
    },
}

/// An invitation as the invited user gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) user: UserId,
    pub(crate) line: String,
    pub(crate) expires: u64,
}

/// A user, and whether online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    #[serde(flatten)]
    pub(crate) record: UserRecord,
    pub(crate) online_since: Option<u64>,
    /// Until when unknown terminals are locked out, and until when a known one; seconds since the epoch.
    #[serde(default)]
    pub(crate) locked_out_until: Option<u64>,
    #[serde(default)]
    pub(crate) known_locked_out_until: Option<u64>,
}

/// A user who is online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnlineUser {
    pub(crate) user: UserId,
    pub(crate) online_since: Option<u64>,
    /// Sessions of this user.
    pub(crate) terminals: u32,
    /// The text of a user who is away.
    pub(crate) away: Option<String>,
}

/// Where the socket is.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    let runtime = std::env::var_os("RUNTIME_DIRECTORY").filter(|dir| !dir.is_empty());
    runtime.map_or_else(|| data_dir.to_owned(), PathBuf::from).join("admin.sock")
}
