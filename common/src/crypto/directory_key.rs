//! The directory's own key: ECDSA P-256, pinned by peers like an SSH host key (decision D5).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::NoRandomness;
use super::identity::BadKey;
use crate::ident::KeyDigest;
use crate::secret::Secret;

/// The key pair of a directory, as PKCS#8 (RFC 5208).
#[derive(Debug, Clone)]
pub struct DirectoryKey {
    pkcs8: Secret,
    spki: Vec<u8>,
}

impl DirectoryKey {
    /// A new key.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| NoRandomness)?;
        Self::from_pkcs8(&Secret::new(document.as_ref().to_vec())).map_err(|_| NoRandomness)
    }

    /// Reads PKCS#8 DER.
    ///
    /// # Errors
    /// [`BadKey::Encoding`] if it is not a P-256 key.
    pub fn from_pkcs8(der: &Secret) -> Result<Self, BadKey> {
        use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
        use aws_lc_rs::signature::KeyPair as _;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.expose()).map_err(|_| BadKey::Encoding)?;
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| BadKey::Encoding)?;
        Ok(Self { pkcs8: der.clone(), spki: spki.as_ref().to_vec() })
    }

    /// PKCS#8 DER for the key file.
    #[must_use]
    pub fn to_pkcs8(&self) -> &Secret {
        &self.pkcs8
    }

    /// SHA-256 of the SubjectPublicKeyInfo: what peers pin and people compare.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.spki)
    }

    /// The public key, SubjectPublicKeyInfo DER (RFC 5480).
    #[must_use]
    pub fn as_spki(&self) -> &[u8] {
        &self.spki
    }

    pub(crate) fn to_tls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pkcs8.expose().to_vec()))
    }
}
