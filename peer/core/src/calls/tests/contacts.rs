//! Who is a contact, and who is blocked (decision D48).

use common::crypto::successor::Verified;
use common::msg::{SUCCESSIONS, SuccessorsReq};

use super::*;
use crate::request::Question;

#[test]
fn who_is_taken_depends_on_what_the_user_wants() {
    for (accept, is_chosen, expected) in [
        (Accept::All, false, None),
        (Accept::Contacts, false, Some(ConnectRefusal::Declined)),
        (Accept::Contacts, true, None),
        (Accept::None, true, Some(ConnectRefusal::Declined)),
    ] {
        let mut stage = Stage::new(accept);
        // Whatever has shown the key: it is pinned, and that says nothing about what the user wants.
        stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
        if is_chosen {
            stage.cx.choose(&ali());
        }
        let (_, effects) = stage.verified();
        assert_eq!(refusal(&effects), expected, "{accept:?}");
    }
}

#[test]
fn asking_for_a_file_or_calling_while_all_are_taken_makes_nobody_a_contact() {
    for file in [Some((MessageId([7; 16]), 0)), None] {
        let mut stage = Stage::new(if file.is_some() { Accept::Contacts } else { Accept::All });
        let (link, _) = match file {
            Some(file) => stage.ali_fetches(file),
            None => stage.ali_calls(),
        };
        stage.is_found(&ali(), LookupReason::Caller(link), Some(found(Example::Ali)));
        assert!(stage.cx.contacts.key(&ali()).is_some() && !stage.cx.contacts.is_chosen(&ali()));
        stage.calls.accept = Accept::Contacts;
        stage.calls.handle_connected(&mut stage.cx, link);
        stage.calls.end(&mut stage.cx, &ali());
        stage.effects();
        stage.ali_calls();
        assert_eq!(refusal(&stage.effects()), Some(ConnectRefusal::Declined), "{file:?}");
    }
}

#[test]
fn whom_the_user_calls_or_lets_in_by_hand_is_a_contact() {
    let mut stage = Stage::new(Accept::Contacts);
    stage.dials();
    assert!(stage.cx.contacts.is_chosen(&ali()));
    let mut stage = Stage::new(Accept::Ask);
    stage.verified();
    stage.calls.answer(&mut stage.cx, &ali(), Answer::Yes);
    assert!(stage.cx.contacts.is_chosen(&ali()));
    let mut stage = Stage::new(Accept::Ask);
    stage.verified();
    stage.calls.answer(&mut stage.cx, &ali(), Answer::No);
    assert!(!stage.cx.contacts.is_chosen(&ali()));
}

#[test]
fn somebody_who_was_never_met_can_be_blocked_before_the_first_call() {
    let mut stage = Stage::new(Accept::All);
    stage.calls.block(&mut stage.cx, ali());
    assert_eq!(failed(&stage.effects()), None);
    stage.ali_calls();
    assert_eq!(refusal(&stage.effects()), Some(ConnectRefusal::Declined));
}

#[test]
fn who_is_not_seen_just_then_may_have_a_new_key_and_is_asked_about_at_once() {
    for (is_pinned, features, asks) in [
        (true, Features::of(&[SUCCESSIONS]), true),
        (true, Features::of(&[]), false),
        (false, Features::of(&[SUCCESSIONS]), false),
    ] {
        let mut stage = Stage::new(Accept::All);
        stage.cx.features = features;
        if is_pinned {
            stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
        }
        stage.calls.place(&mut stage.cx, ali());
        let requests = stage.is_found(&ali(), LookupReason::Call, None);
        let asked = Request::Directory(DirectoryRequest::Ask {
            message: SuccessorsReq { users: vec![ali()] }.into(),
            question: Question::Successors(vec![ali()]),
        });
        let offline = Request::Group(GroupRequest::NotOnline(ali()));
        assert_eq!(requests, if asks { vec![asked, offline] } else { vec![offline] });
    }
}

#[test]
fn a_new_key_is_neither_talked_to_nor_given_a_file_before_the_user_agrees() {
    let key = |example| fixtures::identity(example).key;
    let told = |to: Example| Verified { former: key(Example::Carol).digest(), key: key(to), certificates: Vec::new() };
    // Confirmed by the former one; and two in the place of one, of which the user had agreed to the first.
    for forked in [false, true] {
        for file in [None, Some((MessageId([7; 16]), 0))] {
            let mut stage = Stage::new(Accept::All);
            stage.callers_name = Features::between_terminals();
            stage.cx.contacts.pin(&ali(), &key(Example::Carol), 0, false);
            stage.cx.contacts.succeed(&ali(), &[told(Example::Ali)], 1).unwrap();
            if forked {
                stage.cx.contacts.agree(&ali()).unwrap();
                stage.cx.contacts.succeed(&ali(), &[told(Example::Bianca)], 2).unwrap();
            }
            let asks = |stage: &mut Stage| {
                let (link, requests) = match file {
                    None => stage.ali_calls(),
                    Some(file) => stage.ali_fetches(file),
                };
                assert_eq!(requests.len(), 1, "it is looked up, each time");
                let handed_on = stage.is_found(&ali(), LookupReason::Caller(link), Some(found(Example::Ali)));
                (handed_on.len(), stage.effects())
            };
            let (handed_on, effects) = asks(&mut stage);
            assert_eq!((handed_on, refusal(&effects)), (0, Some(ConnectRefusal::Key)), "{file:?}");
            let is_asked =
                |effect: &Effect| matches!(effect, Effect::Notify(Notice::Contact(ContactNotice::KeyChanged { .. })));
            assert_eq!(effects.iter().any(is_asked), file.is_none(), "the user is asked about a call");
            stage.cx.contacts.agree(&ali()).unwrap();
            let (handed_on, effects) = asks(&mut stage);
            assert_eq!((handed_on, refusal(&effects)), (usize::from(file.is_some()), None), "{file:?}");
        }
    }
}
