//! The groups this terminal knows of, as rows: our room, and who waits to be admitted.

use std::collections::{BTreeMap, BTreeSet};

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

    /// The room of a group we are a member of.
    pub(super) fn room(&self, group: &GroupName) -> Option<RoomId> {
        self.0.get(group)?.room
    }

    pub(super) fn has_asked(&self, group: &GroupName) -> bool {
        self.0.get(group).is_some_and(|known| known.asked)
    }

    /// Groups whose welcome is expected: the user has asked to join, or this terminal has lost its state.
    pub(super) fn expected(&self, is_known: impl Fn(&RoomId) -> bool) -> BTreeSet<GroupName> {
        let lost = |known: &Group| known.room.is_some_and(|room| !is_known(&room));
        self.0.iter().filter(|(_, known)| known.asked || lost(known)).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn waiting(&self, group: &GroupName) -> &[UserId] {
        self.0.get(group).map_or(&[], |known| &known.waiting)
    }

    /// Changes a group; one that we are neither in nor want to be in is forgotten.
    pub(super) fn change(&mut self, group: &GroupName, change: impl FnOnce(&mut Group)) -> Write {
        let known = self.0.entry(group.clone()).or_default();
        change(known);
        let key = group.as_str().as_bytes().to_vec();
        if known.room.is_none() && !known.asked {
            self.0.remove(group);
            return Write::Delete { kind: Table::Group, key };
        }
        // Writing plain structs of strings and numbers to memory cannot fail.
        let value = Zeroizing::new(serde_json::to_vec(known).unwrap_or_default());
        Write::Put { kind: Table::Group, key, value }
    }

    pub(super) fn joined(&mut self, group: &GroupName, room: RoomId) -> Write {
        self.change(group, |known| (known.room, known.asked) = (Some(room), false))
    }

    pub(super) fn no_longer_waits(&mut self, group: &GroupName, user: &UserId) -> Option<Write> {
        let waits = self.waiting(group).contains(user);
        waits.then(|| self.change(group, |known| known.waiting.retain(|other| other != user)))
    }

    /// A room is gone, and so is our membership.
    pub(super) fn forget_room(&mut self, room: &RoomId) -> Option<Write> {
        let of_room = self.0.iter().find(|(_, known)| known.room == Some(*room)).map(|(name, _)| name.clone());
        of_room.map(|name| self.change(&name, |known| *known = Group::default()))
    }
}
