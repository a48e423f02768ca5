//! A database that speaks the protocol of PostgreSQL (decision D49): the same memory as the embedded store's, on a machine of
//! its own.
//!
//! [`lanes`] owns the connections and runs each method as one transaction, again when another was in the way; [`lease`] sees
//! to it that one directory works on a database at a time; [`schema`] holds the migrations. The other modules are functions
//! over a connection, one per method of the trait, with the names that they have in the embedded store.
//!
//! The SQL is what PostgreSQL and the distributed databases that speak its protocol share, and right where a transaction sees
//! what others have committed meanwhile (READ COMMITTED) as well as where it is refused then (SERIALIZABLE): whatever decides
//! is one row, locked first.

mod broadcasts;
mod connect;
mod delivery;
mod departures;
mod error;
#[cfg(feature = "testkit")]
mod faults;
mod invites;
mod key_packages;
mod lanes;
mod lease;
mod locks;
mod login;
mod mailbox;
mod passcode;
mod place;
mod rooms;
mod roster;
mod row;
mod schema;
mod situation;
mod successions;
mod terminals;
mod time;
mod users;
mod withdrawn;

use std::fmt;
use std::sync::Arc;

use common::crypto::invite::InviteCode;
use common::ident::{CredentialId, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{
    Broadcast, Certificate, GroupReply, KeyPackageState, MailItem, MailboxState, Member, OwnSuccessor, Piece,
    RoomEpoch, Successor, UserCertificate, UserTerminals, WithdrawnMessage,
};
use common::settled::SettledTime;
use futures::future::BoxFuture;

use directory_core::lockout::LockRule;
use directory_core::records::{
    Attempt, CommitOutcome, CommitRequest, Deposit, DepositOutcome, Entry, EntryCheck, ExpiryProgress, Grant, IdStatus,
    InviteRecord, KeyChange, KnownPackages, LoggedBroadcast, MailRule, NewKey, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Reservation, RoomRecord, RoomRemoval, RunBegun, Success, TakenKeyPackages, TerminalRemoval,
    Totals, UnlockOutcome, UserChange, UserRecord,
};
use directory_core::store::{Store, StoreError, StoreResult};
use directory_core::timestamp::Timestamp;

use self::error::PgResult;
use self::lanes::{Lane, Lanes};
use self::lease::{Lease, Taken};

pub use self::connect::{Runtime, Stream};
pub use self::lease::Applicant;
pub use self::place::{BadPlace, Host, Place, Variables};

/// A directory's memory in a database.
pub struct PgStore {
    lanes: Arc<Lanes>,
    lease: Arc<Lease>,
}

/// Why a database could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another directory works on it.
    #[error(
        "{database} is used by {holder}. Stop that one first; after a crash it is free within 15 seconds. Several directories \
         on one database are not supported yet"
    )]
    Busy {
        /// Which database.
        database: String,
        /// By whom.
        holder: String,
    },
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PgStore {
    /// Connects, brings the schema up to date, and takes the lease.
    ///
    /// # Errors
    /// [`OpenError`]: the database cannot be reached, was written by a newer version, or is used by another directory.
    pub async fn open(place: Place, runtime: Arc<dyn Runtime>, applicant: Applicant) -> Result<Self, OpenError> {
        let lanes = Arc::new(Lanes::new(place, Arc::clone(&runtime)));
        schema::migrate(&lanes).await?;
        let lease = Arc::new(Lease::new(applicant)?);
        let taken = async { lease.take(&lanes.connect().await?).await.map_err(StoreError::from) };
        if let Taken::Busy(holder) = taken.await? {
            return Err(OpenError::Busy { database: lanes.place().to_string(), holder });
        }
        runtime.spawn(Box::pin(lease::keep(Arc::downgrade(&lanes), Arc::downgrade(&lease))));
        Ok(Self { lanes, lease })
    }

    /// Whether what it holds depends on secrets with this digest. A database that nobody has used yet does from now on.
    ///
    /// # Errors
    /// [`StoreError`]: the database does not answer.
    pub async fn belongs_to(&self, secrets: [u8; 32]) -> StoreResult<bool> {
        self.write(secrets, |lane, secrets| Box::pin(schema::belongs_to(lane, &secrets[..]))).await
    }

    /// Goes on under another name ([`schema::rename`]).
    pub(super) async fn begin_generation(&self) -> StoreResult<()> {
        let name: [u8; 16] = common::crypto::random().map_err(|error| StoreError::Failed(error.to_string()))?;
        self.write(name, |lane, name| Box::pin(schema::rename(lane, *name))).await
    }

    /// Gives the database back; everything that is asked for later fails.
    pub async fn close(&self) {
        lease::give_back(&self.lanes, &self.lease).await;
    }

    /// What is wrong with the database, if it is not as it should be.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let away = self.lanes.away().map(|away| format!("the database has been away for {} seconds", away.as_secs()));
        away.or_else(|| self.lease.complaint())
    }

    /// Whether this directory may not use the database any more, or did not hear of it for too long.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lease.check().is_err()
    }

    /// Who has taken the database over, if another directory has: this one can do nothing any more.
    #[must_use]
    pub fn taken_by(&self) -> Option<String> {
        self.lease.taken_by()
    }

    /// From now on the so manieth statement of each method fails the first time, as if another transaction had been in its
    /// way; 0: none.
    #[cfg(feature = "testkit")]
    pub fn set_faults(&self, at: u64) {
        self.lanes.faults.set(at);
    }

    /// How many statements were refused so.
    #[cfg(feature = "testkit")]
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.lanes.faults.refused.load(std::sync::atomic::Ordering::Relaxed)
    }

    async fn read<I: Send + Sync, T: Send>(
        &self,
        input: I,
        work: impl for<'t> Fn(&'t Lane, &'t I) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        self.lease.check()?;
        self.lanes.read(&|| self.lease.check(), input, work).await
    }

    async fn survey<T: Send>(
        &self,
        work: impl for<'t> Fn(&'t Lane) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        self.lease.check()?;
        self.lanes.survey(work).await
    }

    async fn write<I: Send + Sync, T: Send>(
        &self,
        input: I,
        work: impl for<'t> Fn(&'t Lane, &'t I) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        self.lease.check()?;
        self.lanes.write(&|| self.lease.check(), input, work).await
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PgStore").field(self.lanes.place()).finish()
    }
}

impl Store for PgStore {
    async fn id_status(&self, user: &UserId, now: Timestamp) -> StoreResult<IdStatus> {
        self.read((user.clone(), now), |lane, (user, now)| Box::pin(invites::id_status(lane, user, *now))).await
    }

    async fn register(&self, user: NewUser, now: Timestamp) -> StoreResult<Registered> {
        self.write((user, now), |lane, (user, now)| Box::pin(users::register(lane, user, *now))).await
    }

    async fn reserve(&self, attempt: Attempt, rule: LockRule, now: Timestamp) -> StoreResult<Reservation> {
        self.write((attempt, rule, now), |lane, (attempt, rule, now)| {
            Box::pin(login::reserve(lane, attempt, *rule, *now))
        })
        .await
    }

    async fn grant(&self, success: Success, now: Timestamp) -> StoreResult<Grant> {
        self.write((success, now), |lane, (success, now)| Box::pin(login::grant(lane, success, *now))).await
    }

    async fn enter(&self, entry: Entry, now: Timestamp) -> StoreResult<EntryCheck> {
        match entry.new_certificate {
            None => self.read((entry, now), |lane, (entry, now)| Box::pin(login::may_enter(lane, entry, *now))).await,
            Some(_) => self.write((entry, now), |lane, (entry, now)| Box::pin(login::enter(lane, entry, *now))).await,
        }
    }

    async fn credential(&self, user: &UserId) -> StoreResult<Option<CredentialId>> {
        self.read(user.clone(), |lane, user| Box::pin(passcode::credential(lane, user))).await
    }

    async fn change_passcode(&self, new: NewPasscode, now: Timestamp) -> StoreResult<PasscodeChange> {
        self.write((new, now), |lane, (new, now)| Box::pin(passcode::change(lane, new, *now))).await
    }

    async fn change_key(&self, new: NewKey, now: Timestamp) -> StoreResult<KeyChange> {
        self.write((new, now), |lane, (new, now)| Box::pin(successions::change(lane, new, *now))).await
    }

    async fn successors(&self, users: Vec<UserId>) -> StoreResult<Vec<Successor>> {
        self.read(users, |lane, users| Box::pin(successions::of(lane, users))).await
    }

    async fn own_successors(&self, user: &UserId) -> StoreResult<Vec<OwnSuccessor>> {
        self.read(user.clone(), |lane, user| Box::pin(successions::own(lane, user))).await
    }

    async fn own_certificates(&self, user: &UserId) -> StoreResult<Vec<Certificate>> {
        self.read(user.clone(), |lane, user| Box::pin(successions::certificates(lane, user))).await
    }

    async fn record_session_end(&self, user: &UserId, now: Timestamp) -> StoreResult<()> {
        self.write((user.clone(), now), |lane, (user, now)| Box::pin(users::record_session_end(lane, user, *now))).await
    }

    async fn users(&self, now: Timestamp) -> StoreResult<Vec<UserRecord>> {
        self.survey(|lane| Box::pin(users::all(lane, now))).await
    }

    async fn user(&self, user: &UserId, now: Timestamp) -> StoreResult<Option<UserRecord>> {
        self.read((user.clone(), now), |lane, (user, now)| Box::pin(users::one(lane, user, *now))).await
    }

    async fn lock(&self, user: &UserId, reason: &str) -> StoreResult<UserChange> {
        self.write((user.clone(), reason.to_owned()), |lane, (user, reason)| Box::pin(users::lock(lane, user, reason)))
            .await
    }

    async fn unlock(&self, user: &UserId) -> StoreResult<UnlockOutcome> {
        self.write(user.clone(), |lane, user| Box::pin(users::unlock(lane, user))).await
    }

    async fn reset(&self, user: &UserId, invite: InviteRecord) -> StoreResult<UserChange> {
        self.write((user.clone(), invite), |lane, (user, invite)| Box::pin(users::reset(lane, user, invite))).await
    }

    async fn remove(&self, user: &UserId, now: Timestamp) -> StoreResult<UserChange> {
        self.write((user.clone(), now), |lane, (user, now)| Box::pin(users::remove(lane, user, *now))).await
    }

    async fn invite(&self, invite: InviteRecord, now: Timestamp) -> StoreResult<IdStatus> {
        self.write((invite, now), |lane, (invite, now)| Box::pin(invites::invite(lane, invite, *now))).await
    }

    async fn invites(&self, now: Timestamp) -> StoreResult<Vec<InviteRecord>> {
        self.read(now, |lane, now| Box::pin(invites::all(lane, *now))).await
    }

    async fn revoke(&self, code: &InviteCode) -> StoreResult<Option<UserId>> {
        self.write(code.clone(), |lane, code| Box::pin(invites::revoke(lane, code))).await
    }

    async fn deposit(&self, deposit: Deposit, rule: MailRule, now: Timestamp) -> StoreResult<DepositOutcome> {
        self.write((deposit, rule, now), |lane, (deposit, rule, now)| {
            Box::pin(mailbox::deposit(lane, deposit, rule, *now))
        })
        .await
    }

    async fn open_mailbox(&self, owner: &Member, expired: Timestamp) -> StoreResult<MailboxState> {
        self.write((owner.clone(), expired), |lane, (owner, expired)| Box::pin(delivery::open(lane, owner, *expired)))
            .await
    }

    async fn mail(&self, owner: &Member, expired: Timestamp) -> StoreResult<Vec<MailItem>> {
        self.read((owner.clone(), expired), |lane, (owner, expired)| Box::pin(delivery::mail(lane, owner, *expired)))
            .await
    }

    async fn piece(&self, owner: &Member, item: u64, offset: u32) -> StoreResult<Vec<u8>> {
        self.read((owner.clone(), item, offset), |lane, (owner, item, offset)| {
            Box::pin(delivery::piece(lane, owner, *item, *offset))
        })
        .await
    }

    async fn acknowledge(&self, owner: &Member, upto: u64, lost: u64) -> StoreResult<()> {
        self.write((owner.clone(), upto, lost), |lane, (owner, upto, lost)| {
            Box::pin(delivery::acknowledge(lane, owner, *upto, *lost))
        })
        .await
    }

    async fn commit(&self, request: CommitRequest, rule: MailRule, now: Timestamp) -> StoreResult<CommitOutcome> {
        self.write((request, rule, now), |lane, (request, rule, now)| {
            Box::pin(rooms::commit(lane, request, rule, *now))
        })
        .await
    }

    async fn group(&self, handle: GroupHandle) -> StoreResult<GroupReply> {
        self.read(handle, |lane, handle| Box::pin(rooms::group(lane, handle))).await
    }

    async fn publish(
        &self,
        owner: &Member,
        packages: Vec<Piece>,
        last_resort: Option<Piece>,
        known: KnownPackages,
    ) -> StoreResult<KeyPackageState> {
        self.write((owner.clone(), packages, last_resort, known), |lane, (owner, packages, last_resort, known)| {
            Box::pin(key_packages::publish(lane, owner, (packages, last_resort.as_ref()), *known))
        })
        .await
    }

    async fn take_key_packages(&self, user: &UserId, terminals: Vec<TerminalId>) -> StoreResult<TakenKeyPackages> {
        self.write((user.clone(), terminals), |lane, (user, terminals)| {
            Box::pin(key_packages::take(lane, user, terminals))
        })
        .await
    }

    async fn terminals(&self, users: Vec<UserId>) -> StoreResult<Vec<UserTerminals>> {
        self.read(users, |lane, users| Box::pin(terminals::terminals(lane, users))).await
    }

    async fn log_broadcast(&self, broadcast: Broadcast) -> StoreResult<LoggedBroadcast> {
        self.write(broadcast, |lane, broadcast| Box::pin(broadcasts::append(lane, broadcast))).await
    }

    async fn broadcasts(&self, before: Option<u64>, limit: usize) -> StoreResult<Vec<Broadcast>> {
        self.read((before, limit), |lane, (before, limit)| Box::pin(broadcasts::read(lane, *before, *limit))).await
    }

    async fn rooms(&self) -> StoreResult<Vec<RoomRecord>> {
        self.survey(|lane| Box::pin(rooms::all(lane))).await
    }

    async fn remove_room(&self, room: RoomId) -> StoreResult<RoomRemoval> {
        self.write(room, |lane, room| Box::pin(rooms::remove(lane, room))).await
    }

    async fn certificates(&self, members: Vec<Member>) -> StoreResult<Vec<UserCertificate>> {
        self.read(members, |lane, members| Box::pin(terminals::certificates(lane, members))).await
    }

    async fn remove_terminal(&self, terminal: &Member, by: Remover) -> StoreResult<TerminalRemoval> {
        self.write((terminal.clone(), by), |lane, (terminal, by)| Box::pin(terminals::remove(lane, terminal, *by)))
            .await
    }

    async fn begin_run(&self, now: Timestamp) -> StoreResult<RunBegun> {
        self.write(now, |lane, now| Box::pin(time::begin_run(lane, *now))).await
    }

    async fn keep_time(&self, time: SettledTime, now: Timestamp) -> StoreResult<Vec<Member>> {
        self.write((time, now), |lane, (time, now)| {
            Box::pin(async move {
                time::keep(lane, time, *now).await?;
                withdrawn::new(lane, Timestamp::from_seconds(time.at_least(now.seconds()))).await
            })
        })
        .await
    }

    async fn withdrawn(&self, owner: &Member) -> StoreResult<Vec<WithdrawnMessage>> {
        self.read(owner.clone(), |lane, owner| Box::pin(withdrawn::reports(lane, owner))).await
    }

    async fn acknowledge_withdrawn(&self, owner: &Member, upto: u64) -> StoreResult<()> {
        self.write((owner.clone(), upto), |lane, (owner, upto)| Box::pin(withdrawn::acknowledge(lane, owner, *upto)))
            .await
    }

    async fn forget_withdrawn(&self, past: Timestamp) -> StoreResult<()> {
        self.write(past, |lane, past| Box::pin(withdrawn::forget(lane, *past))).await
    }

    async fn epochs(&self, of: &Member, rooms: Vec<RoomId>) -> StoreResult<Vec<RoomEpoch>> {
        self.read((of.clone(), rooms), |lane, (of, rooms)| Box::pin(rooms::epochs(lane, of, rooms))).await
    }

    async fn expire(&self, expired: Timestamp) -> StoreResult<ExpiryProgress> {
        self.write(expired, |lane, expired| {
            Box::pin(async move {
                let progress = delivery::expire(lane, *expired).await?;
                departures::forget_certificates(lane).await?;
                Ok(progress)
            })
        })
        .await
    }

    async fn totals(&self) -> StoreResult<Totals> {
        self.read((), |lane, ()| Box::pin(schema::totals(lane))).await
    }

    async fn count(&self) -> StoreResult<u64> {
        self.read((), |lane, ()| Box::pin(schema::count(lane))).await
    }

    async fn check(&self) -> StoreResult<Vec<String>> {
        self.survey(|lane| Box::pin(schema::check(lane))).await
    }
}
