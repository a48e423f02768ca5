//! What passed through the directory in each minute of the last hour, for the status page. Logins are counted by the core.

use std::sync::{Mutex, MutexGuard, PoisonError};

use common::msg::FromDirectory;
use directory_core::reply::Reply;
use directory_core::timestamp::Timestamp;

/// Minutes that are kept.
pub(crate) const MINUTES: usize = 60;

/// What passed in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Messages that were put into mailboxes.
    pub(crate) stored: u64,
    /// Items that were sent to the terminal they were for.
    pub(crate) delivered: u64,
    /// Links that began to be relayed.
    pub(crate) relayed: u64,
}

/// Counts by minute.
#[derive(Debug)]
pub(crate) struct LastHour(Mutex<[(u64, Passed); MINUTES]>);

impl Default for LastHour {
    fn default() -> Self {
        Self(Mutex::new([(0, Passed::default()); MINUTES]))
    }
}

impl LastHour {
    /// Counts what an answer of the directory says that it has stored or delivers.
    pub(crate) fn answered(&self, reply: &Reply, now: Timestamp) {
        match reply {
            Reply::Message(FromDirectory::MailboxReply(reply)) => {
                self.count(now, |passed| passed.stored += u64::from(reply.stored));
            }
            Reply::Message(FromDirectory::Mailbox(mail)) => {
                self.count(now, |passed| passed.delivered += u64::try_from(mail.items.len()).unwrap_or(u64::MAX));
            }
            Reply::Message(_) | Reply::Silent | Reply::Encoded(_) | Reply::Last(_) => {}
        }
    }

    /// A link begins to be relayed.
    pub(crate) fn relayed(&self, now: Timestamp) {
        self.count(now, |passed| passed.relayed += 1);
    }

    /// What passed in each minute, the latest last.
    pub(crate) fn by_minute(&self, now: Timestamp) -> [Passed; MINUTES] {
        let latest = now.seconds() / 60;
        let mut by_minute = [Passed::default(); MINUTES];
        for (number, passed) in self.minutes().iter() {
            let age = usize::try_from(latest.saturating_sub(*number)).unwrap_or(usize::MAX);
            if let Some(place) = (MINUTES - 1).checked_sub(age) {
                by_minute[place] = *passed;
            }
        }
        by_minute
    }

    fn count(&self, now: Timestamp, count: impl FnOnce(&mut Passed)) {
        let number = now.seconds() / 60;
        let place = usize::try_from(number).unwrap_or_default() % MINUTES;
        let minute = &mut self.minutes()[place];
        if minute.0 != number {
            *minute = (number, Passed::default());
        }
        count(&mut minute.1);
    }

    fn minutes(&self) -> MutexGuard<'_, [(u64, Passed); MINUTES]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_minute_by_minute() {
        let last_hour = LastHour::default();
        let at = |minute: u64| Timestamp::from_seconds(1_000_000 * 60 + minute * 60 + 7);
        last_hour.relayed(at(0));
        last_hour.relayed(at(59));
        last_hour.relayed(at(59));
        let relayed = |now| last_hour.by_minute(now).map(|passed| passed.relayed);
        assert_eq!((relayed(at(59))[0], relayed(at(59))[59]), (1, 2));
        assert_eq!((relayed(at(60)).iter().sum::<u64>(), relayed(at(60))[58]), (2, 2));
        last_hour.relayed(at(60));
        assert_eq!(relayed(at(60))[59], 1);
        assert_eq!(relayed(at(500)).iter().sum::<u64>(), 0);
    }
}
