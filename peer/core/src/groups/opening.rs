//! What an item of the mailbox turns out to be (protocol sections 6.6, 8.7; decision D31, threat G7).
//!
//! An item has a sender and an epoch, which are the directory's word, and bytes, which are the sender's. What the bytes
//! claim about themselves decides nothing before they are verified, and what does not fit its item changes nothing: a
//! message is dropped. Only a commit cannot be dropped, because the directory has ended the epoch with it: the room can
//! be used no more, and whose commit it was is known.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use common::ident::{GroupName, UserId};
use common::msg::{MailItem, MailKind, Member};
use zeroize::Zeroizing;

use super::changes::{MembershipDiff, ProcessedItem};
use super::registry::Rooms;
use crate::mls::{Frozen, Invitation, ProcessedMessage, VerifiedCredential};

/// Bytes that are from another member than the one who gave them to the directory.
const OTHER_SENDER: &str = "it was made by somebody else";

impl Rooms {
    /// Opens a message or a commit of a room that we are in.
    pub(super) fn open(&mut self, item: &MailItem, bytes: &[u8], vouched: &[VerifiedCredential]) -> ProcessedItem {
        let Some(mls) = self.rooms.get_mut(&item.room).filter(|mls| mls.frozen().is_none()) else {
            return ProcessedItem::Nothing;
        };
        match item.epoch.cmp(&mls.epoch()) {
            Ordering::Less => return ProcessedItem::Nothing,
            Ordering::Greater => return ProcessedItem::OldCopy,
            Ordering::Equal => {}
        }
        if item.kind != MailKind::Message {
            return self.open_commit(item, bytes, vouched);
        }
        match mls.open(bytes) {
            Ok(ProcessedMessage { from, letter }) if from == item.from => {
                ProcessedItem::Letter { from, bytes: Zeroizing::new(letter) }
            }
            Ok(_) => ProcessedItem::Dropped(OTHER_SENDER.to_owned()),
            Err(why) => ProcessedItem::Dropped(why.to_string()),
        }
    }

    fn open_commit(&mut self, item: &MailItem, bytes: &[u8], vouched: &[VerifiedCredential]) -> ProcessedItem {
        let Some(mls) = self.rooms.get_mut(&item.room) else { return ProcessedItem::Nothing };
        let waiting = match self.waiting.remove(&item.room) {
            Some(waiting) => waiting,
            None => match mls.open_commit(bytes) {
                Ok(waiting) => waiting,
                Err(why) => return self.not_followed(item, why.to_string()),
            },
        };
        if waiting.by != item.from {
            return self.not_followed(item, OTHER_SENDER.to_owned());
        }
        let unknown = |member: &&Member| !vouched.iter().any(|known| known.member() == **member);
        let missing: Vec<Member> = waiting.newcomers.iter().filter(unknown).cloned().collect();
        if vouched.is_empty() && !missing.is_empty() {
            self.waiting.insert(item.room, waiting);
            return ProcessedItem::Needs(missing);
        }
        let (users, admins, own) = (mls.users(), mls.admins(), self.own.member());
        match mls.apply(vouched) {
            Ok(outcome) => {
                self.commit_expected.remove(&item.room);
                ProcessedItem::Committed(MembershipDiff::of(&outcome, &users, &admins, &own))
            }
            // A certificate that is not to be had counts as a false one.
            Err(why) => self.not_followed(item, why.to_string()),
        }
    }

    /// The certificates that judging an item needs are not to be had.
    pub(super) fn without_certificates(&mut self, item: &MailItem) -> ProcessedItem {
        if self.waiting.remove(&item.room).is_none() {
            return ProcessedItem::Nothing;
        }
        self.not_followed(item, "certificates of those it adds are missing".to_owned())
    }

    /// The epoch was ended with something that cannot be followed.
    fn not_followed(&mut self, item: &MailItem, why: String) -> ProcessedItem {
        let Some(mls) = self.rooms.get_mut(&item.room) else { return ProcessedItem::Nothing };
        let frozen = Frozen::NotFollowed { by: item.from.clone(), why };
        // The note is made in memory; that cannot fail where the room could be read. The first reason stays.
        let _ = mls.freeze(frozen);
        mls.frozen().map_or(ProcessedItem::Nothing, |frozen| ProcessedItem::Frozen(frozen.to_string()))
    }

    /// Opens a welcome, and joins if the room is what it should be.
    pub(super) fn join(
        &mut self,
        item: &MailItem,
        bytes: &[u8],
        vouched: &[VerifiedCredential],
        expected: &BTreeSet<GroupName>,
        blocked: impl Fn(&UserId) -> bool,
    ) -> ProcessedItem {
        if self.rooms.contains_key(&item.room) {
            return ProcessedItem::Nothing;
        }
        let Ok(invitation) = Invitation::open(&self.key_packages, item.room, bytes) else {
            return ProcessedItem::Nothing;
        };
        if blocked(&invitation.by().userid) {
            invitation.refuse(&mut self.key_packages);
            return ProcessedItem::Nothing;
        }
        let needed = invitation.needs();
        if vouched.is_empty() && !needed.is_empty() {
            return ProcessedItem::Needs(needed);
        }
        match invitation.accept(&mut self.key_packages, vouched, expected) {
            Ok(room) => {
                self.rooms.insert(item.room, room);
                ProcessedItem::Joined
            }
            // Nobody here asked for it, or somebody in it is not who they say: we are not in it, and that is all.
            Err(_) => ProcessedItem::Nothing,
        }
    }
}
