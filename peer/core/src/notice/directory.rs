//! Who and what the directory shows, and whether it can be asked.

use super::contact::KeyState;
use super::group::ListedGroup;
use super::refusal::DirectoryRefusal;
use super::session::Failure;
use common::ident::{GroupName, UserId};
use common::msg::PresenceStatus;

/// Who and what the directory shows, and whether it can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryNotice {
    /// The directory goes on from an older state, as after a backup was restored: so many messages are sent again, and these
    /// groups are not what they were, with the admin who stands first.
    Restored { again: usize, groups: Vec<(GroupName, Option<UserId>)> },
    /// Somebody came, went, or is away.
    Presence { user: UserId, status: PresenceStatus, text: Option<String> },
    /// Answers `List`, online first, then by id; then groups by name.
    People { people: Vec<Person>, groups: Vec<ListedGroup> },
    /// Answers `List` where the directory cannot be asked.
    NoPeople,
    /// The connection to the directory is gone; conversations go on. Told once per loss.
    Lost { retry_in: u64, why: DirectoryLoss },
    /// It was tried in vain to get it back; in so many seconds it is tried again.
    StillLost { retry_in: u64 },
    /// Whoever answers in the directory's place does not hold its key; it is asked nothing. Told once per loss.
    NotItself(Failure),
    /// The session with the directory stands again.
    Back,
    /// The directory does not do what it was asked.
    Refused(DirectoryRefusal),
}

/// Why the connection to the directory is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryLoss {
    /// The directory, or the network, is gone.
    Network,
    /// It has said that it cannot keep its promise now, and has ended the session.
    Unavailable,
    /// What came from it broke a rule of the protocol.
    Broken,
}

/// One row of `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user.
    pub user: UserId,
    /// Online since, seconds since the epoch; absent when offline.
    pub online_since: Option<u64>,
    /// Away, with this text.
    pub away: Option<String>,
    /// Messages not seen.
    pub unread: usize,
    /// Whether our user has chosen them.
    pub chosen: bool,
    /// What is known of the user's key.
    pub key: KeyState,
}
