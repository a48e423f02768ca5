//! Invitations: a secret of 80 bits that introduces a peer and a directory to each other (decision D23).
//!
//! The secret itself never travels. The directory proves first that it knows it, then the peer does; both proofs cover
//! the user id and the TLS exporter, so neither can be used on another connection (protocol section 5.2).

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::transcript::Channel;
use super::{NoRandomness, hmac_sha256, random, same};
use crate::ident::{Mac, UserId};
use crate::limits::DIRECTORY_PORT;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SECRET: usize = 10;
const SYMBOLS: usize = 16;
/// Characters of a whole invitation line.
const LINE_MAX: usize = 255;

/// Why a text is not an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an invitation looks like bianca@dir.example.org:7420/P4WX-88HN-M1ZC-5R2D")]
pub struct NotAnInvite;

/// The secret of one invitation: 80 bits, Crockford base32 in four groups, `7KQM-2D9X-0F4T-9B3C`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct InviteCode([u8; SECRET]);

impl fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteCode(…)")
    }
}

impl InviteCode {
    /// A new secret.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// The code as people see it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bits = 0u128;
        for byte in self.0 {
            bits = bits << 8 | u128::from(byte);
        }
        let mut symbols = ['0'; SYMBOLS];
        for symbol in symbols.iter_mut().rev() {
            let value = usize::try_from(bits & 31).ok().and_then(|value| ALPHABET.get(value));
            *symbol = value.copied().map_or('0', char::from);
            bits >>= 5;
        }
        symbols.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
    }

    /// Parses a code; case, dashes and spaces do not matter, `O` reads as `0`, `I` and `L` as `1`.
    ///
    /// # Errors
    /// [`NotAnInvite`].
    pub fn parse(text: &str) -> Result<Self, NotAnInvite> {
        let mut bits = 0u128;
        let mut symbols = 0_usize;
        for c in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let folded = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let value = ALPHABET.iter().position(|&symbol| char::from(symbol) == folded).ok_or(NotAnInvite)?;
            symbols = symbols.saturating_add(1);
            if symbols > SYMBOLS {
                return Err(NotAnInvite);
            }
            bits = bits << 5 | u128::try_from(value).map_err(|_| NotAnInvite)?;
        }
        if symbols != SYMBOLS {
            return Err(NotAnInvite);
        }
        let mut secret = [0; SECRET];
        secret.copy_from_slice(&bits.to_be_bytes()[16 - SECRET..]);
        Ok(Self(secret))
    }

    /// Reads the 10 bytes a directory stores.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SECRET]) -> Self {
        Self(bytes)
    }

    /// The 10 bytes a directory stores.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SECRET] {
        self.0
    }

    /// The directory's proof, sent first in `INVITEPROOF`.
    #[must_use]
    pub fn directory_proof(&self, channel: Channel<'_>) -> Mac {
        self.proof(b"peer-messenger/1 invite directory", channel)
    }

    /// The peer's proof, sent in `REGISTERREQ` after the directory's was verified.
    #[must_use]
    pub fn peer_proof(&self, channel: Channel<'_>) -> Mac {
        self.proof(b"peer-messenger/1 invite peer", channel)
    }

    fn proof(&self, label: &[u8], channel: Channel<'_>) -> Mac {
        // All parts but the last have a fixed length for a given label.
        let parts = [label, channel.directory.as_bytes(), channel.exporter, channel.user.as_str().as_bytes()];
        hmac_sha256(&self.0, &parts)
    }
}

/// Compares a proof with the expected one in constant time.
#[must_use]
pub fn proof_holds(expected: &Mac, given: &Mac) -> bool {
    same(expected.as_bytes(), given.as_bytes())
}

/// A whole invitation: `bianca@dir.example.org:7420/P4WX-88HN-M1ZC-5R2D`.
#[derive(Debug, Clone)]
pub struct Invite {
    /// Who is invited.
    pub user: UserId,
    /// Host and port of the directory.
    pub server: String,
    /// The secret.
    pub code: InviteCode,
}

impl Invite {
    /// Parses a pasted line; case and surrounding space do not matter.
    ///
    /// # Errors
    /// [`NotAnInvite`].
    pub fn parse(line: &str) -> Result<Self, NotAnInvite> {
        let line = line.trim();
        if line.len() > LINE_MAX {
            return Err(NotAnInvite);
        }
        let (user, rest) = line.split_once('@').ok_or(NotAnInvite)?;
        let (server, code) = rest.rsplit_once('/').ok_or(NotAnInvite)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '[' | ']');
        if server.is_empty() || !server.chars().all(allowed) {
            return Err(NotAnInvite);
        }
        let has_port = server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let server = server.to_ascii_lowercase();
        Ok(Self {
            user: UserId::parse(&user.to_ascii_lowercase()).map_err(|_| NotAnInvite)?,
            server: if has_port { server } else { format!("{server}:{DIRECTORY_PORT}") },
            code: InviteCode::parse(code)?,
        })
    }

    /// The line to send to its person.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{}@{}/{}", self.user, self.server, self.code.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::KeyDigest;

    #[test]
    fn a_code_survives_being_retyped_carelessly() {
        let code = InviteCode([0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xff]);
        let text = code.to_text();
        assert_eq!(text.len(), 19);
        assert_eq!(InviteCode::parse(&text).unwrap(), code);
        let careless = text.to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
        assert_eq!(InviteCode::parse(&careless).unwrap(), code);
        assert!(InviteCode::parse(&text[1..]).is_err());
        assert!(InviteCode::parse(&format!("{text}0")).is_err());
        assert!(InviteCode::parse("UUUU-UUUU-UUUU-UUUU").is_err());
    }

    #[test]
    fn a_line_round_trips_and_gets_the_usual_port() {
        let line = "bianca@dir.example.org:7420/P4WX-88HN-M1ZC-5R2D";
        assert_eq!(Invite::parse(line).unwrap().to_line(), line);
        let short = Invite::parse(" Bianca@DIR.example.org/p4wx-88hn-mizc-5r2d\n").unwrap();
        assert_eq!(short.to_line(), line);
        for bad in
            ["", "bianca", "bianca@/P4WX-88HN-M1ZC-5R2D", "b\u{430}@h/P4WX-88HN-M1ZC-5R2D", "a@h;x/P4WX-88HN-M1ZC-5R2D"]
        {
            assert!(Invite::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_proof_is_bound_to_role_user_directory_and_connection() {
        let code = InviteCode([7; 10]);
        let (ali, bianca) = (UserId::parse("ali").unwrap(), UserId::parse("bianca").unwrap());
        let (key, other_key) = (KeyDigest([1; 32]), KeyDigest([2; 32]));
        let channel = Channel { user: &ali, directory: &key, exporter: &[3; 32] };
        let proof = code.directory_proof(channel);
        assert!(proof_holds(&proof, &code.directory_proof(channel)));
        for other in [
            code.peer_proof(channel),
            code.directory_proof(Channel { user: &bianca, ..channel }),
            code.directory_proof(Channel { directory: &other_key, ..channel }),
            code.directory_proof(Channel { exporter: &[4; 32], ..channel }),
            InviteCode([8; 10]).directory_proof(channel),
        ] {
            assert!(!proof_holds(&proof, &other));
        }
    }
}
