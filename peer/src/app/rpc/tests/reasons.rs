//! Why something does not come about, on its whole way to a program: the core's reason, its exit code, the rule it
//! names, its words. What a rule of a terminal forbids is never told as the will of the other user, and what failed as
//! what it is.

use super::*;
use crate::app::exit;
use peer_core::notice::{CallFailed, CalleeRule, DirectoryRefusal, NotChanged, NotSent, StoreUse, Unreached};

const REFUSALS: &[(DirectoryRefusal, i32, &str)] = &[
    (DirectoryRefusal::TooFast { retry_after: 7 }, exit::NOT_PERMITTED, "asks to wait 7 s"),
    (DirectoryRefusal::Unavailable, exit::SERVER_UNREACHABLE, "its disk is full or fails"),
    (DirectoryRefusal::TooOld, exit::VERSION, "older than this program"),
    (DirectoryRefusal::NotTaken, exit::SERVER_UNREACHABLE, "does not take what this program has said"),
    (DirectoryRefusal::Unsound, exit::SERVER_UNREACHABLE, "cannot be used"),
];

/// Every reason why a call comes to nothing, its exit code, the rule it names, and what its words say.
fn calls() -> Vec<(CallFailed, i32, Option<&'static str>, &'static str)> {
    use CallFailed::*;
    let detail = || "too many open files".to_owned();
    let rule = |rule, exit, word, text| (Rule(rule), exit, Some(word), text);
    let mut all = vec![
        (NotFound, exit::UNKNOWN_USER, None, "No user bianca is online"),
        (NoSuchUser { near: Some(id("bianka")) }, exit::UNKNOWN_USER, None, "Did you mean bianka?"),
        (Refused, exit::REFUSED, None, "did not accept"),
        rule(CalleeRule::Address, exit::NOT_PERMITTED, "address", "another address"),
        rule(CalleeRule::AddressFamily, exit::NOT_PERMITTED, "address_family", "IPv4, the other over IPv6"),
        rule(CalleeRule::Key, exit::KEY_CHANGED, "key", "has not decided about your new key yet"),
        rule(CalleeRule::NotLoggedIn, exit::NOT_PERMITTED, "not_logged_in", "does not show you as logged in"),
        rule(CalleeRule::Destination, exit::NOT_PERMITTED, "destination", "not whom you have called"),
        rule(CalleeRule::Busy, exit::NOT_PERMITTED, "busy", "too much to do"),
        rule(CalleeRule::Unanswered, exit::TIMEOUT, "unanswered", "has not answered"),
        rule(CalleeRule::Record, exit::NOT_PERMITTED, "record", "what it last said of you is too old"),
        rule(CalleeRule::Unknown, exit::VERSION, "unknown", "too old to know"),
        (Unavailable, exit::REFUSED, None, "cannot check who is calling"),
        (NoAnswer { seconds: 3 }, exit::TIMEOUT, None, "no answer in 3 s"),
        (Unreached(self::Unreached::NobodyListens), exit::OFFLINE, None, "nobody listens"),
        (Unreached(self::Unreached::NoWay), exit::OFFLINE, None, "no way"),
        (Unreached(self::Unreached::Closed), exit::OFFLINE, None, "ends the connection"),
        (NotMet, exit::TIMEOUT, None, "neither directly nor by way of the directory server"),
        (Broken, exit::VERSION, None, "breaks the protocol"),
        (Local { detail: detail() }, exit::IO, None, "This machine cannot call bianca: too many open files"),
        (WrongKey, exit::KEY_CHANGED, None, "does not hold the key"),
        (FormerKey, exit::KEY_CHANGED, None, "has given up"),
        (Yourself, exit::REFUSED, None, "That is you"),
        (Blocked, exit::REFUSED, None, "blocked by you"),
        (DirectoryLost, exit::SERVER_UNREACHABLE, None, "out of reach"),
        (DirectoryJustLost { again_in: 7 }, exit::SERVER_UNREACHABLE, None, "In 7 s bianca can be called without it"),
        (DirectorySilent { seconds: 9 }, exit::TIMEOUT, None, "the directory server has not answered in 9 s"),
    ];
    all.extend(REFUSALS.iter().map(|(why, exit, text)| (DirectoryRefused(*why), *exit, None, *text)));
    // Whoever adds a reason has to add its row.
    for (why, ..) in &all {
        match why {
            NotFound
            | NoSuchUser { .. }
            | Refused
            | Unavailable
            | NoAnswer { .. }
            | Unreached(_)
            | NotMet
            | Broken
            | Local { .. }
            | WrongKey
            | FormerKey
            | Yourself
            | Blocked
            | DirectoryLost
            | DirectoryJustLost { .. }
            | DirectorySilent { .. }
            | DirectoryRefused(_) => {}
            Rule(
                CalleeRule::Address
                | CalleeRule::AddressFamily
                | CalleeRule::Key
                | CalleeRule::NotLoggedIn
                | CalleeRule::Destination
                | CalleeRule::Busy
                | CalleeRule::Unanswered
                | CalleeRule::Record
                | CalleeRule::Unknown,
            ) => {}
        }
    }
    all
}

#[test]
fn every_reason_of_a_call_that_comes_to_nothing_is_told_as_what_it_is() {
    for (why, exit, rule, text) in calls() {
        let mut scene = Scene::logged_in();
        scene.says(json!({"id": 1, "method": "connect", "params": {"to": "bianca"}}));
        let ticket = scene.tickets[0].clone();
        scene.answers(&ticket, Notice::Call(CallNotice::Failed { to: id("bianca"), why: why.clone() }));
        let told = scene.told();
        let error = &told[0]["error"];
        assert_eq!(
            (&error["data"]["exit"], &error["data"]["kind"]),
            (&json!(exit), &json!(exit::word(exit))),
            "{why:?}"
        );
        assert_eq!(error["data"]["rule"].as_str(), rule, "{why:?}");
        let words = error["message"].as_str().unwrap();
        assert!(words.contains(text), "{why:?}: {words}");
        assert_eq!(words.contains("did not accept"), why == CallFailed::Refused, "only a wish is told as one: {words}");
    }
}

#[test]
fn a_message_that_is_not_sent_says_what_failed() {
    let detail = || "database or disk is full".to_owned();
    let others = [
        (NotSent::NotAMember, exit::REFUSED, "not a member"),
        (NotSent::Blocked, exit::REFUSED, "blocked by you"),
        (NotSent::NoSuchUser { near: None }, exit::UNKNOWN_USER, "No user "),
        (NotSent::TooLong, exit::USAGE, "too long"),
        (NotSent::Yourself, exit::REFUSED, "That is you"),
        (NotSent::DirectoryLost, exit::SERVER_UNREACHABLE, "out of reach"),
        (NotSent::NotKept { detail: detail() }, exit::IO, "disk does not keep it: database or disk is full"),
    ];
    let refusals = REFUSALS.iter().map(|(why, exit, text)| (NotSent::Refused(*why), *exit, *text));
    for (why, exit, text) in others.into_iter().chain(refusals) {
        let mut scene = Scene::logged_in();
        scene.says(json!({"id": 1, "method": "send", "params": {"to": "bianca", "text": "hi"}}));
        let ticket = scene.tickets[0].clone();
        let to = Conversation::User(id("bianca"));
        let notice = MessageNotice::NotSent { to, text: "hi".into(), why: why.clone(), ticket: ticket.clone() };
        scene.answers(&ticket, Notice::Message(notice));
        let told = scene.told();
        let error = &told[0]["error"];
        assert_eq!(error["data"]["exit"], exit, "{why:?}");
        assert!(error["message"].as_str().unwrap().contains(text), "{why:?}: {error}");
    }
}

#[test]
fn a_store_that_fails_answers_whatever_was_asked() {
    for (method, params) in [
        ("send", json!({"to": "bianca", "text": "hi"})),
        ("connect", json!({"to": "bianca"})),
        ("list", json!({})),
        ("history", json!({"with": "bianca"})),
        ("search", json!({"words": "hi"})),
        ("group.create", json!({"group": "#team"})),
        ("file.send", json!({"to": "bianca", "path": "/plan"})),
        ("file.accept", json!({"file": 1})),
        ("passwd", json!({"passcode": "739164"})),
        ("block", json!({"id": "bianca"})),
        ("ack", json!({"name": "mine", "seq": 1})),
    ] {
        let mut scene = Scene::logged_in();
        scene.says(json!({"id": 1, "method": method, "params": params}));
        let Some(ticket) = scene.tickets.first().cloned() else { panic!("{method}: {:?}", scene.told()) };
        let notice = SessionNotice::StoreFailed { at: StoreUse::Command, detail: "disk I/O error".into() };
        // By itself it answers nobody.
        scene.notice(Notice::Session(notice.clone()));
        assert!(scene.told().iter().all(|line| line.get("error").is_none()), "{method}");
        scene.answers(&ticket, Notice::Session(notice));
        let told = scene.told();
        let error = told.iter().find_map(|line| line.get("error")).unwrap();
        assert_eq!(error["data"]["exit"], exit::IO, "{method}");
        assert!(error["message"].as_str().unwrap().contains("disk I/O error"), "{method}: {error}");
    }
}

#[test]
fn a_passcode_that_is_not_changed_says_why() {
    let others = [
        (NotChanged::Meanwhile, exit::REFUSED, "changed elsewhere"),
        (NotChanged::Older, exit::REFUSED, "has been there longer"),
        (NotChanged::NotKnown, exit::VERSION, "knows no new keys"),
        (NotChanged::DirectoryLost, exit::SERVER_UNREACHABLE, "cannot be reached"),
        (NotChanged::Unsure, exit::SERVER_UNREACHABLE, "lost before it answered"),
    ];
    let refusals = REFUSALS.iter().map(|(why, exit, text)| (NotChanged::Refused(*why), *exit, *text));
    for (why, exit, text) in others.into_iter().chain(refusals) {
        let mut scene = Scene::logged_in();
        scene.says(json!({"id": 1, "method": "passwd", "params": {"passcode": "739164"}}));
        let ticket = scene.tickets[0].clone();
        scene.answers(&ticket, Notice::Session(SessionNotice::PasscodeNotChanged(why)));
        let told = scene.told();
        let error = &told[0]["error"];
        assert_eq!(error["data"]["exit"], exit, "{why:?}");
        assert!(error["message"].as_str().unwrap().contains(text), "{why:?}: {error}");
    }
}

#[test]
fn a_request_that_is_given_up_says_who_has_not_answered() {
    for (method, params, who) in [
        ("list", json!({}), "The directory server has not answered in 10 s"),
        ("connect", json!({"to": "bianca"}), "No answer in 10 s, of the directory server or of bianca"),
        ("file.list", json!({}), "This terminal was too busy"),
    ] {
        let mut scene = Scene::logged_in();
        scene.says(json!({"id": 1, "method": method, "params": params}));
        scene.now += Duration::from_secs(10);
        scene.input(Input::Tick);
        let told = scene.told();
        let error = told.iter().find_map(|line| line.get("error")).unwrap();
        assert!(error["message"].as_str().unwrap().starts_with(who), "{method}: {error}");
        assert_eq!(error["data"]["exit"], exit::TIMEOUT);
    }
}

#[test]
fn a_store_that_fails_by_itself_is_told_to_all_though_no_journal_has_it() {
    let mut scene = Scene::logged_in();
    let notice = SessionNotice::StoreFailed { at: StoreUse::Step, detail: "disk I/O error".into() };
    scene.notice(Notice::Session(notice));
    let told = scene.told();
    let event = &told[0]["params"];
    assert_eq!((&event["type"], &event["kind"]), (&json!("error"), &json!("io")), "{told:?}");
    assert!(event["message"].as_str().unwrap().contains("disk I/O error"));
}
