//! Two requests to send with one name, before it is known what has become of the first.

use super::*;

fn send(number: u64, queue: bool) -> Value {
    json!({"id": number, "method": "send", "params": {"to": "bianca", "text": "once", "ref": "job", "queue": queue}})
}

fn sent(ticket: &Ticket) -> Notice {
    let record = record(7, DeliveryStatus::Queued);
    Notice::Message(MessageNotice::Sent { ticket: Some(ticket.clone()), record })
}

fn results(scene: &mut Scene) -> Vec<(Value, Value)> {
    scene.told().into_iter().map(|line| (line["id"].clone(), line["result"]["msg"].clone())).collect()
}

#[test]
fn two_under_one_name_are_sent_once_and_hear_the_same() {
    let mut scene = Scene::logged_in();
    (1..=3).for_each(|number| scene.says(send(number, true)));
    assert_eq!(scene.commands.len(), 1, "{:?}", scene.commands);
    assert_eq!(scene.told(), [] as [Value; 0]);
    let ticket = scene.tickets[0].clone();
    assert_eq!(ticket.reference.as_deref(), Some("job"));
    scene.answers(&ticket, sent(&ticket));
    let mut told = results(&mut scene);
    told.sort_by_key(|(id, _)| id.as_u64());
    let msg = || json!("07".repeat(16));
    assert_eq!(told, [(json!(1), msg()), (json!(2), msg()), (json!(3), msg())]);
}

#[test]
fn what_has_failed_under_a_name_has_failed_for_both_and_may_be_sent_anew() {
    let mut scene = Scene::logged_in();
    (1..=2).for_each(|number| scene.says(send(number, false)));
    assert_eq!(scene.commands, ["Place { to: UserId(\"bianca\") }"]);
    scene.notice(Notice::Call(CallNotice::Offline { with: id("bianca") }));
    let told = scene.told();
    assert_eq!(told.iter().map(|line| &line["error"]["code"]).collect::<Vec<_>>(), [-32006, -32006]);
    scene.says(send(3, true));
    assert!(scene.commands.last().unwrap().starts_with("Send"), "{:?}", scene.commands);
}

#[test]
fn what_a_client_that_is_gone_was_going_to_send_is_sent_for_the_other() {
    let mut scene = Scene::logged_in();
    scene.input(Input::Opened(OTHER));
    scene.input(Input::Line(OTHER, send(1, false).to_string()));
    scene.says(send(2, true));
    assert_eq!(scene.commands, ["Place { to: UserId(\"bianca\") }"]);
    scene.input(Input::Closed(OTHER));
    let ticket = scene.tickets.last().unwrap().clone();
    scene.answers(&ticket, sent(&ticket));
    assert_eq!(results(&mut scene), [(json!(2), json!("07".repeat(16)))]);
}

#[test]
fn a_message_whose_client_does_not_wait_any_longer_is_still_under_way() {
    let mut scene = Scene::logged_in();
    scene.says(send(1, true));
    let ticket = scene.tickets[0].clone();
    scene.now += Duration::from_secs(11);
    scene.input(Input::Tick);
    assert_eq!(scene.told()[0]["error"]["data"]["exit"], exit::TIMEOUT);
    scene.says(send(2, true));
    assert_eq!(scene.commands.len(), 1, "{:?}", scene.commands);
    scene.answers(&ticket, sent(&ticket));
    assert_eq!(results(&mut scene), [(json!(2), json!("07".repeat(16)))]);
}
