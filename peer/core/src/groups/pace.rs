//! What is done again when it did not help: at once the first time, then each time after twice as long.

use std::collections::BTreeMap;

use common::backoff::Backoff;

/// How long, in seconds, the second time waits …
pub(super) const FIRST_PAUSE: u64 = 5;
/// … and the longest that any waits; what has rested for so long begins anew. Both chosen arbitrarily: more often than a
/// few times an hour helps nobody in the long run, and whom a moment has cost a room need not wait for minutes.
pub(super) const LONGEST_PAUSE: u64 = 600;

/// How often something was done, for each that it is done for.
#[derive(Debug)]
pub(super) struct Pace<K>(BTreeMap<K, Step>);

#[derive(Debug)]
struct Step {
    pauses: Backoff,
    /// By the tick clock.
    not_before: u64,
    /// Whether it is wanted again as soon as it may be.
    is_wanted: bool,
}

impl<K> Default for Pace<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Pace<K> {
    /// Whether it may be done now, which counts as done; otherwise it is among those that are [`Pace::due`] later.
    pub(super) fn begin(&mut self, key: &K, tick: u64) -> bool {
        let step = self.0.entry(key.clone()).or_insert_with(|| Step {
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            not_before: tick,
            is_wanted: false,
        });
        let may = step.not_before <= tick;
        if may {
            step.not_before = tick + step.pauses.fail();
        }
        step.is_wanted = !may;
        may
    }

    /// The same, but nothing comes of it later.
    pub(super) fn begin_or_leave(&mut self, key: &K, tick: u64) -> bool {
        let may = self.begin(key, tick);
        if let Some(step) = self.0.get_mut(key) {
            step.is_wanted = false;
        }
        may
    }

    /// It may help now: it is due as soon as it may be done.
    pub(super) fn want(&mut self, key: &K, tick: u64) {
        let step = Step { pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), not_before: tick, is_wanted: true };
        self.0.entry(key.clone()).or_insert(step).is_wanted = true;
    }

    /// How often it was done without a long rest.
    pub(super) fn times(&self, key: &K) -> u32 {
        self.0.get(key).map_or(0, |step| step.pauses.failures())
    }

    /// Something has changed: the next time is the first.
    pub(super) fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// What was wanted and may be done now; what has rested for long is forgotten.
    pub(super) fn due(&mut self, tick: u64) -> Vec<K> {
        let mut due = Vec::new();
        self.0.retain(|key, step| {
            if step.not_before <= tick && std::mem::take(&mut step.is_wanted) {
                due.push(key.clone());
            }
            step.not_before + LONGEST_PAUSE > tick
        });
        due
    }

    /// When something is due, by the tick clock.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.0.values().filter(|step| step.is_wanted).map(|step| step.not_before).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_help_is_done_less_and_less_often_and_after_a_rest_as_at_first() {
        let (mut pace, mut done) = (Pace::default(), Vec::new());
        assert!(pace.begin(&'a', 100));
        assert!(!pace.begin(&'a', 100), "wanted again");
        while let Some(next) = pace.next_deadline().filter(|next| *next < 2_000) {
            assert_eq!(pace.due(next - 1), []);
            assert_eq!(pace.due(next), ['a']);
            done.push(next - 100);
            assert!(pace.begin(&'a', next));
            assert!(!pace.begin(&'a', next));
        }
        assert_eq!(done, [5, 15, 35, 75, 155, 315, 635, 1_235, 1_835]);
        assert!(pace.begin(&'b', 2_000), "another waits for nobody");
        assert_eq!(pace.due(4_000), ['a']);
        assert!(pace.begin(&'a', 4_000));
        assert!(!pace.begin_or_leave(&'a', 4_001));
        assert_eq!(pace.next_deadline(), None);
        assert!(pace.begin(&'a', 4_005));
    }
}
