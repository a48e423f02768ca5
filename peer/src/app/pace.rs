//! How fast a transfer is.

use std::time::{Duration, Instant};

/// Since when, and from which byte on, a transfer is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    began: Instant,
    from: u64,
}

impl Pace {
    /// Begins to watch at so many bytes.
    pub(crate) fn new(done: u64, now: Instant) -> Self {
        Self { began: now, from: done }
    }

    /// How long it is on the way, if it was watched from its first byte on.
    pub(crate) fn since_the_first(&self, now: Instant) -> Option<Duration> {
        (self.from == 0).then(|| now.duration_since(self.began))
    }

    /// Bytes a second so far.
    pub(crate) fn per_second(&self, done: u64, now: Instant) -> u64 {
        let milliseconds = now.duration_since(self.began).as_millis().max(1);
        u64::try_from(u128::from(done.saturating_sub(self.from)) * 1000 / milliseconds).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_does_not_count() {
        let now = Instant::now();
        let pace = Pace::new(1_000, now);
        assert_eq!(pace.per_second(4_000, now + Duration::from_millis(1500)), 2_000);
        assert_eq!(pace.per_second(1_000, now), 0);
    }
}
