//! Values encrypted one by one (decision D20).
//!
//! Under the store's own key, which the identity key opens (`common::crypto::store_key`), so that neither a new passcode nor a
//! new identity key leaves anything unreadable. The row's key is associated data, so values cannot be swapped.
//! Rows are found by HMAC of their name, so a stolen file does not even tell whom its owner knows.

use common::crypto::store_key::{self, Values};
use common::secret::Secret;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::StoreError;

/// A kept value and its key.
pub(crate) type Entry = (Vec<u8>, Zeroizing<Vec<u8>>);

/// The key and the value of what is sealed under a name that does not tell the key: key length (4 bytes, big-endian) · key ·
/// value.
pub(super) fn parted(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = entry.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// The keys of one user's store.
pub(crate) struct Seal {
    values: Values,
    names: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    /// Takes the store's key apart.
    pub(crate) fn new(key: &Secret) -> Result<Self, StoreError> {
        let key: &[u8; store_key::LENGTH] = key.expose().try_into().map_err(|_| StoreError::Unreadable)?;
        let (values, rows) = key.split_first_chunk().ok_or(StoreError::Unreadable)?;
        let mut names = Zeroizing::new([0; 32]);
        names.copy_from_slice(rows);
        Ok(Self { values: Values::new(values), names })
    }

    /// The row key that stands for `name`.
    pub(crate) fn row(&self, kind: &str, name: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut mac =
            <Hmac<Sha256> as hmac::Mac>::new_from_slice(self.names.as_slice()).map_err(|_| StoreError::Unreadable)?;
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(name);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    /// Encrypts one value for `row`.
    pub(crate) fn seal(&self, row: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.values.seal(row, value).map_err(|_| StoreError::Unreadable)
    }

    /// Decrypts the value of `row`.
    pub(crate) fn open(&self, row: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.values.open(row, sealed).ok_or(StoreError::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_in_its_row_and_with_its_key() {
        let seal = Seal::new(&store_key::generate().unwrap()).unwrap();
        let row = seal.row("contact", b"bianca").unwrap();
        let sealed = seal.seal(&row, b"value").unwrap();
        assert_eq!(seal.open(&row, &sealed).unwrap().as_slice(), b"value");
        seal.open(&seal.row("contact", b"carol").unwrap(), &sealed).unwrap_err();
        let other = Seal::new(&store_key::generate().unwrap()).unwrap();
        other.open(&row, &sealed).unwrap_err();
        assert_ne!(other.row("contact", b"bianca").unwrap(), row);
    }
}
