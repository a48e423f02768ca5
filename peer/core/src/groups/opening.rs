//! What an item of the mailbox turns out to be (protocol sections 6.6, 8.7; decision D31, threat G7).
//!
//! An item has a sender and an epoch, which are the directory's word, and bytes, which are the sender's. What the bytes
//! claim about themselves decides nothing before they are verified, and what does not fit its item changes nothing: a
//! message is dropped. Only a commit cannot be dropped, because the directory has ended the epoch with it: the room can
//! be used no more, and whose commit it was is known.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use common::crypto::commit;
use common::ident::{ContentDigest, GroupHandle, KeyDigest, RoomId, UserId};
use common::msg::{GroupEntry, MailItem, MailKind, Member, SignedCommit};
use zeroize::Zeroizing;

use super::changes::{MembershipDiff, OldRoom, ProcessedItem};
use super::known::KnownGroups;
use super::registry::{DIRECT_ROOMS, Rooms};
use crate::mls::{
    Frozen, Invitation, Outcome, ProcessedMessage, Refusal, Room, RoomError, RoomMetadata, Successor,
    VerifiedCredential,
};
use crate::model::Conversation;
use crate::persistence::Write;

/// Bytes that are from another member than the one who gave them to the directory.
const OTHER_SENDER: &str = "it was made by somebody else";
/// Words of a terminal that did not fit its certificate when this one came in.
const NOT_VERIFIED: &str = "the terminal that it is from could not be verified";
/// A commit whose author does not answer for these bytes.
const NOT_SIGNED: &str = "its author has signed something else";
/// A welcome in place of a room of ours.
const NOT_OPENED: &str = "the welcome to what takes its place cannot be opened";
/// A commit that says to the directory what it does not do.
const OTHER_MEMBERS: &str = "the directory was told of other members or admins";

impl Rooms {
    /// Opens a message or a commit of a room that we are in, with the directory of this key.
    pub(super) fn open(
        &mut self,
        item: &MailItem,
        bytes: &[u8],
        vouched: &[VerifiedCredential],
        directory: &KeyDigest,
    ) -> ProcessedItem {
        if self.is_strange(&item.room) || self.is_frozen_pair(&item.room) {
            return ProcessedItem::Strange;
        }
        let Some(mls) = self.rooms.get_mut(&item.room).filter(|mls| mls.frozen().is_none()) else {
            return ProcessedItem::Nothing;
        };
        match item.epoch.cmp(&mls.epoch()) {
            Ordering::Less => return ProcessedItem::Nothing,
            Ordering::Greater => return self.freeze(item, Frozen::Behind { epoch: item.epoch }),
            Ordering::Equal => {}
        }
        if item.kind != MailKind::Message {
            return self.open_commit(item, bytes, vouched, directory);
        }
        match mls.open(bytes) {
            // Nobody knows whose leaf it is.
            Ok(ProcessedMessage { from, .. }) if mls.unverified().contains(&from) => {
                ProcessedItem::Dropped(NOT_VERIFIED.to_owned())
            }
            Ok(ProcessedMessage { from, letter }) if from == item.from => {
                ProcessedItem::Letter { from, bytes: Zeroizing::new(letter) }
            }
            Ok(_) => ProcessedItem::Dropped(OTHER_SENDER.to_owned()),
            Err(why) => ProcessedItem::Dropped(why.to_string()),
        }
    }

    fn open_commit(
        &mut self,
        item: &MailItem,
        bytes: &[u8],
        vouched: &[VerifiedCredential],
        directory: &KeyDigest,
    ) -> ProcessedItem {
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
        // What a directory of the version before has taken is not signed, and judged by its content alone.
        if let Some(signed) = &item.signed
            && let Err(why) = is_as_signed(mls, item, bytes, signed, directory)
        {
            return self.not_followed(item, why.to_owned());
        }
        let (users, admins, own) = (mls.users(), mls.admins(), self.own.member());
        match mls.apply(vouched) {
            Ok(outcome) => {
                self.expected().remove(&item.room);
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
        self.freeze(item, Frozen::NotFollowed { by: item.from.clone(), why })
    }

    fn freeze(&mut self, item: &MailItem, frozen: Frozen) -> ProcessedItem {
        self.expected().remove(&item.room);
        let Some(mls) = self.rooms.get_mut(&item.room) else { return ProcessedItem::Nothing };
        // The note is made in memory; that cannot fail where the room could be read. The first reason stays.
        let _ = mls.freeze(frozen);
        mls.frozen().map_or(ProcessedItem::Nothing, |frozen| ProcessedItem::Frozen(frozen.to_string()))
    }

    /// Opens a welcome, and joins if the room is what it should be; `vouched` when certificates were asked for.
    pub(super) fn join(
        &mut self,
        item: &MailItem,
        bytes: &[u8],
        (vouched, directory): (Option<&[VerifiedCredential]>, &KeyDigest),
        known: &KnownGroups,
        blocked: impl Fn(&UserId) -> bool,
    ) -> ProcessedItem {
        let Ok(invitation) = Invitation::open(&self.key_packages, item.room, bytes) else {
            return self.unopened(item, vouched, directory);
        };
        let expects = self.expects(known, item, &invitation);
        if let (Expects::Invited, RoomMetadata::Group { name, .. }) = (expects, invitation.charter()) {
            let (group, by) = (name.clone(), item.from.userid.clone());
            let is_told = *invitation.by() == item.from && !blocked(&by);
            invitation.refuse(&mut self.key_packages);
            self.pass_over(&item.room);
            return if is_told { ProcessedItem::Invited { group, by } } else { ProcessedItem::Nothing };
        }
        // Whoever takes us along with a group does so for the group; anybody else must be welcome here.
        let unwelcome = !matches!(expects, Expects::InPlaceOf(_)) && blocked(&invitation.by().userid);
        if expects == Expects::Nothing || unwelcome {
            let is_group = matches!(invitation.charter(), RoomMetadata::Group { .. });
            invitation.refuse(&mut self.key_packages);
            if is_group {
                self.pass_over(&item.room);
            }
            return ProcessedItem::Nothing;
        }
        let needed = invitation.needs();
        let Some(vouched) = vouched.or(needed.is_empty().then_some(&[])) else { return ProcessedItem::Needs(needed) };
        let (by, charter) = (invitation.by().clone(), invitation.charter().clone());
        let signed = is_welcome_as_signed(&invitation, item, bytes, directory);
        if let Err(why) = signed.and_then(|()| self.keeps_admins(expects, item, &invitation)) {
            invitation.refuse(&mut self.key_packages);
            let why = RoomError::Refused { by: by.clone(), why };
            return self.not_let_in(item, (&charter, &by.userid), expects, &why);
        }
        let asked = match invitation.charter() {
            RoomMetadata::Group { name, .. } if expects != Expects::WhereAnother => BTreeSet::from([name.clone()]),
            RoomMetadata::Group { .. } | RoomMetadata::Pair { .. } => BTreeSet::new(),
        };
        match invitation.accept(&mut self.key_packages, vouched, &asked) {
            Ok(mut room) => {
                // The note is made in memory; that cannot fail where the room could be opened.
                let _ = room.note_joined(self.next_place(&room));
                let old = match expects {
                    Expects::InPlaceOf(old) => self.take_out(&old),
                    Expects::Asked | Expects::WhereAnother | Expects::Invited | Expects::Nothing => None,
                };
                self.rooms.insert(item.room, room);
                let surplus = match self.conversation(&item.room) {
                    Some(Conversation::User(user)) => self.forget_surplus(&item.room, &user),
                    Some(Conversation::Group(_) | Conversation::Everyone) | None => Vec::new(),
                };
                ProcessedItem::Joined { by, old, surplus }
            }
            Err(why) => self.not_let_in(item, (&charter, &by.userid), expects, &why),
        }
    }

    /// A welcome was not accepted. Whoever asked for it, or was in the group before, hears of it.
    fn not_let_in(
        &mut self,
        item: &MailItem,
        (charter, by): (&RoomMetadata, &UserId),
        expects: Expects,
        why: &RoomError,
    ) -> ProcessedItem {
        let reason = match why {
            RoomError::Refused { why, .. } | RoomError::Forbidden(why) => why.to_string(),
            other => other.to_string(),
        };
        let old = match (expects, why) {
            (Expects::InPlaceOf(old), RoomError::Forbidden(_)) => {
                // The room goes on where it cannot be reached; who invites is asked again once the user has decided.
                if let Some(mls) = self.rooms.get_mut(&old) {
                    let _ = mls.freeze(Frozen::Behind { epoch: item.epoch });
                }
                Some(old)
            }
            (Expects::InPlaceOf(old), RoomError::Refused { by, why }) if old != item.room && is_fault(why) => {
                return self.not_moved(item, old, (by, false), reason);
            }
            (Expects::InPlaceOf(_) | Expects::Asked | Expects::WhereAnother, _) => None,
            (Expects::Invited | Expects::Nothing, _) => return ProcessedItem::Nothing,
        };
        match charter {
            RoomMetadata::Group { name, .. } => {
                ProcessedItem::NotLetIn { group: name.clone(), by: by.clone(), why: reason, old }
            }
            RoomMetadata::Pair { .. } => ProcessedItem::Nothing,
        }
    }

    /// A welcome that this terminal has no key for. One in place of a room of ours leaves us without it.
    fn unopened(
        &mut self,
        item: &MailItem,
        vouched: Option<&[VerifiedCredential]>,
        directory: &KeyDigest,
    ) -> ProcessedItem {
        let Some(vouched) = vouched.or((!self.is_founded_elsewhere(item)).then_some(&[])) else {
            return ProcessedItem::Needs(vec![item.from.clone()]);
        };
        match self.replaced_by(item, vouched, directory) {
            Some(old) => self.not_moved(item, old, (&item.from, true), NOT_OPENED.to_owned()),
            None if !self.rooms.contains_key(&item.room) => ProcessedItem::Unopened,
            None => ProcessedItem::Nothing,
        }
    }

    /// Whether an admin of a group of ours says to have founded it anew from a terminal that is not in it.
    fn is_founded_elsewhere(&self, item: &MailItem) -> bool {
        let replaces = item.signed.as_ref().and_then(|signed| signed.digests.replaces);
        let mls = replaces.and_then(|old| self.rooms.get(&old));
        mls.is_some_and(|mls| mls.charter().is_admin(&item.from.userid) && mls.terminal_key(&item.from).is_none())
    }

    /// Which group of ours another user's terminal has founded anew by this item, if it is an admin who has signed that: with the
    /// key of its leaf, or else with that of its certificate.
    fn replaced_by(&self, item: &MailItem, vouched: &[VerifiedCredential], directory: &KeyDigest) -> Option<RoomId> {
        let signed = item.signed.as_ref()?;
        let old = signed.digests.replaces?;
        let mls = self.rooms.get(&old).filter(|mls| mls.charter().is_admin(&item.from.userid))?;
        let certified = || vouched.iter().find(|known| known.member() == item.from)?.key();
        let key = mls.terminal_key(&item.from).or_else(certified)?;
        commit::verify(signed, &item.from, &key, directory, (&item.room, item.epoch)).ok()?;
        (item.from.userid != self.own.member().userid).then_some(old)
    }

    /// Who founds a group anew takes along every admin who stands before and had a terminal in it. Of what is signed the
    /// directory has seen to that: it knows who has a terminal at all.
    fn keeps_admins(&self, expects: Expects, item: &MailItem, invitation: &Invitation) -> Result<(), Refusal> {
        let Expects::InPlaceOf(old) = expects else { return Ok(()) };
        let Some(mls) = self.rooms.get(&old).filter(|_| old != item.room && item.signed.is_none()) else {
            return Ok(());
        };
        let (users, by) = (mls.users(), &invitation.by().userid);
        let comes = |admin: &UserId| invitation.members().iter().any(|member| member.userid == *admin);
        let missing = mls.charter().before(by).iter().find(|admin| users.contains(admin) && !comes(admin));
        missing.map_or(Ok(()), |user| Err(Refusal::LeftOut { user: user.clone() }))
    }

    /// A room that was to take the place of one of ours cannot be followed: that one is frozen, and whose doing it is known.
    fn not_moved(
        &mut self,
        item: &MailItem,
        old: RoomId,
        (by, is_unopened): (&Member, bool),
        why: String,
    ) -> ProcessedItem {
        let Some(mls) = self.rooms.get_mut(&old) else { return ProcessedItem::Nothing };
        // The note is made in memory; that cannot fail where the room could be read.
        let _ = mls.freeze_for(Successor { by: by.clone(), room: item.room, is_unopened }, why.clone());
        self.expected().remove(&old);
        ProcessedItem::NotMoved { old, by: by.userid.clone(), why }
    }

    /// Of rooms of two with one user few are kept. How many one user may make in which nothing was said is
    /// the directory's rule, which closes them; a room that it has not closed may carry letters.
    fn forget_surplus(&mut self, newest: &RoomId, user: &UserId) -> Vec<Write> {
        let surplus = self.surplus(user, newest, 2 * DIRECT_ROOMS - 1);
        surplus.iter().flat_map(|id| self.forget(id)).collect()
    }

    /// Takes a room out that another takes the place of.
    fn take_out(&mut self, room: &RoomId) -> Option<OldRoom> {
        let (users, epoch, gone_back) = (self.users(room), self.epoch(room)?, self.has_gone_back(room));
        let own = self.members(room).into_iter().filter(|member| member.userid == self.own.member().userid).collect();
        Some(OldRoom { room: *room, epoch, users, own, gone_back, writes: self.forget(room) })
    }

    /// What a welcome means for this terminal.
    fn expects(&self, known: &KnownGroups, item: &MailItem, invitation: &Invitation) -> Expects {
        let (by, own) = (&invitation.by().userid, self.own.member().userid);
        let charter = invitation.charter();
        let RoomMetadata::Group { name, .. } = charter else {
            let is_new = !self.rooms.contains_key(&item.room);
            return if is_new { Expects::WhereAnother } else { Expects::Nothing };
        };
        if name.is_reserved() {
            return Expects::Nothing;
        }
        let group = known.of(name);
        let old = group.and_then(|group| group.room);
        if old == Some(item.room) && !self.rooms.contains_key(&item.room) {
            // This terminal has lost its state, and the group goes on in the same room.
            return Expects::Asked;
        }
        if let Some((old, mls)) = old.and_then(|old| Some((old, self.rooms.get(&old)?))) {
            let is_out = mls.frozen().is_some() || !mls.is_member();
            let again = old == item.room && is_out && item.epoch.saturating_add(1) >= mls.epoch();
            let may = mls.may_be_continued(by, charter) || (again && *by == own);
            return if may && (again || old != item.room) { Expects::InPlaceOf(old) } else { Expects::Nothing };
        }
        match group.and_then(|group| group.asked_of.as_ref()) {
            Some(asked) if asked.room == item.room || asked.admins.contains(by) => Expects::Asked,
            Some(_) => Expects::Nothing,
            None if known.has_asked(name) => Expects::Asked,
            None if *by == own => Expects::WhereAnother,
            None if old.is_some() => Expects::Nothing,
            None => Expects::Invited,
        }
    }
}

/// Whether a refusal is for what who invites has done, and not for what the directory or the user has not told.
fn is_fault(why: &Refusal) -> bool {
    !matches!(why, Refusal::NoCertificate { .. } | Refusal::Undecided { .. } | Refusal::Sender)
}

/// Whether who invites has given the welcome to the directory, and answers for it and for who is in the room. One that a
/// directory of a version before has taken is not signed.
fn is_welcome_as_signed(
    invitation: &Invitation,
    item: &MailItem,
    bytes: &[u8],
    directory: &KeyDigest,
) -> Result<(), Refusal> {
    if *invitation.by() != item.from {
        return Err(Refusal::Sender);
    }
    let Some(signed) = &item.signed else { return Ok(()) };
    let key = invitation.key_of_inviter().ok_or(Refusal::NotSigned)?;
    commit::verify(signed, &item.from, &key, directory, (&item.room, item.epoch)).map_err(|_| Refusal::NotSigned)?;
    if signed.digests.welcome != commit::of(bytes) || item.epoch.checked_add(1) != Some(invitation.epoch()) {
        return Err(Refusal::NotSigned);
    }
    // The entry is told where the commit changes it, and where it makes the group.
    let told_entry = signed.digests.entry;
    let entry_fits = told_entry.is_none() || told_entry == entry_of(invitation.charter(), directory);
    let told = entry_fits && signed.digests.members == commit::of_members(invitation.members());
    if told { Ok(()) } else { Err(Refusal::OtherMembers) }
}

/// The digest of the entry of a group with this charter.
fn entry_of(charter: &RoomMetadata, directory: &KeyDigest) -> Option<ContentDigest> {
    let RoomMetadata::Group { name, admins } = charter else { return None };
    let handle = GroupHandle::of(name, directory);
    Some(commit::of_entry(&GroupEntry { handle, admins: admins.clone() }))
}

/// Whether the author answers for a commit that was read, and has told the directory what it does.
fn is_as_signed(
    mls: &Room,
    item: &MailItem,
    bytes: &[u8],
    signed: &SignedCommit,
    directory: &KeyDigest,
) -> Result<(), &'static str> {
    let key = mls.terminal_key(&item.from).ok_or(NOT_SIGNED)?;
    commit::verify(signed, &item.from, &key, directory, (&item.room, item.epoch)).map_err(|_| NOT_SIGNED)?;
    if signed.digests.commit != commit::of(bytes) {
        return Err(NOT_SIGNED);
    }
    // What breaks the rules is told as that.
    let Some(Outcome { members, charter, .. }) = mls.foreseen() else { return Ok(()) };
    let entry = entry_of(&charter, directory);
    let told_entry = signed.digests.entry;
    // The entry is told where the charter changes, and where the commit makes the group; a group that was made without a
    // commit has it already.
    let entry_fits = match charter != *mls.charter() {
        true => told_entry == entry,
        false => told_entry.is_none() || (mls.epoch() == 0 && told_entry == entry),
    };
    let told = entry_fits && signed.digests.members == commit::of_members(&members);
    if told { Ok(()) } else { Err(OTHER_MEMBERS) }
}

/// What a welcome means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    /// Nothing: it is not accepted.
    Nothing,
    /// The user has asked for it, or this terminal has lost the room.
    Asked,
    /// It is accepted from another terminal of the user, and a room of two by its users.
    WhereAnother,
    /// Somebody wants the user in a group, who has not asked.
    Invited,
    /// It goes on with this room, which cannot be followed any more or was founded anew.
    InPlaceOf(RoomId),
}
