//! Whence somebody has logged in lately.

use std::collections::{BTreeMap, HashMap};

use common::network::Source;

/// Sources remembered; those of the oldest logins go. Chosen arbitrarily: more than most directories have users, for half a
/// megabyte at most.
const REMEMBERED: usize = 4096;

/// The sources of the last logins.
#[derive(Debug, Default)]
pub(super) struct Regulars {
    /// Which of all logins was the last from there.
    last_of: HashMap<Source, u64>,
    in_order: BTreeMap<u64, Source>,
    last: u64,
}

impl Regulars {
    pub(super) fn remember(&mut self, source: Source) {
        self.last += 1;
        self.in_order.insert(self.last, source);
        if let Some(before) = self.last_of.insert(source, self.last) {
            self.in_order.remove(&before);
        }
        if self.in_order.len() > REMEMBERED
            && let Some((_, forgotten)) = self.in_order.pop_first()
        {
            self.last_of.remove(&forgotten);
        }
    }

    pub(super) fn include(&self, source: Source) -> bool {
        self.last_of.contains_key(&source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: usize) -> Source {
        Source::of(std::net::IpAddr::V4(u32::try_from(n).unwrap().into()))
    }

    #[test]
    fn the_sources_of_the_last_logins_are_remembered_and_no_others() {
        let mut regulars = Regulars::default();
        (0..REMEMBERED).for_each(|n| regulars.remember(source(n)));
        regulars.remember(source(0));
        regulars.remember(source(REMEMBERED));
        assert!(regulars.include(source(0)) && regulars.include(source(2)) && regulars.include(source(REMEMBERED)));
        assert!(!regulars.include(source(1)));
        assert_eq!((regulars.last_of.len(), regulars.in_order.len()), (REMEMBERED, REMEMBERED));
    }
}
