//! What a front end asks the engine for. One variant per thing a user can want; no texts, no prompts.
#![expect(missing_docs, reason = "fields are named after what they hold")]

use std::path::PathBuf;

use common::ident::{GroupName, MessageId, TerminalId, UserId};
use common::secret::Passcode;

use super::model::{Conversation, MessageKey};

/// A request of a front end. Answers come as [`Notice`](super::notice::Notice)s, in any order with other notices.
#[derive(Debug, Clone)]
pub enum Command {
    /// The way in, this user, this terminal, and the end.
    Session(SessionCommand),
    /// Who is there, and whether one is there oneself.
    Directory(DirectoryCommand),
    /// Calls and direct connections.
    Call(CallCommand),
    /// Messages and what was said before.
    Message(MessageCommand),
    /// Keys of other users.
    Contact(ContactCommand),
    /// Something about a group. Answered by `Group`.
    Group { group: GroupName, wish: GroupWish },
    /// Files.
    File(FileCommand),
    /// The journal of events.
    Journal(JournalCommand),
}

/// The way in, this user, this terminal, and the end.
#[derive(Debug, Clone)]
pub enum SessionCommand {
    /// Open the local state of `user` and ask the directory whether it knows the user.
    /// Answered by `Identified`, `FirstContact` (then `Identified` after `TrustDirectory`) or `Failed`.
    Identify { user: UserId },
    /// Answers `FirstContact`: whether to pin the directory's key.
    TrustDirectory(Answer),
    /// Answers `OlderVault`: whether to log in with it. `LoggedIn` or `Failed` follows.
    TakeVault(Answer),
    /// Log in. Answered by `LoggedIn`, `LoginRefused` or `Failed`.
    Login { user: UserId, passcode: Passcode },
    /// Register, then log in. Answered by `Registered` and then as `Login`, or by `RegisterRefused` or `Failed`.
    Register { user: UserId, passcode: Passcode },
    /// Begin to use an invitation: the directory must prove itself before anything is asked of the user.
    /// Answered by `InviteProved` or `Failed`; then `Register`.
    Invitation { line: String },
    /// Prove this passcode to the directory, which counts it as an attempt. Answered by `PasscodeProved` or
    /// `PasscodeNotChanged`.
    ProvePasscode { current: Passcode },
    /// Change the passcode from this one to that one. Answered by `PasscodeChanged` or `PasscodeNotChanged`.
    ChangePasscode { current: Passcode, to: Passcode },
    /// Put a new identity key in the place of the present one, with a passcode for it, which may be the same. Answered by
    /// `KeyReplaced` or `PasscodeNotChanged`.
    ChangeKey { current: Passcode, to: Passcode },
    /// Which terminals does this user have? Answered by `Terminals`.
    Terminals,
    /// Forget a terminal of this user, who proves this passcode. Answered by `Terminals` or `TerminalNotRemoved`.
    RemoveTerminal { terminal: TerminalId, current: Passcode },
    /// End all conversations, log out, answer `LoggedOut`, stop.
    Logout,
}

/// Who is there, and whether one is there oneself.
#[derive(Debug, Clone)]
pub enum DirectoryCommand {
    /// The user is away, or without a text, back. Not answered.
    Away { text: Option<String> },
    /// Who is online? Answered by `People` or `NoPeople`.
    List,
}

/// Calls and direct connections.
#[derive(Debug, Clone)]
pub enum CallCommand {
    /// Call `to`. Answered by `Established`, `CallFailed` or `KeyChanged`. At once if a link stands already.
    Place { to: UserId },
    /// Give up a call that is being placed, or end the conversation with `with`. The latter is answered by `Ended`.
    End { with: UserId },
    /// Answers `Asked`.
    Answer { from: UserId, answer: Answer },
}

/// Messages and what was said before.
#[derive(Debug, Clone)]
pub enum MessageCommand {
    /// Send `text`, whether or not anybody is there: over the link that stands, or by mail. Answered by `Sent` once it is
    /// kept, by `Waiting` where it cannot leave now, later by `Marked`; `NotSent` if it cannot be sent at all.
    Send { to: Conversation, text: String, ticket: Ticket },
    /// Send again what has failed because the directory has dropped it, under the same id (without one: what failed last
    /// in the conversation); to a group only if `readers`, as
    /// `Readers` named them, are those who would read it now. Answered by `Again`, `Readers` or `NotFailed`.
    SendAgain { to: Conversation, id: Option<MessageId>, readers: Option<Vec<UserId>>, ticket: Ticket },
    /// What has become of what was sent? Answered by `Explained`.
    Why { of: Conversation },
    /// The last `count` messages, or the last of those kept before the one named. Answered by `History`.
    History { with: Conversation, count: usize, before: Option<MessageKey> },
    /// Messages with all of these words, newest first. Answered by `LookupResult`.
    Find { words: String },
    /// The user has seen what arrived. Not answered.
    Seen { with: Conversation },
    /// Whether to tell others what was read, until the program ends. Not answered.
    ReadReceipts(Answer),
}

/// Keys of other users.
#[derive(Debug, Clone)]
pub enum ContactCommand {
    /// Refuse calls and messages of this user. Answered by `KeyDecided`, or `CallFailed` where no key is known.
    Block { user: UserId },
    /// Take them again. Answered by `Unblocked`.
    Unblock { user: UserId },
    /// The safety number shared with `with`. Answered by `SafetyNumber`, or `CallFailed` where no key is known.
    SafetyNumber { with: UserId },
    /// The user has compared the safety number of `with` (digits as shown, so that only that number is confirmed).
    ConfirmNumber { with: UserId, digits: String, answer: Answer },
    /// Answers `KeyChanged`. Answered by `KeyDecided`, or for `Verify` by `SafetyNumber`.
    DecideKey { of: UserId, decision: KeyDecision },
}

/// Files.
#[derive(Debug, Clone)]
pub enum FileCommand {
    /// Offer a file of this machine. Answered by `File`, `FileNotRead` or `FileNotOffered`.
    Offer { to: UserId, path: PathBuf },
    /// Something about a file, by its number. Answered by `File` or `NoFile`.
    Change { number: u64, wish: FileWish },
    /// Which files are there? Answered by `Files`.
    All,
}

/// The journal of events.
#[derive(Debug, Clone)]
pub enum JournalCommand {
    /// Events of the journal once more, oldest first. Answered by `Replayed`.
    Replay { after: After, count: usize },
    /// Everything up to this event was dealt with; kept under the name. Answered by `Acknowledged`.
    Acknowledge { name: String, seq: u64 },
}

/// What tells a front end which of its commands is answered: chosen by it, and repeated by every notice that answers the
/// command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ticket {
    /// Of this run; not used twice.
    pub number: u64,
    /// The client's own name for a message; outlives the run in the journal.
    pub reference: Option<String>,
}

/// A command and its ticket, as a front end hands them over.
#[derive(Debug, Clone)]
pub struct TicketedCommand {
    /// Repeated by what answers the command.
    pub ticket: Ticket,
    /// What is wanted.
    pub command: Command,
}

/// From where on events are wanted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Behind this one.
    Seq(u64),
    /// Behind the one acknowledged last under this name; under a new name, behind `otherwise`, or what has happened since
    /// the login.
    Cursor { name: String, otherwise: Option<u64> },
}

/// What to do about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileWish {
    /// Take it, into this folder or the usual one.
    Accept { folder: Option<PathBuf> },
    /// Do not take it.
    Refuse,
    /// Do not take it any more, or do not give it any more.
    Cancel,
    /// Try again.
    Resume,
}

/// What to do about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupWish {
    /// Found it; the user becomes its admin.
    Create,
    /// Ask its admins for admission.
    Join,
    /// Leave it with all terminals.
    Leave,
    /// Who is in it?
    Members,
    /// Admit somebody who asked.
    Approve(UserId),
    /// Decline somebody who asked.
    Deny(UserId),
    /// Remove a member.
    Remove(UserId),
    /// Make a member an admin.
    Admin(UserId),
}

/// A user's answer to a yes-or-no question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Agreed.
    Yes,
    /// Declined.
    No,
}

/// What to do about a key that changed (decision D14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyDecision {
    /// Show the new safety number and let the user compare it; the old pin stays until it is confirmed.
    Verify,
    /// Pin the new key, unverified.
    Accept,
    /// Refuse calls from and to this user.
    Block,
}
