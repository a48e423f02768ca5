//! Who and which groups there are, as far as this terminal was told.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{GroupName, UserId};
use common::msg::PresenceStatus;

use peer_core::model::Conversation;
use peer_core::notice::{GroupNews, KeyState, ListedGroup, Person};

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

/// What the user is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Membership {
    Member(ListedGroup),
    /// Asked for admission.
    Pending,
}

/// Everybody.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Without the user of this terminal.
    others: BTreeMap<UserId, Known>,
    pub(crate) groups: BTreeMap<GroupName, Membership>,
    /// Ids that exist for sure: their users were listed, seen, or wrote.
    existing: BTreeSet<UserId>,
    /// Who went offline while this terminal was logged in, and when.
    gone: BTreeMap<UserId, u64>,
    /// Members of groups, as last asked.
    members: BTreeMap<GroupName, Vec<UserId>>,
    /// Safety numbers, as last asked.
    numbers: BTreeMap<UserId, String>,
}

impl People {
    /// Takes over what the directory has listed. Whoever is not in it any more is not forgotten, but not there either.
    pub(super) fn listed(&mut self, me: &UserId, people: &[Person], groups: &[ListedGroup]) {
        for known in self.others.values_mut() {
            known.here = Here::Offline;
        }
        for person in people {
            let here = match (&person.away, person.online_since) {
                (Some(text), Some(_)) => Here::Away(text.clone()),
                (None, Some(since)) => Here::Online { since: Some(since) },
                (_, None) => Here::Offline,
            };
            self.existing.insert(person.user.clone());
            self.others.insert(person.user.clone(), Known { here, key: person.key });
        }
        self.others.remove(me);
        self.groups.retain(|_, membership| *membership == Membership::Pending);
        let member = |group: &ListedGroup| (group.group.clone(), Membership::Member(group.clone()));
        self.groups.extend(groups.iter().map(member));
    }

    pub(super) fn presence(
        &mut self,
        me: &UserId,
        user: &UserId,
        status: PresenceStatus,
        text: Option<&str>,
        date: u64,
    ) {
        self.existing.insert(user.clone());
        match status {
            PresenceStatus::Offline => drop(self.gone.insert(user.clone(), date)),
            PresenceStatus::Online | PresenceStatus::Away | PresenceStatus::Other => drop(self.gone.remove(user)),
        }
        if user == me {
            return;
        }
        let known = self.others.entry(user.clone()).or_default();
        known.here = match status {
            PresenceStatus::Online => Here::Online { since: Some(date) },
            PresenceStatus::Away => Here::Away(text.unwrap_or_default().to_owned()),
            PresenceStatus::Offline => Here::Offline,
            PresenceStatus::Other => return,
        };
    }

    pub(super) fn group_news(&mut self, group: &GroupName, news: &GroupNews) {
        match news {
            GroupNews::Members { members, .. } => {
                let users = members.iter().map(|(user, _)| user.clone()).collect();
                self.members.insert(group.clone(), users);
            }
            GroupNews::Asked => drop(self.groups.insert(group.clone(), Membership::Pending)),
            // Who has joined is a member as soon as the groups are listed.
            GroupNews::Joined { .. }
            | GroupNews::Declined
            | GroupNews::Left
            | GroupNews::Lost
            | GroupNews::Removed { .. } => {
                self.groups.remove(group);
                self.members.remove(group);
            }
            GroupNews::Changed { joined, left, .. } => {
                if let Some(members) = self.members.get_mut(group) {
                    members.retain(|member| !left.contains(member));
                    let new = joined.iter().filter(|user| !members.contains(user)).cloned().collect::<Vec<_>>();
                    members.extend(new);
                }
            }
            // Others than before are in it: as it is listed, until its members are asked for.
            GroupNews::FoundedAnew { .. } | GroupNews::FoundedAgain { .. } => drop(self.members.remove(group)),
            GroupNews::Created
            | GroupNews::NameTaken
            | GroupNews::NameReserved
            | GroupNews::NoSuchGroup
            | GroupNews::Request { .. }
            | GroupNews::NewAdmin { .. }
            | GroupNews::NotAdmin { .. }
            | GroupNews::NotAMember
            | GroupNews::NotThere { .. }
            | GroupNews::AlreadyMember { .. }
            | GroupNews::NoTerminal { .. }
            | GroupNews::Returning
            | GroupNews::LastAdmin
            | GroupNews::AskedBack { .. }
            | GroupNews::Invited { .. }
            | GroupNews::NotLetIn { .. }
            | GroupNews::Unverified { .. }
            | GroupNews::AnotherGroup { .. }
            | GroupNews::NotAllowed { .. }
            | GroupNews::Postponed { .. }
            | GroupNews::StandsBefore { .. }
            | GroupNews::DirectoryLost
            | GroupNews::Refused(_)
            | GroupNews::Done => {}
        }
    }

    /// A direct connection to this user stands, whatever was said before.
    pub(super) fn connected(&mut self, with: &UserId) {
        self.exists(with);
        let known = self.meet(with);
        if matches!(known.here, Here::Offline | Here::Unknown) {
            known.here = Here::Online { since: None };
        }
    }

    /// This user exists for sure.
    pub(super) fn exists(&mut self, user: &UserId) {
        self.existing.insert(user.clone());
    }

    pub(super) fn number(&mut self, with: &UserId, digits: Option<&str>) {
        match digits {
            Some(digits) => drop(self.numbers.insert(with.clone(), digits.to_owned())),
            None => drop(self.numbers.remove(with)),
        }
    }

    /// A row for this user from now on, whether or not they exist.
    pub(crate) fn meet(&mut self, user: &UserId) -> &mut Known {
        self.others.entry(user.clone()).or_default()
    }

    /// There is no such user: the row goes.
    pub(crate) fn forget(&mut self, user: &UserId) {
        self.others.remove(user);
        self.existing.remove(user);
    }

    pub(crate) fn known(&self, user: &UserId) -> Known {
        self.others.get(user).cloned().unwrap_or_default()
    }

    pub(crate) fn is_verified(&self, user: &UserId) -> bool {
        self.others.get(user).is_some_and(|known| known.key == KeyState::Verified)
    }

    /// Ids that exist for sure.
    pub(crate) fn existing(&self) -> &BTreeSet<UserId> {
        &self.existing
    }

    /// When somebody went offline, if this terminal was there.
    pub(crate) fn gone(&self, user: &UserId) -> Option<u64> {
        self.gone.get(user).copied()
    }

    pub(crate) fn members(&self, group: &GroupName) -> Option<&[UserId]> {
        self.members.get(group).map(Vec::as_slice)
    }

    pub(crate) fn safety_number(&self, with: &UserId) -> Option<&str> {
        self.numbers.get(with).map(String::as_str)
    }

    /// People by where they are and their ids.
    pub(crate) fn by_presence(&self) -> Vec<(&UserId, &Known)> {
        let mut people: Vec<_> = self.others.iter().collect();
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
        let people = self.by_presence().into_iter().map(|(user, _)| Conversation::User(user.clone()));
        let groups = self.groups.keys().cloned().map(Conversation::Group);
        people.chain(groups).chain([Conversation::Everyone]).collect()
    }
}
