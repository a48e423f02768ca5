//! The same without MLS: what a message and a change of members cost at least, or cost others.

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use openmls::prelude::{Ciphersuite, OpenMlsCrypto as _};
use openmls_rust_crypto::RustCrypto;

use crate::Outcome;

const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
/// Bytes of the secret that a member needs to go on.
const SECRET: usize = 48;

/// One AES-256-GCM and one Ed25519 operation for a message, with aws-lc-rs.
pub(crate) struct Message {
    key: LessSafeKey,
    pair: Ed25519KeyPair,
}

impl Message {
    pub(crate) fn new() -> Outcome<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &[3; 32]).map_err(|_| "no key")?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).map_err(|_| "no key pair")?;
        Ok(Self { key: LessSafeKey::new(key), pair })
    }

    pub(crate) fn seal(&self, letter: &[u8]) -> Outcome<Vec<u8>> {
        let mut bytes = [letter, self.pair.sign(letter).as_ref()].concat();
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut bytes).map_err(|_| "not sealed")?;
        Ok(bytes)
    }

    pub(crate) fn open(&self, sealed: &[u8]) -> Outcome<()> {
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let plain = self.key.open_in_place(nonce, Aad::empty(), &mut bytes).map_err(|_| "not opened")?;
        let (letter, signature) = plain.split_at_checked(plain.len() - 64).ok_or("no signature")?;
        UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref())
            .verify(letter, signature)
            .map_err(|_| "not verified")?;
        black_box(letter);
        Ok(())
    }
}

/// A new secret sealed to every member, one by one, by the library's own hybrid encapsulation.
pub(crate) struct OneByOne {
    crypto: RustCrypto,
    public: Vec<u8>,
}

impl OneByOne {
    pub(crate) fn new() -> Outcome<Self> {
        let crypto = RustCrypto::default();
        let pair = crypto.derive_hpke_keypair(CIPHERSUITE.hpke_config(), &[5; 32]).map_err(|_| "no key pair")?;
        Ok(Self { public: pair.public, crypto })
    }

    /// The bytes that this sends.
    pub(crate) fn send(&self, members: u16) -> Outcome<usize> {
        let mut bytes = 0;
        for _ in 0..members {
            let sealed = self
                .crypto
                .hpke_seal(CIPHERSUITE.hpke_config(), &self.public, b"", b"", &[9; SECRET])
                .map_err(|_| "not sealed")?;
            bytes += sealed.kem_output.as_slice().len() + sealed.ciphertext.as_slice().len();
        }
        Ok(bytes)
    }
}
