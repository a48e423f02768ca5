//! Pins, choices and successions, one after the other.

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
