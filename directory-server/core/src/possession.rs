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
        let Announce { publickey, signature, port, certificate, features: _, local: _ } = announce;
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

#[cfg(test)]
mod tests {
    use common::crypto::terminal::TerminalIdentity;
    use common::ident::KeyDigest;
    use common::msg::{Blob, Certificate, Features, Hex};
    use common::testkit::Example;

    use super::*;

    const CHALLENGE: Challenge = Challenge([3; 32]);
    const DIRECTORY: KeyDigest = KeyDigest([1; 32]);

    fn certified(id: u8, user: Example, by: Example) -> Certificate {
        let terminal = TerminalIdentity::generate(TerminalId([id; 16])).unwrap();
        terminal.certify(&user.user().unwrap(), &by.identity().unwrap(), 1_800_000_000).unwrap()
    }

    #[test]
    fn each_rule_that_is_broken_has_a_name_of_its_own() {
        let (user, ali, bianca) =
            (Example::Ali.user().unwrap(), Example::Ali.identity().unwrap(), Example::Bianca.identity().unwrap());
        let channel = Channel { user: &user, directory: &DIRECTORY, exporter: &[2; 32] };
        let announce = |certificate: Certificate, port: u16, signed_port: u16| {
            let transcript = transcript::login(channel, &CHALLENGE, signed_port, &certificate);
            let signature = Blob(ali.sign(&transcript).unwrap());
            let publickey = Hex(ali.public().as_pkcs1().to_vec());
            Announce { publickey, signature, port, certificate, features: Features::default(), local: Vec::new() }
        };
        let good = announce(certified(1, Example::Ali, Example::Ali), 65_000, 65_000);
        let others_key = Announce { publickey: Hex(bianca.public().as_pkcs1().to_vec()), ..good.clone() };
        let foreign = announce(certified(1, Example::Ali, Example::Bianca), 65_000, 65_000);
        let of_another_user = announce(certified(1, Example::Bianca, Example::Ali), 65_000, 65_000);
        let elsewhere = announce(certified(2, Example::Ali, Example::Ali), 65_000, 65_000);
        let table = [
            (good.clone(), Certified::New, Ok(())),
            (good.clone(), Certified::Before, Ok(())),
            (others_key, Certified::New, Err(NotProved::OtherKey)),
            (elsewhere, Certified::New, Err(NotProved::OtherTerminal)),
            (announce(good.certificate.clone(), 65_000, 65_001), Certified::New, Err(NotProved::Signature)),
            (Announce { signature: Blob(vec![0; 256]), ..good.clone() }, Certified::Before, Err(NotProved::Signature)),
            (foreign.clone(), Certified::New, Err(NotProved::Certificate)),
            (of_another_user, Certified::New, Err(NotProved::Certificate)),
            // What was verified before is not verified again.
            (foreign, Certified::Before, Ok(())),
        ];
        for (row, (announce, certificate, outcome)) in table.into_iter().enumerate() {
            let expected = Expected {
                channel,
                terminal: TerminalId([1; 16]),
                public_key: ali.public().as_pkcs1(),
                challenge: &CHALLENGE,
                certificate,
            };
            assert_eq!(expected.check(&announce), outcome, "row {row}");
        }
        let unreadable = Announce { publickey: Hex(b"key".to_vec()), ..good };
        let (terminal, challenge, certificate) = (TerminalId([1; 16]), &CHALLENGE, Certified::New);
        let expected = Expected { channel, terminal, public_key: b"key", challenge, certificate };
        assert_eq!(expected.check(&unreadable), Err(NotProved::UnreadableKey));
    }
}
