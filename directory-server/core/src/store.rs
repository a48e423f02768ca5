//! What the directory remembers across restarts, as the core sees it (decision D19).
//!
//! Owns the trait every store implements; what passes through it is in [`crate::records`]. Each method is one
//! transaction; when it returns, what it did is durable. Addresses are never stored (threat L5).

use std::future::Future;

use common::crypto::invite::InviteCode;
use common::ident::{CredentialId, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{
    Broadcast, Certificate, GroupReply, KeyPackageState, MailItem, MailboxState, Member, OwnSuccessor, Piece,
    RoomEpoch, Successor, UserCertificate, UserTerminals, WithdrawnMessage,
};
use common::settled::SettledTime;

use crate::lockout::LockRule;
use crate::records::{
    Attempt, CommitOutcome, CommitRequest, Deposit, DepositOutcome, Entry, EntryCheck, ExpiryProgress, Grant, IdStatus,
    InviteRecord, KeyChange, KnownPackages, LoggedBroadcast, MailRule, NewKey, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Reservation, RoomRecord, RoomRemoval, RunBegun, Success, TakenKeyPackages, TerminalRemoval,
    Totals, UnlockOutcome, UserChange, UserRecord,
};
use crate::timestamp::Timestamp;

/// Why the store could not do something. Nothing of it has happened then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No space left on the device.
    #[error("the disk is full; nothing was stored. Free some space where the data directory is")]
    DiskFull,
    /// The database cannot be written.
    #[error("the database is read-only; nothing was stored. Check the owner and the mount of the data directory")]
    ReadOnly,
    /// A database of its own does not answer.
    #[error(
        "the database does not answer ({0}); nothing was stored. Start it, or look where store.url says that it is"
    )]
    Unreachable(String),
    /// No space left where a database of its own is.
    #[error("the disk of the database is full; nothing was stored. Free some space there")]
    DatabaseFull,
    /// A database of its own takes nothing.
    #[error("the database takes only readers, as a replica does; nothing was stored. Name its primary in store.url")]
    DatabaseReadOnly,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// Another directory works on the database.
    #[error("{0} has taken the database over; nothing was stored. Stop that one first if this one is to go on")]
    TakenOver(String),
    /// Anything else the database reports.
    #[error("the database failed: {0}. Run: directory-server check")]
    Failed(String),
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

    /// Last check before a terminal is present, and keeps its certificate if it is new.
    fn enter(&self, entry: Entry, now: Timestamp) -> impl Future<Output = StoreResult<EntryCheck>> + Send;

    /// A user's credentials; nothing if there are none.
    fn credential(&self, user: &UserId) -> impl Future<Output = StoreResult<Option<CredentialId>>> + Send;

    /// Puts a new record and vault in force and keeps those from before for whom they are good; the cookies of younger
    /// terminals are worth nothing any more.
    fn change_passcode(
        &self,
        new: NewPasscode,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<PasscodeChange>> + Send;

    /// Puts a new identity key in the place of the present one, with record, vault and statement; no pair from before is kept.
    fn change_key(&self, new: NewKey, now: Timestamp) -> impl Future<Output = StoreResult<KeyChange>> + Send;

    /// The statements about the keys of these users, those of one user together, the newest last; as many as go into one
    /// `SUCCESSORSREPLY`, and of each user all or none.
    fn successors(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<Successor>>> + Send;

    /// The statements about a user's own key, the newest last.
    fn own_successors(&self, user: &UserId) -> impl Future<Output = StoreResult<Vec<OwnSuccessor>>> + Send;

    /// The certificates of a user's terminals, as many as a statement lets hold on, the oldest first: a
    /// thief's do not take the places of the owner's.
    fn own_certificates(&self, user: &UserId) -> impl Future<Output = StoreResult<Vec<Certificate>>> + Send;

    /// A session has ended.
    fn record_session_end(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<()>> + Send;

    /// Everyone, in the order of the ids.
    fn users(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<UserRecord>>> + Send;

    /// One user.
    fn user(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<Option<UserRecord>>> + Send;

    /// Locks a user.
    fn lock(&self, user: &UserId, reason: &str) -> impl Future<Output = StoreResult<UserChange>> + Send;

    /// Lifts every lock of an id.
    fn unlock(&self, user: &UserId) -> impl Future<Output = StoreResult<UnlockOutcome>> + Send;

    /// Forgets a user's passcode, vault, key and terminals and keeps the id for an invitation.
    fn reset(&self, user: &UserId, invite: InviteRecord) -> impl Future<Output = StoreResult<UserChange>> + Send;

    /// Removes a user for good.
    fn remove(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<UserChange>> + Send;

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

    /// What a mailbox is like. Forgets what is as old as `expired`.
    fn open_mailbox(
        &self,
        owner: &Member,
        expired: Timestamp,
    ) -> impl Future<Output = StoreResult<MailboxState>> + Send;

    /// The oldest items of a mailbox that fit into one `MAILBOX`.
    fn mail(&self, owner: &Member, expired: Timestamp) -> impl Future<Output = StoreResult<Vec<MailItem>>> + Send;

    /// One piece of an item of a mailbox; empty behind its end and where there is no such item.
    fn piece(&self, owner: &Member, item: u64, offset: u32) -> impl Future<Output = StoreResult<Vec<u8>>> + Send;

    /// Forgets the items of a mailbox up to this one, and that so many were lost, of which the terminal has heard.
    fn acknowledge(&self, owner: &Member, upto: u64, lost: u64) -> impl Future<Output = StoreResult<()>> + Send;

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
        known: KnownPackages,
    ) -> impl Future<Output = StoreResult<KeyPackageState>> + Send;

    /// Takes one key package of each of these terminals; no two calls take the same one, the last resort aside.
    fn take_key_packages(
        &self,
        user: &UserId,
        terminals: Vec<TerminalId>,
    ) -> impl Future<Output = StoreResult<TakenKeyPackages>> + Send;

    /// The terminals of these users that have published key packages, those seen last first.
    fn terminals(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<UserTerminals>>> + Send;

    /// Appends to the log of broadcasts, unless its sender has sent one with this id.
    fn log_broadcast(&self, broadcast: Broadcast) -> impl Future<Output = StoreResult<LoggedBroadcast>> + Send;

    /// The newest broadcasts before a number, newest first.
    fn broadcasts(&self, before: Option<u64>, limit: usize)
    -> impl Future<Output = StoreResult<Vec<Broadcast>>> + Send;

    /// Every room, in the order of their ids.
    fn rooms(&self) -> impl Future<Output = StoreResult<Vec<RoomRecord>>> + Send;

    /// Forgets a room. What waits in mailboxes is still delivered.
    fn remove_room(&self, room: RoomId) -> impl Future<Output = StoreResult<RoomRemoval>> + Send;

    /// The certificates of these terminals.
    fn certificates(&self, members: Vec<Member>) -> impl Future<Output = StoreResult<Vec<UserCertificate>>> + Send;

    /// Forgets a terminal with everything that is its, if this remover may.
    fn remove_terminal(
        &self,
        terminal: &Member,
        by: Remover,
    ) -> impl Future<Output = StoreResult<TerminalRemoval>> + Send;

    /// A run begins. A lock that was not seen to end begins anew, because the clock may have been set meanwhile (threat
    /// L15).
    fn begin_run(&self, now: Timestamp) -> impl Future<Output = StoreResult<RunBegun>> + Send;

    /// Keeps what this run has seen of the time: locks that have ended by `now` were seen to end, and invitations that
    /// had surely expired are forgotten. Gives the terminals for which there are reports of dropped messages that were not
    /// there the last time.
    fn keep_time(&self, time: SettledTime, now: Timestamp) -> impl Future<Output = StoreResult<Vec<Member>>> + Send;

    /// The oldest reports of dropped messages for a terminal, as many as go into one `WITHDRAWN` (decision D32).
    fn withdrawn(&self, owner: &Member) -> impl Future<Output = StoreResult<Vec<WithdrawnMessage>>> + Send;

    /// Forgets the reports for a terminal up to this one.
    fn acknowledge_withdrawn(&self, owner: &Member, upto: u64) -> impl Future<Output = StoreResult<()>> + Send;

    /// Forgets reports that are too old by the latest moment that has surely passed, and those that are too many.
    fn forget_withdrawn(&self, past: Timestamp) -> impl Future<Output = StoreResult<()>> + Send;

    /// The epochs of these rooms, those aside that the terminal is not in.
    fn epochs(&self, of: &Member, rooms: Vec<RoomId>) -> impl Future<Output = StoreResult<Vec<RoomEpoch>>> + Send;

    /// Forgets some of what is as old as `expired`.
    fn expire(&self, expired: Timestamp) -> impl Future<Output = StoreResult<ExpiryProgress>> + Send;

    /// What there is, all together.
    fn totals(&self) -> impl Future<Output = StoreResult<Totals>> + Send;

    /// Number of users.
    fn count(&self) -> impl Future<Output = StoreResult<u64>> + Send;

    /// Checks the database itself; what is wrong, in the database's words.
    fn check(&self) -> impl Future<Output = StoreResult<Vec<String>>> + Send;
}
