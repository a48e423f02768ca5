//! How many logins succeeded and failed in the last hour, for `status`.

use super::moment::Moment;

const MINUTES: usize = 60;

/// Outcome of a login, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The passcode was right.
    Granted,
    /// It was wrong, or the user was locked.
    Refused,
}

#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    number: u64,
    granted: u64,
    refused: u64,
}

/// Counts by minute.
#[derive(Debug)]
pub struct Tally {
    minutes: [Minute; MINUTES],
}

impl Default for Tally {
    fn default() -> Self {
        Self { minutes: [Minute::default(); MINUTES] }
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
            Outcome::Granted => minute.granted += 1,
            Outcome::Refused => minute.refused += 1,
        }
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
    }
}
