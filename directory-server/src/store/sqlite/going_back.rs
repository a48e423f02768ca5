//! A store as it was, for simulations: a copy in memory, to go on from later.

use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OpenFlags};

use super::worker::Worker;
use super::{SqliteStore, backup};
use directory_core::store::{StoreError, StoreResult};

/// A store as it was at one moment.
#[derive(Debug)]
pub struct EarlierState(Connection);

/// How a directory goes on from an earlier state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoingBack {
    /// A backup was restored, which has a name of its own.
    Restored,
    /// The machine was put back, and knows nothing of it. Its key packages are left out, which is kinder than what happens: some
    /// were used since, are given out once more, and whoever is added by such a one cannot open the welcome. Nobody can know
    /// that before the owner, who publishes others at the next login; until then the owner's terminal stands in rooms that
    /// it is not in.
    PutBack,
}

impl SqliteStore {
    /// What it remembers now.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is no memory for it.
    pub async fn earlier_state(&self) -> StoreResult<EarlierState> {
        static COPIES: AtomicU64 = AtomicU64::new(0);
        let name = format!("file:earlier{}?mode=memory&cache=shared", COPIES.fetch_add(1, Ordering::Relaxed));
        let copy = Connection::open_with_flags(&name, OpenFlags::default())
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let copied = self.writer.run(move |connection| {
            // A copy is not made within the transaction that every piece of work finds.
            connection.execute_batch("COMMIT")?;
            connection.execute("VACUUM INTO ?1", [name])?;
            Ok(connection.execute_batch("BEGIN IMMEDIATE")?)
        });
        copied.await?;
        Ok(EarlierState(copy))
    }
}

impl EarlierState {
    /// A store that goes on from here.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is no thread for it.
    pub fn go_on(self, how: GoingBack) -> StoreResult<SqliteStore> {
        let begin = || {
            self.0.pragma_update(None, "foreign_keys", true)?;
            match how {
                GoingBack::Restored => backup::rename(&self.0)?,
                GoingBack::PutBack => self.0.execute_batch("DELETE FROM key_packages")?,
            }
            Ok(SqliteStore::new(Worker::writer(self.0)?, None))
        };
        begin().map_err(|error: super::error::SqlError| error.into())
    }
}
