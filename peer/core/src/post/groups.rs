//! Wishes about groups, and who waits to be admitted (protocol sections 6.7, 6.9).

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{GroupHandle, GroupName, RoomId, UserId};
use common::msg::{Body, GroupReply, GroupReq};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::desk::Asked;
use super::errands::Errand;
use super::rooms::Rooms;
use super::{Post, Rows, Step};
use crate::command::GroupWish;
use crate::model::Conversation;
use crate::notice::{GroupNews, ListedGroup, Notice, Role};
use crate::persistence::{Table, Write};

/// One group, as it is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Group {
    /// Our room, once we are a member.
    room: Option<RoomId>,
    /// Whether the person has asked to join.
    asked: bool,
    /// Who waits for an admin's decision.
    waiting: Vec<UserId>,
}

/// The groups this terminal knows of.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<GroupName, Group>);

impl Groups {
    pub(super) fn load(rows: Rows) -> Self {
        let read = |(key, value): (Vec<u8>, Zeroizing<Vec<u8>>)| {
            let name = GroupName::parse(std::str::from_utf8(&key).ok()?).ok()?;
            Some((name, serde_json::from_slice(&value).ok()?))
        };
        Self(rows.into_iter().filter_map(read).collect())
    }

    /// The room of a group we are a member of.
    pub(super) fn room(&self, group: &GroupName) -> Option<RoomId> {
        self.0.get(group)?.room
    }

    pub(super) fn has_asked(&self, group: &GroupName) -> bool {
        self.0.get(group).is_some_and(|known| known.asked)
    }

    /// Groups whose welcome is expected: the person has asked to join, or this terminal has lost its state.
    pub(super) fn expected(&self, rooms: &Rooms) -> BTreeSet<GroupName> {
        let lost = |known: &Group| known.room.is_some_and(|room| rooms.epoch(&room).is_none());
        self.0.iter().filter(|(_, known)| known.asked || lost(known)).map(|(name, _)| name.clone()).collect()
    }

    fn waiting(&self, group: &GroupName) -> &[UserId] {
        self.0.get(group).map_or(&[], |known| &known.waiting)
    }

    fn change(&mut self, group: &GroupName, change: impl FnOnce(&mut Group)) -> Write {
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

    pub(super) fn joined(&mut self, group: &GroupName, room: RoomId) -> Option<Write> {
        Some(self.change(group, |known| (known.room, known.asked) = (Some(room), false)))
    }

    pub(super) fn no_longer_waits(&mut self, group: &GroupName, user: &UserId) -> Option<Write> {
        let waits = self.waiting(group).contains(user);
        waits.then(|| self.change(group, |known| known.waiting.retain(|other| other != user)))
    }

    /// A room is gone, and so is our membership.
    pub(super) fn forget_room(&mut self, room: &RoomId) -> Vec<Write> {
        let of_room = self.0.iter().find(|(_, known)| known.room == Some(*room)).map(|(name, _)| name.clone());
        of_room.map(|name| self.change(&name, |known| *known = Group::default())).into_iter().collect()
    }
}

impl Post {
    /// Carries out what the person wants of a group.
    pub(super) fn group(&mut self, step: &mut Step<'_>, group: GroupName, wish: GroupWish) {
        let room = self.groups.room(&group);
        let news = match (wish, room) {
            (GroupWish::Create, Some(_)) => Some(GroupNews::NameTaken),
            (GroupWish::Join, Some(_)) => Some(GroupNews::AlreadyMember { user: self.me.user.clone() }),
            (GroupWish::Create | GroupWish::Join, None) if !self.desk.is_up() => Some(GroupNews::DirectoryLost),
            (GroupWish::Create, None) => {
                self.run(step, Errand::Found(group.clone()));
                None
            }
            (GroupWish::Join, None) => {
                let handle = GroupHandle::of(&group, &self.directory);
                self.desk.ask(step, GroupReq { handle }, Asked::Group(group.clone()));
                None
            }
            (_, None) => Some(GroupNews::NotAMember),
            (_, Some(room)) if self.rooms.epoch(&room).is_none() => Some(GroupNews::Returning),
            (GroupWish::Members, Some(room)) => Some(self.members(&group, &room)),
            (GroupWish::Leave, Some(room)) => self.leave(step, &group, &room),
            (wish, Some(room)) => self.decide(step, &group, room, wish),
        };
        if let Some(news) = news {
            step.tell(Notice::Group { group, news });
        }
    }

    fn members(&self, group: &GroupName, room: &RoomId) -> GroupNews {
        let waiting = self.groups.waiting(group).to_vec();
        let admins = self.rooms.admins(room);
        let role = |user: &UserId| if admins.contains(user) { Role::Admin } else { Role::Member };
        let members = self.rooms.users(room).into_iter().map(|user| (user.clone(), role(&user))).collect();
        GroupNews::Members { members, waiting }
    }

    /// What only an admin may do.
    fn decide(&mut self, step: &mut Step<'_>, group: &GroupName, room: RoomId, wish: GroupWish) -> Option<GroupNews> {
        let (users, admins) = (self.rooms.users(&room), self.rooms.admins(&room));
        if !admins.contains(&self.me.user) {
            return Some(GroupNews::NotAdmin { admins: admins.into_iter().collect() });
        }
        let waits = |user: &UserId| self.groups.waiting(group).contains(user);
        match wish {
            GroupWish::Approve(user) if users.contains(&user) => return Some(GroupNews::AlreadyMember { user }),
            GroupWish::Approve(user) | GroupWish::Deny(user) if !waits(&user) => {
                return Some(GroupNews::NotThere { user });
            }
            GroupWish::Remove(user) | GroupWish::Admin(user) if !users.contains(&user) => {
                return Some(GroupNews::NotThere { user });
            }
            GroupWish::Remove(user) if user == self.me.user => return Some(GroupNews::LastAdmin),
            GroupWish::Approve(_) | GroupWish::Remove(_) | GroupWish::Admin(_) if !self.desk.is_up() => {
                return Some(GroupNews::DirectoryLost);
            }
            GroupWish::Approve(user) => self.run(step, Errand::Admit(room, user)),
            GroupWish::Remove(user) => self.run(step, Errand::Remove(room, user)),
            GroupWish::Admin(user) => self.run(step, Errand::Promote(room, user)),
            GroupWish::Deny(user) => {
                let (to, all) = (Conversation::User(user.clone()), Conversation::Group(group.clone()));
                let mut changes = vec![
                    self.write(step, &to, Body::Denied { group: group.clone() }),
                    self.write(step, &all, Body::Decided { user: user.clone() }),
                ];
                changes.extend(self.groups.no_longer_waits(group, &user));
                step.keep(changes);
                self.pump(step, &to);
                self.pump(step, &all);
                return Some(GroupNews::Done);
            }
            GroupWish::Create | GroupWish::Join | GroupWish::Leave | GroupWish::Members => {}
        }
        None
    }

    /// Whom to ask for admission.
    pub(super) fn group_found(&mut self, step: &mut Step<'_>, group: GroupName, reply: &GroupReply) {
        if reply.room.is_none() || reply.admins.is_empty() {
            return step.tell(Notice::Group { group, news: GroupNews::NoSuchGroup });
        }
        let handle = GroupHandle::of(&group, &self.directory);
        let mut changes = vec![self.groups.change(&group, |known| known.asked = true)];
        let admins: Vec<Conversation> =
            reply.admins.iter().filter(|admin| **admin != self.me.user).cloned().map(Conversation::User).collect();
        for admin in &admins {
            changes.push(self.write(step, admin, Body::Ask { group: group.clone(), handle }));
        }
        step.keep(changes);
        step.tell(Notice::Group { group, news: GroupNews::Asked });
        for admin in &admins {
            self.pump(step, admin);
        }
    }

    pub(super) fn asked_for_admission(
        &mut self,
        step: &mut Step<'_>,
        user: &UserId,
        group: GroupName,
        handle: &GroupHandle,
    ) {
        let Some(room) = self.groups.room(&group) else { return };
        let member = self.rooms.users(&room).contains(user);
        if *handle == GroupHandle::of(&group, &self.directory) && !member && self.is_admin(&room, &self.me.user) {
            self.wait_for_decision(step, &group, user.clone());
        }
    }

    pub(super) fn wait_for_decision(&mut self, step: &mut Step<'_>, group: &GroupName, user: UserId) {
        if self.groups.waiting(group).contains(&user) {
            return;
        }
        let change = self.groups.change(group, |known| known.waiting.push(user.clone()));
        self.also_keep([change]);
        step.tell(Notice::Group { group: group.clone(), news: GroupNews::Request { user } });
    }

    pub(super) fn denied(&mut self, step: &mut Step<'_>, group: GroupName) {
        if self.groups.has_asked(&group) {
            let change = self.groups.change(&group, |known| known.asked = false);
            self.also_keep([change]);
            step.tell(Notice::Group { group, news: GroupNews::Declined });
        }
    }

    /// Rooms that were made for a group, of which it is not known whether the directory has taken it.
    fn unfounded(&self) -> Vec<(GroupName, RoomId)> {
        let groups = self.rooms.groups().into_iter();
        groups.filter(|(name, room)| self.groups.room(name) != Some(*room)).collect()
    }

    /// The room that was made for a group, if there is one that was not founded yet.
    pub(super) fn unfounded_room(&self, group: &GroupName) -> Option<RoomId> {
        self.unfounded().into_iter().find(|(name, _)| name == group).map(|(_, room)| room)
    }

    pub(super) fn is_founded(&self, room: &RoomId) -> bool {
        self.unfounded().iter().all(|(_, other)| other != room)
    }

    /// Goes on with the groups whose founding was interrupted.
    pub(super) fn found_what_was_begun(&mut self, step: &mut Step<'_>) {
        for (group, room) in self.unfounded() {
            if self.groups.room(&group).is_none() {
                self.run(step, Errand::Found(group));
            } else {
                // The person is in another group of this name by now.
                step.keep(self.rooms.forget(&room));
            }
        }
    }

    /// An errand has come to its end.
    pub(super) fn errand_done(&mut self, step: &mut Step<'_>, errand: &Errand, room: &RoomId) {
        match errand {
            Errand::Found(group) => {
                let change = self.groups.joined(group, *room);
                step.keep(change.into_iter().collect());
                step.tell(Notice::Group { group: group.clone(), news: GroupNews::Created });
                // The other terminals of its founder.
                self.run(step, Errand::Sync(*room));
            }
            Errand::Promote(_, user) => {
                let Some(Conversation::Group(group)) = self.rooms.conversation(room) else { return };
                let users = self.groups.waiting(&group).to_vec();
                if !users.is_empty() {
                    let to = Conversation::Group(group.clone());
                    let change = self.write(step, &to, Body::Waiting { users });
                    step.keep(vec![change]);
                }
                step.tell(Notice::Group { group, news: GroupNews::NewAdmin { user: user.clone() } });
            }
            Errand::Admit(_, user) if !self.rooms.users(room).contains(user) => {
                let Some(Conversation::Group(group)) = self.rooms.conversation(room) else { return };
                step.tell(Notice::Group { group, news: GroupNews::NoTerminal { user: user.clone() } });
            }
            Errand::Admit(_, user) => self.tell_done(step, room, user),
            Errand::Remove(_, user) => self.tell_done(step, room, user),
            Errand::Pair(_) | Errand::Sync(_) => {}
        }
    }

    fn tell_done(&mut self, step: &mut Step<'_>, room: &RoomId, user: &UserId) {
        let Some(Conversation::Group(group)) = self.rooms.conversation(room) else { return };
        let member = self.rooms.users(room).contains(user);
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        if member {
            joined.push(user.clone())
        } else {
            left.push(user.clone())
        };
        let by = self.me.user.clone();
        step.tell(Notice::Group { group, news: GroupNews::Changed { by, joined, left } });
    }

    /// The groups this person is a member of.
    pub fn listed_groups(&self) -> Vec<ListedGroup> {
        let listed = self.groups.0.iter().filter_map(|(group, known)| {
            let room = known.room?;
            let users = self.rooms.users(&room);
            let online = users.iter().filter(|user| **user == self.me.user || self.is_online(user)).count();
            Some(ListedGroup {
                group: group.clone(),
                members: users.len(),
                online,
                admins: self.rooms.admins(&room).into_iter().collect(),
                unread: self.unread(&Conversation::Group(group.clone())),
                waiting: known.waiting.len(),
            })
        });
        listed.collect()
    }
}
