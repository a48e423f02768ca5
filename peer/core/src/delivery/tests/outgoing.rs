//! What is sent, by which route, and what holds it back.

use super::stage::*;
use crate::notice::DirectoryRefusal;
use crate::request::GroupRequest;

#[test]
fn a_text_is_written_before_the_user_hears_that_it_is_sent() {
    let effects = Stage::new().send(&to_bianca(), "hello");
    let [Effect::Persist(writes), Effect::Notify(Notice::Message(MessageNotice::Sent { .. }))] = &effects[..] else {
        panic!("{effects:?}")
    };
    let [Write::Put { .. }, Write::History(HistoryWrite::Append(_)), Write::Contact(chosen)] = &writes[..] else {
        panic!("{writes:?}")
    };
    assert!(chosen.chosen);
}

#[test]
fn what_cannot_be_sent_is_not_written() {
    let mut stage = Stage::new();
    let myself = Conversation::User(stage.cx.me.user.clone());
    let long = "x".repeat(16 * 1024 + 1);
    let cases = [
        (to_bianca(), long.as_str(), None, NotSent::TooLong),
        (myself, "me", None, NotSent::Yourself),
        (team(), "us", Some(NotSent::NotAMember), NotSent::NotAMember),
    ];
    for (to, text, refusal, expected) in cases {
        stage.delivery.send(&mut stage.cx, to, text.to_owned(), Ticket::default(), refusal);
        let effects = stage.finish();
        let [Effect::Notify(Notice::Message(MessageNotice::NotSent { why, .. }))] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(*why, expected);
    }
    stage.cx.contacts.pin(&bianca(), &fixtures::identity(Example::Bianca).key, 0, false);
    stage.cx.contacts.block(&bianca(), 0);
    assert!(matches!(
        &stage.send(&to_bianca(), "x")[..],
        [Effect::Notify(Notice::Message(MessageNotice::NotSent { why: NotSent::Blocked, .. }))]
    ));
}

#[test]
fn a_text_goes_over_the_link_that_stands_and_by_mail_when_it_is_gone() {
    let mut stage = Stage::new();
    stage.link();
    stage.send(&to_bianca(), "hello");
    let (requests, effects) = stage.flush();
    assert_eq!((requests, said(&effects)), (vec![], vec!["hello"]));
    assert_eq!(stage.next(), Next::Confirmation);
    stage.cx.links.remove(&bianca());
    stage.delivery.handle_link_gone(&bianca(), LINK);
    assert_eq!(stage.give(&to_bianca(), 9), [1]);
}

#[test]
fn mail_that_was_not_confirmed_holds_back_what_is_said_for_a_moment() {
    for (later, expected) in [(4, 0), (5, 2), (6, 2)] {
        let mut stage = Stage::new();
        stage.send(&to_bianca(), "by mail");
        let numbers = stage.give(&to_bianca(), 9);
        stage.answer(&to_bianca(), &numbers, 1, None);
        stage.link();
        stage.send(&to_bianca(), "over the link");
        assert_eq!(said(&stage.flush().1), Vec::<&str>::new());
        assert_eq!(stage.delivery.next_deadline(&stage.cx), Some(stage.cx.now.tick + 5));
        stage.cx.now.tick += later;
        stage.cx.links.expire(stage.cx.now.tick);
        stage.delivery.handle_tick(&stage.cx);
        assert_eq!(stage.delivery.next_deadline(&stage.cx).is_some(), expected == 0, "nothing is looked at twice");
        assert_eq!(
            said(&stage.flush().1).len(),
            expected,
            "after {later} seconds: what went by mail is said again first"
        );
    }
}

#[test]
fn nothing_is_sent_while_a_changed_key_waits_for_a_decision() {
    let mut stage = Stage::new();
    stage.cx.contacts.pin(&bianca(), &fixtures::identity(Example::Bianca).key, 0, false);
    stage.cx.contacts.judge(&bianca(), &fixtures::identity(Example::Carol).key, 0);
    stage.link();
    stage.send(&to_bianca(), "secret");
    let (requests, effects) = stage.flush();
    assert_eq!((requests, said(&effects), waiting(&effects)), (vec![], vec![], vec![(1, Next::KeyDecision)]));
    let key = fixtures::identity(Example::Carol).key;
    stage.cx.contacts.pin(&bianca(), &key, 0, false);
    stage.delivery.handle_retry(&to_bianca());
    assert_eq!(said(&stage.flush().1), ["secret"]);
}

#[test]
fn mail_waits_until_everything_that_waited_was_taken() {
    for (session, wants) in [(Session::Down, false), (Session::CatchingUp, false), (Session::CaughtUp, true)] {
        let mut stage = Stage::new();
        stage.cx.session = session;
        stage.send(&to_bianca(), "hello");
        assert_eq!(!stage.flush().0.is_empty(), wants, "{session:?}");
    }
}

#[test]
fn as_many_letters_go_in_one_message_as_fit_and_the_next_when_it_was_answered() {
    let mut stage = Stage::new();
    for number in 0..=MAIL_IN_ONE {
        stage.send(&to_bianca(), &number.to_string());
    }
    assert_eq!(stage.give(&to_bianca(), usize::MAX).len(), MAIL_IN_ONE);
    stage.delivery.handle_change();
    assert_eq!(stage.flush().0, [], "one message at a time");
    let numbers: Vec<u64> = (1..).take(MAIL_IN_ONE).collect();
    let stored = u32::try_from(MAIL_IN_ONE).unwrap();
    assert_eq!(stage.answer(&to_bianca(), &numbers, stored, None), []);
    assert_eq!(marked(&stage.finish()), [(DeliveryStatus::Stored, MAIL_IN_ONE)]);
    assert_eq!(stage.give(&to_bianca(), 9).len(), 1);
}

#[test]
fn letters_that_did_not_fit_go_next() {
    let mut stage = Stage::new();
    (0..3).for_each(|_| drop(stage.send(&to_bianca(), "x")));
    let numbers = stage.give(&to_bianca(), 2);
    assert_eq!(numbers, [1, 2]);
    stage.answer(&to_bianca(), &numbers, 2, None);
    assert_eq!(stage.give(&to_bianca(), 9), [3]);
}

#[test]
fn a_full_mailbox_is_tried_with_one_letter_twice_as_late_each_time_up_to_an_end() {
    let mut stage = Stage::new();
    stage.send(&to_bianca(), "one");
    stage.send(&to_bianca(), "two");
    for (tries, wait) in [60, 120, 240, 480, 960, 1920, 3840, 3840].into_iter().enumerate() {
        let numbers = stage.give(&to_bianca(), 9);
        assert_eq!(numbers.len(), if tries == 0 { 2 } else { 1 }, "sealed in vain");
        stage.answer(&to_bianca(), &numbers, 0, Some(MailRefusal::Full));
        let effects = stage.flush().1;
        assert_eq!(waiting(&effects), [(2, Next::Space)], "told each time");
        assert_eq!(stage.delivery.next_deadline(&stage.cx), Some(stage.cx.now.tick + wait));
        stage.cx.now.tick += wait - 1;
        stage.delivery.handle_tick(&stage.cx);
        assert_eq!(stage.flush().0, []);
        stage.cx.now.tick += 1;
        stage.delivery.handle_tick(&stage.cx);
    }
    assert_eq!(FULL_LONGEST, 3840);
    // Once something was taken it is the first time again.
    let numbers = stage.give(&to_bianca(), 9);
    stage.answer(&to_bianca(), &numbers, 1, Some(MailRefusal::Full));
    assert_eq!(stage.delivery.next_deadline(&stage.cx), Some(stage.cx.now.tick + FULL_FIRST));
}

#[test]
fn a_full_mailbox_is_as_full_in_the_next_session_and_other_waits_are_over() {
    let mut stage = Stage::new();
    stage.send(&to_bianca(), "one");
    let numbers = stage.give(&to_bianca(), 9);
    stage.answer(&to_bianca(), &numbers, 0, Some(MailRefusal::Full));
    stage.delivery.handle_session_lost();
    stage.delivery.handle_change();
    assert_eq!(stage.flush().0, []);
    stage.delivery.handle_back_off(&to_bianca(), Next::Terminal, stage.cx.now.tick + 60);
    stage.delivery.handle_session_lost();
    stage.delivery.handle_change();
    assert_eq!(stage.flush().0, [Request::Group(GroupRequest::NeedsRoom(to_bianca()))]);
}

#[test]
fn what_the_directory_says_of_a_room_is_for_whoever_has_rooms() {
    for (refused, expected) in [
        (MailRefusal::Epoch, Request::Group(GroupRequest::EpochEnded(ROOM))),
        (MailRefusal::Room, Request::Group(GroupRequest::RoomGone(ROOM))),
    ] {
        let mut stage = Stage::new();
        stage.send(&to_bianca(), "one");
        let numbers = stage.give(&to_bianca(), 9);
        assert_eq!(stage.answer(&to_bianca(), &numbers, 0, Some(refused)), [expected]);
    }
}

#[test]
fn the_directory_is_given_the_time_it_asks_for() {
    let mut stage = Stage::new();
    stage.send(&to_bianca(), "one");
    let numbers = stage.give(&to_bianca(), 9);
    let until = stage.cx.now.tick + 7;
    stage.delivery.handle_put_refused(&stage.cx, &to_bianca(), &numbers, (DirectoryRefusal::Unavailable, until));
    assert_eq!(
        (stage.next(), stage.delivery.next_deadline(&stage.cx)),
        (Next::Refused(DirectoryRefusal::Unavailable), Some(until))
    );
    assert!(!stage.delivery.is_sending(), "nobody waits for it at the end of the program");
    stage.cx.now.tick = until;
    stage.delivery.handle_tick(&stage.cx);
    assert_eq!(stage.give(&to_bianca(), 9), numbers);
}

#[test]
fn what_the_directory_may_have_lost_is_sent_again() {
    let cases = [(Delivery::handle_stored_lost as fn(&mut Delivery, &mut Context), true), (|_, _| {}, false)];
    for (lose, again) in cases {
        let mut stage = Stage::new();
        stage.send(&to_bianca(), "one");
        let numbers = stage.give(&to_bianca(), 9);
        stage.answer(&to_bianca(), &numbers, 1, None);
        stage.flush();
        lose(&mut stage.delivery, &mut stage.cx);
        stage.delivery.handle_change();
        assert_eq!(!stage.flush().0.is_empty(), again);
    }
}

#[test]
fn a_group_that_is_over_gives_up_what_was_for_it() {
    let mut stage = Stage::new();
    stage.send(&team(), "one");
    stage.delivery.handle_conversation_over(&mut stage.cx, &team());
    assert_eq!(marked(&stage.finish()), [(DeliveryStatus::Failed, 1)]);
    assert_eq!(stage.flush().0, []);
}

#[test]
fn a_goodbye_is_said_again_until_the_group_was_left() {
    let mut stage = Stage::new();
    let leave = Letter { id: MessageId([5; 16]), date: 1, body: Body::Leave };
    stage.delivery.handle_letter_to_send(&mut stage.cx, &team(), leave);
    let numbers = stage.give(&team(), 9);
    assert_eq!(stage.answer(&team(), &numbers, 1, None), [Request::Group(GroupRequest::GoodbyeStored(team()))]);
    assert_eq!(stage.flush().0, []);
    stage.delivery.handle_goodbye_again(&mut stage.cx, &team());
    stage.delivery.handle_change();
    assert_eq!(stage.give(&team(), 9), numbers);
    stage.delivery.handle_conversation_over(&mut stage.cx, &team());
    stage.delivery.handle_goodbye_again(&mut stage.cx, &team());
    assert_eq!(stage.give(&team(), 9).len(), 1, "another one");
}

#[test]
fn what_is_for_nobody_is_given_up_and_told() {
    let mut stage = Stage::new();
    stage.send(&to_bianca(), "hi");
    stage.flush();
    let ali = Example::Ali.user().unwrap();
    stage.delivery.handle_no_such_user(&mut stage.cx, bianca(), Some(ali.clone()));
    let effects = stage.finish();
    let told = MessageNotice::NoSuchUser { user: bianca(), texts: 1, near: Some(ali) };
    assert!(effects.contains(&Effect::Notify(told.into())), "{effects:?}");
    let failed = |effect: &Effect| {
        matches!(effect, Effect::Notify(Notice::Message(MessageNotice::Marked { mark: DeliveryStatus::Failed, .. })))
    };
    assert!(effects.iter().any(failed), "{effects:?}");
    assert_eq!(stage.flush().0, []);
}

#[test]
fn that_a_key_has_changed_is_told_of_every_text_that_waits_for_the_decision() {
    let mut stage = Stage::new();
    let key = |example: Example| example.identity().unwrap().public().clone();
    stage.cx.contacts.pin(&bianca(), &key(Example::Bianca), 0, false);
    stage.send(&to_bianca(), "hi");
    stage.flush();
    stage.cx.contacts.judge(&bianca(), &key(Example::Carol), 0);
    let waits = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(effect, Effect::Notify(Notice::Message(MessageNotice::Waiting { next: Next::KeyDecision, .. })))
        })
    };
    stage.delivery.handle_key_changed(bianca());
    assert!(waits(&stage.flush().1));
    stage.send(&to_bianca(), "again");
    assert!(waits(&stage.flush().1), "a program that sends one text must hear of it, too");
}

#[test]
fn what_was_said_lately_in_a_group_that_goes_on_elsewhere_is_said_again_under_the_same_ids() {
    let mut stage = Stage::new();
    let to = Conversation::Group(common::ident::GroupName::parse("team").unwrap());
    let mut ids = Vec::new();
    for (number, epoch) in [(1, 4), (2, 5), (3, 6)] {
        let letter = Letter { id: MessageId([number; 16]), date: 7, body: text("x") };
        stage.delivery.handle_letter_to_send(&mut stage.cx, &to, letter);
        let number = stage.delivery.outbox.queue(&to).last().unwrap().0;
        let outgoing = Outgoing { id: MessageId([9; 16]), piece: Piece(vec![1]) };
        stage.delivery.handle_sealed(&stage.cx, to.clone(), (ROOM, epoch), vec![(number, outgoing)]);
        let reply = MailboxReply { stored: 1, refused: None, full: Vec::new() };
        stage.delivery.handle_put(&mut stage.cx, &to, &[number], ROOM, &reply);
        assert_eq!(stage.delivery.outbox.queue(&to).count(), 0);
    }
    stage.delivery.handle_say_again(&mut stage.cx, &to, 5, &[]);
    ids.extend(stage.delivery.outbox.queue(&to).map(|(_, entry)| entry.letter.id));
    assert_eq!(ids, [MessageId([2; 16]), MessageId([3; 16])]);
    stage.delivery.handle_say_again(&mut stage.cx, &to, 0, &[]);
    assert_eq!(stage.delivery.outbox.queue(&to).count(), 2, "once");
}

#[test]
fn what_was_said_again_for_a_terminal_is_not_said_a_third_time() {
    let mut stage = Stage::new();
    let terminal = |user: UserId, number| Member { userid: user, terminal: TerminalId([number; 16]) };
    let mallory = |number| terminal(UserId::parse("mallory").unwrap(), number);
    stage.send(&team(), "text");
    // Whatever waits is sealed in this epoch, and taken; how much that was.
    let takes = |stage: &mut Stage, epoch| {
        let waiting: Vec<u64> = stage.delivery.outbox.queue(&team()).map(|(number, _)| number).collect();
        let sealed = |number: &u64| (*number, Outgoing { id: MessageId([9; 16]), piece: Piece(vec![1]) });
        let sealed = waiting.iter().map(sealed).collect();
        stage.delivery.handle_sealed(&stage.cx, team(), (ROOM, epoch), sealed);
        stage.answer(&team(), &waiting, u32::try_from(waiting.len()).unwrap(), None);
        waiting.len()
    };
    assert_eq!(takes(&mut stage, 1), 1);
    let mut again = |epoch: u64, whom: &[Member]| {
        stage.delivery.handle_say_again(&mut stage.cx, &team(), epoch.saturating_sub(4), whom);
        takes(&mut stage, epoch)
    };
    let (first, second, third) = (mallory(1), mallory(2), mallory(3));
    // A text, again and again for one terminal, and for all of a user's in turn.
    let asked = [&first, &first, &second, &first, &third, &second];
    let copies: Vec<usize> =
        (2..).zip(asked).map(|(epoch, member)| again(epoch, std::slice::from_ref(member))).collect();
    assert_eq!(copies, [1, 0, 1, 0, 0, 0]);
    // Another member has not had it, although what was said again lies some epochs back; what lies further back is over.
    let bianca = terminal(bianca(), 1);
    assert_eq!(again(5, std::slice::from_ref(&bianca)), 1);
    assert_eq!(again(10, &[terminal(Example::Carol.user().unwrap(), 1)]), 0);
    assert_eq!(again(9, &[terminal(Example::Carol.user().unwrap(), 1), bianca]), 1, "for one of them");
    // In another room nobody has had it.
    assert_eq!(again(1, &[]), 1);
}

/// Whoever is far ahead of what was confirmed says no more than a link has room for, and in time everything, in order.
#[test]
fn a_link_is_told_only_so_much_ahead_of_its_receipts() {
    const TEXTS: usize = 3000;
    let mut stage = Stage::new();
    stage.link();
    let mut all = Vec::new();
    for number in 0..TEXTS {
        stage.send(&to_bianca(), &number.to_string());
        all.extend(stage.flush().1);
    }
    let ahead = said(&all).len();
    assert!((300..1025).contains(&ahead), "{ahead} ahead");
    assert_eq!(stage.next(), Next::Confirmation);
    let mut confirmed = 0;
    while confirmed < TEXTS {
        let ids: Vec<MessageId> = said_ids(&all)[confirmed..].iter().copied().take(RECEIPT_IDS).collect();
        confirmed += ids.len();
        stage.delivery.handle_receipt(&mut stage.cx, &bianca(), &ids, Received::Read);
        all.extend(stage.flush().1);
    }
    let expected: Vec<String> = (0..TEXTS).map(|number| number.to_string()).collect();
    assert_eq!(said(&all), expected);
}

/// What waits to be written stays below what ends a link, however the texts look.
#[test]
fn long_texts_leave_room_on_a_link() {
    for text in ["x".repeat(16 * 1024), "\u{1}".repeat(9000)] {
        let mut stage = Stage::new();
        stage.link();
        let mut all = Vec::new();
        for _ in 0..100 {
            stage.send(&to_bianca(), &text);
            all.extend(stage.flush().1);
        }
        let bytes: usize = all
            .iter()
            .filter_map(|effect| if let Effect::Say { chat, .. } = effect { Some(chat.clone()) } else { None })
            .map(|chat| common::msg::Message::encode(&common::msg::PeerMessage::from(chat)).len())
            .sum();
        assert!(bytes > 0 && bytes <= common::limits::PENDING_OUTPUT / 2, "{bytes} bytes wait");
    }
}

/// A link that is gone gives everything back, said and unsaid.
#[test]
fn what_waited_for_room_on_a_link_goes_by_mail_when_the_link_is_gone() {
    let mut stage = Stage::new();
    stage.link();
    for number in 0..2000 {
        stage.send(&to_bianca(), &number.to_string());
        stage.flush();
    }
    stage.cx.links.remove(&bianca());
    stage.delivery.handle_link_gone(&bianca(), LINK);
    let given = stage.give(&to_bianca(), MAIL_IN_ONE);
    assert_eq!(given, (1..=64).collect::<Vec<u64>>());
}

#[test]
fn why_tells_of_an_offer_as_of_a_text() {
    let mut stage = Stage::new();
    let body = Body::Offer {
        name: "plans.pdf".into(),
        size: 9,
        files: None,
        content: None,
        left_out: None,
        left_out_names: Vec::new(),
    };
    let letter = Letter { id: MessageId([5; 16]), date: 7, body };
    stage.delivery.handle_letter_to_send(&mut stage.cx, &to_bianca(), letter);
    stage.finish();
    assert_eq!(stage.next(), Next::Keys);
    stage.cx.session = Session::Down;
    assert_eq!(stage.next(), Next::Directory);
}
