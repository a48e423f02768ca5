//! Encryption that fits one secret only (protocol section 8.5): XChaCha20-Poly1305 with a commitment to its key.
//!
//! XChaCha20-Poly1305 alone is not key-committing: a ciphertext can be made that opens under many keys, and whoever may
//! watch somebody try it then learns about many passcodes at once. HKDF-SHA-256 of the secret, with the associated data
//! as `info`, gives a commitment besides the key.
//!
//! Layout: commitment (32 bytes) · nonce (24) · ciphertext with its tag.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{NoRandomness, random, same};
use crate::secret::Secret;

const COMMITMENT: usize = 32;
const NONCE: usize = 24;
/// Bytes in front of the ciphertext.
pub(super) const HEAD: usize = COMMITMENT + NONCE;

struct Keys {
    commitment: [u8; COMMITMENT],
    encryption: Zeroizing<[u8; 32]>,
}

fn keys(secret: &Secret, associated: &[u8]) -> Keys {
    let hkdf = Hkdf::<Sha256>::new(None, secret.expose());
    let mut okm = Zeroizing::new([0; COMMITMENT + 32]);
    // 64 bytes are far below HKDF's maximum of 255 hashes, so expansion cannot fail.
    let _ = hkdf.expand(associated, okm.as_mut_slice());
    let mut keys = Keys { commitment: [0; COMMITMENT], encryption: Zeroizing::new([0; 32]) };
    let (commitment, encryption) = okm.split_at(COMMITMENT);
    keys.commitment.copy_from_slice(commitment);
    keys.encryption.copy_from_slice(encryption);
    keys
}

/// Encrypts `content`, which opens with the same secret and associated data.
pub(super) fn seal(secret: &Secret, associated: &[u8], content: &Secret) -> Result<Vec<u8>, NoRandomness> {
    let keys = keys(secret, associated);
    let nonce = random::<NONCE>()?;
    let payload = Payload { msg: content.expose(), aad: associated };
    let sealed = XChaCha20Poly1305::new(keys.encryption.as_ref().into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| NoRandomness)?;
    Ok([&keys.commitment[..], &nonce, &sealed].concat())
}

/// Decrypts what [`seal`] made. `None`: another secret, other associated data, or altered.
pub(super) fn open(secret: &Secret, associated: &[u8], sealed: &[u8]) -> Option<Secret> {
    let (commitment, rest) = sealed.split_first_chunk::<COMMITMENT>()?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
    let keys = keys(secret, associated);
    if !same(&keys.commitment, commitment) {
        return None;
    }
    let content = XChaCha20Poly1305::new(keys.encryption.as_ref().into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: associated });
    content.ok().map(Secret::new)
}
