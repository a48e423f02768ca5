//! Who may open a connection while others have not logged in yet (threat L9; protocol section 9.1).
//!
//! Owns the places of half-open connections: those accepted and not yet logged in. Where all are taken, a newcomer waits, and
//! whose turn it is decide [`turns`]; who waits costs little more than a socket. Whoever has more places than whoever comes
//! next gives the oldest in which nothing was begun away at once, anybody else only a place that was held for a while, so that
//! nobody keeps honest logins out by standing in the door. A login that was begun has counted as an attempt: it gets its time
//! in any case. Whence somebody has logged in before is remembered: those have half of the places if need be.
//! What has come over all of them and waits for more is counted in bytes; beyond a bound whoever has most of it goes.

mod regulars;
mod turns;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use common::limits::{HALF_OPEN, HALF_OPEN_BYTES, HALF_OPEN_PER_SITE, HALF_OPEN_PER_SOURCE, LOGIN_DEADLINE};
use common::network::Source;

use crate::timestamp::Timestamp;
use regulars::Regulars;
use turns::{Belonging, Standing, Turns};

/// Connections that wait for a place. Chosen arbitrarily: a good many of the terminals that come back together after an
/// outage, each of which costs some hundred bytes meanwhile.
pub const WAITING: usize = 8192;
/// How long nobody loses a place to one who has as many. Chosen arbitrarily: what a login takes on a slow machine far away,
/// and half of what it may take at all.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The same, for whoever has begun neither login nor registration: TLS and the first message come at once even from far away.
pub const PATIENCE_WITH_THE_IDLE: Duration = Duration::from_secs(2);

/// Why a connection is closed before a byte is read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowded {
    /// This source, or its site, has as many half-open connections as one may have.
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
    pub enters: Option<(Turn, W)>,
    /// Who has to leave, with what belongs to it. The place is taken until it has left.
    pub evicted: Option<(Place, T)>,
}

/// Whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn(Belonging);

/// A connection that has a place.
#[derive(Debug)]
struct Held<T> {
    who: Belonging,
    since: Timestamp,
    has_begun: bool,
    /// Bytes that have come and wait for more.
    waiting: usize,
    /// Nothing if it has to leave.
    owner: Option<T>,
}

impl<T> Held<T> {
    /// Whether it has had its time, if others wait.
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.since) >= if self.has_begun { PATIENCE } else { PATIENCE_WITH_THE_IDLE }
    }

    fn is_leaving(&self) -> bool {
        self.owner.is_none()
    }

    /// Whose bytes are counted together.
    fn network(&self) -> Source {
        self.who.source.site().unwrap_or(self.who.source)
    }
}

/// The half-open connections, the oldest first; each with something of its owner's that is given back to take its place away.
/// And those who wait for a place.
#[derive(Debug)]
pub struct Admission<T, W> {
    places: BTreeMap<Place, Held<T>>,
    turns: Turns<W>,
    regulars: Regulars,
    /// How many have to leave and have not left.
    leaving: usize,
    /// Bytes that wait over the places of those who stay.
    bytes: usize,
    last: u64,
}

impl<T, W> Default for Admission<T, W> {
    fn default() -> Self {
        let (places, turns, regulars) = (BTreeMap::new(), Turns::default(), Regulars::default());
        Self { places, turns, regulars, leaving: 0, bytes: 0, last: 0 }
    }
}

/// When a connection that has got its place at `now` must have logged in. Nothing it sends prolongs this.
#[must_use]
pub fn login_deadline(now: Timestamp) -> Timestamp {
    now + LOGIN_DEADLINE
}

impl<T, W> Admission<T, W> {
    /// Takes a newcomer, who gets a place now or later. `free` is how many connections there may be besides those that there
    /// are: where there may be none, somebody who waits has to go.
    ///
    /// # Errors
    /// [`Crowded`]: close it.
    pub fn admit(
        &mut self,
        source: Source,
        now: Timestamp,
        newcomer: W,
        free: usize,
    ) -> Result<Admitted<T, W>, Crowded> {
        let of_site = source.site().map_or(0, |site| self.turns.of_site(site));
        if self.turns.of_source(source) >= HALF_OPEN_PER_SOURCE || of_site >= HALF_OPEN_PER_SITE {
            return Err(Crowded::Source);
        }
        self.last += 1;
        let turn = self.last;
        let standing = if self.regulars.include(source) { Standing::Regular } else { Standing::Stranger };
        let who = Belonging { standing, source };
        let most = WAITING.min(self.turns.len().saturating_add(free));
        self.turns.wait(who, turn, newcomer);
        if self.turns.len() > most && self.turns.turn_away(who, turn) {
            return Err(Crowded::Everywhere);
        }
        let evicted = if self.places.len() < HALF_OPEN { None } else { self.evict(now) };
        Ok(Admitted { enters: self.next(), evicted })
    }

    /// Gives somebody a place whose turn it is. Call [`Admission::release`] once, when it has logged in or ended.
    pub fn enter(&mut self, Turn(who): Turn, now: Timestamp, owner: T) -> Place {
        self.last += 1;
        self.turns.enter(who, self.last);
        self.places.insert(self.last, Held { who, since: now, has_begun: false, waiting: 0, owner: Some(owner) });
        self.last
    }

    /// Whoever has this place has begun a login or a registration, which is counted elsewhere.
    pub fn begin(&mut self, place: Place) {
        if let Some(held) = self.places.get_mut(&place) {
            held.has_begun = true;
        }
    }

    /// What has come from whoever has this place, and waits for more, has so many bytes now. Who has to leave, if that is too
    /// much for all together: whoever has most of it, of the site or source that has.
    pub fn wait_for_more(&mut self, place: Place, bytes: usize) -> Option<(Place, T)> {
        let held = self.places.get_mut(&place).filter(|held| !held.is_leaving())?;
        let before = std::mem::replace(&mut held.waiting, bytes);
        self.bytes = self.bytes.saturating_sub(before).saturating_add(bytes);
        if self.bytes <= HALF_OPEN_BYTES {
            return None;
        }
        let stay = || self.places.iter().filter(|(_, held)| !held.is_leaving());
        let mut together: HashMap<Source, usize> = HashMap::new();
        stay().for_each(|(_, held)| *together.entry(held.network()).or_default() += held.waiting);
        let (fullest, _) = stay().max_by_key(|(_, held)| (together.get(&held.network()), held.waiting))?;
        self.vacate(*fullest)
    }

    /// Somebody has logged in from there.
    pub fn remember(&mut self, source: Source) {
        self.regulars.remember(source);
    }

    /// Whether this place has been held for long enough and others wait for it. Then it must be left.
    #[must_use]
    pub fn must_leave(&mut self, place: Place, now: Timestamp) -> bool {
        let is_over = self.places.get(&place).is_some_and(|held| held.is_over(now));
        is_over && self.leaving < self.turns.len() && self.vacate(place).is_some()
    }

    /// Who waits and may have a place.
    fn next(&mut self) -> Option<(Turn, W)> {
        if self.places.len() >= HALF_OPEN {
            return None;
        }
        self.turns.take_first().map(|(who, first)| (Turn(who), first))
    }

    /// The oldest connection of whoever has too many, unless it has begun a login and not had its time; or else the oldest of
    /// all that have had theirs. Nobody, if as many have to leave as wait.
    fn evict(&mut self, now: Timestamp) -> Option<(Place, T)> {
        if self.leaving >= self.turns.len() {
            return None;
        }
        let mut stay = self.places.iter().filter(|(_, held)| !held.is_leaving());
        let of_too_many = self.turns.has_too_many().and_then(|who| {
            let mut theirs = stay.clone().filter(|(_, held)| held.who == who);
            theirs.find(|(_, held)| !held.has_begun || held.is_over(now))
        });
        let (place, _) = of_too_many.or_else(|| stay.find(|(_, held)| held.is_over(now)))?;
        self.vacate(*place)
    }

    fn vacate(&mut self, place: Place) -> Option<(Place, T)> {
        let held = self.places.get_mut(&place)?;
        let owner = held.owner.take()?;
        self.bytes = self.bytes.saturating_sub(held.waiting);
        self.leaving += 1;
        self.last += 1;
        self.turns.leave(held.who, self.last);
        Some((place, owner))
    }

    /// The connection has logged in or ended: who gets its place now.
    pub fn release(&mut self, place: Place) -> Option<(Turn, W)> {
        let held = self.places.remove(&place)?;
        self.last += 1;
        if held.is_leaving() {
            self.leaving = self.leaving.saturating_sub(1);
        } else {
            self.bytes = self.bytes.saturating_sub(held.waiting);
            self.turns.leave(held.who, self.last);
        }
        self.next()
    }

    /// Half-open connections now, without those that wait.
    #[must_use]
    pub fn half_open(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests;
