//! Bounds what callers can cause: lookups, and lines on the screen (threat P3).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use common::ident::KeyDigest;
use common::msg::ConnectRefusal;
use common::window::{FixedWindow, Rate};

use crate::verify::Claim;

/// How long a refusal is remembered, so that the same stranger does not cost another lookup (threat P3), in seconds.
pub(super) const REFUSAL_KEPT: u64 = 60;
/// Refusals remembered at most.
pub(super) const REFUSALS: usize = 1024;
/// Refusals a user is told of within [`REFUSAL_KEPT`]: chosen arbitrarily, enough to notice an attack.
pub(super) const REFUSALS_TOLD: u32 = 5;
/// Lookups that callers may cause within [`REFUSAL_KEPT`]: one key or source …
pub(super) const LOOKUPS_OF_ONE: usize = 20;
/// … all strangers together …
pub(super) const LOOKUPS_OF_ALL: usize = 60;
/// … and all contacts. A directory allows 120 in that time, so some stay for the user's own calls.
pub(super) const LOOKUPS_OF_CONTACTS: usize = 40;

/// Who calls, as far as that is known before the directory is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Whoever comes with a key.
    Stranger,
    /// A contact with the pinned key. Nobody else can have it, so a crowd of strangers does not keep contacts out.
    Contact,
}

/// A caller as the network shows it, whoever it claims to be.
type Stranger = (KeyDigest, IpAddr);

/// What callers have caused within [`REFUSAL_KEPT`]. Lookups are counted one by one and not by a window that begins
/// again: twice as many at its border would be all that the directory allows.
#[derive(Debug, Default)]
pub(super) struct CallerLimiter {
    /// Until when a key from an address is refused without another lookup, and why.
    refused: BTreeMap<Stranger, (u64, ConnectRefusal)>,
    looked_up: VecDeque<(u64, Stranger, Standing)>,
    told: FixedWindow,
}

impl CallerLimiter {
    /// Why this caller was refused, if that was a short time ago.
    pub(super) fn refused_lately(&self, claim: &Claim, tick: u64) -> Option<ConnectRefusal> {
        self.refused.get(&claim.stranger()).filter(|(until, _)| tick < *until).map(|(_, why)| *why)
    }

    /// Remembers that this caller was refused.
    pub(super) fn remember(&mut self, claim: &Claim, why: ConnectRefusal, tick: u64) {
        if self.refused.len() >= REFUSALS {
            self.refused.retain(|_, (until, _)| tick < *until);
        }
        if self.refused.len() < REFUSALS {
            self.refused.insert(claim.stranger(), (tick + REFUSAL_KEPT, why));
        }
    }

    /// Forgets whom it refused, because the user has decided about a key.
    pub(super) fn forgive(&mut self) {
        self.refused.clear();
    }

    /// Whether this caller may cost a lookup.
    pub(super) fn may_look_up(&mut self, claim: &Claim, standing: Standing, tick: u64) -> bool {
        while self.looked_up.front().is_some_and(|(then, ..)| then + REFUSAL_KEPT <= tick) {
            self.looked_up.pop_front();
        }
        let (key, source) = claim.stranger();
        let alike = || self.looked_up.iter().filter(|(_, _, other)| *other == standing);
        // Contacts may share an address with strangers.
        let is_one = |k: KeyDigest, s: IpAddr| k == key || standing == Standing::Stranger && s == source;
        let of_one = alike().filter(|(_, (k, s), _)| is_one(*k, *s)).count();
        let most = match standing {
            Standing::Stranger => LOOKUPS_OF_ALL,
            Standing::Contact => LOOKUPS_OF_CONTACTS,
        };
        let may = of_one < LOOKUPS_OF_ONE && alike().count() < most;
        if may {
            self.looked_up.push_back((tick, (key, source), standing));
        }
        may
    }

    /// Whether the user is to be told of another refusal, so that nobody can fill the screen with them.
    pub(super) fn may_tell(&mut self, tick: u64) -> bool {
        let rate = Rate { events: REFUSALS_TOLD, per: Duration::from_secs(REFUSAL_KEPT) };
        self.told.count(Duration::from_secs(tick), rate).is_ok()
    }
}
