//! Proof of possession: that a terminal which has logged in holds the user's identity key, and is certified by it
//! (decision D12; protocol section 5.4).

use common::crypto::identity::PublicKey;
use common::crypto::terminal;
use common::crypto::transcript::{self, Channel};
use common::ident::{Challenge, TerminalId};
use common::msg::Announce;

/// Which rule an `ANNOUNCE` broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotProved {
    /// It names another key than the user's.
    #[error("the key is not the user's")]
    OtherKey,
    /// Its certificate is another terminal's.
    #[error("the certificate is not this terminal's")]
    OtherTerminal,
    /// The user's key cannot be read.
    #[error("the user's key cannot be read")]
    UnreadableKey,
    /// The signature is not one of the user's key over this login.
    #[error("the signature does not cover this login")]
    Signature,
    /// The certificate is not one of the user's key for this terminal.
    #[error("the certificate is not signed by the user's key")]
    Certificate,
}

/// Whether the certificate has been verified already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certified {
    /// The terminal announced the very same one before.
    Before,
    /// It has to be verified.
    New,
}

/// What is known of a terminal that has proved its user's passcode.
pub(crate) struct Expected<'a> {
    /// The connection, with the user.
    pub(crate) channel: Channel<'a>,
    /// Which terminal it is.
    pub(crate) terminal: TerminalId,
    /// The user's identity key, PKCS#1 DER.
    pub(crate) public_key: &'a [u8],
    /// What it was asked to sign.
    pub(crate) challenge: &'a Challenge,
    /// Whether its certificate is known.
    pub(crate) certificate: Certified,
}

impl Expected<'_> {
    /// Judges an `ANNOUNCE`.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(crate) fn check(&self, announce: &Announce) -> Result<(), NotProved> {
        let Announce { publickey, signature, port, certificate, features: _ } = announce;
        if publickey.0 != self.public_key {
            return Err(NotProved::OtherKey);
        }
        if certificate.terminal != self.terminal {
            return Err(NotProved::OtherTerminal);
        }
        let key = PublicKey::from_pkcs1(&publickey.0).map_err(|_| NotProved::UnreadableKey)?;
        let transcript = transcript::login(self.channel, self.challenge, *port, certificate);
        key.verify(&transcript, &signature.0).map_err(|_| NotProved::Signature)?;
        match self.certificate {
            Certified::Before => Ok(()),
            Certified::New => {
                terminal::verify(certificate, self.channel.user, &key).map_err(|_| NotProved::Certificate)
            }
        }
    }
}
