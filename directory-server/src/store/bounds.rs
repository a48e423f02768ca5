//! How much a directory remembers, and how it writes down what has no number of its own, whatever the database.

use std::time::Duration;

use common::msg::{MailItem, MailKind, Withdrawal};
use directory_core::timestamp::Timestamp;

/// Ids nobody has whose budgets are kept; more would let a stranger fill the disk.
pub(super) const STRANGERS: i64 = 100_000;
/// Terminals of one user that are remembered.
pub(super) const TERMINALS_REMEMBERED: i64 = 64;
/// Stands for all unknown terminals together.
pub(super) const UNKNOWN_TERMINALS: &[u8] = &[];
/// Pairs from before changes of a passcode that are kept for one user: the oldest, which are those that a thief did not
/// make, and the newest. Chosen arbitrarily.
pub(super) const FORMER_KEPT: i64 = 16;
/// Certificates of one user's terminals that are gone: as many as terminals are remembered, since all of them may go at once.
pub(super) const FORMER_CERTIFICATES: i64 = TERMINALS_REMEMBERED;
/// A put stops behind the message with which it has left so many reports, and the next one goes on: nobody waits long for what
/// one user leaves to report. Chosen arbitrarily.
pub(super) const REPORTS_OF_A_PUT: usize = 1024;
/// How long a report of a dropped message waits, in seconds.
pub(super) const REPORTS_KEPT_FOR: u64 = 90 * 24 * 3600;
/// Numbers of items that a database leaves out when it goes on from an older state, so that none is given out again that
/// terminals have seen since: what a busy directory uses in years.
pub(super) const NUMBERS_LEFT_OUT: i64 = 1 << 40;
/// Time in which somebody founds so many rooms at most.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Bytes of one `MAILBOX`, as it goes over the wire.
const MAILBOX_BYTES: usize = 48 * 1024;
/// What an item takes in a `MAILBOX` beside its piece, at most.
const ITEM_BYTES: usize = 320;
/// What [`SignedCommit`](common::msg::SignedCommit) takes beside it, at most.
const SIGNED_BYTES: usize = 640;

/// One `MAILBOX` on its way.
#[derive(Default)]
pub(super) struct Parcel(Vec<MailItem>, usize);

impl Parcel {
    /// Adds an item, if there is still room for it. The first one always has.
    pub(super) fn add(&mut self, item: MailItem) -> bool {
        let signed = item.signed.as_ref().map_or(0, |_| SIGNED_BYTES);
        let size = ITEM_BYTES + signed + item.piece.as_ref().map_or(0, |piece| piece.0.len().div_ceil(3) * 4);
        let fits = self.1 + size <= MAILBOX_BYTES || self.0.is_empty();
        if fits {
            self.1 += size;
            self.0.push(item);
        }
        fits
    }

    pub(super) fn into_items(self) -> Vec<MailItem> {
        self.0
    }
}

/// Whoever has done something this often lately waits until the first time is long enough ago. What lies in the future was
/// written by a clock that has gone back since, and does not count.
pub(super) fn wait(times: &[u64], at_most: usize, window: Duration, now: Timestamp) -> Option<Duration> {
    let mut lately: Vec<u64> = times
        .iter()
        .map(|time| time.saturating_add(window.as_secs()))
        .filter(|over| *over > now.seconds() && *over <= now.seconds().saturating_add(window.as_secs()))
        .collect();
    lately.sort_unstable();
    let first_to_pass = lately.len().checked_sub(at_most)?;
    lately.get(first_to_pass).map(|over| Duration::from_secs(over - now.seconds()))
}

/// What stands for a kind in a database.
pub(super) fn kind_code(kind: MailKind) -> i64 {
    match kind {
        MailKind::Message => 0,
        MailKind::Commit => 1,
        MailKind::Welcome => 2,
    }
}

/// The kind that it stands for.
pub(super) fn kind(code: i64) -> Option<MailKind> {
    [MailKind::Message, MailKind::Commit, MailKind::Welcome].into_iter().find(|kind| kind_code(*kind) == code)
}

/// What stands for a reason in a database.
pub(super) fn reason_code(reason: Withdrawal) -> i64 {
    match reason {
        Withdrawal::Expired | Withdrawal::Other => 0,
        Withdrawal::Full => 1,
        Withdrawal::Removed => 2,
    }
}

/// The reason that it stands for.
pub(super) fn reason(code: i64) -> Withdrawal {
    match code {
        0 => Withdrawal::Expired,
        1 => Withdrawal::Full,
        2 => Withdrawal::Removed,
        _ => Withdrawal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_did_it_too_often_waits_until_the_first_time_is_long_ago() {
        let now = Timestamp::from_seconds(1000);
        let window = Duration::from_secs(600);
        let waits = |times: &[u64], at_most| wait(times, at_most, window, now).map(|wait| wait.as_secs());
        assert_eq!(waits(&[], 2), None);
        assert_eq!(waits(&[1000], 2), None);
        assert_eq!(waits(&[999, 1000], 2), Some(599));
        assert_eq!(waits(&[400, 1000], 2), None, "the first does not count any more");
        assert_eq!(waits(&[401, 1000], 2), Some(1));
        assert_eq!(waits(&[900, 500, 800], 2), Some(400), "two of three must have passed to leave one");
        assert_eq!(waits(&[1001, 90_000], 2), None, "the clock has gone back");
    }
}
