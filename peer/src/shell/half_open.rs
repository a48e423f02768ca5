//! Callers that are not accepted yet: how many there may be, in all and from one network (threat P3).
//!
//! Owns the counts. Who is a caller is the listener's to judge, who is accepted the engine's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use common::limits::{CALLERS_HALF_OPEN, CALLERS_HALF_OPEN_PER_SOURCE};

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Counts them.
#[derive(Debug, Default)]
pub(super) struct HalfOpenCallers(Counts);

/// A place among the half-open callers; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct HalfOpen {
    network: IpAddr,
    counts: Counts,
}

impl HalfOpenCallers {
    /// A place for a caller from this network, if there is one.
    pub(super) fn admit(&self, network: IpAddr) -> Option<HalfOpen> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = counts.values().sum();
        let count = counts.get(&network).copied().unwrap_or_default();
        if total >= CALLERS_HALF_OPEN || count >= CALLERS_HALF_OPEN_PER_SOURCE {
            return None;
        }
        counts.insert(network, count + 1);
        Some(HalfOpen { network, counts: Arc::clone(&self.0) })
    }
}

impl Drop for HalfOpen {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    #[test]
    fn one_network_has_so_many_places_and_gets_them_back() {
        let callers = HalfOpenCallers::default();
        let mut places: Vec<HalfOpen> =
            (0..CALLERS_HALF_OPEN_PER_SOURCE).map(|_| callers.admit(network(1)).unwrap()).collect();
        assert!(callers.admit(network(1)).is_none());
        assert!(callers.admit(network(2)).is_some(), "others are not kept out by it");
        places.pop();
        assert!(callers.admit(network(1)).is_some());
        drop(places);
        assert!(callers.0.lock().unwrap().is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn all_networks_together_have_a_bound() {
        let callers = HalfOpenCallers::default();
        let mut places = Vec::new();
        let mut last = 0;
        while let Some(place) = callers.admit(network(last)) {
            places.push(place);
            last = u8::try_from(places.len() / CALLERS_HALF_OPEN_PER_SOURCE).unwrap();
        }
        assert_eq!(places.len(), CALLERS_HALF_OPEN);
        assert!(callers.admit(network(255)).is_none());
    }
}
