//! What is fetched, given, tried again.

use common::crypto::successor::Verified;

use super::stage::*;

#[test]
fn a_lost_transfer_is_tried_again_later_and_later_and_told_once() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let mut told = 0;
    let mut pause = FIRST_RETRY;
    for _ in 0..8 {
        assert!(stage.finds(1, true).fetches());
        let stopped = stage.ends(1, TransferOutcome::Stopped);
        assert!(!stopped.looks_up(), "not at once");
        told += stopped.news().len();
        assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + pause));
        stage.cx.now.tick += pause - 1;
        assert!(!stage.ticks().looks_up());
        stage.cx.now.tick += 1;
        assert!(stage.ticks().looks_up());
        pause = (pause * 2).min(LAST_RETRY);
    }
    assert_eq!((told, pause), (1, LAST_RETRY));
    stage.finds(1, true);
    stage.progresses(1, 5);
    assert_eq!(stage.ends(1, TransferOutcome::Stopped).news(), [FileNews::Stopped { done: 5 }]);
    assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + FIRST_RETRY));
}

#[test]
fn a_sender_who_is_not_there_is_looked_for_again_and_at_once_when_it_comes() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    assert!(!stage.finds(1, false).fetches());
    assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + FIRST_RETRY));
    let offline = PresenceInfo { status: PresenceStatus::Offline, text: None };
    stage.cx.presence.insert(ali(), offline);
    assert!(!stage.does(|files, cx| files.handle_presence(cx, Some(&ali()))).looks_up());
    stage.cx.presence.insert(ali(), PresenceInfo { status: PresenceStatus::Online, text: None });
    let carol = Example::Carol.user().unwrap();
    assert!(!stage.does(|files, cx| files.handle_presence(cx, Some(&carol))).looks_up());
    assert!(stage.does(|files, cx| files.handle_presence(cx, Some(&ali()))).looks_up());
}

#[test]
fn a_file_of_somebody_with_a_new_key_waits_until_the_user_agrees() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let key = |example| fixtures::identity(example).key;
    stage.cx.contacts.pin(&ali(), &key(Example::Carol), 0, false);
    let told = Verified { former: key(Example::Carol).digest(), key: key(Example::Ali), certificates: Vec::new() };
    stage.cx.contacts.succeed(&ali(), &[told], 1).unwrap();
    assert!(!stage.finds(1, true).fetches());
    assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + FIRST_RETRY), "it is tried again");
    stage.cx.contacts.agree(&ali()).unwrap();
    stage.cx.now.tick += FIRST_RETRY;
    assert!(stage.ticks().looks_up());
    assert!(stage.finds(1, true).fetches());
}

#[test]
fn nothing_is_looked_up_without_a_session_and_what_was_is_looked_up_again_in_the_next() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.cx.session = Session::Down;
    assert!(!stage.accepts(1).looks_up());
    stage.cx.session = Session::CaughtUp;
    assert!(stage.does(|files, cx| files.handle_presence(cx, None)).looks_up());
    assert!(!stage.does(|files, cx| files.handle_presence(cx, None)).looks_up(), "it is being looked up");
    stage.files.handle_session_lost();
    assert!(stage.does(|files, cx| files.handle_presence(cx, None)).looks_up());
}

/// Offers 1 to 4 are ali's, 5 and 6 carol's.
fn offered_by_two() -> Stage {
    let mut stage = Stage::asking();
    for number in 1..=6 {
        stage.is_offered(number, 9);
    }
    for number in 5..=6 {
        stage.files.all.get_mut(&number).unwrap().with = carol();
    }
    stage
}

#[test]
fn few_files_are_fetched_at_once_and_the_next_follows() {
    let mut stage = offered_by_two();
    let accepted: Vec<bool> = [1, 2, 3, 5, 6].map(|number| stage.accepts(number).looks_up()).into();
    assert_eq!(accepted, [true, true, true, true, false], "four at once");
    stage.finds(1, true);
    let ended = stage.ends(1, TransferOutcome::Saved { path: "/plans.pdf".into() });
    assert!(ended.looks_up());
    assert_eq!((ended.said(), stage.state(1)), (vec![Outcome::Received], FileState::Done));
}

#[test]
fn whoever_gives_files_byte_by_byte_leaves_a_place_for_somebody_elses() {
    let mut stage = offered_by_two();
    let accepted: Vec<bool> = [1, 2, 3, 4, 5].map(|number| stage.accepts(number).looks_up()).into();
    assert_eq!(accepted, [true, true, true, false, true], "three of one user");
    stage.finds(1, true);
    assert!(stage.ends(1, TransferOutcome::Saved { path: "/plans.pdf".into() }).looks_up(), "then the fourth");
}

#[test]
fn few_files_are_given_at_once_and_one_that_is_given_may_be_asked_for_again() {
    let mut stage = Stage::asking();
    for number in 1..=10 {
        stage.offers(&format!("plans of day {number}.pdf"));
        let known = stage.files.all.get_mut(&number).unwrap();
        known.state = FileState::Accepted;
        if number > 5 {
            known.with = carol();
        }
    }
    let files: Vec<MessageId> = stage.files.all.values().map(|known| known.file).collect();
    let (alis, carols) = files.split_at(5);
    for (user, theirs) in [(ali(), alis), (carol(), carols)] {
        for file in &theirs[..GIVEN_TO_ONE] {
            assert!(stage.is_asked(&user, *file).is_ok(), "whoever takes them byte by byte keeps nobody else's");
        }
        assert_eq!(stage.is_asked(&user, theirs[GIVEN_TO_ONE]), Err(ConnectStatus::Refused));
    }
    assert_eq!(stage.files.running.len(), GIVEN_AT_ONCE);
    assert_eq!(stage.is_asked(&ali(), alis[0]), Ok(1));
    stage.ends(1, TransferOutcome::Sent);
    assert!(stage.is_asked(&ali(), alis[GIVEN_TO_ONE]).is_ok());
}

#[test]
fn a_full_disk_pauses_until_the_user_says_so() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    stage.finds(1, true);
    let full = TransferOutcome::DiskFull { need: 9, free: 1, folder: "/".into() };
    assert!(matches!(stage.ends(1, full).news().as_slice(), [FileNews::DiskFull { .. }]));
    assert_eq!(stage.files.next_deadline(), None);
    assert!(!stage.does(|files, cx| files.handle_presence(cx, None)).looks_up());
    assert!(stage.wishes(1, FileWish::Resume).looks_up());
}

#[test]
fn a_folder_that_cannot_be_written_pauses_until_the_user_names_another() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.wishes(1, FileWish::Accept { folder: Some("/proc".into()) });
    stage.finds(1, true);
    let detail = "permission denied".to_owned();
    let ended = stage.ends(1, TransferOutcome::Failed(FileFailed::Disk { detail: detail.clone() }));
    assert_eq!(ended.news(), [FileNews::NotSaved { detail }]);
    assert_eq!(ended.said(), [], "the sender has refused nothing");
    assert!(stage.wishes(1, FileWish::Accept { folder: Some("/home".into()) }).looks_up());
}

#[test]
fn what_cannot_come_is_given_up_by_both_sides() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    stage.finds(1, true);
    let ended = stage.ends(1, TransferOutcome::Failed(FileFailed::Digest));
    assert_eq!((ended.said(), stage.state(1)), (vec![Outcome::Refused], FileState::Failed));
    stage.offers("plans.pdf");
    let ended = stage.ends(2, TransferOutcome::Failed(FileFailed::Changed));
    assert_eq!((ended.said(), stage.state(2)), (vec![Outcome::Withdrawn], FileState::Failed));
}

#[test]
fn a_file_is_given_only_to_whom_it_was_offered_and_while_the_offer_stands() {
    let mut stage = Stage::asking();
    stage.offers("plans.pdf");
    let file = stage.files.all[&1].file;
    let carol = Example::Carol.user().unwrap();
    assert_eq!(stage.is_asked(&carol, file), Err(ConnectStatus::Refused));
    assert_eq!(stage.is_asked(&ali(), id(77)), Err(ConnectStatus::Refused));
    assert_eq!(stage.is_asked(&ali(), file), Ok(1));
    let stopped = stage.wishes(1, FileWish::Cancel);
    assert!(stopped.effects.iter().any(|effect| matches!(effect, Effect::StopFile { number: 1, came: None })));
    assert_eq!(stopped.said(), [Outcome::Withdrawn]);
    assert_eq!(stage.is_asked(&ali(), file), Err(ConnectStatus::Refused));
}

#[test]
fn a_link_that_brings_nothing_new_is_no_reason_to_hurry() {
    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let mut told = 0;
    for pause in [2, 4, 8] {
        stage.cx.now.tick += 100;
        stage.ticks();
        stage.finds(1, true);
        // What was here before is told at the beginning of every attempt.
        stage.progresses(1, 5);
        told += stage.ends(1, TransferOutcome::Stopped).news().len();
        assert_eq!(stage.files.next_deadline(), Some(stage.cx.now.tick + pause));
    }
    assert_eq!(told, 1);
}

#[test]
fn progress_is_a_step_when_another_percent_is_full() {
    let mut stage = Stage::new(AcceptFiles::Ask, 1000);
    stage.is_offered(1, 1000);
    stage.accepts(1);
    stage.finds(1, true);
    for (done, is_step) in [(9, false), (10, true), (19, false), (20, true)] {
        assert_eq!(stage.progresses(1, done).news(), [FileNews::Progress { is_step }], "{done} bytes");
    }
}

#[test]
fn what_has_come_of_a_file_that_cannot_come_goes() {
    let no_folder = FileFailed::Folder { detail: "what came is no folder".into() };
    // Who has changed it knows, and must not read that it was not wanted.
    for (why, said) in [
        (FileFailed::Changed, vec![]),
        (FileFailed::Digest, vec![Outcome::Refused]),
        (no_folder, vec![Outcome::Refused]),
    ] {
        let mut stage = Stage::asking();
        stage.is_offered(1, 9);
        stage.accepts(1);
        stage.finds(1, true);
        let done = stage.ends(1, TransferOutcome::Failed(why.clone()));
        assert_eq!((done.news(), done.said()), (vec![FileNews::Failed(why)], said));
        assert!(done.effects.iter().any(|effect| matches!(effect, Effect::StopFile { number: 1, came: Some(_) })));
        assert_eq!(stage.state(1), FileState::Failed);
    }
}

#[test]
fn a_file_that_was_changed_fails_with_these_words_on_both_sides() {
    let mut stage = Stage::asking();
    stage.offers("plans.pdf");
    let done = stage.ends(1, TransferOutcome::Failed(FileFailed::Changed));
    assert_eq!(done.news(), [FileNews::Failed(FileFailed::Changed)]);
    let [Request::Delivery(DeliveryRequest::Send { letter, .. })] = &done.requests[..] else {
        panic!("nothing is said")
    };
    assert!(matches!(letter.body, Body::File { state: Outcome::Withdrawn, changed: true, .. }));

    let mut stage = Stage::asking();
    stage.is_offered(1, 9);
    stage.accepts(1);
    let told = Told { file: id(1), outcome: Outcome::Withdrawn, changed: true, reason: None };
    let done = stage.does(|files, cx| {
        files.handle_outcome(cx, &ali(), &ali(), told);
        Vec::new()
    });
    assert_eq!((done.news(), stage.state(1)), (vec![FileNews::Failed(FileFailed::Changed)], FileState::Failed));
    assert!(done.effects.iter().any(|effect| matches!(effect, Effect::StopFile { number: 1, came: Some(_) })));
}
