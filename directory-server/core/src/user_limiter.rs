//! How often each user has done something lately, over all sessions of the user.

use std::collections::HashMap;
use std::time::Duration;

use common::ident::UserId;
use common::window::{FixedWindow, Rate};

use crate::timestamp::Timestamp;

/// Users remembered before those who have done nothing for a while are forgotten: chosen arbitrarily.
const REMEMBERED: usize = 1024;

/// Counts by user.
#[derive(Debug, Default)]
pub struct UserLimiter {
    windows: HashMap<UserId, FixedWindow>,
}

impl UserLimiter {
    /// Counts `times` more, or says how long to wait. A limit of 0 is none.
    pub(super) fn count(&mut self, user: &UserId, times: u32, now: Timestamp, rate: Rate) -> Result<(), Duration> {
        if self.windows.len() >= REMEMBERED {
            self.windows.retain(|_, window| !window.is_over(now.elapsed(), rate.per));
        }
        self.windows.entry(user.clone()).or_default().count_many(times, now.elapsed(), rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_store::{NOW, seconds, user};

    #[test]
    fn users_are_counted_apart_and_those_who_did_nothing_lately_are_forgotten() {
        let (mut limiter, rate) = (UserLimiter::default(), Rate::per_minute(2));
        assert_eq!(limiter.count(&user("ali"), 2, NOW, rate), Ok(()));
        assert_eq!(limiter.count(&user("ali"), 1, NOW, rate), Err(seconds(60)));
        for n in 1..REMEMBERED {
            assert_eq!(limiter.count(&user(&format!("u{n}")), 1, NOW + seconds(1), rate), Ok(()));
        }
        assert_eq!(limiter.windows.len(), REMEMBERED);
        assert_eq!(limiter.count(&user("late"), 1, NOW + seconds(60), rate), Ok(()));
        assert_eq!(limiter.windows.len(), REMEMBERED, "only the window that is over went");
        assert_eq!(limiter.count(&user("later"), 1, NOW + seconds(61), rate), Ok(()));
        assert_eq!(limiter.windows.len(), 2);
    }
}
