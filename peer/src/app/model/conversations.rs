//! Conversations: whether a direct connection stands, and what in them was not seen.

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{MessageId, UserId};

use peer_core::model::{Conversation, LinkWay, StoredMessage};
use peer_core::notice::CallFailed;

/// What is known of the direct connection to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Link {
    /// There is none: messages go by mail.
    #[default]
    None,
    /// It is being placed.
    Calling,
    /// It stands.
    Up,
}

#[derive(Debug, Default)]
struct Known {
    link: Link,
    /// How the link goes, once that was said.
    way: Option<LinkWay>,
    /// Without the directory: when it has signed, by its clock, what has taken the place of a lookup.
    vouched: Option<u64>,
    /// Why there is none although the user wants one.
    no_way: Option<CallFailed>,
    unread: usize,
    /// Messages of others that were told of, so that none counts twice.
    told: BTreeSet<(UserId, MessageId)>,
}

/// All conversations that something is known of.
#[derive(Debug, Default)]
pub(crate) struct Conversations(BTreeMap<Conversation, Known>);

impl Conversations {
    pub(crate) fn link(&self, with: &UserId) -> Link {
        self.0.get(&Conversation::User(with.clone())).map(|known| known.link).unwrap_or_default()
    }

    /// Users to whom a direct connection stands.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &UserId> {
        self.0.iter().filter_map(|(to, known)| match to {
            Conversation::User(user) if known.link == Link::Up => Some(user),
            Conversation::User(_) | Conversation::Group(_) | Conversation::Everyone => None,
        })
    }

    /// How the connection to a user goes, if one stands.
    pub(crate) fn way(&self, with: &UserId) -> Option<LinkWay> {
        let known = self.0.get(&Conversation::User(with.clone())).filter(|known| known.link == Link::Up)?;
        Some(known.way.unwrap_or(LinkWay::DirectIpv4))
    }

    /// Of a connection that has come about without the directory: when that has signed what took the place of a lookup.
    pub(crate) fn vouched(&self, with: &UserId) -> Option<u64> {
        self.0.get(&Conversation::User(with.clone())).filter(|known| known.link == Link::Up)?.vouched
    }

    /// Why there is no connection to a user, where the user here wants one.
    pub(crate) fn no_way(&self, with: &UserId) -> Option<&CallFailed> {
        self.0.get(&Conversation::User(with.clone())).and_then(|known| known.no_way.as_ref())
    }

    /// How the connection goes to whom a conversation is with, and why there is none.
    pub(crate) fn connection<'a>(
        &'a self,
        of: &'a Conversation,
    ) -> Option<(&'a UserId, Option<LinkWay>, Option<&'a CallFailed>)> {
        match of {
            Conversation::User(with) => Some((with, self.way(with), self.no_way(with))),
            Conversation::Group(_) | Conversation::Everyone => None,
        }
    }

    /// How what is said goes to whom there is a connection, or one is looked for in vain.
    pub(crate) fn ways(&self) -> impl Iterator<Item = (&UserId, Option<LinkWay>, Option<&CallFailed>)> {
        let told = |way: &(_, Option<LinkWay>, Option<&CallFailed>)| way.1.is_some() || way.2.is_some();
        self.0.keys().filter_map(|of| self.connection(of)).filter(told)
    }

    pub(super) fn set_link(&mut self, with: &UserId, link: Link) {
        let known = self.entry(&Conversation::User(with.clone()));
        (known.link, known.way, known.vouched, known.no_way) = (link, None, None, None);
    }

    pub(super) fn set_way(&mut self, with: &UserId, way: LinkWay, vouched: Option<u64>) {
        let known = self.entry(&Conversation::User(with.clone()));
        (known.way, known.vouched) = (Some(way), vouched);
    }

    pub(super) fn set_no_way(&mut self, with: &UserId, why: &CallFailed) {
        self.set_link(with, Link::None);
        self.entry(&Conversation::User(with.clone())).no_way = Some(why.clone());
    }

    /// Messages that were not seen.
    pub(crate) fn unread(&self, of: &Conversation) -> usize {
        self.0.get(of).map_or(0, |known| known.unread)
    }

    /// Messages that were not seen, and in how many conversations.
    pub(crate) fn all_unread(&self) -> (usize, usize) {
        let unread = self.0.values().map(|known| known.unread).filter(|unread| *unread > 0);
        unread.fold((0, 0), |(messages, conversations), unread| (messages + unread, conversations + 1))
    }

    /// Somebody else said something, which nobody has seen yet.
    pub(super) fn arrived(&mut self, to: &Conversation, author: &UserId, id: MessageId) {
        let known = self.entry(to);
        if known.told.insert((author.clone(), id)) {
            known.unread += 1;
        }
    }

    /// Messages were looked up, and do not count if they are told of again.
    pub(super) fn recalled(&mut self, records: &[StoredMessage]) {
        for record in records {
            let name = &record.name;
            self.entry(&name.conversation).told.insert((name.author.clone(), name.id));
        }
    }

    /// So many were counted when conversations were listed.
    pub(super) fn listed(&mut self, of: &Conversation, unread: usize) {
        if unread > 0 {
            let known = self.entry(of);
            known.unread = known.unread.max(unread);
        }
    }

    /// The user sees the conversation; whether there was something new in it.
    pub(crate) fn saw(&mut self, of: &Conversation) -> bool {
        self.0.get_mut(of).is_some_and(|known| std::mem::take(&mut known.unread) > 0)
    }

    fn entry(&mut self, of: &Conversation) -> &mut Known {
        self.0.entry(of.clone()).or_default()
    }
}
