//! Time that has surely passed: what is deleted or ends by the clock is judged by it, never by one reading (decision D32,
//! threat L15).
//!
//! A clock may be wrong for a while, ahead or behind, and what was deleted meanwhile does not come back. So readings are
//! marked, and a mark counts when the program has been running for [`SETTLES_AFTER`] since, all runs together, and the
//! clock was never seen behind the mark. Whatever ends at a moment has surely ended when a later mark counts.
//!
//! Pure: readings and running time are handed in, and the whole is a value that its owner keeps.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Running time for which the clock must not fall behind a mark before the mark counts.
pub const SETTLES_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Running time between two marks. Chosen arbitrarily: it makes what is deleted live so much longer at most.
const BETWEEN_MARKS: u64 = 60 * 60;
/// Marks that are not settled: as many as there can be, and a few.
const MARKS: usize = 32;

/// A reading, and how long the program had been running then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Seconds since the epoch.
    reading: u64,
    /// Seconds, all runs together.
    ran: u64,
}

/// What is known of the time that has passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledTime {
    /// How long the program has been running in all, in seconds.
    ran: u64,
    /// The latest reading that counts, seconds since the epoch; 0 if none does.
    settled: u64,
    /// Those that may count one day, in ascending order of both.
    marks: VecDeque<Mark>,
}

impl SettledTime {
    /// The clock says `reading`, seconds since the epoch, and the program was running for `ran` more seconds since it was
    /// last asked.
    pub fn observe(&mut self, reading: u64, ran: u64) {
        self.ran = self.ran.saturating_add(ran);
        // It has fallen behind these.
        while self.marks.back().is_some_and(|mark| mark.reading > reading) {
            self.marks.pop_back();
        }
        while let Some(mark) = self.marks.front()
            && mark.ran.saturating_add(SETTLES_AFTER.as_secs()) <= self.ran
        {
            self.settled = self.settled.max(mark.reading);
            self.marks.pop_front();
        }
        let is_due = self.marks.back().is_none_or(|last| last.ran.saturating_add(BETWEEN_MARKS) <= self.ran);
        if is_due && self.marks.len() < MARKS {
            self.marks.push_back(Mark { reading, ran: self.ran });
        }
    }

    /// The latest moment that has surely passed, now that the clock says `reading`: what ended before may be deleted.
    #[must_use]
    pub fn surely_past(&self, reading: u64) -> u64 {
        self.settled.min(reading)
    }

    /// The moment by which what comes now is dated, and by which what lets somebody in ends: a clock that is behind what
    /// has surely passed is wrong.
    #[must_use]
    pub fn at_least(&self, reading: u64) -> u64 {
        self.settled.max(reading)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: u64 = 1_800_000_000;
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    /// Feeds steps of (by how much the clock is wrong, for how long it runs so), one observation a quarter of an hour; the
    /// program is down for a week between two steps.
    fn run(steps: &[(i64, u64)]) -> (SettledTime, u64) {
        let (mut time, mut truth) = (SettledTime::default(), START);
        for (wrong, hours) in steps {
            time.observe(truth.saturating_add_signed(*wrong), 0);
            for _ in 0..hours * 4 {
                truth += HOUR / 4;
                time.observe(truth.saturating_add_signed(*wrong), HOUR / 4);
            }
            truth += 7 * DAY;
        }
        (time, truth)
    }

    /// Steps, and whether the moment of the first reading, and the one 120 days ahead, have surely passed.
    type Row = (&'static [(i64, u64)], bool, bool);

    #[test]
    fn a_moment_has_surely_passed_after_a_day_of_running_in_which_the_clock_never_fell_behind_it() {
        const AHEAD: u64 = 120 * DAY;
        const WRONG: i64 = AHEAD.cast_signed();
        let table: [Row; 9] = [
            (&[(0, 0)], false, false),
            (&[(0, 23)], false, false),
            (&[(0, 24)], true, false),
            // Several runs count together; the time in between does not.
            (&[(0, 8), (0, 8), (0, 7)], false, false),
            (&[(0, 8), (0, 8), (0, 8)], true, false),
            // Ahead for a moment, or for hours.
            (&[(0, 23), (WRONG, 0), (0, 1)], true, false),
            (&[(0, 12), (WRONG, 12), (0, 0)], true, false),
            // Behind for a moment: everything begins anew.
            (&[(0, 23), (-WRONG, 0), (0, 23)], false, false),
            // Ahead for a whole day: nobody could tell.
            (&[(WRONG, 25)], true, true),
        ];
        for (row, (steps, first, far)) in table.into_iter().enumerate() {
            let (time, truth) = run(steps);
            let past = time.surely_past(truth + AHEAD);
            assert_eq!((past >= START, past >= START + AHEAD), (first, far), "row {row}: {time:?}");
        }
    }

    #[test]
    fn nothing_that_ends_later_than_the_clock_says_has_surely_passed() {
        let (time, _) = run(&[(0, 48)]);
        assert_eq!(time.surely_past(START - DAY), START - DAY);
        assert!(time.surely_past(u64::MAX) >= START + 22 * HOUR, "marks are an hour apart");
        assert!(time.at_least(0) >= START + 22 * HOUR, "a clock that is behind is not believed");
        assert_eq!(time.at_least(START + 7 * DAY), START + 7 * DAY);
    }

    #[test]
    fn it_is_kept_as_it_is() {
        let (time, _) = run(&[(0, 30), (0, 5)]);
        let kept = serde_json::to_string(&time).unwrap();
        assert_eq!(serde_json::from_str::<SettledTime>(&kept).unwrap(), time);
    }

    proptest! {
        /// However a clock jumps and however long the runs are: what has surely passed was read a day of running ago, by a
        /// clock that has never been seen behind it since; and little is remembered.
        #[test]
        fn no_reading_counts_that_the_clock_fell_behind(
            steps in prop::collection::vec((0..400 * DAY, 0..4 * HOUR), 1..200),
        ) {
            let (mut time, mut ran) = (SettledTime::default(), 0);
            let mut seen: Vec<(u64, u64)> = Vec::new();
            for (reading, step) in steps {
                ran += step;
                seen.push((reading, ran));
                let before = time.settled;
                time.observe(reading, step);
                prop_assert!(time.settled >= before && time.marks.len() <= MARKS);
                if time.settled > before {
                    let held = |from: usize| seen[from..].iter().all(|(later, _)| *later >= time.settled);
                    let counts = (0..seen.len()).any(|n| {
                        seen[n].0 == time.settled && seen[n].1 + SETTLES_AFTER.as_secs() <= ran && held(n)
                    });
                    prop_assert!(counts, "{} after {ran}", time.settled);
                }
            }
        }
    }
}
