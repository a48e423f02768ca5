//! Every request gets its own answer, whatever else is asked meanwhile and in which order the engine answers.

use std::path::PathBuf;

use peer_core::command::KeyDecision;
use peer_core::notice::{
    CallFailed, ContactNotice, DirectoryNotice, DirectoryRefusal, FileNews, FileNotice, FileShown, FileState,
    GroupNews, KeyState, NotChanged, NotOffered, Person, Role, StoreUse,
};

use super::*;

const TEAM: &str = "team";

fn group(news: GroupNews) -> Notice {
    Notice::Group { group: common::ident::GroupName::parse(TEAM).unwrap(), news }
}

fn changed(joined: &[&str], left: &[&str]) -> Notice {
    let users = |names: &[&str]| names.iter().map(|name| id(name)).collect();
    group(GroupNews::Changed { by: id("ali"), joined: users(joined), left: users(left) })
}

fn file(number: u64, name: &str, news: FileNews) -> Notice {
    let (id, with, name) = (MessageId([9; 16]), super::id("bianca"), name.to_owned());
    let state = FileState::Offered;
    let file = FileShown {
        number,
        id,
        with,
        ours: true,
        name,
        size: 1,
        files: None,
        content: None,
        left_out: Box::default(),
        done: 0,
        state,
        waits: None,
    };
    Notice::File(FileNotice::News { file, news })
}

fn sent(msg: u8) -> Notice {
    Notice::Message(MessageNotice::Sent {
        ticket: Some(Ticket::default()),
        record: record(msg, DeliveryStatus::Queued),
    })
}

fn history(msg: u8) -> Notice {
    let records = vec![record(msg, DeliveryStatus::Stored)];
    Notice::Message(MessageNotice::History { with: Conversation::User(id("bianca")), records, unread: 0 })
}

fn too_fast(retry_after: u64) -> Notice {
    Notice::Directory(DirectoryNotice::Refused(DirectoryRefusal::TooFast { retry_after }))
}

/// A method that is answered by the engine: what is asked, what the engine says, what the client is told.
struct Case(&'static str, Value, Notice, Value);

fn cases() -> Vec<Case> {
    let bianca = || json!({"id": "bianca"});
    let user_of_team = || json!({"group": "#team", "user": "bianca"});
    let done = |state: &str| json!({"group": "#team", "state": state});
    let with = id("bianca");
    let person = Person {
        user: with.clone(),
        online_since: None,
        away: None,
        unread: 0,
        chosen: true,
        key: KeyState::NotVerified,
    };
    let files = |state: &str| {
        json!({
            "file": 4, "id": "09".repeat(16), "with": "bianca", "outgoing": true, "name": "plan", "size": 1, "files": null,
            "done": 0, "state": state
        })
    };
    let found = MessageNotice::Found { words: "x".into(), records: vec![record(3, DeliveryStatus::Stored)] };
    let stored = |msg: u8| {
        json!([{
            "msg": format!("{msg:02}").repeat(16), "from": "ali", "in": "bianca", "group": null, "text": "Hello", "date": 5,
            "state": "stored", "state_since": 5
        }])
    };
    let digits = "12345 67890".to_owned();
    let members = vec![(id("ali"), Role::Admin)];
    vec![
        Case(
            "list",
            json!({}),
            Notice::Directory(DirectoryNotice::People { people: vec![person], groups: vec![] }),
            json!([{
                "id": "bianca", "kind": "user", "state": "offline", "since": null, "away": null, "unread": 0,
                "verified": false, "contact": true, "key": "not_verified"
            }]),
        ),
        Case(
            "connect",
            json!({"to": "bianca"}),
            Notice::Call(CallNotice::Way { with: with.clone(), way: LinkWay::Relayed, vouched: None }),
            json!({"conn": "bianca", "state": "established", "way": "relayed"}),
        ),
        Case("send", json!({"to": "carol", "text": "hi"}), sent(7), json!({"msg": "07".repeat(16), "state": "queued"})),
        Case(
            "retry",
            json!({"to": "carol", "msg": "08".repeat(16)}),
            Notice::Message(MessageNotice::Again {
                to: Conversation::User(id("carol")),
                id: MessageId([8; 16]),
                text: "hi".into(),
                ticket: Ticket::default(),
            }),
            json!({"msg": "08".repeat(16), "state": "queued"}),
        ),
        Case("history", json!({"with": "bianca"}), history(2), stored(2)),
        Case("search", json!({"words": "x"}), Notice::Message(found), stored(3)),
        Case("group.create", json!({"group": TEAM}), group(GroupNews::Created), done("created")),
        Case("group.join", json!({"group": TEAM}), group(GroupNews::Asked), done("asked")),
        Case("group.leave", json!({"group": TEAM}), group(GroupNews::Left), done("left")),
        Case(
            "group.members",
            json!({"group": TEAM}),
            group(GroupNews::Members { members, waiting: vec![] }),
            json!({"group": "#team", "state": "member", "members": [{"id": "ali", "admin": true}], "waiting": []}),
        ),
        Case("group.approve", user_of_team(), changed(&["bianca"], &[]), done("done")),
        Case("group.deny", user_of_team(), group(GroupNews::Done), done("done")),
        Case("group.remove", user_of_team(), changed(&[], &["bianca"]), done("done")),
        Case("group.admin", user_of_team(), group(GroupNews::NewAdmin { user: with.clone() }), done("done")),
        Case(
            "file.send",
            json!({"to": "bianca", "path": "/plan"}),
            file(4, "plan", FileNews::Offering),
            files("offered"),
        ),
        Case("file.accept", json!({"file": 4}), file(4, "plan", FileNews::Accepted), files("offered")),
        Case("file.refuse", json!({"file": 4}), file(4, "plan", FileNews::GivenUp), files("offered")),
        Case("file.cancel", json!({"file": 4}), file(4, "plan", FileNews::GivenUp), files("offered")),
        Case("file.resume", json!({"file": 4}), file(4, "plan", FileNews::Accepted), files("offered")),
        Case("file.list", json!({}), Notice::File(FileNotice::All(vec![])), json!([])),
        Case(
            "verify.number",
            bianca(),
            Notice::Contact(ContactNotice::SafetyNumber { with: with.clone(), digits, verified: false }),
            json!({"id": "bianca", "digits": ["12345", "67890"], "verified": false}),
        ),
        Case(
            "verify.set",
            json!({"id": "bianca", "digits": ["12345"], "verified": true}),
            Notice::Contact(ContactNotice::NumberConfirmed { with: with.clone(), verified: true }),
            json!({"id": "bianca", "verified": true}),
        ),
        Case(
            "block",
            bianca(),
            Notice::Contact(ContactNotice::KeyDecided { of: with.clone(), decision: KeyDecision::Block }),
            json!({}),
        ),
        Case("unblock", bianca(), Notice::Contact(ContactNotice::Unblocked { user: with }), json!({})),
        Case("passwd", json!({"passcode": "918273"}), Notice::Session(SessionNotice::PasscodeChanged), json!({})),
        Case(
            "ack",
            json!({"name": "bot", "seq": 3}),
            Notice::Journal(JournalNotice::Acknowledged { name: "bot".into(), seq: 3 }),
            json!({}),
        ),
    ]
}

/// Methods that are answered by the front end itself, or before the session stands.
const AT_ONCE: &[(&str, &str)] = &[
    ("hello", "{}"),
    ("status", "{}"),
    ("end", r#"{"to": "bianca"}"#),
    ("read", r#"{"with": "bianca"}"#),
    ("presence", r#"{"state": "online"}"#),
    ("subscribe", "{}"),
];

#[test]
fn every_method_is_answered_by_its_own_result_in_whatever_order() {
    let asked: Vec<&str> = cases().iter().map(|case| case.0).chain(AT_ONCE.iter().map(|(method, _)| *method)).collect();
    let by_other_tests = ["login", "logout", "shutdown"];
    for method in methods::METHODS {
        assert!(asked.contains(method) || by_other_tests.contains(method), "{method} is not tried");
    }
    for backwards in [false, true] {
        let mut scene = Scene::logged_in();
        for (number, Case(method, params, ..)) in cases().iter().enumerate() {
            scene.says(json!({"id": number, "method": method, "params": params}));
        }
        assert_eq!(scene.told(), [] as [Value; 0], "nothing is answered before the engine has");
        let tickets = std::mem::take(&mut scene.tickets);
        assert_eq!(tickets.len(), cases().len());
        let mut answers: Vec<_> = cases().into_iter().zip(tickets).enumerate().collect();
        if backwards {
            answers.reverse();
        }
        for (number, (Case(method, _, notice, result), ticket)) in answers {
            scene.answers(&ticket, notice);
            let told = scene.told();
            assert_eq!(told.len(), 1, "{method}: {told:?}");
            assert_eq!(told[0]["id"], number, "{method}: {told:?}");
            assert_eq!(told[0]["result"], result, "{method}: {told:?}");
        }
    }
    let mut scene = Scene::logged_in();
    for (method, params) in AT_ONCE {
        let params: Value = serde_json::from_str(params).unwrap();
        scene.says(json!({"id": method, "method": method, "params": params}));
        let told = scene.told();
        assert!(told[0]["id"] == *method && told[0]["result"].is_object(), "{method}: {told:?}");
    }
}

#[test]
fn every_method_is_failed_by_its_own_error() {
    let cannot = |method: &str| -> Notice {
        let to = id("bianca");
        match method {
            "list" | "history" | "connect" | "block" | "verify.number" => match method {
                "list" | "history" => too_fast(5),
                _ => Notice::Call(CallNotice::Failed { to, why: CallFailed::NotFound }),
            },
            "send" => Notice::Message(MessageNotice::NotSent {
                to: Conversation::User(to),
                text: "hi".into(),
                why: peer_core::notice::NotSent::Blocked,
                ticket: Ticket::default(),
            }),
            "retry" => Notice::Message(MessageNotice::NotFailed {
                to: Conversation::User(id("carol")),
                ticket: Ticket::default(),
            }),
            "file.send" => Notice::File(FileNotice::NotOffered { to, name: "plan".into(), why: NotOffered::TooMany }),
            "file.accept" | "file.refuse" | "file.cancel" | "file.resume" => {
                Notice::File(FileNotice::Unknown { number: 4 })
            }
            "verify.set" => Notice::Contact(ContactNotice::NumberConfirmed { with: to, verified: false }),
            "passwd" => Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::Meanwhile)),
            "ack" | "unblock" => {
                Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail: "no space".into() })
            }
            group_method if group_method.starts_with("group.") => group(GroupNews::DirectoryLost),
            other => panic!("{other} cannot fail"),
        }
    };
    let mut scene = Scene::logged_in();
    let never_fails = ["search", "file.list"];
    let can_fail: Vec<Case> = cases().into_iter().filter(|case| !never_fails.contains(&case.0)).collect();
    for Case(method, params, ..) in &can_fail {
        scene.says(json!({"id": method, "method": method, "params": params}));
    }
    let tickets = std::mem::take(&mut scene.tickets);
    for (Case(method, ..), ticket) in can_fail.iter().zip(tickets).rev() {
        scene.answers(&ticket, cannot(method));
        let told = scene.told();
        assert_eq!(told.len(), 1, "{method}: {told:?}");
        assert_eq!(told[0]["id"], *method, "{told:?}");
        assert!(told[0]["error"]["code"].is_i64(), "{told:?}");
    }
}

#[test]
fn a_change_of_a_group_answers_who_wished_it_and_leaves_the_question_for_members_open() {
    for (method, news) in [
        ("group.approve", changed(&["bianca"], &[])),
        ("group.remove", changed(&[], &["bianca"])),
        ("group.admin", group(GroupNews::NewAdmin { user: id("bianca") })),
    ] {
        let mut scene = Scene::logged_in();
        scene.says(json!({"id": "change", "method": method, "params": {"group": TEAM, "user": "bianca"}}));
        scene.says(json!({"id": "members", "method": "group.members", "params": {"group": TEAM}}));
        scene.notice(group(GroupNews::Members { members: vec![(id("ali"), Role::Admin)], waiting: vec![] }));
        scene.notice(news);
        let told = scene.told();
        let ids: Vec<&Value> = told.iter().map(|line| &line["id"]).collect();
        assert_eq!(ids, ["members", "change"], "{method}: {told:?}");
        assert!(told[0]["result"]["members"].is_array(), "{method}: {told:?}");
        assert_eq!(told[1]["result"]["state"], "done", "{method}: {told:?}");
    }
}

#[test]
fn two_files_offered_to_one_user_at_the_same_time_each_get_their_own_answer() {
    let mut scene = Scene::logged_in();
    for (number, path) in [(1, "/one"), (2, "/two")] {
        scene.says(json!({"id": number, "method": "file.send", "params": {"to": "bianca", "path": path}}));
    }
    let tickets = scene.tickets.clone();
    scene.answers(&tickets[1], file(8, "two", FileNews::Offering));
    scene.answers(&tickets[0], file(9, "one", FileNews::Offering));
    let told: Vec<(Value, Value)> =
        scene.told().into_iter().map(|line| (line["id"].clone(), line["result"]["name"].clone())).collect();
    assert_eq!(told, [(json!(2), json!("two")), (json!(1), json!("one"))]);
}

#[test]
fn a_file_that_cannot_be_read_fails_its_own_offer() {
    let mut scene = Scene::logged_in();
    for number in [1, 2] {
        scene.says(json!({"id": number, "method": "file.send", "params": {"to": "bianca", "path": "/same"}}));
    }
    let tickets = scene.tickets.clone();
    scene.answers(
        &tickets[1],
        Notice::File(FileNotice::NotRead { path: PathBuf::from("/same"), detail: "gone".into() }),
    );
    let told = scene.told();
    assert_eq!((&told[0]["id"], &told[0]["error"]["data"]["kind"]), (&json!(2), &json!("io")));
}

#[test]
fn too_fast_fails_the_request_that_was_too_fast() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": "list", "method": "list"}));
    scene.says(json!({"id": "join", "method": "group.join", "params": {"group": TEAM}}));
    let tickets = scene.tickets.clone();
    scene.answers(&tickets[1], too_fast(30));
    let told = scene.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["id"], "join", "not what waits longest");
    assert_eq!(told[0]["error"]["data"]["retry_after"], 30);
}

#[test]
fn an_answer_to_somebody_who_is_gone_answers_nobody_else() {
    let mut scene = Scene::logged_in();
    scene.input(Input::Opened(OTHER));
    scene.input(Input::Line(OTHER, json!({"id": 1, "method": "file.list"}).to_string()));
    scene.says(json!({"id": 1, "method": "file.list"}));
    let tickets = scene.tickets.clone();
    scene.input(Input::Closed(OTHER));
    scene.answers(&tickets[0], Notice::File(FileNotice::All(vec![])));
    assert_eq!(scene.told(), [] as [Value; 0]);
    scene.answers(&tickets[1], Notice::File(FileNotice::All(vec![])));
    assert_eq!(scene.told()[0]["id"], 1);
}

/// The ids of the requests that were answered, each with what became of it.
fn outcomes(scene: &mut Scene) -> Vec<(i64, bool)> {
    let answers = scene.told().into_iter().filter(|line| line.get("method").is_none());
    answers.map(|line| (line["id"].as_i64().unwrap(), line.get("result").is_some())).collect()
}

#[test]
fn a_call_that_is_asked_for_twice_answers_both() {
    let mut scene = Scene::logged_in();
    for id in 1..=2 {
        scene.says(json!({"id": id, "method": "connect", "params": {"to": "bianca"}}));
    }
    scene.says(json!({"id": 3, "method": "connect", "params": {"to": "carol"}}));
    let first = scene.tickets[0].clone();
    scene.answers(&first, Notice::Call(CallNotice::Established { with: id("bianca") }));
    assert_eq!(outcomes(&mut scene), [], "not before it is said how it goes");
    scene.notice(Notice::Call(CallNotice::Way { with: id("bianca"), way: LinkWay::Relayed, vouched: None }));
    assert_eq!(outcomes(&mut scene), [(1, true), (2, true)]);
}

#[test]
fn a_call_without_the_directory_says_when_that_has_vouched_for_whom_it_reaches() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "connect", "params": {"to": "bianca"}}));
    let (with, way, vouched) = (id("bianca"), LinkWay::DirectIpv4, Some(1_700_000_000));
    scene.notice(Notice::Call(CallNotice::Established { with: with.clone() }));
    scene.notice(Notice::Call(CallNotice::Way { with, way, vouched }));
    let at = "2023-11-14T22:13:20.000Z";
    let reply = json!({"conn": "bianca", "state": "established", "way": "direct_ipv4", "vouched": at});
    assert_eq!(scene.told()[0]["result"], reply);
    scene.says(json!({"id": 2, "method": "status"}));
    assert_eq!(scene.told()[0]["result"]["ways"], json!([{"id": "bianca", "way": "direct_ipv4", "vouched": at}]));
}

#[test]
fn a_call_that_is_ended_before_it_stands_answers_who_asked_for_it() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "connect", "params": {"to": "bianca"}}));
    scene.says(json!({"id": 2, "method": "send", "params": {"to": "bianca", "text": "hi", "queue": false}}));
    scene.says(json!({"id": 3, "method": "connect", "params": {"to": "carol"}}));
    scene.says(json!({"id": 4, "method": "end", "params": {"to": "bianca"}}));
    assert_eq!(outcomes(&mut scene), [(1, false), (2, false), (4, true)]);
}

#[test]
fn a_change_of_the_passcode_that_another_replaces_is_answered() {
    let mut scene = Scene::logged_in();
    for id in 1..=2 {
        scene.says(json!({"id": id, "method": "passwd", "params": {"passcode": "739164"}}));
    }
    assert_eq!(outcomes(&mut scene), [(1, false)]);
    let second = scene.tickets[1].clone();
    scene.answers(&second, Notice::Session(SessionNotice::PasscodeChanged));
    assert_eq!(outcomes(&mut scene), [(2, true)]);
}

#[test]
fn what_is_open_when_the_session_ends_is_answered() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "list"}));
    scene.says(json!({"id": 2, "method": "logout"}));
    assert_eq!(outcomes(&mut scene), [(2, true)]);
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(outcomes(&mut scene), [(1, false)]);
    assert_eq!(scene.exit, Some(exit::OK));

    let mut scene = Scene::new();
    scene.says(json!({"id": 1, "method": "login", "params": {"user": "ali", "passcode": "482193"}}));
    scene.says(json!({"id": 2, "method": "logout"}));
    let mut told = outcomes(&mut scene);
    told.sort_unstable();
    assert_eq!(told, [(1, false), (2, true)]);
}

#[test]
fn a_wish_about_a_group_that_cannot_be_read_any_more_is_answered() {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "group.admin", "params": {"group": "#team", "user": "bianca"}}));
    let ticket = scene.tickets[0].clone();
    let with = Conversation::Group(common::ident::GroupName::parse(TEAM).unwrap());
    scene.answers(&ticket, Notice::Message(MessageNotice::Frozen { with, why: "broken".into() }));
    assert_eq!(outcomes(&mut scene), [(1, false)]);
}

#[test]
fn a_key_that_cannot_be_asked_for_now_is_not_called_unknown() {
    for (why, code) in
        [(CallFailed::DirectoryLost, exit::SERVER_UNREACHABLE), (CallFailed::NotFound, exit::UNKNOWN_USER)]
    {
        for method in ["verify.number", "block"] {
            let mut scene = Scene::logged_in();
            scene.says(json!({"id": 1, "method": method, "params": {"id": "bianca"}}));
            let ticket = scene.tickets[0].clone();
            scene.answers(&ticket, Notice::Call(CallNotice::Failed { to: id("bianca"), why: why.clone() }));
            assert_eq!(scene.told()[0]["error"]["code"], -32_000 - code, "{method}: {why:?}");
        }
    }
}
