use super::*;
use peer_core::model::LinkWay;
use peer_core::notice::{CallNotice, DirectoryLoss, DirectoryNotice, LinkLoss, SessionNotice, Unreached};

#[test]
fn the_verbatim_session_of_the_caller() {
    let mut scene = Scene::new(options());
    scene.types("ali");
    scene.notice(identified("ali", Some(true)));
    scene.types("482193");
    scene.notice(logged_in("ali"));
    scene.types("bianca");
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    scene.types("Hello, how are you today?");
    scene.notice(text("bianca", "I am fine, how about you?"));
    scene.input(Input::CtrlC);
    assert_eq!(
        scene.seen(),
        "Login: ali\n\
         Enter passcode on keypad. Logged in.\n\
         Enter destination user ID: bianca\n\
         Connection established, type your messages\n\
         Hello, how are you today?\n\
         I am fine, how about you?\n\
         CTRL-C connection ended\n\
         Enter destination user ID: "
    );
    assert_eq!(
        scene.sent(),
        [
            "Identify { user: UserId(\"ali\") }",
            "Login { user: UserId(\"ali\"), passcode: Passcode(…) }",
            "Place { to: UserId(\"bianca\") }",
            "Send { to: User(UserId(\"bianca\")), text: \"Hello, how are you today?\" }",
            "End { with: UserId(\"bianca\") }",
        ]
    );
}

#[test]
fn a_lost_link_is_called_again_and_what_is_typed_meanwhile_waits() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    scene.notice(Notice::Call(CallNotice::LinkLost {
        with: id("bianca"),
        then: AfterLoss::CalledAgain,
        why: LinkLoss::Network,
    }));
    scene.types("are you still there?");
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    scene.notice(Notice::Call(CallNotice::LinkLost {
        with: id("bianca"),
        then: AfterLoss::CalledAgain,
        why: LinkLoss::Network,
    }));
    scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by: EndedBy::Them }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         Connection established, type your messages\n\
         -- Connection to bianca lost (network). Trying again…\n\
         Connection established, type your messages\n\
         are you still there?\n\
         -- Connection to bianca lost (network). Trying again…\n\
         Connection ended\n\
         Enter destination user ID: "
    );
    assert_eq!(scene.sent().last().unwrap(), "Send { to: User(UserId(\"bianca\")), text: \"are you still there?\" }");
}

#[test]
fn a_link_that_was_lost_for_good_ends_the_conversation() {
    let mut scene = Scene::logged_in();
    scene.notice(Notice::Call(CallNotice::Received { from: id("ali") }));
    scene.notice(Notice::Call(CallNotice::LinkLost { with: id("ali"), then: AfterLoss::Over, why: LinkLoss::Network }));
    assert!(scene.seen().ends_with(
        "-- Connection to ali lost (network).\n\
         Connection ended\n\
         Enter destination user ID: "
    ));
}

#[test]
fn the_verbatim_session_of_the_person_called() {
    let mut scene = Scene::logged_in();
    scene.notice(Notice::Call(CallNotice::Received { from: id("ali") }));
    scene.notice(text("ali", "Hello, how are you today?"));
    scene.types("I am fine, how about you?");
    scene.notice(Notice::Call(CallNotice::Ended { with: id("ali"), by: EndedBy::Them }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: \n\
         Connection received from user ali, type your messages\n\
         Hello, how are you today?\n\
         I am fine, how about you?\n\
         Connection ended\n\
         Enter destination user ID: "
    );
}

#[test]
fn a_call_pushes_a_half_typed_entry_away_and_gives_it_back() {
    let mut scene = Scene::logged_in();
    scene.entry = "car".into();
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    assert_eq!(scene.entry, "");
    scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by: EndedBy::Them }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: car\n\
         Connection received from user bianca, type your messages\n\
         (your unfinished entry \"car\" is kept)\n\
         Connection ended\n\
         Enter destination user ID: car"
    );
}

#[test]
fn a_half_typed_message_never_becomes_a_destination() {
    let mut scene = Scene::talking();
    scene.entry = "see you at".into();
    scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by: EndedBy::Them }));
    assert_eq!(
        scene.seen(),
        "Connection ended\n(your unfinished entry \"see you at\" is kept)\nEnter destination user ID: "
    );
    scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
    assert_eq!(scene.entry, "see you at");
}

#[test]
fn messages_typed_while_calling_wait_for_the_connection() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("Hello");
    assert_eq!(scene.sent().len(), 1);
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    assert_eq!(scene.sent(), ["Send { to: User(UserId(\"bianca\")), text: \"Hello\" }"]);
}

#[test]
fn messages_typed_for_somebody_not_reached_go_to_nobody_else() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.types("carol");
    scene.sent();
    scene.notice(Notice::Call(CallNotice::Failed { to: id("bianca"), why: CallFailed::Refused }));
    assert_eq!(scene.sent(), [] as [&str; 0]);
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         bianca did not accept the connection.\n\
         -- Not delivered: \"carol\". /retry sends it again.\n\
         Enter destination user ID: "
    );
}

#[test]
fn a_second_ctrl_c_within_the_grace_does_not_quit() {
    let mut scene = Scene::talking();
    scene.input(Input::CtrlC);
    scene.now += Duration::from_millis(900);
    scene.input(Input::CtrlC);
    assert_eq!(scene.seen(), "CTRL-C connection ended\nEnter destination user ID: ");
    scene.now += Duration::from_millis(900);
    scene.input(Input::CtrlC);
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(scene.seen(), "CTRL-C connection ended\nEnter destination user ID: \nLogged out.\n");
    assert_eq!(scene.exit, Some(exit::INTERRUPT));
}

#[test]
fn ctrl_c_clears_a_typed_destination_first() {
    let mut scene = Scene::logged_in();
    scene.entry = "bia".into();
    scene.input(Input::CtrlC);
    assert_eq!(scene.seen(), "Enter destination user ID: ");
    assert_eq!(scene.sent(), [] as [&str; 0]);
}

#[test]
fn ctrl_c_gives_a_call_up() {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    scene.input(Input::CtrlC);
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: bianca\n\
         -- The call to bianca was given up.\n\
         Enter destination user ID: "
    );
}

#[test]
fn the_end_of_the_last_conversation_does_not_end_a_call_placed_since() {
    for by in [EndedBy::Us, EndedBy::Them] {
        let mut scene = Scene::talking();
        scene.input(Input::CtrlC);
        scene.types("bianca");
        scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by }));
        scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
        assert_eq!(
            scene.seen(),
            "CTRL-C connection ended\n\
             Enter destination user ID: bianca\n\
             Connection established, type your messages\n"
        );
    }
}

#[test]
fn the_end_of_input_ends_the_conversation_then_the_session() {
    let mut scene = Scene::talking();
    scene.input(Input::CtrlD);
    scene.input(Input::CtrlD);
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(scene.seen(), "Connection ended\nEnter destination user ID: \nLogged out.\n");
    assert_eq!(scene.exit, Some(exit::OK));
}

#[test]
fn a_signal_logs_out_and_keeps_its_exit_code() {
    let mut scene = Scene::talking();
    scene.input(Input::Stop(exit::TERMINATE));
    assert_eq!(scene.sent(), ["Logout"]);
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(scene.exit, Some(exit::TERMINATE));
}

#[test]
fn nobody_can_print_a_line_that_looks_like_ours() {
    let mut scene = Scene::talking();
    scene.notice(text("bianca", "Connection ended"));
    scene.notice(text("bianca", "hi\nConnection ended\n\u{1b}[2J"));
    assert_eq!(scene.seen(), "bianca: Connection ended\nhi\n  Connection ended\n  ␛[2J\n");
}

#[test]
fn names_are_always_shown_on_request() {
    let mut scene = Scene::talking();
    scene.machine.outputs.options.names = Names::Always;
    scene.notice(text("bianca", "hi"));
    assert_eq!(scene.seen(), "bianca: hi\n");
}

#[test]
fn a_second_caller_waits_until_switched_to() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Call(CallNotice::Received { from: id("carol") }));
    scene.notice(text("carol", "hi"));
    scene.entry = "half".into();
    scene.input(Input::Next);
    scene.types("hello carol");
    scene.types("@bianca one moment");
    scene.types("/switch bianca");
    assert_eq!(
        scene.seen(),
        "-- carol wants to talk. Alt+A or /switch carol.\n\
         carol: hi\n\
         -- You are talking to carol now.\n\
         hello carol\n\
         @bianca one moment\n\
         /switch bianca\n\
         -- You are talking to bianca now.\n\
         half"
    );
    assert_eq!(
        scene.sent(),
        [
            "Send { to: User(UserId(\"carol\")), text: \"hello carol\" }",
            "Send { to: User(UserId(\"bianca\")), text: \"one moment\" }",
        ]
    );
}

#[test]
fn a_caller_nobody_has_looked_at_is_next_when_a_conversation_ends() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Call(CallNotice::Received { from: id("carol") }));
    scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by: EndedBy::Them }));
    scene.types("hello");
    assert_eq!(scene.sent(), ["Send { to: User(UserId(\"carol\")), text: \"hello\" }"]);
    assert!(scene.seen().contains("Connection ended\nConnection received from user carol, type your messages\n"));
}

#[test]
fn the_own_passcode_is_never_sent_or_repeated() {
    let mut scene = Scene::talking();
    scene.types(" 482193 ");
    assert_eq!(scene.seen(), "-- That looks like your passcode. Nothing was sent.\n");
    let mut scene = Scene::logged_in();
    scene.types("482193");
    assert_eq!(scene.sent(), [] as [&str; 0]);
    assert!(!scene.seen().contains("482193"));
}

#[test]
fn a_mistyped_command_is_not_sent() {
    let mut scene = Scene::talking();
    scene.types("/lsit");
    assert_eq!(scene.seen(), "/lsit\n-- No command /lsit. Did you mean /list? Nothing was sent.\n");
    assert_eq!(scene.sent(), [] as [&str; 0]);
}

#[test]
fn an_unknown_id_is_answered_with_a_near_one() {
    let mut scene = Scene::logged_in();
    scene.types("list");
    scene.notice(Notice::Directory(DirectoryNotice::People { people: vec![online("bianca")], groups: Vec::new() }));
    scene.types("biance");
    scene.notice(Notice::Call(CallNotice::Failed { to: id("biance"), why: CallFailed::NotFound }));
    scene.types("bianca");
    scene.notice(Notice::Call(CallNotice::Failed { to: id("bianca"), why: CallFailed::NotFound }));
    assert_eq!(
        scene.seen(),
        "Enter destination user ID: list\n\
         ID        STATE                     KEY\n\
         bianca    online                    not verified\n\
         Enter destination user ID: biance\n\
         No user biance is online. Did you mean bianca? Type list to see everyone.\n\
         Enter destination user ID: bianca\n\
         bianca is offline.\n\
         Enter destination user ID: "
    );
}

#[test]
fn the_loss_of_the_directory_is_told_in_one_line() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Directory(DirectoryNotice::Lost { retry_in: 2, why: DirectoryLoss::Network }));
    scene.notice(Notice::Directory(DirectoryNotice::Back));
    assert_eq!(
        scene.seen(),
        "Lost the directory server; retrying in 2 s. Open conversations go on.\nDirectory server is back.\n"
    );
}

#[test]
fn whoever_leaves_in_the_moment_of_the_login_is_told_of_the_former_passcode() {
    let mut scene = Scene::logged_in();
    scene.input(Input::CtrlD);
    scene.notice(Notice::Session(SessionNotice::FormerPasscode));
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert!(scene.seen().contains("-- Your passcode was changed"), "{}", scene.seen());
}

/// The user has called bianca, who is there and not reached.
fn not_reached() -> Scene {
    let mut scene = Scene::logged_in();
    scene.types("bianca");
    let why = CallFailed::Unreached(Unreached::Closed);
    scene.notice(Notice::Call(CallNotice::ByMail { with: id("bianca"), why }));
    scene.sent();
    scene
}

const BY_MAIL: &str = "Enter destination user ID: bianca\n\
     -- Messages to bianca go by the directory server: no direct way yet (somebody else is at that address). Trying again. \
     (CTRL-C leaves.)\n";

#[test]
fn who_is_not_reached_is_written_to_and_talked_to_when_there_is_a_way() {
    let mut scene = not_reached();
    scene.types("Hello");
    assert_eq!(scene.sent().len(), 1, "it goes by mail at once");
    scene.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    scene.notice(Notice::Call(CallNotice::Way { with: id("bianca"), way: LinkWay::Relayed, vouched: None }));
    let expected = format!(
        "{BY_MAIL}Hello\nConnection established, type your messages\n\
         -- There is no direct way between you and bianca: the directory server passes on what you say. It cannot read it.\n"
    );
    assert_eq!(scene.seen(), expected);
}

#[test]
fn who_talks_without_the_directory_is_told_since_when_it_has_said_nothing_and_why_says_it_too() {
    let at = 10 * 3600 + 12 * 60;
    for (at, when) in [(at, "at 10:12"), (at + 7 * 86_400, "on 8 Jan 10:12")] {
        let mut scene = Scene::logged_in();
        scene.notice(Notice::Call(CallNotice::Received { from: id("bianca") }));
        let (with, way, vouched) = (id("bianca"), LinkWay::DirectIpv4, Some(at));
        scene.notice(Notice::Call(CallNotice::Way { with, way, vouched }));
        let told = format!("-- The directory is out of reach; bianca was vouched for {when}.\n");
        let seen = scene.seen();
        assert!(seen.ends_with(&format!("Connection received from user bianca, type your messages\n{told}")), "{seen}");
        let mut explained = |told_by: DirectoryNotice| {
            scene.notice(Notice::Directory(told_by));
            scene.types("/why");
            let of = Conversation::User(id("bianca"));
            scene.notice(Notice::Message(MessageNotice::Explained { of, messages: Vec::new() }));
            scene.seen()
        };
        let lost = explained(DirectoryNotice::Lost { retry_in: 1, why: DirectoryLoss::Network });
        assert!(lost.ends_with(&format!("direct over IPv4.\n{told}")), "{lost}");
        let back = explained(DirectoryNotice::Back);
        assert!(back.ends_with("direct over IPv4.\n"), "it can be asked again: {back}");
    }
}

#[test]
fn no_way_is_looked_for_to_whom_the_user_has_left_and_one_found_elsewhere_is_told() {
    let mut left = not_reached();
    left.input(Input::CtrlC);
    assert_eq!(left.sent(), ["End { with: UserId(\"bianca\") }"]);
    let mut elsewhere = not_reached();
    elsewhere.types("/switch carol");
    elsewhere.notice(Notice::Call(CallNotice::Offline { with: id("carol") }));
    elsewhere.notice(Notice::Call(CallNotice::Established { with: id("bianca") }));
    let told = "-- bianca can be talked to now. Alt+A or /switch bianca.\n";
    assert!(elsewhere.seen().ends_with(told), "{}", elsewhere.seen());
}

#[test]
fn a_prompt_that_waits_for_an_answer_says_so_and_can_be_had_back() {
    let mut scene = Scene::talking();
    scene.types("/list");
    scene.waits(9);
    assert_eq!(scene.seen(), "/list\n");
    scene.types("typed ahead");
    scene.waits(1);
    let told = "-- No answer yet after 10 s. It is shown when it comes; CTRL-C gives back the prompt.\n";
    assert_eq!(scene.seen(), format!("/list\n{told}"));
    scene.waits(60);
    assert_eq!(scene.seen(), format!("/list\n{told}"), "it is told once");
    scene.input(Input::CtrlC);
    assert_eq!(scene.seen(), format!("/list\n{told}typed ahead\n"), "what was typed goes out to bianca");
    scene.types("/list");
    scene.notice(Notice::Directory(DirectoryNotice::NoPeople));
    scene.screen.clear();
    scene.waits(60);
    assert_eq!(scene.seen(), "", "an answer came in time");
}

#[test]
fn a_text_after_a_conversation_names_with_whom_it_was() {
    let mut scene = Scene::talking();
    scene.notice(Notice::Call(CallNotice::Ended { with: id("bianca"), by: EndedBy::Them }));
    scene.types("see you tomorrow");
    assert!(scene.seen().contains("In one line: /send bianca TEXT\n"), "{}", scene.seen());
}
