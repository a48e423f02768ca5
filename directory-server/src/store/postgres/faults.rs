//! Faults for tests: the so manieth statement of a first attempt is refused as if another transaction had been in its way.

use std::sync::atomic::{AtomicU64, Ordering};

use directory_core::store::StoreError;

use super::error::{PgError, PgResult};

/// Which statement fails.
#[derive(Debug, Default)]
pub(super) struct Faults {
    at: AtomicU64,
    /// How often one was refused.
    pub(super) refused: AtomicU64,
}

/// What is seen of one attempt.
#[derive(Debug, Default)]
pub(super) struct Seen {
    statements: AtomicU64,
    is_first: std::sync::atomic::AtomicBool,
}

impl Faults {
    /// From now on this statement of each method fails, counted from 1, the end of its transaction included; 0: none.
    pub(super) fn set(&self, at: u64) {
        self.at.store(at, Ordering::Relaxed);
    }

    pub(super) fn trip(&self, seen: &Seen) -> PgResult<()> {
        let statement = seen.statements.fetch_add(1, Ordering::Relaxed) + 1;
        if statement == self.at.load(Ordering::Relaxed) && seen.is_first.load(Ordering::Relaxed) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(PgError::Again(StoreError::Failed("a test was in the way (40001)".into())));
        }
        Ok(())
    }
}

impl Seen {
    /// An attempt begins.
    pub(super) fn begin(&self, attempt: u32) {
        self.statements.store(0, Ordering::Relaxed);
        self.is_first.store(attempt == 1, Ordering::Relaxed);
    }
}
