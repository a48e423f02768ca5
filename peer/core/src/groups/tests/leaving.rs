//! Goodbyes whose answer was lost: whoever has left is told that, and nothing else.

use common::ident::RoomId;

use super::stage::{Stage, team};
use crate::command::Ticket;
use crate::event::Effect;
use crate::model::Conversation;
use crate::notice::{GroupNews, Notice};
use crate::request::{DeliveryRequest, Request};

fn room(stage: &Stage) -> RoomId {
    stage.groups.known.room(&team()).unwrap()
}

fn over() -> Request {
    Request::Delivery(DeliveryRequest::ConversationOver(Conversation::Group(team())))
}

#[test]
fn a_room_that_is_gone_while_a_goodbye_is_on_its_way_was_left() {
    // The goodbye of this run of the program, without anybody who waits for what becomes of it; that of the run before.
    let says = |stage: &mut Stage| drop(stage.groups.say_goodbye(&mut stage.cx, &team(), &[]));
    let said = |stage: &mut Stage| stage.groups.handle_goodbyes([team()]);
    for goodbye in [says, said] as [fn(&mut Stage); 2] {
        let mut stage = Stage::with_bianca();
        let room = room(&stage);
        goodbye(&mut stage);
        assert_eq!(stage.groups.handle_room_gone(&mut stage.cx, &room), [over()], "at once");
        assert_eq!(stage.news(), [GroupNews::Left]);
        assert!(!stage.groups.is_member(&team()));
    }
}

#[test]
fn a_goodbye_is_said_once_in_all_runs_and_answered_to_each_who_asks() {
    let mut stage = Stage::with_bianca();
    let room = room(&stage);
    stage.groups.handle_goodbyes([team()]);
    let ticket = Ticket { number: 7, reference: None };
    assert_eq!(stage.groups.say_goodbye(&mut stage.cx, &team(), std::slice::from_ref(&ticket)), []);
    assert_eq!(stage.groups.handle_room_gone(&mut stage.cx, &room), [over()]);
    let left = Effect::Answer(ticket, Notice::Group { group: team(), news: GroupNews::Left });
    let told: Vec<Effect> =
        stage.effects().into_iter().filter(|effect| !matches!(effect, Effect::Persist(_))).collect();
    assert_eq!(told, [left], "and nothing beside it");
}

#[test]
fn who_comes_back_to_a_group_has_said_no_goodbye_to_it() {
    let mut stage = Stage::with_bianca();
    let before = room(&stage);
    stage.groups.handle_goodbyes([team()]);
    stage.groups.handle_room_gone(&mut stage.cx, &before);
    stage.effects();
    let again = RoomId([9; 16]);
    stage.groups.rooms.create_group(again, &team()).unwrap();
    stage.groups.known.joined(&team(), again);
    assert!(matches!(
        stage.groups.handle_room_gone(&mut stage.cx, &again)[..],
        [Request::Delivery(DeliveryRequest::BackOff { .. })]
    ));
    assert_eq!(stage.groups.handle_room_gone(&mut stage.cx, &again), [over()]);
    assert_eq!(stage.news(), [GroupNews::Lost]);
}
