//! What the MLS library works with: algorithms, randomness, and storage whose changes the caller keeps.
//!
//! The storage is in memory. [`Provider::changes`] says what became different since it was last asked, and the caller
//! makes that durable together with everything else the step changed (threat G5). Nothing here touches a disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use common::ident::RoomId;
use openmls_memory_storage::MemoryStorage;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::random::OpenMlsRand;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use zeroize::Zeroizing;

use super::{OwnTerminal, Row};
use crate::core::keep::{Change, Kind};

/// Draws from a seed, so that a simulation can be repeated. The library's key encapsulation draws from the operating
/// system nevertheless: ciphertexts differ from run to run, lengths and outcomes do not.
pub(super) struct Randomness(Mutex<ChaCha20Rng>);

impl Randomness {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(Mutex::new(ChaCha20Rng::from_seed(seed)))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

impl OpenMlsRand for Randomness {
    type Error = std::convert::Infallible;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        Ok(bytes)
    }
}

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
    storage: MemoryStorage,
    kept: HashMap<Vec<u8>, Vec<u8>>,
}

impl Provider {
    pub(super) fn new(own: &Arc<OwnTerminal>, room: RoomId) -> Self {
        Self { own: Arc::clone(own), room, storage: MemoryStorage::default(), kept: HashMap::new() }
    }

    /// As it was when these values were kept.
    pub(super) fn restore(own: &Arc<OwnTerminal>, room: RoomId, rows: Vec<Row>) -> Self {
        let kept: HashMap<_, _> = rows.into_iter().map(|(name, value)| (name, value.to_vec())).collect();
        let storage = MemoryStorage { values: kept.clone().into() };
        Self { own: Arc::clone(own), room, storage, kept }
    }

    pub(super) fn own(&self) -> &Arc<OwnTerminal> {
        &self.own
    }

    /// A value of ours beside those of the library.
    pub(super) fn value(&self, name: &[u8]) -> Option<Vec<u8>> {
        self.storage.values.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Sets a value of ours, or forgets it.
    pub(super) fn set_value(&self, name: &[u8], value: Option<Vec<u8>>) {
        let mut values = self.storage.values.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => values.insert(name.to_vec(), value),
            None => values.remove(name),
        };
    }

    /// What became different since the last call.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        let Self { room, storage, kept, .. } = self;
        let values = storage.values.read().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        kept.retain(|name, _| {
            let stays = values.contains_key(name);
            if !stays {
                changes.push(Change::Delete { kind: Kind::Mls, key: key(room, name) });
            }
            stays
        });
        for (name, value) in values.iter().filter(|(name, value)| kept.get(*name) != Some(*value)) {
            let kept_value = Zeroizing::new(value.clone());
            changes.push(Change::Put { kind: Kind::Mls, key: key(room, name), value: kept_value });
        }
        for change in &changes {
            if let Change::Put { key, value, .. } = change
                && let Some((_, name)) = room_of(key)
            {
                kept.insert(name.to_vec(), value.to_vec());
            }
        }
        changes
    }

    #[cfg(test)]
    pub(super) fn everything(&self) -> Vec<Change> {
        let values = self.storage.values.read().unwrap();
        let put = |(name, value): (&Vec<u8>, &Vec<u8>)| Change::Put {
            kind: Kind::Mls,
            key: key(&self.room, name),
            value: Zeroizing::new(value.clone()),
        };
        values.iter().map(put).collect()
    }

    /// Forgets everything that was kept.
    pub(super) fn forget(self) -> Vec<Change> {
        self.kept.keys().map(|name| Change::Delete { kind: Kind::Mls, key: key(&self.room, name) }).collect()
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = Randomness;
    type StorageProvider = MemoryStorage;

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
