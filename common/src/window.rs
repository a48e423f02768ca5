//! A count that starts again when its time is over: how often something may happen.
//!
//! Owns one count and nothing else: it reads no clock, and whose count it is is its owner's to know. Times are given as
//! durations since any moment, the same for all calls. A fixed window lets up to twice its limit through in a row, at the
//! end of one window and the beginning of the next; every limit here is chosen with room for that.

use std::time::Duration;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Events in one window; 0: no limit.
    pub events: u32,
    /// How long a window lasts.
    pub per: Duration,
}

impl Rate {
    /// So many a minute; 0: no limit.
    #[must_use]
    pub const fn per_minute(events: u32) -> Self {
        Self { events, per: Duration::from_secs(60) }
    }
}

/// Events since the window began, which is with the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FixedWindow {
    began: Option<Duration>,
    count: u32,
}

impl FixedWindow {
    /// Counts one event.
    ///
    /// # Errors
    /// The time until the window is over, if it is full.
    pub fn count(&mut self, now: Duration, rate: Rate) -> Result<(), Duration> {
        self.count_many(1, now, rate)
    }

    /// Counts several events at once.
    ///
    /// # Errors
    /// The time until the window is over, if there is no room for all of them; then none is counted.
    pub fn count_many(&mut self, events: u32, now: Duration, rate: Rate) -> Result<(), Duration> {
        if rate.events == 0 {
            return Ok(());
        }
        let began = match self.began {
            Some(began) if now.saturating_sub(began) < rate.per => began,
            _ => {
                *self = Self { began: Some(now), count: 0 };
                now
            }
        };
        let count = self.count.saturating_add(events);
        if count > rate.events {
            return Err(began.saturating_add(rate.per).saturating_sub(now));
        }
        self.count = count;
        Ok(())
    }

    /// Counts events that have happened already: as many as there is room for.
    pub fn spend(&mut self, events: u32, now: Duration, rate: Rate) {
        if self.count_many(events, now, rate).is_err() {
            self.count = rate.events;
        }
    }

    /// Takes back what was counted and then turned out not to count.
    pub fn give_back(&mut self, events: u32) {
        self.count = self.count.saturating_sub(events);
    }

    /// When the window is over that lasts `per`; nothing if none has begun.
    #[must_use]
    pub fn ends(&self, per: Duration) -> Option<Duration> {
        self.began.map(|began| began.saturating_add(per))
    }

    /// Whether it counts nothing any more.
    #[must_use]
    pub fn is_over(&self, now: Duration, per: Duration) -> bool {
        self.ends(per).is_none_or(|end| end <= now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn counts_up_to_the_limit_and_says_how_long_to_wait() {
        let mut window = FixedWindow::default();
        // Seconds since the start, events, what is said to them; three in ten seconds.
        for (at, events, said) in [
            (0, 1, Ok(())),
            (4, 1, Ok(())),
            (4, 2, Err(seconds(6))),
            (4, 1, Ok(())),
            (4, 1, Err(seconds(6))),
            (9, 1, Err(seconds(1))),
            (10, 3, Ok(())),
            (19, 1, Err(seconds(1))),
            (25, 4, Err(seconds(10))),
            (26, 3, Ok(())),
        ] {
            let rate = Rate { events: 3, per: seconds(10) };
            assert_eq!(window.count_many(events, START + seconds(at), rate), said, "{events} at {at} s");
        }
    }

    #[test]
    fn a_limit_of_nought_is_none_and_more_than_can_be_counted_is_too_many() {
        let mut window = FixedWindow::default();
        assert_eq!(window.count_many(u32::MAX, START, Rate::per_minute(0)), Ok(()));
        assert_eq!(window, FixedWindow::default(), "and nothing is counted");
        assert_eq!(window.count_many(u32::MAX, START, Rate::per_minute(u32::MAX)), Ok(()));
        assert_eq!(window.count(START, Rate::per_minute(u32::MAX - 1)), Err(seconds(60)));
    }

    #[test]
    fn is_over_to_the_tick_and_before_anything_was_counted() {
        let mut window = FixedWindow::default();
        assert!(window.is_over(START, seconds(60)));
        assert_eq!(window.ends(seconds(60)), None);
        window.count(START, Rate::per_minute(1)).unwrap();
        assert_eq!(window.ends(seconds(60)), Some(START + seconds(60)));
        assert!(!window.is_over(START + seconds(60) - Duration::from_nanos(1), seconds(60)));
        assert!(window.is_over(START + seconds(60), seconds(60)));
    }

    #[test]
    fn what_is_given_back_may_be_counted_again_and_no_more() {
        let mut window = FixedWindow::default();
        window.give_back(5);
        assert_eq!(window.count_many(2, START, Rate::per_minute(2)), Ok(()));
        window.give_back(1);
        assert_eq!(window.count(START, Rate::per_minute(2)), Ok(()));
        assert_eq!(window.count(START, Rate::per_minute(2)), Err(seconds(60)));
    }

    #[test]
    fn a_clock_that_went_back_ends_no_window_early() {
        let mut window = FixedWindow::default();
        window.count(START, Rate::per_minute(1)).unwrap();
        assert_eq!(window.count(START - seconds(30), Rate::per_minute(1)), Err(seconds(90)));
    }

    proptest! {
        /// Whatever comes when: no window takes more than its limit, and whoever waits as long as told gets in.
        #[test]
        fn takes_no_more_than_the_limit_and_keeps_its_word(
            limit in 1..20_u32,
            per in 1..100_u64,
            steps in prop::collection::vec((0..40_u64, 1..8_u32), 1..200),
        ) {
            let rate = Rate { events: limit, per: seconds(per) };
            let (mut window, mut now) = (FixedWindow::default(), START);
            let (mut began, mut taken) = (None::<Duration>, 0);
            for (pause, events) in steps {
                now += seconds(pause);
                if began.is_none_or(|began| now - began >= rate.per) {
                    (began, taken) = (Some(now), 0);
                }
                match window.count_many(events, now, rate) {
                    Ok(()) => taken += events,
                    Err(wait) => {
                        prop_assert!(taken + events > limit);
                        prop_assert_eq!(Some(now + wait), began.map(|began| began + rate.per));
                        prop_assert_eq!(window.clone().count(now + wait, rate), Ok(()));
                    }
                }
                prop_assert!(taken <= limit);
            }
        }
    }
}
