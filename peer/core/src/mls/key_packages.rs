//! Key packages: by which others add this terminal to rooms while it is away (RFC 9420 section 10; threat G4).

use std::collections::BTreeMap;
use std::sync::Arc;

use common::limits::KEY_PACKAGES_KEPT;
use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{KeyPackage, KeyPackageBundle, KeyPackageRef, MlsMessageOut};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::provider::Provider;
use super::{CIPHERSUITE, OwnTerminal, RoomError, capabilities, lifetime};
use crate::persistence::{Table, Write};

/// First byte of the key under which a key package is kept; then follows its number.
const KEY_PACKAGE: u8 = b'k';
/// Secret halves kept, the oldest go first: what the directory keeps, and as many that were taken and not used yet. That of
/// last resort is not among them: whoever takes packages without using them never drives out the last that opens a welcome.
const HELD: usize = 2 * KEY_PACKAGES_KEPT;
/// The same while mail waits that may hold a welcome for any of them: packages that are made anew in one session after the
/// other, because each is interrupted, drive out no secret half before the welcome for it was opened. Chosen arbitrarily.
const HELD_WHILE_MAIL_WAITS: usize = 2 * HELD;

/// The secret half of a key package.
#[derive(Serialize, Deserialize)]
struct Held {
    /// By which a welcome names it.
    reference: Vec<u8>,
    bundle: KeyPackageBundle,
}

/// The secret halves of the key packages that others may use.
pub struct KeyPackages {
    own: Arc<OwnTerminal>,
    held: BTreeMap<u64, Held>,
    changes: Vec<Write>,
}

/// Whether a key package may be used more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Once,
    LastResort,
}

impl KeyPackages {
    /// None yet.
    pub fn new(own: Arc<OwnTerminal>) -> Self {
        Self { own, held: BTreeMap::new(), changes: Vec::new() }
    }

    /// Makes a key package to be used once, as `KEYPACKAGEPUT` carries it.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn generate(&mut self) -> Result<Vec<u8>, RoomError> {
        self.make(Use::Once)
    }

    /// The key package that is given out when no other is left, as it is: mail that waits may be sealed for it, however often a
    /// directory asks for one. Made if there is none.
    ///
    /// # Errors
    /// [`RoomError::Library`].
    pub fn last_resort(&mut self) -> Result<Vec<u8>, RoomError> {
        let newest = self.of(Use::LastResort).last().and_then(|number| self.held.get(&number));
        match newest {
            Some(held) => published(held.bundle.key_package()),
            None => self.make(Use::LastResort),
        }
    }

    /// What has to be kept since the last call: before a key package is published.
    pub fn changes(&mut self) -> Vec<Write> {
        std::mem::take(&mut self.changes)
    }

    fn make(&mut self, uses: Use) -> Result<Vec<u8>, RoomError> {
        let scratch = Provider::new(&self.own, common::ident::RoomId([0; 16]));
        let builder = KeyPackage::builder().key_package_lifetime(lifetime()).leaf_node_capabilities(capabilities());
        let builder = if uses == Use::LastResort { builder.mark_as_last_resort() } else { builder };
        let bundle = builder.build(CIPHERSUITE, &scratch, &*self.own, self.own.leaf()).map_err(RoomError::library)?;
        let package = bundle.key_package();
        let reference = package.hash_ref(self.own.algorithms()).map_err(RoomError::library)?.as_slice().to_vec();
        let published = published(package)?;

        let number = self.held.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        let held = Held { reference, bundle };
        let value = Zeroizing::new(serde_json::to_vec(&held).map_err(RoomError::library)?);
        self.changes.push(Write::Put { kind: Table::Mls, key: key(number), value });
        self.held.insert(number, held);
        self.forget_oldest(HELD_WHILE_MAIL_WAITS);
        Ok(published)
    }

    /// All mail that waited was taken: no more are kept than there may be.
    pub fn forget_surplus(&mut self) {
        self.forget_oldest(HELD);
    }

    /// Of those that are used once, so many are kept.
    fn forget_oldest(&mut self, kept: usize) {
        let once: Vec<u64> = self.of(Use::Once).collect();
        for oldest in once.iter().take(once.len().saturating_sub(kept)) {
            self.held.remove(oldest);
            self.changes.push(Write::Delete { kind: Table::Mls, key: key(*oldest) });
        }
    }

    /// Numbers of those that are used so, the oldest first.
    fn of(&self, uses: Use) -> impl Iterator<Item = u64> {
        let is_last_resort = uses == Use::LastResort;
        let alike = self.held.iter().filter(move |(_, held)| held.bundle.key_package().last_resort() == is_last_resort);
        alike.map(|(number, _)| *number)
    }

    /// Whether a welcome for the package of last resort can be opened.
    pub(crate) fn has_last_resort(&self) -> bool {
        self.of(Use::LastResort).next().is_some()
    }

    pub(super) fn restore(&mut self, kept: &[u8], value: &[u8]) -> Result<(), RoomError> {
        let number = kept
            .strip_prefix(&[KEY_PACKAGE])
            .and_then(|number| number.try_into().ok())
            .ok_or_else(|| RoomError::Library("a kept value has an unknown name".to_owned()))?;
        let held = serde_json::from_slice(value).map_err(RoomError::library)?;
        self.held.insert(u64::from_be_bytes(number), held);
        Ok(())
    }

    /// Whose they are.
    pub fn own(&self) -> &Arc<OwnTerminal> {
        &self.own
    }

    pub(super) fn find(&self, reference: &KeyPackageRef) -> Option<&KeyPackageBundle> {
        self.held.values().find(|held| held.reference == reference.as_slice()).map(|held| &held.bundle)
    }

    /// Forgets a key package that was used, unless it may be used again.
    pub(super) fn spend(&mut self, reference: &KeyPackageRef) {
        let spent = self.held.iter().find(|(_, held)| held.reference == reference.as_slice());
        if let Some((&number, held)) = spent
            && !held.bundle.key_package().last_resort()
        {
            self.held.remove(&number);
            self.changes.push(Write::Delete { kind: Table::Mls, key: key(number) });
        }
    }
}

/// A key package as `KEYPACKAGEPUT` carries it.
fn published(package: &KeyPackage) -> Result<Vec<u8>, RoomError> {
    MlsMessageOut::from(package.clone()).tls_serialize_detached().map_err(RoomError::library)
}

fn key(number: u64) -> Vec<u8> {
    [&[KEY_PACKAGE], number.to_be_bytes().as_slice()].concat()
}
