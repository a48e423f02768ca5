//! Values that must not be shown, logged, kept or compared carelessly (threat T5).

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::locked::Locked;

/// A passcode as typed. Wiped when dropped, never displayed, and in memory that is never written to disk, where the system
/// allows that.
#[derive(Clone)]
pub struct Passcode(Locked);

impl Passcode {
    /// Takes a typed line, without its line end, and wipes it.
    #[must_use]
    pub fn new(mut typed: String) -> Self {
        let passcode = Self(Locked::new(typed.as_bytes()));
        typed.zeroize();
        passcode
    }

    /// The bytes OPAQUE takes as password: UTF-8 as typed, not normalised.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Length in characters.
    #[must_use]
    pub fn length(&self) -> usize {
        // Every byte but those that go on with a character.
        self.expose().iter().filter(|byte| **byte & 0xc0 != 0x80).count()
    }

    /// Whether nothing was typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }

    /// Constant-time comparison with a text, e.g. to keep a passcode from being sent as a message.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.expose().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}

/// Secret bytes: keys, encoded private keys, export keys. Wiped when dropped, never displayed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes ownership of the bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes; whoever calls this answers for what becomes of them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_nothing_of_a_secret() {
        let passcode = Passcode::new("482193".into());
        assert!(!format!("{passcode:?}").contains("482193"));
        assert!(!format!("{:?}", Secret::new(b"482193".to_vec())).contains("52"));
    }

    #[test]
    fn a_passcode_is_recognised_only_whole() {
        let passcode = Passcode::new("482193".into());
        assert!(passcode.matches("482193"));
        assert!(!passcode.matches("48219"));
        assert!(!passcode.matches("482193 "));
    }

    #[test]
    fn a_passcode_of_any_length_is_whole_and_counted_in_characters() {
        for typed in [String::new(), "482193".into(), "päß wörd €".into(), "é".repeat(5_000)] {
            let passcode = Passcode::new(typed.clone());
            assert_eq!(passcode.length(), typed.chars().count());
            assert_eq!(passcode.is_empty(), typed.is_empty());
            assert!(passcode.clone().matches(&typed));
        }
    }
}
