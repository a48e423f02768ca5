use super::*;
use peer_core::command::CallCommand;
use peer_core::notice::{CallNotice, ContactNotice, DirectoryLoss, DirectoryNotice, KeyChange, SessionNotice};

#[test]
fn the_safety_number_is_confirmed_by_a_whole_word_typed_after_it_was_seen() {
    let mut scene = Scene::talking();
    scene.types("/verify");
    scene.types("yes");
    let digits = ["12345"; 12].join(" ");
    scene.entry = "yes".into();
    scene.notice(Notice::Contact(ContactNotice::SafetyNumber { with: id("bianca"), digits, verified: false }));
    scene.types("");
    scene.types("yes");
    scene.notice(Notice::Contact(ContactNotice::NumberConfirmed { with: id("bianca"), verified: true }));
    let row = "   12345 12345 12345 12345\n";
    assert_eq!(
        scene.seen(),
        format!(
            "/verify\n-- Your number with bianca; bianca sees the same with /verify:\n{row}{row}{row}(QR)\n\
             Do the numbers match? Type yes or no: \n\
             Do the numbers match? Type yes or no: yes\n\
             -- bianca is verified.\nyes"
        )
    );
    let confirmations = scene.sent().iter().filter(|sent| sent.starts_with("ConfirmNumber")).count();
    assert_eq!(confirmations, 1);
}

#[test]
fn a_changed_key_stops_everything_until_decided() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("Hello");
    let (old, new) = (["11111"; 12].join(" "), ["22222"; 12].join(" "));
    scene.notice(Notice::Contact(ContactNotice::KeyChanged {
        of: id("bianca"),
        how: KeyChange::Unconfirmed,
        since: 1_793_664_000,
        old: old.clone(),
        new: new.clone(),
    }));
    scene.types("a");
    scene.types("accept");
    scene.notice(Notice::Contact(ContactNotice::KeyDecided { of: id("bianca"), decision: KeyDecision::Accept }));
    assert_eq!(
        scene.seen(),
        format!(
            "Enter destination user ID: bianca\n\
             -- Not delivered: \"Hello\". /retry sends it again.\n\
             WARNING: the key of bianca has changed since 3 Nov. Nothing is sent until you choose.\n\
             Old {old}\nNew {new}\n\
             verify  compare it with bianca\n\
             accept  use it, unverified\n\
             block   end and block bianca\n\
             Type verify, accept or block: a\n\
             Type verify, accept or block: accept\n\
             -- The new key of bianca is used from now on, not verified. /verify bianca compares it.\n"
        )
    );
    let calls = scene.sent().iter().filter(|sent| sent.starts_with("Place")).count();
    assert_eq!(calls, 2, "the call that raised the question is made after all");
}

#[test]
fn a_key_that_the_former_one_confirmed_is_asked_about_once_and_without_alarm() {
    let mut scene = Scene::logged_in();
    let changed = |how| {
        Notice::Contact(ContactNotice::KeyChanged { of: id("bianca"), how, since: 0, old: "1".into(), new: "2".into() })
    };
    scene.notice(changed(KeyChange::Confirmed));
    let question = "Old 1\nNew 2\n\
         verify  compare it with bianca\n\
         accept  use it, unverified\n\
         block   end and block bianca\n\
         Type verify, accept or block: ";
    let confirmed = "-- bianca has a new key, confirmed by the former one. It is not verified, and what waits for bianca is \
         sent when you accept it.\n";
    assert_eq!(scene.seen(), format!("Enter destination user ID: \n{confirmed}{question}"));
    scene.notice(changed(KeyChange::Confirmed));
    assert_eq!(scene.seen().matches("has a new key").count(), 1, "it is being asked");
    // What is known of the same two keys now is another thing: it is asked behind this question.
    scene.notice(changed(KeyChange::Forked));
    assert!(scene.seen().contains("WARNING: two keys claim to follow the former one of bianca."), "{}", scene.seen());
}

#[test]
fn a_key_that_changes_during_a_conversation_is_decided_afterwards() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Contact(ContactNotice::KeyChanged {
        of: id("carol"),
        how: KeyChange::Unconfirmed,
        since: 0,
        old: "1".into(),
        new: "2".into(),
    }));
    scene.types("still talking");
    assert_eq!(scene.sent().len(), 1);
    scene.input(Input::CtrlC);
    assert!(scene.seen().ends_with("block   end and block carol\nType verify, accept or block: "), "{}", scene.seen());
    scene.now += Duration::from_secs(2);
    scene.input(Input::CtrlC);
    assert!(
        scene.seen().ends_with(
            "-- Nothing is sent to carol. You are asked again at the next call.\nEnter destination user ID: "
        )
    );
}

#[test]
fn a_call_that_must_be_accepted_pushes_the_prompt_away() {
    let mut scene = Scene::logged_in();
    scene.entry = "car".into();
    scene.notice(Notice::Call(CallNotice::Asked { from: id("bianca") }));
    scene.types("");
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: car\n\
         (your unfinished entry \"car\" is kept)\n\
         Connection request from user bianca. Accept? [Y/n] \n\
         Connection received from user bianca, type your messages\n"
    );
    assert_eq!(scene.sent(), [format!("{:?}", CallCommand::Answer { from: id("bianca"), answer: Answer::Yes })]);
}

#[test]
fn a_caller_who_gives_up_gives_the_prompt_back() {
    let mut scene = Scene::logged_in();
    scene.entry = "car".into();
    scene.notice(Notice::Call(CallNotice::Asked { from: id("bianca") }));
    scene.notice(Notice::Call(CallNotice::AskedNoMore { from: id("bianca") }));
    assert!(scene.seen().ends_with("-- bianca gave up calling.\nEnter destination user ID: car"), "{}", scene.seen());
}

#[test]
fn the_passcode_is_changed_by_who_knows_it_and_never_shown() {
    let mut scene = Scene::logged_in();
    scene.types("/passwd");
    scene.types("111111");
    assert_eq!(scene.sent(), ["ProvePasscode { current: Passcode(…) }"], "a wrong one is counted");
    let wrong = NotChanged::Wrong { tries_left: Some(3) };
    scene.notice(Notice::Session(SessionNotice::PasscodeNotChanged(wrong)));
    scene.types("/passwd");
    for typed in ["482193", "123", "739164", "739165", "739164", "739164"] {
        scene.types(typed);
    }
    scene.types("typed ahead");
    assert_eq!(scene.sent(), ["ChangePasscode { current: Passcode(…), to: Passcode(…) }"]);
    scene.notice(Notice::Session(SessionNotice::PasscodeChanged));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: /passwd\n\
         Enter the passcode you have now: \n\
         -- That is not your passcode. Nothing was changed; /passwd tries again. 3 tries left.\n\
         Enter destination user ID: /passwd\n\
         Enter the passcode you have now: \n\
         New passcode, 6 digits or more: \n\
         -- Too short: 6 digits or more. Nothing was sent.\n\
         New passcode, 6 digits or more: \n\
         Same passcode again: \n\
         -- The two are not the same. Nothing was sent; once more.\n\
         New passcode, 6 digits or more: \n\
         Same passcode again: \n\
         -- Passcode changed. The old one opens nothing here after your next login; terminals older than this one take it \
         for 7 days.\n\
         Enter destination user ID: typed ahead\n\
         -- Type whom to talk to first, the ID alone, then your messages. In one line: /send ID TEXT\n\
         Enter destination user ID: "
    );
    scene.types("send bianca 739164");
    assert!(scene.seen().contains("That looks like your passcode"), "the new one is guarded too");
}

#[test]
fn a_change_that_did_not_come_about_is_explained() {
    let mut scene = Scene::logged_in();
    for typed in ["/passwd", "482193", "739164", "739164"] {
        scene.types(typed);
    }
    scene.notice(Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::Unsure)));
    assert!(scene.seen().contains("try the new passcode first, then the old one"), "{}", scene.seen());
    scene.types("/passwd");
    scene.types("482193");
    assert!(scene.seen().ends_with("New passcode, 6 digits or more: "), "the old one counts: {}", scene.seen());
    scene.input(Input::CtrlC);
    assert!(scene.seen().ends_with("Enter destination user ID: "), "{}", scene.seen());
}

#[test]
fn nobody_types_passcodes_for_a_directory_that_is_out_of_reach() {
    let mut scene = Scene::logged_in();
    scene.notice(Notice::Directory(DirectoryNotice::Lost { retry_in: 2, why: DirectoryLoss::Network }));
    for command in ["/passwd", "/passwd --new-key"] {
        scene.types(command);
        let end = "-- Not changed: the directory server cannot be reached. /passwd again when it is back.\n\
                   Enter destination user ID: ";
        assert!(scene.seen().ends_with(end), "{}", scene.seen());
    }
    assert!(scene.sent().is_empty());
    scene.notice(Notice::Directory(DirectoryNotice::Back));
    scene.types("/passwd");
    assert!(scene.seen().ends_with("Enter the passcode you have now: "), "{}", scene.seen());
}
