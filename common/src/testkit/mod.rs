//! Fixed keys, an in-memory network and blocking clients, for tests of all three crates. Never part of a program.

pub mod caller;
pub mod client;
pub mod fuzz;
pub mod login;
mod pipe;
mod sealed;

pub use pipe::{Pipe, duplex};
pub use sealed::{sealed_commit, sealed_message, sealed_welcome, unsealed};

use crate::crypto::identity::{BadKey, IdentityKey};
use crate::ident::{BadUserId, UserId};
use crate::secret::Secret;

/// The example users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// `ali`.
    Ali,
    /// `bianca`.
    Bianca,
    /// `carol`.
    Carol,
}

impl Example {
    /// The user's id.
    ///
    /// # Errors
    /// Never; the type says so that tests can use `?` or `unwrap`.
    pub fn user(self) -> Result<UserId, BadUserId> {
        UserId::parse(match self {
            Self::Ali => "ali",
            Self::Bianca => "bianca",
            Self::Carol => "carol",
        })
    }

    /// The user's identity key: RSA-2048, always the same, so that tests need not generate one and vectors are stable.
    ///
    /// # Errors
    /// Never, as above.
    pub fn identity(self) -> Result<IdentityKey, BadKey> {
        let text = match self {
            Self::Ali => include_str!("ali.rsa.hex"),
            Self::Bianca => include_str!("bianca.rsa.hex"),
            Self::Carol => include_str!("carol.rsa.hex"),
        };
        let digits: String = text.split_whitespace().collect();
        IdentityKey::from_pkcs1(&Secret::new(hex::decode(digits).map_err(|_| BadKey::Encoding)?))
    }
}
