//! Who may open a connection while others have not logged in yet (threat L9; protocol section 9.1).
//!
//! Owns the count of half-open connections: those accepted and not yet logged in. Early drop: from
//! half of the limit on, new ones are dropped with a probability that rises to 1 at the limit, so that an attacker who
//! keeps the table crowded cannot keep every honest login out (as sshd's MaxStartups does).

use std::collections::HashMap;

use common::limits::{HALF_OPEN, HALF_OPEN_EARLY_DROP, HALF_OPEN_PER_SOURCE, LOGIN_DEADLINE};

use crate::sources::Source;
use crate::timestamp::Timestamp;

/// Why a connection is closed before a byte is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// This source has as many half-open connections as one may have.
    Source,
    /// All sources together have as many as there may be, or chance fell on this one.
    Everywhere,
}

/// The half-open connections.
#[derive(Debug, Default)]
pub struct Admission {
    total: usize,
    per_source: HashMap<Source, usize>,
}

/// When a connection that is admitted at `now` must have logged in. Nothing it sends prolongs this.
#[must_use]
pub fn login_deadline(now: Timestamp) -> Timestamp {
    now + LOGIN_DEADLINE
}

impl Admission {
    /// Counts a new connection; `dice` is uniformly random and decides the early drop.
    ///
    /// # Errors
    /// [`Crowded`]: close it. Otherwise call [`Admission::release`] once, when it has logged in or ended.
    pub fn admit(&mut self, source: Source, dice: u8) -> Result<(), Crowded> {
        let from_source = self.per_source.get(&source).copied().unwrap_or(0);
        if from_source >= HALF_OPEN_PER_SOURCE {
            return Err(Crowded::Source);
        }
        let beyond = self.total.saturating_sub(HALF_OPEN_EARLY_DROP);
        let room = HALF_OPEN - HALF_OPEN_EARLY_DROP;
        if beyond >= room || usize::from(dice) * room < beyond * 256 {
            return Err(Crowded::Everywhere);
        }
        self.total += 1;
        self.per_source.insert(source, from_source + 1);
        Ok(())
    }

    /// The connection has logged in or ended.
    pub fn release(&mut self, source: Source) {
        self.total = self.total.saturating_sub(1);
        match self.per_source.get_mut(&source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.per_source.remove(&source)),
        }
    }

    /// Half-open connections now.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> Source {
        Source::of(std::net::IpAddr::V4((0x7f00_0000 + n).into()))
    }

    #[test]
    fn one_source_keeps_eight_and_hinders_nobody_else() {
        let mut admission = Admission::default();
        let admitted = (0..512).filter(|_| admission.admit(source(2), 0).is_ok()).count();
        assert_eq!(admitted, HALF_OPEN_PER_SOURCE);
        assert_eq!(admission.admit(source(2), 255), Err(Crowded::Source));
        assert_eq!(admission.admit(source(3), 0), Ok(()));
        admission.release(source(2));
        assert_eq!(admission.admit(source(2), 0), Ok(()));
    }

    #[test]
    fn early_drop_begins_at_half_and_is_certain_at_the_limit() {
        let mut admission = Admission::default();
        for n in 0..HALF_OPEN_EARLY_DROP as u32 {
            assert_eq!(admission.admit(source(n), 0), Ok(()), "nothing is dropped below half");
        }
        assert_eq!(admission.admit(source(1000), 0), Ok(()), "the probability at half is nought");
        assert_eq!(admission.admit(source(1001), 0), Err(Crowded::Everywhere));
        for n in 2000.. {
            if admission.admit(source(n), 255).is_err() {
                break;
            }
        }
        assert_eq!(admission.half_open(), HALF_OPEN);
        assert_eq!(admission.admit(source(1001), 255), Err(Crowded::Everywhere));
    }

    #[test]
    fn released_connections_leave_nothing_behind() {
        let mut admission = Admission::default();
        for n in 0..100 {
            admission.admit(source(n), 0).unwrap();
        }
        (0..100).for_each(|n| admission.release(source(n)));
        assert_eq!(admission.half_open(), 0);
        assert!(admission.per_source.is_empty());
    }
}
