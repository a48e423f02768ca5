//! The vault: a user's identity key, encrypted under a key that only the passcode yields (decision D8, threat L6).
//!
//! Layout: version (8 bytes, big-endian) · digest of the public key (32) · commitment (32) · nonce (24) ·
//! XChaCha20-Poly1305 ciphertext with its tag.
//! Key and commitment come from the OPAQUE export key by HKDF-SHA-256 with the associated data as `info`: the
//! commitment makes the construction key-committing, which XChaCha20-Poly1305 alone is not. The associated data are
//! user id, version and digest of the public key (protocol section 8.5).

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::identity::IdentityKey;
use super::{NoRandomness, random, same};
use crate::ident::{KeyDigest, UserId};
use crate::limits::VAULT_MAX;
use crate::secret::Secret;

const VERSION: usize = 8;
const DIGEST: usize = KeyDigest::LENGTH;
const COMMITMENT: usize = 32;
const NONCE: usize = 24;

/// Why a vault does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Too short or too long.
    #[error("the vault has the wrong size")]
    Size,
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

struct Keys {
    commitment: [u8; COMMITMENT],
    encryption: Zeroizing<[u8; 32]>,
}

fn keys(export_key: &Secret, associated: &[u8]) -> Keys {
    let hkdf = Hkdf::<Sha256>::new(None, export_key.expose());
    let mut okm = Zeroizing::new([0; COMMITMENT + 32]);
    // 64 bytes are far below HKDF's maximum of 255 hashes, so expansion cannot fail.
    let _ = hkdf.expand(associated, okm.as_mut_slice());
    let mut keys = Keys { commitment: [0; COMMITMENT], encryption: Zeroizing::new([0; 32]) };
    keys.commitment.copy_from_slice(&okm[..COMMITMENT]);
    keys.encryption.copy_from_slice(&okm[COMMITMENT..]);
    keys
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
    let associated = associated(user, version, &digest);
    let keys = keys(export_key, &associated);
    let nonce = random::<NONCE>()?;
    let payload = Payload { msg: identity.to_pkcs1().expose(), aad: &associated };
    let sealed = XChaCha20Poly1305::new(keys.encryption.as_ref().into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| NoRandomness)?;
    Ok([&version.to_be_bytes()[..], digest.as_bytes(), &keys.commitment, &nonce, &sealed].concat())
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
    let (digest, rest) = rest.split_first_chunk::<DIGEST>().ok_or(Broken::Size)?;
    let (commitment, rest) = rest.split_first_chunk::<COMMITMENT>().ok_or(Broken::Size)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(Broken::Size)?;
    let (version, digest) = (u64::from_be_bytes(*version), KeyDigest(*digest));
    if version < seen {
        return Err(Broken::Older);
    }
    if expected.is_some_and(|expected| *expected != digest) {
        return Err(Broken::Content);
    }
    let associated = associated(user, version, &digest);
    let keys = keys(export_key, &associated);
    if !same(&keys.commitment, commitment) {
        return Err(Broken::Sealed);
    }
    let der = XChaCha20Poly1305::new(keys.encryption.as_ref().into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: &associated })
        .map_err(|_| Broken::Sealed)?;
    let identity = IdentityKey::from_pkcs1(&Secret::new(der)).map_err(|_| Broken::Content)?;
    if identity.public().digest() != digest {
        return Err(Broken::Content);
    }
    Ok(Opened { identity, version })
}
