//! A clock that is waited for again and again, and hardly ever rings.
//!
//! To set a timer and drop it costs as much as to send a text. So one that was set stays where it is as long as it rings in
//! time for what is waited for, and is looked at again when it does.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;

/// Waits; given by whoever knows the runtime.
pub(crate) type Sleep = fn(Duration) -> BoxFuture<'static, ()>;

/// How much later than it is set an alarm may be wanted before it is set again.
const SLACK: Duration = Duration::from_secs(1);

/// A clock that can be set again and again.
pub(crate) struct Alarm {
    sleep: Sleep,
    set: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Alarm {
    pub(crate) fn new(sleep: Sleep) -> Self {
        Self { sleep, set: None }
    }

    /// Waits for a moment, for ever if there is none. Dropping the future loses nothing.
    pub(crate) async fn ring(&mut self, at: Option<Instant>) {
        let Some(at) = at else { return std::future::pending().await };
        loop {
            let (set, timer) = match &mut self.set {
                Some(set) if set.0 <= at && at.duration_since(set.0) <= SLACK => set,
                set => set.insert((at, (self.sleep)(at.saturating_duration_since(Instant::now())))),
            };
            let (rang_at, ()) = (*set, timer.await);
            self.set = None;
            if at <= rang_at.max(Instant::now()) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::FutureExt as _;

    use super::*;

    thread_local! {
        /// How long was slept, each time that somebody began to.
        static SLEPT: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
    }

    /// Sleeps whose end is never waited for.
    fn note(duration: Duration) -> BoxFuture<'static, ()> {
        SLEPT.with_borrow_mut(|slept| slept.push(duration));
        if duration.is_zero() { std::future::ready(()).boxed() } else { std::future::pending().boxed() }
    }

    #[test]
    fn a_timer_is_set_once_for_moments_that_are_close_to_each_other() {
        let (mut alarm, begun) = (Alarm::new(note), Instant::now());
        let hour = Duration::from_secs(3600);
        for milliseconds in [0, 1, 500, 1000] {
            assert_eq!(alarm.ring(Some(begun + hour + Duration::from_millis(milliseconds))).now_or_never(), None);
        }
        assert_eq!(SLEPT.take().len(), 1);
        for later in [hour + Duration::from_millis(1001), hour, 2 * hour] {
            assert_eq!(alarm.ring(Some(begun + later)).now_or_never(), None);
        }
        assert_eq!(SLEPT.take().len(), 3, "too late, too early, too late");
        assert_eq!(alarm.ring(None).now_or_never(), None);
        assert_eq!(alarm.ring(Some(begun)).now_or_never(), Some(()), "over");
        assert_eq!(SLEPT.take(), [Duration::ZERO]);
    }
}
