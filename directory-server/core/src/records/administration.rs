//! What administrators see and change.

use common::crypto::invite::InviteCode;
use common::ident::{DirectoryGeneration, KeyDigest, RoomId, UserId};
use common::settled::SettledTime;
use serde::{Deserialize, Serialize};

/// One user as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The id.
    pub id: UserId,
    /// Digest of the identity key; nothing while a reset passcode awaits its invitation.
    pub key: Option<KeyDigest>,
    /// Seconds since the epoch.
    pub registered_at: u64,
    /// Start or end of the last session, seconds since the epoch.
    pub last_seen: Option<u64>,
    /// Logins so far.
    pub logins: u64,
    /// Attempts since the last success, all terminals together.
    pub wrong: u64,
    /// Terminals that have logged in.
    pub terminals: u64,
    /// Items that wait in their mailboxes.
    pub waiting: u64,
    /// Locked by an administrator, and why.
    pub locked: Option<String>,
    /// Unknown terminals are locked out for these seconds.
    pub locked_out_for: Option<u64>,
    /// Unknown terminals are locked out until an administrator unlocks the id.
    pub locked_out: bool,
    /// A terminal that has logged in before is locked out for these seconds; of several, the longest.
    #[serde(default)]
    pub known_locked_out_for: Option<u64>,
}

/// What came of a change to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserChange {
    /// It was made.
    Done,
    /// There is no such user.
    NoSuchUser,
}

/// What came of lifting the locks of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockOutcome {
    /// There were locks, or attempts that would have led to one.
    Unlocked,
    /// There was nothing to lift.
    WasNotLocked,
}

/// One invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRecord {
    /// Who is invited.
    pub user: UserId,
    /// The secret.
    pub code: InviteCode,
    /// Seconds since the epoch.
    pub expires: u64,
}

/// One room as administrators see it. Its name and what is said in it are not known to the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomRecord {
    /// The room.
    pub room: RoomId,
    /// Commits so far.
    pub epoch: u64,
    /// Whether it is a group that can be found by its name.
    pub named: bool,
    /// Its admins, if it is named.
    pub admins: Vec<UserId>,
    /// Its users, in the order of the ids.
    pub users: Vec<UserId>,
    /// Terminals on its roster.
    pub terminals: u64,
}

/// What came of removing a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRemoval {
    /// It is forgotten.
    Removed,
    /// There is no such room.
    NoSuchRoom,
}

/// What came of logging a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedBroadcast {
    /// It is in the log from now on, under this number.
    Now(u64),
    /// It was there: the request was repeated.
    Before(u64),
}

/// What a run of the directory begins with.
#[derive(Debug, Clone)]
pub struct RunBegun {
    /// What earlier runs have seen of the time.
    pub settled: SettledTime,
    /// What the directory remembers goes by this name.
    pub generation: DirectoryGeneration,
}

/// What there is, all together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Registered users.
    pub users: u64,
    /// Those of them that an administrator has locked.
    pub locked: u64,
    /// Items that wait in mailboxes.
    pub waiting: u64,
    /// Bytes of what waits, counted once for each mailbox it lies in.
    pub waiting_bytes: u64,
    /// Bytes of the database.
    pub bytes: u64,
}
