//! What is offered, taken, refused, given up.

use common::ident::RoomId;
use common::msg::{Withdrawal, WithdrawnMessage};

use super::stage::*;
use crate::model::Conversation;
use crate::notice::Undelivered;
use crate::request::DeliveryRequest;

#[test]
fn a_user_can_have_so_many_offers_open_and_no_more() {
    let mut stage = Stage::asking();
    for number in 0..OFFERS_OPEN {
        assert_eq!(stage.is_offered(number, 9).news(), [FileNews::Offered]);
    }
    let refused = stage.is_offered(99, 9);
    assert_eq!((refused.news(), refused.said(), refused.writes()), (vec![], vec![Outcome::Refused], 0));
    stage.wishes(1, FileWish::Refuse);
    assert_eq!(stage.is_offered(100, 9).news(), [FileNews::Offered]);
}

#[test]
fn nobody_offers_more_than_the_other_side_would_keep() {
    let mut stage = Stage::asking();
    for number in 0..OFFERS_OPEN {
        let offered = stage.offers(&format!("plans of day {number}.pdf"));
        assert_eq!(offered.news(), [FileNews::Offering]);
        assert!(
            matches!(&offered.requests[..], [Request::Delivery(DeliveryRequest::Send { letter, .. })] if matches!(letter.body, Body::Offer { .. }))
        );
    }
    let refused = stage.offers("plans.pdf");
    let [Effect::Notify(Notice::File(FileNotice::NotOffered { why, .. }))] = &refused.effects[..] else {
        panic!("{:?}", refused.effects)
    };
    assert_eq!((why, refused.requests.len()), (&NotOffered::TooMany, 0));
}

#[test]
fn the_same_file_is_offered_once_while_it_is_not_over() {
    let mut stage = Stage::asking();
    stage.offers("plans.pdf");
    let again = stage.offers("plans.pdf");
    assert_eq!((again.news(), again.requests.len(), again.writes()), (vec![FileNews::OfferedBefore], 0, 0));
    let other = |stage: &mut Stage, to: UserId, state: u8| {
        let source = Source { state: [state; 32], ..source() };
        stage.does(|files, cx| files.offer(cx, to, "plans.pdf".into(), (source, LeftOut::default()))).news()
    };
    assert_eq!(other(&mut stage, carol(), 7), [FileNews::Offering], "to somebody else");
    assert_eq!(other(&mut stage, ali(), 8), [FileNews::Offering], "it was changed meanwhile");
    let file = stage.files.all[&1].file;
    let told = Told { file, outcome: Outcome::Received, changed: false, reason: None };
    stage.does(|files, cx| {
        files.handle_outcome(cx, &ali(), &ali(), told);
        Vec::new()
    });
    assert_eq!(stage.offers("plans.pdf").news(), [FileNews::Offering], "it has arrived, and is wanted once more");
    for number in 4..=OFFERS_OPEN {
        stage.offers(&format!("plans of day {number}.pdf"));
    }
    assert_eq!(stage.offers("plans.pdf").news(), [FileNews::OfferedBefore], "no more can be offered, and none is");
}

#[test]
fn nothing_is_offered_to_oneself_or_to_whom_one_has_blocked() {
    let mut stage = Stage::asking();
    let why = |done: Done| match &done.effects[..] {
        [Effect::Notify(Notice::File(FileNotice::NotOffered { why, .. }))] => why.clone(),
        effects => panic!("{effects:?}"),
    };
    let me = stage.cx.me.user.clone();
    let done = stage.does(|files, cx| files.offer(cx, me, "plans.pdf".into(), (source(), LeftOut::default())));
    assert_eq!(why(done), NotOffered::Yourself);
    stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, false);
    stage.cx.contacts.block(&ali(), 0);
    assert_eq!(why(stage.offers("plans.pdf")), NotOffered::Blocked);
}

#[test]
fn a_name_is_cut_where_the_wire_ends_it() {
    for (length, kept) in [(FILE_NAME - 1, FILE_NAME - 1), (FILE_NAME, FILE_NAME), (FILE_NAME + 1, FILE_NAME)] {
        let mut stage = Stage::asking();
        stage.offers(&"x".repeat(length));
        assert_eq!(stage.files.all[&1].name.len(), kept);
    }
}

#[test]
fn what_a_sender_says_of_the_files_of_a_folder_is_shown_where_it_can_be_so() {
    let most = 1024 * 10_001;
    for (files, size, content, shown) in [
        (Some(1), 2048, 4, Some(4)),
        (Some(1), 2048, 2049, None),
        (Some(1), most + 4, 4, Some(4)),
        (Some(1), most + 5, 4, None),
        (None, 2048, 4, None),
    ] {
        let mut stage = Stage::new(AcceptFiles::Ask, u64::MAX);
        let (file, name, content, left_out) = (id(1), "plans".into(), Some(content), LeftOut::default());
        let offered = OfferedFile { file, name, size, files, content, left_out };
        stage.does(|files, cx| files.handle_offer(cx, &ali(), offered));
        assert_eq!(stage.files.shown(1).unwrap().content, shown, "{files:?}, {size}");
    }
}

#[test]
fn what_is_too_large_or_never_wanted_is_refused_at_once() {
    for (size, news, said) in [(99, FileNews::Offered, vec![]), (100, FileNews::Offered, vec![])].into_iter().chain([(
        101,
        FileNews::TooLarge { max: 100 },
        vec![Outcome::Refused],
    )]) {
        let offered = Stage::asking().is_offered(1, size);
        assert_eq!((offered.news(), offered.said()), (vec![news], said), "{size} bytes");
    }
    let never = Stage::new(AcceptFiles::Never, 100).is_offered(1, 9);
    assert_eq!((never.news(), never.said()), (vec![], vec![Outcome::Refused]));
}

#[test]
fn files_of_verified_users_are_taken_at_once_where_the_user_wants_it() {
    let mut stage = Stage::new(AcceptFiles::Verified, 100);
    assert!(!stage.is_offered(1, 9).looks_up(), "nobody has compared ali's number");
    stage.cx.contacts.pin(&ali(), &fixtures::identity(Example::Ali).key, 0, true);
    let offered = stage.is_offered(2, 9);
    assert_eq!(offered.news(), [FileNews::Offered, FileNews::Accepted]);
    assert!(offered.looks_up());
}

#[test]
fn what_has_come_of_a_file_goes_only_when_it_is_written_that_it_is_over() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let refused = stage.wishes(1, FileWish::Refuse);
    assert_eq!((refused.news(), refused.said()), (vec![FileNews::GivenUp], vec![Outcome::Refused]));
    let [Effect::Persist(_), Effect::StopFile { number: 1, came: Some(_) }, ..] = &refused.effects[..] else {
        panic!("{:?}", refused.effects)
    };
}

#[test]
fn an_answer_at_another_terminal_of_the_same_user_is_an_answer() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    let bianca = stage.cx.me.user.clone();
    assert_eq!(stage.is_told(&bianca, Outcome::Refused).news(), [FileNews::Elsewhere]);
    assert_eq!(stage.state(1), FileState::Elsewhere);
    assert_eq!(stage.accepts(1).news(), [FileNews::Over]);
}

#[test]
fn nobody_ends_what_is_not_theirs() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    for outcome in [Outcome::Received, Outcome::Refused] {
        assert_eq!(stage.is_told(&ali(), outcome).news(), [], "{outcome:?}");
    }
    let carol = Example::Carol.user().unwrap();
    let done = stage.does(|files, cx| {
        let told = Told { file: id(1), outcome: Outcome::Withdrawn, changed: false, reason: None };
        files.handle_outcome(cx, &carol, &carol, told);
        Vec::new()
    });
    assert_eq!(done.news(), []);
    assert_eq!(stage.state(1), FileState::Offered);
    assert_eq!(stage.is_told(&ali(), Outcome::Withdrawn).news(), [FileNews::Withdrawn]);
}

#[test]
fn files_that_are_over_are_remembered_up_to_a_number_the_oldest_go_first() {
    let mut stage = Stage::asking();
    for number in 1..=REMEMBERED + 1 {
        stage.is_offered(number, 9);
        stage.wishes(u64::try_from(number).unwrap(), FileWish::Refuse);
    }
    assert_eq!(stage.files.all.len(), REMEMBERED + 1, "the last was not over yet when it came");
    let added = stage.is_offered(999, 9);
    assert!(!stage.files.all.contains_key(&1) && stage.files.all.contains_key(&2));
    let deleted = |write: &Write| matches!(write, Write::Delete { .. });
    let Some(Effect::Persist(writes)) = added.effects.first() else { panic!("{:?}", added.effects) };
    assert_eq!(writes.iter().filter(|write| deleted(write)).count(), 1);
}

#[test]
fn a_number_that_no_file_has_is_told_so() {
    let done = Stage::asking().accepts(7);
    assert_eq!(done.effects, [Effect::Notify(Notice::File(FileNotice::Unknown { number: 7 }))]);
}

#[test]
fn what_a_kill_has_left_of_a_file_that_is_over_goes_when_the_program_begins() {
    for wish in [FileWish::Refuse, FileWish::Cancel] {
        let mut stage = Stage::asking();
        stage.is_offered(1, 9);
        stage.offers("plans.pdf");
        stage.wishes(1, wish);
        stage.wishes(2, FileWish::Cancel);
        let begun = stage.does(|files, cx| {
            files.handle_beginning(cx);
            Vec::new()
        });
        let thrown: Vec<u64> = begun
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::StopFile { number, came: Some(_) } => Some(*number),
                _ => None,
            })
            .collect();
        assert_eq!(thrown, [1], "what is ours is not thrown away");
    }
}

/// The directory says that it has dropped a letter of bianca's to ali.
fn is_dropped(stage: &mut Stage, id: MessageId) -> Done {
    let dropped = WithdrawnMessage { report: 1, id, room: RoomId([9; 16]), user: ali(), reason: Withdrawal::Expired };
    stage.does(|files, cx| {
        files.handle_withdrawn(cx, &Conversation::User(ali()), &dropped);
        Vec::new()
    })
}

#[test]
fn an_offer_that_the_directory_has_dropped_has_failed_unless_it_was_answered() {
    let mut stage = Stage::asking();
    stage.offers("plans.pdf");
    stage.offers("more.pdf");
    let ids = [1, 2].map(|number| stage.files.all[&number].file);
    let failed = FileNews::Failed(FileFailed::NotDelivered(Undelivered::Dropped(Withdrawal::Expired)));
    let done = is_dropped(&mut stage, ids[0]);
    assert_eq!((done.news(), done.writes(), stage.state(1)), (vec![failed], 1, FileState::Failed));
    assert_eq!(is_dropped(&mut stage, ids[0]).news(), [], "it is told once");
    assert_eq!(stage.is_asked(&ali(), ids[1]), Ok(2));
    assert_eq!(is_dropped(&mut stage, ids[1]).news(), [], "another terminal of ali's has had it");
    stage.is_offered(3, 9);
    assert_eq!(is_dropped(&mut stage, id(3)).news(), [], "that was not ours");
}

#[test]
fn what_was_offered_to_nobody_has_failed_and_what_cannot_leave_yet_is_not_called_offered() {
    let mut stage = Stage::asking();
    stage.cx.session = Session::Down;
    assert_eq!(stage.offers("plans.pdf").news(), [FileNews::OfferWaits]);
    let carol = Example::Carol.user().unwrap();
    let nobody = |stage: &mut Stage, user: &UserId| {
        stage.does(|files, cx| {
            files.handle_no_such_user(cx, user, Some(&carol));
            Vec::new()
        })
    };
    assert_eq!(nobody(&mut stage, &carol).news(), [], "that was ali's");
    let why = Undelivered::NoSuchUser { near: Some(carol.clone()) };
    let done = nobody(&mut stage, &ali());
    assert_eq!(done.news(), [FileNews::Failed(FileFailed::NotDelivered(why))]);
    assert_eq!((done.writes(), stage.state(1)), (1, FileState::Failed));
}

#[test]
fn a_rule_of_a_terminal_is_not_told_as_the_will_of_its_user() {
    let mut stage = Stage::asking();
    assert_eq!(stage.is_offered(1, 101).rules(), [FileRefusal::Size]);
    for number in 0..OFFERS_OPEN {
        stage.is_offered(2 + number, 9);
    }
    assert_eq!(stage.is_offered(99, 9).rules(), [FileRefusal::Many]);
    for why in [FileFailed::Digest, FileFailed::Folder { detail: "what came is no folder".into() }] {
        let mut stage = Stage::asking();
        stage.is_offered(1, 9);
        stage.accepts(1);
        stage.finds(1, true);
        assert_eq!(stage.ends(1, TransferOutcome::Failed(why)).rules(), [FileRefusal::Spoilt]);
    }
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    assert_eq!(stage.wishes(1, FileWish::Refuse).rules(), [], "that is bianca's will");
    assert_eq!(Stage::new(AcceptFiles::Never, 100).is_offered(1, 9).rules(), [], "and so is that");

    stage.offers("plans.pdf");
    let file = stage.files.all[&2].file;
    let told = Told { file, outcome: Outcome::Refused, changed: false, reason: Some(FileRefusal::Size) };
    let refused = stage.does(|files, cx| {
        files.handle_outcome(cx, &ali(), &ali(), told);
        Vec::new()
    });
    assert_eq!(refused.news(), [FileNews::NotTaken(FileRefusal::Size)]);
}

#[test]
fn what_was_decided_is_said_again_to_a_directory_that_has_gone_back() {
    let mut stage = Stage::asking();
    for number in 1..=4 {
        stage.is_offered(number, 9);
    }
    stage.is_offered(5, 101);
    stage.wishes(1, FileWish::Refuse);
    stage.wishes(2, FileWish::Cancel);
    stage.wishes(3, FileWish::Accept { folder: None });
    stage.offers("plans.pdf");
    stage.wishes(6, FileWish::Cancel);
    stage.offers("plans.pdf");
    let said = stage.does(|files, cx| files.handle_restored(cx));
    assert_eq!(said.said(), [Outcome::Refused, Outcome::Refused, Outcome::Refused, Outcome::Withdrawn]);
    assert_eq!((said.writes(), said.news()), (0, vec![]));
}
