//! Callers that are not accepted yet: how many there may be, in all, from one source and from one site (threat P3).
//!
//! Owns the places. A caller who has not said yet what it wants gives its place up to a newcomer where there is none left,
//! so that nobody shuts the door by standing in it. Who is a caller is the listener's to judge, who is accepted the
//! engine's.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_channel::{Receiver, Sender};
use common::limits::{CALLERS_HALF_OPEN, CALLERS_HALF_OPEN_PER_SITE, CALLERS_HALF_OPEN_PER_SOURCE};
use common::network::Source;

/// A place that is taken.
#[derive(Debug)]
struct Place {
    source: Source,
    /// Dropped to take the place away; nothing once the caller has said what it wants.
    silent: Option<Sender<()>>,
}

/// All places, the oldest first.
#[derive(Debug, Default)]
struct Places {
    taken: BTreeMap<u64, Place>,
    last: u64,
}

impl Places {
    fn of(&self, source: Source) -> usize {
        self.taken.values().filter(|place| place.source == source).count()
    }

    /// Of the site of `source`; of the source itself where that is the same.
    fn of_site(&self, source: Source) -> usize {
        let Some(site) = source.site() else { return self.of(source) };
        self.taken.values().filter(|place| place.source.site() == Some(site)).count()
    }

    /// Takes a place away from somebody who has said nothing and is among `whose`: the oldest of the source with the most, in
    /// the site with the most.
    fn vacate(&mut self, whose: impl Fn(Source) -> bool) -> Option<()> {
        let silent = self.taken.iter().filter(|(_, place)| place.silent.is_some() && whose(place.source));
        // Of sources with as many the oldest place counts, and within one the oldest, too.
        let order = |source| (Reverse(self.of_site(source)), Reverse(self.of(source)));
        let victim = silent.map(|(id, place)| (order(place.source), *id)).min()?;
        self.taken.remove(&victim.1);
        Some(())
    }
}

fn locked(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands the places out.
#[derive(Debug, Default)]
pub(super) struct HalfOpenCallers(Arc<Mutex<Places>>);

/// A place among the half-open callers; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    id: u64,
    places: Arc<Mutex<Places>>,
}

/// Ends when a place is taken away.
pub(super) type Vacated = Receiver<()>;

impl HalfOpenCallers {
    /// A place for a caller from this source, if there is one or somebody has to give one up.
    pub(super) fn admit(&self, source: Source) -> Option<(HalfOpen, Vacated)> {
        let mut places = locked(&self.0);
        if places.of(source) >= CALLERS_HALF_OPEN_PER_SOURCE {
            places.vacate(|of| of == source)?;
        } else if places.of_site(source) >= CALLERS_HALF_OPEN_PER_SITE {
            places.vacate(|of| of.site() == source.site())?;
        } else if places.taken.len() >= CALLERS_HALF_OPEN {
            places.vacate(|_| true)?;
        }
        let (silent, vacated) = async_channel::bounded(1);
        places.last += 1;
        let id = places.last;
        places.taken.insert(id, Place { source, silent: Some(silent) });
        Some((HalfOpen { id, places: Arc::clone(&self.0) }, vacated))
    }
}

impl HalfOpen {
    /// The caller has said what it wants: the place is its own. `None` if it was taken away before.
    pub(super) fn settle(&self) -> Option<()> {
        // Its end would be taken for the end of the place.
        locked(&self.places).taken.get_mut(&self.id).and_then(|place| place.silent.take()).map(drop)
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        locked(&self.places).taken.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn network(last: u8) -> Source {
        Source::of([127, 0, 0, last].into())
    }

    fn is_vacated((_, vacated): &(HalfOpen, Vacated)) -> bool {
        vacated.is_closed()
    }

    #[test]
    fn one_network_has_so_many_places_and_its_oldest_silent_caller_makes_room() {
        let callers = HalfOpenCallers::default();
        let mut places: Vec<_> =
            (0..CALLERS_HALF_OPEN_PER_SOURCE).map(|_| callers.admit(network(1)).unwrap()).collect();
        places[0].0.settle().unwrap();
        let other = callers.admit(network(2)).unwrap();
        places.push(callers.admit(network(1)).unwrap());
        // The first keeps its place; whether it is vacated is not looked at any more.
        let vacated: Vec<bool> = places.iter().skip(1).map(is_vacated).collect();
        assert_eq!(vacated.iter().filter(|vacated| **vacated).count(), 1);
        assert!(vacated[0] && !is_vacated(&other));
        assert_eq!(places[1].0.settle(), None, "what was taken away cannot be kept");
        drop((places, other));
        assert!(callers.0.lock().unwrap().taken.is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn a_door_full_of_idle_callers_from_a_few_addresses_is_open_to_everybody_else() {
        let callers = HalfOpenCallers::default();
        let hostile = |n: usize| network(u8::try_from(n / CALLERS_HALF_OPEN_PER_SOURCE).unwrap());
        let mut idle: Vec<_> = (0..CALLERS_HALF_OPEN).map(|n| callers.admit(hostile(n)).unwrap()).collect();
        let honest = callers.admit(network(200)).unwrap();
        assert!(is_vacated(&idle[0]));
        // They come again, at once and for as long as they like; the honest caller is not among those who pay for it.
        for n in 0..10 * CALLERS_HALF_OPEN {
            idle.extend(callers.admit(hostile(n % CALLERS_HALF_OPEN)));
        }
        assert!(!is_vacated(&honest));
        assert_eq!(honest.0.settle(), Some(()));
        assert!(locked(&callers.0).taken.len() <= CALLERS_HALF_OPEN);
    }

    #[test]
    fn whoever_has_said_what_it_wants_keeps_the_place() {
        let callers = HalfOpenCallers::default();
        let mut places = Vec::new();
        for n in 0..CALLERS_HALF_OPEN {
            let place = callers.admit(network(u8::try_from(n / CALLERS_HALF_OPEN_PER_SOURCE).unwrap())).unwrap();
            place.0.settle().unwrap();
            places.push(place);
        }
        assert!(callers.admit(network(255)).is_none());
        assert!(callers.admit(network(0)).is_none());
        places.pop();
        assert!(callers.admit(network(255)).is_some());
    }

    #[test]
    fn whoever_has_a_whole_site_keeps_callers_out_no_more_than_others_do() {
        let callers = HalfOpenCallers::default();
        let hostile = |n: u16| Source::of(Ipv6Addr::new(0x2001, 0xdb8, 1, n, 0, 0, 0, 1).into());
        let mut idle: Vec<_> =
            (0..CALLERS_HALF_OPEN_PER_SITE as u16).map(|n| callers.admit(hostile(n)).unwrap()).collect();
        let honest = callers.admit(Source::of(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1).into())).unwrap();
        for n in 0..1_000 {
            idle.extend(callers.admit(hostile(n)));
        }
        assert!(!is_vacated(&honest));
        assert_eq!(locked(&callers.0).taken.len(), CALLERS_HALF_OPEN_PER_SITE + 1);
        // Nor with what others have left.
        let others: Vec<_> = (0..40).map(|n| callers.admit(network(n)).unwrap()).collect();
        let more: Vec<_> = (100..120).map(|n| callers.admit(network(n)).unwrap()).collect();
        assert!(!is_vacated(&honest) && !others.iter().chain(&more).any(is_vacated));
    }
}
