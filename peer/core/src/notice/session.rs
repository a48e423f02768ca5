//! The way in, this user and this terminal, and the end of the session.

use std::net::SocketAddr;

use super::refusal::DirectoryRefusal;
use common::ident::{KeyDigest, TerminalId, UserId};
use common::msg::Registration;

/// The way in, this user, this terminal, and the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionNotice {
    /// First contact with a directory that is not on this machine: its key must be compared.
    FirstContact { server: String, key: KeyDigest },
    /// The directory goes on from an older state, as after a backup was restored, and has the user's vault in an older version
    /// (`told`) than this terminal has seen. The user decides with `TakeVault`.
    OlderVault { seen: u64, told: u64 },
    /// Answers `Identify`. `known` is absent where the directory does not tell (registration is not open); `refused` says
    /// why the user cannot be registered without an invitation, where the directory tells that.
    Identified {
        user: UserId,
        known: Option<bool>,
        refused: Option<RegisterRefused>,
        registration: Registration,
        passcode_min: u16,
    },
    /// Answers `Invitation`: the directory knows it too, and its key is pinned from now on.
    InviteProved { user: UserId, server: String, key: KeyDigest, passcode_min: u16 },
    /// This machine has so many messages of the user that are sealed under the identity key from before: if the user
    /// registers now, with a new key, they go.
    WouldForget { user: UserId, messages: u64 },
    /// The user has a new identity key: so many messages of this machine could not be read any more and are gone.
    Forgot { messages: u64 },
    /// The user exists from now on.
    Registered { user: UserId, server: String },
    /// The directory refused to register; back to `Login:`.
    RegisterRefused { user: UserId, why: RegisterRefused },
    /// The directory refused the login.
    LoginRefused { user: UserId, why: LoginRefused },
    /// Logged in and reachable at `address`.
    LoggedIn { user: UserId, address: SocketAddr },
    /// The login was made with the passcode from before a change.
    FormerPasscode,
    /// Answers `ChangePasscode`: the new one holds.
    PasscodeChanged,
    /// Answers `ChangeKey`: the new key and its passcode hold; the session begins again with them.
    KeyReplaced,
    /// The identity key was replaced at another terminal, and this one has taken the new one.
    KeyTakenOver,
    /// Answers `ProvePasscode`: it is the right one.
    PasscodeProved,
    /// Answers `ChangePasscode` and `ChangeKey`, and `ProvePasscode` with a passcode that was not taken.
    PasscodeNotChanged(NotChanged),
    /// Answers `RemoveTerminal`.
    TerminalNotRemoved(NotChanged),
    /// Another terminal of the same user is logged in too.
    AlsoElsewhere { user: UserId },
    /// This machine's state was an old copy, or too old; it goes on as a new terminal.
    NewTerminal,
    /// Answers `Terminals` and `RemoveTerminal`: this user's terminals, and which one this is.
    Terminals { this: TerminalId, all: Vec<TerminalId> },
    /// The store on this machine failed, in the words of `detail`. With a ticket: that command was not carried out.
    StoreFailed { at: StoreUse, detail: String },
    /// The session is over: answers `Logout`, or the directory ended it.
    LoggedOut { why: LoggedOut },
    /// Nothing more will come; the program should say why and stop.
    Failed(Failure),
}

/// What the store on this machine was needed for when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreUse {
    /// To keep the key of another user; it is remembered until the program ends.
    Contact,
    /// To keep what has happened; this terminal goes on from what the store has, and it happens again.
    Step,
    /// To keep what a command of the user brings about; nothing of it was done.
    Command,
    /// To keep events for programs.
    Events,
    /// To read what was kept.
    Reading,
}

/// Why a registration was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterRefused {
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
pub enum LoginRefused {
    /// Wrong passcode.
    Passcode { tries_left: u32 },
    /// Locked for so many seconds; without a time: until an administrator unlocks it.
    Locked { retry_after: Option<u64> },
    /// Too many logins from this source; seconds to wait.
    TooMany { retry_after: u64 },
    /// As many terminals of this user are logged in, or known, as may be.
    Terminals,
}

/// Why a passcode was not changed, or a terminal not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotChanged {
    /// The passcode given as the present one is wrong; the directory has counted it.
    Wrong { tries_left: Option<u32> },
    /// Too many wrong passcodes; seconds to wait, if waiting helps.
    Locked { retry_after: Option<u64> },
    /// The terminal has been there longer than this one.
    Older,
    /// It was changed or reset at another place since this terminal logged in.
    Meanwhile,
    /// The directory does not do it.
    Refused(DirectoryRefusal),
    /// The directory is of a version that knows no new keys.
    NotKnown,
    /// The directory is out of reach; nothing was sent.
    DirectoryLost,
    /// The directory was lost before it answered: either passcode may hold.
    Unsure,
}

/// Why the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedOut {
    /// As asked for.
    Asked,
    /// An administrator ended the session, or locked or removed the user.
    Administrator,
    /// The same terminal logged in again.
    Replaced,
    /// The passcode was changed at another terminal of the same user.
    PasscodeChanged,
}

impl Failure {
    /// Whether the reason lies on this machine, so that trying again later is in vain.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::VaultUnusable { .. } | Self::CannotListen { .. } | Self::Internal { .. })
    }
}

/// Why the engine cannot go on; each has an exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection to the directory; `detail` is the operating system's word, e.g. `connection refused`.
    ServerUnreachable { server: String, detail: String },
    /// The directory's key is not the pinned one.
    DirectoryKeyChanged { server: String, since: u64, old: KeyDigest, new: KeyDigest },
    /// The user did not trust the directory's key.
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
    /// Another program has the local store open, and keeps us out of it.
    StoreLocked,
    /// The directory refused the proof of possession, or sent a vault that does not open.
    VaultUnusable { detail: String },
    /// A broken rule on the directory's side.
    Protocol { server: String, detail: String },
    /// The directory does not do what it was asked.
    ServerRefused { server: String, why: DirectoryRefusal },
    /// No answer from the directory in time.
    Timeout { server: String, seconds: u64 },
    /// No free port to listen on at this address.
    CannotListen { address: String, detail: String },
    /// A bug.
    Internal { detail: String },
}
