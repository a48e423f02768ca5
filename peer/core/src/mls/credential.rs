//! Who a leaf is: a terminal of a user, by the certificate that the user's identity key signed (decision D16, threat G1).
//!
//! The leaf carries a fingerprint of the certificate, because certificates in leaves would make a welcome five times as
//! large. The leaf of a terminal that was certified anew keeps naming the certificate before, which holds on if the user's key
//! says so (decision D47). The certificate is fetched from the directory and verified with the key pinned for that user.

use std::collections::BTreeSet;

use common::crypto::identity::{BadKey, PublicKey};
use common::crypto::terminal::{self, TerminalIdentity};
use common::ident::{ContentDigest, KeyDigest, TerminalId, TerminalKey, UserId};
use common::msg::{Certificate, Member};
use openmls::prelude::{Credential, CredentialWithKey, SignatureScheme};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use serde::{Deserialize, Serialize};

use super::randomness::Randomness;
use super::{CREDENTIAL, Refusal};

/// Longest content of a credential: two ids, a fingerprint, and JSON around them.
const CONTENT_MAX: usize = 256;

/// The content of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    userid: UserId,
    terminal: TerminalId,
    certificate: String,
}

impl Content {
    fn of(user: &UserId, certificate: &Certificate) -> Self {
        let certified = terminal::fingerprint(user, certificate).to_string();
        Self { userid: user.clone(), terminal: certificate.terminal, certificate: certified }
    }

    /// Writing plain strings to memory cannot fail; an empty content would match none.
    fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn credential(&self) -> Credential {
        Credential::new(CREDENTIAL, self.encode())
    }
}

/// The terminal that a credential names. Whether it is that terminal's, only a certificate can tell.
pub(super) fn named(credential: &Credential) -> Result<Member, Refusal> {
    let bytes = credential.serialized_content();
    if credential.credential_type() != CREDENTIAL || bytes.len() > CONTENT_MAX {
        return Err(Refusal::Credential);
    }
    let content: Content = serde_json::from_slice(bytes).map_err(|_| Refusal::Credential)?;
    if content.encode() != bytes {
        return Err(Refusal::Credential);
    }
    Ok(Member { userid: content.userid, terminal: content.terminal })
}

/// A terminal whose certificate was verified with a key of its user: the pinned one, or one to be decided about.
#[derive(Debug, Clone)]
pub struct VerifiedCredential {
    content: Content,
    key: TerminalKey,
    /// The identity key that certified it.
    identity: KeyDigest,
    /// Whether that is not the key pinned for its user.
    undecided: bool,
    /// Fingerprints of certificates that hold on under that key.
    carried: BTreeSet<ContentDigest>,
}

impl VerifiedCredential {
    /// Verifies that `pin`, the identity key of `user`, certified the terminal.
    ///
    /// # Errors
    /// [`BadKey::Signature`].
    pub fn verify(user: &UserId, certificate: &Certificate, pin: &PublicKey) -> Result<Self, BadKey> {
        terminal::verify(certificate, user, pin)?;
        Ok(Self::of(user, certificate, pin, BTreeSet::new()))
    }

    /// The same, where certificates with these fingerprints hold on, although a former key signed them (decision D47).
    ///
    /// # Errors
    /// [`BadKey::Signature`].
    pub fn carried(
        user: &UserId,
        certificate: &Certificate,
        pin: &PublicKey,
        carried: BTreeSet<ContentDigest>,
    ) -> Result<Self, BadKey> {
        if !carried.contains(&terminal::fingerprint(user, certificate)) {
            terminal::verify(certificate, user, pin)?;
        }
        Ok(Self::of(user, certificate, pin, carried))
    }

    fn of(user: &UserId, certificate: &Certificate, pin: &PublicKey, carried: BTreeSet<ContentDigest>) -> Self {
        let (content, key) = (Content::of(user, certificate), certificate.key);
        Self { content, key, identity: pin.digest(), undecided: false, carried }
    }

    /// The same, where the key is not the pinned one: the user has to decide about it (decision D31).
    pub fn undecided(self) -> Self {
        Self { undecided: true, ..self }
    }

    /// Whether its user's key has to be decided about, and which key that is.
    pub(super) fn is_undecided(&self) -> Option<KeyDigest> {
        self.undecided.then_some(self.identity)
    }

    /// Which terminal.
    pub fn member(&self) -> Member {
        Member { userid: self.content.userid.clone(), terminal: self.content.terminal }
    }

    /// The key of the terminal, if the pinned one has certified it.
    pub fn key(&self) -> Option<TerminalKey> {
        (!self.undecided).then_some(self.key)
    }

    /// Whether a leaf with this credential and signature key is the terminal's.
    pub(super) fn check(&self, credential: &Credential, key: &[u8]) -> Result<(), Refusal> {
        if *credential != self.content.credential() && !self.is_of_before(credential) {
            Err(Refusal::OtherCertificate { member: self.member() })
        } else if key != self.key.as_bytes() {
            Err(Refusal::OtherKey { member: self.member() })
        } else {
            Ok(())
        }
    }
}

impl VerifiedCredential {
    /// Whether it names a certificate of this terminal that holds on.
    fn is_of_before(&self, credential: &Credential) -> bool {
        let named = |digest: &ContentDigest| Content { certificate: digest.to_string(), ..self.content.clone() };
        self.carried.iter().any(|digest| named(digest).credential() == *credential)
    }
}

/// What all rooms of this terminal share: who it is, and what the library computes and draws with.
pub struct OwnTerminal {
    content: Content,
    identity: TerminalIdentity,
    algorithms: RustCrypto,
    randomness: Randomness,
}

impl OwnTerminal {
    /// The terminal of `user` with this certificate. The seed comes from the operating system, except in simulations.
    pub fn new(user: &UserId, identity: TerminalIdentity, certificate: &Certificate, seed: [u8; 32]) -> Self {
        Self {
            content: Content::of(user, certificate),
            identity,
            algorithms: RustCrypto::default(),
            randomness: Randomness::new(seed),
        }
    }

    /// Which terminal.
    pub fn member(&self) -> Member {
        Member { userid: self.content.userid.clone(), terminal: self.content.terminal }
    }

    /// Signs a transcript that is not of MLS, and cannot pass for a message of MLS.
    pub fn sign_plain(&self, transcript: &[u8]) -> Vec<u8> {
        self.identity.sign(transcript)
    }

    pub(super) fn user(&self) -> &UserId {
        &self.content.userid
    }

    pub(super) fn leaf(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: self.content.credential(),
            signature_key: self.identity.key().as_bytes().as_slice().into(),
        }
    }

    pub(super) fn algorithms(&self) -> &RustCrypto {
        &self.algorithms
    }

    pub(super) fn randomness(&self) -> &Randomness {
        &self.randomness
    }
}

impl Signer for OwnTerminal {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.identity.sign(payload))
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
