//! The rooms of this terminal and its key packages: [`mls`] with what is remembered beside it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use common::crypto::identity::PublicKey;
use common::ident::{ContentDigest, GroupName, KeyDigest, RoomId, TerminalId, UserId};
use common::msg::{Member, TakenKeyPackage};

use super::overdue::Expected;
use crate::mls::{
    self, Frozen, KeyPackages, OwnTerminal, Room, RoomError, RoomMetadata, VerifiedCredential, VerifiedKeyPackage,
    Waiting,
};
use crate::model::Conversation;
use crate::persistence::{Rows, Write};

/// How long, in seconds, the terminals of a room count as known. Chosen arbitrarily.
pub(super) const SYNCED_FOR: u64 = 600;
/// Rooms with one other user that are kept; both sides may make one at the same time, and a lost state makes another.
pub(super) const DIRECT_ROOMS: usize = 4;
/// Forgotten rooms that are remembered; more only means a room of two too many. Chosen arbitrarily.
const FORMER_ROOMS: usize = 256;

/// All rooms of this terminal.
pub(crate) struct Rooms {
    pub(super) own: Arc<OwnTerminal>,
    pub(super) rooms: BTreeMap<RoomId, Room>,
    pub(super) key_packages: KeyPackages,
    /// Commits that were read and wait for certificates.
    pub(super) waiting: BTreeMap<RoomId, Waiting>,
    /// When a room's terminals were compared with the directory's, by the tick clock.
    synced: BTreeMap<RoomId, u64>,
    /// Rooms whose epoch was ended by a commit that has not come yet.
    expected: Expected,
    /// Rooms that were forgotten lately: what comes of them is late.
    former: VecDeque<RoomId>,
}

/// Shows no keys.
impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rooms({})", self.rooms.len())
    }
}

impl Rooms {
    /// Rebuilds the rooms from what was written.
    ///
    /// # Errors
    /// [`RoomError`] if this version cannot read them.
    pub(crate) fn load(own: &Arc<OwnTerminal>, rows: Rows) -> Result<Self, RoomError> {
        let (key_packages, rooms) = mls::restore(own, rows)?;
        let rooms = rooms.into_iter().map(|room| (room.id(), room)).collect();
        let (waiting, synced, expected, former) = Default::default();
        Ok(Self { own: Arc::clone(own), rooms, key_packages, waiting, synced, expected, former })
    }

    /// A room that can be used.
    fn usable(&self, room: &RoomId) -> Option<&Room> {
        self.rooms.get(room).filter(|mls| mls.frozen().is_none())
    }

    pub(crate) fn is_usable(&self, room: &RoomId) -> bool {
        self.usable(room).is_some()
    }

    /// Why a room cannot be used any more.
    pub(super) fn why_frozen(&self, room: &RoomId) -> Option<String> {
        self.rooms.get(room)?.frozen().map(ToString::to_string)
    }

    /// Members of a room whose key was not the pinned one when they came, with that key.
    pub(super) fn undecided(&self, room: &RoomId) -> &[(Member, KeyDigest)] {
        self.rooms.get(room).map_or(&[], Room::undecided)
    }

    /// Members of a room whose leaf was not verified when this terminal came in.
    pub(super) fn unverified(&self, room: &RoomId) -> &[Member] {
        self.rooms.get(room).map_or(&[], Room::unverified)
    }

    /// Rooms that cannot be used any more.
    pub(super) fn frozen(&self) -> impl Iterator<Item = RoomId> {
        self.rooms.iter().filter(|(_, mls)| mls.frozen().is_some()).map(|(id, _)| *id)
    }

    /// Whose commit, or whose room in its place, made a room unusable, where that is known.
    pub(super) fn frozen_by(&self, room: &RoomId) -> Option<Member> {
        let mls = self.rooms.get(room)?;
        let of_commit = mls.frozen().and_then(Frozen::author);
        mls.successor().map(|successor| &successor.by).or(of_commit).cloned()
    }

    /// What was to take the place of a room and could not be followed.
    pub(super) fn successor(&self, room: &RoomId) -> Option<&mls::Successor> {
        self.rooms.get(room)?.successor()
    }

    /// Whether the directory has forgotten changes of a room, so that it cannot go on.
    pub(super) fn has_gone_back(&self, room: &RoomId) -> bool {
        self.rooms.get(room).is_some_and(Room::has_gone_back)
    }

    /// Nothing is read or sent in the room any more.
    pub(super) fn give_up(&mut self, room: &RoomId, why: mls::Frozen) -> Vec<Write> {
        if let Some(mls) = self.rooms.get_mut(room) {
            // One that cannot note it is frozen in memory, and found so again at the next comparison.
            let _ = mls.freeze(why);
        }
        self.changes(room)
    }

    pub(super) fn ids(&self) -> Vec<RoomId> {
        self.rooms.keys().copied().collect()
    }

    pub(crate) fn epoch(&self, room: &RoomId) -> Option<u64> {
        self.rooms.get(room).map(Room::epoch)
    }

    pub(crate) fn users(&self, room: &RoomId) -> BTreeSet<UserId> {
        self.rooms.get(room).map(Room::users).unwrap_or_default()
    }

    /// In the order of their appointment.
    pub(crate) fn admins(&self, room: &RoomId) -> Vec<UserId> {
        self.rooms.get(room).map(Room::admins).unwrap_or_default()
    }

    /// Whether our user may add terminals of this one.
    pub(super) fn may_add(&self, room: &RoomId, user: &UserId) -> bool {
        let own = self.own.member().userid;
        self.rooms.get(room).is_some_and(|mls| match mls.charter() {
            RoomMetadata::Pair { .. } => true,
            charter @ RoomMetadata::Group { .. } => *user == own || charter.is_admin(&own),
        })
    }

    /// Whether our user may remove terminals of this one.
    pub(super) fn may_remove(&self, room: &RoomId, user: &UserId) -> bool {
        let own = self.own.member().userid;
        let stands_before = self.rooms.get(room).is_some_and(|mls| mls.charter().before(&own).contains(user));
        self.may_add(room, user) && !stands_before
    }

    pub(crate) fn terminals_of(&self, room: &RoomId, user: &UserId) -> BTreeSet<TerminalId> {
        let members = self.rooms.get(room).map(Room::members).unwrap_or_default();
        members.into_iter().filter(|member| member.userid == *user).map(|member| member.terminal).collect()
    }

    /// Of the users that are asked for, the one whose terminal is first in the tree: everybody finds the same.
    pub(crate) fn first_user(&self, room: &RoomId, asked: impl Fn(&UserId) -> bool) -> Option<UserId> {
        let members = self.rooms.get(room).map(Room::members).unwrap_or_default();
        members.into_iter().map(|member| member.userid).find(|user| asked(user))
    }

    /// Every user of every room.
    pub(crate) fn all_users(&self) -> BTreeSet<UserId> {
        self.rooms.values().flat_map(Room::users).collect()
    }

    pub(crate) fn with_user(&self, user: &UserId) -> Vec<RoomId> {
        let with = self.rooms.iter().filter(|(id, room)| self.is_usable(id) && room.users().contains(user));
        with.map(|(id, _)| *id).collect()
    }

    /// The room for mail to one user: of several the one that the other side made last, because an older one may be of no
    /// use there any more; of our own the one with the smallest name.
    pub(crate) fn direct_with(&self, user: &UserId) -> Option<RoomId> {
        let usable = self.directs_with(user).filter_map(|id| Some((self.usable(&id)?.joined(), id)));
        usable.max_by_key(|(joined, id)| (*joined, Reverse(*id))).map(|(_, id)| id)
    }

    /// The place of a room of two that is joined now: behind all others with that user, whatever dates the directory gives.
    pub(super) fn next_place(&self, newest: &Room) -> u64 {
        let others = self.rooms.values().filter(|room| room.charter() == newest.charter());
        others.map(Room::joined).max().unwrap_or_default().saturating_add(1)
    }

    pub(super) fn directs_with(&self, user: &UserId) -> impl Iterator<Item = RoomId> {
        let of_both = move |room: &Room| matches!(room.charter(), RoomMetadata::Pair { pair } if pair.contains(user));
        self.rooms.iter().filter(move |(_, room)| of_both(room)).map(|(id, _)| *id)
    }

    /// With whom one speaks in this room.
    pub(crate) fn conversation(&self, room: &RoomId) -> Option<Conversation> {
        Some(match self.rooms.get(room)?.charter() {
            RoomMetadata::Pair { pair } => {
                let own = self.own.member().userid;
                Conversation::User(pair.iter().find(|user| **user != own)?.clone())
            }
            RoomMetadata::Group { name, .. } => Conversation::Group(name.clone()),
        })
    }

    /// The rooms of two with this user that are more than so many beside the newest: first those that cannot be used, then the
    /// oldest.
    pub(super) fn surplus(&self, user: &UserId, newest: &RoomId, most: usize) -> Vec<RoomId> {
        let others = self.directs_with(user).filter(|id| id != newest);
        // The last of them is the one that mail goes into.
        let of_use = |id| Some((self.usable(&id).is_some(), self.rooms.get(&id)?.joined(), Reverse(id)));
        let mut others: Vec<(bool, u64, Reverse<RoomId>)> = others.filter_map(of_use).collect();
        others.sort();
        let surplus = others.len().saturating_sub(most);
        others.into_iter().take(surplus).map(|(_, _, Reverse(id))| id).collect()
    }

    pub(crate) fn create_direct(&mut self, id: RoomId, other: &UserId) -> Result<Vec<Write>, RoomError> {
        let surplus = self.surplus(other, &id, DIRECT_ROOMS);
        self.rooms.insert(id, Room::create_pair(&self.own, id, other)?);
        let mut changes = self.changes(&id);
        for old in surplus {
            changes.extend(self.forget(&old));
        }
        Ok(changes)
    }

    /// The terminals of a room.
    pub(super) fn members(&self, room: &RoomId) -> Vec<Member> {
        self.rooms.get(room).map(Room::members).unwrap_or_default()
    }

    /// The groups that there are rooms for.
    pub(crate) fn groups(&self) -> Vec<(GroupName, RoomId)> {
        let named = self.rooms.iter().filter_map(|(id, room)| match room.charter() {
            RoomMetadata::Group { name, .. } => Some((name.clone(), *id)),
            RoomMetadata::Pair { .. } => None,
        });
        named.collect()
    }

    /// The name and the admins of a group.
    pub(super) fn charter_of_group(&self, room: &RoomId) -> Option<(GroupName, Vec<UserId>)> {
        match self.rooms.get(room)?.charter() {
            RoomMetadata::Group { name, admins } => Some((name.clone(), admins.clone())),
            RoomMetadata::Pair { .. } => None,
        }
    }

    pub(crate) fn create_group(&mut self, id: RoomId, name: &GroupName) -> Result<Vec<Write>, RoomError> {
        self.rooms.insert(id, Room::create_group(&self.own, id, name)?);
        Ok(self.changes(&id))
    }

    /// What is to be kept of a room, and of the key packages, since last asked.
    pub(crate) fn changes(&mut self, room: &RoomId) -> Vec<Write> {
        let mut changes = self.rooms.get_mut(room).map(Room::changes).unwrap_or_default();
        changes.extend(self.key_packages.changes());
        changes
    }

    /// What comes of a room that this terminal is not in, or not any more, is nobody's who takes it for one of both.
    pub(super) fn pass_over(&mut self, room: &RoomId) {
        if self.former.contains(room) {
            return;
        }
        if self.former.len() == FORMER_ROOMS {
            self.former.pop_front();
        }
        self.former.push_back(*room);
    }

    /// Forgets a room.
    pub(crate) fn forget(&mut self, room: &RoomId) -> Vec<Write> {
        self.synced.remove(room);
        self.expected.remove(room);
        self.waiting.remove(room);
        self.pass_over(room);
        self.rooms.remove(room).map(Room::forget).unwrap_or_default()
    }

    pub(crate) fn seal(&mut self, room: &RoomId, letter: &[u8]) -> Option<Vec<u8>> {
        self.rooms.get_mut(room)?.seal(letter).ok()
    }

    pub(crate) fn note_leave(&mut self, room: &RoomId, user: &UserId) {
        // The note is made in memory; that cannot fail where the room could be read.
        let _ = self.rooms.get_mut(room).map(|mls| mls.leaves(user));
    }

    /// Whether somebody who said goodbye is still in the room.
    pub(crate) fn has_leaving(&self, room: &RoomId) -> bool {
        self.rooms.get(room).is_some_and(|mls| !mls.leaving().is_empty())
    }

    pub(crate) fn newcomer(
        &self,
        user: &UserId,
        (key, carried): (&PublicKey, &BTreeSet<ContentDigest>),
        taken: &TakenKeyPackage,
    ) -> Option<VerifiedKeyPackage> {
        let vouched = VerifiedCredential::carried(user, &taken.certificate, key, carried.clone()).ok()?;
        VerifiedKeyPackage::verify(&self.own, vouched, &taken.package.0).ok()
    }

    pub(crate) fn is_synced(&self, room: &RoomId) -> bool {
        self.synced.contains_key(room)
    }

    pub(crate) fn set_synced(&mut self, room: &RoomId, tick: u64) {
        self.synced.insert(*room, tick);
    }

    pub(crate) fn set_not_synced(&mut self, room: &RoomId) {
        self.synced.remove(room);
    }

    /// Rooms whose terminals were compared long ago count as not compared.
    pub(crate) fn forget_old_comparisons(&mut self, tick: u64) {
        self.synced.retain(|_, then| *then + SYNCED_FOR > tick);
    }

    pub(crate) fn expect_commit(&mut self, room: &RoomId, tick: u64) {
        self.expected.add(room, tick);
    }

    pub(crate) fn expects_commit(&self, room: &RoomId) -> bool {
        self.expected.contains(room)
    }

    /// Rooms whose epoch was ended by a commit that has not come yet.
    pub(super) fn expected(&mut self) -> &mut Expected {
        &mut self.expected
    }

    /// When one of them has been awaited for long, by the tick clock.
    pub(super) fn overdue_at(&self) -> Option<u64> {
        self.expected.overdue_at()
    }

    /// Everything that waited was taken, so what was expected has come.
    pub(crate) fn expect_nothing(&mut self) {
        self.expected = Expected::default();
    }

    /// Whether it is a room of two that cannot be used any more.
    pub(super) fn is_frozen_pair(&self, room: &RoomId) -> bool {
        let is_pair = |mls: &Room| matches!(mls.charter(), RoomMetadata::Pair { .. });
        self.rooms.get(room).is_some_and(|mls| mls.frozen().is_some() && is_pair(mls))
    }

    /// Whether this terminal was never in this room, as far as it remembers.
    pub(super) fn is_strange(&self, room: &RoomId) -> bool {
        !self.rooms.contains_key(room) && !self.former.contains(room)
    }
}
