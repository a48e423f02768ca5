//! The key of a user's local store (decision D20).
//!
//! A store is encrypted under a random key, which lies beside it, encrypted under a secret that the identity key yields:
//! whatever becomes of that key, the store need not be written anew.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::identity::IdentityKey;
use super::{NoRandomness, committing_aead, random};
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
}
