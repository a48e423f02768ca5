//! Who hears of it when somebody comes, goes or is away (protocol section 6.5, threat L10).
//!
//! Owns which session watches whom. A change costs as many messages as there are sessions that may hear of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::ident::UserId;
use common::limits::WATCHED;

use crate::outbound::OutboundQueue;

/// Users that may be present for everybody to hear of everybody, where the directory decides by itself.
pub const SMALL: usize = 100;

/// Who may hear of whom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody as long as at most [`SMALL`] users are present, then contacts.
    #[default]
    Auto,
    /// Whoever watches a user, and everybody as long as at most [`SMALL`] users are present.
    Everyone,
    /// Whoever watches a user that watches them too.
    Contacts,
}

/// Who hears of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Every session.
    Everybody,
    /// Every session that watches the user.
    Watchers,
    /// Sessions that watch the user, of users whom that user watches.
    Mutual,
}

impl Visibility {
    /// Where many are present, nobody hears of users they do not watch: what a login costs must not grow with them.
    pub(super) fn audience(self, present: usize) -> Audience {
        match self {
            Self::Auto | Self::Everyone if present <= SMALL => Audience::Everybody,
            Self::Everyone => Audience::Watchers,
            Self::Auto | Self::Contacts => Audience::Mutual,
        }
    }
}

#[derive(Debug)]
struct Subscriber {
    user: UserId,
    outbound: Arc<OutboundQueue>,
    watches: BTreeSet<UserId>,
}

/// All sessions and whom they watch.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    sessions: BTreeMap<u64, Subscriber>,
    of_user: BTreeMap<UserId, BTreeSet<u64>>,
    watchers: BTreeMap<UserId, BTreeSet<u64>>,
}

impl Subscriptions {
    /// A session begins.
    pub(super) fn join(&mut self, session: u64, user: &UserId, outbound: Arc<OutboundQueue>) {
        self.of_user.entry(user.clone()).or_default().insert(session);
        self.sessions.insert(session, Subscriber { user: user.clone(), outbound, watches: BTreeSet::new() });
    }

    /// A session watches further users, as many as it may; those that are new are given back.
    pub(super) fn watch(&mut self, session: u64, users: Vec<UserId>) -> Vec<UserId> {
        let Some(watching) = self.sessions.get_mut(&session) else { return Vec::new() };
        let mut new = Vec::new();
        for user in users {
            if watching.watches.len() < WATCHED && watching.watches.insert(user.clone()) {
                self.watchers.entry(user.clone()).or_default().insert(session);
                new.push(user);
            }
        }
        new
    }

    /// The sessions that hear of a change of `user`; the user's own sessions always.
    pub(super) fn audience(&self, user: &UserId, audience: Audience) -> Vec<Arc<OutboundQueue>> {
        if audience == Audience::Everybody {
            return self.sessions.values().map(|session| Arc::clone(&session.outbound)).collect();
        }
        let own = self.of_user.get(user).into_iter().flatten();
        let watchers = self.watchers.get(user).into_iter().flatten();
        let may_know = |id: &&u64| {
            audience == Audience::Watchers
                || self.sessions.get(*id).is_some_and(|session| self.watches(user, &session.user))
        };
        let told: BTreeSet<u64> = own.chain(watchers.filter(may_know)).copied().collect();
        told.iter().filter_map(|id| self.sessions.get(id)).map(|session| Arc::clone(&session.outbound)).collect()
    }

    /// Whether a session of `user` watches `other`.
    pub(super) fn watches(&self, user: &UserId, other: &UserId) -> bool {
        let sessions = self.of_user.get(user).into_iter().flatten();
        sessions.filter_map(|id| self.sessions.get(id)).any(|session| session.watches.contains(other))
    }

    /// The sessions of a user.
    pub(super) fn of(&self, user: &UserId) -> Vec<Arc<OutboundQueue>> {
        let sessions = self.of_user.get(user).into_iter().flatten();
        sessions.filter_map(|id| self.sessions.get(id)).map(|session| Arc::clone(&session.outbound)).collect()
    }

    pub(super) fn outbound(&self, session: u64) -> Option<Arc<OutboundQueue>> {
        self.sessions.get(&session).map(|session| Arc::clone(&session.outbound))
    }

    /// A session ends. Who hears of it must be asked for before.
    pub(super) fn leave(&mut self, id: u64) {
        let Some(session) = self.sessions.remove(&id) else { return };
        let forget = |index: &mut BTreeMap<UserId, BTreeSet<u64>>, user: &UserId| {
            if let Some(sessions) = index.get_mut(user) {
                sessions.remove(&id);
                if sessions.is_empty() {
                    index.remove(user);
                }
            }
        };
        forget(&mut self.of_user, &session.user);
        session.watches.iter().for_each(|user| forget(&mut self.watchers, user));
    }

    /// Every session but those of `user`.
    pub(super) fn all_but(&self, user: &UserId) -> Vec<Arc<OutboundQueue>> {
        let others = self.sessions.values().filter(|session| session.user != *user);
        others.map(|session| Arc::clone(&session.outbound)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::parse(id).unwrap()
    }

    fn session(watches: &mut Subscriptions, id: u64, of: &str) -> Arc<OutboundQueue> {
        let outbound = Arc::<OutboundQueue>::default();
        watches.join(id, &user(of), Arc::clone(&outbound));
        outbound
    }

    fn is_told(audience: &[Arc<OutboundQueue>], who: &Arc<OutboundQueue>) -> bool {
        audience.iter().any(|outbound| Arc::ptr_eq(outbound, who))
    }

    #[test]
    fn contacts_are_told_of_each_other_and_nobody_else_is() {
        let mut watches = Subscriptions::default();
        let [ali, bianca, carol] =
            [(1, "ali"), (2, "bianca"), (3, "carol")].map(|(id, of)| session(&mut watches, id, of));
        watches.watch(1, vec![user("bianca")]);
        watches.watch(3, vec![user("bianca")]);
        assert!(!is_told(&watches.audience(&user("bianca"), Audience::Mutual), &ali), "bianca does not watch ali");
        watches.watch(2, vec![user("ali")]);
        let audience = watches.audience(&user("bianca"), Audience::Mutual);
        assert!(is_told(&audience, &ali) && is_told(&audience, &bianca) && !is_told(&audience, &carol));
        assert_eq!(watches.audience(&user("bianca"), Audience::Everybody).len(), 3);
        watches.leave(1);
        assert_eq!(watches.audience(&user("bianca"), Audience::Mutual).len(), 1);
        assert!(watches.watchers.get(&user("bianca")).is_some_and(|sessions| sessions.len() == 1));
    }

    #[test]
    fn the_cost_of_a_change_is_the_number_of_those_who_are_told() {
        let mut watches = Subscriptions::default();
        for id in 0..2_000 {
            session(&mut watches, id, &format!("u{id}"));
        }
        session(&mut watches, 5_000, "ali");
        for id in 0..1_000 {
            watches.watch(id, vec![user("ali")]);
        }
        watches.watch(5_000, (0..500).map(|id| user(&format!("u{id}"))).collect());
        assert_eq!(watches.audience(&user("ali"), Audience::Mutual).len(), 501);
    }

    #[test]
    fn a_session_watches_so_many_and_no_more() {
        let mut watches = Subscriptions::default();
        session(&mut watches, 1, "ali");
        let many = (0..WATCHED + 5).map(|n| user(&format!("u{n}"))).collect();
        assert_eq!(watches.watch(1, many).len(), WATCHED);
        assert_eq!(watches.watch(1, vec![user("u1"), user("late")]), []);
    }
}
