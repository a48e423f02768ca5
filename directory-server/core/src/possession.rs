//! Proof of possession: that a terminal which has logged in holds the user's identity key, and is certified by it
//! (decision D12; protocol section 5.4).

use common::crypto::identity::PublicKey;
use common::crypto::terminal;
use common::crypto::transcript::{self, Channel};
use common::ident::{Challenge, TerminalId};
use common::msg::{Announce, Certificate};

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
    /// Another key has been certified under its terminal id.
    #[error("the terminal has another key")]
    OtherTerminalKey,
}

/// Which certificate a terminal has from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certified {
    /// The one that it announced before.
    Before,
    /// The one that it announces now.
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
    /// The certificate that it announced before, which was verified then.
    pub(crate) certificate: Option<&'a Certificate>,
}

impl Expected<'_> {
    /// Judges an `ANNOUNCE`. What belongs to a terminal belongs to its key: whoever knows the passcode may take its id, and must
    /// not come into its mailbox and its rooms (threat L14). So a certificate stays for as long as the user's key is the one
    /// that has signed it.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub(crate) fn check(&self, announce: &Announce) -> Result<Certified, NotProved> {
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
        let is_signed = |certificate| terminal::verify(certificate, self.channel.user, &key);
        match self.certificate {
            Some(before) if before == certificate => Ok(Certified::Before),
            before => {
                is_signed(certificate).map_err(|_| NotProved::Certificate)?;
                match before.filter(|before| is_signed(before).is_ok()) {
                    None => Ok(Certified::New),
                    Some(before) if before.key == certificate.key => Ok(Certified::Before),
                    Some(_) => Err(NotProved::OtherTerminalKey),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::crypto::terminal::TerminalIdentity;
    use common::ident::KeyDigest;
    use common::msg::{Blob, Features, Hex};
    use common::secret::Secret;
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
        let [same_key, other_key] = [1, 9].map(|seed| {
            let key = TerminalIdentity::from_seed(TerminalId([1; 16]), &Secret::new(vec![seed; 32])).unwrap();
            move |by: Example, issued| {
                key.certify(&Example::Ali.user().unwrap(), &by.identity().unwrap(), issued).unwrap()
            }
        });
        let stored = same_key(Example::Ali, 1);
        let again = announce(stored.clone(), 65_000, 65_000);
        let table = [
            (good.clone(), None, Ok(Certified::New)),
            (again.clone(), Some(stored.clone()), Ok(Certified::Before)),
            (others_key, None, Err(NotProved::OtherKey)),
            (elsewhere, None, Err(NotProved::OtherTerminal)),
            (announce(stored.clone(), 65_000, 65_001), None, Err(NotProved::Signature)),
            (
                Announce { signature: Blob(vec![0; 256]), ..again.clone() },
                Some(stored.clone()),
                Err(NotProved::Signature),
            ),
            (foreign.clone(), None, Err(NotProved::Certificate)),
            (of_another_user, None, Err(NotProved::Certificate)),
            // What was verified before is not verified again.
            (foreign.clone(), Some(foreign.certificate.clone()), Ok(Certified::Before)),
            // The first certificate of a key stays, and another key under this id is somebody else's.
            (announce(same_key(Example::Ali, 2), 65_000, 65_000), Some(stored.clone()), Ok(Certified::Before)),
            (announce(other_key(Example::Ali, 2), 65_000, 65_000), Some(stored), Err(NotProved::OtherTerminalKey)),
            // Signed by a key that the user has no more.
            (again.clone(), Some(same_key(Example::Bianca, 1)), Ok(Certified::New)),
            (again, Some(other_key(Example::Bianca, 1)), Ok(Certified::New)),
        ];
        for (row, (announce, certificate, outcome)) in table.into_iter().enumerate() {
            let expected = Expected {
                channel,
                terminal: TerminalId([1; 16]),
                public_key: ali.public().as_pkcs1(),
                challenge: &CHALLENGE,
                certificate: certificate.as_ref(),
            };
            assert_eq!(expected.check(&announce), outcome, "row {row}");
        }
        let unreadable = Announce { publickey: Hex(b"key".to_vec()), ..good };
        let (terminal, challenge, certificate) = (TerminalId([1; 16]), &CHALLENGE, None);
        let expected = Expected { channel, terminal, public_key: b"key", challenge, certificate };
        assert_eq!(expected.check(&unreadable), Err(NotProved::UnreadableKey));
    }
}
