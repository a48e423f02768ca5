//! Rooms: groups of terminals that nobody else can read (RFC 9420; protocol section 8.7; decision D16, threats G1 to G6).
//!
//! Reading order: [`room`] (what a room is and knows), [`room_metadata`] (what its members agreed on), [`credential`] (who
//! a leaf is), [`policy`] (which commits are followed), [`pending`] (commits that wait), then [`create`], [`commit`],
//! [`send`], [`join`] (what can be done) and [`process_commit`] (what others do), [`key_packages`], [`wire_format`] (the
//! bytes a directory sees), [`provider`], [`randomness`] and [`storage`] (what the library works with).
//!
//! Everything here is a function of its inputs: certificates are fetched, and changes are kept, by the caller. A
//! directory orders commits; members decide which of them they follow. The roster people see comes from here.

mod commit;
mod create;
mod credential;
mod error;
mod join;
mod key_packages;
mod pending;
mod policy;
mod process_commit;
mod provider;
mod randomness;
mod room;
mod room_metadata;
mod send;
mod storage;
#[cfg(test)]
mod tests;
mod wire_format;

pub use commit::{Edit, VerifiedKeyPackage};
pub use credential::{OwnTerminal, VerifiedCredential};
pub use error::{Broken, Frozen, Refusal, RoomError};
pub use join::Invitation;
pub use key_packages::KeyPackages;
pub use pending::{Commit, Waiting};
pub use process_commit::Outcome;
pub use room::{Room, Successor};
pub use room_metadata::RoomMetadata;
pub use send::ProcessedMessage;
pub use wire_format::hollow;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::ident::RoomId;
use common::limits::{RATCHET_BEHIND, RATCHET_FORWARD};
use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, ExtensionType, Lifetime, MlsGroupJoinConfig,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, SenderRatchetConfiguration,
};
use zeroize::Zeroizing;

/// ML-KEM-768 with X25519, AES-256-GCM, SHA-384, Ed25519: 0x004E.
const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
/// A user id, a terminal id and the fingerprint of a certificate.
const CREDENTIAL: CredentialType = CredentialType::Other(0xF001);
/// Carries the [`RoomMetadata`].
const CHARTER: u16 = 0xF002;

/// A value that was kept, with its name.
pub type Row = (Vec<u8>, Zeroizing<Vec<u8>>);

/// Rebuilds everything from the values of [`crate::persistence::Table::Mls`] that were kept.
///
/// # Errors
/// [`RoomError::Library`] if they are not what this version kept.
pub fn restore(
    own: &Arc<OwnTerminal>,
    rows: impl IntoIterator<Item = Row>,
) -> Result<(KeyPackages, Vec<Room>), RoomError> {
    let mut key_packages = KeyPackages::new(Arc::clone(own));
    let mut rooms: BTreeMap<RoomId, Vec<Row>> = BTreeMap::new();
    for (key, value) in rows {
        if let Some((room, name)) = provider::room_of(&key) {
            rooms.entry(room).or_default().push((name.to_vec(), value));
        } else {
            key_packages.restore(&key, &value)?;
        }
    }
    let rooms = rooms.into_iter().map(|(id, rows)| Room::restore(own, id, rows)).collect::<Result<_, _>>()?;
    Ok((key_packages, rooms))
}

/// What every leaf can do: no more than rooms need.
fn capabilities() -> Capabilities {
    Capabilities::new(
        None,
        Some(&[CIPHERSUITE]),
        Some(&[ExtensionType::Unknown(CHARTER), ExtensionType::LastResort]),
        None,
        Some(&[CREDENTIAL]),
    )
}

/// Nothing expires by a clock: members would disagree about a commit if one of theirs is wrong (threat T7). A key
/// package ends when it is used, when its terminal is removed or when the directory drops it.
fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(0)
        .sender_ratchet_configuration(ratchet())
        .build()
}

fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(RATCHET_BEHIND as u32, RATCHET_FORWARD as u32)
}
