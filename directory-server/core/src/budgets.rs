//! What requests cost, and what is left to whoever makes them (protocol section 9.3; threats L9 to L11, G4).
//!
//! Owns the counts of users, over all their sessions, and of sources, over all users that come from there. [`cost`] names
//! every message there is, so that a new one cannot be forgotten. How large a budget is stands in [`Policy`]; what a source
//! does before it logs in is in [`crate::sources`].

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use common::ident::UserId;
use common::limits::{Allowance, Budget};
use common::msg::{Member, ToDirectory};
use common::pace::Pace;
use common::window::{FixedWindow, Rate};

use crate::policy::Policy;
use crate::timestamp::Timestamp;
use common::network::Source;

/// Users or sources remembered before those who have done nothing for a while are forgotten: chosen arbitrarily.
const REMEMBERED: usize = 1024;

/// What a request draws from beside the budgets of requests and bytes, from which every one draws; nothing if it is
/// answered by what these allow.
pub(crate) fn cost(message: &ToDirectory) -> Option<(Budget, usize)> {
    let (budget, units) = match message {
        ToDirectory::LookupReq(_)
        | ToDirectory::ListReq(_)
        | ToDirectory::GroupReq(_)
        | ToDirectory::EpochsReq(_)
        | ToDirectory::BroadcastLogReq(_)
        | ToDirectory::Away(_) => (Budget::Names, 1),
        ToDirectory::TerminalsReq(request) => (Budget::Names, request.users.len()),
        ToDirectory::MeetReq(_) => (Budget::Meetings, 1),
        ToDirectory::Watch(watch) => (Budget::Watches, watch.users.len()),
        ToDirectory::MailboxPut(put) => (Budget::Messages, put.items.len()),
        ToDirectory::CommitReq(_) => (Budget::Commits, 1),
        // One at least, of these: the answer tells whether there is such a user.
        ToDirectory::KeyPackageReq(request) => (Budget::KeyPackages, request.terminals.len()),
        ToDirectory::KeyPackagePut(put) => (Budget::Published, put.packages.len()),
        ToDirectory::CertificatesReq(request) => (Budget::Certificates, request.members.len()),
        ToDirectory::BroadcastReq(_) => (Budget::Broadcasts, 1),
        ToDirectory::SuccessorsReq(request) => (Budget::Certificates, request.users.len()),
        ToDirectory::PasscodeReq(_) | ToDirectory::KeyReq(_) | ToDirectory::TerminalRemove(_) => (Budget::Passcodes, 1),
        // What they want is the terminal's own, or is bounded by its bytes.
        ToDirectory::MailboxReq(_)
        | ToDirectory::MailboxAck(_)
        | ToDirectory::WithdrawnAck(_)
        | ToDirectory::FetchReq(_)
        | ToDirectory::Upload(_)
        | ToDirectory::PasscodeUpload(_)
        | ToDirectory::KeyUpload(_)
        | ToDirectory::Ping(_)
        | ToDirectory::Pong(_)
        | ToDirectory::Logout(_) => return None,
        // Whatever belongs before login is counted there.
        ToDirectory::Hello(_)
        | ToDirectory::InviteReq(_)
        | ToDirectory::RegisterReq(_)
        | ToDirectory::RegisterUpload(_)
        | ToDirectory::FormerReq(_)
        | ToDirectory::AuthReq(_)
        | ToDirectory::AuthProof(_)
        | ToDirectory::SeenReq(_)
        | ToDirectory::Announce(_) => return None,
    };
    Some((budget, units.max(1)))
}

/// Who pays: a terminal for its user, and the source the session comes from unless that is not counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payer<'a> {
    pub(crate) member: &'a Member,
    pub(crate) source: Option<Source>,
}

/// What has been drawn by one user or terminal, or from one source.
#[derive(Debug, Default)]
struct Account {
    windows: [FixedWindow; Budget::ALL.len()],
    requests: Pace,
    bytes: Pace,
}

impl Account {
    fn count(&mut self, budget: Budget, units: u32, now: Duration, rate: Rate) -> Result<(), Duration> {
        // More than there ever is at once is as much as there is.
        let units = if rate.events == 0 { units } else { units.min(rate.events) };
        self.windows.get_mut(budget as usize).map_or(Ok(()), |window| window.count_many(units, now, rate))
    }

    fn spend(&mut self, budget: Budget, units: u32, now: Duration, rate: Rate) {
        if let Some(window) = self.windows.get_mut(budget as usize) {
            window.spend(units, now, rate);
        }
    }

    fn give_back(&mut self, budget: Budget, units: u32) {
        if let Some(window) = self.windows.get_mut(budget as usize) {
            window.give_back(units);
        }
    }

    fn is_idle(&self, now: Duration) -> bool {
        let mut windows = Budget::ALL.iter().zip(&self.windows);
        let over = windows.all(|(budget, window)| window.is_over(now, budget.allowance().per));
        over && self.requests.is_full(now) && self.bytes.is_full(now)
    }
}

/// The accounts of users, of terminals, or of sources.
#[derive(Debug)]
struct Accounts<K> {
    of: HashMap<K, Account>,
    /// So many are looked through for idle ones.
    looked_through_at: usize,
}

impl<K> Default for Accounts<K> {
    fn default() -> Self {
        Self { of: HashMap::new(), looked_through_at: REMEMBERED }
    }
}

impl<K: Eq + Hash + Clone> Accounts<K> {
    fn of(&mut self, key: &K, now: Duration) -> &mut Account {
        if self.of.len() >= self.looked_through_at && !self.of.contains_key(key) {
            self.of.retain(|_, account| !account.is_idle(now));
            // Twice what is left, so that looking through costs the same for each that came.
            self.looked_through_at = REMEMBERED.max(self.of.len().saturating_mul(2));
        }
        self.of.entry(key.clone()).or_default()
    }
}

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    users: Accounts<UserId>,
    /// For what changes the account: whoever has learnt the passcode must not use up what its owner needs to change it (threat
    /// L14). Terminals are bounded by what each of their logins takes.
    terminals: Accounts<Member>,
    sources: Accounts<Source>,
    refused: [u64; Budget::ALL.len()],
}

impl Budgets {
    /// Who has this budget: a user, or each terminal for itself.
    fn own(&mut self, member: &Member, budget: Budget, now: Duration) -> &mut Account {
        match budget {
            Budget::Passcodes => self.terminals.of(member, now),
            _ => self.users.of(&member.userid, now),
        }
    }

    /// Draws from the budget of the user, or of the terminal, and from that of the source.
    ///
    /// # Errors
    /// How long to wait, if either has too little left; then nothing is drawn.
    pub(crate) fn draw(
        &mut self,
        payer: Payer<'_>,
        (budget, units): (Budget, usize),
        now: Timestamp,
        policy: &Policy,
    ) -> Result<(), Duration> {
        let (now, allowance) = (now.elapsed(), policy.allowance(budget));
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let mut drawn = self.own(payer.member, budget, now).count(budget, units, now, allowance.of_user());
        if let (Ok(()), Some(source)) = (drawn, payer.source) {
            drawn = self.draw_from(source, (budget, units), now, allowance);
            if drawn.is_err() {
                self.own(payer.member, budget, now).give_back(budget, units);
            }
        }
        if let (Err(_), Some(refused)) = (drawn, self.refused.get_mut(budget as usize)) {
            *refused += 1;
        }
        drawn
    }

    /// Draws from the budget of the source and from that of its site.
    fn draw_from(
        &mut self,
        source: Source,
        (budget, units): (Budget, u32),
        now: Duration,
        allowance: Allowance,
    ) -> Result<(), Duration> {
        self.sources.of(&source, now).count(budget, units, now, allowance.of_source())?;
        let Some(site) = source.site() else { return Ok(()) };
        let drawn = self.sources.of(&site, now).count(budget, units, now, allowance.of_site());
        if drawn.is_err() {
            self.sources.of(&source, now).give_back(budget, units);
        }
        drawn
    }

    /// Draws what turns out to be the cost of something that was done: as much as there is left, of a source no more than one
    /// user has.
    pub(crate) fn charge(
        &mut self,
        payer: Payer<'_>,
        (budget, units): (Budget, usize),
        now: Timestamp,
        policy: &Policy,
    ) {
        let (now, allowance) = (now.elapsed(), policy.allowance(budget));
        let units = u32::try_from(units).unwrap_or(u32::MAX).min(allowance.user);
        if units == 0 {
            return;
        }
        self.own(payer.member, budget, now).spend(budget, units, now, allowance.of_user());
        let Some(source) = payer.source else { return };
        self.sources.of(&source, now).spend(budget, units, now, allowance.of_source());
        if let Some(site) = source.site() {
            self.sources.of(&site, now).spend(budget, units, now, allowance.of_site());
        }
    }

    /// Takes one message of so many bytes; how long to pause before the next is read.
    pub(crate) fn pace(&mut self, payer: Payer<'_>, bytes: usize, now: Timestamp, policy: &Policy) -> Duration {
        let now = now.elapsed();
        let (requests, size) = (policy.allowance(Budget::Requests), policy.allowance(Budget::Bytes));
        let pause = |account: &mut Account, requests: Rate, size: Rate| {
            account.requests.take(1, now, requests).max(account.bytes.take(bytes, now, size))
        };
        let of_user = pause(self.users.of(&payer.member.userid, now), requests.of_user(), size.of_user());
        let Some(source) = payer.source else { return of_user };
        let of_source = pause(self.sources.of(&source, now), requests.of_source(), size.of_source());
        let site = source.site();
        let of_site = site.map(|site| pause(self.sources.of(&site, now), requests.of_site(), size.of_site()));
        of_user.max(of_source).max(of_site.unwrap_or_default())
    }

    /// How often each budget had too little left.
    pub(crate) fn refused(&self) -> [u64; Budget::ALL.len()] {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_store::{NOW, member, policy, seconds};

    fn limited() -> Policy {
        Policy { requests_per_minute: 60, lookups_per_minute: 10, ..policy() }
    }

    fn source(n: u8) -> Option<Source> {
        Some(Source::of([192, 0, 2, n].into()))
    }

    #[test]
    fn a_user_has_one_budget_wherever_and_in_what_pieces_it_asks() {
        let (mut budgets, ali) = (Budgets::default(), member("ali"));
        let mut draw = |n: u8, units: usize, later: u64| {
            budgets.draw(
                Payer { member: &ali, source: source(n) },
                (Budget::Names, units),
                NOW + seconds(later),
                &limited(),
            )
        };
        assert_eq!(draw(1, 6, 0), Ok(()));
        assert_eq!(draw(2, 5, 1), Err(seconds(59)), "eleven");
        assert_eq!(draw(3, 4, 1), Ok(()), "what was refused was not counted");
        assert_eq!(draw(4, 1, 59), Err(seconds(1)));
        assert_eq!(draw(4, 64, 60), Ok(()), "as many as there are once are more than enough");
        assert_eq!(draw(4, 1, 61), Err(seconds(59)));
        assert_eq!(budgets.refused()[Budget::Names as usize], 3);
    }

    #[test]
    fn a_source_has_eight_users_room_and_what_it_refuses_costs_the_user_nothing() {
        let (mut budgets, office) = (Budgets::default(), source(1));
        let names = |n: u8| member(&format!("u{n}"));
        let mut draw = |n: u8, from: Option<Source>| {
            budgets.draw(Payer { member: &names(n), source: from }, (Budget::Names, 10), NOW, &limited())
        };
        for n in 0..8 {
            assert_eq!(draw(n, office), Ok(()));
        }
        assert_eq!(draw(8, office), Err(seconds(60)));
        assert_eq!(draw(8, source(2)), Ok(()), "from elsewhere");
        assert_eq!(draw(9, None), Ok(()), "from where nothing is counted");
        assert_eq!(draw(9, None), Err(seconds(60)), "but the user is");
    }

    #[test]
    fn what_turns_out_to_cost_more_leaves_a_user_nothing_and_the_other_users_of_the_source_their_part() {
        let mut budgets = Budgets::default();
        let mut put = |n: u8, reports: usize| {
            let id = member(&format!("u{n}"));
            let payer = Payer { member: &id, source: source(1) };
            let drawn = budgets.draw(payer, (Budget::Messages, 1), NOW, &limited());
            budgets.charge(payer, (Budget::Messages, reports), NOW, &limited());
            drawn
        };
        assert_eq!(put(1, 1_198), Ok(()));
        assert_eq!(put(1, usize::MAX), Ok(()));
        assert_eq!(put(1, 0), Err(seconds(60)));
        for n in 2..7 {
            assert_eq!(put(n, usize::MAX), Ok(()), "{n}");
        }
        assert_eq!(put(8, 0), Ok(()), "of somebody else there");
    }

    #[test]
    fn a_site_has_eight_sources_room() {
        let mut budgets = Budgets::default();
        let mut draw = |site: u16, n: u16| {
            let source = Source::of(std::net::Ipv6Addr::new(0x2001, 0xdb8, site, n, 0, 0, 0, 1).into());
            let (id, cost) = (member(&format!("u{site}-{n}")), (Budget::Names, 10));
            budgets.draw(Payer { member: &id, source: Some(source) }, cost, NOW, &limited())
        };
        assert_eq!((0..100).filter(|n| draw(1, *n).is_ok()).count(), 64);
        assert_eq!(draw(2, 0), Ok(()));
    }

    #[test]
    fn whoever_sends_too_fast_waits_over_all_sessions_and_loses_nothing() {
        let (mut budgets, ali) = (Budgets::default(), member("ali"));
        let payer = Payer { member: &ali, source: None };
        let Allowance { user: units, .. } = limited().allowance(Budget::Requests);
        assert_eq!(units, 60);
        for _ in 0..60 {
            assert_eq!(budgets.pace(payer, 100, NOW, &limited()), Duration::ZERO);
        }
        assert_eq!(budgets.pace(payer, 100, NOW, &limited()), seconds(1));
        assert_eq!(budgets.pace(payer, 100, NOW + seconds(1), &limited()), seconds(1));
        let bytes = limited().allowance(Budget::Bytes).user as usize;
        assert_eq!(budgets.pace(payer, bytes, NOW + seconds(600), &limited()), Duration::ZERO);
        assert!(budgets.pace(payer, bytes, NOW + seconds(600), &limited()) > seconds(500));
        assert_eq!(budgets.pace(payer, bytes, NOW, &policy()), Duration::ZERO, "no limit");
    }

    #[test]
    fn accounts_that_did_nothing_lately_are_forgotten() {
        let mut budgets = Budgets::default();
        let mut draw = |n: usize, later: u64| {
            let (id, budget) = (member(&format!("u{n}")), (Budget::Names, 1));
            let drawn = budgets.draw(Payer { member: &id, source: None }, budget, NOW + seconds(later), &limited());
            assert_eq!(drawn, Ok(()));
            budgets.users.of.len()
        };
        for n in 0..REMEMBERED {
            draw(n, 0);
        }
        assert_eq!(draw(REMEMBERED, 59), REMEMBERED + 1, "nobody is idle");
        assert_eq!(draw(REMEMBERED + 1, 61), REMEMBERED + 2, "not looked through yet");
        for n in REMEMBERED + 2..2 * REMEMBERED {
            draw(n, 62);
        }
        assert!(draw(2 * REMEMBERED, 1_000) < REMEMBERED);
    }
}
