//! Users and their pinned keys (decision D14, threat P6), and which of them the user has chosen (decision D48).
//!
//! A key is pinned at first use. A different key stops everything until the user decides; until then it is kept aside
//! and never replaces the pin.
//!
//! A pin is no choice: keys are pinned for whatever shows one, a letter, a broadcast, a certificate, a caller. Chosen is
//! whom the user called, wrote to, verified, answered, or accepted by hand.

use std::collections::BTreeMap;

use common::crypto::identity::PublicKey;
use common::crypto::successor::{self, Verified};
use common::ident::{KeyDigest, UserId};
use common::msg::Hex;
use serde::{Deserialize, Serialize};

use super::notice::{KeyChange, KeyState};

/// One user, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredContact")]
pub struct Contact {
    /// Who.
    pub user: UserId,
    /// The pinned identity key, PKCS#1 DER; nothing of a user who was chosen or blocked before a key was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Hex>,
    /// Pinned at, seconds since the epoch by our clock; shown to the user, nothing rests on it.
    pub since: u64,
    /// Whether the user has compared the safety number.
    pub verified: bool,
    /// Whether the user has blocked this user.
    pub blocked: bool,
    /// Whether the user has chosen this user.
    pub chosen: bool,
    /// Keys that others took the place of, by statements that both had signed; the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formers: Vec<Former>,
    /// The pinned key took the place of another, or should not have, and the user has not agreed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// A key that another was to take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The key that was given up.
    pub key: KeyDigest,
    /// The key that was to take its place.
    pub successor: KeyDigest,
}

impl Former {
    fn of(told: &Verified) -> Self {
        Self { key: told.former, successor: told.key.digest() }
    }
}

/// Why nothing is sent to somebody whose key is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The key that was pinned before, PKCS#1 DER.
    former: Hex,
    /// Pinned at, seconds since the epoch.
    since: u64,
    /// Whether two keys were to take the place of one.
    forked: bool,
}

/// Successions that are remembered of one user.
const FORMERS: usize = 16;

/// The same as it may have been written.
#[derive(Deserialize)]
struct StoredContact {
    user: UserId,
    key: Option<Hex>,
    since: u64,
    verified: bool,
    blocked: bool,
    /// Absent where a version before this one wrote it: whom the user has verified was chosen.
    chosen: Option<bool>,
    #[serde(default)]
    formers: Vec<Former>,
    held: Option<Held>,
}

impl From<StoredContact> for Contact {
    fn from(stored: StoredContact) -> Self {
        let StoredContact { user, key, since, verified, blocked, chosen, formers, held } = stored;
        Self { user, key, since, verified, blocked, chosen: chosen.unwrap_or(verified), formers, held }
    }
}

impl Contact {
    fn has_given_up(&self, key: &PublicKey) -> bool {
        let digest = key.digest();
        self.formers.iter().any(|former| former.key == digest)
    }

    /// Whether another key was to take the place of the same one before.
    fn contradicts(&self, told: &Verified) -> bool {
        let successor = told.key.digest();
        let of_the_same = || self.formers.iter().filter(|former| former.key == told.former);
        of_the_same().count() > 0 && of_the_same().all(|former| former.successor != successor)
    }

    fn remember(&mut self, former: Former) {
        if !self.formers.contains(&former) {
            self.formers.push(former);
        }
        let surplus = self.formers.len().saturating_sub(FORMERS);
        self.formers.drain(..surplus);
    }
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
    /// Not the pinned key, but one that the pinned key took the place of: nothing is to be decided.
    Former,
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
            Some(contact) if contact.blocked => PinCheck::Blocked,
            Some(Contact { key: Some(pinned), .. }) if pinned.0 == key.as_pkcs1() => {
                self.offered.remove(user);
                PinCheck::Same
            }
            Some(contact) if contact.key.is_some() && contact.has_given_up(key) => PinCheck::Former,
            Some(Contact { key: Some(_), .. }) => {
                self.offered.insert(user.clone(), key.clone());
                PinCheck::Changed
            }
            Some(Contact { key: None, .. }) | None => PinCheck::First(self.pin(user, key, now, false)),
        }
    }

    /// Makes `key` the pinned one. Whom the user has verified is chosen.
    pub fn pin(&mut self, user: &UserId, key: &PublicKey, now: u64, verified: bool) -> Contact {
        self.offered.remove(user);
        let key = Some(Hex(key.as_pkcs1().to_vec()));
        let chosen = verified || self.known.get(user).is_some_and(|contact| contact.chosen);
        let formers = self.known.get(user).map(|contact| contact.formers.clone()).unwrap_or_default();
        let contact =
            Contact { user: user.clone(), key, since: now, verified, blocked: false, chosen, formers, held: None };
        self.known.insert(user.clone(), contact.clone());
        contact
    }

    /// Blocks a user, whether or not a key was ever seen.
    pub fn block(&mut self, user: &UserId, now: u64) -> Contact {
        let contact = self.entry(user, now);
        contact.blocked = true;
        contact.clone()
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
        contact.held = contact.held.take().filter(|_| !verified);
        contact.chosen |= verified;
        contact.blocked &= !verified;
        Some(contact.clone())
    }

    /// The user has chosen this user; nothing if that is no news.
    pub fn choose(&mut self, user: &UserId, now: u64) -> Option<Contact> {
        let contact = self.entry(user, now);
        let is_news = !std::mem::replace(&mut contact.chosen, true);
        is_news.then(|| contact.clone())
    }

    /// There is no such user: a choice that nothing but the id rests on is taken back.
    pub fn let_go(&mut self, user: &UserId) -> Option<Contact> {
        let contact = self.known.get_mut(user).filter(|contact| contact.key.is_none() && contact.chosen)?;
        contact.chosen = false;
        Some(contact.clone())
    }

    /// Whether this user was met, chosen or blocked.
    pub fn is_known(&self, user: &UserId) -> bool {
        self.known.get(user).is_some_and(|contact| contact.key.is_some() || contact.chosen || contact.blocked)
    }

    fn entry(&mut self, user: &UserId, now: u64) -> &mut Contact {
        self.known.entry(user.clone()).or_insert_with(|| Contact {
            user: user.clone(),
            key: None,
            since: now,
            verified: false,
            blocked: false,
            chosen: false,
            formers: Vec::new(),
            held: None,
        })
    }

    /// Follows statements about the keys of a user to the last key they lead to; the contact to be saved if that is news.
    /// Two keys in the place of one stop both.
    pub fn succeed(&mut self, user: &UserId, told: &[Verified], now: u64) -> Option<Contact> {
        let pinned = self.key(user)?;
        let contact = self.known.get_mut(user)?;
        let conflicts = told.iter().any(|told| contact.contradicts(told));
        let followed = successor::follow(told, &pinned.digest());
        let forked = conflicts || followed.is_err();
        let path = followed.unwrap_or_default();
        let is_known = |told: &Verified| contact.formers.contains(&Former::of(told));
        if (forked && told.iter().all(is_known)) || (!forked && path.is_empty()) {
            return None;
        }
        let all: Vec<&Verified> = if forked { told.iter().collect() } else { path.clone() };
        for told in all {
            contact.remember(Former::of(told));
        }
        let former = Hex(pinned.as_pkcs1().to_vec());
        contact.held = Some(Held { former, since: contact.since, forked });
        contact.verified = false;
        if let Some(last) = path.last().filter(|_| !forked) {
            contact.key = Some(Hex(last.key.as_pkcs1().to_vec()));
            contact.since = now;
        }
        let contact = contact.clone();
        if !forked {
            self.offered.remove(user);
        }
        Some(contact)
    }

    /// The user agrees to the key that is pinned; nothing if nothing was to be decided about it.
    pub fn agree(&mut self, user: &UserId) -> Option<Contact> {
        let contact = self.known.get_mut(user)?;
        contact.held.take()?;
        Some(contact.clone())
    }

    /// Whether this is a key that another took the place of.
    pub fn has_given_up(&self, user: &UserId, key: &PublicKey) -> bool {
        let is_pinned = |contact: &Contact| contact.key.as_ref().is_some_and(|pinned| pinned.0 == key.as_pkcs1());
        self.known.get(user).is_some_and(|contact| !is_pinned(contact) && contact.has_given_up(key))
    }

    /// Whether the user has to decide about a key before anything is sent.
    pub fn awaits_decision(&self, user: &UserId) -> bool {
        self.offered.contains_key(user) || self.known.get(user).is_some_and(|contact| contact.held.is_some())
    }

    /// What has to be decided: how the key changed, since when the one before was pinned, that one and the one in question.
    pub fn change(&self, user: &UserId) -> Option<(KeyChange, u64, PublicKey, PublicKey)> {
        let (contact, pinned) = (self.known.get(user)?, self.key(user)?);
        if let Some(offered) = self.offered.get(user) {
            let forked = contact.held.as_ref().is_some_and(|held| held.forked);
            let how = if forked { KeyChange::Forked } else { KeyChange::Unconfirmed };
            return Some((how, contact.since, pinned, offered.clone()));
        }
        let held = contact.held.as_ref()?;
        let how = if held.forked { KeyChange::Forked } else { KeyChange::Confirmed };
        Some((how, held.since, PublicKey::from_pkcs1(&held.former.0).ok()?, pinned))
    }

    /// What is known of a user.
    pub fn contact(&self, user: &UserId) -> Option<&Contact> {
        self.known.get(user)
    }

    /// Whether this is a contact: somebody the user has chosen, and not blocked since.
    pub fn is_chosen(&self, user: &UserId) -> bool {
        self.known.get(user).is_some_and(|contact| contact.chosen && !contact.blocked)
    }

    /// Everybody the user has chosen, and not blocked since.
    pub fn chosen(&self) -> impl Iterator<Item = &UserId> {
        self.known.values().filter(|contact| contact.chosen && !contact.blocked).map(|contact| &contact.user)
    }

    /// The pinned key.
    pub fn key(&self, user: &UserId) -> Option<PublicKey> {
        PublicKey::from_pkcs1(&self.known.get(user)?.key.as_ref()?.0).ok()
    }

    /// The key that waits for a decision.
    pub fn offered(&self, user: &UserId) -> Option<&PublicKey> {
        self.offered.get(user)
    }

    /// What `list` shows.
    pub fn state(&self, user: &UserId) -> KeyState {
        match self.known.get(user) {
            Some(contact) if contact.blocked => KeyState::Blocked,
            _ if self.awaits_decision(user) => KeyState::Changed,
            Some(contact) if contact.verified => KeyState::Verified,
            _ => KeyState::NotVerified,
        }
    }

    /// Everybody who was met, chosen or blocked, in the order of their ids.
    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.known.keys().filter(|user| self.is_known(user))
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
        contacts.block(&bianca, 1);
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 2), PinCheck::Blocked);
        assert_eq!(contacts.judge(&bianca, &key(Example::Carol), 2), PinCheck::Blocked);
        contacts.set_verified(&bianca, false).unwrap();
        assert_eq!(contacts.state(&bianca), KeyState::Blocked);
        contacts.set_verified(&bianca, true).unwrap();
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 3), PinCheck::Same);
    }

    #[test]
    fn a_pin_is_no_choice_and_a_choice_needs_no_pin() {
        let (bianca, carol) = (Example::Bianca.user().unwrap(), Example::Carol.user().unwrap());
        let mut contacts = Contacts::default();
        contacts.judge(&bianca, &key(Example::Bianca), 1);
        assert!(!contacts.is_chosen(&bianca));
        assert!(contacts.choose(&bianca, 2).is_some() && contacts.choose(&bianca, 3).is_none());
        assert!(contacts.is_chosen(&bianca));
        contacts.block(&bianca, 4);
        assert!(!contacts.is_chosen(&bianca));
        contacts.unblock(&bianca).unwrap();
        assert!(contacts.is_chosen(&bianca));
        contacts.pin(&bianca, &key(Example::Carol), 5, false);
        assert!(contacts.is_chosen(&bianca), "a decision about a key takes nothing back");

        contacts.choose(&carol, 1).unwrap();
        assert_eq!((contacts.key(&carol), contacts.state(&carol)), (None, KeyState::NotVerified));
        assert!(contacts.let_go(&carol).is_some() && contacts.let_go(&bianca).is_none());
        assert!(!contacts.is_known(&carol), "there was no such user");
        contacts.choose(&carol, 1).unwrap();
        assert!(matches!(contacts.judge(&carol, &key(Example::Carol), 2), PinCheck::First(met) if met.chosen));
        contacts.pin(&bianca, &key(Example::Bianca), 6, true);
        assert_eq!(contacts.chosen().collect::<Vec<_>>(), [&bianca, &carol]);
    }

    #[test]
    fn a_user_who_was_never_met_can_be_blocked_and_is_met_only_after_that() {
        let bianca = Example::Bianca.user().unwrap();
        let mut contacts = Contacts::default();
        contacts.block(&bianca, 1);
        assert_eq!(contacts.judge(&bianca, &key(Example::Bianca), 2), PinCheck::Blocked);
        assert_eq!((contacts.key(&bianca), contacts.state(&bianca)), (None, KeyState::Blocked));
        contacts.unblock(&bianca).unwrap();
        assert_eq!(contacts.users().count(), 0);
        assert!(matches!(contacts.judge(&bianca, &key(Example::Bianca), 3), PinCheck::First(_)));
    }

    fn told(old: Example, new: Example) -> Verified {
        Verified { former: key(old).digest(), key: key(new), certificates: Vec::new() }
    }

    #[test]
    fn a_confirmed_key_is_taken_over_unverified_and_nothing_is_sent_before_the_user_agrees() {
        use Example::{Ali, Bianca, Carol};
        let bianca = Bianca.user().unwrap();
        let mut contacts = Contacts::default();
        contacts.pin(&bianca, &key(Bianca), 1, true);
        assert_eq!(contacts.succeed(&bianca, &[], 2), None);
        assert_eq!(contacts.succeed(&bianca, &[told(Carol, Ali)], 2), None, "of another key");
        assert_eq!(contacts.judge(&bianca, &key(Carol), 2), PinCheck::Changed);
        let saved = contacts.succeed(&bianca, &[told(Bianca, Carol)], 3).unwrap();
        assert_eq!((contacts.key(&bianca), saved.verified, saved.chosen), (Some(key(Carol)), false, true));
        assert!(contacts.awaits_decision(&bianca));
        let (how, since, old, new) = contacts.change(&bianca).unwrap();
        assert_eq!((how, since, old, new), (KeyChange::Confirmed, 1, key(Bianca), key(Carol)));
        assert_eq!(contacts.judge(&bianca, &key(Carol), 4), PinCheck::Same);
        assert_eq!(contacts.judge(&bianca, &key(Bianca), 4), PinCheck::Former, "the one that was given up");
        assert_eq!(contacts.succeed(&bianca, &[told(Bianca, Carol)], 5), None, "it is no news");
        let again: Contact = serde_json::from_slice(&serde_json::to_vec(&saved).unwrap()).unwrap();
        assert_eq!(again, saved);
        assert!(contacts.agree(&bianca).is_some() && contacts.agree(&bianca).is_none());
        assert!(!contacts.awaits_decision(&bianca));
    }

    #[test]
    fn a_second_key_in_the_place_of_one_stops_both() {
        use Example::{Ali, Bianca, Carol};
        let bianca = Bianca.user().unwrap();
        // Told at once, and told later, with the one taken over already.
        for first in [&[][..], &[told(Bianca, Carol)]] {
            let mut contacts = Contacts::default();
            contacts.pin(&bianca, &key(Bianca), 1, false);
            contacts.succeed(&bianca, first, 2);
            contacts.agree(&bianca);
            let pinned = contacts.key(&bianca);
            let both = [told(Bianca, Ali), told(Bianca, Carol)];
            let later = if first.is_empty() { &both[..] } else { &both[..1] };
            contacts.succeed(&bianca, later, 3).unwrap();
            assert_eq!(contacts.key(&bianca), pinned, "neither is followed");
            assert!(matches!(contacts.change(&bianca), Some((KeyChange::Forked, ..))));
            assert_eq!(contacts.judge(&bianca, &pinned.unwrap(), 4), PinCheck::Same);
            assert!(contacts.awaits_decision(&bianca), "also where the directory shows the pinned one again");
            contacts.agree(&bianca).unwrap();
            assert_eq!(contacts.succeed(&bianca, later, 5), None, "decided once");
        }
    }

    #[test]
    fn of_contacts_that_a_version_before_wrote_those_who_were_verified_are_chosen() {
        for verified in [true, false] {
            let stored = format!(r#"{{"user":"bianca","key":"0102","since":7,"verified":{verified},"blocked":false}}"#);
            let contact: Contact = serde_json::from_str(&stored).unwrap();
            assert_eq!(contact.chosen, verified);
            let again: Contact = serde_json::from_slice(&serde_json::to_vec(&contact).unwrap()).unwrap();
            assert_eq!(again, contact);
        }
    }
}
