//! What must hold when nothing is left to do: everything has arrived, and everybody agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::ident::RoomId;
use common::msg::Member;
use directory_core::store::Store as _;
use futures::executor::block_on;

use super::disk::Disk;
use super::fixtures::{fixtures, key, team, users};
use super::world::{ClientId, World};
use crate::mls::{self, OwnTerminal, Room, RoomMetadata};
use crate::model::{Conversation, DeliveryStatus, MessageKey};
use crate::persistence::Table;

/// How a terminal sees a room.
type View = (u64, Vec<Member>, String, Vec<u8>);

/// The rooms of a terminal, as a disk has them.
fn rooms(client: ClientId, disk: &Disk) -> Vec<Room> {
    let fixture = &fixtures()[client];
    let own = Arc::new(OwnTerminal::new(&fixture.me.user, key(client), &fixture.certificate, [0; 32]));
    mls::restore(&own, disk.load(Table::Mls)).unwrap().1
}

impl World {
    fn check_directory(&self) -> Result<(), String> {
        let directory = self.server.directory().ok_or("the directory is down")?;
        let wrong = block_on(directory.store.check()).unwrap();
        if !wrong.is_empty() {
            return Err(format!("the directory's database: {wrong:?}"));
        }
        match block_on(directory.store.totals()).unwrap().waiting {
            0 => Ok(()),
            waiting => Err(format!("{waiting} items wait at the directory, and nobody takes them")),
        }
    }

    /// Everything has arrived.
    pub(super) fn check_texts(&self) -> Result<(), String> {
        self.check_directory()?;
        for client in &self.clients {
            if !client.is_online(self) {
                return Err(format!("{} is not logged in", client.name));
            }
        }
        for (client, asked) in self.clients.iter().zip(&self.invariants.asked) {
            if let Some(text) = asked.values().next() {
                return Err(format!("{} never says what became of {text:?}", client.name));
            }
        }
        let mut missed: Vec<u64> = vec![0; self.clients.len()];
        for (id, sent) in self.invariants.sent.iter().filter(|(id, _)| !self.invariants.lost_with_power.contains(id)) {
            let (sender, author) = (&self.clients[sent.by], &fixtures()[sent.by].me.user);
            let name = MessageKey { conversation: sent.to.clone(), author: author.clone(), id: *id };
            let mark = sender.disk.find(&name).map(|record| record.mark);
            match &sent.to {
                to if self.is_hostile(sent.by) || self.is_with_hostile(to) => {}
                Conversation::User(receiver) => {
                    if !matches!(mark, Some(DeliveryStatus::Delivered | DeliveryStatus::Read)) {
                        return Err(format!("{sent:?} is {mark:?}"));
                    }
                    if !self.has_kept(receiver, author, *id) {
                        return Err(format!("{receiver} does not have {sent:?}"));
                    }
                }
                Conversation::Group(_) if mark == Some(DeliveryStatus::Queued) => {
                    return Err(format!("{sent:?} waits for ever"));
                }
                Conversation::Group(_) if mark == Some(DeliveryStatus::Failed) => {}
                // Whose members' epochs were forgotten is told as lost, and what was said then is not promised any more.
                Conversation::Group(_) if self.invariants.forgotten.contains(id) => {}
                Conversation::Group(_) => {
                    let readers = self.invariants.readers.get(id).ok_or("a text for nobody is stored")?;
                    for (client, missed) in missed.iter_mut().enumerate() {
                        let reads = client != sent.by && readers.contains(&fixtures()[client].member());
                        let reads = reads && !self.is_hostile(client);
                        if reads
                            && self.clients[client].disk.find(&name).is_none()
                            && !self.invariants.left.contains(&client)
                        {
                            *missed += 1;
                            if *missed > self.invariants.lost[client] {
                                return Err(format!("{} does not have {sent:?}", self.clients[client].name));
                            }
                        }
                    }
                }
                Conversation::Everyone => {}
            }
        }
        Ok(())
    }

    /// Whether a terminal takes itself for a member of the group.
    pub(super) fn is_member(&self, client: ClientId) -> bool {
        let groups = self.clients[client].disk.load(Table::Group);
        groups.iter().any(|(_, value)| !String::from_utf8_lossy(value).contains("\"room\":null"))
    }

    /// The directory gives everything it has ever taken to those who may not read it: whoever was added later, and
    /// whoever was there before and has kept all they had.
    pub(super) fn check_secrets(&self) -> Result<(), String> {
        for client in 0..self.clients.len() {
            for mut room in rooms(client, &self.clients[client].disk) {
                let id = room.id();
                let said = self.invariants.overheard.iter().filter(|said| said.room == id);
                for said in said.filter(|said| !said.readers.contains(&fixtures()[client].member())) {
                    if room.open(&said.sealed).is_ok() {
                        return Err(format!("{} reads what was said before it came", self.clients[client].name));
                    }
                }
            }
        }
        for former in &self.invariants.formers {
            let said = self.invariants.overheard[former.since..].iter().filter(|said| said.room == former.room);
            let said: Vec<_> =
                said.filter(|said| !said.readers.contains(&fixtures()[former.client].member())).collect();
            if said.is_empty() {
                continue;
            }
            for mut room in rooms(former.client, &former.disk).into_iter().filter(|room| room.id() == former.room) {
                if said.iter().any(|said| room.open(&said.sealed).is_ok()) {
                    return Err(format!("{} reads what was said after it was gone", self.clients[former.client].name));
                }
            }
        }
        Ok(())
    }

    fn is_of_hostile_pair(&self, room: &Room) -> bool {
        let RoomMetadata::Pair { pair } = room.charter() else { return false };
        pair.iter().any(|user| self.is_hostile_user(user))
    }

    /// Everybody agrees.
    pub(super) fn check_rooms(&self) -> Result<(), String> {
        let mut views: BTreeMap<RoomId, Vec<(ClientId, View)>> = BTreeMap::new();
        for client in (0..self.clients.len()).filter(|client| !self.is_hostile(*client)) {
            for room in rooms(client, &self.clients[client].disk) {
                if self.is_of_hostile_pair(&room) {
                    continue;
                }
                if let Some(why) = room.frozen() {
                    return Err(format!("{} cannot use {}: {why}", self.clients[client].name, room.id()));
                }
                let tag = format!("{:?}", room.fork_tag().unwrap()).into_bytes();
                let view = (room.epoch(), room.members(), format!("{:?}", room.charter()), tag);
                views.entry(room.id()).or_default().push((client, view));
            }
        }
        for (room, views) in &views {
            let (first, expected) = &views[0];
            for (client, view) in views {
                if view != expected {
                    let (one, other) = (&self.clients[*first].name, &self.clients[*client].name);
                    return Err(format!("{one} and {other} see different rooms {room}: {expected:?} and {view:?}"));
                }
            }
            let honest = expected.1.iter().filter(|member| !self.is_hostile_user(&member.userid));
            let members: BTreeSet<Member> = honest.cloned().collect();
            let here: BTreeSet<Member> = views.iter().map(|(client, _)| fixtures()[*client].member()).collect();
            if members != here {
                return Err(format!("room {room} should have {members:?} and is known to {here:?}"));
            }
        }
        for user in users() {
            let mine = (0..self.clients.len()).filter(|client| fixtures()[*client].me.user == user);
            let member: BTreeSet<bool> = mine.map(|client| self.is_member(client)).collect();
            if member.len() > 1 {
                return Err(format!("the terminals of {user} disagree whether {user} is in {}", team()));
            }
        }
        Ok(())
    }
}
