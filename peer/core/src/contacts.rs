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

    /// Goes on from what is stored: what was decided and not kept is undecided. A key that took the place of the stored one
    /// waits for a decision again; one that was seen first stays pinned until the program ends.
    pub fn reload(&mut self, stored: Vec<Contact>) {
        let Self { known, offered } = std::mem::replace(self, Self::new(stored));
        self.offered = offered;
        for (user, contact) in known {
            let Some(stored) = self.known.get(&user) else {
                let contact = Contact { verified: false, blocked: false, ..contact };
                self.known.insert(user, contact);
                continue;
            };
            let Some(key) = contact.key.and_then(|key| PublicKey::from_pkcs1(&key.0).ok()) else { continue };
            let is_other = stored.key.as_ref().is_some_and(|pinned| pinned.0 != key.as_pkcs1());
            if is_other && !stored.has_given_up(&key) {
                self.offered.insert(user, key);
            }
        }
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
mod tests;
