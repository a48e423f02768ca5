//! The rooms of this terminal and its key packages: [`mls`] with what the post office adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::crypto::identity::PublicKey;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::limits::{KEY_PACKAGES_IN_ONE, KEY_PACKAGES_LOW};
use common::msg::{Certificate, KeyPackagePut, KeyPackageState, MailItem, MailKind, Member, Piece, TakenKeyPackage};
use zeroize::Zeroizing;

use super::desk::Desk;
use super::{Rows, Step};
use crate::mls::{self, Edit, Invitation, KeyPackages, Outcome, OwnTerminal, Room, RoomError, RoomMetadata, Waiting};
use crate::model::Conversation;
use crate::persistence::Write;

pub(super) use crate::mls::{VerifiedCredential, VerifiedKeyPackage};

/// What an item turned out to be.
#[derive(Debug)]
pub(super) enum Opened {
    /// Nothing for us, or nothing that can be read.
    Nothing,
    /// These certificates are needed to judge it.
    Needs(Vec<Member>),
    /// A letter.
    Letter { from: Member, bytes: Zeroizing<Vec<u8>> },
    /// A commit, which was followed.
    Committed(MembershipDiff),
    /// We are in the room from now on.
    Joined,
    /// The room can be used no more, and why.
    Frozen(String),
    /// We lack what others have: our state is an old copy.
    OldCopy,
}

/// What a commit changed.
#[derive(Debug, Default)]
pub(super) struct MembershipDiff {
    pub(super) joined: Vec<UserId>,
    pub(super) left: Vec<UserId>,
    /// Users who stay, but not at all of their terminals.
    pub(super) replaced: Vec<UserId>,
    /// New admins.
    pub(super) admins: Vec<UserId>,
    pub(super) removed_us: bool,
}

/// What is to change in a room.
#[derive(Debug)]
pub(super) enum MembershipChange {
    Add(Box<VerifiedKeyPackage>),
    RemoveTerminal(Member),
    RemoveUser(UserId),
    Promote(UserId),
}

/// A commit for the directory.
pub(super) struct OutgoingCommit {
    pub(super) epoch: u64,
    pub(super) members: Vec<Member>,
    pub(super) commit: Vec<u8>,
    pub(super) welcome: Vec<u8>,
    /// The group's entry, where it changes.
    pub(super) entry: Option<(GroupName, BTreeSet<UserId>)>,
}

/// How long, in seconds, the terminals of a room count as known. Chosen arbitrarily.
const SYNCED_FOR: u64 = 600;
/// Key packages that a terminal keeps with the directory.
const PACKAGES: u32 = 32;
/// Rooms with one other user that are kept; both sides may make one at the same time, and a lost state makes another.
const PAIR_ROOMS: usize = 4;

/// All rooms of this terminal.
pub(super) struct Rooms {
    own: Arc<OwnTerminal>,
    rooms: BTreeMap<RoomId, Room>,
    key_packages: KeyPackages,
    /// Commits that were read and wait for certificates.
    waiting: BTreeMap<RoomId, Waiting>,
    /// When a room's terminals were compared with the directory's, by the tick clock.
    synced: BTreeMap<RoomId, u64>,
    /// Rooms whose epoch was ended by a commit that has not come yet.
    commit_expected: BTreeSet<RoomId>,
    /// How often we have said something of our key packages that was not answered.
    publishing: usize,
}

/// Shows no keys.
impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rooms({})", self.rooms.len())
    }
}

impl Rooms {
    pub(super) fn load(
        user: &UserId,
        terminal: TerminalIdentity,
        certificate: &Certificate,
        seed: [u8; 32],
        rows: Rows,
    ) -> Result<Self, RoomError> {
        let own = Arc::new(OwnTerminal::new(user, terminal, certificate, seed));
        let (key_packages, rooms) = mls::restore(&own, rows)?;
        let rooms = rooms.into_iter().map(|room| (room.id(), room)).collect();
        let (waiting, synced, commit_expected) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Ok(Self { own, rooms, key_packages, waiting, synced, commit_expected, publishing: 0 })
    }

    /// A room that can be used.
    fn usable(&self, room: &RoomId) -> Option<&Room> {
        self.rooms.get(room).filter(|mls| mls.frozen().is_none())
    }

    pub(super) fn is_usable(&self, room: &RoomId) -> bool {
        self.usable(room).is_some()
    }

    pub(super) fn epoch(&self, room: &RoomId) -> Option<u64> {
        self.rooms.get(room).map(Room::epoch)
    }

    pub(super) fn users(&self, room: &RoomId) -> BTreeSet<UserId> {
        self.rooms.get(room).map(Room::users).unwrap_or_default()
    }

    pub(super) fn admins(&self, room: &RoomId) -> BTreeSet<UserId> {
        self.rooms.get(room).map(Room::admins).unwrap_or_default()
    }

    pub(super) fn terminals_of(&self, room: &RoomId, user: &UserId) -> BTreeSet<TerminalId> {
        let members = self.rooms.get(room).map(Room::members).unwrap_or_default();
        members.into_iter().filter(|member| member.userid == *user).map(|member| member.terminal).collect()
    }

    /// Of the users that are asked for, the one whose terminal is first in the tree: everybody finds the same.
    pub(super) fn first_user(&self, room: &RoomId, asked: impl Fn(&UserId) -> bool) -> Option<UserId> {
        let members = self.rooms.get(room).map(Room::members).unwrap_or_default();
        members.into_iter().map(|member| member.userid).find(|user| asked(user))
    }

    /// Every user of every room.
    pub(super) fn all_users(&self) -> BTreeSet<UserId> {
        self.rooms.values().flat_map(Room::users).collect()
    }

    pub(super) fn with_user(&self, user: &UserId) -> Vec<RoomId> {
        let with = self.rooms.iter().filter(|(id, room)| self.is_usable(id) && room.users().contains(user));
        with.map(|(id, _)| *id).collect()
    }

    /// The room for mail to one user: of several, both sides take the one with the smallest name.
    pub(super) fn pair_with(&self, user: &UserId) -> Option<RoomId> {
        self.pairs_with(user).find(|id| self.is_usable(id))
    }

    fn pairs_with(&self, user: &UserId) -> impl Iterator<Item = RoomId> {
        let of_both = move |room: &Room| matches!(room.charter(), RoomMetadata::Pair { pair } if pair.contains(user));
        self.rooms.iter().filter(move |(_, room)| of_both(room)).map(|(id, _)| *id)
    }

    /// With whom one speaks in this room.
    pub(super) fn conversation(&self, room: &RoomId) -> Option<Conversation> {
        Some(match self.rooms.get(room)?.charter() {
            RoomMetadata::Pair { pair } => {
                let own = self.own.member().userid;
                Conversation::User(pair.iter().find(|user| **user != own)?.clone())
            }
            RoomMetadata::Group { name, .. } => Conversation::Group(name.clone()),
        })
    }

    pub(super) fn create_pair(&mut self, id: RoomId, other: &UserId) -> Result<Vec<Write>, RoomError> {
        let surplus: Vec<RoomId> = self.pairs_with(other).skip(PAIR_ROOMS).collect();
        self.rooms.insert(id, Room::create_pair(&self.own, id, other)?);
        let mut changes = self.changes(&id);
        for old in surplus {
            changes.extend(self.forget(&old));
        }
        Ok(changes)
    }

    /// The groups that there are rooms for.
    pub(super) fn groups(&self) -> Vec<(GroupName, RoomId)> {
        let named = self.rooms.iter().filter_map(|(id, room)| match room.charter() {
            RoomMetadata::Group { name, .. } => Some((name.clone(), *id)),
            RoomMetadata::Pair { .. } => None,
        });
        named.collect()
    }

    pub(super) fn create_group(&mut self, id: RoomId, name: &GroupName) -> Result<Vec<Write>, RoomError> {
        self.rooms.insert(id, Room::create_group(&self.own, id, name)?);
        Ok(self.changes(&id))
    }

    /// What is to be kept of a room, and of the key packages, since last asked.
    pub(super) fn changes(&mut self, room: &RoomId) -> Vec<Write> {
        let mut changes = self.rooms.get_mut(room).map(Room::changes).unwrap_or_default();
        changes.extend(self.key_packages.changes());
        changes
    }

    /// Forgets a room.
    pub(super) fn forget(&mut self, room: &RoomId) -> Vec<Write> {
        self.synced.remove(room);
        self.commit_expected.remove(room);
        self.waiting.remove(room);
        self.rooms.remove(room).map(Room::forget).unwrap_or_default()
    }

    /// Signs with the key of this terminal.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.own.sign_plain(message)
    }

    pub(super) fn seal(&mut self, room: &RoomId, letter: &[u8]) -> Option<Vec<u8>> {
        self.rooms.get_mut(room)?.seal(letter).ok()
    }

    /// The entry and the roster of a group that was just created.
    pub(super) fn founding(&self, room: &RoomId) -> Option<OutgoingCommit> {
        let mls = self.rooms.get(room)?;
        let RoomMetadata::Group { name, admins } = mls.charter() else { return None };
        Some(OutgoingCommit {
            epoch: mls.epoch(),
            members: mls.members(),
            commit: Vec::new(),
            welcome: Vec::new(),
            entry: Some((name.clone(), admins.clone())),
        })
    }

    /// Makes a commit; nothing if there is nothing to change.
    pub(super) fn propose(
        &mut self,
        room: &RoomId,
        wishes: Vec<MembershipChange>,
    ) -> Result<Option<OutgoingCommit>, RoomError> {
        let Some(mls) = self.rooms.get_mut(room) else { return Ok(None) };
        let members = mls.members();
        let mut edit = Edit::default();
        let mut gone: BTreeSet<UserId> = mls.leaving().clone();
        for wish in wishes {
            match wish {
                MembershipChange::Add(newcomer) => edit.add.push(*newcomer),
                MembershipChange::RemoveTerminal(member) => edit.remove.push(member),
                MembershipChange::RemoveUser(user) => drop(gone.insert(user)),
                MembershipChange::Promote(user) => edit.admins.get_or_insert_with(|| mls.admins()).extend([user]),
            }
        }
        gone.remove(&self.own.member().userid);
        edit.add.retain(|newcomer| !gone.contains(&newcomer.member().userid));
        edit.remove.extend(members.into_iter().filter(|member| gone.contains(&member.userid)));
        edit.remove.sort();
        edit.remove.dedup();
        if edit.add.is_empty() && edit.remove.is_empty() && edit.admins.is_none() {
            return Ok(None);
        }
        if mls.pending().is_some() {
            // Of an earlier session, and not taken: everything that was taken has come by now.
            mls.drop_commit()?;
        }
        let commit = mls.propose(&edit)?;
        let entry = match (mls.charter(), commit.admins) {
            (RoomMetadata::Group { name, .. }, Some(admins)) => Some((name.clone(), admins)),
            _ => None,
        };
        let mls::Commit { epoch, members, commit, welcome, .. } = commit;
        Ok(Some(OutgoingCommit { epoch, members, commit, welcome, entry }))
    }

    pub(super) fn drop_commit(&mut self, room: &RoomId) {
        // What cannot be dropped cannot be merged either: it is replaced by the next.
        let _ = self.rooms.get_mut(room).map(Room::drop_commit);
    }

    /// Opens a message or a commit of a room that we are in.
    pub(super) fn open(&mut self, item: &MailItem, bytes: &[u8], vouched: &[VerifiedCredential]) -> Opened {
        let Some(mls) = self.rooms.get_mut(&item.room).filter(|mls| mls.frozen().is_none()) else {
            return Opened::Nothing;
        };
        if item.kind == MailKind::Message {
            return match mls.open(bytes) {
                Ok(mls::ProcessedMessage { from, letter }) => Opened::Letter { from, bytes: Zeroizing::new(letter) },
                Err(RoomError::Frozen(why)) => Opened::Frozen(why.to_string()),
                Err(RoomError::Ahead { .. }) => Opened::OldCopy,
                Err(_) => Opened::Nothing,
            };
        }
        let waiting = match self.waiting.remove(&item.room) {
            Some(waiting) => waiting,
            None => match mls.open_commit(bytes) {
                Ok(waiting) => waiting,
                Err(RoomError::Past { .. }) => return Opened::Nothing,
                Err(RoomError::Ahead { .. } | RoomError::Own) => return Opened::OldCopy,
                Err(error) => return Opened::Frozen(error.to_string()),
            },
        };
        let unknown = |member: &&Member| !vouched.iter().any(|known| known.member() == **member);
        if vouched.is_empty() && !waiting.newcomers.is_empty() {
            let missing = waiting.newcomers.iter().filter(unknown).cloned().collect();
            self.waiting.insert(item.room, waiting);
            return Opened::Needs(missing);
        }
        let (users, admins, own) = (mls.users(), mls.admins(), self.own.member());
        match mls.apply(vouched) {
            Ok(outcome) => {
                self.commit_expected.remove(&item.room);
                Opened::Committed(MembershipDiff::of(&outcome, &users, &admins, &own))
            }
            Err(error) => {
                // A certificate that is not to be had counts as a false one.
                let _ = mls.freeze(mls::Frozen::Unreadable(error.to_string()));
                Opened::Frozen(error.to_string())
            }
        }
    }

    /// Opens a welcome, and joins if the room is what it should be.
    pub(super) fn join(
        &mut self,
        item: &MailItem,
        bytes: &[u8],
        vouched: &[VerifiedCredential],
        expected: &BTreeSet<GroupName>,
        blocked: impl Fn(&UserId) -> bool,
    ) -> Opened {
        if self.rooms.contains_key(&item.room) {
            return Opened::Nothing;
        }
        let Ok(invitation) = Invitation::open(&self.key_packages, item.room, bytes) else { return Opened::Nothing };
        if blocked(&invitation.by().userid) {
            invitation.refuse(&mut self.key_packages);
            return Opened::Nothing;
        }
        let needed = invitation.needs();
        if vouched.is_empty() && !needed.is_empty() {
            return Opened::Needs(needed);
        }
        match invitation.accept(&mut self.key_packages, vouched, expected) {
            Ok(room) => {
                self.rooms.insert(item.room, room);
                Opened::Joined
            }
            // Nobody here asked for it, or somebody in it is not who they say: we are not in it, and that is all.
            Err(_) => Opened::Nothing,
        }
    }

    pub(super) fn note_leave(&mut self, room: &RoomId, user: &UserId) {
        // The note is made in memory; that cannot fail where the room could be read.
        let _ = self.rooms.get_mut(room).map(|mls| mls.leaves(user));
    }

    /// Whether somebody who said goodbye is still in the room.
    pub(super) fn has_leaving(&self, room: &RoomId) -> bool {
        self.rooms.get(room).is_some_and(|mls| !mls.leaving().is_empty())
    }

    pub(super) fn newcomer(
        &self,
        user: &UserId,
        key: &PublicKey,
        taken: &TakenKeyPackage,
    ) -> Option<VerifiedKeyPackage> {
        let vouched = VerifiedCredential::verify(user, &taken.certificate, key).ok()?;
        VerifiedKeyPackage::verify(&self.own, vouched, &taken.package.0).ok()
    }

    pub(super) fn is_synced(&self, room: &RoomId) -> bool {
        self.synced.contains_key(room)
    }

    pub(super) fn set_synced(&mut self, room: &RoomId, tick: u64) {
        self.synced.insert(*room, tick);
    }

    pub(super) fn set_not_synced(&mut self, room: &RoomId) {
        self.synced.remove(room);
    }

    /// Rooms whose terminals were compared long ago count as not compared.
    pub(super) fn forget_old_comparisons(&mut self, tick: u64) {
        self.synced.retain(|_, then| *then + SYNCED_FOR > tick);
    }

    pub(super) fn expect_commit(&mut self, room: &RoomId) {
        self.commit_expected.insert(*room);
    }

    pub(super) fn expects_commit(&self, room: &RoomId) -> bool {
        self.commit_expected.contains(room)
    }

    /// Everything that waited was taken, so what was expected has come.
    pub(super) fn expect_nothing(&mut self) {
        self.commit_expected.clear();
    }

    /// Asks how many of our key packages the directory has; [`Rooms::publish`] follows.
    pub(super) fn ask_for_key_packages(&mut self, desk: &mut Desk, step: &mut Step<'_>) {
        self.publishing = 1;
        desk.say(step, KeyPackagePut { packages: Vec::new(), last_resort: None });
    }

    /// Whether our key packages are on their way.
    pub(super) fn is_publishing(&self) -> bool {
        self.publishing > 0
    }

    /// The session is gone.
    pub(super) fn stop_publishing(&mut self) {
        self.publishing = 0;
    }

    /// Publishes as many key packages as are missing (threat G4).
    pub(super) fn publish(&mut self, desk: &mut Desk, step: &mut Step<'_>, state: KeyPackageState) {
        self.publishing = self.publishing.saturating_sub(1);
        if self.publishing > 0 {
            // The rest of what was published is not counted yet.
            return;
        }
        let low = state.left < u32::try_from(KEY_PACKAGES_LOW).unwrap_or(u32::MAX);
        let missing = if low { PACKAGES.saturating_sub(state.left) } else { 0 };
        let packages: Vec<Piece> = (0..missing).map_while(|_| self.key_packages.generate().ok()).map(Piece).collect();
        let mut last_resort =
            if state.last_resort { None } else { self.key_packages.generate_last_resort().ok().map(Piece) };
        if packages.is_empty() && last_resort.is_none() {
            return;
        }
        step.keep(self.key_packages.changes());
        let mut rest = packages.as_slice();
        while !rest.is_empty() || last_resort.is_some() {
            let (now, later) = rest.split_at(rest.len().min(KEY_PACKAGES_IN_ONE));
            desk.say(step, KeyPackagePut { packages: now.to_vec(), last_resort: last_resort.take() });
            self.publishing += 1;
            rest = later;
        }
    }
}

impl MembershipDiff {
    fn of(outcome: &Outcome, users: &BTreeSet<UserId>, admins: &BTreeSet<UserId>, own: &Member) -> Self {
        let after: BTreeSet<UserId> = outcome.members.iter().map(|member| member.userid.clone()).collect();
        let replaced: BTreeSet<UserId> = outcome.removed.iter().map(|member| member.userid.clone()).collect();
        let admins_after = match &outcome.charter {
            RoomMetadata::Pair { .. } => BTreeSet::new(),
            RoomMetadata::Group { admins, .. } => admins.clone(),
        };
        Self {
            joined: after.difference(users).cloned().collect(),
            left: users.difference(&after).cloned().collect(),
            replaced: replaced.intersection(&after).cloned().collect(),
            admins: admins_after.difference(admins).cloned().collect(),
            removed_us: outcome.removed.contains(own),
        }
    }
}

#[cfg(test)]
mod tests;
