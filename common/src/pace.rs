//! Something that comes back evenly: how fast somebody may go on, where waiting is better than refusing.
//!
//! Owns one store of units and nothing else: it reads no clock and waits for nobody. Whoever takes more than there is goes
//! into debt and is told how long to pause, so nothing is lost and nobody is cut off; [`crate::window`] is for what is
//! refused instead. Times are durations since any moment, the same for all calls.

use std::time::Duration;

use crate::window::Rate;

/// Units that were taken and have not come back. A full store holds the units of a [`Rate`], and fills up evenly within
/// its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// When everything has come back.
    full_at: Duration,
}

impl Pace {
    /// Takes units, and says how long to pause before anything more is taken; nothing while the store holds some.
    pub fn take(&mut self, units: usize, now: Duration, rate: Rate) -> Duration {
        if rate.events == 0 {
            return Duration::ZERO;
        }
        let nanos = rate.per.as_nanos().saturating_mul(units as u128) / u128::from(rate.events);
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        // A clock that went back makes nobody wait longer than a full store takes.
        let taken = self.full_at.saturating_sub(now).min(rate.per.saturating_mul(2)).saturating_add(cost);
        self.full_at = now.saturating_add(taken);
        taken.saturating_sub(rate.per)
    }

    /// Whether everything has come back.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);
    const TEN: Rate = Rate { events: 10, per: Duration::from_secs(20) };

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_full_store_is_given_at_once_and_then_everything_takes_its_time() {
        let mut pace = Pace::default();
        // Seconds since the start, units, the pause.
        for (at, units, pause) in
            [(0, 10, 0), (0, 1, 2), (2, 1, 2), (4, 3, 6), (10, 0, 0), (30, 10, 0), (30, 5, 10), (90, 10, 0)]
        {
            assert_eq!(pace.take(units, START + seconds(at), TEN), seconds(pause), "{units} at {at} s");
        }
    }

    #[test]
    fn nought_is_no_limit_and_a_clock_that_went_back_stops_nobody_for_long() {
        let mut pace = Pace::default();
        assert_eq!(pace.take(usize::MAX, START, Rate { events: 0, ..TEN }), Duration::ZERO);
        assert!(pace.is_full(START));
        pace.take(10, START, TEN);
        assert!(!pace.is_full(START) && pace.is_full(START + TEN.per));
        assert!(pace.take(0, Duration::ZERO, TEN) <= TEN.per);
    }

    proptest! {
        /// Whoever pauses as told gets a full store and what has come back since, and nothing more.
        #[test]
        fn nobody_gets_more_than_the_rate(steps in prop::collection::vec((0..30_u64, 0..8_usize), 1..100)) {
            let (mut pace, mut now, mut taken) = (Pace::default(), START, 0);
            for (idle, units) in steps {
                now += seconds(idle);
                taken += units as u64;
                now += pace.take(units, now, TEN);
                prop_assert!(taken <= 10 + (now - START).as_secs() / 2);
            }
        }
    }
}
