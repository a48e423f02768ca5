//! Who may open a connection while others have not logged in yet (threat L9; protocol section 9.1).
//!
//! Owns the places of half-open connections: those accepted and not yet logged in. Where all are taken, a newcomer gets that
//! of the oldest connection of the source with the most, so that nobody keeps honest logins out by standing in the door.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use common::limits::{HALF_OPEN, HALF_OPEN_PER_SOURCE, LOGIN_DEADLINE};

use crate::sources::Source;
use crate::timestamp::Timestamp;

/// Why a connection is closed before a byte is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// This source has as many half-open connections as one may have.
    Source,
    /// There are as many connections as there may be.
    Everywhere,
}

/// A place among the half-open connections.
pub type Place = u64;

/// The half-open connections, the oldest first; each with something of its owner's that is given back to take its place away.
#[derive(Debug)]
pub struct Admission<T> {
    places: BTreeMap<Place, (Source, T)>,
    per_source: HashMap<Source, usize>,
    last: Place,
}

impl<T> Default for Admission<T> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), per_source: HashMap::new(), last: 0 }
    }
}

/// When a connection that is admitted at `now` must have logged in. Nothing it sends prolongs this.
#[must_use]
pub fn login_deadline(now: Timestamp) -> Timestamp {
    now + LOGIN_DEADLINE
}

impl<T> Admission<T> {
    /// Gives a new connection a place; and what belongs to the connection that has lost its own for it, if one has.
    ///
    /// # Errors
    /// [`Crowded`]: close it. Otherwise call [`Admission::release`] once, when it has logged in or ended.
    pub fn admit(&mut self, source: Source, owner: T) -> Result<(Place, Option<T>), Crowded> {
        if self.of(source) >= HALF_OPEN_PER_SOURCE {
            return Err(Crowded::Source);
        }
        let evicted = if self.places.len() < HALF_OPEN { None } else { self.evict() };
        self.last += 1;
        self.places.insert(self.last, (source, owner));
        *self.per_source.entry(source).or_default() += 1;
        Ok((self.last, evicted))
    }

    fn of(&self, source: Source) -> usize {
        self.per_source.get(&source).copied().unwrap_or(0)
    }

    /// The oldest connection of the source with the most; of sources with as many, the oldest of all.
    fn evict(&mut self) -> Option<T> {
        let candidates = self.places.iter().map(|(place, (source, _))| (Reverse(self.of(*source)), *place));
        let (_, place) = candidates.min()?;
        self.release(place)
    }

    /// The connection has logged in or ended; what belongs to it, if it still had its place.
    pub fn release(&mut self, place: Place) -> Option<T> {
        let (source, owner) = self.places.remove(&place)?;
        match self.per_source.get_mut(&source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(self.per_source.remove(&source)),
        }
        Some(owner)
    }

    /// Half-open connections now.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: usize) -> Source {
        let n = u32::try_from(n).unwrap();
        Source::of(std::net::IpAddr::V4((0x7f00_0000 + n).into()))
    }

    #[test]
    fn one_source_keeps_eight_and_hinders_nobody_else() {
        let mut admission = Admission::default();
        let admitted: Vec<_> = (0..512).filter_map(|_| admission.admit(source(2), ()).ok()).collect();
        assert_eq!(admitted.len(), HALF_OPEN_PER_SOURCE);
        assert_eq!(admission.admit(source(2), ()), Err(Crowded::Source));
        assert!(admission.admit(source(3), ()).is_ok());
        admission.release(admitted[0].0);
        assert!(admission.admit(source(2), ()).is_ok());
    }

    #[test]
    fn where_all_places_are_taken_the_oldest_of_the_most_crowded_source_makes_room() {
        let mut admission = Admission::default();
        let crowd = HALF_OPEN / HALF_OPEN_PER_SOURCE;
        for n in 0..HALF_OPEN {
            assert_eq!(admission.admit(source(n % crowd), n).unwrap().1, None);
        }
        let (honest, evicted) = admission.admit(source(1_000), usize::MAX).unwrap();
        assert_eq!(evicted, Some(0));
        // Those who were sent away come again, for as long as they like.
        for n in 0..100 * HALF_OPEN {
            if let Ok((_, evicted)) = admission.admit(source(n % crowd), n) {
                assert_ne!(evicted, Some(usize::MAX), "the honest one stays");
            }
            assert!(admission.half_open() <= HALF_OPEN);
        }
        assert_eq!(admission.release(honest), Some(usize::MAX));
        assert_eq!(admission.release(honest), None, "once");
    }

    #[test]
    fn released_connections_leave_nothing_behind() {
        let mut admission = Admission::default();
        let places: Vec<_> = (0..100).map(|n| admission.admit(source(n / 2), ()).unwrap().0).collect();
        for place in places {
            admission.release(place);
        }
        assert_eq!(admission.half_open(), 0);
        assert!(admission.per_source.is_empty());
    }
}
