//! The commits that this terminal makes: what becomes of wishes for a room, and the first one of a group.

use std::collections::BTreeSet;

use common::ident::{GroupName, RoomId, UserId};
use common::msg::Member;

use super::changes::{MembershipChange, OutgoingCommit};
use super::registry::Rooms;
use crate::mls::{self, Edit, Room, RoomError, RoomMetadata, VerifiedKeyPackage};

impl Rooms {
    /// The entry and the roster of a group that was just created.
    pub(crate) fn founding(&self, room: &RoomId) -> Option<OutgoingCommit> {
        let mls = self.rooms.get(room)?;
        let RoomMetadata::Group { name, admins } = mls.charter() else { return None };
        Some(OutgoingCommit {
            epoch: mls.epoch(),
            members: mls.members(),
            commit: Vec::new(),
            welcome: Vec::new(),
            entry: Some((name.clone(), admins.clone())),
            again: Vec::new(),
            replaces: None,
        })
    }

    /// Makes the room of a group that is founded anew, with these admins, and the commit that adds everybody.
    pub(super) fn found_anew(
        &mut self,
        id: RoomId,
        (replaces, name, admins): (Option<RoomId>, GroupName, Vec<UserId>),
        newcomers: Vec<VerifiedKeyPackage>,
    ) -> Result<Option<OutgoingCommit>, RoomError> {
        let own = self.own.member().userid;
        let place = admins.iter().position(|admin| *admin == own).unwrap_or(admins.len());
        let comes = |user: &UserId| newcomers.iter().any(|newcomer| newcomer.member().userid == *user);
        let stays = |(at, admin): &(usize, UserId)| *at <= place || comes(admin);
        let admins: Vec<UserId> = admins.into_iter().enumerate().filter(stays).map(|(_, admin)| admin).collect();
        let mut mls = Room::create_with(&self.own, id, &name, admins.clone())?;
        let commit = mls.propose(&Edit { add: newcomers, ..Edit::default() })?;
        self.rooms.insert(id, mls);
        let mls::Commit { epoch, members, commit, welcome, .. } = commit;
        let entry = Some((name, admins));
        Ok(Some(OutgoingCommit { epoch, members, commit, welcome, entry, again: Vec::new(), replaces }))
    }

    /// Makes a commit; nothing if there is nothing to change.
    pub(crate) fn propose(
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
                MembershipChange::Promote(user) => {
                    let admins = edit.admins.get_or_insert_with(|| charter_admins(mls));
                    if !admins.contains(&user) {
                        admins.push(user);
                    }
                }
                MembershipChange::StepDown => {
                    let own = self.own.member().userid;
                    edit.admins.get_or_insert_with(|| charter_admins(mls)).retain(|admin| *admin != own);
                }
            }
        }
        gone.remove(&self.own.member().userid);
        edit.add.retain(|newcomer| !gone.contains(&newcomer.member().userid));
        edit.remove.extend(members.iter().filter(|member| gone.contains(&member.userid)).cloned());
        edit.remove.sort();
        edit.remove.dedup();
        if matches!(mls.charter(), RoomMetadata::Pair { .. }) {
            keep_both(&members, &mut edit);
        }
        edit.admins = edit.admins.filter(|admins| *admins != charter_admins(mls));
        if edit.add.is_empty() && edit.remove.is_empty() && edit.admins.is_none() {
            return Ok(None);
        }
        if mls.pending().is_some() {
            // Of an earlier session, and not taken: everything that was taken has come by now.
            mls.drop_commit()?;
        }
        let added = |member: &Member| edit.add.iter().any(|newcomer| newcomer.member() == *member);
        let again = edit.remove.iter().filter(|member| added(member)).cloned().collect();
        let commit = mls.propose(&edit)?;
        let entry = match (mls.charter(), commit.admins) {
            (RoomMetadata::Group { name, .. }, Some(admins)) => Some((name.clone(), admins)),
            _ => None,
        };
        let mls::Commit { epoch, members, commit, welcome, .. } = commit;
        Ok(Some(OutgoingCommit { epoch, members, commit, welcome, entry, again, replaces: None }))
    }

    pub(crate) fn drop_commit(&mut self, room: &RoomId) {
        // What cannot be dropped cannot be merged either: it is replaced by the next.
        let _ = self.rooms.get_mut(room).map(Room::drop_commit);
    }
}

/// From a room of two nobody removes the other one: the last terminal of a user goes only when another takes its place.
fn keep_both(members: &[Member], edit: &mut Edit) {
    let leaving = edit.remove.clone();
    let goes_on = |user: &UserId| {
        let stays = members.iter().any(|member| member.userid == *user && !leaving.contains(member));
        stays || edit.add.iter().any(|newcomer| newcomer.member().userid == *user)
    };
    let removed = leaving.iter().filter(|member| goes_on(&member.userid)).cloned().collect();
    edit.remove = removed;
}

/// The admins of a group as its charter has them.
fn charter_admins(mls: &Room) -> Vec<UserId> {
    match mls.charter() {
        RoomMetadata::Group { admins, .. } => admins.clone(),
        RoomMetadata::Pair { .. } => Vec::new(),
    }
}
