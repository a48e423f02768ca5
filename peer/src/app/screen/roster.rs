//! Who and which groups there are, as far as this terminal was told.

use std::collections::BTreeMap;

use common::ident::{GroupName, UserId};
use common::msg::PresenceStatus;

use peer_core::notice::{KeyState, ListedGroup, Person};
use peer_core::persistence::Conversation;

/// Where somebody is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Here {
    /// Online, since this moment where that is known.
    Online {
        since: Option<u64>,
    },
    /// Away, with this text.
    Away(String),
    Offline,
    /// Nobody has said.
    #[default]
    Unknown,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) here: Here,
    pub(crate) key: KeyState,
}

impl Default for Known {
    fn default() -> Self {
        Self { here: Here::Unknown, key: KeyState::NotVerified }
    }
}

/// What the person is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Membership {
    Member(ListedGroup),
    /// Asked for admission.
    Pending,
}

/// Everybody.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) people: BTreeMap<UserId, Known>,
    pub(crate) groups: BTreeMap<GroupName, Membership>,
}

impl Roster {
    /// Takes over what the directory has listed. Whoever is not in it any more is not forgotten, but not there either.
    pub(super) fn listed(&mut self, people: &[Person], groups: Vec<ListedGroup>) {
        for known in self.people.values_mut() {
            known.here = Here::Offline;
        }
        for person in people {
            let here = match (&person.away, person.online_since) {
                (Some(text), Some(_)) => Here::Away(text.clone()),
                (None, Some(since)) => Here::Online { since: Some(since) },
                (_, None) => Here::Offline,
            };
            self.people.insert(person.user.clone(), Known { here, key: person.key });
        }
        self.groups.retain(|_, membership| *membership == Membership::Pending);
        self.groups.extend(groups.into_iter().map(|group| (group.group.clone(), Membership::Member(group))));
    }

    pub(super) fn presence(&mut self, user: &UserId, status: PresenceStatus, text: Option<&str>, date: u64) {
        let known = self.people.entry(user.clone()).or_default();
        known.here = match status {
            PresenceStatus::Online => Here::Online { since: Some(date) },
            PresenceStatus::Away => Here::Away(text.unwrap_or_default().to_owned()),
            PresenceStatus::Offline => Here::Offline,
            PresenceStatus::Other => return,
        };
    }

    pub(super) fn meet(&mut self, user: &UserId) -> &mut Known {
        self.people.entry(user.clone()).or_default()
    }

    pub(crate) fn known(&self, user: &UserId) -> Known {
        self.people.get(user).cloned().unwrap_or_default()
    }

    /// People by where they are and their ids.
    pub(crate) fn people(&self) -> Vec<(&UserId, &Known)> {
        let mut people: Vec<_> = self.people.iter().collect();
        people.sort_by_key(|(user, known)| {
            let rank = match known.here {
                Here::Online { .. } => 0,
                Here::Away(_) => 1,
                Here::Offline => 2,
                Here::Unknown => 3,
            };
            (rank, *user)
        });
        people
    }

    /// All conversations there can be, in the order of the list.
    pub(crate) fn conversations(&self) -> Vec<Conversation> {
        let people = self.people().into_iter().map(|(user, _)| Conversation::User(user.clone()));
        let groups = self.groups.keys().cloned().map(Conversation::Group);
        people.chain(groups).chain([Conversation::Everyone]).collect()
    }
}
