//! Users and their pinned keys (decision D14, threat P6).
//!
//! A key is pinned at first use. A different key stops everything until the user decides; until then it is kept aside
//! and never replaces the pin.

use std::collections::BTreeMap;

use common::crypto::identity::PublicKey;
use common::ident::UserId;
use common::msg::Hex;
use serde::{Deserialize, Serialize};

use super::notice::KeyState;

/// One user, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub user: UserId,
    /// The pinned identity key, PKCS#1 DER.
    pub key: Hex,
    /// Pinned at, seconds since the epoch by our clock; shown to the user, nothing rests on it.
    pub since: u64,
    /// Whether the user has compared the safety number.
    pub verified: bool,
    /// Whether the user has blocked this user.
    pub blocked: bool,
}

/// What a key seen now means beside the pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinCheck {
    /// No key was pinned; this one is now. Save the contact.
    First(Contact),
    /// The pinned key.
    Same,
    /// Not the pinned key.
    Changed,
    /// The user has blocked this user.
    Blocked,
}

/// All users whom one user knows.
#[derive(Debug, Default)]
pub struct Contacts {
    known: BTreeMap<UserId, Contact>,
    /// Keys that differ from the pin and wait for a decision.
    offered: BTreeMap<UserId, PublicKey>,
}

impl Contacts {
    /// Starts from the stored contacts.
    pub fn new(stored: Vec<Contact>) -> Self {
        let known = stored.into_iter().map(|contact| (contact.user.clone(), contact)).collect();
        Self { known, offered: BTreeMap::new() }
    }

    /// Judges a key that the directory, or a caller, shows for `user`; pins it if it is the first.
    pub fn judge(&mut self, user: &UserId, key: &PublicKey, now: u64) -> PinCheck {
        match self.known.get(user) {
            None => PinCheck::First(self.pin(user, key, now, false)),
            Some(contact) if contact.blocked => PinCheck::Blocked,
            Some(contact) if contact.key.0 == key.as_pkcs1() => {
                self.offered.remove(user);
                PinCheck::Same
            }
            Some(_) => {
                self.offered.insert(user.clone(), key.clone());
                PinCheck::Changed
            }
        }
    }

    /// Makes `key` the pinned one.
    pub fn pin(&mut self, user: &UserId, key: &PublicKey, now: u64, verified: bool) -> Contact {
        self.offered.remove(user);
        let key = Hex(key.as_pkcs1().to_vec());
        let contact = Contact { user: user.clone(), key, since: now, verified, blocked: false };
        self.known.insert(user.clone(), contact.clone());
        contact
    }

    /// Blocks a user that has a pin.
    pub fn block(&mut self, user: &UserId) -> Option<Contact> {
        let contact = self.known.get_mut(user)?;
        contact.blocked = true;
        Some(contact.clone())
    }

    /// Lifts a block.
    pub fn unblock(&mut self, user: &UserId) -> Option<Contact> {
        let contact = self.known.get_mut(user).filter(|contact| contact.blocked)?;
        contact.blocked = false;
        Some(contact.clone())
    }

    /// Records that the safety number of the pinned key was compared, with that result. A match lifts a block: the
    /// user has made sure who it is.
    pub fn set_verified(&mut self, user: &UserId, verified: bool) -> Option<Contact> {
        let contact = self.known.get_mut(user)?;
        contact.verified = verified;
        contact.blocked &= !verified;
        Some(contact.clone())
    }

    /// The pinned contact.
    pub fn contact(&self, user: &UserId) -> Option<&Contact> {
        self.known.get(user)
    }

    /// The pinned key.
    pub fn key(&self, user: &UserId) -> Option<PublicKey> {
        PublicKey::from_pkcs1(&self.known.get(user)?.key.0).ok()
    }

    /// The key that waits for a decision.
    pub fn offered(&self, user: &UserId) -> Option<&PublicKey> {
        self.offered.get(user)
    }

    /// What `list` shows.
    pub fn state(&self, user: &UserId) -> KeyState {
        match self.known.get(user) {
            Some(contact) if contact.blocked => KeyState::Blocked,
            _ if self.offered.contains_key(user) => KeyState::Changed,
            Some(contact) if contact.verified => KeyState::Verified,
            _ => KeyState::NotVerified,
        }
    }

    /// Everybody with a pin, in the order of their ids.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.known.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::testkit::Example;

    fn key(example: Example) -> PublicKey {
        example.identity().unwrap().public().clone()
    }

    #[test]
    fn a_changed_key_never_replaces_the_pin_by_itself() {
        let bianca = Example::Bianca.user().unwrap();
        let mut contacts = Contacts::default();
        assert!(matches!(contacts.judge(&bianca, &key(Example::Bianca), 1), PinCheck::First(_)));
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 2), PinCheck::Same);
        assert_eq!(contacts.judge(&bianca, &key(Example::Carol), 3), PinCheck::Changed);
        assert_eq!(contacts.state(&bianca), KeyState::Changed);
        assert_eq!(contacts.key(&bianca), Some(key(Example::Bianca)));
        assert_eq!(contacts.judge(&bianca, &key(Example::Carol), 4), PinCheck::Changed);
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 5), PinCheck::Same);
        assert_eq!(contacts.state(&bianca), KeyState::NotVerified);
    }

    #[test]
    fn a_new_pin_is_unverified_even_if_the_old_one_was_verified() {
        let bianca = Example::Bianca.user().unwrap();
        let mut contacts = Contacts::default();
        contacts.pin(&bianca, &key(Example::Bianca), 1, true);
        assert_eq!(contacts.state(&bianca), KeyState::Verified);
        contacts.pin(&bianca, &key(Example::Carol), 2, false);
        assert_eq!(contacts.state(&bianca), KeyState::NotVerified);
    }

    #[test]
    fn a_blocked_user_stays_blocked_whatever_key_is_shown_until_the_numbers_were_compared() {
        let bianca = Example::Bianca.user().unwrap();
        let mut contacts = Contacts::default();
        contacts.pin(&bianca, &key(Example::Bianca), 1, true);
        contacts.block(&bianca).unwrap();
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 2), PinCheck::Blocked);
        assert_eq!(contacts.judge(&bianca, &key(Example::Carol), 2), PinCheck::Blocked);
        contacts.set_verified(&bianca, false).unwrap();
        assert_eq!(contacts.state(&bianca), KeyState::Blocked);
        contacts.set_verified(&bianca, true).unwrap();
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 3), PinCheck::Same);
    }
}
