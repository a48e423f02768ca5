//! What the engine tells a front end. Facts only: the words are in `app::words`, the look is the front end's.
//!
//! Texts in here that come from other people are raw; front ends pass them through `app::sanitise` before display.

use std::net::SocketAddr;

use common::ident::{KeyDigest, UserId};
use common::msg::Registration;

/// Something a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// First contact with a directory that is not on this machine: its key must be compared (UX 1.2).
    FirstContact { server: String, key: KeyDigest },
    /// Answers `Identify`. `known` is absent where the directory does not tell (registration is not open).
    Identified { user: UserId, known: Option<bool>, registration: Registration, passcode_min: u16 },
    /// Answers `Invitation`: the directory knows it too, and its key is pinned from now on.
    InviteProved { user: UserId, server: String, key: KeyDigest, passcode_min: u16 },
    /// The user exists from now on.
    Registered { user: UserId, server: String },
    /// The directory refused to register; back to `Login:`.
    RegisterRefused { user: UserId, why: RegisterRefused },
    /// The directory refused the login.
    LoginRefused { user: UserId, why: LoginRefused },
    /// Logged in and reachable at `address`.
    LoggedIn { user: UserId, address: SocketAddr },
    /// Another terminal of the same user is logged in too.
    AlsoElsewhere { user: UserId },
    /// Answers `Call`: the other side accepted.
    Established { with: UserId },
    /// Somebody called, was verified, and is connected.
    Received { from: UserId },
    /// Somebody called, was verified, and waits for `AnswerCall` (`accept = "ask"`).
    Asked { from: UserId },
    /// The caller of `Asked` gave up.
    AskedNoMore { from: UserId },
    /// A call was turned away because the caller could not be verified; the person called is told why.
    CallerRefused { claimed: Option<UserId>, source: SocketAddr, why: CallerRefused },
    /// The call that was being placed came to nothing.
    CallFailed { to: UserId, why: CallFailed },
    /// A text arrived over the verified link with `from`.
    Text { from: UserId, text: String },
    /// A text could not be sent.
    NotDelivered { to: UserId, text: String },
    /// A conversation ended.
    Ended { with: UserId, by: EndedBy },
    /// The link broke without a goodbye.
    LinkLost { with: UserId, then: AfterLoss },
    /// Answers `List`, online first, then by id.
    People(Vec<Person>),
    /// Answers `List` where the directory cannot be asked.
    NoPeople,
    /// Answers `SafetyNumber`: 12 groups of 5 digits separated by spaces.
    SafetyNumber { with: UserId, digits: String, verified: bool },
    /// Answers `ConfirmNumber`.
    NumberConfirmed { with: UserId, verified: bool },
    /// The pinned key of `of` differs from the one seen now; nothing is sent until `DecideKey` (decision D14).
    KeyChanged { of: UserId, since: u64, old: String, new: String },
    /// Answers `DecideKey`, except `Verify`, which is answered by `SafetyNumber`.
    KeyDecided { of: UserId, decision: super::command::KeyDecision },
    /// The connection to the directory is gone; conversations go on. Told once per loss.
    DirectoryLost { retry_in: u64 },
    /// Whoever answers in the directory's place does not hold its key; it is asked nothing. Told once per loss.
    DirectoryNotItself(Failure),
    /// Something could not be written to this machine's disk; it is remembered until the program ends.
    NotKept { detail: String },
    /// The session with the directory stands again.
    DirectoryBack,
    /// The directory asks for patience, in seconds.
    TooFast { retry_after: u64 },
    /// The session is over: answers `Logout`, or the directory ended it.
    LoggedOut { why: LoggedOut },
    /// Nothing more will come; the program should say why and stop.
    Failed(Failure),
}

/// Why a registration was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegisterRefused {
    /// Taken, reserved, or belonged to a removed user.
    Unavailable,
    /// An invitation is needed, or the one given is wrong, used or out of date.
    Invite,
    /// Nobody may register there.
    Closed,
    /// Too many registrations from here; seconds to wait.
    TooMany { retry_after: u64 },
    /// The directory did not accept the key.
    Key,
}

/// Why a login was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginRefused {
    /// Wrong passcode.
    Passcode { tries_left: u32 },
    /// Locked for so many seconds; without a time: until an administrator unlocks it.
    Locked { retry_after: Option<u64> },
    /// Too many logins from this source or terminals of this user; seconds to wait.
    TooMany { retry_after: u64 },
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallFailed {
    /// The directory does not show this user as logged in (row 4: it does not say whether the user exists).
    NotFound,
    /// Declined, blocked or not verified by the other side.
    Refused,
    /// The other side cannot verify anybody just now.
    Unavailable,
    /// Nobody answered at any of the addresses, after so many seconds.
    NoAnswer { seconds: u64 },
    /// Somebody answered who does not hold the user's key.
    WrongKey,
    /// The person called is the person calling.
    Yourself,
    /// The person was blocked by this user.
    Blocked,
    /// The directory is out of reach, so nobody can be looked up.
    DirectoryLost,
}

/// Why a caller was turned away (DESIGN section 1, threats P1, P3, P6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerRefused {
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
pub(crate) enum AfterLoss {
    /// We had placed the call and place it again: `Established` or `Ended` follows.
    CalledAgain,
    /// It is over, unless the other side calls again.
    Over,
}

/// Who ended a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The person here.
    Us,
    /// The person there.
    Them,
}

/// Why the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoggedOut {
    /// As asked for.
    Asked,
    /// An administrator ended the session, or locked or removed the user.
    Administrator,
    /// The same terminal logged in anew.
    Replaced,
}

/// One row of `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The user.
    pub(crate) user: UserId,
    /// Online since, seconds since the epoch; absent when offline.
    pub(crate) online_since: Option<u64>,
    /// What is known of the user's key.
    pub(crate) key: KeyState,
}

/// What is known of a user's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Compared by the person.
    Verified,
    /// Pinned or not even seen, but not compared.
    NotVerified,
    /// Differs from the pinned one.
    Changed,
    /// Blocked by this user.
    Blocked,
}

impl Failure {
    /// Whether the reason lies on this machine, so that trying again later is in vain.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::VaultUnusable { .. } | Self::CannotListen { .. } | Self::Internal { .. })
    }
}

/// Why the engine cannot go on; each has an exit code (UX 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection to the directory; `detail` is the operating system's word, e.g. `connection refused`.
    ServerUnreachable { server: String, detail: String },
    /// The directory's key is not the pinned one.
    DirectoryKeyChanged { server: String, since: u64, old: KeyDigest, new: KeyDigest },
    /// The person did not trust the directory's key.
    DirectoryNotTrusted { server: String },
    /// The invitation is not well formed; nothing was sent.
    BadInvite,
    /// The directory could not prove that it knows the invitation; nothing was sent.
    InviteNotProved { server: String },
    /// The same local state is open in another process.
    AlreadyRunning { user: UserId, pid: Option<u32> },
    /// The directory speaks another protocol version.
    Version { server: String },
    /// A file or the local store failed.
    Io { path: String, detail: String },
    /// The directory refused the proof of possession, or sent a vault that does not open.
    VaultUnusable { detail: String },
    /// A broken rule on the directory's side.
    Protocol { server: String, detail: String },
    /// No answer from the directory in time.
    Timeout { server: String, seconds: u64 },
    /// No free port to listen on at this address.
    CannotListen { address: String, detail: String },
    /// A bug.
    Internal { detail: String },
}
