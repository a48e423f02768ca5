//! Clocks: the local one, and the directory's as told in `ANNOUNCED` (threat T7).

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use peer_core::event::Now;

/// Seconds since the epoch by the local clock; for dates that are shown.
pub(crate) fn date() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Milliseconds since the epoch by the local clock.
pub(crate) fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that only goes forward.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Starts at zero.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// This moment, for the engine; the directory's clock is for whoever knows it.
    pub(crate) fn now(&self) -> Now {
        Now { tick: self.0.elapsed().as_secs(), date: date(), directory: 0 }
    }
}

/// The directory's clock: what it said, and what has passed since by a clock that cannot be set and counts the time in which
/// the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectoryTime {
    told: u64,
    /// Seconds since the machine was started.
    at: u64,
}

impl DirectoryTime {
    /// Takes the directory's word.
    pub(crate) fn told(seconds: u64) -> Self {
        Self { told: seconds, at: up() }
    }

    /// The directory's time now, seconds since the epoch.
    pub(crate) fn now(&self) -> u64 {
        self.told.saturating_add(up().saturating_sub(self.at))
    }
}

/// Seconds since the machine was started, asleep or awake.
fn up() -> u64 {
    u64::try_from(rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec).unwrap_or_default()
}
