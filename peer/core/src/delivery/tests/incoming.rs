//! What arrives, and is confirmed.

use super::stage::*;
use crate::delivery::incoming::CONFIRMED_AGAIN;
use crate::model::{MessageKey, StoredMessage};

#[test]
fn receipts_end_the_way_of_letters_whatever_route_they_took() {
    let mut stage = Stage::new();
    stage.send(&to_bianca(), "one");
    let numbers = stage.give(&to_bianca(), 9);
    stage.answer(&to_bianca(), &numbers, 1, None);
    stage.finish();
    assert_eq!(stage.next(), Next::Receiver);
    stage.cx.presence.insert(bianca(), PresenceInfo { status: common::msg::PresenceStatus::Online, text: None });
    assert_eq!(stage.next(), Next::Confirmation);
    let id = stage.delivery.outbox.queue(&to_bianca()).next().map(|(_, entry)| entry.letter.id).unwrap();
    stage.delivery.handle_receipt(&mut stage.cx, &bianca(), &[id, MessageId([8; 16])], Received::Delivered);
    assert_eq!(marked(&stage.finish()), [(DeliveryStatus::Delivered, 1)]);
    // What is not on its way any more is looked up.
    let name = MessageKey::new(&to_bianca(), &stage.cx.me.user, id);
    for (state, told) in [(Received::Delivered, vec![]), (Received::Read, vec![(DeliveryStatus::Read, 1)])] {
        stage.delivery.handle_receipt(&mut stage.cx, &bianca(), &[id], state);
        assert_eq!(marked(&stage.finish()), []);
        let (text, mark) = ("one".to_owned(), DeliveryStatus::Delivered);
        let record = StoredMessage { name: name.clone(), text, date: 1, arrived: 1, mark, since: 1 };
        stage.delivery.handle_recalled(&mut stage.cx, &name, Some(record));
        assert_eq!(marked(&stage.finish()), told, "what says more, once");
    }
    stage.delivery.explain(&mut stage.cx, to_bianca(), Vec::new());
    assert_eq!(stage.finish(), [Effect::QueryHistory(HistoryQuery::LastSent { to: to_bianca() })]);
}

#[test]
fn texts_of_others_are_shown_before_they_are_written_and_confirmed_after() {
    let mut stage = Stage::new();
    for read in [false, true] {
        stage.delivery.set_read_receipts(read);
        let id = MessageId([u8::from(read); 16]);
        let chat = Chat { id, nick: "bianca".into(), message: "hi".into(), date: 1 };
        stage.delivery.handle_text(&mut stage.cx, &bianca(), LINK, chat.clone());
        let effects = stage.finish();
        let [Effect::Notify(_), Effect::Persist(_), Effect::Confirm { receipt, .. }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(receipt.state, if read { Received::Read } else { Received::Delivered });
        stage.delivery.handle_text(&mut stage.cx, &bianca(), LINK, chat);
        assert!(matches!(&stage.finish()[..], [Effect::Confirm { .. }]), "a second copy is confirmed, not shown");
    }
}

#[test]
fn letters_are_told_and_confirmed_together_once() {
    let mut stage = Stage::new();
    assert_eq!(stage.comes(1, text("one")), []);
    stage.comes(2, text("two"));
    stage.comes(2, text("two"));
    stage.delivery.handle_letters_taken(&mut stage.cx);
    let effects = stage.finish();
    let [Effect::Persist(_), Effect::Notify(Notice::Message(MessageNotice::Arrived(arrivals)))] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(arrivals.len(), 2);
    assert_eq!(stage.delivery.unread(&to_bianca()), 2);
    let to = to_bianca();
    let receipts: Vec<Body> = stage.delivery.outbox.queue(&to).map(|(_, entry)| entry.letter.body.clone()).collect();
    let [Body::Receipt { ids, state: Received::Delivered }] = &receipts[..] else { panic!("{receipts:?}") };
    assert_eq!(ids.len(), 3, "the second copy shows that the sender has had no confirmation");
    stage.delivery.see(&mut stage.cx, to_bianca());
    assert_eq!(stage.delivery.unread(&to_bianca()), 0);
    assert!(matches!(&stage.finish()[..], [Effect::Persist(_)]));
    stage.delivery.see(&mut stage.cx, to_bianca());
    assert_eq!(stage.finish(), []);
}

#[test]
fn one_receipt_confirms_so_many_letters_and_no_more() {
    for (letters, receipts) in [(RECEIPT_IDS, 1), (RECEIPT_IDS + 1, 2)] {
        let mut stage = Stage::new();
        for number in 0..letters {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let letter = Letter { id: MessageId(id), date: 7, body: text("x") };
            let bytes = Zeroizing::new(letter.encode());
            let sealed = SealedLetter {
                room: ROOM,
                conversation: to_bianca(),
                from: bianca(),
                terminal: TerminalId([1; 16]),
                bytes,
            };
            stage.delivery.handle_letter(&mut stage.cx, sealed);
        }
        stage.delivery.handle_letters_taken(&mut stage.cx);
        assert_eq!(stage.delivery.outbox.queue(&to_bianca()).count(), receipts, "{letters} letters");
    }
}

#[test]
fn letters_that_are_not_for_people_are_handed_on_once() {
    let mut stage = Stage::new();
    let body = Body::Decided { user: bianca() };
    let requests = stage.comes(1, body.clone());
    assert!(matches!(&requests[..], [Request::Opened(opened)] if opened.body == body));
    assert_eq!(stage.comes(1, body), []);
}

#[test]
fn nothing_of_a_blocked_user_is_taken() {
    let mut stage = Stage::new();
    stage.cx.contacts.pin(&bianca(), &fixtures::identity(Example::Bianca).key, 0, false);
    stage.cx.contacts.block(&bianca(), 0);
    assert_eq!(stage.comes(1, text("one")), []);
    stage.delivery.handle_letters_taken(&mut stage.cx);
    assert_eq!(stage.finish(), []);
}

impl Stage {
    /// The ids that a directory that has gone back is given receipts of, by receipt.
    fn confirmed_again(&mut self, to: &Conversation) -> Vec<(Vec<MessageId>, Received)> {
        self.delivery.handle_restored(&mut self.cx, Vec::new());
        let receipt = |(_, entry): (u64, &crate::delivery::outbox::Entry)| match &entry.letter.body {
            Body::Receipt { ids, state } => (ids.clone(), *state),
            body => panic!("{body:?}"),
        };
        self.delivery.outbox.queue(to).map(receipt).collect()
    }
}

#[test]
fn what_has_arrived_is_confirmed_again_to_a_directory_that_has_gone_back() {
    let mut stage = Stage::new();
    stage.delivery.set_read_receipts(true);
    stage.comes(1, text("one"));
    let chat = Chat { id: MessageId([2; 16]), nick: "bianca".into(), message: "two".into(), date: 1 };
    stage.delivery.handle_text(&mut stage.cx, &bianca(), LINK, chat);
    stage.delivery.handle_letters_taken(&mut stage.cx);
    // What nobody waits for a receipt of: what is no text, or is for many.
    stage.comes(3, Body::Decided { user: bianca() });
    stage.delivery.handle_broadcast(&mut stage.cx, bianca(), (MessageId([4; 16]), "to all".into(), 1));
    let letter = Letter { id: MessageId([5; 16]), date: 7, body: text("to the group") };
    let (terminal, bytes) = (TerminalId([1; 16]), Zeroizing::new(letter.encode()));
    let to_group = SealedLetter { room: ROOM, conversation: team(), from: bianca(), terminal, bytes };
    stage.delivery.handle_letter(&mut stage.cx, to_group);
    let numbers = stage.give(&to_bianca(), 1);
    stage.answer(&to_bianca(), &numbers, 1, None);
    assert!(stage.delivery.outbox.is_empty(&to_bianca()), "the receipt is with the directory");
    let again = [(vec![MessageId([1; 16]), MessageId([2; 16])], Received::Delivered)];
    assert_eq!(stage.confirmed_again(&to_bianca()), again);
    assert_eq!(stage.confirmed_again(&to_bianca()), again, "the same receipt waits already");
    assert!(stage.delivery.outbox.is_empty(&team()) && stage.delivery.outbox.is_empty(&Conversation::Everyone));
}

#[test]
fn a_blocked_user_is_confirmed_nothing_again() {
    let mut stage = Stage::new();
    stage.comes(1, text("one"));
    stage.cx.contacts.pin(&bianca(), &fixtures::identity(Example::Bianca).key, 0, false);
    stage.cx.contacts.block(&bianca(), 0);
    assert_eq!(stage.confirmed_again(&to_bianca()), []);
}

#[test]
fn a_terminal_that_was_in_no_room_hears_again_what_was_read() {
    for told in [false, true] {
        let mut stage = Stage::new();
        stage.delivery.set_read_receipts(told);
        for number in 1..=3 {
            stage.comes(number, text("x"));
        }
        stage.comes(4, Body::Decided { user: bianca() });
        stage.delivery.handle_letters_taken(&mut stage.cx);
        let numbers = stage.give(&to_bianca(), 1);
        stage.answer(&to_bianca(), &numbers, 1, None);
        stage.comes(5, text("what waits is said once"));
        stage.delivery.handle_letters_taken(&mut stage.cx);
        let state = if told { Received::Read } else { Received::Delivered };
        let receipts = |stage: &Stage| -> Vec<(Vec<MessageId>, Received)> {
            let receipt = |(_, entry): (u64, &crate::delivery::outbox::Entry)| match &entry.letter.body {
                Body::Receipt { ids, state } => (ids.clone(), *state),
                body => panic!("{body:?}"),
            };
            stage.delivery.outbox.queue(&to_bianca()).map(receipt).collect()
        };
        let waits = (vec![MessageId([5; 16])], state);
        assert_eq!(receipts(&stage), std::slice::from_ref(&waits));
        for _ in 0..2 {
            stage.delivery.handle_confirm_again(&mut stage.cx, bianca());
            let again = [1, 2, 3].map(|number| MessageId([number; 16]));
            assert_eq!(receipts(&stage), [waits.clone(), (again.to_vec(), state)]);
        }
        stage.delivery.handle_confirm_again(&mut stage.cx, Example::Carol.user().unwrap());
        assert_eq!(stage.delivery.outbox.conversations(), [to_bianca()]);
    }
}

#[test]
fn only_the_last_texts_are_confirmed_again() {
    let mut stage = Stage::new();
    let id = |number: usize| MessageId(u128::try_from(number).unwrap().to_be_bytes());
    for number in 0..=CONFIRMED_AGAIN {
        let chat = Chat { id: id(number), nick: "bianca".into(), message: "x".into(), date: 1 };
        stage.delivery.handle_text(&mut stage.cx, &bianca(), LINK, chat);
    }
    let again = stage.confirmed_again(&to_bianca());
    assert_eq!(again.len(), CONFIRMED_AGAIN / RECEIPT_IDS);
    assert_eq!(
        again.into_iter().flat_map(|(ids, _)| ids).collect::<Vec<_>>(),
        (1..=CONFIRMED_AGAIN).map(id).collect::<Vec<_>>()
    );
}
