//! What the MLS library works with in one room: algorithms, randomness, and [`super::storage`].
//!
//! [`Provider::changes`] says what became different since it was last asked, and the caller makes that durable together
//! with everything else the step changed (threat G5). Nothing here touches a disk.

use std::sync::Arc;

use common::ident::RoomId;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;

use super::randomness::Randomness;
use super::storage::{Storage, Touched};
use super::{OwnTerminal, Row};
use crate::persistence::{Table, Write};

/// First byte of the key under which a value of a room is kept; then follow the room and the value's name.
const ROOM: u8 = b'r';

/// The room that a kept value belongs to, and the value's name in it.
pub(super) fn room_of(key: &[u8]) -> Option<(RoomId, &[u8])> {
    let (room, name) = key.strip_prefix(&[ROOM])?.split_first_chunk()?;
    Some((RoomId(*room), name))
}

/// What the library works with in one room.
pub(super) struct Provider {
    own: Arc<OwnTerminal>,
    room: RoomId,
    storage: Storage,
}

impl Provider {
    pub(super) fn new(own: &Arc<OwnTerminal>, room: RoomId) -> Self {
        Self { own: Arc::clone(own), room, storage: Storage::default() }
    }

    /// As it was when these values were kept.
    pub(super) fn restore(own: &Arc<OwnTerminal>, room: RoomId, rows: Vec<Row>) -> Self {
        Self { own: Arc::clone(own), room, storage: Storage::restore(rows) }
    }

    pub(super) fn own(&self) -> &Arc<OwnTerminal> {
        &self.own
    }

    /// What became different since the last call.
    pub(super) fn changes(&self) -> Vec<Write> {
        let change = |(name, value): Touched| {
            let key = key(&self.room, &name);
            match value {
                Some(value) => Write::Put { kind: Table::Mls, key, value },
                None => Write::Delete { kind: Table::Mls, key },
            }
        };
        self.storage.changes().into_iter().map(change).collect()
    }

    /// Forgets everything that was kept.
    pub(super) fn forget(self) -> Vec<Write> {
        let forget = |name: Vec<u8>| Write::Delete { kind: Table::Mls, key: key(&self.room, &name) };
        self.storage.kept().into_iter().map(forget).collect()
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = Randomness;
    type StorageProvider = Storage;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        self.own.algorithms()
    }

    fn rand(&self) -> &Self::RandProvider {
        self.own.randomness()
    }
}

fn key(room: &RoomId, name: &[u8]) -> Vec<u8> {
    [&[ROOM], room.as_bytes().as_slice(), name].concat()
}
