//! How logins and lookups ended: in the last hour, for `status`, and since the start, for whoever watches from outside.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::timestamp::Timestamp;

const MINUTES: usize = 60;

/// LoginOutcome of a login, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The passcode was right.
    Granted,
    /// It was wrong, or the user was locked.
    Refused,
    /// It was not tried, because its source had tried too often; not counted by the hour.
    Limited,
}

/// How a lookup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupOutcome {
    /// The user is there.
    Found,
    /// The user is not there, or must not be found.
    NotFound,
    /// The session had asked too often.
    Limited,
}

/// Lookups since the start, counted without a lock: they are what a directory does most.
#[derive(Debug, Default)]
pub struct LookupStats {
    found: AtomicU64,
    not_found: AtomicU64,
    limited: AtomicU64,
}

impl LookupStats {
    /// Counts one lookup.
    pub fn count(&self, lookup: LookupOutcome) {
        self.counter(lookup).fetch_add(1, Ordering::Relaxed);
    }

    /// How many ended like this.
    #[must_use]
    pub fn total(&self, lookup: LookupOutcome) -> u64 {
        self.counter(lookup).load(Ordering::Relaxed)
    }

    fn counter(&self, lookup: LookupOutcome) -> &AtomicU64 {
        match lookup {
            LookupOutcome::Found => &self.found,
            LookupOutcome::NotFound => &self.not_found,
            LookupOutcome::Limited => &self.limited,
        }
    }
}

/// Logins since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoginTotals {
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
pub struct LoginStats {
    minutes: [Minute; MINUTES],
    logins: LoginTotals,
}

impl Default for LoginStats {
    fn default() -> Self {
        Self { minutes: [Minute::default(); MINUTES], logins: LoginTotals::default() }
    }
}

impl LoginStats {
    /// Counts one login.
    pub fn count(&mut self, outcome: LoginOutcome, now: Timestamp) {
        let number = now.seconds() / 60;
        let minute = &mut self.minutes[(number % MINUTES as u64) as usize];
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        match outcome {
            LoginOutcome::Granted => {
                minute.granted += 1;
                self.logins.granted += 1;
            }
            LoginOutcome::Refused => {
                minute.refused += 1;
                self.logins.refused += 1;
            }
            LoginOutcome::Limited => self.logins.limited += 1,
        }
    }

    /// Logins since the start.
    #[must_use]
    pub fn logins(&self) -> LoginTotals {
        self.logins
    }

    /// Granted and refused logins in each minute of the last hour, the latest last.
    #[must_use]
    pub fn by_minute(&self, now: Timestamp) -> [(u64, u64); MINUTES] {
        let latest = now.seconds() / 60;
        let mut by_minute = [(0, 0); MINUTES];
        for minute in &self.minutes {
            let age = latest - minute.number.min(latest);
            if let Some(place) = (MINUTES as u64 - 1).checked_sub(age) {
                by_minute[place as usize] = (minute.granted, minute.refused);
            }
        }
        by_minute
    }

    /// Granted and refused logins of the last hour.
    #[must_use]
    pub fn last_hour(&self, now: Timestamp) -> (u64, u64) {
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
        let mut login_stats = LoginStats::default();
        let at = |minute: u64| Timestamp::from_seconds(1_000_000 * 60 + minute * 60);
        login_stats.count(LoginOutcome::Granted, at(0));
        login_stats.count(LoginOutcome::Granted, at(30));
        login_stats.count(LoginOutcome::Refused, at(59));
        assert_eq!(login_stats.last_hour(at(59)), (2, 1));
        assert_eq!(login_stats.last_hour(at(60)), (1, 1));
        let by_minute = login_stats.by_minute(at(60));
        assert_eq!((by_minute[29], by_minute[58], by_minute[59]), ((1, 0), (0, 1), (0, 0)));
        assert_eq!(by_minute.iter().filter(|minute| **minute != (0, 0)).count(), 2, "what is older");
        login_stats.count(LoginOutcome::Granted, at(60));
        assert_eq!(login_stats.last_hour(at(61)), (2, 1));
        assert_eq!(login_stats.last_hour(at(500)), (0, 0));
        login_stats.count(LoginOutcome::Limited, at(500));
        assert_eq!(login_stats.last_hour(at(500)), (0, 0), "what was not tried");
        assert_eq!(login_stats.logins(), LoginTotals { granted: 3, refused: 1, limited: 1 });
    }
}
