//! The clock: the wall clock once, at the start, and the monotonic clock from there (threat L4).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use directory_core::timestamp::Timestamp;

/// A clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Timestamp,
    started: Instant,
}

impl Clock {
    /// Starts the clock, `offset` seconds from the wall clock.
    pub(crate) fn start(offset: i64) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let shift = Duration::from_secs(offset.unsigned_abs());
        let start = if offset < 0 { wall.saturating_sub(shift) } else { wall.saturating_add(shift) };
        Self { start: Timestamp::since_epoch(start), started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.start + self.started.elapsed()
    }

    /// How long the clock has been running.
    pub(crate) fn running(&self) -> Duration {
        self.started.elapsed()
    }
}
