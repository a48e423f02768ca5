//! Which directory works on a database: one at a time.
//!
//! Who is online is known in the memory of one process, so two that worked on one database would each tell half of it. The
//! row in `nodes` names the one that may; it is renewed while that one runs, and free for others when it was not renewed for
//! longer than [`LEASE`] by the clock of the database. A directory whose lease may have run out answers nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use directory_core::store::{StoreError, StoreResult};

use super::error::PgResult;
use super::lanes::{Lane, Lanes, within};
use super::row::params;

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(15);
/// Pause between two renewals.
const RENEWAL: Duration = Duration::from_secs(5);
/// How long a renewal may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// Who asks for a database.
#[derive(Debug, Clone)]
pub struct Applicant {
    /// Digest of the place where it runs: whoever asks from the same place knows that the last one there is gone.
    pub holder: [u8; 32],
    /// Its name, for people.
    pub name: String,
}

/// The lease of this process.
pub(super) struct Lease {
    applicant: Applicant,
    incarnation: [u8; 16],
    state: Mutex<State>,
    /// Held while it is asked for, and while it is given back: never both at once.
    asking: futures::lock::Mutex<()>,
}

/// What is known of it.
#[derive(Debug, Clone)]
enum State {
    /// It was renewed by a request that was sent then.
    Held(Instant),
    /// Another directory has it.
    Taken(String),
    /// It was given back.
    Ended,
}

/// What came of asking for it.
pub(super) enum Taken {
    Now,
    /// Another one has it, by this name.
    Busy(String),
}

impl Lease {
    pub(super) fn new(applicant: Applicant) -> StoreResult<Self> {
        let incarnation = common::crypto::random().map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { applicant, incarnation, state: Mutex::new(State::Ended), asking: futures::lock::Mutex::new(()) })
    }

    /// Takes it, if nobody else has it.
    pub(super) async fn take(&self, lane: &Lane) -> PgResult<Taken> {
        let asked = Instant::now();
        let milliseconds = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        let taken = lane
            .run(
                "INSERT INTO nodes (one, incarnation, holder, name, until)
                 VALUES (1, $1, $2, $3, $4 + CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT))
                 ON CONFLICT (one) DO UPDATE SET incarnation = excluded.incarnation, holder = excluded.holder,
                     name = excluded.name, until = excluded.until
                 WHERE nodes.incarnation = excluded.incarnation OR nodes.holder = excluded.holder
                     OR nodes.until <= excluded.until - $4",
                params![&self.incarnation[..], &self.applicant.holder[..], self.applicant.name, milliseconds],
            )
            .await?;
        if taken > 0 {
            self.set(State::Held(asked));
            return Ok(Taken::Now);
        }
        let holder = lane.maybe("SELECT name FROM nodes", params![]).await?;
        Ok(Taken::Busy(match holder {
            Some(row) => row.get(0)?,
            None => "another directory".into(),
        }))
    }

    /// Whether this directory may use the database now.
    pub(super) fn check(&self) -> StoreResult<()> {
        match self.state() {
            State::Held(since) if since.elapsed() < LEASE => Ok(()),
            State::Held(_) => {
                Err(StoreError::Unreachable("no answer for so long that another directory may use it".into()))
            }
            State::Taken(name) => Err(StoreError::TakenOver(name)),
            State::Ended => Err(StoreError::Closed),
        }
    }

    /// What is wrong, long before the lease runs out.
    pub(super) fn complaint(&self) -> Option<String> {
        match self.state() {
            State::Held(since) if since.elapsed() < RENEWAL + PATIENCE => None,
            State::Held(_) => Some("the database does not answer".into()),
            _ => self.check().err().map(|error| error.to_string()),
        }
    }

    /// Who has taken the database over, if somebody has.
    pub(super) fn taken_by(&self) -> Option<String> {
        match self.state() {
            State::Taken(name) => Some(name),
            State::Held(_) | State::Ended => None,
        }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Renews the lease until the store is gone, the lease was given back or another directory has it.
pub(super) async fn keep(lanes: std::sync::Weak<Lanes>, lease: std::sync::Weak<Lease>) {
    let mut connection: Option<Lane> = None;
    let mut was_told = false;
    loop {
        let (Some(lanes), Some(lease)) = (lanes.upgrade(), lease.upgrade()) else { return };
        let asking = lease.asking.lock().await;
        if !matches!(lease.state(), State::Held(_)) {
            return;
        }
        let runtime = Arc::clone(lanes.runtime());
        let renewed = within(&*runtime, PATIENCE, async {
            let lane = match connection.take() {
                Some(lane) => lane,
                None => lanes.connect().await?,
            };
            let taken = lease.take(&lane).await?;
            StoreResult::Ok((lane, taken))
        });
        match renewed.await {
            Some(Ok((lane, Taken::Now))) => {
                connection = Some(lane);
                was_told = false;
            }
            Some(Ok((_, Taken::Busy(name)))) => {
                tracing::error!(by = name, "the database was taken over by another directory");
                lease.set(State::Taken(name));
            }
            // Once: it is tried twice a second.
            _ if was_told => {}
            Some(Err(error)) => {
                tracing::warn!(%error, "the lease of the database was not renewed");
                was_told = true;
            }
            None => {
                tracing::warn!("the lease of the database was not renewed: no answer");
                was_told = true;
            }
        }
        drop(asking);
        drop((lanes, lease));
        runtime.sleep(if connection.is_some() { RENEWAL } else { Duration::from_millis(500) }).await;
    }
}

/// Gives the lease back, so that the next one need not wait.
pub(super) async fn give_back(lanes: &Lanes, lease: &Lease) {
    let _asking = lease.asking.lock().await;
    if !matches!(lease.state(), State::Held(_)) {
        return;
    }
    lease.set(State::Ended);
    let given_back = within(&**lanes.runtime(), PATIENCE, async {
        let lane = lanes.connect().await?;
        lane.run("DELETE FROM nodes WHERE incarnation = $1", params![&lease.incarnation[..]]).await?;
        StoreResult::Ok(())
    });
    if let Some(Err(error)) = given_back.await {
        tracing::debug!(%error, "the lease of the database was not given back");
    }
}
