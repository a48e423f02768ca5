//! How long to wait before something that has failed is tried again: each time twice as long, up to a longest time.
//!
//! Pure: it counts failures and names delays. The unit is the caller's (seconds of a tick clock, milliseconds), and so are
//! clocks, timers and randomness.

/// Delays that double with every failure, up to a longest one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: u64,
    longest: u64,
    failures: u32,
}

impl Backoff {
    /// Begins with `first`; no delay is longer than `longest`.
    #[must_use]
    pub const fn new(first: u64, longest: u64) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Another failure: how long to wait now.
    pub fn fail(&mut self) -> u64 {
        let delay = self.delay_after(self.failures);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    /// It went well: the next failure is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the beginning, or since it went well.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The delay of a failure before which there were so many others.
    #[must_use]
    pub fn delay_after(&self, failures: u32) -> u64 {
        2_u64.checked_pow(failures).map_or(u64::MAX, |factor| self.first.saturating_mul(factor)).min(self.longest)
    }
}

/// A delay and up to a quarter more, so that those whom one event has made wait do not come back all at once. `draw` is a
/// random byte; its quality does not matter, since nobody gains by guessing it.
#[must_use]
pub fn spread(delay: u64, draw: u8) -> u64 {
    // Divided first where it is long, so that it cannot overflow: a hundredth of a percent is nothing then.
    let more = match delay.checked_mul(draw.into()) {
        Some(product) => product / 1024,
        None => delay / 1024 * u64::from(draw),
    };
    delay.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_delay_is_twice_the_one_before_up_to_the_longest() {
        for (first, longest, delays) in [
            (1, 30, &[1, 2, 4, 8, 16, 30, 30][..]),
            (2, 60, &[2, 4, 8, 16, 32, 60, 60]),
            (60, 3_840, &[60, 120, 240, 480, 960, 1_920, 3_840, 3_840]),
            (5, 5, &[5, 5]),
            (9, 4, &[4, 4]),
            (0, 4, &[0, 0]),
        ] {
            let mut backoff = Backoff::new(first, longest);
            let told: Vec<u64> = delays.iter().map(|_| backoff.fail()).collect();
            assert_eq!(told, delays);
        }
    }

    #[test]
    fn after_a_success_it_begins_again() {
        let mut backoff = Backoff::new(2, 60);
        assert_eq!([backoff.fail(), backoff.fail(), u64::from(backoff.failures())], [2, 4, 2]);
        backoff.reset();
        assert_eq!((backoff.failures(), backoff.fail()), (0, 2));
    }

    #[test]
    fn a_spread_delay_is_up_to_a_quarter_longer() {
        for (delay, draw, spread_out) in
            [(1_000, 0, 1_000), (1_000, 128, 1_125), (1_000, 255, 1_249), (30_000, 255, 37_470), (0, 255, 0)]
        {
            assert_eq!(spread(delay, draw), spread_out);
        }
    }

    proptest! {
        #[test]
        fn no_number_of_failures_makes_a_delay_shorter_or_too_long(first: u64, longest: u64, failures: u32) {
            let backoff = Backoff::new(first, longest);
            let delay = backoff.delay_after(failures);
            prop_assert!(delay <= longest);
            prop_assert!(delay >= first.min(longest));
            prop_assert!(backoff.delay_after(failures.saturating_add(1)) >= delay);
        }

        #[test]
        fn a_spread_delay_is_never_shorter_and_never_a_quarter_longer(delay: u64, draw: u8) {
            let spread_out = spread(delay, draw);
            prop_assert!(spread_out >= delay);
            prop_assert!(spread_out - delay <= delay / 4);
        }
    }
}
