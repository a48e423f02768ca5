//! Threads that own a connection, and the group commit (decision D19).
//!
//! The writer takes whatever work waits, runs each piece in a savepoint of one transaction, commits once and only then
//! answers. So one failing piece does not fail the others, and nothing is acknowledged that is not durable (threat T6).

use std::fmt;
use std::future::Future;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use rusqlite::{Connection, TransactionBehavior};

use super::error::{SqlError, SqlResult};
use directory_core::store::StoreError;

/// Work whose connection could not be had gets the reason.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Reply + Send>;
/// Called once it is known whether the work is durable.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Pieces of work in one transaction: chosen so that a transaction stays in the page cache.
const BATCH: usize = 512;

/// How long nothing is written before the write-ahead log is emptied: chosen arbitrarily.
const QUIET: Duration = Duration::from_secs(5);
/// How long it may hold what was written while there is no such pause: chosen arbitrarily.
const LONGEST: Duration = Duration::from_secs(600);

/// The write-ahead log, which still holds what the database has forgotten until it is emptied (threat L5).
#[derive(Default)]
struct Log {
    holds_since: Option<Instant>,
}

impl Log {
    /// Something was written.
    fn written(&mut self, connection: &Connection, now: Instant) {
        let since = *self.holds_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= LONGEST {
            self.truncate(connection);
        }
    }

    /// Empties it, if it holds anything. If a reader is in the way, the next time does it.
    fn truncate(&mut self, connection: &Connection) {
        if self.holds_since.is_none() {
            return;
        }
        let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        match emptied {
            Ok(0) => self.holds_since = None,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the write-ahead log was not emptied"),
        }
    }
}

/// A thread that owns a connection. Dropping it finishes what waits and closes the connection.
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Worker")
    }
}

impl Worker {
    pub(super) fn writer(mut connection: Connection) -> SqlResult<Self> {
        Self::spawn("store-writer", move |jobs| {
            let mut log = Log::default();
            loop {
                match jobs.recv_timeout(QUIET) {
                    Ok(first) => {
                        commit(&mut connection, std::iter::once(first).chain(jobs.try_iter()).take(BATCH));
                        log.written(&connection, Instant::now());
                    }
                    Err(RecvTimeoutError::Timeout) => log.truncate(&connection),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            log.truncate(&connection);
        })
    }

    pub(super) fn reader(connection: Connection) -> SqlResult<Self> {
        Self::spawn("store-reader", move |jobs| {
            for job in jobs {
                job(Ok(&connection))(Ok(()));
            }
        })
    }

    fn spawn(name: &str, work: impl FnOnce(mpsc::Receiver<Job>) + Send + 'static) -> SqlResult<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || work(receiver))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Queues work at once; the future is its answer. Dropping the future does not take the work back.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'static {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.and_then(|connection| Ok(work(connection)?));
            Box::new(move |durable| {
                // Whoever asked may have gone away.
                let _ = sender.send(durable.and(result));
            })
        });
        let queued = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        async move {
            if !queued {
                return Err(StoreError::Closed);
            }
            receiver.await.unwrap_or(Err(StoreError::Closed))
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by the panic hook.
            let _ = thread.join();
        }
    }
}

fn commit(connection: &mut Connection, jobs: impl Iterator<Item = Job>) {
    let mut replies = Vec::new();
    let durable = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Err(error) => {
            let error = StoreError::from(SqlError::from(error));
            replies.extend(jobs.map(|job| job(Err(error.clone()))));
            Err(error)
        }
        Ok(transaction) => {
            let mut broken = None;
            for job in jobs {
                replies.push(match &broken {
                    None => job(Ok(&transaction)),
                    Some(error) => job(Err(StoreError::clone(error))),
                });
                // SQLite ends the whole transaction on some errors, a full disk among them; what follows must not
                // slip into transactions of its own.
                if broken.is_none() && transaction.is_autocommit() {
                    broken = Some(StoreError::Failed("the transaction was rolled back".into()));
                }
            }
            match broken {
                None => transaction.commit().map_err(|error| SqlError::from(error).into()),
                Some(error) => Err(error),
            }
        }
    };
    if durable.is_err() {
        super::schema::bury(connection);
    }
    for reply in replies {
        reply(durable.clone());
    }
}

/// Runs `work` so that its failure leaves no trace in the transaction around it.
pub(super) fn in_savepoint<T>(connection: &Connection, work: impl FnOnce(&Connection) -> SqlResult<T>) -> SqlResult<T> {
    connection.prepare_cached("SAVEPOINT work")?.execute([])?;
    let result = work(connection);
    if result.is_err() && !connection.is_autocommit() {
        connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    }
    if !connection.is_autocommit() {
        connection.prepare_cached("RELEASE work")?.execute([])?;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER CHECK (n < 100))").unwrap();
        connection
    }

    fn insert(n: i64) -> impl FnOnce(&Connection) -> SqlResult<()> + Send + 'static {
        move |connection| in_savepoint(connection, |c| Ok(c.execute("INSERT INTO t VALUES (?1)", [n]).map(drop)?))
    }

    fn rows(worker: &Worker) -> Vec<i64> {
        let read = worker.run(|connection| {
            let mut statement = connection.prepare("SELECT n FROM t ORDER BY n")?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?)
        });
        futures::executor::block_on(read).unwrap()
    }

    #[test]
    fn a_failing_piece_leaves_the_others_of_its_transaction_alone() {
        let worker = Worker::writer(table()).unwrap();
        // Holds the writer until all four wait, so that they share one transaction.
        let (go, hold) = mpsc::channel::<()>();
        let held = worker.run(move |_| {
            let _ = hold.recv();
            Ok(())
        });
        let answers = [insert(1), insert(200), insert(2)].map(|work| worker.run(work));
        let half_done = worker.run(|connection| {
            in_savepoint(connection, |c| -> SqlResult<()> {
                c.execute("INSERT INTO t VALUES (3)", [])?;
                Err(StoreError::Failed("second thoughts".into()).into())
            })
        });
        go.send(()).unwrap();
        futures::executor::block_on(held).unwrap();
        let [one, too_big, two] = answers.map(futures::executor::block_on);
        assert_eq!((one, two), (Ok(()), Ok(())));
        assert!(matches!(too_big, Err(StoreError::Failed(_))));
        assert_eq!(futures::executor::block_on(half_done), Err(StoreError::Failed("second thoughts".into())));
        assert_eq!(rows(&worker), [1, 2]);
    }

    #[test]
    fn nothing_is_acknowledged_when_the_transaction_is_lost() {
        let worker = Worker::writer(table()).unwrap();
        let (go, hold) = mpsc::channel::<()>();
        let held = worker.run(move |_| {
            let _ = hold.recv();
            Ok(())
        });
        let before = worker.run(insert(1));
        // What SQLite does by itself when the disk is full.
        let lost = worker.run(|connection| Ok(connection.execute_batch("ROLLBACK")?));
        let after = worker.run(insert(2));
        go.send(()).unwrap();
        assert!(futures::executor::block_on(held).is_err(), "it was part of the same transaction");
        for answer in [before, after] {
            assert!(futures::executor::block_on(answer).is_err());
        }
        assert!(futures::executor::block_on(lost).is_err());
        assert_eq!(rows(&worker), Vec::<i64>::new());
        futures::executor::block_on(worker.run(insert(4))).unwrap();
        assert_eq!(rows(&worker), [4], "the store recovers with the next transaction");
    }

    #[test]
    fn a_full_disk_is_said_and_leaves_what_was_promised() {
        let worker = Worker::writer(table()).unwrap();
        futures::executor::block_on(worker.run(insert(1))).unwrap();
        let fill = |limit: &'static str| {
            worker.run(move |connection| {
                connection.pragma_update(None, "max_page_count", limit)?;
                in_savepoint(connection, |c| {
                    c.execute("CREATE TABLE big AS SELECT randomblob(100000) AS b", [])?;
                    Ok(())
                })
            })
        };
        assert_eq!(futures::executor::block_on(fill("3")), Err(StoreError::DiskFull));
        assert_eq!(rows(&worker), [1]);
        assert_eq!(futures::executor::block_on(fill("1000")), Ok(()), "there is room again");
    }

    #[test]
    fn work_that_waits_is_finished_before_the_store_closes() {
        let worker = Worker::writer(table()).unwrap();
        let answer = worker.run(insert(1));
        drop(worker);
        assert_eq!(futures::executor::block_on(answer), Ok(()));
    }
}
