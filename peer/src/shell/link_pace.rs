//! How fast a user is listened to over links (threat P4; protocol section 7.5).
//!
//! Owns what each user has used up, over all links of that user, so that calling again gains nothing. Whoever talks too fast
//! is not read for a while: what was said stays with the network, and nothing is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::limits::{LINK_BYTES, LINK_BYTES_PER_MINUTE, LINK_MESSAGES, LINK_MESSAGES_PER_MINUTE};
use common::pace::Pace;
use common::window::Rate;

/// Users remembered before those who have said nothing for a while are forgotten: chosen arbitrarily.
const REMEMBERED: usize = 256;

/// What one user has used up.
#[derive(Debug, Default)]
struct Used {
    messages: Pace,
    bytes: Pace,
}

/// What all users have used up, by identity key.
#[derive(Debug, Clone)]
pub(crate) struct LinkPaces {
    users: Arc<Mutex<HashMap<Vec<u8>, Used>>>,
    began: Instant,
}

impl Default for LinkPaces {
    fn default() -> Self {
        Self { users: Arc::default(), began: Instant::now() }
    }
}

impl LinkPaces {
    /// Takes a message of so many bytes; how long to pause before the next is read.
    pub(crate) fn take(&self, key: &[u8], bytes: usize) -> Duration {
        self.take_at(self.began.elapsed(), key, bytes)
    }

    fn take_at(&self, now: Duration, key: &[u8], bytes: usize) -> Duration {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= REMEMBERED && !users.contains_key(key) {
            users.retain(|_, used| !used.messages.is_full(now) || !used.bytes.is_full(now));
        }
        let used = users.entry(key.to_vec()).or_default();
        let messages = used.messages.take(1, now, rate(LINK_MESSAGES, LINK_MESSAGES_PER_MINUTE));
        messages.max(used.bytes.take(bytes, now, rate(LINK_BYTES, LINK_BYTES_PER_MINUTE)))
    }
}

/// So many at once, of which so many come back in a minute.
fn rate(events: u32, per_minute: u32) -> Rate {
    Rate { events, per: Duration::from_secs(60) * (events / per_minute) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Seconds that a user needs to be listened to for so long a speech in such pieces.
    fn time_for(messages: usize, size: usize) -> u64 {
        let (paces, mut now) = (LinkPaces::default(), MINUTE);
        for _ in 0..messages {
            now += paces.take_at(now, b"ali", size);
        }
        (now - MINUTE).as_secs()
    }

    #[test]
    fn a_conversation_is_never_slowed_down_and_a_flood_is() {
        assert_eq!(time_for(300, 256), 0, "a pasted page, line by line");
        assert_eq!(time_for(100, 16 * 1024), 0, "a hundred of the longest messages");
        assert_eq!(time_for(50_000, 256), 0, "what a program has to say at once");
        // 68 MB took 20 seconds once.
        assert!(time_for(4_250, 16 * 1024) > 15 * 60);
        assert!(time_for(100_000, 256) > 50 * 60);
    }

    #[test]
    fn users_are_counted_apart_and_a_new_link_gains_nothing() {
        let (paces, other) = (LinkPaces::default(), LinkPaces::default().clone());
        let limit = usize::try_from(LINK_BYTES).unwrap();
        assert_eq!(paces.take_at(MINUTE, b"ali", limit), Duration::ZERO);
        assert_eq!(paces.clone().take_at(MINUTE, b"ali", limit), 16 * MINUTE);
        assert_eq!(paces.take_at(MINUTE, b"bianca", limit), Duration::ZERO);
        assert_eq!(other.take_at(MINUTE, b"ali", limit), Duration::ZERO, "another terminal");
    }

    #[test]
    fn users_who_said_nothing_lately_are_forgotten() {
        let paces = LinkPaces::default();
        for n in 0..REMEMBERED {
            paces.take_at(MINUTE, &n.to_be_bytes(), 1);
        }
        paces.take_at(3 * MINUTE, b"late", 1);
        assert_eq!(paces.users.lock().unwrap().len(), 1);
    }
}
