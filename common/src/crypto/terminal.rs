//! Terminal keys: Ed25519, one per terminal, certified by the user's identity key (decision D16; protocol section 8.3).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use sha2::{Digest as _, Sha256};

use super::identity::{BadKey, IdentityKey, PublicKey};
use super::{NoRandomness, random, transcript};
use crate::ident::{ContentDigest, TerminalId, TerminalKey, UserId};
use crate::msg::{Blob, Certificate};
use crate::secret::Secret;

/// A terminal's key pair with its id.
pub struct TerminalIdentity {
    id: TerminalId,
    seed: Secret,
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for TerminalIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TerminalIdentity({})", self.id)
    }
}

impl TerminalIdentity {
    /// A new key for the terminal `id`.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(id: TerminalId) -> Result<Self, NoRandomness> {
        Self::from_seed(id, &Secret::new(random::<32>()?.to_vec())).map_err(|_| NoRandomness)
    }

    /// Reads a key from its 32-byte seed (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// [`BadKey::Encoding`] if the seed has another length.
    pub fn from_seed(id: TerminalId, seed: &Secret) -> Result<Self, BadKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| BadKey::Encoding)?;
        Ok(Self { id, seed: seed.clone(), pair })
    }

    /// The terminal's id.
    #[must_use]
    pub fn id(&self) -> TerminalId {
        self.id
    }

    /// The 32-byte seed, for the peer's store.
    #[must_use]
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// The public key.
    #[must_use]
    pub fn key(&self) -> TerminalKey {
        let mut key = [0; TerminalKey::LENGTH];
        key.copy_from_slice(self.pair.public_key().as_ref());
        TerminalKey(key)
    }

    /// Signs with the terminal key (RFC 8032).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    /// Lets the user's identity key certify this terminal at `now` (seconds since the epoch).
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn certify(&self, user: &UserId, identity: &IdentityKey, now: u64) -> Result<Certificate, NoRandomness> {
        let transcript = transcript::terminal(user, &self.id, &self.key(), now);
        let signature = Blob(identity.sign(&transcript)?);
        Ok(Certificate { terminal: self.id, key: self.key(), issued: now, signature })
    }
}

/// Verifies that `key`, the identity key of `user`, certified the terminal.
///
/// # Errors
/// [`BadKey::Signature`].
pub fn verify(certificate: &Certificate, user: &UserId, key: &PublicKey) -> Result<(), BadKey> {
    let transcript = transcript::terminal(user, &certificate.terminal, &certificate.key, certificate.issued);
    key.verify(&transcript, &certificate.signature.0)
}

/// Names a certificate: SHA-256 of its transcript and its signature (protocol section 8.7).
#[must_use]
pub fn fingerprint(user: &UserId, certificate: &Certificate) -> ContentDigest {
    let transcript = transcript::terminal(user, &certificate.terminal, &certificate.key, certificate.issued);
    let hash = Sha256::new().chain_update(transcript.as_bytes()).chain_update(&certificate.signature.0);
    ContentDigest(hash.finalize().into())
}

/// Verifies a signature of a terminal key (RFC 8032).
///
/// # Errors
/// [`BadKey::Signature`].
pub fn verify_signature(key: &TerminalKey, message: &[u8], signature: &[u8]) -> Result<(), BadKey> {
    UnparsedPublicKey::new(&ED25519, key.as_bytes()).verify(message, signature).map_err(|_| BadKey::Signature)
}
