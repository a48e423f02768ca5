//! A disk that is full, for simulations: what is written is undone again, and refused as SQLite refuses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::SqliteStore;
use super::error::SqlResult;
use directory_core::store::StoreError;

/// Whether the disk is full.
#[derive(Debug, Default)]
pub(super) struct FullDisk(Arc<AtomicBool>);

impl FullDisk {
    /// The same work, which fails once it has changed anything while the disk is full.
    pub(super) fn around<T>(
        &self,
        work: impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static,
    ) -> impl FnOnce(&Connection) -> SqlResult<T> + Send + 'static {
        let full = Arc::clone(&self.0);
        move |connection| {
            let before = connection.total_changes();
            let done = work(connection)?;
            if full.load(Ordering::Relaxed) && connection.total_changes() != before {
                return Err(StoreError::DiskFull.into());
            }
            Ok(done)
        }
    }
}

impl SqliteStore {
    /// Has the disk full from now on, or no longer: every method that writes fails then, the others do not.
    pub fn set_disk_full(&self, full: bool) {
        self.full_disk.0.store(full, Ordering::Relaxed);
    }
}
