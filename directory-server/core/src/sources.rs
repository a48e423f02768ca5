//! What a source of connections has done lately, and what it may still do (threats L3, L8, L9).
//!
//! A source is an IPv4 address or an IPv6 /64; what one may not do, all of a site may not do much more of. Owns penalties in the manner of OpenSSH's PerSourcePenalties, and the
//! counts of logins and registrations. Bounded: when full, the sources whose record would lapse soonest are forgotten.

use std::collections::HashMap;
use std::time::Duration;

use common::limits::{Allowance, Budget, SOURCES_OF_A_SITE, SOURCES_REMEMBERED};
use common::network::Source;
use common::window::{FixedWindow, Rate};

use crate::timestamp::Timestamp;

/// Whether penalties and budgets of sources apply to loopback addresses. The limits on half-open connections always do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoopbackRule {
    /// They do not: everyone on this machine shares these addresses, so what one does there must not be laid to another.
    #[default]
    Exempt,
    /// They do: what comes from there comes through a proxy or a tunnel, from anywhere.
    Counted,
}

/// Something a source is penalised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// A passcode that was wrong, or an attempt while locked.
    LoginFailed,
    /// A connection that ended without login, having asked nothing or before its request was answered to the end.
    LeftWithoutLogin,
    /// A connection that used up the time, or the frames, of a login.
    TooSlow,
}

impl Misbehaviour {
    /// Chosen so that the four tries of one user stay below [`ENFORCED_FROM`]; the rest after OpenSSH's defaults.
    const fn penalty(self) -> Duration {
        Duration::from_secs(match self {
            Self::LoginFailed => 3,
            Self::LeftWithoutLogin => 1,
            Self::TooSlow => 10,
        })
    }
}

/// Penalties add up unnoticed until they reach this; then the source is refused until they have run off.
pub const ENFORCED_FROM: Duration = Duration::from_secs(15);
/// Penalties never add up to more than this.
pub const LONGEST_PENALTY: Duration = Duration::from_secs(600);
/// What is counted of a source before login.
const COUNTED: [Budget; 4] = [Budget::Questions, Budget::Logins, Budget::Failures, Budget::Registrations];

#[derive(Debug, Clone, Copy, Default)]
struct Record {
    penalty_until: Option<Timestamp>,
    enforced: bool,
    windows: [FixedWindow; COUNTED.len()],
}

impl Record {
    fn lapses(&self) -> Option<Timestamp> {
        let windows =
            COUNTED.iter().zip(&self.windows).filter_map(|(budget, window)| window.ends(budget.allowance().per));
        windows.map(Timestamp::since_epoch).chain(self.penalty_until).max()
    }

    fn window(&mut self, budget: Budget) -> Option<&mut FixedWindow> {
        COUNTED.iter().position(|counted| *counted == budget).and_then(|at| self.windows.get_mut(at))
    }
}

/// The sources seen lately.
#[derive(Debug, Default)]
pub struct Sources {
    records: HashMap<Source, Record>,
    loopback: LoopbackRule,
}

impl Sources {
    /// Nobody has done anything yet.
    #[must_use]
    pub fn new(loopback: LoopbackRule) -> Self {
        Self { records: HashMap::new(), loopback }
    }

    /// Whether this machine is counted from now on.
    pub fn set_loopback(&mut self, loopback: LoopbackRule) {
        self.loopback = loopback;
        if loopback == LoopbackRule::Exempt {
            self.records.retain(|source, _| !source.is_loopback());
        }
    }

    /// How long this source is refused from `now` on; nothing if it is not.
    #[must_use]
    pub fn refused_for(&self, source: Source, now: Timestamp) -> Option<Duration> {
        let refused = |counted| {
            let record = self.records.get(&counted).filter(|record| record.enforced)?;
            Some(record.penalty_until?.since(now)).filter(|left| !left.is_zero())
        };
        refused(source).max(source.site().and_then(refused))
    }

    /// Adds a penalty; and a part of it to the site.
    pub fn penalise(&mut self, source: Source, misbehaviour: Misbehaviour, now: Timestamp) {
        self.add(source, misbehaviour.penalty(), now);
        if let Some(site) = source.site() {
            self.add(site, misbehaviour.penalty() / SOURCES_OF_A_SITE, now);
        }
    }

    fn add(&mut self, counted: Source, penalty: Duration, now: Timestamp) {
        let Some(record) = self.record(counted, now) else { return };
        let running = record.penalty_until.filter(|until| *until > now);
        record.enforced &= running.is_some();
        let until = (running.unwrap_or(now) + penalty).min(now + LONGEST_PENALTY);
        record.penalty_until = Some(until);
        record.enforced |= until.since(now) >= ENFORCED_FROM;
    }

    /// Draws one unit from a budget of those before login, of the source and of its site.
    ///
    /// # Errors
    /// The time to wait, if either has none left; then nothing is drawn.
    pub fn draw(
        &mut self,
        source: Source,
        now: Timestamp,
        budget: Budget,
        allowance: Allowance,
    ) -> Result<(), Duration> {
        self.draw_from(source, now, budget, allowance.of_source())?;
        let Some(site) = source.site() else { return Ok(()) };
        let drawn = self.draw_from(site, now, budget, allowance.of_site());
        if drawn.is_err() {
            self.give_back_to(source, budget);
        }
        drawn
    }

    fn draw_from(&mut self, counted: Source, now: Timestamp, budget: Budget, rate: Rate) -> Result<(), Duration> {
        let window = self.record(counted, now).and_then(|record| record.window(budget));
        window.map_or(Ok(()), |window| window.count(now.elapsed(), rate))
    }

    /// Gives back a unit that was drawn and is not to be counted.
    pub fn give_back(&mut self, source: Source, budget: Budget) {
        self.give_back_to(source, budget);
        if let Some(site) = source.site() {
            self.give_back_to(site, budget);
        }
    }

    fn give_back_to(&mut self, counted: Source, budget: Budget) {
        if let Some(window) = self.records.get_mut(&counted).and_then(|record| record.window(budget)) {
            window.give_back(1);
        }
    }

    fn record(&mut self, source: Source, now: Timestamp) -> Option<&mut Record> {
        if source.is_loopback() && self.loopback == LoopbackRule::Exempt {
            return None;
        }
        if self.records.len() >= SOURCES_REMEMBERED && !self.records.contains_key(&source) {
            self.forget(now);
        }
        Some(self.records.entry(source).or_default())
    }

    /// Forgets what has lapsed, or else the sixteenth that lapses soonest; so a flood of sources pays for the sorting
    /// once in 4,096 times.
    fn forget(&mut self, now: Timestamp) {
        self.records.retain(|_, record| record.lapses().is_some_and(|lapses| lapses > now));
        if self.records.len() < SOURCES_REMEMBERED {
            return;
        }
        let mut lapses: Vec<_> = self.records.iter().map(|(source, record)| (record.lapses(), *source)).collect();
        lapses.sort_unstable();
        for (_, source) in lapses.into_iter().take(SOURCES_REMEMBERED / 16) {
            self.records.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn four_wrong_passcodes_do_not_shut_a_source_out_and_five_do() {
        let mut sources = Sources::default();
        let office = source("192.0.2.7");
        for _ in 0..4 {
            sources.penalise(office, Misbehaviour::LoginFailed, NOW);
        }
        assert_eq!(sources.refused_for(office, NOW), None);
        sources.penalise(office, Misbehaviour::LoginFailed, NOW);
        assert_eq!(sources.refused_for(office, NOW), Some(Duration::from_secs(15)));
        assert_eq!(sources.refused_for(office, NOW + Duration::from_secs(15)), None);
        assert_eq!(sources.refused_for(source("192.0.2.8"), NOW), None);
    }

    #[test]
    fn penalties_end_after_ten_minutes_however_many_there_were() {
        let mut sources = Sources::default();
        for _ in 0..1000 {
            sources.penalise(source("192.0.2.7"), Misbehaviour::TooSlow, NOW);
        }
        assert_eq!(sources.refused_for(source("192.0.2.7"), NOW), Some(LONGEST_PENALTY));
    }

    fn draw(sources: &mut Sources, from: Source, now: Timestamp, budget: Budget) -> Result<(), Duration> {
        sources.draw(from, now, budget, budget.allowance())
    }

    #[test]
    fn loopback_is_penalised_and_counted_where_the_administrator_wants_it() {
        let here = source("127.0.0.2");
        let mut sources = Sources::default();
        let busy = |sources: &mut Sources| {
            for _ in 0..100 {
                sources.penalise(here, Misbehaviour::LoginFailed, NOW);
            }
            (0..100).filter(|_| draw(sources, here, NOW, Budget::Registrations).is_ok()).count()
        };
        assert_eq!(busy(&mut sources), 100);
        assert_eq!(sources.refused_for(here, NOW), None);
        assert!(sources.records.is_empty());
        sources.set_loopback(LoopbackRule::Counted);
        assert_eq!(busy(&mut sources), 3);
        assert_eq!(sources.refused_for(here, NOW), Some(Duration::from_secs(300)));
        sources.set_loopback(LoopbackRule::Exempt);
        assert_eq!(sources.refused_for(here, NOW), None);
    }

    #[test]
    fn a_source_registers_three_times_an_hour() {
        let mut sources = Sources::default();
        let office = source("192.0.2.7");
        let mut register =
            |later: u64| draw(&mut sources, office, NOW + Duration::from_secs(later), Budget::Registrations);
        assert_eq!([register(0), register(0), register(0)], [Ok(()); 3]);
        assert_eq!(register(600), Err(Duration::from_secs(3000)));
        assert_eq!(register(3600), Ok(()));
    }

    /// A source that guesses all day, as fast as its penalties and budgets let it, each time at another id.
    #[test]
    fn a_source_has_a_thousand_failures_a_day_over_all_ids_and_successes_are_given_back() {
        let mut sources = Sources::default();
        let office = source("192.0.2.7");
        let (mut now, mut days) = (NOW, [0; 3]);
        while now.since(NOW) < Duration::from_secs(3 * 86_400) {
            let refused = sources.refused_for(office, now).map_or(Ok(()), Err);
            match refused.and_then(|()| draw(&mut sources, office, now, Budget::Failures)) {
                Ok(()) => {
                    days[(now.since(NOW).as_secs() / 86_400) as usize] += 1;
                    sources.penalise(office, Misbehaviour::LoginFailed, now);
                }
                Err(wait) => now = now + wait,
            }
        }
        assert_eq!(days, [1000; 3]);
        for _ in 0..5_000 {
            sources.give_back(office, Budget::Failures);
            assert_eq!(draw(&mut sources, office, now, Budget::Failures), Ok(()));
        }
    }

    #[test]
    fn a_site_has_eight_times_what_a_source_has_however_many_sources_it_has() {
        let of_site = |n: u16| Source::of(std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, n, 0, 0, 0, 1).into());
        let mut sources = Sources::default();
        let drawn = (0..1_000).filter(|n| draw(&mut sources, of_site(*n), NOW, Budget::Registrations).is_ok());
        assert_eq!(drawn.count(), 24);
        assert_eq!(draw(&mut sources, source("2001:db8:2::1"), NOW, Budget::Registrations), Ok(()));
        sources.give_back(of_site(0), Budget::Registrations);
        assert_eq!(draw(&mut sources, of_site(2_000), NOW, Budget::Registrations), Ok(()));
        let wait = Duration::from_secs(3600);
        assert_eq!(draw(&mut sources, of_site(3_000), NOW, Budget::Registrations), Err(wait));
        // What the site had no room for has cost the source nothing.
        assert_eq!(draw(&mut sources, of_site(3_000), NOW + wait, Budget::Registrations), Ok(()));

        let refused = |sources: &mut Sources, n| {
            sources.penalise(of_site(n), Misbehaviour::LoginFailed, NOW);
            sources.refused_for(of_site(n), NOW)
        };
        assert!((0..39).all(|n| refused(&mut sources, n).is_none()));
        assert_eq!(refused(&mut sources, 39), Some(ENFORCED_FROM));
        assert_eq!(sources.refused_for(source("2001:db8:2::1"), NOW), None);
    }

    #[test]
    fn a_flood_of_sources_forgets_old_ones_but_not_the_worst() {
        let mut sources = Sources::default();
        let worst = source("192.0.2.7");
        for _ in 0..5 {
            sources.penalise(worst, Misbehaviour::TooSlow, NOW);
        }
        for flood in 0..SOURCES_REMEMBERED as u32 * 2 {
            sources.penalise(Source::of(IpAddr::V4(flood.to_be().into())), Misbehaviour::LeftWithoutLogin, NOW);
            assert!(sources.records.len() <= SOURCES_REMEMBERED);
        }
        assert!(sources.refused_for(worst, NOW).is_some());
    }

    #[test]
    fn each_misbehaviour_costs_what_it_costs_and_is_enforced_from_fifteen_seconds_on() {
        for (misbehaviour, unnoticed, seconds) in
            [(Misbehaviour::LoginFailed, 4, 3), (Misbehaviour::LeftWithoutLogin, 14, 1), (Misbehaviour::TooSlow, 1, 10)]
        {
            let (mut sources, office) = (Sources::default(), source("192.0.2.7"));
            for _ in 0..unnoticed {
                sources.penalise(office, misbehaviour, NOW);
                assert_eq!(sources.refused_for(office, NOW), None, "{misbehaviour:?}");
            }
            sources.penalise(office, misbehaviour, NOW);
            let total = Duration::from_secs(seconds * (unnoticed + 1));
            assert_eq!(sources.refused_for(office, NOW), Some(total), "{misbehaviour:?}");
            // What has run off is not counted again.
            sources.penalise(office, misbehaviour, NOW + total);
            assert_eq!(sources.refused_for(office, NOW + total), None, "{misbehaviour:?}");
        }
    }

    #[test]
    fn logins_of_a_source_are_counted_by_the_minute_and_not_at_all_without_a_limit() {
        let (mut sources, office) = (Sources::default(), source("192.0.2.7"));
        let mut login = |later: u64, source: u32| {
            let allowance = Allowance { source, ..Budget::Logins.allowance() };
            sources.draw(office, NOW + Duration::from_secs(later), Budget::Logins, allowance)
        };
        assert!((0..1000).all(|_| login(0, 0).is_ok()));
        assert_eq!([(); 2].map(|()| login(0, 2)), [Ok(()); 2]);
        assert_eq!(login(59, 2), Err(Duration::from_secs(1)));
        assert_eq!(login(60, 2), Ok(()));
    }
}
