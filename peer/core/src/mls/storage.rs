//! Where the MLS library keeps the state of one room: in memory, remembering what was touched.
//!
//! The library's own storage in memory knows no changes and panics where a value is damaged; this one says what to keep
//! after each step, wipes what it forgets (threat T5) and reports damage. Values are JSON, which is self-describing:
//! compact formats have broken from one version of the library to the next.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// A value with its name; None if it is gone.
pub(super) type Touched = (Vec<u8>, Option<Zeroizing<Vec<u8>>>);

/// A value that this version of the library did not write, or that it cannot write.
#[derive(Debug, thiserror::Error)]
#[error("a kept value is damaged: {0}")]
pub(super) struct StorageError(#[from] serde_json::Error);

type Outcome<T> = Result<T, StorageError>;

/// The state of one room.
#[derive(Default)]
pub(super) struct Storage(Mutex<Values>);

#[derive(Default)]
struct Values {
    now: HashMap<Vec<u8>, Zeroizing<Vec<u8>>>,
    touched: HashSet<Vec<u8>>,
    kept: HashSet<Vec<u8>>,
}

impl Storage {
    /// As it was when these values were kept.
    pub(super) fn restore(rows: Vec<super::Row>) -> Self {
        let kept = rows.iter().map(|(name, _)| name.clone()).collect();
        Self(Mutex::new(Values { now: rows.into_iter().collect(), touched: HashSet::new(), kept }))
    }

    /// What became different since the last call.
    pub(super) fn changes(&self) -> Vec<Touched> {
        let mut values = self.values();
        let Values { now, touched, kept } = &mut *values;
        let changed = touched.drain().filter_map(|name| match now.get(&name) {
            Some(value) => {
                kept.insert(name.clone());
                Some((name, Some(value.clone())))
            }
            None => kept.remove(&name).then_some((name, None)),
        });
        changed.collect()
    }

    /// The names of everything that was kept.
    pub(super) fn kept(&self) -> Vec<Vec<u8>> {
        self.values().kept.iter().cloned().collect()
    }

    /// Everything there is, kept or not.
    #[cfg(test)]
    pub(super) fn everything(&self) -> Vec<super::Row> {
        self.values().now.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A value of ours beside those of the library.
    pub(super) fn own(&self, name: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.values().now.get(name).cloned()
    }

    /// Sets a value of ours, or forgets it.
    pub(super) fn set_own(&self, name: &[u8], value: Option<Zeroizing<Vec<u8>>>) {
        self.set(name.to_vec(), value);
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, name: Vec<u8>, value: Option<Zeroizing<Vec<u8>>>) {
        let mut values = self.values();
        if values.now.get(&name) != value.as_ref() {
            match value {
                Some(value) => values.now.insert(name.clone(), value),
                None => values.now.remove(&name),
            };
            values.touched.insert(name);
        }
    }

    fn put(&self, label: &str, key: &impl Serialize, value: &impl Serialize) -> Outcome<()> {
        let value = Zeroizing::new(serde_json::to_vec(value)?);
        self.set(name(label, key)?, Some(value));
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, label: &str, key: &impl Serialize) -> Outcome<Option<T>> {
        let name = name(label, key)?;
        Ok(self.values().now.get(&name).map(|value| serde_json::from_slice(value)).transpose()?)
    }

    fn read_list<T: DeserializeOwned>(&self, label: &str, key: &impl Serialize) -> Outcome<Vec<T>> {
        Ok(self.read(label, key)?.unwrap_or_default())
    }

    fn forget(&self, label: &str, key: &impl Serialize) -> Outcome<()> {
        self.set(name(label, key)?, None);
        Ok(())
    }
}

fn name(label: &str, key: &impl Serialize) -> Outcome<Vec<u8>> {
    let mut name = label.as_bytes().to_vec();
    serde_json::to_writer(&mut name, key)?;
    Ok(name)
}

const OWN_LEAF_NODES: &str = "OwnLeafNodes";
const PROPOSALS: &str = "Proposals";
const PROPOSAL: &str = "Proposal";
const GROUP_STATE: &str = "GroupState";
const SIGNATURE_KEY_PAIR: &str = "SignatureKeyPair";
const ENCRYPTION_KEY_PAIR: &str = "EncryptionKeyPair";
const EPOCH_KEY_PAIRS: &str = "EpochKeyPairs";
const KEY_PACKAGE: &str = "KeyPackage";
const PSK: &str = "Psk";

/// Values of which a group has one each: how they are written, read and deleted.
macro_rules! group_values {
    ($($label:literal $entity:ident: $write:ident $read:ident $delete:ident;)+) => { $(
        fn $write<G: traits::GroupId<CURRENT_VERSION>, T: traits::$entity<CURRENT_VERSION>>(
            &self,
            group: &G,
            value: &T,
        ) -> Outcome<()> {
            self.put($label, group, value)
        }

        fn $read<G: traits::GroupId<CURRENT_VERSION>, T: traits::$entity<CURRENT_VERSION>>(
            &self,
            group: &G,
        ) -> Outcome<Option<T>> {
            self.read($label, group)
        }

        fn $delete<G: traits::GroupId<CURRENT_VERSION>>(&self, group: &G) -> Outcome<()> {
            self.forget($label, group)
        }
    )+ };
}

impl StorageProvider<CURRENT_VERSION> for Storage {
    type Error = StorageError;

    group_values! {
        "Config" MlsGroupJoinConfig: write_mls_join_config mls_group_join_config delete_group_config;
        "Tree" TreeSync: write_tree tree delete_tree;
        "TranscriptHash" InterimTranscriptHash:
            write_interim_transcript_hash interim_transcript_hash delete_interim_transcript_hash;
        "Context" GroupContext: write_context group_context delete_context;
        "ConfirmationTag" ConfirmationTag: write_confirmation_tag confirmation_tag delete_confirmation_tag;
        "MessageSecrets" MessageSecrets: write_message_secrets message_secrets delete_message_secrets;
        "ResumptionPsks" ResumptionPskStore:
            write_resumption_psk_store resumption_psk_store delete_all_resumption_psk_secrets;
        "OwnLeafIndex" LeafNodeIndex: write_own_leaf_index own_leaf_index delete_own_leaf_index;
        "EpochSecrets" GroupEpochSecrets: write_group_epoch_secrets group_epoch_secrets delete_group_epoch_secrets;
    }

    fn write_group_state<T: traits::GroupState<CURRENT_VERSION>, G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group: &G,
        value: &T,
    ) -> Outcome<()> {
        self.put(GROUP_STATE, group, value)
    }

    fn group_state<T: traits::GroupState<CURRENT_VERSION>, G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group: &G,
    ) -> Outcome<Option<T>> {
        self.read(GROUP_STATE, group)
    }

    fn delete_group_state<G: traits::GroupId<CURRENT_VERSION>>(&self, group: &G) -> Outcome<()> {
        self.forget(GROUP_STATE, group)
    }

    fn append_own_leaf_node<G: traits::GroupId<CURRENT_VERSION>, T: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group: &G,
        leaf: &T,
    ) -> Outcome<()> {
        let mut leaves: Vec<serde_json::Value> = self.read_list(OWN_LEAF_NODES, group)?;
        leaves.push(serde_json::to_value(leaf)?);
        self.put(OWN_LEAF_NODES, group, &leaves)
    }

    fn own_leaf_nodes<G: traits::GroupId<CURRENT_VERSION>, T: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group: &G,
    ) -> Outcome<Vec<T>> {
        self.read_list(OWN_LEAF_NODES, group)
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<CURRENT_VERSION>>(&self, group: &G) -> Outcome<()> {
        self.forget(OWN_LEAF_NODES, group)
    }

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        T: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
        reference: &R,
        proposal: &T,
    ) -> Outcome<()> {
        let mut references: Vec<serde_json::Value> = self.read_list(PROPOSALS, group)?;
        references.push(serde_json::to_value(reference)?);
        self.put(PROPOSALS, group, &references)?;
        self.put(PROPOSAL, &(group, reference), proposal)
    }

    fn queued_proposal_refs<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group: &G,
    ) -> Outcome<Vec<R>> {
        self.read_list(PROPOSALS, group)
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        T: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
    ) -> Outcome<Vec<(R, T)>> {
        let mut proposals = Vec::new();
        for reference in self.read_list::<R>(PROPOSALS, group)? {
            if let Some(proposal) = self.read(PROPOSAL, &(group, &reference))? {
                proposals.push((reference, proposal));
            }
        }
        Ok(proposals)
    }

    fn remove_proposal<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group: &G,
        reference: &R,
    ) -> Outcome<()> {
        let mut references: Vec<serde_json::Value> = self.read_list(PROPOSALS, group)?;
        let removed = serde_json::to_value(reference)?;
        references.retain(|reference| *reference != removed);
        self.put(PROPOSALS, group, &references)?;
        self.forget(PROPOSAL, &(group, reference))
    }

    fn clear_proposal_queue<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        group: &G,
    ) -> Outcome<()> {
        for reference in self.read_list::<R>(PROPOSALS, group)? {
            self.forget(PROPOSAL, &(group, &reference))?;
        }
        self.forget(PROPOSALS, group)
    }

    fn write_signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        T: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        key: &K,
        pair: &T,
    ) -> Outcome<()> {
        self.put(SIGNATURE_KEY_PAIR, key, pair)
    }

    fn signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        T: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        key: &K,
    ) -> Outcome<Option<T>> {
        self.read(SIGNATURE_KEY_PAIR, key)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<CURRENT_VERSION>>(&self, key: &K) -> Outcome<()> {
        self.forget(SIGNATURE_KEY_PAIR, key)
    }

    fn write_encryption_key_pair<K: traits::EncryptionKey<CURRENT_VERSION>, T: traits::HpkeKeyPair<CURRENT_VERSION>>(
        &self,
        key: &K,
        pair: &T,
    ) -> Outcome<()> {
        self.put(ENCRYPTION_KEY_PAIR, key, pair)
    }

    fn encryption_key_pair<T: traits::HpkeKeyPair<CURRENT_VERSION>, K: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        key: &K,
    ) -> Outcome<Option<T>> {
        self.read(ENCRYPTION_KEY_PAIR, key)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<CURRENT_VERSION>>(&self, key: &K) -> Outcome<()> {
        self.forget(ENCRYPTION_KEY_PAIR, key)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        T: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
        pairs: &[T],
    ) -> Outcome<()> {
        self.put(EPOCH_KEY_PAIRS, &(group, epoch, leaf), &pairs)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        T: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Outcome<Vec<T>> {
        self.read_list(EPOCH_KEY_PAIRS, &(group, epoch, leaf))
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<CURRENT_VERSION>, E: traits::EpochKey<CURRENT_VERSION>>(
        &self,
        group: &G,
        epoch: &E,
        leaf: u32,
    ) -> Outcome<()> {
        self.forget(EPOCH_KEY_PAIRS, &(group, epoch, leaf))
    }

    fn write_key_package<R: traits::HashReference<CURRENT_VERSION>, T: traits::KeyPackage<CURRENT_VERSION>>(
        &self,
        reference: &R,
        package: &T,
    ) -> Outcome<()> {
        self.put(KEY_PACKAGE, reference, package)
    }

    fn key_package<R: traits::HashReference<CURRENT_VERSION>, T: traits::KeyPackage<CURRENT_VERSION>>(
        &self,
        reference: &R,
    ) -> Outcome<Option<T>> {
        self.read(KEY_PACKAGE, reference)
    }

    fn delete_key_package<R: traits::HashReference<CURRENT_VERSION>>(&self, reference: &R) -> Outcome<()> {
        self.forget(KEY_PACKAGE, reference)
    }

    fn write_psk<K: traits::PskId<CURRENT_VERSION>, T: traits::PskBundle<CURRENT_VERSION>>(
        &self,
        id: &K,
        psk: &T,
    ) -> Outcome<()> {
        self.put(PSK, id, psk)
    }

    fn psk<T: traits::PskBundle<CURRENT_VERSION>, K: traits::PskId<CURRENT_VERSION>>(
        &self,
        id: &K,
    ) -> Outcome<Option<T>> {
        self.read(PSK, id)
    }

    fn delete_psk<K: traits::PskId<CURRENT_VERSION>>(&self, id: &K) -> Outcome<()> {
        self.forget(PSK, id)
    }
}
