//! The groups this terminal knows of, as rows: our room, who waits to be admitted, whom we have asked; and, when we are in it
//! no more, which group it was (decision D31).

use std::collections::BTreeMap;

use common::ident::{GroupName, RoomId, UserId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::persistence::{Rows, Table, Write};

/// One group, as it is written.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// Our room, once we are a member.
    pub(super) room: Option<RoomId>,
    /// Whether the user has asked to join.
    pub(super) asked: bool,
    /// Who waits for an admin's decision.
    pub(super) waiting: Vec<UserId>,
    /// The group that the user has asked to join; versions before did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked_of: Option<Identity>,
    /// The group of this name that the user was in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) former: Option<Identity>,
    /// The room of another group of this name that the user was warned of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) warned_of: Option<RoomId>,
}

/// Which of the groups that have had a name one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) room: RoomId,
    /// Its admins, in the order of their appointment.
    pub(super) admins: Vec<UserId>,
    /// Who was in it when our user was; versions before did not keep it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) members: Vec<UserId>,
}

impl Identity {
    /// Whether a group is the same: its room is, or it was founded anew and goes on under the same first admin.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.room == other.room || (!self.admins.is_empty() && self.admins.first() == other.admins.first())
    }
}

/// The groups this terminal knows of.
#[derive(Debug, Default)]
pub(super) struct KnownGroups(BTreeMap<GroupName, Group>);

impl KnownGroups {
    /// Reads what was written; rows that cannot be read are of a later version and stay where they are.
    pub(super) fn load(rows: Rows) -> Self {
        let read = |(key, value): (Vec<u8>, Zeroizing<Vec<u8>>)| {
            let name = GroupName::parse(std::str::from_utf8(&key).ok()?).ok()?;
            Some((name, serde_json::from_slice(&value).ok()?))
        };
        Self(rows.into_iter().filter_map(read).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&GroupName, &Group)> {
        self.0.iter()
    }

    pub(super) fn of(&self, group: &GroupName) -> Option<&Group> {
        self.0.get(group)
    }

    /// The room of a group we are a member of.
    pub(super) fn room(&self, group: &GroupName) -> Option<RoomId> {
        self.0.get(group)?.room
    }

    /// The rooms of groups that we are in no more.
    pub(super) fn former_rooms(&self) -> impl Iterator<Item = (&GroupName, RoomId)> {
        let out = self.0.iter().filter(|(_, known)| known.room.is_none());
        out.filter_map(|(name, known)| Some((name, known.former.as_ref()?.room)))
    }

    pub(super) fn has_asked(&self, group: &GroupName) -> bool {
        self.0.get(group).is_some_and(|known| known.asked)
    }

    pub(super) fn waiting(&self, group: &GroupName) -> &[UserId] {
        self.0.get(group).map_or(&[], |known| &known.waiting)
    }

    /// Changes a group; one that we were never in nor want to be in is forgotten.
    pub(super) fn change(&mut self, group: &GroupName, change: impl FnOnce(&mut Group)) -> Write {
        let known = self.0.entry(group.clone()).or_default();
        change(known);
        let key = group.as_str().as_bytes().to_vec();
        if known.room.is_none() && !known.asked && known.former.is_none() {
            self.0.remove(group);
            return Write::Delete { kind: Table::Group, key };
        }
        // Writing plain structs of strings and numbers to memory cannot fail.
        let value = Zeroizing::new(serde_json::to_vec(known).unwrap_or_default());
        Write::Put { kind: Table::Group, key, value }
    }

    /// We are in this room of the group from now on; who waits for a decision goes on waiting.
    pub(super) fn joined(&mut self, group: &GroupName, room: RoomId) -> Write {
        self.change(group, |known| {
            let waiting = std::mem::take(&mut known.waiting);
            *known = Group { room: Some(room), waiting, ..Group::default() };
        })
    }

    pub(super) fn no_longer_waits(&mut self, group: &GroupName, user: &UserId) -> Option<Write> {
        let waits = self.waiting(group).contains(user);
        waits.then(|| self.change(group, |known| known.waiting.retain(|other| other != user)))
    }

    /// A room is gone, and so is our membership; which group it was is remembered.
    pub(super) fn forget_room(
        &mut self,
        room: &RoomId,
        (admins, members): (Vec<UserId>, Vec<UserId>),
    ) -> Option<Write> {
        let of_room = self.0.iter().find(|(_, known)| known.room == Some(*room)).map(|(name, _)| name.clone());
        let former = Some(Identity { room: *room, admins, members });
        of_room.map(|name| self.change(&name, |known| *known = Group { former, ..Group::default() }))
    }
}
