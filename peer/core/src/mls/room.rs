//! A room: what it knows of its members and of itself.
//!
//! A room is in one of these situations: nothing waits; an own commit waits for the directory; a commit of somebody
//! waits for certificates; it is frozen; this terminal is no longer in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::ident::{KeyDigest, RoomId, TerminalKey, UserId};
use common::msg::Member;
use openmls::prelude::{GroupId, LeafNodeIndex, MlsGroup};
use openmls_traits::OpenMlsProvider as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::pending::Staged;
use super::provider::Provider;
use super::wire_format::{ForkTag, TAG_LABEL};
use super::{Commit, Frozen, OwnTerminal, Refusal, RoomError, RoomMetadata, Row, VerifiedCredential, credential};
use crate::persistence::Write;

/// Name of the value that holds the [`Notes`].
const NOTES: &[u8] = b"\0notes";
/// Name of the value that holds the own commit that waits for the directory.
const COMMIT: &[u8] = b"\0commit";

/// A room that was to take the place of another, and cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Successor {
    /// Who made it.
    pub by: Member,
    /// Which room.
    pub room: RoomId,
    /// Whether only its welcome could not be opened, which may be nobody's fault.
    pub is_unopened: bool,
}

/// What a room remembers beside the state of the library.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    pub(super) frozen: Option<Frozen>,
    /// Whether the directory has forgotten changes of it, whatever it was frozen for before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) gone_back: bool,
    /// What was to take its place and could not be followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) successor: Option<Successor>,
    /// Users who said that they leave, and in which epoch.
    pub(super) leaving: BTreeMap<UserId, u64>,
    /// Members whose key was not the pinned one when they came, and which key it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) undecided: Vec<(Member, KeyDigest)>,
    /// Members whose leaf did not fit their certificate when this terminal came in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unverified: Vec<Member>,
    /// Its place among the rooms of two with these users that this terminal was added to: greater than those of all before.
    /// A version before wrote the directory's date.
    #[serde(default)]
    pub(super) joined: u64,
}

/// A room.
pub struct Room {
    pub(super) id: RoomId,
    pub(super) provider: Provider,
    pub(super) group: MlsGroup,
    pub(super) charter: RoomMetadata,
    pub(super) notes: Notes,
    pub(super) pending: Option<Commit>,
    pub(super) staged: Option<Staged>,
}

impl Room {
    pub(super) fn open_group(provider: Provider, id: RoomId, group: MlsGroup) -> Result<Self, RoomError> {
        let charter = RoomMetadata::read(group.extensions()).map_err(RoomError::Forbidden)?;
        let notes = match provider.storage().own(NOTES) {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(RoomError::library)?,
            None => Notes::default(),
        };
        let pending = provider.storage().own(COMMIT).map(|bytes| Commit::decode(&bytes)).transpose()?;
        Ok(Self { id, provider, group, charter, notes, pending, staged: None })
    }

    pub(super) fn restore(own: &Arc<OwnTerminal>, id: RoomId, rows: Vec<Row>) -> Result<Self, RoomError> {
        let provider = Provider::restore(own, id, rows);
        let group = MlsGroup::load(provider.storage(), &group_id(&id))
            .map_err(RoomError::library)?
            .ok_or_else(|| RoomError::Library("a room was kept in part".to_owned()))?;
        Self::open_group(provider, id, group)
    }

    /// Its id.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// How many commits made it what it is.
    pub fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }

    /// What its members agreed on.
    pub fn charter(&self) -> &RoomMetadata {
        &self.charter
    }

    /// Its terminals, from the tree; this one is among them until it is removed.
    pub fn members(&self) -> Vec<Member> {
        self.group.members().filter_map(|leaf| credential::named(&leaf.credential).ok()).collect()
    }

    /// The users whose terminals are in it.
    pub fn users(&self) -> BTreeSet<UserId> {
        self.members().into_iter().map(|member| member.userid).collect()
    }

    /// The admins that are members, in the order of their appointment; none in a room of two.
    pub fn admins(&self) -> Vec<UserId> {
        let RoomMetadata::Group { admins, .. } = &self.charter else { return Vec::new() };
        let users = self.users();
        admins.iter().filter(|admin| users.contains(admin)).cloned().collect()
    }

    /// The signature key of a leaf, which is its terminal's key.
    pub fn terminal_key(&self, member: &Member) -> Option<TerminalKey> {
        let leaf = self.group.members().find(|leaf| credential::named(&leaf.credential).as_ref() == Ok(member))?;
        Some(TerminalKey(leaf.signature_key.as_slice().try_into().ok()?))
    }

    /// Members whose key was not the pinned one when they came, with that key.
    pub fn undecided(&self) -> &[(Member, KeyDigest)] {
        &self.notes.undecided
    }

    /// Members whose leaf was not that of their certificate when this terminal came in: nobody knows whose it is.
    pub fn unverified(&self) -> &[Member] {
        &self.notes.unverified
    }

    /// Compares the leaves of others with certificates of now. One that fits counts as verified from now on, or as one to be
    /// decided about.
    ///
    /// Returns those that do not fit under the pinned key, and those that were never verified and have no certificate.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn compare_leaves(&mut self, vouched: &[VerifiedCredential]) -> Result<Vec<Member>, RoomError> {
        let (own, mut strange) = (self.own().member(), Vec::new());
        for leaf in self.group.members() {
            let Ok(member) = credential::named(&leaf.credential) else { continue };
            let was_verified = !self.notes.unverified.contains(&member);
            match vouched.iter().find(|vouched| vouched.member() == member) {
                _ if member == own => {}
                None if was_verified => {}
                None => strange.push(member),
                Some(vouched) if vouched.check(&leaf.credential, &leaf.signature_key).is_ok() => {
                    self.notes.unverified.retain(|other| *other != member);
                    let undecided = vouched.is_undecided().filter(|_| !was_verified);
                    self.notes.undecided.extend(undecided.map(|key| (member, key)));
                }
                Some(vouched) if vouched.is_undecided().is_some() => {}
                Some(_) => strange.push(member),
            }
        }
        self.note()?;
        Ok(strange)
    }

    /// Notes that somebody has added this terminal, and its place among the rooms of these users that it came into.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn note_joined(&mut self, place: u64) -> Result<(), RoomError> {
        self.notes.joined = place;
        self.note()
    }

    /// Its place among the rooms of these users that this terminal came into; 0 where it made the room.
    pub fn joined(&self) -> u64 {
        self.notes.joined
    }

    /// Whether somebody who holds this charter may take the members on to another room, or take one in again: an admin may,
    /// who keeps all who stand before (decision D31).
    pub fn may_be_continued(&self, by: &UserId, charter: &RoomMetadata) -> bool {
        match (&self.charter, charter) {
            (RoomMetadata::Group { name: before, .. }, RoomMetadata::Group { name: after, admins }) => {
                before == after && self.charter.is_admin(by) && admins.starts_with(self.charter.before(by))
            }
            _ => false,
        }
    }

    /// Whether this terminal is still in it.
    pub fn is_member(&self) -> bool {
        self.group.is_active()
    }

    /// Why it is frozen, if it is.
    pub fn frozen(&self) -> Option<&Frozen> {
        self.notes.frozen.as_ref()
    }

    /// Whether the directory has forgotten changes of it (decision D32).
    pub fn has_gone_back(&self) -> bool {
        // Versions before wrote only the reason.
        self.notes.gone_back || self.notes.frozen == Some(Frozen::Restored)
    }

    /// Freezes it; the first reason stays.
    pub fn freeze(&mut self, why: Frozen) -> Result<(), RoomError> {
        self.staged = None;
        self.notes.gone_back |= why == Frozen::Restored;
        self.notes.frozen.get_or_insert(why);
        self.note()
    }

    /// Freezes it because what was to take its place cannot be followed, whatever it was frozen for before.
    pub fn freeze_for(&mut self, successor: Successor, why: String) -> Result<(), RoomError> {
        let by = successor.by.clone();
        self.notes.successor = Some(successor);
        self.freeze(Frozen::NotFollowed { by, why })
    }

    /// What was to take its place and could not be followed.
    pub fn successor(&self) -> Option<&Successor> {
        self.notes.successor.as_ref()
    }

    /// Users who said that they leave, and whom this terminal may remove: an admin may, those aside who stand before.
    pub fn leaving(&self) -> BTreeSet<UserId> {
        let own = self.own().user();
        if !self.charter.is_admin(own) {
            return BTreeSet::new();
        }
        self.notes.leaving.keys().filter(|user| !self.charter.before(own).contains(user)).cloned().collect()
    }

    /// A member said in this epoch that it leaves.
    pub fn leaves(&mut self, user: &UserId) -> Result<(), RoomError> {
        self.notes.leaving.insert(user.clone(), self.epoch());
        self.note()
    }

    /// Tells this history of the room from others (threat G2).
    pub fn fork_tag(&self) -> Result<ForkTag, RoomError> {
        let exported = self
            .group
            .export_secret(self.provider.crypto(), TAG_LABEL, &[], ForkTag::LENGTH)
            .map_err(RoomError::library)?;
        ForkTag::new(&exported)
    }

    /// What has to be kept since the last call. Nothing while a commit waits for [`Room::apply`]: it comes again.
    pub fn changes(&mut self) -> Vec<Write> {
        if self.staged.is_some() { Vec::new() } else { self.provider.changes() }
    }

    /// Forgets the room.
    pub fn forget(self) -> Vec<Write> {
        self.provider.forget()
    }

    pub(super) fn own(&self) -> &Arc<OwnTerminal> {
        self.provider.own()
    }

    /// Refuses whatever is asked of a room that is frozen, or that this terminal is no longer in.
    pub(super) fn ready(&self) -> Result<(), RoomError> {
        match &self.notes.frozen {
            Some(why) => Err(RoomError::Frozen(why.clone())),
            None if !self.is_member() => Err(RoomError::Removed),
            None if self.staged.is_some() => Err(RoomError::Staged),
            None => Ok(()),
        }
    }

    pub(super) fn member_at(&self, leaf: LeafNodeIndex) -> Result<Member, Refusal> {
        self.group.member(leaf).ok_or(Refusal::Sender).and_then(credential::named)
    }

    pub(super) fn note(&mut self) -> Result<(), RoomError> {
        let bytes = serde_json::to_vec(&self.notes).map_err(RoomError::library)?;
        self.provider.storage().set_own(NOTES, Some(Zeroizing::new(bytes)));
        Ok(())
    }

    pub(super) fn set_pending(&mut self, commit: Option<Commit>) -> Result<(), RoomError> {
        let bytes = commit.as_ref().map(Commit::encode).transpose()?;
        self.provider.storage().set_own(COMMIT, bytes.map(Zeroizing::new));
        self.pending = commit;
        Ok(())
    }
}

pub(super) fn group_id(room: &RoomId) -> GroupId {
    GroupId::from_slice(room.as_bytes())
}
