//! How long messages are kept: what is older is forgotten once its time has surely passed (`keep_messages`; decision D32,
//! threat L15).
//!
//! Owns what this terminal has seen of the time, all runs together. The history is the store's; when to look, and that it
//! is written, is the shell's.

use std::time::Duration;

use common::settled::SettledTime;
use zeroize::Zeroizing;

use crate::event::Now;
use crate::persistence::{HistoryWrite, Rows, Table, Write};

/// Seconds between two looks at the clock. Chosen arbitrarily: running time that is not counted does no harm.
const BETWEEN_LOOKS: u64 = 600;
/// The row, beside the counters.
const TIME: &[u8] = b"time";

/// What was seen of the time, and how long messages are kept.
#[derive(Debug)]
pub struct Retention {
    keep: Duration,
    time: SettledTime,
    /// When the clock was looked at, by the tick clock; nothing before this run.
    looked: Option<u64>,
    /// Messages from before this moment are forgotten already.
    forgotten: u64,
}

impl Retention {
    /// Reads what was written.
    pub fn load(counters: &Rows, keep: Duration) -> Self {
        Self { keep, time: seen(counters), looked: None, forgotten: 0 }
    }

    /// Looks at the clock; what is to be written.
    pub fn handle_time(&mut self, now: Now) -> Vec<Write> {
        let ran = self.looked.map_or(0, |looked| now.tick.saturating_sub(looked));
        self.time.observe(now.date, ran);
        self.looked = Some(now.tick);
        // Writing numbers to memory cannot fail.
        let value = Zeroizing::new(serde_json::to_vec(&self.time).unwrap_or_default());
        let mut writes = vec![Write::Put { kind: Table::Counter, key: TIME.to_vec(), value }];
        let before = if self.keep.is_zero() {
            // Whatever the time is, it is older than that.
            u64::MAX
        } else {
            self.time.surely_past(now.date).saturating_sub(self.keep.as_secs())
        };
        if before > self.forgotten {
            self.forgotten = before;
            writes.push(Write::History(HistoryWrite::Forget { before }));
        }
        writes
    }

    /// When to look again, by the tick clock.
    pub fn next_deadline(&self) -> u64 {
        self.looked.map_or(0, |looked| looked + BETWEEN_LOOKS)
    }

    /// The date of what happens now: never before what has surely passed, whatever the clock says.
    pub fn date(&self, now: Now) -> Now {
        Now { date: self.time.at_least(now.date), ..now }
    }
}

/// What was seen of the time by the runs before.
fn seen(counters: &Rows) -> SettledTime {
    let row = counters.iter().find(|(key, _)| key == TIME);
    // A row of a later version: nothing is known of the time then, and nothing is forgotten for a while.
    row.and_then(|(_, value)| serde_json::from_slice(value).ok()).unwrap_or_default()
}

/// A moment that has surely passed when a program begins, whatever the clock says.
pub(crate) fn surely_past(counters: &Rows) -> u64 {
    seen(counters).surely_past(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000;
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    const KEEP: Duration = Duration::from_secs(90 * 24 * 3600);

    /// Runs for so many hours from a date on, looking at the clock when it is time to; the row and the last moment that
    /// was forgotten up to.
    fn run(rows: &Rows, keep: Duration, date: u64, hours: u64) -> (Rows, Option<u64>) {
        let mut retention = Retention::load(rows, keep);
        let (mut kept, mut forgotten, mut tick) = (Vec::new(), None, 0);
        loop {
            for write in retention.handle_time(Now { tick, date: date + tick, directory: 0 }) {
                match write {
                    Write::Put { kind: Table::Counter, key, value } => kept = vec![(key, value)],
                    Write::History(HistoryWrite::Forget { before }) => forgotten = Some(before),
                    other => panic!("{other:?}"),
                }
            }
            tick = retention.next_deadline();
            if tick > hours * HOUR {
                return (kept, forgotten);
            }
        }
    }

    #[test]
    fn nothing_is_forgotten_by_a_clock_that_is_ahead_for_less_than_a_day() {
        let (rows, forgotten) = run(&Vec::new(), KEEP, START, 20);
        assert_eq!(forgotten, None);
        let (rows, forgotten) = run(&rows, KEEP, START + 120 * DAY, 20);
        assert!(forgotten.is_none_or(|before| before < START), "{forgotten:?}");
        let (rows, forgotten) = run(&rows, KEEP, START + 2 * DAY, 20);
        assert!(forgotten.is_none_or(|before| before < START), "{forgotten:?}");
        let (_, forgotten) = run(&rows, KEEP, START + 92 * DAY, 25);
        assert!(forgotten.is_some_and(|before| (START + DAY..START + 3 * DAY).contains(&before)), "{forgotten:?}");
    }

    #[test]
    fn whoever_keeps_nothing_waits_for_no_clock() {
        assert_eq!(run(&Vec::new(), Duration::ZERO, START, 0).1, Some(u64::MAX));
    }

    #[test]
    fn what_happens_while_the_clock_is_behind_is_not_dated_before_what_has_surely_passed() {
        let (rows, _) = run(&Vec::new(), KEEP, START, 26);
        let retention = Retention::load(&rows, KEEP);
        assert!(retention.date(Now { tick: 7, date: 5, directory: 0 }).date >= START);
        assert_eq!(
            retention.date(Now { tick: 7, date: START + 9 * DAY, directory: 0 }),
            Now { tick: 7, date: START + 9 * DAY, directory: 0 }
        );
    }
}
