//! What the directory remembers across restarts, as the core sees it (decision D19).
//!
//! Owns the trait every store implements and the records that pass through it. Each method is one transaction; when it
//! returns, what it did is durable. Addresses are never stored (threat L5).

use std::future::Future;

use common::crypto::invite::InviteCode;
use common::ident::{Cookie, CredentialId, GroupHandle, KeyDigest, RoomId, TerminalId, UserId};
use common::msg::{
    Broadcast, GroupReply, KeyPackageState, MailItem, MailboxState, Member, Piece, UserCertificate, UserTerminals,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::broadcast::Logged;
use super::key_packages::Taken;
use super::lockout::{Class, LockRule, Verdict};
use super::mailbox::{Deposit, DepositOutcome, MailRule};
use super::rooms::{CommitOutcome, CommitRequest};
use super::timestamp::Timestamp;

/// Why the store could not do something. Nothing of it has happened then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space left on the device.
    #[error("the disk is full; nothing was stored. Free some space where the data directory is")]
    DiskFull,
    /// The database cannot be written.
    #[error("the database is read-only; nothing was stored. Check the owner and the mount of the data directory")]
    ReadOnly,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Anything else the database reports.
    #[error("the database failed: {0}. Run: directory-server check")]
    Failed(String),
}

/// SHA-256 of a terminal's cookie; the store never sees the cookie itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieDigest(pub [u8; 32]);

impl CookieDigest {
    /// Digest of a cookie.
    #[must_use]
    pub fn of(cookie: &Cookie) -> Self {
        Self(Sha256::digest(cookie.as_bytes()).into())
    }
}

/// What a login needs of a registered user.
#[derive(Debug, Clone)]
pub struct Account {
    /// Immutable internal id (threat L2).
    pub credential: CredentialId,
    /// OPAQUE record.
    pub record: Vec<u8>,
    /// Identity key, PKCS#1 DER.
    pub public_key: Vec<u8>,
    /// The encrypted identity key.
    pub vault: Vec<u8>,
}

/// A record and the vault that goes with it (protocol section 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The record of the last change of the passcode, or of the registration.
    Current,
    /// The record from before a change, until the first login with the current one.
    Previous,
}

/// A KE1 that has arrived.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who logs in.
    pub user: UserId,
    /// At which terminal.
    pub terminal: TerminalId,
    /// The cookie it presented.
    pub cookie: Option<CookieDigest>,
    /// What it wants to log in with; only a known terminal gets the former one.
    pub generation: Generation,
}

/// Outcome of counting an attempt.
#[derive(Debug, Clone)]
pub struct Reservation {
    /// Whether KE2 may be computed.
    pub verdict: Verdict,
    /// Whose budget was drawn from.
    pub class: Class,
    /// The user, if there is one.
    pub account: Option<Account>,
    /// Whether a former generation is kept; known terminals are told.
    pub changed: bool,
}

/// A valid KE3.
#[derive(Debug, Clone)]
pub struct Success {
    /// Who has logged in.
    pub user: UserId,
    /// Against which credentials.
    pub credential: CredentialId,
    /// Against which record of these; if it is the newest, a former one is forgotten.
    pub record: Vec<u8>,
    /// At which terminal.
    pub terminal: TerminalId,
    /// Whose budget is given back.
    pub class: Class,
    /// The cookie the terminal holds from now on.
    pub cookie: CookieDigest,
}

/// Outcome of a valid KE3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The budget was given back and the terminal is known from now on.
    Granted {
        /// The certificate this terminal announced before, encoded.
        certificate: Option<Vec<u8>>,
    },
    /// An administrator has locked the user.
    LockedByAdministrator,
    /// The credentials were removed or reset since KE1.
    Gone,
}

/// A user about to be registered.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The id.
    pub id: UserId,
    /// Credentials and key.
    pub account: Account,
    /// The invitation that is used up by this registration.
    pub invite: Option<InviteCode>,
}

/// A passcode about to be changed.
#[derive(Debug, Clone)]
pub struct NewPasscode {
    /// Whose.
    pub user: UserId,
    /// The credentials that are changed.
    pub credential: CredentialId,
    /// OPAQUE record.
    pub record: Vec<u8>,
    /// The encrypted identity key.
    pub vault: Vec<u8>,
    /// The vault's version.
    pub version: i64,
}

/// Outcome of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The user exists from now on.
    Done,
    /// Somebody else was faster.
    Unavailable,
    /// The invitation was used, revoked or has expired.
    InviteGone,
}

/// What an id is to the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdStatus {
    /// Nobody has it.
    Free,
    /// Kept for whoever holds this invitation.
    Invited(InviteCode),
    /// The user's passcode was reset, and the invitation that goes with it has expired.
    AwaitsInvite,
    /// A user has it.
    Taken,
    /// A removed user had it; it is never given out again (threat L8).
    Removed,
}

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

/// Answer of a store, later.
pub type StoreResult<T> = Result<T, StoreError>;

/// A directory's memory.
pub trait Store: Send + Sync + 'static {
    /// What an id is.
    fn id_status(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<IdStatus>> + Send;

    /// Registers a user and uses up the invitation.
    fn register(&self, user: NewUser, now: Timestamp) -> impl Future<Output = StoreResult<Registered>> + Send;

    /// Counts an attempt before KE2 is computed (decision D9). Exactly as many of any number of parallel calls are
    /// reserved as the rule allows. Users who do not exist have budgets too (threat L2).
    fn reserve(
        &self,
        attempt: Attempt,
        rule: LockRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Reservation>> + Send;

    /// Gives the budget back after a valid KE3 and remembers the terminal.
    fn grant(&self, success: Success, now: Timestamp) -> impl Future<Output = StoreResult<Grant>> + Send;

    /// Last check before a terminal is present, and keeps its certificate if it is new. False: the user was locked,
    /// reset or removed meanwhile, or the terminal was.
    fn enter(
        &self,
        user: &UserId,
        credential: CredentialId,
        terminal: TerminalId,
        new_certificate: Option<Vec<u8>>,
    ) -> impl Future<Output = StoreResult<bool>> + Send;

    /// A user's credentials; nothing if there are none.
    fn credential(&self, user: &UserId) -> impl Future<Output = StoreResult<Option<CredentialId>>> + Send;

    /// Puts a new record and vault in force and keeps those from before, until the first login with the new ones. False,
    /// and nothing has happened: the credentials are gone, or the vault's version is not above that of the generation kept.
    fn change_passcode(&self, new: NewPasscode) -> impl Future<Output = StoreResult<bool>> + Send;

    /// A session has ended.
    fn record_session_end(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<()>> + Send;

    /// Everyone, in the order of the ids.
    fn users(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<UserRecord>>> + Send;

    /// One user.
    fn user(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<Option<UserRecord>>> + Send;

    /// Locks a user; false if there is none.
    fn lock(&self, user: &UserId, reason: &str) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Lifts every lock of an id; false if there was none.
    fn unlock(&self, user: &UserId) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Forgets a user's passcode, vault, key and terminals and keeps the id for an invitation; false if there is no
    /// such user.
    fn reset(&self, user: &UserId, invite: InviteRecord) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Removes a user for good; false if there is none.
    fn remove(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<bool>> + Send;

    /// Invites, unless the id is taken or was removed; an older invitation of the same id is replaced. Returns the
    /// id_status before.
    fn invite(&self, invite: InviteRecord, now: Timestamp) -> impl Future<Output = StoreResult<IdStatus>> + Send;

    /// Invitations that have not expired, in the order of the ids.
    fn invites(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<InviteRecord>>> + Send;

    /// Revokes an invitation; returns who was invited.
    fn revoke(&self, code: &InviteCode) -> impl Future<Output = StoreResult<Option<UserId>>> + Send;

    /// Puts messages into the mailboxes of all other terminals of a room, as far as the rule allows.
    fn deposit(
        &self,
        deposit: Deposit,
        rule: MailRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<DepositOutcome>> + Send;

    /// What a mailbox is like. Forgets what is as old as `expired`, and then how many items were lost.
    fn open_mailbox(
        &self,
        owner: &Member,
        expired: Timestamp,
    ) -> impl Future<Output = StoreResult<MailboxState>> + Send;

    /// The oldest items of a mailbox that fit into one `MAILBOX`.
    fn mail(&self, owner: &Member, expired: Timestamp) -> impl Future<Output = StoreResult<Vec<MailItem>>> + Send;

    /// One piece of an item of a mailbox; empty behind its end and where there is no such item.
    fn piece(&self, owner: &Member, item: u64, offset: u32) -> impl Future<Output = StoreResult<Vec<u8>>> + Send;

    /// Forgets the items of a mailbox up to this one.
    fn acknowledge(&self, owner: &Member, upto: u64) -> impl Future<Output = StoreResult<()>> + Send;

    /// Ends an epoch of a room, unless another commit was first. Of any number of parallel calls for one epoch exactly
    /// one is accepted.
    fn commit(
        &self,
        request: CommitRequest,
        rule: MailRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<CommitOutcome>> + Send;

    /// The room of a named group.
    fn group(&self, handle: GroupHandle) -> impl Future<Output = StoreResult<GroupReply>> + Send;

    /// Keeps key packages of a terminal.
    fn publish(
        &self,
        owner: &Member,
        packages: Vec<Piece>,
        last_resort: Option<Piece>,
    ) -> impl Future<Output = StoreResult<KeyPackageState>> + Send;

    /// Takes one key package of each of these terminals; no two calls take the same one, the last resort aside.
    fn take_key_packages(
        &self,
        user: &UserId,
        terminals: Vec<TerminalId>,
    ) -> impl Future<Output = StoreResult<Taken>> + Send;

    /// The terminals of these users that have published key packages, those seen last first.
    fn terminals(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<UserTerminals>>> + Send;

    /// Appends to the log of broadcasts, unless its sender has sent one with this id.
    fn log_broadcast(&self, broadcast: Broadcast) -> impl Future<Output = StoreResult<Logged>> + Send;

    /// The newest broadcasts before a number, newest first.
    fn broadcasts(&self, before: Option<u64>, limit: usize)
    -> impl Future<Output = StoreResult<Vec<Broadcast>>> + Send;

    /// Every room, in the order of their ids.
    fn rooms(&self) -> impl Future<Output = StoreResult<Vec<RoomRecord>>> + Send;

    /// Forgets a room; false if there is none. What waits in mailboxes is still delivered.
    fn remove_room(&self, room: RoomId) -> impl Future<Output = StoreResult<bool>> + Send;

    /// The certificates of these terminals.
    fn certificates(&self, members: Vec<Member>) -> impl Future<Output = StoreResult<Vec<UserCertificate>>> + Send;

    /// Forgets a terminal with everything that is its.
    fn remove_terminal(&self, terminal: &Member) -> impl Future<Output = StoreResult<()>> + Send;

    /// Forgets some of what is as old as `expired`; false when nothing of it is left.
    fn expire(&self, expired: Timestamp) -> impl Future<Output = StoreResult<bool>> + Send;

    /// What there is, all together.
    fn totals(&self) -> impl Future<Output = StoreResult<Totals>> + Send;

    /// Number of users.
    fn count(&self) -> impl Future<Output = StoreResult<u64>> + Send;

    /// Checks the database itself; what is wrong, in the database's words.
    fn check(&self) -> impl Future<Output = StoreResult<Vec<String>>> + Send;
}
