//! What is proved, and how: composition of audited parts, no cryptography of its own (protocol section 8).
//!
//! [`transcript`] says which bytes are signed; [`identity`] and [`terminal`] sign and verify them; [`opaque`] is the
//! passcode authentication and [`vault`] what it opens, [`commit`] what the author of one answers for, [`backup`] what a user keeps instead, [`store_key`] how a terminal's store is opened, [`successor`] how a key follows another, [`record`] what holds while the directory is out of reach; [`invite`] introduces both sides to each other; [`preface`]
//! keeps strangers off port 65000; [`safety_number`] is the number people compare.

pub mod backup;
pub mod commit;
mod committing_aead;
pub mod directory_key;
pub mod identity;
pub mod invite;
pub mod opaque;
pub mod preface;
pub mod record;
pub mod safety_number;
pub mod store_key;
pub mod successor;
pub mod terminal;
pub mod transcript;
pub mod vault;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::ident::Mac;

/// The operating system gave no randomness; nothing that needs it can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct NoRandomness;

/// Fresh random bytes from the operating system.
///
/// # Errors
/// [`NoRandomness`].
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// HMAC-SHA-256 (RFC 2104) over the concatenation of `parts`; callers keep the parts of fixed length or length-prefixed.
fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Mac {
    // HMAC takes keys of every length; the error type exists for other MACs.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Mac([0; 32]) };
    for part in parts {
        mac.update(part);
    }
    Mac(mac.finalize().into_bytes().into())
}

/// Comparison in constant time.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
