//! Requests that come before the login has an end, and an input that ends before its answers are there.

use super::*;
use peer_core::notice::StoreUse;

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
