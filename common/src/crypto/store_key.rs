//! The key of a user's local store, and how it follows the user's identity key (decisions D20, D47; protocol section 8.9).
//!
//! A store is encrypted under a random key, which lies beside it, encrypted under a secret that the identity key yields. A
//! new identity key then needs no store to be written anew: it is enough to know the secret of the former key. That travels
//! beside the vault, encrypted under the secret of the new one ([`hand_on`]), so that the user's other terminals can open
//! what they have without ever holding the former key.

use chacha20poly1305::aead::{Aead as _, AeadInPlace as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::identity::IdentityKey;
use super::{NoRandomness, committing_aead, random};
use crate::ident::{KeyDigest, UserId};
use crate::secret::Secret;

/// Bytes of a store's key, and of the secret that opens it.
pub const LENGTH: usize = 64;

/// The secret that an identity key yields for stores: HKDF-SHA-256 (RFC 5869) of the private key.
#[must_use]
pub fn secret_of(identity: &IdentityKey) -> Secret {
    let hkdf = Hkdf::<Sha256>::new(None, identity.to_pkcs1().expose());
    let mut secret = Zeroizing::new([0; LENGTH]);
    // 64 bytes are far below HKDF's maximum, so expansion cannot fail.
    let _ = hkdf.expand(b"peer-messenger/1 local store", secret.as_mut_slice());
    Secret::new(secret.to_vec())
}

/// Encrypts the values of a store one by one (decision D20): XChaCha20-Poly1305, with what finds a value as associated data,
/// so that values cannot be swapped. Layout: nonce (24 bytes) · ciphertext with its tag.
pub struct Values(XChaCha20Poly1305);

const NONCE: usize = 24;
const TAG: usize = 16;

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Values(…)")
    }
}

impl Values {
    /// Under this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts a value.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn seal(&self, name: &[u8], value: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let nonce = random::<NONCE>()?;
        let mut sealed = Vec::with_capacity(value.len().saturating_add(NONCE + TAG));
        sealed.extend(nonce);
        sealed.extend(value);
        let content = sealed.get_mut(NONCE..).unwrap_or_default();
        let tag =
            self.0.encrypt_in_place_detached(XNonce::from_slice(&nonce), name, content).map_err(|_| NoRandomness)?;
        sealed.extend(tag);
        Ok(sealed)
    }

    /// Decrypts what [`Self::seal`] made. `None`: another key, another name, or altered.
    #[must_use]
    pub fn open(&self, name: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(XNonce::from_slice(nonce), Payload { msg, aad: name }).ok().map(Zeroizing::new)
    }
}

/// A random key for a new store.
///
/// # Errors
/// [`NoRandomness`].
pub fn generate() -> Result<Secret, NoRandomness> {
    Ok(Secret::new(Zeroizing::new(random::<LENGTH>()?).to_vec()))
}

const WRAPPED: &[u8] = b"peer-messenger/1 store key";

/// Encrypts a store's key under the secret of an identity key.
///
/// # Errors
/// [`NoRandomness`].
pub fn wrap(secret: &Secret, key: &Secret) -> Result<Vec<u8>, NoRandomness> {
    committing_aead::seal(secret, WRAPPED, key)
}

/// The store's key; nothing if it was encrypted under another secret, or altered.
#[must_use]
pub fn unwrap(secret: &Secret, wrapped: &[u8]) -> Option<Secret> {
    committing_aead::open(secret, WRAPPED, wrapped).filter(|key| key.expose().len() == LENGTH)
}

/// Whose secrets, and from which identity key to which.
#[derive(Debug, Clone, Copy)]
pub struct Handover<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The key that is given up.
    pub old: &'a KeyDigest,
    /// The key that takes its place.
    pub new: &'a KeyDigest,
}

impl Handover<'_> {
    fn associated(&self) -> Vec<u8> {
        let Self { user, old, new } = self;
        [b"peer-messenger/1 former store key".as_slice(), &old.0, &new.0, user.as_str().as_bytes()].concat()
    }
}

/// Encrypts the secret of a former identity key under that of the one that takes its place.
///
/// # Errors
/// [`NoRandomness`].
pub fn hand_on(handover: Handover<'_>, new: &Secret, former: &Secret) -> Result<Vec<u8>, NoRandomness> {
    committing_aead::seal(new, &handover.associated(), former)
}

/// The secret of the former identity key; nothing if it was not handed on so, or altered.
#[must_use]
pub fn handed_on(handover: Handover<'_>, new: &Secret, sealed: &[u8]) -> Option<Secret> {
    committing_aead::open(new, &handover.associated(), sealed).filter(|secret| secret.expose().len() == LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Example;

    #[test]
    fn a_key_opens_with_the_secret_it_was_wrapped_under_and_unaltered_only() {
        let [ali, bianca] = [Example::Ali, Example::Bianca].map(|example| secret_of(&example.identity().unwrap()));
        let key = generate().unwrap();
        let wrapped = wrap(&ali, &key).unwrap();
        assert_eq!(unwrap(&ali, &wrapped).unwrap().expose(), key.expose());
        assert!(unwrap(&bianca, &wrapped).is_none());
        for place in [0, 32, wrapped.len() - 1] {
            let mut altered = wrapped.clone();
            altered[place] ^= 1;
            assert!(unwrap(&ali, &altered).is_none());
        }
        assert!(unwrap(&ali, &wrap(&ali, &Secret::new(vec![1; 32])).unwrap()).is_none(), "of another length");
    }

    #[test]
    fn a_former_secret_is_handed_on_to_one_key_of_one_user() {
        let (user, other) = (Example::Ali.user().unwrap(), Example::Bianca.user().unwrap());
        let [old, new] = [Example::Ali, Example::Carol].map(|example| secret_of(&example.identity().unwrap()));
        let (k1, k2, k3) = (KeyDigest([1; 32]), KeyDigest([2; 32]), KeyDigest([3; 32]));
        let handover = Handover { user: &user, old: &k1, new: &k2 };
        let sealed = hand_on(handover, &new, &old).unwrap();
        assert_eq!(handed_on(handover, &new, &sealed).unwrap().expose(), old.expose());
        assert!(handed_on(handover, &old, &sealed).is_none());
        for other in [
            Handover { user: &other, ..handover },
            Handover { old: &k3, ..handover },
            Handover { new: &k3, ..handover },
        ] {
            assert!(handed_on(other, &new, &sealed).is_none());
        }
    }
}
