//! Whether a silent connection is still alive (threat P4; protocol section 6.4).

use std::time::Duration;

use common::limits::{DEAD_AFTER, PING_AFTER};

/// What to do about a silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nothing yet; look again after this time.
    Short(Duration),
    /// Ask for a sign of life; look again after this time.
    Long(Duration),
    /// Nobody is there any more.
    Dead,
}

impl Silence {
    /// Judges a connection that was last heard of `silent` ago.
    #[must_use]
    pub fn of(silent: Duration) -> Self {
        if silent >= DEAD_AFTER {
            Self::Dead
        } else if silent >= PING_AFTER {
            Self::Long(PING_AFTER.min(DEAD_AFTER - silent))
        } else {
            Self::Short(PING_AFTER - silent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_connection_is_asked_twice_and_then_given_up() {
        let seconds = Duration::from_secs;
        assert_eq!(Silence::of(seconds(0)), Silence::Short(seconds(30)));
        assert_eq!(Silence::of(seconds(29)), Silence::Short(seconds(1)));
        assert_eq!(Silence::of(seconds(30)), Silence::Long(seconds(30)));
        assert_eq!(Silence::of(seconds(70)), Silence::Long(seconds(20)));
        assert_eq!(Silence::of(seconds(60)), Silence::Long(seconds(30)));
        assert_eq!(Silence::of(seconds(89)), Silence::Long(seconds(1)));
        assert_eq!(Silence::of(seconds(90)), Silence::Dead);
    }
}
