//! Calls and direct connections.

use std::net::SocketAddr;

use super::refusal::DirectoryRefusal;
use crate::model::LinkWay;
use common::ident::UserId;

/// Calls and direct connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallNotice {
    /// Answers `Call`: the other side accepted.
    Established { with: UserId },
    /// Somebody called, was verified, and is connected.
    Received { from: UserId },
    /// How the link goes that was just told of; nothing is said of it where it does not matter. Where the directory is out of
    /// reach: when it has signed, by its clock, what has taken the place of a lookup.
    Way { with: UserId, way: LinkWay, vouched: Option<u64> },
    /// A conversation goes on over another link than `before`; otherwise as `Way`.
    Moved { with: UserId, before: Option<LinkWay>, way: LinkWay, vouched: Option<u64> },
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
    /// Answers `Call`: the user is there, and there is no way to them now, for this reason. What is sent goes by mail, and a way
    /// is looked for again and again; `Established` says that one was found.
    ByMail { with: UserId, why: CallFailed },
    /// A conversation ended.
    Ended { with: UserId, by: EndedBy },
    /// The link broke without a goodbye.
    LinkLost { with: UserId, then: AfterLoss, why: LinkLoss },
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailed {
    /// The directory does not show this user as logged in. It does not say whether the user exists.
    NotFound,
    /// The directory knows no such user; perhaps this one was meant.
    NoSuchUser { near: Option<UserId> },
    /// The user there does not want it: declined, or refused by a setting or a block.
    Refused,
    /// A rule of the terminal there forbids it, whatever the user there wants.
    Rule(CalleeRule),
    /// The other side cannot verify anybody just now.
    Unavailable,
    /// Nobody answered at any of the addresses, after so many seconds.
    NoAnswer { seconds: u64 },
    /// Nobody can be reached at any of the addresses.
    Unreached(Unreached),
    /// Nobody is reached at the addresses, and who is there does not meet us by way of the directory: whatever the reason, a
    /// terminal that takes no call says nothing then.
    NotMet,
    /// Whoever answers breaks the rules of the protocol.
    Broken,
    /// This machine cannot place calls, in its system's words.
    Local { detail: String },
    /// Somebody answered who does not hold the user's key.
    WrongKey,
    /// The directory shows a key that another took the place of.
    FormerKey,
    /// The user called is the user calling.
    Yourself,
    /// The user was blocked by this user.
    Blocked,
    /// The directory is out of reach, so nobody can be looked up.
    DirectoryLost,
    /// The same, but in so many seconds this user can be called without it, unless it is back by then.
    DirectoryJustLost { again_in: u64 },
    /// The directory does not tell.
    DirectoryRefused(DirectoryRefusal),
    /// The directory has not told within so many seconds.
    DirectorySilent { seconds: u64 },
}

impl CallFailed {
    /// Whether it says that the addresses do not do, and nothing of who is there: another way may.
    #[must_use]
    pub fn is_of_the_addresses(&self) -> bool {
        self.is_of_the_way() || matches!(self, Self::Rule(CalleeRule::Address | CalleeRule::AddressFamily))
    }

    /// Whether it says that no way leads to the user now, which another try may find.
    #[must_use]
    pub fn is_of_the_way(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::Unreached(_) | Self::NotMet => true,
            Self::NotFound
            | Self::NoSuchUser { .. }
            | Self::Refused
            | Self::Rule(_)
            | Self::Unavailable
            | Self::Broken
            | Self::Local { .. }
            | Self::WrongKey
            | Self::FormerKey
            | Self::Yourself
            | Self::Blocked
            | Self::DirectoryLost
            | Self::DirectoryJustLost { .. }
            | Self::DirectoryRefused(_)
            | Self::DirectorySilent { .. } => false,
        }
    }
}

/// Rules by which a terminal refuses a call; none of them is the will of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalleeRule {
    /// The address called from is not among those that the directory has for the caller.
    Address,
    /// The same, and it is of another family (IPv4, IPv6) than the address called.
    AddressFamily,
    /// The caller's key is not the one that the directory there, or the terminal there, knows.
    Key,
    /// The directory there does not show the caller as logged in.
    NotLoggedIn,
    /// Whom the caller called is not who is there, or has another key now.
    Destination,
    /// Too many calls or files at once.
    Busy,
    /// The user there was asked and has not answered.
    Unanswered,
    /// The directory there is out of reach, and what it has last said of the caller does not hold for this call.
    Record,
    /// A reason that this version does not know.
    Unknown,
}

/// Why an address cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    /// Nobody listens there.
    NobodyListens,
    /// There is no way to it from here.
    NoWay,
    /// Whoever is there ends the connection without a word.
    Closed,
}

/// Why a link broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkLoss {
    /// The other side, or the network, is gone.
    Network,
    /// The other side broke a rule of the protocol.
    TheyBroke,
    /// The other side says that we broke a rule of the protocol.
    WeBroke,
    /// The other side does not take what is sent.
    Stalled,
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
    /// The directory does not tell who the caller is.
    NotTold(DirectoryRefusal),
    /// The directory is out of reach, and what takes the place of its answer does not hold.
    Unvouched(Unvouched),
}

/// Why a caller was turned away for whom the directory, which is out of reach, has signed something (decision D27).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unvouched {
    /// The caller's key is not the pinned one.
    Key,
    /// It is not signed by our directory, or of another user, terminal or key.
    Forged,
    /// It is too old, or from a time to come.
    Expired,
    /// It is of another address.
    Address,
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
