//! Disks of terminals that take nothing, or lose what they were not told to sync: what the shell does then.

use super::clients::{Life, kind};
use super::disk::Disk;
use super::world::{ClientId, End, Event, World};
use crate::event::{Effect, Input};
use crate::model::DeliveryStatus;
use crate::persistence::{HistoryWrite, Write};

/// How long a disk that would not keep something is left alone, as the shell does.
const DISK_PATIENCE: u64 = 10_000;

/// Milliseconds that a sync takes at most.
const SYNC: u64 = 40;

/// What a disk has that survives the loss of power, and what waits for more of it.
#[derive(Default)]
pub(super) struct DiskSync {
    pub(super) synced: Disk,
    /// What was written behind that.
    pub(super) unsynced: Vec<Write>,
    /// What is done once it is synced.
    pub(super) held: Vec<Effect>,
    is_under_way: bool,
    /// A sync has failed, and nothing was synced since.
    pub(super) is_doubtful: bool,
}

impl DiskSync {
    pub(super) fn of(synced: Disk) -> Self {
        Self { synced, ..Self::default() }
    }

    /// Whether something was written and not synced.
    pub(super) fn is_behind(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// The program is gone; what it has written stays where it is.
    pub(super) fn end(&mut self) {
        (self.held, self.is_under_way) = (Vec::new(), false);
    }
}

impl World {
    /// What was written will be synced.
    pub(super) fn sync_soon(&mut self, id: ClientId) {
        let life = self.clients[id].life;
        if !std::mem::replace(&mut self.clients[id].sync.is_under_way, true) {
            self.soon(SYNC, Event::Synced(id, life));
        }
    }

    /// A sync comes to its end.
    pub(super) fn synced(&mut self, id: ClientId, life: Life) {
        if self.clients[id].life != life {
            return;
        }
        self.clients[id].sync.is_under_way = false;
        if self.clients[id].sync.is_behind() && self.cannot_write(id) {
            self.clients[id].sync.held.clear();
            self.clients[id].sync.is_doubtful = true;
            if !self.clients[id].is_suspended {
                self.fail_to_keep(id);
            }
            return;
        }
        self.sync(id);
    }

    /// Everything that was written is synced: what has waited for it is done.
    pub(super) fn sync(&mut self, id: ClientId) {
        let life = self.clients[id].life;
        let client = &mut self.clients[id];
        let unsynced = std::mem::take(&mut client.sync.unsynced);
        client.sync.synced.keep(&unsynced);
        client.sync.is_doubtful = false;
        for effect in std::mem::take(&mut client.sync.held) {
            if self.rng.per_mille(self.profile.crash) {
                self.note(&self.clients[id].name, format_args!("killed before {}", kind(&effect)));
                return self.crash(id);
            }
            self.carry_out(id, effect);
            if self.clients[id].life != life {
                return;
            }
        }
    }

    /// What was not synced is gone.
    pub(super) fn lose_power(&mut self, id: ClientId) {
        let lost = std::mem::take(&mut self.clients[id].sync.unsynced);
        self.note(&self.clients[id].name, format_args!("has lost its power, and {} writes", lost.len()));
        for write in lost {
            if let Write::History(HistoryWrite::Append(record)) = write
                && record.mark == DeliveryStatus::Queued
            {
                self.invariants.lost_with_power.insert(record.name.id);
            }
        }
        self.clients[id].disk = self.clients[id].sync.synced.clone();
        self.clients[id].sync.is_doubtful = false;
        self.lost_power(id);
        self.began_again(id);
    }

    /// Whether the disk would not keep something now.
    pub(super) fn cannot_write(&mut self, id: ClientId) -> bool {
        self.clients[id].full_until > self.now || self.rng.per_mille(self.profile.disk_failure)
    }

    /// The disk of a terminal is full for at most this number of milliseconds.
    pub(super) fn fill_disk(&mut self, id: ClientId, most: u64) {
        if most > 0 {
            self.note(&self.clients[id].name, format_args!("has a full disk"));
            self.clients[id].full_until = self.now + self.rng.up_to(most);
        }
    }

    /// As the shell does: nothing more is kept until messaging is opened again with what the disk has, and the session
    /// begins again.
    pub(super) fn fail_to_keep(&mut self, id: ClientId) {
        self.note(&self.clients[id].name, format_args!("cannot write its disk"));
        let seed = self.rng.bytes();
        let client = &mut self.clients[id];
        client.is_suspended = true;
        client.reopened = Some(Box::new(client.opening(seed)));
        let life = client.life;
        let session = client.session;
        self.at(self.now, Event::NotKept(id, life));
        self.at(self.now + DISK_PATIENCE, Event::Reopen(id, life));
        if let Some(session) = session {
            self.at(self.now, Event::SessionGone(session, End::Terminal));
        }
    }

    pub(super) fn not_kept(&mut self, id: ClientId, life: Life) {
        if self.clients[id].life == life {
            self.feed(id, Input::NotKept { detail: "the disk is full".into() });
        }
    }

    pub(super) fn reopen(&mut self, id: ClientId, life: Life) {
        let client = &mut self.clients[id];
        if client.life == life
            && let Some(opening) = client.reopened.take()
        {
            client.is_suspended = false;
            self.began_again(id);
            self.feed(id, Input::Reopened(opening));
        }
    }
}
