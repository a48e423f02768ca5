//! Disks of terminals that take nothing: what the shell does then.

use super::clients::Life;
use super::world::{ClientId, End, Event, World};
use crate::event::Input;

/// How long a disk that would not keep something is left alone, as the shell does.
const DISK_PATIENCE: u64 = 10_000;

impl World {
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
