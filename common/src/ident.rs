//! Names of things: user ids, digests of keys, terminal and message ids.
//!
//! Each type is parsed once; from then on the type is the proof that the value is well formed.
//! Protocol section 2.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::limits::USER_ID_MAX;

/// Ids nobody may register, and names nobody may found a group under: commands of the peer, those to come included, and
/// words that would pass for the program or its operator (threat L8).
pub const RESERVED: &[&str] = &[
    "accept",
    "admin",
    "administrator",
    "audit",
    "away",
    "back",
    "bell",
    "block",
    "broadcast",
    "cancel",
    "copy",
    "directory",
    "edit",
    "end",
    "everyone",
    "file",
    "files",
    "find",
    "group",
    "help",
    "history",
    "list",
    "lobby",
    "log",
    "login",
    "logout",
    "me",
    "mouse",
    "mute",
    "nick",
    "operator",
    "passcode",
    "passwd",
    "quit",
    "react",
    "receipts",
    "refuse",
    "relay",
    "resume",
    "retry",
    "root",
    "security",
    "send",
    "server",
    "support",
    "switch",
    "system",
    "terminal",
    "time",
    "unblock",
    "unmute",
    "verify",
    "version",
    "visit",
    "who",
    "why",
];

/// Why a text is not a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUserId {
    /// Nothing was given.
    #[error("a user id needs at least one character")]
    Empty,
    /// More than [`USER_ID_MAX`] characters.
    #[error("a user id has at most {USER_ID_MAX} characters")]
    TooLong,
    /// A character outside `[a-z0-9._-]`, or a first one outside `[a-z0-9]`.
    #[error("a user id consists of a-z, 0-9, dot, dash and underscore, and starts with a letter or digit")]
    BadCharacter,
}

/// A user id: `[a-z0-9][a-z0-9._-]{0,31}`, ASCII only, so that no two ids look alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Box<str>);

impl UserId {
    /// Parses exactly; upper case is refused here. Front ends fold case before they call this.
    ///
    /// # Errors
    /// [`BadUserId`] names the broken rule.
    pub fn parse(text: &str) -> Result<Self, BadUserId> {
        let mut bytes = text.bytes();
        let first = bytes.next().ok_or(BadUserId::Empty)?;
        if text.len() > USER_ID_MAX {
            return Err(BadUserId::TooLong);
        }
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if !alphanumeric(first) || !bytes.all(|b| alphanumeric(b) || matches!(b, b'.' | b'_' | b'-')) {
            return Err(BadUserId::BadCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id may not be registered (see [`RESERVED`]).
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        RESERVED.binary_search(&self.as_str()).is_ok()
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for UserId {
    type Err = BadUserId;
    fn from_str(text: &str) -> Result<Self, BadUserId> {
        Self::parse(text)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// Declares a fixed-length byte string that is lower-case hex in messages.
macro_rules! hex_bytes {
    ($(#[$meta:meta])* $name:ident, $length:expr) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// The bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = hex::FromHexError;
            fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
                let mut bytes = [0; $length];
                hex::decode_to_slice(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&hex::encode(self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

/// Lets people see such byte strings.
macro_rules! shown {
    ($($name:ident),+) => { $(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(self.0))
            }
        }
    )+ };
}
shown!(KeyDigest, TerminalId, MessageId, Challenge, TerminalKey, Mac, CredentialId, RoomId, GroupHandle, ContentDigest);
shown!(DirectoryGeneration, ConversationId);

hex_bytes!(
    /// SHA-256 of a public key: of the PKCS#1 DER for identity keys, of the SubjectPublicKeyInfo for a directory's key.
    KeyDigest,
    32
);
hex_bytes!(
    /// Names one terminal of a user; random, chosen by the terminal at its first start.
    TerminalId,
    16
);
hex_bytes!(
    /// Names one message; random, chosen by the sender.
    MessageId,
    16
);
hex_bytes!(
    /// Names one conversation, over whatever links it goes; random, chosen by the terminal called.
    ConversationId,
    16
);
hex_bytes!(
    /// Names one room, an MLS group (RFC 9420 section 8.1 `group_id`); random, chosen by whoever creates it.
    RoomId,
    16
);
hex_bytes!(
    /// Names what a directory remembers: random, and another one whenever a backup is restored (decision D32).
    DirectoryGeneration,
    16
);
hex_bytes!(
    /// SHA-256 of what somebody answers for with a signature.
    ContentDigest,
    32
);
hex_bytes!(
    /// By which a directory finds the room of a named group without learning the name.
    GroupHandle,
    32
);
hex_bytes!(
    /// The random challenge of one login (32 bytes).
    Challenge,
    32
);
hex_bytes!(
    /// By which a directory knows a terminal that has logged in before (decision D10). Nothing shows it but the message
    /// it is sent in (threat T5).
    Cookie,
    32
);
hex_bytes!(
    /// Opens one leg of a meeting, once (decision D26). Nothing shows it but the messages and the header it is sent in.
    MeetingToken,
    32
);
hex_bytes!(
    /// Shows, once, that a connection is of the terminal that was given it (decision D26).
    SeenToken,
    32
);
hex_bytes!(
    /// An Ed25519 public key (RFC 8032), raw form.
    TerminalKey,
    32
);
hex_bytes!(
    /// An HMAC-SHA-256 value.
    Mac,
    32
);
hex_bytes!(
    /// The OPAQUE credential identifier of a user: random at registration, never changed, never reused. Never sent.
    CredentialId,
    16
);

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie(…)")
    }
}

impl fmt::Debug for MeetingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeetingToken(…)")
    }
}

impl fmt::Debug for SeenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeenToken(…)")
    }
}

impl GroupHandle {
    /// The handle of the group `name` at the directory with this key (protocol section 8.7).
    #[must_use]
    pub fn of(name: &GroupName, directory: &KeyDigest) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"peer-messenger/1 group\0");
        hash.update(directory.as_bytes());
        hash.update(name.as_str().as_bytes());
        Self(hash.finalize().into())
    }
}

/// A group's name: formed like a user id, so that no two look alike; written with a `#` in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(UserId);

impl GroupName {
    /// Parses exactly, without the `#`.
    ///
    /// # Errors
    /// [`BadUserId`] names the broken rule.
    pub fn parse(text: &str) -> Result<Self, BadUserId> {
        UserId::parse(text).map(Self)
    }

    /// The name as text, without the `#`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether no group may be founded under this name (see [`RESERVED`]). One that was founded before goes on.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.is_reserved()
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl Serialize for GroupName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for GroupName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UserId::deserialize(deserializer).map(Self)
    }
}

impl KeyDigest {
    /// Digest of an encoded public key.
    #[must_use]
    pub fn of(encoded_key: &[u8]) -> Self {
        Self(Sha256::digest(encoded_key).into())
    }

    /// The short form people compare for a directory key: the first 80 bits, `3F9A 1C77 D2B4 4E0A 9BE1`.
    #[must_use]
    pub fn short(&self) -> String {
        let groups: Vec<String> = self.0[..10].chunks(2).map(hex::encode_upper).collect();
        groups.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_longest_and_the_shortest_id() {
        assert!(UserId::parse("a").is_ok());
        assert!(UserId::parse(&"a".repeat(USER_ID_MAX)).is_ok());
        assert!(UserId::parse("9.a_b-c").is_ok());
    }

    #[test]
    fn names_the_rule_an_id_breaks() {
        assert_eq!(UserId::parse(""), Err(BadUserId::Empty));
        assert_eq!(UserId::parse(&"a".repeat(USER_ID_MAX + 1)), Err(BadUserId::TooLong));
        for bad in ["-a", ".a", "Ali", "a b", "a\u{430}", "a\u{202e}", "a\n"] {
            assert_eq!(UserId::parse(bad), Err(BadUserId::BadCharacter), "{bad:?}");
        }
    }

    #[test]
    fn reserved_ids_are_sorted_so_that_the_search_finds_each() {
        assert!(RESERVED.is_sorted());
        assert!(UserId::parse("everyone").unwrap().is_reserved());
        assert!(GroupName::parse("everyone").unwrap().is_reserved());
        assert!(!UserId::parse("bianca").unwrap().is_reserved());
    }

    #[test]
    fn a_digest_of_the_wrong_length_is_refused() {
        assert!("00".parse::<KeyDigest>().is_err());
        assert!(serde_json::from_str::<KeyDigest>(&format!("\"{}\"", "0".repeat(66))).is_err());
    }

    #[test]
    fn a_cookie_is_sent_but_never_shown() {
        let cookie = Cookie([0x5a; 32]);
        assert!(!format!("{cookie:?}").contains("5a"));
        assert_eq!(serde_json::to_string(&cookie).unwrap(), format!("\"{}\"", "5a".repeat(32)));
    }

    #[test]
    fn short_form_groups_eighty_bits() {
        assert_eq!(KeyDigest([0xab; 32]).short(), "ABAB ABAB ABAB ABAB ABAB");
    }
}
