//! Whose turn it is among those who wait for a place (threat L9; protocol section 3).
//!
//! Those who have logged in before and strangers, networks that lie together, sites and sources share the places, each of
//! these with others of its kind: at every step the one with the fewest places comes first, and of several the one whose
//! turn was longest ago. So whoever has many sources in one network gets no more of it than its neighbours do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use common::network::Source;

/// Whether somebody has logged in from there lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Standing {
    Stranger,
    Regular,
}

/// Where a connection belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Belonging {
    pub(super) standing: Standing,
    pub(super) source: Source,
}

/// What shares with others of its kind, from the widest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Group {
    Everybody,
    Standing(Standing),
    Neighbours(Standing, Source),
    Site(Standing, Source),
    Source(Belonging),
}

impl Belonging {
    /// Each group with the one it is a part of, the widest first.
    fn path(self) -> impl Iterator<Item = (Group, Group)> {
        let Self { standing, source } = self;
        let site = source.site().map(|site| Group::Site(standing, site));
        let narrower = [Some(Group::Neighbours(standing, source.neighbours())), site, Some(Group::Source(self))];
        let groups = std::iter::once(Group::Standing(standing)).chain(narrower.into_iter().flatten());
        groups.scan(Group::Everybody, |parent, group| Some((std::mem::replace(parent, group), group)))
    }
}

/// What a group has.
#[derive(Debug, Default, Clone, Copy)]
struct Share {
    places: usize,
    waiting: usize,
    /// When it got or lost a place last, or came.
    turn: u64,
}

/// Those who wait, and how many places every group has.
#[derive(Debug)]
pub(super) struct Turns<W> {
    shares: HashMap<Group, Share>,
    /// Of each group, the parts that wait, in the order of their turns.
    next: BTreeSet<(Group, usize, u64, Group)>,
    /// Of each group, the parts that have places, those with the most first.
    fullest: BTreeSet<(Group, Reverse<usize>, u64, Group)>,
    /// Of each source in the order of their coming.
    waiting: BTreeMap<(Belonging, u64), W>,
}

impl<W> Default for Turns<W> {
    fn default() -> Self {
        let (next, fullest) = (BTreeSet::new(), BTreeSet::new());
        Self { shares: HashMap::new(), next, fullest, waiting: BTreeMap::new() }
    }
}

impl<W> Turns<W> {
    /// Somebody waits from now on, as number `turn` of all who ever came.
    pub(super) fn wait(&mut self, who: Belonging, turn: u64, waits: W) {
        self.waiting.insert((who, turn), waits);
        self.change(who, |share| {
            if share.places + share.waiting == 0 {
                share.turn = turn;
            }
            share.waiting += 1;
        });
    }

    /// Somebody has got a place, as number `turn`.
    pub(super) fn enter(&mut self, who: Belonging, turn: u64) {
        self.change(who, |share| {
            share.places += 1;
            share.turn = turn;
        });
    }

    /// Somebody's place is free, as of number `turn`: so whoever has lost one comes behind those who had none.
    pub(super) fn leave(&mut self, who: Belonging, turn: u64) {
        self.change(who, |share| {
            share.places = share.places.saturating_sub(1);
            share.turn = turn;
        });
    }

    /// Whoever comes next, who waits no longer.
    pub(super) fn take_first(&mut self) -> Option<(Belonging, W)> {
        let who = self.first()?;
        let ((_, turn), _) = self.waiting.range((who, 0)..).next()?;
        self.take(who, *turn)
    }

    /// Somebody has to go, who waits no longer: `newcomer`, which came as number `turn`, if its source has more than that of
    /// whoever comes last; otherwise the latter. Whether it was the newcomer.
    pub(super) fn turn_away(&mut self, newcomer: Belonging, turn: u64) -> bool {
        let Some(last) = self.last().filter(|last| self.of_source(last.source) >= self.of_source(newcomer.source))
        else {
            return self.take(newcomer, turn).is_some();
        };
        let goes = self.waiting.range((last, 0)..=(last, u64::MAX)).next_back().map(|((_, came), _)| *came);
        goes.is_some_and(|came| self.take(last, came).is_some() && came == turn)
    }

    /// Whoever comes last of those of whom more wait: of strangers or of the others.
    fn last(&self) -> Option<Belonging> {
        let standings = [Standing::Stranger, Standing::Regular].map(Group::Standing);
        let mut group = standings.into_iter().max_by_key(|standing| self.share(*standing).waiting)?;
        loop {
            let (whole, _, _, part) = self.next.range(..(group, usize::MAX, 0, Group::Everybody)).next_back()?;
            match part {
                Group::Source(who) if *whole == group => return Some(*who),
                part if *whole == group => group = *part,
                _ => return None,
            }
        }
    }

    fn take(&mut self, who: Belonging, turn: u64) -> Option<(Belonging, W)> {
        let waited = self.waiting.remove(&(who, turn))?;
        self.change(who, |share| share.waiting = share.waiting.saturating_sub(1));
        Some((who, waited))
    }

    /// Who has to give a place to whoever comes next: the source with the most, in the widest group that has more than the
    /// one beside it would have then.
    pub(super) fn has_too_many(&self) -> Option<Belonging> {
        for (whole, part) in self.first()?.path() {
            let (_, Reverse(most), _, fullest) = self.fullest_part(whole)?;
            if most > self.share(part).places + 1 {
                return self.fullest_source(fullest);
            }
        }
        None
    }

    fn fullest_source(&self, mut group: Group) -> Option<Belonging> {
        loop {
            match group {
                Group::Source(who) => return Some(who),
                whole => group = self.fullest_part(whole)?.3,
            }
        }
    }

    fn fullest_part(&self, group: Group) -> Option<(Group, Reverse<usize>, u64, Group)> {
        let first = self.fullest.range((group, Reverse(usize::MAX), 0, Group::Everybody)..).next();
        first.copied().filter(|(whole, ..)| *whole == group)
    }

    fn first(&self) -> Option<Belonging> {
        let mut group = Group::Everybody;
        loop {
            let (whole, _, _, part) = self.next.range((group, 0, 0, Group::Everybody)..).next()?;
            match part {
                Group::Source(who) if *whole == group => return Some(*who),
                part if *whole == group => group = *part,
                _ => return None,
            }
        }
    }

    /// Connections of a source, with a place or without.
    pub(super) fn of_source(&self, source: Source) -> usize {
        self.count(|standing| Group::Source(Belonging { standing, source }))
    }

    /// As [`Turns::of_source`], of a site.
    pub(super) fn of_site(&self, site: Source) -> usize {
        self.count(|standing| Group::Site(standing, site))
    }

    fn count(&self, group: impl Fn(Standing) -> Group) -> usize {
        let shares = [Standing::Stranger, Standing::Regular].map(|standing| self.share(group(standing)));
        shares.iter().map(|share| share.places + share.waiting).sum()
    }

    fn share(&self, group: Group) -> Share {
        self.shares.get(&group).copied().unwrap_or_default()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Changes the share of a source and of all it is a part of.
    fn change(&mut self, who: Belonging, change: impl Fn(&mut Share)) {
        for (whole, part) in who.path() {
            let mut share = self.share(part);
            self.next.remove(&(whole, share.places, share.turn, part));
            self.fullest.remove(&(whole, Reverse(share.places), share.turn, part));
            change(&mut share);
            if share.waiting > 0 {
                self.next.insert((whole, share.places, share.turn, part));
            }
            if share.places > 0 {
                self.fullest.insert((whole, Reverse(share.places), share.turn, part));
            }
            if share.places + share.waiting == 0 {
                self.shares.remove(&part);
            } else {
                self.shares.insert(part, share);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.shares.is_empty() && self.next.is_empty() && self.fullest.is_empty() && self.waiting.is_empty()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> impl Iterator<Item = &W> {
        self.waiting.values()
    }
}
