//! What the user of this terminal can know: people and presence, conversations, who waits for an answer, transfers,
//! the directory. Fed once from the notices; the line terminal, the full screen and the JSON mode read it.
//!
//! Owns facts only. What is shown of them, where and in which words, and who has the keyboard, is the front end's part.
//!
//! - [`people`]: users and groups · [`conversations`]: connections and what was not seen · [`transfers`]: files · [`outbox`]: what waits
//! - [`account`]: the user of this terminal

mod account;
mod conversations;
mod outbox;
mod people;
#[cfg(test)]
mod tests;
mod transfers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use common::ident::UserId;

pub(crate) use self::account::Account;
pub(crate) use self::conversations::{Conversations, Link};
pub(crate) use self::outbox::Outbox;
pub(crate) use self::people::{Here, Membership, People};
pub(crate) use self::transfers::{Transfer, Transfers};
use super::Now;
use peer_core::command::{Answer, KeyDecision};
use peer_core::model::Conversation;
use peer_core::notice::{
    AfterLoss, CallFailed, CallNotice, ContactNotice, DirectoryNotice, KeyState, ListedGroup, MessageNotice, Notice,
    SessionNotice,
};

/// Whether the directory is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Directory {
    Here,
    /// Out of reach; tried again at this moment, and then again.
    Lost {
        retry: Instant,
    },
}

/// A key that is not the pinned one; the user has to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChangedKey {
    /// Since when the old one was pinned.
    pub(crate) since: u64,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// A session, as this terminal knows it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) account: Account,
    pub(crate) people: People,
    pub(crate) conversations: Conversations,
    pub(crate) transfers: Transfers,
    pub(crate) outbox: Outbox,
    pub(crate) directory: Directory,
    /// Of whom the user does not want to be told while something else is on the screen.
    pub(crate) muted: BTreeSet<Conversation>,
    callers: BTreeSet<UserId>,
    changed_keys: BTreeMap<UserId, ChangedKey>,
}

impl Model {
    /// While the directory is out of reach: whom a conversation is with, if a connection has come about without it, and when
    /// it has vouched for them.
    pub(crate) fn vouched<'a>(&self, of: &'a Conversation) -> Option<(&'a UserId, u64)> {
        match (of, self.directory) {
            (Conversation::User(with), Directory::Lost { .. }) => Some((with, self.conversations.vouched(with)?)),
            (Conversation::User(_) | Conversation::Group(_) | Conversation::Everyone, _) => None,
        }
    }

    /// A session that begins.
    pub(crate) fn new(account: Account) -> Self {
        Self {
            account,
            people: People::default(),
            conversations: Conversations::default(),
            transfers: Transfers::default(),
            outbox: Outbox::default(),
            directory: Directory::Here,
            muted: BTreeSet::new(),
            callers: BTreeSet::new(),
            changed_keys: BTreeMap::new(),
        }
    }

    /// Where somebody is, as far as that can be known: without the directory only whoever is connected is known to be there.
    pub(crate) fn here(&self, user: &UserId) -> Here {
        let is_told = self.directory == Directory::Here || self.conversations.link(user) == Link::Up;
        if is_told { self.people.known(user).here } else { Here::Unknown }
    }

    /// How many of a group are online, the user included: of its members where they are known, else as it was listed.
    pub(crate) fn online_in(&self, group: &ListedGroup) -> usize {
        let is_there = |user: &UserId| {
            *user == self.account.user || matches!(self.people.known(user).here, Here::Online { .. } | Here::Away(_))
        };
        let members = self.people.members(&group.group);
        members.map_or(group.online, |members| members.iter().filter(|member| is_there(member)).count())
    }

    /// Takes over what a notice says.
    pub(crate) fn learn(&mut self, now: Now, notice: &Notice) {
        match notice {
            Notice::Session(notice) => self.of_session(notice),
            Notice::Directory(notice) => self.of_directory(now, notice),
            Notice::Call(notice) => self.of_call(notice),
            Notice::Message(notice) => self.of_message(notice),
            Notice::Contact(notice) => self.of_contact(notice),
            Notice::Group { group, news } => self.people.group_news(group, news),
            Notice::File(notice) => self.transfers.learn(notice, now.instant),
            Notice::Journal(_) => {}
        }
    }

    fn of_session(&mut self, notice: &SessionNotice) {
        match notice {
            SessionNotice::PasscodeChanged | SessionNotice::KeyReplaced => self.account.passcode_changed(),
            SessionNotice::PasscodeNotChanged(_) => self.account.passcode_not_changed(),
            SessionNotice::Terminals { all, .. } => self.account.terminals_listed(all),
            SessionNotice::PasscodeProved
            | SessionNotice::KeyTakenOver
            | SessionNotice::TerminalNotRemoved(_)
            | SessionNotice::FirstContact { .. }
            | SessionNotice::OlderVault { .. }
            | SessionNotice::Identified { .. }
            | SessionNotice::WouldForget { .. }
            | SessionNotice::Forgot { .. }
            | SessionNotice::InviteProved { .. }
            | SessionNotice::Registered { .. }
            | SessionNotice::RegisterRefused { .. }
            | SessionNotice::LoginRefused { .. }
            | SessionNotice::LoggedIn { .. }
            | SessionNotice::FormerPasscode
            | SessionNotice::AlsoElsewhere { .. }
            | SessionNotice::NewTerminal
            | SessionNotice::StoreFailed { .. }
            | SessionNotice::LoggedOut { .. }
            | SessionNotice::Failed(_) => {}
        }
    }

    fn of_directory(&mut self, now: Now, notice: &DirectoryNotice) {
        match notice {
            DirectoryNotice::People { people, groups } => {
                self.people.listed(&self.account.user, people, groups);
                for person in people {
                    self.conversations.listed(&Conversation::User(person.user.clone()), person.unread);
                }
                for group in groups {
                    self.conversations.listed(&Conversation::Group(group.group.clone()), group.unread);
                }
            }
            DirectoryNotice::Presence { user, status, text } => {
                self.people.presence(&self.account.user, user, *status, text.as_deref(), now.date);
            }
            DirectoryNotice::Lost { retry_in, .. } | DirectoryNotice::StillLost { retry_in } => {
                self.directory = Directory::Lost { retry: now.instant + Duration::from_secs(*retry_in) };
            }
            DirectoryNotice::Back => self.directory = Directory::Here,
            DirectoryNotice::NoPeople
            | DirectoryNotice::NotItself(_)
            | DirectoryNotice::Restored { .. }
            | DirectoryNotice::Refused(_) => {}
        }
    }

    fn of_call(&mut self, notice: &CallNotice) {
        match notice {
            CallNotice::Established { with } | CallNotice::Received { from: with } => {
                self.callers.remove(with);
                self.people.connected(with);
                self.conversations.set_link(with, Link::Up);
            }
            CallNotice::Asked { from } => {
                self.callers.insert(from.clone());
                self.people.meet(from);
            }
            CallNotice::AskedNoMore { from } => {
                self.callers.remove(from);
                self.not_calling(from);
            }
            CallNotice::Failed { to, why } => {
                let was_calling = self.conversations.link(to) == Link::Calling;
                self.not_calling(to);
                if was_calling && *why == CallFailed::Blocked {
                    self.people.meet(to).key = KeyState::Blocked;
                }
            }
            CallNotice::Offline { with } => {
                self.people.exists(with);
                self.people.meet(with).here = Here::Offline;
                self.conversations.set_link(with, Link::None);
            }
            CallNotice::Ended { with, .. } => self.conversations.set_link(with, Link::None),
            CallNotice::LinkLost { with, then, .. } => {
                let link = if *then == AfterLoss::CalledAgain { Link::Calling } else { Link::None };
                self.conversations.set_link(with, link);
            }
            CallNotice::Way { with, way, vouched } | CallNotice::Moved { with, way, vouched, .. } => {
                self.conversations.set_way(with, *way, *vouched);
            }
            CallNotice::ByMail { with, why } => {
                self.people.exists(with);
                self.conversations.set_no_way(with, why);
            }
            CallNotice::CallerRefused { .. } => {}
        }
    }

    fn of_message(&mut self, notice: &MessageNotice) {
        self.outbox.learn(notice);
        match notice {
            MessageNotice::Text { from, id, .. } => {
                self.people.meet(from);
                self.conversations.arrived(&Conversation::User(from.clone()), from, *id);
            }
            MessageNotice::Arrived(arrivals) => {
                for arrival in arrivals {
                    self.people.exists(&arrival.from);
                    self.people.meet(&arrival.from);
                    self.conversations.arrived(&arrival.conversation, &arrival.from, arrival.id);
                }
            }
            MessageNotice::History { records, .. } => self.conversations.recalled(records),
            MessageNotice::Waiting { .. }
            | MessageNotice::Sent { .. }
            | MessageNotice::Marked { .. }
            | MessageNotice::Withdrawn { .. }
            | MessageNotice::Again { .. }
            | MessageNotice::Readers { .. }
            | MessageNotice::NotFailed { .. }
            | MessageNotice::NotSent { .. }
            | MessageNotice::NoSuchUser { .. }
            | MessageNotice::Explained { .. }
            | MessageNotice::Found { .. }
            | MessageNotice::Frozen { .. }
            | MessageNotice::Dropped { .. }
            | MessageNotice::Lost { .. } => {}
        }
    }

    fn of_contact(&mut self, notice: &ContactNotice) {
        match notice {
            ContactNotice::KeyChanged { of, how: _, since, old, new } => {
                let changed = ChangedKey { since: *since, old: old.clone(), new: new.clone() };
                self.changed_keys.insert(of.clone(), changed);
                self.people.meet(of).key = KeyState::Changed;
                self.people.number(of, None);
                self.not_calling(of);
            }
            ContactNotice::KeyDecided { of, decision } => {
                let key = match decision {
                    KeyDecision::Block => KeyState::Blocked,
                    KeyDecision::Accept => KeyState::NotVerified,
                    // Answered by the number; the key stays undecided.
                    KeyDecision::Verify => return,
                };
                self.changed_keys.remove(of);
                self.people.meet(of).key = key;
            }
            ContactNotice::SafetyNumber { with, digits, .. } => self.people.number(with, Some(digits)),
            ContactNotice::NumberConfirmed { with, verified } => {
                if *verified {
                    self.changed_keys.remove(with);
                    self.people.meet(with).key = KeyState::Verified;
                } else if self.people.is_verified(with) {
                    self.people.meet(with).key = KeyState::NotVerified;
                }
            }
            ContactNotice::Unblocked { user } => self.people.meet(user).key = KeyState::NotVerified,
        }
    }

    fn not_calling(&mut self, user: &UserId) {
        if self.conversations.link(user) == Link::Calling {
            self.conversations.set_link(user, Link::None);
        }
    }

    /// The user calls somebody; whoever waits to be let in is let in by that.
    pub(crate) fn calls(&mut self, to: &UserId) {
        self.callers.remove(to);
        self.conversations.set_link(to, Link::Calling);
    }

    /// The user ends a connection, or gives up a call.
    pub(crate) fn hangs_up(&mut self, with: &UserId) {
        self.conversations.set_link(with, Link::None);
    }

    /// The user answers somebody who waits to be let in.
    pub(crate) fn answers(&mut self, caller: &UserId, answer: Answer) {
        self.callers.remove(caller);
        if answer == Answer::Yes {
            self.conversations.set_link(caller, Link::Calling);
        }
    }

    /// Whether somebody called and waits to be let in.
    pub(crate) fn is_calling_us(&self, user: &UserId) -> bool {
        self.callers.contains(user)
    }

    /// The key that the user has to decide about.
    pub(crate) fn changed_key(&self, of: &UserId) -> Option<&ChangedKey> {
        self.changed_keys.get(of)
    }
}
