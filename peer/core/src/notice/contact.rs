//! Keys of other users.

use crate::command::KeyDecision;
use common::ident::UserId;

/// Keys of other users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactNotice {
    /// Answers `Unblock`.
    Unblocked { user: UserId },
    /// Answers `SafetyNumber`: 12 groups of 5 digits separated by spaces.
    SafetyNumber { with: UserId, digits: String, verified: bool },
    /// Answers `ConfirmNumber`.
    NumberConfirmed { with: UserId, verified: bool },
    /// The key of `of` is not the one that was pinned; nothing is sent until `DecideKey` (decisions D14, D47).
    KeyChanged { of: UserId, how: KeyChange, since: u64, old: String, new: String },
    /// Answers `DecideKey`, except `Verify`, which is answered by `SafetyNumber`.
    KeyDecided { of: UserId, decision: KeyDecision },
}

/// What is known of a user's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Compared by the user.
    Verified,
    /// Pinned or not even seen, but not compared.
    NotVerified,
    /// Differs from the pinned one.
    Changed,
    /// Blocked by this user.
    Blocked,
}

/// How a key changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// The directory shows another one, and that is all.
    Unconfirmed,
    /// The former key has confirmed the one that takes its place, which is pinned now.
    Confirmed,
    /// Two keys were to take the place of one.
    Forked,
}
