//! The vault: a user's identity key, encrypted under a key that only the passcode yields (decision D8, threat L6).
//!
//! Layout: version (8 bytes, big-endian) · digest of the public key (32) · the private key, encrypted under the OPAQUE
//! export key with a commitment ([`super::committing_aead`]). The associated data are user id, version and digest of the public
//! key (protocol section 8.5).

use super::identity::IdentityKey;
use super::{NoRandomness, committing_aead};
use crate::ident::{KeyDigest, UserId};
use crate::limits::VAULT_MAX;
use crate::secret::Secret;

const VERSION: usize = 8;
/// The last version there is: databases count in signed numbers.
const LAST_VERSION: u64 = i64::MAX.unsigned_abs();
const DIGEST: usize = KeyDigest::LENGTH;

/// Why a vault does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Too short or too long.
    #[error("the vault has the wrong size")]
    Size,
    /// A version that no vault has.
    #[error("the vault has a version that does not exist")]
    Version,
    /// Older than one this terminal has seen: an old passcode might open it (threat L6).
    #[error("the vault is older than the last one seen here")]
    Older,
    /// Not made with this passcode, for this user and key, or altered.
    #[error("the vault does not open with this passcode")]
    Sealed,
    /// It opened, but holds no acceptable key or not the expected one.
    #[error("the vault holds another key")]
    Content,
}

fn associated(user: &UserId, version: u64, key: &KeyDigest) -> Vec<u8> {
    [b"peer-messenger/1 vault".as_slice(), &version.to_be_bytes(), key.as_bytes(), user.as_str().as_bytes()].concat()
}

/// Seals `identity` under `export_key`; `version` starts at 1 and grows with every passcode change.
///
/// # Errors
/// [`NoRandomness`].
pub fn seal(export_key: &Secret, user: &UserId, version: u64, identity: &IdentityKey) -> Result<Vec<u8>, NoRandomness> {
    let digest = identity.public().digest();
    let sealed = committing_aead::seal(export_key, &associated(user, version, &digest), identity.to_pkcs1())?;
    Ok([&version.to_be_bytes()[..], digest.as_bytes(), &sealed].concat())
}

/// The version of a vault, without opening it; nothing if it is too short to be one, or has a version that none has.
#[must_use]
pub fn version(vault: &[u8]) -> Option<u64> {
    let (version, rest) = vault.split_first_chunk::<VERSION>()?;
    let version = Some(u64::from_be_bytes(*version)).filter(|version| exists(*version))?;
    (rest.len() >= DIGEST + committing_aead::HEAD).then_some(version)
}

/// The digest of the key that a vault says it holds, without opening it.
#[must_use]
pub fn key(vault: &[u8]) -> Option<KeyDigest> {
    let (digest, _) = vault.get(VERSION..)?.split_first_chunk::<DIGEST>()?;
    Some(KeyDigest(*digest))
}

fn exists(version: u64) -> bool {
    (1..=LAST_VERSION).contains(&version)
}

/// A vault that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The user's key pair.
    pub identity: IdentityKey,
    /// The vault's version, to be remembered.
    pub version: u64,
}

/// Opens a vault. `seen` is the highest version seen at this terminal (0 if none), `expected` the digest of the user's
/// public key where this terminal knows it.
///
/// # Errors
/// [`Broken`]; nothing of the content is released then.
pub fn open(
    export_key: &Secret,
    user: &UserId,
    expected: Option<&KeyDigest>,
    seen: u64,
    vault: &[u8],
) -> Result<Opened, Broken> {
    if vault.len() > VAULT_MAX {
        return Err(Broken::Size);
    }
    let (version, rest) = vault.split_first_chunk::<VERSION>().ok_or(Broken::Size)?;
    let (digest, sealed) = rest.split_first_chunk::<DIGEST>().ok_or(Broken::Size)?;
    if sealed.len() < committing_aead::HEAD {
        return Err(Broken::Size);
    }
    let (version, digest) = (u64::from_be_bytes(*version), KeyDigest(*digest));
    if !exists(version) {
        return Err(Broken::Version);
    }
    if version < seen {
        return Err(Broken::Older);
    }
    if expected.is_some_and(|expected| *expected != digest) {
        return Err(Broken::Content);
    }
    let content =
        committing_aead::open(export_key, &associated(user, version, &digest), sealed).ok_or(Broken::Sealed)?;
    let identity = IdentityKey::from_pkcs1(&content).map_err(|_| Broken::Content)?;
    if identity.public().digest() != digest {
        return Err(Broken::Content);
    }
    Ok(Opened { identity, version })
}
