//! The embedded store: SQLite, one writer thread, one reader thread (decision D19).
//!
//! [`worker`] owns the threads and the group commit, [`schema`] the migrations; the other modules
//! are plain functions over a connection, one per method of the trait.

pub(crate) mod backup;
mod broadcasts;
mod delivery;
mod error;
#[cfg(feature = "testkit")]
mod full_disk;
#[cfg(feature = "testkit")]
pub mod going_back;
mod key_packages;
mod login;
mod mailbox;
mod passcode;
mod rooms;
mod roster;
mod schema;
mod situation;
mod successions;
mod terminals;
mod time;
mod users;
mod withdrawn;
mod worker;

use std::future::Future;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use common::crypto::invite::InviteCode;
use common::ident::{CredentialId, GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{
    Broadcast, Certificate, GroupReply, KeyPackageState, MailItem, MailboxState, Member, OwnSuccessor, Piece,
    RoomEpoch, Successor, UserCertificate, UserTerminals, WithdrawnMessage,
};
use common::settled::SettledTime;
use rusqlite::{Connection, OpenFlags};

use directory_core::lockout::LockRule;
use directory_core::records::{
    Attempt, CommitOutcome, CommitRequest, Deposit, DepositOutcome, Entry, EntryCheck, ExpiryProgress, Grant, IdStatus,
    InviteRecord, KeyChange, KnownPackages, LoggedBroadcast, MailRule, NewKey, NewPasscode, NewUser, PasscodeChange,
    Registered, Remover, Reservation, RoomRecord, RoomRemoval, RunBegun, Success, TakenKeyPackages, TerminalRemoval,
    Totals, UnlockOutcome, UserChange, UserRecord,
};
use directory_core::store::{Store, StoreError, StoreResult};
use directory_core::timestamp::Timestamp;
use error::SqlResult;
use worker::Worker;

/// A directory's memory in one SQLite database.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Worker,
    /// Reads beside the writer; a database in memory has only one connection.
    reader: Option<Worker>,
    #[cfg(feature = "testkit")]
    full_disk: full_disk::FullDisk,
}

impl SqliteStore {
    /// Opens the database file, creates it (mode 0600) if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`]: the file cannot be opened, is no database, or was written by a newer version.
    pub fn open(path: &Path) -> StoreResult<Self> {
        Ok(Self::connect(path)?)
    }

    fn connect(path: &Path) -> SqlResult<Self> {
        // Created here because SQLite would give it the mode of the umask; its journal files take over this mode.
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(|error| StoreError::Failed(format!("{}: {error}", path.display())))?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What was forgotten is overwritten, not only released (threat L5).
        connection.pragma_update(None, "secure_delete", true)?;
        schema::migrate(&mut connection)?;
        // A worker has its connection to itself, so SQLite need not lock it at every call.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(path, flags)?;
        reader.busy_timeout(Duration::from_secs(5))?;
        Ok(Self::new(Worker::writer(connection)?, Some(Worker::reader(reader)?)))
    }

    /// Goes on under another name ([`backup::rename`]).
    pub(super) fn begin_generation(&self) -> impl Future<Output = StoreResult<()>> + Send + 'static {
        self.write(backup::rename)
    }

    /// A store that forgets everything when dropped.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is no memory or thread for it.
    pub fn in_memory() -> StoreResult<Self> {
        Ok(Self::forgetful()?)
    }

    fn forgetful() -> SqlResult<Self> {
        let mut connection = Connection::open_in_memory()?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut connection)?;
        Ok(Self::new(Worker::writer(connection)?, None))
    }

    fn new(writer: Worker, reader: Option<Worker>) -> Self {
        Self {
            writer,
            reader,
            #[cfg(feature = "testkit")]
            full_disk: full_disk::FullDisk::default(),
        }
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> impl Future<Output = StoreResult<T>> + Send + 'static {
        #[cfg(feature = "testkit")]
        let work = self.full_disk.around(work);
        self.writer.run(|connection| worker::in_savepoint(connection, work))
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> impl Future<Output = StoreResult<T>> + Send + 'static {
        self.reader.as_ref().unwrap_or(&self.writer).run(work)
    }
}

impl Store for SqliteStore {
    fn id_status(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<IdStatus>> + Send {
        let user = user.clone();
        self.read(move |connection| users::id_status(connection, &user, now))
    }

    fn register(&self, user: NewUser, now: Timestamp) -> impl Future<Output = StoreResult<Registered>> + Send {
        self.write(move |connection| users::register(connection, &user, now))
    }

    fn reserve(
        &self,
        attempt: Attempt,
        rule: LockRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<Reservation>> + Send {
        self.write(move |connection| login::reserve(connection, &attempt, rule, now))
    }

    fn grant(&self, success: Success, now: Timestamp) -> impl Future<Output = StoreResult<Grant>> + Send {
        self.write(move |connection| login::grant(connection, &success, now))
    }

    async fn enter(&self, entry: Entry, now: Timestamp) -> StoreResult<EntryCheck> {
        match entry.new_certificate.clone() {
            None => self.read(move |connection| login::may_enter(connection, &entry, now)).await,
            Some(new) => {
                self.write(move |connection| {
                    let check = login::may_enter(connection, &entry, now)?;
                    if check == EntryCheck::Valid {
                        login::keep_certificate(connection, &entry.user, entry.terminal, &new)?;
                    }
                    Ok(check)
                })
                .await
            }
        }
    }

    fn credential(&self, user: &UserId) -> impl Future<Output = StoreResult<Option<CredentialId>>> + Send {
        let user = user.clone();
        self.read(move |connection| passcode::credential(connection, &user))
    }

    fn change_passcode(
        &self,
        new: NewPasscode,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<PasscodeChange>> + Send {
        self.write(move |connection| passcode::change(connection, &new, now))
    }

    fn change_key(&self, new: NewKey, now: Timestamp) -> impl Future<Output = StoreResult<KeyChange>> + Send {
        self.write(move |connection| successions::change(connection, &new, now))
    }

    fn successors(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<Successor>>> + Send {
        self.read(move |connection| successions::of(connection, users))
    }

    fn own_successors(&self, user: &UserId) -> impl Future<Output = StoreResult<Vec<OwnSuccessor>>> + Send {
        let user = user.clone();
        self.read(move |connection| successions::own(connection, &user))
    }

    fn own_certificates(&self, user: &UserId) -> impl Future<Output = StoreResult<Vec<Certificate>>> + Send {
        let user = user.clone();
        self.read(move |connection| successions::certificates(connection, &user))
    }

    fn record_session_end(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<()>> + Send {
        let user = user.clone();
        self.write(move |connection| users::record_session_end(connection, &user, now))
    }

    fn users(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<UserRecord>>> + Send {
        self.read(move |connection| users::all(connection, now))
    }

    fn user(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<Option<UserRecord>>> + Send {
        let user = user.clone();
        self.read(move |connection| users::one(connection, &user, now))
    }

    fn lock(&self, user: &UserId, reason: &str) -> impl Future<Output = StoreResult<UserChange>> + Send {
        let (user, reason) = (user.clone(), reason.to_owned());
        self.write(move |connection| users::lock(connection, &user, &reason))
    }

    fn unlock(&self, user: &UserId) -> impl Future<Output = StoreResult<UnlockOutcome>> + Send {
        let user = user.clone();
        self.write(move |connection| users::unlock(connection, &user))
    }

    fn reset(&self, user: &UserId, invite: InviteRecord) -> impl Future<Output = StoreResult<UserChange>> + Send {
        let user = user.clone();
        self.write(move |connection| users::reset(connection, &user, &invite))
    }

    fn remove(&self, user: &UserId, now: Timestamp) -> impl Future<Output = StoreResult<UserChange>> + Send {
        let user = user.clone();
        self.write(move |connection| users::remove(connection, &user, now))
    }

    fn invite(&self, invite: InviteRecord, now: Timestamp) -> impl Future<Output = StoreResult<IdStatus>> + Send {
        self.write(move |connection| users::invite(connection, &invite, now))
    }

    fn invites(&self, now: Timestamp) -> impl Future<Output = StoreResult<Vec<InviteRecord>>> + Send {
        self.read(move |connection| users::invites(connection, now))
    }

    fn revoke(&self, code: &InviteCode) -> impl Future<Output = StoreResult<Option<UserId>>> + Send {
        let code = code.clone();
        self.write(move |connection| users::revoke(connection, &code))
    }

    fn deposit(
        &self,
        deposit: Deposit,
        rule: MailRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<DepositOutcome>> + Send {
        self.write(move |connection| mailbox::deposit(connection, &deposit, &rule, now))
    }

    fn open_mailbox(
        &self,
        owner: &Member,
        expired: Timestamp,
    ) -> impl Future<Output = StoreResult<MailboxState>> + Send {
        let owner = owner.clone();
        self.write(move |connection| delivery::open(connection, &owner, expired))
    }

    fn mail(&self, owner: &Member, expired: Timestamp) -> impl Future<Output = StoreResult<Vec<MailItem>>> + Send {
        let owner = owner.clone();
        self.read(move |connection| delivery::mail(connection, &owner, expired))
    }

    fn piece(&self, owner: &Member, item: u64, offset: u32) -> impl Future<Output = StoreResult<Vec<u8>>> + Send {
        let owner = owner.clone();
        self.read(move |connection| delivery::piece(connection, &owner, item, offset))
    }

    fn acknowledge(&self, owner: &Member, upto: u64, lost: u64) -> impl Future<Output = StoreResult<()>> + Send {
        let owner = owner.clone();
        self.write(move |connection| delivery::acknowledge(connection, &owner, upto, lost))
    }

    fn commit(
        &self,
        request: CommitRequest,
        rule: MailRule,
        now: Timestamp,
    ) -> impl Future<Output = StoreResult<CommitOutcome>> + Send {
        self.write(move |connection| rooms::commit(connection, &request, &rule, now))
    }

    fn group(&self, handle: GroupHandle) -> impl Future<Output = StoreResult<GroupReply>> + Send {
        self.read(move |connection| rooms::group(connection, &handle))
    }

    fn publish(
        &self,
        owner: &Member,
        packages: Vec<Piece>,
        last_resort: Option<Piece>,
        known: KnownPackages,
    ) -> impl Future<Output = StoreResult<KeyPackageState>> + Send {
        let owner = owner.clone();
        self.write(move |connection| {
            key_packages::publish(connection, &owner, (&packages, last_resort.as_ref()), known)
        })
    }

    fn take_key_packages(
        &self,
        user: &UserId,
        terminals: Vec<TerminalId>,
    ) -> impl Future<Output = StoreResult<TakenKeyPackages>> + Send {
        let user = user.clone();
        self.write(move |connection| key_packages::take(connection, &user, &terminals))
    }

    fn terminals(&self, users: Vec<UserId>) -> impl Future<Output = StoreResult<Vec<UserTerminals>>> + Send {
        self.read(move |connection| terminals::terminals(connection, users))
    }

    fn log_broadcast(&self, broadcast: Broadcast) -> impl Future<Output = StoreResult<LoggedBroadcast>> + Send {
        self.write(move |connection| broadcasts::append(connection, &broadcast))
    }

    fn broadcasts(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> impl Future<Output = StoreResult<Vec<Broadcast>>> + Send {
        self.read(move |connection| broadcasts::read(connection, before, limit))
    }

    fn rooms(&self) -> impl Future<Output = StoreResult<Vec<RoomRecord>>> + Send {
        self.read(rooms::all)
    }

    fn remove_room(&self, room: RoomId) -> impl Future<Output = StoreResult<RoomRemoval>> + Send {
        self.write(move |connection| rooms::remove(connection, &room))
    }

    fn certificates(&self, members: Vec<Member>) -> impl Future<Output = StoreResult<Vec<UserCertificate>>> + Send {
        self.read(move |connection| terminals::certificates(connection, members))
    }

    fn remove_terminal(
        &self,
        terminal: &Member,
        by: Remover,
    ) -> impl Future<Output = StoreResult<TerminalRemoval>> + Send {
        let terminal = terminal.clone();
        self.write(move |connection| terminals::remove(connection, &terminal, by))
    }

    fn begin_run(&self, now: Timestamp) -> impl Future<Output = StoreResult<RunBegun>> + Send {
        self.write(move |connection| time::begin_run(connection, now))
    }

    fn keep_time(&self, settled: SettledTime, now: Timestamp) -> impl Future<Output = StoreResult<Vec<Member>>> + Send {
        self.write(move |connection| {
            time::keep(connection, &settled, now)?;
            withdrawn::new(connection, Timestamp::from_seconds(settled.at_least(now.seconds())))
        })
    }

    fn withdrawn(&self, owner: &Member) -> impl Future<Output = StoreResult<Vec<WithdrawnMessage>>> + Send {
        let owner = owner.clone();
        self.read(move |connection| withdrawn::reports(connection, &owner))
    }

    fn acknowledge_withdrawn(&self, owner: &Member, upto: u64) -> impl Future<Output = StoreResult<()>> + Send {
        let owner = owner.clone();
        self.write(move |connection| withdrawn::acknowledge(connection, &owner, upto))
    }

    fn forget_withdrawn(&self, past: Timestamp) -> impl Future<Output = StoreResult<()>> + Send {
        self.write(move |connection| withdrawn::forget(connection, past))
    }

    fn epochs(&self, of: &Member, rooms: Vec<RoomId>) -> impl Future<Output = StoreResult<Vec<RoomEpoch>>> + Send {
        let of = of.clone();
        self.read(move |connection| rooms::epochs(connection, &of, &rooms))
    }

    fn expire(&self, expired: Timestamp) -> impl Future<Output = StoreResult<ExpiryProgress>> + Send {
        self.write(move |connection| delivery::expire(connection, expired))
    }

    fn totals(&self) -> impl Future<Output = StoreResult<Totals>> + Send {
        self.read(schema::totals)
    }

    fn count(&self) -> impl Future<Output = StoreResult<u64>> + Send {
        self.read(|connection| Ok(connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?))
    }

    fn check(&self) -> impl Future<Output = StoreResult<Vec<String>>> + Send {
        self.read(|connection| {
            let mut wrong = schema::check(connection)?;
            wrong.extend(delivery::check(connection)?);
            Ok(wrong)
        })
    }
}
