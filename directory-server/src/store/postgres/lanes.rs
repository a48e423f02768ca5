//! A fixed number of connections, and how a method runs on one of them.
//!
//! A method is one transaction, run again when another was in the way. All it needs it owns, so running it again is the same
//! once more. A connection that breaks while a transaction is being ended leaves open whether it was; the method fails then,
//! which the protocol allows everywhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_channel::{Receiver, Sender};
use directory_core::store::{StoreError, StoreResult};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, select};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::connect::{Runtime, connect};
use super::error::{PgError, PgResult};
use super::place::Place;
use super::row::Row;

/// Connections: enough to have the database sync for several at once, and few beside what it allows. Chosen by measurement:
/// 8 commit six times as fast as one, 32 no more than twice as fast as 8.
const LANES: usize = 8;
/// How often a method runs at most.
const ATTEMPTS: u32 = 8;
/// How long the first pause before another attempt is; each further one is twice as long, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);
/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a method waits for a database that is away: as long as a session is kept without one.
pub(super) const AWAY: Duration = Duration::from_secs(15);
/// Pause between two attempts to connect to it.
const KNOCK: Duration = Duration::from_millis(250);
/// How long a method waits for a connection that others have, or for its turn to try again, chosen arbitrarily.
const QUEUE: Duration = Duration::from_secs(30);
/// Pause between two methods that find out whether a database that has been away for long is back. The others fail at once.
const PROBE: Duration = Duration::from_secs(1);
/// Methods that wait for a connection; one more fails at once.
const WAITING: usize = 4096;

/// Says whether this directory may use the database now.
type Allowed<'a> = &'a (dyn Fn() -> StoreResult<()> + Sync);
type Param<'a> = &'a (dyn ToSql + Sync);

/// One connection and the statements that it knows.
pub(super) struct Lane {
    client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    #[cfg(feature = "testkit")]
    faults: Arc<super::faults::Faults>,
    #[cfg(feature = "testkit")]
    seen: super::faults::Seen,
}

impl Lane {
    /// Rows of an answer.
    pub(super) async fn rows(&self, sql: &'static str, params: &[Param<'_>]) -> PgResult<Vec<Row>> {
        let statement = self.statement(sql).await?;
        let rows = self.client.query(&statement, params).await?;
        self.trip()?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// The only row of an answer, if there is one.
    pub(super) async fn maybe(&self, sql: &'static str, params: &[Param<'_>]) -> PgResult<Option<Row>> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// The row of an answer that always has one.
    pub(super) async fn one(&self, sql: &'static str, params: &[Param<'_>]) -> PgResult<Row> {
        let row = self.maybe(sql, params).await?;
        row.ok_or_else(|| StoreError::Failed("an answer has no row".into()).into())
    }

    /// Whether there is a row.
    pub(super) async fn has(&self, sql: &'static str, params: &[Param<'_>]) -> PgResult<bool> {
        Ok(self.maybe(sql, params).await?.is_some())
    }

    /// How many rows were changed.
    pub(super) async fn run(&self, sql: &'static str, params: &[Param<'_>]) -> PgResult<u64> {
        let statement = self.statement(sql).await?;
        let changed = self.client.execute(&statement, params).await?;
        self.trip()?;
        Ok(changed)
    }

    /// Statements that have no parameters and no answer, outside a transaction.
    pub(super) async fn batch(&self, sql: &str) -> PgResult<()> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// From now on nothing on this connection ends because it takes long.
    pub(super) async fn unlimited(&self) -> PgResult<()> {
        let none = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";
        self.batch(none).await
    }

    /// Makes a statement known, so that it goes out at once: what others that go out with it rely on has to come before them.
    pub(super) async fn know(&self, sql: &'static str) -> PgResult<()> {
        self.statement(sql).await.map(drop)
    }

    async fn statement(&self, sql: &'static str) -> PgResult<Statement> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement.clone());
        Ok(statement)
    }

    /// Sends something without waiting for its answer, which comes before those of all that follows.
    fn send(&self, sql: &str) {
        // The first poll sends it.
        let _ = self.client.batch_execute(sql).now_or_never();
    }

    #[cfg(feature = "testkit")]
    fn trip(&self) -> PgResult<()> {
        self.faults.trip(&self.seen)
    }

    #[cfg(not(feature = "testkit"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests have it fail")]
    fn trip(&self) -> PgResult<()> {
        Ok(())
    }
}

/// Whether a method changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

/// A transaction that has begun; it is undone unless it is ended, also when whoever waits for it goes away.
struct Transaction<'l> {
    lane: &'l Lane,
    ended: bool,
}

impl<'l> Transaction<'l> {
    fn begin(lane: &'l Lane) -> Self {
        lane.send("BEGIN");
        Self { lane, ended: false }
    }

    async fn commit(mut self) -> PgResult<()> {
        self.lane.trip()?;
        self.ended = true;
        self.lane.client.batch_execute("COMMIT").await.map_err(|error| match error.into() {
            // Nobody knows what became of it.
            PgError::Lost(error) => PgError::Failed(error),
            other => other,
        })
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.lane.send("ROLLBACK");
        }
    }
}

/// All connections.
pub(super) struct Lanes {
    place: Place,
    runtime: Arc<dyn Runtime>,
    back: Sender<Option<Lane>>,
    idle: Receiver<Option<Lane>>,
    /// Held by whoever tries again: of those who want the same row, one at a time does.
    turn: (Sender<()>, Receiver<()>),
    /// The database is away, if it is.
    away: Mutex<Option<Away>>,
    #[cfg(feature = "testkit")]
    pub(super) faults: Arc<super::faults::Faults>,
}

/// A database that is away.
#[derive(Debug, Clone, Copy)]
struct Away {
    since: Instant,
    /// When a method went to see last.
    probed: Instant,
}

/// A connection that one method has for itself.
struct Held<'l> {
    lanes: &'l Lanes,
    lane: Option<Lane>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // There are as many places as lanes.
        let _ = self.lanes.back.try_send(self.lane.take());
    }
}

/// Given back when it is dropped.
struct Turn<'l>(&'l Sender<()>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // There is one place, and it was taken.
        let _ = self.0.try_send(());
    }
}

impl Lanes {
    pub(super) fn new(place: Place, runtime: Arc<dyn Runtime>) -> Self {
        let (back, idle) = async_channel::bounded(LANES);
        for _ in 0..LANES {
            // There are as many places as lanes.
            let _ = back.try_send(None);
        }
        let turn = async_channel::bounded(1);
        let _ = turn.0.try_send(());
        Self {
            place,
            runtime,
            back,
            idle,
            turn,
            away: Mutex::default(),
            #[cfg(feature = "testkit")]
            faults: Arc::default(),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.runtime
    }

    /// Another connection, which is none of the lanes.
    pub(super) async fn connect(&self) -> StoreResult<Lane> {
        let connecting = within(&*self.runtime, PATIENCE, connect(&self.place, &self.runtime)).await;
        let no_answer = || Err(StoreError::Unreachable(format!("{}: no answer", self.place)));
        let connected = connecting.unwrap_or_else(no_answer);
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        *away = if connected.is_ok() { None } else { away.or(Some(Away { since: now, probed: now })) };
        drop(away);
        let client = connected?;
        Ok(Lane {
            client,
            statements: Mutex::default(),
            #[cfg(feature = "testkit")]
            faults: Arc::clone(&self.faults),
            #[cfg(feature = "testkit")]
            seen: super::faults::Seen::default(),
        })
    }

    /// Runs a method that only reads: each statement for itself.
    pub(super) async fn read<I: Send + Sync, T: Send>(
        &self,
        allowed: Allowed<'_>,
        input: I,
        work: impl for<'t> Fn(&'t Lane, &'t I) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        self.attempts(Mode::Read, allowed, &input, work).await
    }

    /// Runs a method that writes: all of it or nothing.
    pub(super) async fn write<I: Send + Sync, T: Send>(
        &self,
        allowed: Allowed<'_>,
        input: I,
        work: impl for<'t> Fn(&'t Lane, &'t I) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        self.attempts(Mode::Write, allowed, &input, work).await
    }

    /// Runs a method that reads all there is, as long as it takes, over a connection of its own.
    pub(super) async fn survey<T: Send>(
        &self,
        work: impl for<'t> Fn(&'t Lane) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        let lane = self.connect().await?;
        lane.unlimited().await?;
        let mut attempt = 1;
        loop {
            match work(&lane).await {
                Err(PgError::Again(_)) if attempt < ATTEMPTS => self.runtime.sleep(pause(attempt)).await,
                outcome => return Ok(outcome?),
            }
            attempt += 1;
        }
    }

    async fn attempts<I: Send + Sync, T: Send>(
        &self,
        mode: Mode,
        allowed: Allowed<'_>,
        input: &I,
        work: impl for<'t> Fn(&'t Lane, &'t I) -> BoxFuture<'t, PgResult<T>> + Send + Sync,
    ) -> StoreResult<T> {
        let (mut attempt, mut turn) = (1, None);
        loop {
            let mut held = self.lane().await?;
            let Some(lane) = &held.lane else { return Err(StoreError::Closed) };
            // It may have waited for long.
            allowed()?;
            #[cfg(feature = "testkit")]
            lane.seen.begin(attempt);
            let once = async {
                let transaction = (mode == Mode::Write).then(|| Transaction::begin(lane));
                let done = work(lane, input).await?;
                if let Some(transaction) = transaction {
                    allowed()?;
                    transaction.commit().await?;
                }
                Ok(done)
            };
            let outcome = within(&*self.runtime, PATIENCE, once).await;
            match outcome {
                Some(Ok(done)) => {
                    *self.away.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    return Ok(done);
                }
                Some(Err(PgError::Failed(error))) => return Err(error),
                Some(Err(PgError::Again(error) | PgError::Lost(error))) if attempt >= ATTEMPTS => return Err(error),
                Some(Err(PgError::Again(_))) => {
                    drop(held);
                    self.runtime.sleep(pause(attempt)).await;
                    if turn.is_none() {
                        // Who has waited for too long goes on without.
                        turn = within(&*self.runtime, QUEUE, self.turn()).await.transpose()?;
                    }
                }
                Some(Err(PgError::Lost(_))) => held.lane = None,
                None => {
                    // Whatever it is busy with, it has no place here any more.
                    held.lane = None;
                    return Err(StoreError::Unreachable(format!("{}: no answer", self.place)));
                }
            }
            attempt += 1;
        }
    }

    /// For how long the database has been away, if it is.
    pub(super) fn away(&self) -> Option<Duration> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).map(|away| away.since.elapsed())
    }

    /// Whether the database has been away for so long that nobody waits for it any more, and somebody has just looked.
    fn is_given_up(&self) -> bool {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(away) = away.as_mut().filter(|away| away.since.elapsed() >= AWAY) else { return false };
        let is_due = away.probed.elapsed() >= PROBE;
        if is_due {
            away.probed = Instant::now();
        }
        !is_due
    }

    /// Waits until nobody else tries again.
    async fn turn(&self) -> StoreResult<Turn<'_>> {
        self.turn.1.recv().await.map_err(|_| StoreError::Closed)?;
        Ok(Turn(&self.turn.0))
    }

    /// A connection; a new one, if the last one broke. A database that went away lately is waited for.
    async fn lane(&self) -> StoreResult<Held<'_>> {
        let failed = |why| Err(StoreError::Unreachable(format!("{}: {why}", self.place)));
        if self.is_given_up() {
            return failed("it has been away for too long");
        }
        if self.idle.receiver_count() > WAITING {
            return failed("too much waits for it");
        }
        // Counted as long as it waits.
        let idle = self.idle.clone();
        let lane = match idle.try_recv() {
            Ok(lane) => lane,
            Err(_) => match within(&*self.runtime, QUEUE, idle.recv()).await {
                Some(lane) => lane.map_err(|_| StoreError::Closed)?,
                None => return failed("others have kept all connections for too long"),
            },
        };
        let since = Instant::now();
        let mut held = Held { lanes: self, lane: lane.filter(|lane| !lane.client.is_closed()) };
        while held.lane.is_none() {
            match self.connect().await {
                Ok(lane) => held.lane = Some(lane),
                Err(error) if since.elapsed() >= AWAY || self.away().is_some_and(|away| away >= AWAY) => {
                    return Err(error);
                }
                Err(_) => self.runtime.sleep(KNOCK).await,
            }
        }
        Ok(held)
    }
}

/// Gives up after `limit`.
pub(super) async fn within<T>(
    runtime: &dyn Runtime,
    limit: Duration,
    future: impl Future<Output = T> + Send,
) -> Option<T> {
    match select(Box::pin(future), runtime.sleep(limit)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// Between half and one and a half of what is due, so that those who were in each other's way do not meet again.
fn pause(attempt: u32) -> Duration {
    let due = (PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST_PAUSE);
    let [jitter] = common::crypto::random::<1>().unwrap_or([128]);
    due / 2 + due * u32::from(jitter) / 256
}
