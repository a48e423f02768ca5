//! A store that is closed, for tests of what is decided before the store is asked: whoever reaches it gets an error.

use std::time::Duration;

use common::crypto::invite::InviteCode;
use common::crypto::opaque::ServerSecret;
use common::ident::{CredentialId, GroupHandle, KeyDigest, RoomId, TerminalId, UserId};
use common::limits::TERMINALS_PER_USER;
use common::msg::{
    Broadcast, Certificate, GroupReply, KeyPackageState, MailItem, MailboxState, Member, OwnSuccessor, Piece,
    Registration, RoomEpoch, Successor, UserCertificate, UserTerminals, WithdrawnMessage,
};
use common::settled::SettledTime;

use crate::address_style::AddressStyle;
use crate::directory::Directory;
use crate::lockout::LockRule;
use crate::policy::Policy;
use crate::records::{
    Attempt, CommitOutcome, CommitRequest, Deposit, DepositOutcome, Entry, EntryCheck, ExpiryProgress, Grant, IdStatus,
    InviteRecord, KeyChange, KnownPackages, LoggedBroadcast, MailRule, NewKey, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Reservation, RoomRecord, RoomRemoval, RunBegun, Success, TakenKeyPackages, TerminalRemoval,
    Totals, UnlockOutcome, UserChange, UserRecord,
};
use crate::relay::RelayMode;
use crate::sources::LoopbackRule;
use crate::store::{Store, StoreError, StoreResult};
use crate::subscriptions::Visibility;
use crate::timestamp::Timestamp;
use crate::user_style::UserStyle;

/// The time at which tests begin.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// So many seconds.
pub(crate) fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A user id.
pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// The first terminal of a user.
pub(crate) fn member(id: &str) -> Member {
    Member { userid: user(id), terminal: TerminalId([1; 16]) }
}

/// Rules without limits.
pub(crate) fn policy() -> Policy {
    Policy {
        registration: Registration::Open,
        passcode_min: 6,
        lock: LockRule::default(),
        logins_per_minute: 0,
        lookups_per_minute: 0,
        requests_per_minute: 0,
        loopback: LoopbackRule::Exempt,
        mail: MailRule::default(),
        presence: Visibility::Auto,
        broadcasts_per_minute: 0,
        addresses: AddressStyle::Truncate,
        users: UserStyle::Name,
        terminals_per_user: TERMINALS_PER_USER,
        relay: RelayMode::Chat,
        records: std::time::Duration::from_secs(12 * 3600),
    }
}

/// A directory with these rules, whose store is closed.
pub(crate) fn directory(policy: Policy) -> Directory<ClosedStore> {
    Directory::new(ClosedStore, ServerSecret::generate(), KeyDigest([1; 32]), policy)
}

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct ClosedStore;

impl Store for ClosedStore {
    async fn id_status(&self, _: &UserId, _: Timestamp) -> StoreResult<IdStatus> {
        Err(StoreError::Closed)
    }

    async fn register(&self, _: NewUser, _: Timestamp) -> StoreResult<Registered> {
        Err(StoreError::Closed)
    }

    async fn reserve(&self, _: Attempt, _: LockRule, _: Timestamp) -> StoreResult<Reservation> {
        Err(StoreError::Closed)
    }

    async fn grant(&self, _: Success, _: Timestamp) -> StoreResult<Grant> {
        Err(StoreError::Closed)
    }

    async fn enter(&self, _: Entry, _: Timestamp) -> StoreResult<EntryCheck> {
        Err(StoreError::Closed)
    }

    async fn credential(&self, _: &UserId) -> StoreResult<Option<CredentialId>> {
        Err(StoreError::Closed)
    }

    async fn change_passcode(&self, _: NewPasscode, _: Timestamp) -> StoreResult<PasscodeChange> {
        Err(StoreError::Closed)
    }

    async fn change_key(&self, _: NewKey, _: Timestamp) -> StoreResult<KeyChange> {
        Err(StoreError::Closed)
    }

    async fn successors(&self, _: Vec<UserId>) -> StoreResult<Vec<Successor>> {
        Err(StoreError::Closed)
    }

    async fn own_successors(&self, _: &UserId) -> StoreResult<Vec<OwnSuccessor>> {
        Err(StoreError::Closed)
    }

    async fn own_certificates(&self, _: &UserId) -> StoreResult<Vec<Certificate>> {
        Err(StoreError::Closed)
    }

    async fn record_session_end(&self, _: &UserId, _: Timestamp) -> StoreResult<()> {
        Err(StoreError::Closed)
    }

    async fn users(&self, _: Timestamp) -> StoreResult<Vec<UserRecord>> {
        Err(StoreError::Closed)
    }

    async fn user(&self, _: &UserId, _: Timestamp) -> StoreResult<Option<UserRecord>> {
        Err(StoreError::Closed)
    }

    async fn lock(&self, _: &UserId, _: &str) -> StoreResult<UserChange> {
        Err(StoreError::Closed)
    }

    async fn unlock(&self, _: &UserId) -> StoreResult<UnlockOutcome> {
        Err(StoreError::Closed)
    }

    async fn reset(&self, _: &UserId, _: InviteRecord) -> StoreResult<UserChange> {
        Err(StoreError::Closed)
    }

    async fn remove(&self, _: &UserId, _: Timestamp) -> StoreResult<UserChange> {
        Err(StoreError::Closed)
    }

    async fn invite(&self, _: InviteRecord, _: Timestamp) -> StoreResult<IdStatus> {
        Err(StoreError::Closed)
    }

    async fn invites(&self, _: Timestamp) -> StoreResult<Vec<InviteRecord>> {
        Err(StoreError::Closed)
    }

    async fn revoke(&self, _: &InviteCode) -> StoreResult<Option<UserId>> {
        Err(StoreError::Closed)
    }

    async fn deposit(&self, _: Deposit, _: MailRule, _: Timestamp) -> StoreResult<DepositOutcome> {
        Err(StoreError::Closed)
    }

    async fn open_mailbox(&self, _: &Member, _: Timestamp) -> StoreResult<MailboxState> {
        Err(StoreError::Closed)
    }

    async fn mail(&self, _: &Member, _: Timestamp) -> StoreResult<Vec<MailItem>> {
        Err(StoreError::Closed)
    }

    async fn piece(&self, _: &Member, _: u64, _: u32) -> StoreResult<Vec<u8>> {
        Err(StoreError::Closed)
    }

    async fn acknowledge(&self, _: &Member, _: u64, _: u64) -> StoreResult<()> {
        Err(StoreError::Closed)
    }

    async fn commit(&self, _: CommitRequest, _: MailRule, _: Timestamp) -> StoreResult<CommitOutcome> {
        Err(StoreError::Closed)
    }

    async fn group(&self, _: GroupHandle) -> StoreResult<GroupReply> {
        Err(StoreError::Closed)
    }

    async fn publish(
        &self,
        _: &Member,
        _: Vec<Piece>,
        _: Option<Piece>,
        _: KnownPackages,
    ) -> StoreResult<KeyPackageState> {
        Err(StoreError::Closed)
    }

    async fn take_key_packages(&self, _: &UserId, _: Vec<TerminalId>) -> StoreResult<TakenKeyPackages> {
        Err(StoreError::Closed)
    }

    async fn terminals(&self, _: Vec<UserId>) -> StoreResult<Vec<UserTerminals>> {
        Err(StoreError::Closed)
    }

    async fn log_broadcast(&self, _: Broadcast) -> StoreResult<LoggedBroadcast> {
        Err(StoreError::Closed)
    }

    async fn broadcasts(&self, _: Option<u64>, _: usize) -> StoreResult<Vec<Broadcast>> {
        Err(StoreError::Closed)
    }

    async fn rooms(&self) -> StoreResult<Vec<RoomRecord>> {
        Err(StoreError::Closed)
    }

    async fn remove_room(&self, _: RoomId) -> StoreResult<RoomRemoval> {
        Err(StoreError::Closed)
    }

    async fn certificates(&self, _: Vec<Member>) -> StoreResult<Vec<UserCertificate>> {
        Err(StoreError::Closed)
    }

    async fn remove_terminal(&self, _: &Member, _: Remover) -> StoreResult<TerminalRemoval> {
        Err(StoreError::Closed)
    }

    async fn begin_run(&self, _: Timestamp) -> StoreResult<RunBegun> {
        Err(StoreError::Closed)
    }

    async fn keep_time(&self, _: SettledTime, _: Timestamp) -> StoreResult<Vec<Member>> {
        Err(StoreError::Closed)
    }

    async fn withdrawn(&self, _: &Member) -> StoreResult<Vec<WithdrawnMessage>> {
        Err(StoreError::Closed)
    }

    async fn acknowledge_withdrawn(&self, _: &Member, _: u64) -> StoreResult<()> {
        Err(StoreError::Closed)
    }

    async fn forget_withdrawn(&self, _: Timestamp) -> StoreResult<()> {
        Err(StoreError::Closed)
    }

    async fn epochs(&self, _: &Member, _: Vec<RoomId>) -> StoreResult<Vec<RoomEpoch>> {
        Err(StoreError::Closed)
    }

    async fn expire(&self, _: Timestamp) -> StoreResult<ExpiryProgress> {
        Err(StoreError::Closed)
    }

    async fn totals(&self) -> StoreResult<Totals> {
        Err(StoreError::Closed)
    }

    async fn count(&self) -> StoreResult<u64> {
        Err(StoreError::Closed)
    }

    async fn check(&self) -> StoreResult<Vec<String>> {
        Err(StoreError::Closed)
    }
}
