//! Who may open a connection while others have not logged in yet (threat L9; protocol section 9.1).
//!
//! Owns the places of half-open connections: those accepted and not yet logged in. Where all are taken, a newcomer waits, and
//! those of the sources with the fewest come first; who waits costs little more than a socket. The source with more places
//! than whoever comes next gives its oldest away at once, anybody else only a place that was held for a while, so that
//! nobody keeps honest logins out by standing in the door.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use common::limits::{HALF_OPEN, HALF_OPEN_PER_SOURCE, LOGIN_DEADLINE};
use common::network::Source;

use crate::timestamp::Timestamp;

/// Connections that wait for a place. Chosen arbitrarily: a good many of the terminals that come back together after an
/// outage, each of which costs some hundred bytes meanwhile.
pub const WAITING: usize = 8192;
/// How long nobody loses a place to one whose source has as many, seconds. Chosen arbitrarily: what a login takes on a slow
/// machine far away, and half of what it may take at all.
pub const PATIENCE: Duration = Duration::from_secs(5);

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

/// What a newcomer has led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Admitted<T, W> {
    /// Who gets a place now, with [`Admission::enter`].
    pub enters: Option<(Source, W)>,
    /// What belongs to a connection that has lost its place.
    pub evicted: Option<T>,
}

/// Connections of one source.
#[derive(Debug, Default)]
struct Count {
    places: usize,
    waiting: usize,
}

/// The half-open connections, the oldest first; each with something of its owner's that is given back to take its place away.
/// And those who wait for a place.
#[derive(Debug)]
pub struct Admission<T, W> {
    places: BTreeMap<Place, (Source, Timestamp, T)>,
    /// By how many of the same source there were before, and in order.
    waiting: BTreeMap<(usize, u64), (Source, W)>,
    per_source: HashMap<Source, Count>,
    last: Place,
}

impl<T, W> Default for Admission<T, W> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), waiting: BTreeMap::new(), per_source: HashMap::new(), last: 0 }
    }
}

/// When a connection that has got its place at `now` must have logged in. Nothing it sends prolongs this.
#[must_use]
pub fn login_deadline(now: Timestamp) -> Timestamp {
    now + LOGIN_DEADLINE
}

impl<T, W> Admission<T, W> {
    /// Takes a newcomer, who gets a place now or later.
    ///
    /// # Errors
    /// [`Crowded`]: close it.
    pub fn admit(&mut self, source: Source, now: Timestamp, newcomer: W) -> Result<Admitted<T, W>, Crowded> {
        let before = self.per_source.get(&source).map_or(0, |count| count.places + count.waiting);
        if before >= HALF_OPEN_PER_SOURCE {
            return Err(Crowded::Source);
        }
        self.last += 1;
        let turn = (before, self.last);
        self.waiting.insert(turn, (source, newcomer));
        self.per_source.entry(source).or_default().waiting += 1;
        if self.waiting.len() > WAITING
            && let Some((last, (source, _))) = self.waiting.pop_last()
        {
            self.forget(source, |count| count.waiting -= 1);
            if last == turn {
                return Err(Crowded::Everywhere);
            }
        }
        let evicted = if self.places.len() < HALF_OPEN { None } else { self.evict(now) };
        Ok(Admitted { enters: self.next(), evicted })
    }

    /// Gives somebody a place who may have one. Call [`Admission::release`] once, when it has logged in or ended.
    pub fn enter(&mut self, source: Source, now: Timestamp, owner: T) -> Place {
        self.last += 1;
        self.places.insert(self.last, (source, now, owner));
        self.per_source.entry(source).or_default().places += 1;
        self.last
    }

    /// Who waits and may have a place.
    fn next(&mut self) -> Option<(Source, W)> {
        if self.places.len() >= HALF_OPEN {
            return None;
        }
        let (_, (source, first)) = self.waiting.pop_first()?;
        self.forget(source, |count| count.waiting -= 1);
        Some((source, first))
    }

    /// The oldest connection of the source with the most, of sources with as many the oldest of all: where that has more
    /// than whoever comes next would have, or the oldest has had its time.
    fn evict(&mut self, now: Timestamp) -> Option<T> {
        let (_, (next, _)) = self.waiting.first_key_value()?;
        let candidates = self.places.iter().map(|(place, (source, ..))| (Reverse(self.held(*source)), *place));
        let (Reverse(most), place) = candidates.min()?;
        if most > self.held(*next) + 1 {
            return self.take(place);
        }
        let (place, (_, since, _)) = self.places.first_key_value()?;
        if now.since(*since) < PATIENCE { None } else { self.take(*place) }
    }

    fn held(&self, source: Source) -> usize {
        self.per_source.get(&source).map_or(0, |count| count.places)
    }

    /// The connection has logged in or ended: what belongs to it, if it still had its place; and who gets a place now.
    pub fn release(&mut self, place: Place) -> (Option<T>, Option<(Source, W)>) {
        (self.take(place), self.next())
    }

    fn take(&mut self, place: Place) -> Option<T> {
        let (source, _, owner) = self.places.remove(&place)?;
        self.forget(source, |count| count.places -= 1);
        Some(owner)
    }

    fn forget(&mut self, source: Source, one: impl FnOnce(&mut Count)) {
        if let Some(count) = self.per_source.get_mut(&source) {
            one(count);
            if count.places + count.waiting == 0 {
                self.per_source.remove(&source);
            }
        }
    }

    /// Half-open connections now, without those that wait.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn source(n: usize) -> Source {
        let n = u32::try_from(n).unwrap();
        Source::of(std::net::IpAddr::V4((0x7f00_0000 + n).into()))
    }

    /// Each connection is a number, its own and its owner's.
    type Numbered = Admission<usize, usize>;

    /// A newcomer who gets a place, and whom it was taken from; nothing if it waits.
    fn comes(admission: &mut Numbered, from: usize, now: Timestamp, number: usize) -> Option<(Place, Option<usize>)> {
        let Admitted { enters, evicted } = admission.admit(source(from), now, number).unwrap();
        let (from, number) = enters?;
        Some((admission.enter(from, now, number), evicted))
    }

    #[test]
    fn one_source_keeps_eight_and_hinders_nobody_else() {
        let mut admission = Admission::default();
        let admitted: Vec<_> = (0..8).map(|n| comes(&mut admission, 2, NOW, n).unwrap().0).collect();
        assert_eq!(admitted.len(), HALF_OPEN_PER_SOURCE);
        assert_eq!(admission.admit(source(2), NOW, 8), Err(Crowded::Source));
        assert!(comes(&mut admission, 3, NOW, 9).is_some());
        assert_eq!(admission.release(admitted[0]), (Some(0), None));
        assert!(comes(&mut admission, 2, NOW, 10).is_some());
    }

    #[test]
    fn where_all_places_are_taken_the_oldest_of_the_most_crowded_source_makes_room() {
        let mut admission = Admission::default();
        let crowd = HALF_OPEN / HALF_OPEN_PER_SOURCE;
        for n in 0..HALF_OPEN {
            assert_eq!(comes(&mut admission, n % crowd, NOW, n).unwrap().1, None);
        }
        let (honest, evicted) = comes(&mut admission, 1_000, NOW, usize::MAX).unwrap();
        assert_eq!(evicted, Some(0));
        // Those who were sent away come again, for as long as they like.
        for n in 0..100 * HALF_OPEN {
            let again = admission.admit(source(n % crowd), NOW, n);
            if let Ok(Admitted { enters, evicted }) = again {
                assert_ne!(evicted, Some(usize::MAX), "the honest one stays");
                enters.map(|(from, number)| admission.enter(from, NOW, number));
            }
            assert!(admission.half_open() <= HALF_OPEN);
        }
        assert_eq!(admission.release(honest).0, Some(usize::MAX));
        assert_eq!(admission.release(honest).0, None, "once");
    }

    #[test]
    fn a_thousand_at_once_from_a_thousand_sources_get_their_places_in_order() {
        let mut admission = Admission::default();
        let mut places: Vec<Place> = (0..1_000).filter_map(|n| Some(comes(&mut admission, n, NOW, n)?.0)).collect();
        assert_eq!(places.len(), HALF_OPEN, "nobody lost a place");
        for n in HALF_OPEN..1_000 {
            let (_, next) = admission.release(places[n - HALF_OPEN]);
            assert_eq!(next, Some((source(n), n)));
            places.push(admission.enter(source(n), NOW, n));
        }
        assert_eq!(admission.release(places[900]).1, None);
    }

    #[test]
    fn those_who_stand_in_the_door_make_room_after_a_while_and_for_new_sources_first() {
        let mut admission = Admission::default();
        for n in 0..HALF_OPEN {
            comes(&mut admission, n, NOW, n).unwrap();
        }
        // All of them come again, and then somebody else.
        (0..HALF_OPEN).for_each(|n| assert_eq!(comes(&mut admission, n, NOW, n), None));
        assert_eq!(comes(&mut admission, 1_000, NOW, 1_000), None);
        let later = NOW + PATIENCE;
        assert_eq!(
            admission.admit(source(1_001), later, 1_001).unwrap(),
            Admitted { enters: Some((source(1_000), 1_000)), evicted: Some(0) }
        );
    }

    #[test]
    fn who_waits_is_bounded_and_those_of_a_source_with_many_go_first() {
        let mut admission = Admission::default();
        let sources = (HALF_OPEN + WAITING) / 2;
        for n in 0..HALF_OPEN + WAITING {
            comes(&mut admission, n % sources, NOW, n);
        }
        assert_eq!(admission.waiting.len(), WAITING);
        assert_eq!(admission.admit(source(1), NOW, 1), Err(Crowded::Everywhere), "the third of its source");
        comes(&mut admission, sources, NOW, 2);
        assert_eq!(admission.waiting.len(), WAITING);
        assert_eq!(admission.held(source(sources)), 0);
        assert!(admission.waiting.values().any(|(_, number)| *number == 2));
    }

    #[test]
    fn released_connections_leave_nothing_behind() {
        let mut admission = Admission::default();
        let places: Vec<_> = (0..100).map(|n| comes(&mut admission, n / 2, NOW, n).unwrap().0).collect();
        for place in places {
            admission.release(place);
        }
        assert_eq!(admission.half_open(), 0);
        assert!(admission.per_source.is_empty());
    }
}
