//! What the engine tells a front end. Facts only: the words are in `app::words`, the look is the front end's.
//!
//! Texts in here that come from other people are raw; front ends pass them through `app::sanitise` before display.
#![expect(missing_docs, reason = "fields are named after what they hold")]

mod files;

use std::net::SocketAddr;
use std::path::PathBuf;

use common::ident::{GroupName, KeyDigest, MessageId, TerminalId, UserId};
use common::msg::{PresenceStatus, Registration};

use super::command::Ticket;
use super::persistence::{Conversation, DeliveryStatus, StoredMessage};

pub use self::files::{FileFailed, FileNews, FileShown, FileState, NotOffered};

/// Something a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// First contact with a directory that is not on this machine: its key must be compared.
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
    /// The login was made with the passcode from before a change.
    FormerPasscode,
    /// Answers `ChangePasscode`: the new one holds.
    PasscodeChanged,
    /// Answers `ChangePasscode`.
    PasscodeNotChanged(NotChanged),
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
    /// A text arrived over the verified link with `from`, written at `date` by their clock.
    Text { from: UserId, text: String, id: MessageId, date: u64 },
    /// Texts arrived by mail; oldest first.
    Arrived(Vec<Arrival>),
    /// Answers `Call`: the user is not there now, but mail reaches them. What is sent to them waits.
    Offline { with: UserId },
    /// What was just sent waits, with so many others.
    Waiting { to: Conversation, waiting: usize, next: Next },
    /// Answers `Send`: the message is kept. Without a ticket: this user has written it at another terminal.
    Sent { ticket: Option<Ticket>, record: StoredMessage },
    /// Messages of ours have come so far. `late`: the person was told that they waited.
    Marked { to: Conversation, ids: Vec<MessageId>, mark: DeliveryStatus, late: bool },
    /// A text could not be sent; it is not kept.
    NotSent { to: Conversation, text: String, why: NotSent, ticket: Ticket },
    /// Answers `Why`: messages that are under way, oldest first, or the last one that has arrived.
    Explained { of: Conversation, messages: Vec<Explained> },
    /// Answers `History`, oldest first. `unread`: so many of the last were not seen before.
    History { with: Conversation, records: Vec<StoredMessage>, unread: usize },
    /// Answers `Find`, newest first.
    Found { words: String, records: Vec<StoredMessage> },
    /// Somebody came, went, or is away.
    Presence { user: UserId, status: PresenceStatus, text: Option<String> },
    /// Something about a group.
    Group { group: GroupName, news: GroupNews },
    /// A room can be used no more: the directory showed its members different things, or a member broke the rules.
    RoomFrozen { with: Conversation, why: String },
    /// Messages for this terminal were not kept by the directory: its mailbox was full, or they were too old.
    MailLost { count: u64 },
    /// This machine's state was an old copy, or too old; it goes on as a new terminal.
    NewTerminal,
    /// Answers `Unblock`.
    Unblocked { user: UserId },
    /// Answers `Terminals` and `RemoveTerminal`: this user's terminals, and which one this is.
    Terminals { this: TerminalId, all: Vec<TerminalId> },
    /// Something has become of a file.
    File { file: FileShown, news: FileNews },
    /// Answers `Files`, the oldest first.
    Files(Vec<FileShown>),
    /// No file has this number.
    NoFile { number: u64 },
    /// Answers `OfferFile`: it cannot be read.
    FileNotRead { path: PathBuf, detail: String },
    /// Answers `OfferFile`: it is not for this user.
    FileNotOffered { to: UserId, name: String, why: NotOffered },
    /// A conversation ended.
    Ended { with: UserId, by: EndedBy },
    /// The link broke without a goodbye.
    LinkLost { with: UserId, then: AfterLoss },
    /// Answers `List`, online first, then by id; then groups by name.
    People { people: Vec<Person>, groups: Vec<ListedGroup> },
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
    /// Something worth remembering has happened, and is in the journal. Told only where a journal is kept, behind what it
    /// is about.
    Journaled(Event),
    /// Answers `Replay`. `lost`: events behind the place asked for that the journal has no more.
    Replayed { events: Vec<Event>, lost: u64, last: u64 },
    /// Answers `Acknowledge`; durable.
    Acknowledged { name: String, seq: u64 },
    /// The session is over: answers `Logout`, or the directory ended it.
    LoggedOut { why: LoggedOut },
    /// Nothing more will come; the program should say why and stop.
    Failed(Failure),
}

/// One event of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Grows from event to event, and is never used twice.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub at: u64,
    /// What happened, in the front end's own words.
    pub content: String,
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
    /// Too many logins from this source or terminals of this user; seconds to wait.
    TooMany { retry_after: u64 },
}

/// Why a passcode was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotChanged {
    /// It was changed or reset at another place since this terminal logged in.
    Meanwhile,
    /// Too many changes; seconds to wait.
    TooFast { retry_after: u64 },
    /// The directory is out of reach; nothing was sent.
    DirectoryLost,
    /// The directory was lost before it answered: either passcode may hold.
    Unsure,
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
    /// The person called is the person calling.
    Yourself,
    /// The person was blocked by this user.
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
    /// The person here.
    Us,
    /// The person there.
    Them,
}

/// Why the session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedOut {
    /// As asked for.
    Asked,
    /// An administrator ended the session, or locked or removed the user.
    Administrator,
    /// The same terminal logged in anew.
    Replaced,
}

/// A text that arrived by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Where it was said.
    pub conversation: Conversation,
    /// Who said it.
    pub from: UserId,
    /// The author's id for it.
    pub id: MessageId,
    /// What was said.
    pub text: String,
    /// When, by the sender's clock.
    pub date: u64,
    /// Whether it had waited while this terminal was away.
    pub waited: bool,
}

/// What a message that is under way waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The receiver has said that it is kept, or shown: nothing is missing.
    Nothing,
    /// Over the link; the other side has not confirmed it yet.
    Confirmation,
    /// The directory, which is out of reach; tried again by itself.
    Directory,
    /// Keys of the receiver's terminals, which are being fetched.
    Keys,
    /// The receiver has no terminal that takes mail: it goes out when they log in.
    Terminal,
    /// The receiver's mailbox, which is full; tried again when some of it was fetched.
    Space,
    /// The receiver, who has not logged in since the directory took it.
    Receiver,
    /// The person's decision about a key that changed.
    KeyDecision,
}

/// One message as `Explained` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What it says.
    pub text: String,
    /// How far it has come.
    pub mark: DeliveryStatus,
    /// Since when, seconds since the epoch.
    pub since: u64,
    /// What it waits for.
    pub next: Next,
}

/// Why a text cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// The person is not a member of the group.
    NotAMember,
    /// The person has blocked the receiver.
    Blocked,
    /// It is too long.
    TooLong,
    /// To oneself.
    Yourself,
    /// The directory is out of reach, and this cannot wait.
    DirectoryLost,
    /// Too many broadcasts; seconds to wait.
    TooFast { retry_after: u64 },
}

/// What is new in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupNews {
    /// Answers `Create`.
    Created,
    /// Answers `Create`: another group has the name.
    NameTaken,
    /// Answers `Join`: the request is on its way to the admins.
    Asked,
    /// Answers `Join`: there is no group of this name.
    NoSuchGroup,
    /// Somebody asks an admin, who is told.
    Request { user: UserId },
    /// The person is a member now, of so many.
    Joined { members: usize },
    /// The person's request was declined.
    Declined,
    /// Answers `Leave`.
    Left,
    /// The person was removed.
    Removed { by: UserId },
    /// Others came and went.
    Changed { by: UserId, joined: Vec<UserId>, left: Vec<UserId> },
    /// Somebody is an admin now.
    NewAdmin { user: UserId },
    /// Answers `Members`: users and whether they are admins; and who waits for admission.
    Members { members: Vec<(UserId, Role)>, waiting: Vec<UserId> },
    /// Answers a wish: only these may do that.
    NotAdmin { admins: Vec<UserId> },
    /// Answers a wish: the person is not a member.
    NotAMember,
    /// Answers a wish: this user has not asked, or is not a member.
    NotThere { user: UserId },
    /// Answers a wish: this user is a member already.
    AlreadyMember { user: UserId },
    /// Answers `Approve`: this user has no terminal that takes mail, and goes on waiting.
    NoTerminal { user: UserId },
    /// Answers a wish: this terminal has lost its state and waits to be added again.
    Returning,
    /// Answers `Leave`: the only admin must name another first.
    LastAdmin,
    /// Answers a wish: the directory is out of reach.
    DirectoryLost,
    /// Answers a wish: an admin's decision was carried out.
    Done,
}

/// What a member of a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May admit and remove.
    Admin,
    /// May write and leave.
    Member,
}

/// One group of `list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its name.
    pub group: GroupName,
    /// Members.
    pub members: usize,
    /// Of these, online, the person included.
    pub online: usize,
    /// Who may admit and remove.
    pub admins: Vec<UserId>,
    /// Messages not seen.
    pub unread: usize,
    /// Users who wait to be admitted.
    pub waiting: usize,
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

/// What is known of a user's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
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
