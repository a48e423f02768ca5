//! Who comes and goes (protocol section 6.5; threat L10).

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::ident::UserId;
use crate::limits::{AWAY_TEXT, WATCH_IN_ONE};

/// `WATCH`: asks to be told of these users from now on, besides those asked for before. Answered with `PRESENCE` for each
/// of them that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The users.
    #[serde(deserialize_with = "bounded::list::<_, _, WATCH_IN_ONE>")]
    pub users: Vec<UserId>,
}

/// `AWAY`: the user is away from this terminal, or back. Not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Away {
    /// What others see; absent: back.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional_text::<_, AWAY_TEXT>"
    )]
    pub text: Option<String>,
}

/// Whether a user is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// Logged in.
    Online,
    /// Logged in, and away at every terminal.
    Away,
    /// Not logged in.
    Offline,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

/// `PRESENCE`: a user came, went, or is away. Sent to those who watch the user, as the directory's rule allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The user.
    pub userid: UserId,
    /// What the user is now.
    pub status: PresenceStatus,
    /// Logged in since, seconds since the epoch; absent when offline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The text of `AWAY`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional_text::<_, AWAY_TEXT>"
    )]
    pub text: Option<String>,
}
