//! Stores: what implements [`directory_core::store::Store`].

mod bounds;
mod filling;
pub mod postgres;
pub mod sqlite;

use std::future::Future;

use common::crypto::invite::InviteCode;
use common::ident::{CredentialId, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{
    Broadcast, Certificate, GroupReply, KeyPackageState, MailItem, MailboxState, Member, OwnSuccessor, Piece,
    RoomEpoch, Successor, UserCertificate, UserTerminals, WithdrawnMessage,
};
use common::settled::SettledTime;
use futures::future::Either;

use directory_core::lockout::LockRule;
use directory_core::records::{
    Attempt, CommitOutcome, CommitRequest, Deposit, DepositOutcome, Entry, EntryCheck, ExpiryProgress, Grant, IdStatus,
    InviteRecord, KeyChange, KnownPackages, LoggedBroadcast, MailRule, NewKey, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Reservation, RoomRecord, RoomRemoval, RunBegun, Success, TakenKeyPackages, TerminalRemoval,
    Totals, UnlockOutcome, UserChange, UserRecord,
};
use directory_core::store::{Store, StoreResult};
use directory_core::timestamp::Timestamp;

use self::postgres::PgStore;
use self::sqlite::SqliteStore;

/// The store that a directory was started with.
#[derive(Debug)]
pub enum AnyStore {
    /// The embedded one.
    Sqlite(SqliteStore),
    /// A database of its own.
    Postgres(PgStore),
}

/// The same method of either store. What the second one needs for it lies on the heap, so that who waits for the first one
/// does not carry it.
macro_rules! each {
    ($store:ident . $method:ident ( $($argument:ident),* )) => {
        match $store {
            Self::Sqlite(store) => Either::Left(store.$method($($argument),*)),
            Self::Postgres(store) => Either::Right(Box::pin(store.$method($($argument),*))),
        }
    };
}

impl AnyStore {
    /// What is wrong with it, if it is not as it should be. An embedded store is part of the program.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store) => store.complaint(),
        }
    }

    /// Whether it works as far as that is up to this process: a database of its own may be away for a while.
    pub async fn is_alive(&self) -> bool {
        match self {
            Self::Sqlite(store) => store.count().await.is_ok(),
            Self::Postgres(_) => true,
        }
    }

    /// Whether nobody can be served with it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(store) => store.is_lost(),
        }
    }

    /// Who has taken it over for good, if somebody has.
    #[must_use]
    pub fn taken_by(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store) => store.taken_by(),
        }
    }

    /// Gives what it remembers another name, because it was put back to an earlier state by other means than this program's:
    /// terminals then know that what they remember is newer.
    ///
    /// # Errors
    /// [`StoreError`](directory_core::store::StoreError): it cannot be written.
    pub async fn begin_generation(&self) -> StoreResult<()> {
        match self {
            Self::Sqlite(store) => store.begin_generation().await,
            Self::Postgres(store) => store.begin_generation().await,
        }
    }

    /// Nothing more is asked for.
    pub async fn close(&self) {
        if let Self::Postgres(store) = self {
            store.close().await;
        }
    }
}

impl From<SqliteStore> for AnyStore {
    fn from(store: SqliteStore) -> Self {
        Self::Sqlite(store)
    }
}

impl Store for AnyStore {
    fn id_status(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<IdStatus>> + Send {
        each!(self.id_status(user, now))
    }

    fn register(&self, user: NewUser, now: Timestamp) -> impl Future<Output = StoreResult<Registered>> + Send {
        each!(self.register(user, now))
    }

    fn reserve(
        &self,
        attempt: Attempt,
        rule: LockRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Reservation>> + Send {
        each!(self.reserve(attempt, rule, now))
    }

    fn grant(&self, success: Success, now: Timestamp) -> impl Future<Output = StoreResult<Grant>> + Send {
        each!(self.grant(success, now))
    }

    fn enter(&self, entry: Entry, now: Timestamp) -> impl Future<Output = StoreResult<EntryCheck>> + Send {
        each!(self.enter(entry, now))
    }

    fn credential(&self, user: &UserId) -> impl Future<Output = StoreResult<Option<CredentialId>>> + Send {
        each!(self.credential(user))
    }

    fn change_passcode(
        &self,
        new: NewPasscode,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<PasscodeChange>> + Send {
        each!(self.change_passcode(new, now))
    }

    fn change_key(&self, new: NewKey, now: Timestamp) -> impl Future<Output = StoreResult<KeyChange>> + Send {
        each!(self.change_key(new, now))
    }

    fn successors(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<Successor>>> + Send {
        each!(self.successors(users))
    }

    fn own_successors(&self, user: &UserId) -> impl Future<Output = StoreResult<Vec<OwnSuccessor>>> + Send {
        each!(self.own_successors(user))
    }

    fn own_certificates(&self, user: &UserId) -> impl Future<Output = StoreResult<Vec<Certificate>>> + Send {
        each!(self.own_certificates(user))
    }

    fn record_session_end(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<()>> + Send {
        each!(self.record_session_end(user, now))
    }

    fn users(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<UserRecord>>> + Send {
        each!(self.users(now))
    }

    fn user(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<Option<UserRecord>>> + Send {
        each!(self.user(user, now))
    }

    fn lock(&self, user: &UserId, reason: &str) -> impl Future<Output = StoreResult<UserChange>> + Send {
        each!(self.lock(user, reason))
    }

    fn unlock(&self, user: &UserId) -> impl Future<Output = StoreResult<UnlockOutcome>> + Send {
        each!(self.unlock(user))
    }

    fn reset(&self, user: &UserId, invite: InviteRecord) -> impl Future<Output = StoreResult<UserChange>> + Send {
        each!(self.reset(user, invite))
    }

    fn remove(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<UserChange>> + Send {
        each!(self.remove(user, now))
    }

    fn invite(&self, invite: InviteRecord, now: Timestamp) -> impl Future<Output = StoreResult<IdStatus>> + Send {
        each!(self.invite(invite, now))
    }

    fn invites(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<InviteRecord>>> + Send {
        each!(self.invites(now))
    }

    fn revoke(&self, code: &InviteCode) -> impl Future<Output = StoreResult<Option<UserId>>> + Send {
        each!(self.revoke(code))
    }

    fn deposit(
        &self,
        deposit: Deposit,
        rule: MailRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<DepositOutcome>> + Send {
        each!(self.deposit(deposit, rule, now))
    }

    fn open_mailbox(
        &self,
        owner: &Member,
        expired: Timestamp,
    ) -> impl Future<Output = StoreResult<MailboxState>> + Send {
        each!(self.open_mailbox(owner, expired))
    }

    fn mail(&self, owner: &Member, expired: Timestamp) -> impl Future<Output = StoreResult<Vec<MailItem>>> + Send {
        each!(self.mail(owner, expired))
    }

    fn piece(&self, owner: &Member, item: u64, offset: u32) -> impl Future<Output = StoreResult<Vec<u8>>> + Send {
        each!(self.piece(owner, item, offset))
    }

    fn acknowledge(&self, owner: &Member, upto: u64, lost: u64) -> impl Future<Output = StoreResult<()>> + Send {
        each!(self.acknowledge(owner, upto, lost))
    }

    fn commit(
        &self,
        request: CommitRequest,
        rule: MailRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<CommitOutcome>> + Send {
        each!(self.commit(request, rule, now))
    }

    fn group(&self, handle: GroupHandle) -> impl Future<Output = StoreResult<GroupReply>> + Send {
        each!(self.group(handle))
    }

    fn publish(
        &self,
        owner: &Member,
        packages: Vec<Piece>,
        last_resort: Option<Piece>,
        known: KnownPackages,
    ) -> impl Future<Output = StoreResult<KeyPackageState>> + Send {
        each!(self.publish(owner, packages, last_resort, known))
    }

    fn take_key_packages(
        &self,
        user: &UserId,
        terminals: Vec<TerminalId>,
    ) -> impl Future<Output = StoreResult<TakenKeyPackages>> + Send {
        each!(self.take_key_packages(user, terminals))
    }

    fn terminals(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<UserTerminals>>> + Send {
        each!(self.terminals(users))
    }

    fn log_broadcast(&self, broadcast: Broadcast) -> impl Future<Output = StoreResult<LoggedBroadcast>> + Send {
        each!(self.log_broadcast(broadcast))
    }

    fn broadcasts(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Vec<Broadcast>>> + Send {
        each!(self.broadcasts(before, limit))
    }

    fn rooms(&self) -> impl Future<Output = StoreResult<Vec<RoomRecord>>> + Send {
        each!(self.rooms())
    }

    fn remove_room(&self, room: RoomId) -> impl Future<Output = StoreResult<RoomRemoval>> + Send {
        each!(self.remove_room(room))
    }

    fn certificates(&self, members: Vec<Member>) -> impl Future<Output = StoreResult<Vec<UserCertificate>>> + Send {
        each!(self.certificates(members))
    }

    fn remove_terminal(
        &self,
        terminal: &Member,
        by: Remover,
    ) -> impl Future<Output = StoreResult<TerminalRemoval>> + Send {
        each!(self.remove_terminal(terminal, by))
    }

    fn begin_run(&self, now: Timestamp) -> impl Future<Output = StoreResult<RunBegun>> + Send {
        each!(self.begin_run(now))
    }

    fn keep_time(&self, time: SettledTime, now: Timestamp) -> impl Future<Output = StoreResult<Vec<Member>>> + Send {
        each!(self.keep_time(time, now))
    }

    fn withdrawn(&self, owner: &Member) -> impl Future<Output = StoreResult<Vec<WithdrawnMessage>>> + Send {
        each!(self.withdrawn(owner))
    }

    fn acknowledge_withdrawn(&self, owner: &Member, upto: u64) -> impl Future<Output = StoreResult<()>> + Send {
        each!(self.acknowledge_withdrawn(owner, upto))
    }

    fn forget_withdrawn(&self, past: Timestamp) -> impl Future<Output = StoreResult<()>> + Send {
        each!(self.forget_withdrawn(past))
    }

    fn epochs(&self, of: &Member, rooms: Vec<RoomId>) -> impl Future<Output = StoreResult<Vec<RoomEpoch>>> + Send {
        each!(self.epochs(of, rooms))
    }

    fn expire(&self, expired: Timestamp) -> impl Future<Output = StoreResult<ExpiryProgress>> + Send {
        each!(self.expire(expired))
    }

    fn totals(&self) -> impl Future<Output = StoreResult<Totals>> + Send {
        each!(self.totals())
    }

    fn count(&self) -> impl Future<Output = StoreResult<u64>> + Send {
        each!(self.count())
    }

    fn check(&self) -> impl Future<Output = StoreResult<Vec<String>>> + Send {
        each!(self.check())
    }
}
