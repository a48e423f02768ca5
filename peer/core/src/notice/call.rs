//! Calls and direct connections.

use std::net::SocketAddr;

use common::ident::UserId;

/// Calls and direct connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallNotice {
    /// Answers `Call`: the other side accepted.
    Established { with: UserId },
    /// Somebody called, was verified, and is connected.
    Received { from: UserId },
    /// Somebody called, was verified, and waits for `AnswerCall` (`accept = "ask"`).
    Asked { from: UserId },
    /// The caller of `Asked` gave up.
    AskedNoMore { from: UserId },
    /// A call was turned away because the caller could not be verified; the user called is told why.
    CallerRefused { claimed: Option<UserId>, source: SocketAddr, why: CallerRefused },
    /// The call that was being placed came to nothing.
    Failed { to: UserId, why: CallFailed },
    /// Answers `Call`: the user is not there now, but mail reaches them. What is sent to them waits.
    Offline { with: UserId },
    /// A conversation ended.
    Ended { with: UserId, by: EndedBy },
    /// The link broke without a goodbye.
    LinkLost { with: UserId, then: AfterLoss },
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailed {
    /// The directory does not show this user as logged in. It does not say whether the user exists.
    NotFound,
    /// Declined, blocked or not verified by the other side.
    Refused,
    /// The other side cannot verify anybody just now.
    Unavailable,
    /// Nobody answered at any of the addresses, after so many seconds.
    NoAnswer { seconds: u64 },
    /// Somebody answered who does not hold the user's key.
    WrongKey,
    /// The user called is the user calling.
    Yourself,
    /// The user was blocked by this user.
    Blocked,
    /// The directory is out of reach, so nobody can be looked up.
    DirectoryLost,
}

/// Why a caller was turned away (threats P1, P3, P6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerRefused {
    /// The directory does not show the claimed user as logged in.
    NotLoggedIn,
    /// The key differs from the directory's.
    WrongKey,
    /// The address is not among the directory's.
    WrongAddress,
    /// The request named another destination, other keys, or our own key.
    WrongDestination,
    /// The pinned key of the user differs: shown together with `KeyChanged`.
    KeyChanged,
    /// The directory is out of reach, so nobody can be verified.
    CannotVerify,
}

/// What becomes of a conversation whose link was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLoss {
    /// We had placed the call and place it again: `Established` or `Ended` follows.
    CalledAgain,
    /// It is over, unless the other side calls again.
    Over,
}

/// Who ended a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The user here.
    Us,
    /// The user there.
    Them,
}
