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
    /// The pinned key of `of` differs from the one seen now; nothing is sent until `DecideKey` (decision D14).
    KeyChanged { of: UserId, since: u64, old: String, new: String },
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
