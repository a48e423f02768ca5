//! One running directory: its rules, and all that its connections share.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use common::crypto::opaque::ServerSecret;
use common::ident::{DirectoryGeneration, KeyDigest, UserId};
use common::limits::Budget;
use common::settled::SettledTime;

use crate::budgets::Budgets;
use crate::login_stats::{LoginStats, LookupStats};
use crate::policy::Policy;
use crate::presence::PresentUsers;
use crate::records::RunBegun;
use crate::relay::Relay;
use crate::sources::{LoopbackRule, Sources};
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;
use crate::uploads::Uploads;
use common::network::Source;

/// What has surely passed, and when that was last asked (threat L15); and by which name the directory's memory goes.
#[derive(Debug, Default)]
struct ObservedTime {
    settled: SettledTime,
    generation: Option<DirectoryGeneration>,
    /// Nothing before the run has begun.
    last: Option<Timestamp>,
}

/// One running directory: all that its connections share.
#[derive(Debug)]
pub struct Directory<S> {
    /// What it remembers.
    pub store: S,
    /// Its OPAQUE secret.
    pub secret: ServerSecret,
    /// Digest of its public key.
    pub key: KeyDigest,
    /// Who is there.
    pub presence: Arc<PresentUsers>,
    /// Whose connections are joined.
    pub relay: Arc<Relay>,
    /// How lookups have ended.
    pub lookups: LookupStats,
    policy: RwLock<Policy>,
    time: Mutex<ObservedTime>,
    sources: Mutex<Sources>,
    login_stats: Mutex<LoginStats>,
    budgets: Mutex<Budgets>,
    pub(crate) uploads: Uploads,
}

impl<S> Directory<S> {
    /// A directory nobody has connected to yet.
    pub fn new(store: S, secret: ServerSecret, key: KeyDigest, policy: Policy) -> Self {
        let presence = Arc::<PresentUsers>::default();
        presence.set_visibility(policy.presence);
        presence.set_terminals_per_user(policy.terminals_per_user);
        presence.set_records_valid(policy.records);
        let sources = Mutex::new(Sources::new(policy.loopback));
        Self {
            store,
            secret,
            key,
            presence,
            relay: Arc::default(),
            lookups: LookupStats::default(),
            policy: RwLock::new(policy),
            time: Mutex::default(),
            sources,
            login_stats: Mutex::default(),
            budgets: Mutex::default(),
            uploads: Uploads::default(),
        }
    }

    /// The rules in force.
    pub fn policy(&self) -> Policy {
        *self.policy.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other rules in force, for whatever happens from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.presence.set_visibility(policy.presence);
        self.presence.set_terminals_per_user(policy.terminals_per_user);
        self.presence.set_records_valid(policy.records);
        self.sources().set_loopback(policy.loopback);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// An address as the log shows it.
    pub fn shown(&self, address: IpAddr) -> String {
        self.policy().addresses.show(address)
    }

    /// The latest moment that has surely passed: what ended before may be deleted, nothing else (threat L15).
    pub fn surely_past(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_seconds(self.time().settled.surely_past(now.seconds()))
    }

    /// The moment by which what comes now is dated, and by which invitations end: never before what has surely passed.
    pub fn date(&self, now: Timestamp) -> Timestamp {
        now.max(Timestamp::from_seconds(self.time().settled.at_least(0)))
    }

    /// By which name what the directory remembers goes, so that a terminal knows a restored backup (decision D32).
    pub fn generation(&self) -> Option<DirectoryGeneration> {
        self.time().generation
    }

    /// The moment up to which mail is too old to be kept.
    pub fn mail_expired(&self, now: Timestamp) -> Timestamp {
        self.policy().mail.expired(self.surely_past(now))
    }

    fn time(&self) -> MutexGuard<'_, ObservedTime> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A user as the log names them.
    pub fn named(&self, user: &UserId) -> String {
        self.policy().users.show(&self.secret, user)
    }

    /// What sources have done lately.
    pub fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How logins went lately.
    pub fn login_stats(&self) -> MutexGuard<'_, LoginStats> {
        self.login_stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What users and sources have left.
    pub(crate) fn budgets(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each budget had too little left, since the start.
    pub fn refused(&self) -> [u64; Budget::ALL.len()] {
        self.budgets().refused()
    }

    /// The source that a session's requests are counted for; nothing where loopback is not counted.
    pub(crate) fn counted(&self, source: Source) -> Option<Source> {
        Some(source).filter(|source| self.policy().loopback == LoopbackRule::Counted || !source.is_loopback())
    }
}

impl<S: Store> Directory<S> {
    /// The run begins: goes on from what earlier runs have seen of the time.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError): nothing is known then, and nothing expires.
    pub async fn begin_run(&self, now: Timestamp) -> StoreResult<()> {
        let RunBegun { mut settled, generation } = self.store.begin_run(now).await?;
        settled.observe(now.seconds(), 0);
        *self.time() = ObservedTime { settled, generation: Some(generation), last: Some(now) };
        Ok(())
    }

    /// Some of the run has passed: to be called every minute or so, and when it ends.
    ///
    /// # Errors
    /// [`StoreError`](crate::store::StoreError): what was seen is kept the next time.
    pub async fn keep_time(&self, now: Timestamp) -> StoreResult<()> {
        let settled = {
            let mut time = self.time();
            let ran = time.last.map_or(0, |last| now.seconds().saturating_sub(last.seconds()));
            time.settled.observe(now.seconds(), ran);
            time.last = Some(now);
            time.settled.clone()
        };
        let news = self.store.keep_time(settled, now).await?;
        self.presence.withdrawn_for(&news);
        Ok(())
    }
}
