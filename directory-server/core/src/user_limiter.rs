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
