//! How often each user has done something lately, over all sessions of the user.

use std::collections::HashMap;
use std::time::Duration;

use common::ident::UserId;

use super::moment::Moment;
use super::sources::Window;

/// Users remembered before those who have done nothing for a while are forgotten: chosen arbitrarily.
const REMEMBERED: usize = 1024;

/// Counts by user.
#[derive(Debug, Default)]
pub struct PerUser {
    windows: HashMap<UserId, Window>,
}

impl PerUser {
    /// Counts `times` more, or says how long to wait. A limit of 0 is none.
    pub(super) fn count(
        &mut self,
        user: &UserId,
        times: u32,
        now: Moment,
        length: Duration,
        limit: u32,
    ) -> Result<(), Duration> {
        if self.windows.len() >= REMEMBERED {
            self.windows.retain(|_, window| !window.is_over(now, length));
        }
        self.windows.entry(user.clone()).or_default().count_many(times, now, length, limit)
    }
}
