//! The lock-out: how many passcodes may be tried, and for how long not (decisions D9, D10; protocol section 5.5).
//!
//! Owns the arithmetic of one budget. Which budget a login draws from and that drawing is one atomic step with storing
//! it is the store's part. An attempt is reserved when KE1 arrives, because KE2 tells the client whether its guess was
//! right (threat L1); a valid KE3 gives everything back, which is the empty budget.

use std::time::Duration;

use crate::timestamp::Timestamp;

/// The second lock of one budget, if the first is not longer (decision D10).
pub const SECOND_LOCK: Duration = Duration::from_secs(60 * 60);
/// Every further lock (decision D10): twelve guesses on the first day, then four a day.
pub const LONGEST_LOCK: Duration = Duration::from_secs(24 * 60 * 60);
/// Attempts without a success after which unknown terminals stay locked until an administrator unlocks the id (D10).
pub const ATTEMPTS_WITHOUT_SUCCESS: u32 = 100;

/// How many tries there are, and how long the first lock lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRule {
    /// Attempts before the lock; at least 1.
    pub tries: u32,
    /// Duration of the first lock; nought: there are none. The second lasts an hour, every further one a day.
    pub lock: Duration,
}

impl LockRule {
    /// How long a lock lasts before which there were so many others since the last success.
    #[must_use]
    pub fn lasts_after(&self, locks: u32) -> Duration {
        let lasts = match locks {
            _ if self.lock.is_zero() => self.lock,
            0 => self.lock,
            1 => self.lock.max(SECOND_LOCK),
            _ => LONGEST_LOCK,
        };
        lasts.min(LONGEST_LOCK)
    }
}

impl Default for LockRule {
    fn default() -> Self {
        Self { tries: 4, lock: Duration::from_secs(5 * 60) }
    }
}

/// Who draws from a budget (decision D10, threat L3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// One terminal that has logged in before and holds its cookie.
    KnownTerminal,
    /// All other terminals together.
    UnknownTerminals,
}

/// A lock with its duration, so that a clock set back while the directory was down cannot prolong it (threat L4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// When it was set, seconds since the epoch.
    pub from: u64,
    /// How long it lasts, in seconds.
    pub lasts: u64,
}

/// What has been tried against one user by one class of terminals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Attempts reserved since the last lock expired.
    pub used: u32,
    /// Locks set since the last success.
    pub locks: u32,
    /// Attempts since the last success.
    pub failures: u32,
    /// The lock in force or expired but not yet cleared.
    pub lock: Option<Lock>,
}

/// Answer to one KE1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The attempt was counted; KE2 may be computed.
    Reserved {
        /// Attempts left after this one.
        tries_left: u32,
        /// If this was the last one: how long the lock lasts that it set.
        locks_for: Option<Duration>,
    },
    /// No attempt is left.
    Locked {
        /// When the lock expires; nothing if only an administrator can lift it.
        retry_after: Option<Duration>,
    },
}

impl Budget {
    /// Counts an attempt before it is answered. The caller stores `self` in the same transaction it was read in.
    pub fn reserve(&mut self, class: Class, now: Timestamp, rule: LockRule) -> Verdict {
        if let Some(left) = self.remaining_lock(now) {
            return Verdict::Locked { retry_after: Some(left) };
        }
        if class == Class::UnknownTerminals && self.failures >= ATTEMPTS_WITHOUT_SUCCESS {
            return Verdict::Locked { retry_after: None };
        }
        if self.lock.take().is_some() {
            self.used = 0;
        }
        self.used += 1;
        self.failures = self.failures.saturating_add(1);
        let locks_for = (self.used >= rule.tries).then(|| self.set_lock(now, rule));
        Verdict::Reserved { tries_left: rule.tries.saturating_sub(self.used), locks_for }
    }

    /// What is left of the lock at `now`; nothing if there is none or it has expired.
    ///
    /// A lock that begins in the future was set before the clock went back; it starts again from `now`.
    pub fn remaining_lock(&mut self, now: Timestamp) -> Option<Duration> {
        let lock = self.lock.as_mut()?;
        lock.from = lock.from.min(now.seconds());
        let left = Timestamp::from_seconds(lock.from.saturating_add(lock.lasts)).since(now);
        (!left.is_zero()).then_some(left)
    }

    fn set_lock(&mut self, now: Timestamp, rule: LockRule) -> Duration {
        let lasts = rule.lasts_after(self.locks);
        self.locks = self.locks.saturating_add(1);
        self.lock = Some(Lock { from: now.seconds(), lasts: lasts.as_secs() });
        lasts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn minutes(n: u64) -> Duration {
        Duration::from_secs(60 * n)
    }

    fn exhaust(budget: &mut Budget, class: Class, now: Timestamp) -> Duration {
        loop {
            match budget.reserve(class, now, LockRule::default()) {
                Verdict::Reserved { locks_for: Some(lock), .. } => return lock,
                Verdict::Reserved { .. } => {}
                Verdict::Locked { .. } => panic!("locked before the tries were used"),
            }
        }
    }

    #[test]
    fn the_fourth_attempt_is_answered_and_sets_the_lock() {
        let mut budget = Budget::default();
        let answers: Vec<_> =
            (0..5).map(|_| budget.reserve(Class::UnknownTerminals, START, LockRule::default())).collect();
        for (used, answer) in answers[..3].iter().enumerate() {
            assert_eq!(*answer, Verdict::Reserved { tries_left: 3 - used as u32, locks_for: None });
        }
        assert_eq!(answers[3], Verdict::Reserved { tries_left: 0, locks_for: Some(minutes(5)) });
        assert_eq!(answers[4], Verdict::Locked { retry_after: Some(minutes(5)) });
    }

    #[test]
    fn a_lock_expires_to_the_second_and_gives_fresh_tries() {
        let mut budget = Budget::default();
        let lock = exhaust(&mut budget, Class::UnknownTerminals, START);
        let last = START + (lock - Duration::from_secs(1));
        assert!(matches!(
            budget.reserve(Class::UnknownTerminals, last, LockRule::default()),
            Verdict::Locked { retry_after: Some(left) } if left == Duration::from_secs(1)
        ));
        assert_eq!(
            budget.reserve(Class::UnknownTerminals, START + lock, LockRule::default()),
            Verdict::Reserved { tries_left: 3, locks_for: None }
        );
    }

    #[test]
    fn the_first_lock_is_short_the_second_an_hour_and_every_further_one_a_day() {
        let locks = |lock: Duration| {
            let rule = LockRule { lock, ..LockRule::default() };
            [0, 1, 2, 3, u32::MAX].map(|locks| rule.lasts_after(locks))
        };
        assert_eq!(locks(minutes(5)), [minutes(5), minutes(60), DAY, DAY, DAY]);
        assert_eq!(locks(minutes(90)), [minutes(90), minutes(90), DAY, DAY, DAY]);
        assert_eq!(locks(DAY * 3), [DAY; 5]);
        assert_eq!(locks(Duration::ZERO), [Duration::ZERO; 5]);
    }

    #[test]
    fn whoever_guesses_at_one_id_all_day_has_twelve_guesses_on_the_first_day_and_four_on_each_other() {
        for class in [Class::UnknownTerminals, Class::KnownTerminal] {
            let (mut budget, mut now, mut days) = (Budget::default(), START, [0; 5]);
            while now.since(START) < DAY * 5 {
                let wait = match budget.reserve(class, now, LockRule::default()) {
                    Verdict::Reserved { .. } => {
                        days[(now.since(START).as_secs() / DAY.as_secs()) as usize] += 1;
                        Duration::ZERO
                    }
                    Verdict::Locked { retry_after } => retry_after.unwrap_or(DAY),
                };
                now = now + wait;
            }
            assert_eq!(days, [12, 4, 4, 4, 4], "{class:?}");
        }
    }

    #[test]
    fn after_a_hundred_failures_unknown_terminals_wait_for_an_administrator() {
        let mut budget = Budget::default();
        let mut now = START;
        for _ in 0..ATTEMPTS_WITHOUT_SUCCESS / 4 {
            now = now + exhaust(&mut budget, Class::UnknownTerminals, now);
        }
        assert_eq!(
            budget.reserve(Class::UnknownTerminals, now + DAY * 365, LockRule::default()),
            Verdict::Locked { retry_after: None }
        );
        assert!(matches!(
            budget.reserve(Class::KnownTerminal, now + DAY * 365, LockRule::default()),
            Verdict::Reserved { .. }
        ));
    }

    #[test]
    fn a_clock_set_back_prolongs_a_lock_to_its_full_duration_at_most() {
        let mut budget = Budget::default();
        exhaust(&mut budget, Class::UnknownTerminals, START + DAY);
        assert_eq!(budget.remaining_lock(START), Some(minutes(5)));
        assert_eq!(budget.remaining_lock(START + minutes(4)), Some(minutes(1)));
        assert_eq!(budget.remaining_lock(START + minutes(5)), None);
    }

    proptest! {
        /// Whenever attempts come: between two locks there are as many as the rule allows, each lock lasts at least as
        /// long as the one before, and whoever waits as long as the refusal says is answered.
        #[test]
        fn no_order_of_attempts_gets_more_than_the_rule_allows(
            tries in 1..10_u32,
            pauses in prop::collection::vec(0..4_000_u64, 1..90),
        ) {
            let rule = LockRule { tries, lock: minutes(5) };
            let (mut budget, mut now, mut reserved, mut longest) = (Budget::default(), START, 0, Duration::ZERO);
            for pause in pauses {
                now = now + Duration::from_secs(pause);
                match budget.reserve(Class::KnownTerminal, now, rule) {
                    Verdict::Reserved { tries_left, locks_for } => {
                        reserved += 1;
                        prop_assert_eq!(tries_left, tries - reserved);
                        prop_assert_eq!(locks_for.is_some(), reserved == tries);
                        if let Some(lock) = locks_for {
                            prop_assert!(lock >= longest && lock <= LONGEST_LOCK);
                            (longest, reserved) = (lock, 0);
                        }
                    }
                    Verdict::Locked { retry_after } => {
                        let wait = retry_after.unwrap_or_default();
                        prop_assert!(reserved == 0 && wait <= longest && !wait.is_zero());
                        let mut later = budget;
                        let answered = later.reserve(Class::KnownTerminal, now + wait, rule);
                        let is_reserved = matches!(answered, Verdict::Reserved { .. });
                        prop_assert!(is_reserved);
                    }
                }
            }
        }
    }
}
