//! How logins and lookups ended: in the last hour, for `status`, and since the start, for whoever watches from outside.

use std::sync::atomic::{AtomicU64, Ordering};

use super::moment::Moment;

const MINUTES: usize = 60;

/// Outcome of a login, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The passcode was right.
    Granted,
    /// It was wrong, or the user was locked.
    Refused,
    /// It was not tried, because its source had tried too often; not counted by the hour.
    Limited,
}

/// How a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The user is there.
    Found,
    /// The user is not there, or must not be told about.
    NotFound,
    /// The session had asked too often.
    Limited,
}

/// Lookups since the start, counted without a lock: they are what a directory does most.
#[derive(Debug, Default)]
pub struct Lookups {
    found: AtomicU64,
    not_found: AtomicU64,
    limited: AtomicU64,
}

impl Lookups {
    /// Counts one lookup.
    pub fn count(&self, lookup: Lookup) {
        self.counter(lookup).fetch_add(1, Ordering::Relaxed);
    }

    /// How many ended like this.
    #[must_use]
    pub fn total(&self, lookup: Lookup) -> u64 {
        self.counter(lookup).load(Ordering::Relaxed)
    }

    fn counter(&self, lookup: Lookup) -> &AtomicU64 {
        match lookup {
            Lookup::Found => &self.found,
            Lookup::NotFound => &self.not_found,
            Lookup::Limited => &self.limited,
        }
    }
}

/// Logins since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Logins {
    /// The passcode was right.
    pub granted: u64,
    /// It was wrong, or the user was locked.
    pub refused: u64,
    /// Not tried, because the source had tried too often.
    pub limited: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    number: u64,
    granted: u64,
    refused: u64,
}

/// Counts by minute, and all together.
#[derive(Debug)]
pub struct Tally {
    minutes: [Minute; MINUTES],
    logins: Logins,
}

impl Default for Tally {
    fn default() -> Self {
        Self { minutes: [Minute::default(); MINUTES], logins: Logins::default() }
    }
}

impl Tally {
    /// Counts one login.
    pub fn count(&mut self, outcome: Outcome, now: Moment) {
        let number = now.seconds() / 60;
        let minute = &mut self.minutes[(number % MINUTES as u64) as usize];
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        match outcome {
            Outcome::Granted => {
                minute.granted += 1;
                self.logins.granted += 1;
            }
            Outcome::Refused => {
                minute.refused += 1;
                self.logins.refused += 1;
            }
            Outcome::Limited => self.logins.limited += 1,
        }
    }

    /// Logins since the start.
    #[must_use]
    pub fn logins(&self) -> Logins {
        self.logins
    }

    /// Granted and refused logins of the last hour.
    #[must_use]
    pub fn last_hour(&self, now: Moment) -> (u64, u64) {
        let number = now.seconds() / 60;
        let recent = self.minutes.iter().filter(|minute| number - minute.number.min(number) < MINUTES as u64);
        recent.fold((0, 0), |(granted, refused), minute| (granted + minute.granted, refused + minute.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_an_hour_and_forgets_what_is_older() {
        let mut tally = Tally::default();
        let at = |minute: u64| Moment::from_seconds(1_000_000 * 60 + minute * 60);
        tally.count(Outcome::Granted, at(0));
        tally.count(Outcome::Granted, at(30));
        tally.count(Outcome::Refused, at(59));
        assert_eq!(tally.last_hour(at(59)), (2, 1));
        assert_eq!(tally.last_hour(at(60)), (1, 1));
        tally.count(Outcome::Granted, at(60));
        assert_eq!(tally.last_hour(at(61)), (2, 1));
        assert_eq!(tally.last_hour(at(500)), (0, 0));
        tally.count(Outcome::Limited, at(500));
        assert_eq!(tally.last_hour(at(500)), (0, 0), "what was not tried");
        assert_eq!(tally.logins(), Logins { granted: 3, refused: 1, limited: 1 });
    }
}
