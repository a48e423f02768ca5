//! Requests that come before the login has an end, and an input that ends before its answers are there.

use super::*;
use peer_core::notice::{GroupNews, StoreUse};

const LOGIN: &str = r#"{"id": 1, "method": "login", "params": {"user": "ali", "passcode": "482193"}}"#;

fn logging_in(life: Life) -> Scene {
    let mut scene = Scene::new();
    scene.rpc.options.life = life;
    scene.says(serde_json::from_str(LOGIN).unwrap());
    scene.says(json!({"id": 2, "method": "list"}));
    scene.says(json!({"id": 3, "method": "send", "params": {"to": "bianca", "text": "Hello"}}));
    assert_eq!(scene.told(), [] as [Value; 0], "they wait for the login");
    scene.commands.clear();
    scene.tickets.clear();
    scene
}

fn stands(scene: &mut Scene) {
    scene.identified(Some(true));
    scene.notice(Notice::Session(SessionNotice::LoggedIn {
        user: id("ali"),
        address: "127.0.0.1:65000".parse().unwrap(),
    }));
    assert_eq!(scene.told(), [] as [Value; 0], "the names of messages are not known yet");
    scene.tickets.clear();
    scene.notice(Notice::Journal(JournalNotice::Replayed { events: Vec::new(), lost: 0, last: 7 }));
}

fn ids(told: &[Value]) -> Vec<Value> {
    told.iter().filter(|line| !line["id"].is_null()).map(|line| line["id"].clone()).collect()
}

#[test]
fn what_needs_a_login_waits_for_the_one_under_way() {
    let mut scene = logging_in(Life::Daemon);
    stands(&mut scene);
    assert_eq!(ids(&scene.told()), [json!(1)]);
    assert!(scene.commands.iter().any(|command| command.contains("Send")), "{:?}", scene.commands);
    let [list, send] = &scene.tickets.clone()[..] else { panic!("{:?}", scene.commands) };
    scene.answers(list, Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail: "full".into() }));
    scene.answers(
        send,
        Notice::Message(MessageNotice::Sent { ticket: Some(send.clone()), record: record(1, DeliveryStatus::Stored) }),
    );
    assert_eq!(ids(&scene.told()), [json!(2), json!(3)]);
}

#[test]
fn what_waits_for_a_login_that_is_refused_is_refused() {
    let mut scene = logging_in(Life::Daemon);
    scene.identified(Some(true));
    let why = LoginRefused::Passcode { tries_left: 3 };
    scene.notice(Notice::Session(SessionNotice::LoginRefused { user: id("ali"), why }));
    let told = scene.told();
    assert_eq!(ids(&told), [json!(1), json!(2), json!(3)]);
    assert!(told.iter().all(|line| line["error"]["data"]["kind"] == "login_refused"), "{told:?}");
}

#[test]
fn what_waits_for_a_login_is_taken_also_where_the_event_log_cannot_be_read() {
    let mut scene = logging_in(Life::Daemon);
    scene.identified(Some(true));
    let address = "127.0.0.1:65000".parse().unwrap();
    scene.notice(Notice::Session(SessionNotice::LoggedIn { user: id("ali"), address }));
    let place = scene.commands.iter().position(|command| command.contains("Replay")).unwrap();
    let replay = scene.tickets[place].clone();
    let failed = SessionNotice::StoreFailed { at: StoreUse::Reading, detail: "unreadable".into() };
    scene.answers(&replay, Notice::Session(failed));
    assert_eq!(ids(&scene.told()), [json!(1)], "the login is answered");
    assert!(scene.commands.iter().any(|command| command.contains("Send")), "{:?}", scene.commands);
}

#[test]
fn the_end_of_the_input_waits_for_the_answers() {
    for life in [Life::Client, Life::Daemon] {
        let mut scene = logging_in(life);
        scene.input(Input::Ended(ALI));
        stands(&mut scene);
        assert_eq!(ids(&scene.told()), [json!(1)]);
        let tickets = scene.tickets.clone();
        for ticket in &tickets {
            assert!(!scene.commands.iter().any(|command| command.contains("Logout")), "{:?}", scene.commands);
            assert_eq!(scene.gone, []);
            scene.answers(
                ticket,
                Notice::Session(SessionNotice::StoreFailed { at: StoreUse::Command, detail: "full".into() }),
            );
        }
        assert_eq!(ids(&scene.told()), [json!(2), json!(3)]);
        match life {
            Life::Daemon => assert_eq!(scene.gone, [ALI], "the others stay"),
            _ => assert!(scene.commands.last().unwrap().contains("Logout"), "{:?}", scene.commands),
        }
    }
}

#[test]
fn the_end_of_the_input_does_not_wait_for_ever() {
    let mut scene = logging_in(Life::Client);
    scene.input(Input::Ended(ALI));
    let until = scene.rpc.deadline().unwrap();
    assert_eq!(until, scene.now + Duration::from_secs(10));
    scene.now = until;
    scene.input(Input::Tick);
    assert!(scene.commands.last().unwrap().contains("Logout"), "{:?}", scene.commands);
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    assert_eq!(scene.exit, Some(exit::OK));
}

fn about_team(news: GroupNews) -> Notice {
    Notice::Group { group: common::ident::GroupName::parse("team").unwrap(), news }
}

/// A client wishes something of its group, which waits 90 s for its turn.
fn waiting_wish() -> (Scene, Ticket) {
    let mut scene = Scene::logged_in();
    scene.says(json!({"id": 1, "method": "group.remove", "params": {"group": "#team", "user": "bianca"}}));
    let ticket = scene.tickets[0].clone();
    scene.now += Duration::from_secs(5);
    scene.answers(&ticket, about_team(GroupNews::Postponed { after: 90 }));
    (scene, ticket)
}

/// Time passes, and what is due then is done.
fn passes(scene: &mut Scene, seconds: u64) {
    scene.now += Duration::from_secs(seconds);
    scene.input(Input::Tick);
}

#[test]
fn a_wish_that_waits_for_its_turn_is_answered_by_what_becomes_of_it() {
    let left = || GroupNews::Changed { by: id("ali"), joined: Vec::new(), left: vec![id("bianca")] };
    for ends in [None, Some(true), Some(false)] {
        let (mut scene, ticket) = waiting_wish();
        scene.rpc.options.life = Life::Client;
        assert_eq!(scene.rpc.deadline(), Some(scene.now + Duration::from_secs(90 + 10)));
        if ends == Some(true) {
            scene.input(Input::Ended(ALI));
        }
        passes(&mut scene, 80);
        assert_eq!(scene.told(), [] as [Value; 0], "{ends:?}");
        // The directory postpones it again, and the input may have ended before.
        scene.answers(&ticket, about_team(GroupNews::Postponed { after: 30 }));
        if ends == Some(false) {
            scene.input(Input::Ended(ALI));
        }
        passes(&mut scene, 39);
        assert_eq!(scene.told(), [] as [Value; 0], "{ends:?}");
        scene.answers(&ticket, about_team(left()));
        let told = scene.told();
        assert_eq!((&told[0]["id"], &told[0]["result"]["state"]), (&json!(1), &json!("done")), "{ends:?}");
    }
}

#[test]
fn a_wish_that_has_waited_for_its_turn_is_given_up_as_others_are() {
    let (mut scene, _) = waiting_wish();
    scene.says(json!({"id": 2, "method": "group.members", "params": {"group": "#team"}}));
    passes(&mut scene, 10);
    assert_eq!(scene.told()[0]["id"], 2, "nothing else waits for longer");
    passes(&mut scene, 90);
    let told = scene.told();
    assert_eq!((&told[0]["id"], &told[0]["error"]["data"]["kind"]), (&json!(1), &json!("timeout")));
}

#[test]
fn a_wish_that_waits_when_the_session_ends_is_said_not_to_be_done() {
    let (mut scene, ticket) = waiting_wish();
    scene.says(json!({"id": 2, "method": "logout"}));
    scene.told();
    let why = common::msg::CommitRefusal::Epochs;
    scene.answers(&ticket, about_team(GroupNews::NotAllowed { why, retry_after: Some(60) }));
    scene.notice(Notice::Session(SessionNotice::LoggedOut { why: LoggedOut::Asked }));
    let told = scene.told();
    assert_eq!(told[0]["id"], 1);
    assert!(told[0]["error"]["message"].as_str().unwrap().contains("possible again in"), "{told:?}");
}

#[test]
fn that_a_wish_waits_is_told_to_programs() {
    let mut scene = Scene::logged_in();
    let content = events::event_filter(&about_team(GroupNews::Postponed { after: 90 })).remove(0);
    scene.notice(Notice::Journal(JournalNotice::Journaled(Event { seq: 8, at: 5, content })));
    let told = scene.told();
    let event = &told[0]["params"];
    assert_eq!((&event["what"], &event["after"], &event["user"]), (&json!("postponed"), &json!(90), &Value::Null));
}
