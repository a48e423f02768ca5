//! Who is a contact, and who is blocked (decision D48).

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
        let message = ConnectReq {
            initiator: ali(),
            destination: stage.cx.me.user.clone(),
            initiator_key: fixtures::identity(Example::Ali).key.digest(),
            destination_key: stage.cx.me.key.digest(),
            terminal: TerminalId([1; 16]),
            features: Features::default(),
            record: None,
            conversation: None,
        };
        let (key, link) = (message.initiator_key, LinkId(1));
        let request = ConnectRequest { message, key, source: address() };
        match file {
            Some(file) => stage.calls.handle_file_request(&mut stage.cx, link, request, file),
            None => stage.calls.handle_request(&mut stage.cx, link, request),
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
