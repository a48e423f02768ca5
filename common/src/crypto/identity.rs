//! Identity keys: RSA, one per user (decisions D2, D4, D5; protocol section 8.1).
//!
//! The `rsa` crate encodes and parses public keys, and verifies the signature that introduces a key. Whatever makes or uses
//! a private key runs in aws-lc-rs, because RUSTSEC-2023-0071 (timing of private-key operations in `rsa`) has no fixed
//! release, and because `rsa` searches primes for seconds; so do the verifications that every login repeats, because they
//! take a tenth of the time there (measured at 3072 bits: 0.04 ms against 0.4 to 0.5 ms, which was a third of a login's
//! cost).

use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, UnparsedPublicKey};
use rsa::RsaPublicKey;
use rsa::pkcs1::{DecodeRsaPublicKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, PrivateKeyInfo};
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use rustls::sign::CertifiedKey;
use sha2::Sha256;

use super::NoRandomness;
use super::transcript::Transcript;
use crate::ident::KeyDigest;
use crate::limits::{PUBLIC_KEY_MAX, RSA_BITS};
use crate::secret::Secret;

const PUBLIC_EXPONENT: u32 = 65_537;

/// Why bytes are not an acceptable identity key, or a signature is not good (threat P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not the DER of an RSA key, or not its one canonical encoding.
    #[error("not a canonically encoded RSA key")]
    Encoding,
    /// Modulus shorter than 2048 or longer than 4096 bits.
    #[error("an RSA key of {0} bits")]
    Size(usize),
    /// Public exponent other than 65537.
    #[error("an RSA public exponent other than 65537")]
    Exponent,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
}

/// A user's public key, checked: RSA, 2048 to 4096 bits, e = 65537, canonical encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: RsaPublicKey,
    pkcs1: Vec<u8>,
}

impl PublicKey {
    /// Parses the form used in messages: PKCS#1 DER (RFC 8017 appendix A.1.1).
    ///
    /// # Errors
    /// [`BadKey`] names the broken rule.
    pub fn from_pkcs1(der: &[u8]) -> Result<Self, BadKey> {
        if der.len() > PUBLIC_KEY_MAX {
            return Err(BadKey::Encoding);
        }
        let key = Self::checked(RsaPublicKey::from_pkcs1_der(der).map_err(|_| BadKey::Encoding)?)?;
        if key.pkcs1 == der { Ok(key) } else { Err(BadKey::Encoding) }
    }

    /// Parses the form used in TLS: SubjectPublicKeyInfo (RFC 5280 section 4.1, RFC 7250).
    ///
    /// # Errors
    /// [`BadKey`] names the broken rule.
    pub fn from_spki(der: &[u8]) -> Result<Self, BadKey> {
        if der.len() > PUBLIC_KEY_MAX {
            return Err(BadKey::Encoding);
        }
        let key = Self::checked(RsaPublicKey::from_public_key_der(der).map_err(|_| BadKey::Encoding)?)?;
        if key.to_spki()? == der { Ok(key) } else { Err(BadKey::Encoding) }
    }

    fn checked(key: RsaPublicKey) -> Result<Self, BadKey> {
        let bits = key.n().bits();
        if !RSA_BITS.contains(&bits) {
            return Err(BadKey::Size(bits));
        }
        if *key.e() != PUBLIC_EXPONENT.into() {
            return Err(BadKey::Exponent);
        }
        let pkcs1 = key.to_pkcs1_der().map_err(|_| BadKey::Encoding)?.into_vec();
        Ok(Self { key, pkcs1 })
    }

    /// PKCS#1 DER.
    #[must_use]
    pub fn as_pkcs1(&self) -> &[u8] {
        &self.pkcs1
    }

    /// SubjectPublicKeyInfo DER, what TLS carries.
    ///
    /// # Errors
    /// [`BadKey::Encoding`]; does not happen for a key that was parsed.
    pub fn to_spki(&self) -> Result<Vec<u8>, BadKey> {
        Ok(self.key.to_public_key_der().map_err(|_| BadKey::Encoding)?.into_vec())
    }

    /// SHA-256 of the PKCS#1 DER.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest::of(&self.pkcs1)
    }

    /// Verifies an RSASSA-PSS signature (SHA-256, salt of 32 bytes; RFC 8017 section 8.1).
    ///
    /// # Errors
    /// [`BadKey::Signature`].
    pub fn verify(&self, transcript: &Transcript, signature: &[u8]) -> Result<(), BadKey> {
        UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &self.pkcs1)
            .verify(transcript.as_bytes(), signature)
            .map_err(|_| BadKey::Signature)
    }

    /// The same for the signature with which a key is registered, by another implementation than made it: once in the
    /// life of a key, both must agree about it.
    ///
    /// # Errors
    /// [`BadKey::Signature`].
    pub fn verify_first(&self, transcript: &Transcript, signature: &[u8]) -> Result<(), BadKey> {
        let signature = Signature::try_from(signature).map_err(|_| BadKey::Signature)?;
        VerifyingKey::<Sha256>::new(self.key.clone())
            .verify(transcript.as_bytes(), &signature)
            .map_err(|_| BadKey::Signature)
    }
}

/// A user's key pair.
pub struct IdentityKey {
    pair: KeyPair,
    public: PublicKey,
    pkcs1: Secret,
    for_tls: OnceLock<Arc<CertifiedKey>>,
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdentityKey({})", self.public.digest())
    }
}

impl IdentityKey {
    /// Generates a key of [`RSA_BITS_NEW`](crate::limits::RSA_BITS_NEW) bits. Takes a part of a second: run it off the
    /// executor.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let pair = KeyPair::generate(KeySize::Rsa3072).map_err(|_| NoRandomness)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| NoRandomness)?;
        // What PKCS#8 wraps is the PKCS#1 that the vault keeps (RFC 8017 appendix A.1.2).
        let wrapped = PrivateKeyInfo::try_from(pkcs8.as_ref()).map_err(|_| NoRandomness)?;
        Self::from_pkcs1(&Secret::new(wrapped.private_key.to_vec())).map_err(|_| NoRandomness)
    }

    /// Opens the form kept in the vault: PKCS#1 DER (RFC 8017 appendix A.1.2).
    ///
    /// # Errors
    /// [`BadKey`] names the broken rule.
    pub fn from_pkcs1(der: &Secret) -> Result<Self, BadKey> {
        use aws_lc_rs::signature::KeyPair as _;
        let pair = KeyPair::from_der(der.expose()).map_err(|_| BadKey::Encoding)?;
        let public = PublicKey::from_pkcs1(pair.public_key().as_ref())?;
        Ok(Self { pair, public, pkcs1: der.clone(), for_tls: OnceLock::new() })
    }

    /// PKCS#1 DER of the private key.
    #[must_use]
    pub fn to_pkcs1(&self) -> &Secret {
        &self.pkcs1
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key as TLS signs with it, from `made` the first time: a key is checked when it is read, which takes longer than to
    /// sign with it, and keeps what blinds it.
    ///
    /// # Errors
    /// Those of `made`.
    pub(crate) fn for_tls<E>(
        &self,
        made: impl FnOnce() -> Result<Arc<CertifiedKey>, E>,
    ) -> Result<Arc<CertifiedKey>, E> {
        if let Some(key) = self.for_tls.get() {
            return Ok(Arc::clone(key));
        }
        let key = made()?;
        Ok(Arc::clone(self.for_tls.get_or_init(|| key)))
    }

    /// Signs with RSASSA-PSS (SHA-256, salt of 32 bytes); 256 to 512 bytes.
    ///
    /// # Errors
    /// [`NoRandomness`] if there is none for the salt.
    pub fn sign(&self, transcript: &Transcript) -> Result<Vec<u8>, NoRandomness> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PSS_SHA256, &SystemRandom::new(), transcript.as_bytes(), &mut signature)
            .map_err(|_| NoRandomness)?;
        Ok(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::transcript;
    use crate::ident::{TerminalId, TerminalKey};
    use crate::limits::RSA_BITS_NEW;
    use crate::testkit::Example;

    fn transcript() -> Transcript {
        transcript::terminal(&Example::Ali.user().unwrap(), &TerminalId([1; 16]), &TerminalKey([2; 32]), 3)
    }

    /// What both implementations say; they must agree.
    fn verdict(key: &PublicKey, signature: &[u8]) -> Result<(), BadKey> {
        let verdict = key.verify(&transcript(), signature);
        assert_eq!(verdict, key.verify_first(&transcript(), signature));
        verdict
    }

    #[test]
    fn both_implementations_take_a_good_signature_and_no_altered_one() {
        let identity = Example::Ali.identity().unwrap();
        let good = identity.sign(&transcript()).unwrap();
        assert_eq!(verdict(identity.public(), &good), Ok(()));
        assert_eq!(verdict(Example::Bianca.identity().unwrap().public(), &good), Err(BadKey::Signature));
        for byte in 0..good.len() {
            let mut altered = good.clone();
            altered[byte] ^= 1;
            assert_eq!(verdict(identity.public(), &altered), Err(BadKey::Signature));
        }
        for length in [0, 1, good.len() - 1] {
            assert_eq!(verdict(identity.public(), &good[..length]), Err(BadKey::Signature));
        }
        assert_eq!(verdict(identity.public(), &[&good[..], &[0]].concat()), Err(BadKey::Signature));
        assert_eq!(verdict(identity.public(), &[&[0], &good[..]].concat()), Err(BadKey::Signature));
    }

    #[test]
    fn a_new_key_has_the_size_of_new_keys_and_its_kept_form_opens_in_both_implementations() {
        use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
        let identity = IdentityKey::generate().unwrap();
        assert_eq!(identity.public().key.n().bits(), RSA_BITS_NEW);
        let kept = rsa::RsaPrivateKey::from_pkcs1_der(identity.to_pkcs1().expose()).unwrap();
        assert_eq!(kept.validate(), Ok(()));
        assert_eq!(kept.to_pkcs1_der().unwrap().as_bytes(), identity.to_pkcs1().expose());
        assert_eq!(kept.to_public_key().to_pkcs1_der().unwrap().as_bytes(), identity.public().as_pkcs1());
        let again = IdentityKey::from_pkcs1(identity.to_pkcs1()).unwrap();
        let signature = again.sign(&transcript()).unwrap();
        assert_eq!(verdict(identity.public(), &signature), Ok(()));
    }

    #[test]
    fn both_implementations_insist_on_a_salt_of_32_bytes() {
        use rsa::pkcs1::DecodeRsaPrivateKey as _;
        use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
        let identity = Example::Ali.identity().unwrap();
        let key = rsa::RsaPrivateKey::from_pkcs1_der(identity.to_pkcs1().expose()).unwrap();
        for (salt, expected) in [(32, Ok(())), (20, Err(BadKey::Signature)), (64, Err(BadKey::Signature))] {
            let signer = rsa::pss::SigningKey::<Sha256>::new_with_salt_len(key.clone(), salt);
            let signature = signer.sign_with_rng(&mut rsa::rand_core::OsRng, transcript().as_bytes()).to_vec();
            assert_eq!(verdict(identity.public(), &signature), expected);
        }
    }
}
