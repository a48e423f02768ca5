//! Who and what the directory shows, and whether it can be asked.

use super::contact::KeyState;
use super::group::ListedGroup;
use super::session::Failure;
use common::ident::UserId;
use common::msg::PresenceStatus;

/// Who and what the directory shows, and whether it can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryNotice {
    /// Somebody came, went, or is away.
    Presence { user: UserId, status: PresenceStatus, text: Option<String> },
    /// Answers `List`, online first, then by id; then groups by name.
    People { people: Vec<Person>, groups: Vec<ListedGroup> },
    /// Answers `List` where the directory cannot be asked.
    NoPeople,
    /// The connection to the directory is gone; conversations go on. Told once per loss.
    Lost { retry_in: u64 },
    /// Whoever answers in the directory's place does not hold its key; it is asked nothing. Told once per loss.
    NotItself(Failure),
    /// The session with the directory stands again.
    Back,
    /// The directory asks for patience, in seconds.
    TooFast { retry_after: u64 },
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
    /// What is known of the user's key.
    pub key: KeyState,
}
