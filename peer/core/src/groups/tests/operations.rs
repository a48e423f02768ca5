//! Operations, question by question.

use common::msg::{CommitStatus, TerminalsReply};
use common::testkit::Example::{Ali, Bianca};

use super::stage::{Committing, Stage, bianca, packages, team, terminals};
use crate::command::GroupWish;
use crate::context::Session;
use crate::groups::operations::BROKEN_TIMEOUT;
use crate::groups::{NEWCOMER_TIMEOUT, STRANGER_TIMEOUT};
use crate::model::{Conversation, PresenceInfo};
use crate::notice::{DirectoryRefusal, GroupNews, Next};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, PlainLetter, Question, Request};

const BOTH: &[(common::testkit::Example, bool)] = &[(Ali, true), (Bianca, true)];

fn to_bianca() -> Conversation {
    Conversation::User(bianca())
}

/// Mail for bianca needs a room that is not there yet.
fn needed() -> Stage {
    let mut stage = Stage::new();
    assert_eq!(stage.groups.handle_needs_room(&stage.cx, to_bianca()), []);
    stage
}

#[test]
fn a_room_of_two_is_ready_once_our_commit_has_come_back() {
    let mut stage = needed();
    let committing = stage.goes_on(BOTH, Bianca);
    assert_eq!(committing.members.len(), 2);
    assert_eq!(stage.groups.handle_needs_room(&stage.cx, to_bianca()), [], "it is about to change");
    let (room, epoch) = (committing.room, committing.epoch);
    assert_eq!(stage.groups.handle_commit(&mut stage.cx, (room, epoch), &CommitStatus::Accepted.into()), []);
    let requests = stage.comes_back(&committing);
    assert!(requests.contains(&Request::Delivery(DeliveryRequest::Flush(to_bianca()))), "{requests:?}");
    assert_eq!(requests.last(), Some(&Request::Mailbox(MailboxRequest::Taken(1))));
    let ready = Request::Delivery(DeliveryRequest::RoomReady { to: to_bianca(), room });
    assert_eq!(stage.groups.handle_needs_room(&stage.cx, to_bianca()), [ready]);
    let letter = PlainLetter { number: 4, id: common::ident::MessageId([1; 16]), bytes: b"letter".to_vec() };
    let requests = stage.groups.handle_seal(&mut stage.cx, to_bianca(), room, vec![letter]);
    let [Request::Delivery(DeliveryRequest::Sealed { epoch: sealed_in, sealed, .. })] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!((*sealed_in, sealed.len(), sealed[0].0), (epoch + 1, 1, 4));
}

#[test]
fn an_operation_waits_until_everything_that_waited_was_taken() {
    for (session, begins) in [(Session::Down, false), (Session::CatchingUp, false), (Session::CaughtUp, true)] {
        let mut stage = needed();
        stage.cx.session = session;
        assert_eq!(!stage.begins().is_empty(), begins, "{session:?}");
    }
}

#[test]
fn one_operation_is_under_way_at_a_time_and_the_same_is_not_taken_up_twice() {
    let mut stage = needed();
    stage.groups.handle_needs_room(&stage.cx, to_bianca());
    stage.asks_for_terminals();
    stage.groups.handle_needs_room(&stage.cx, to_bianca());
    assert_eq!(stage.begins(), []);
}

#[test]
fn an_operation_that_the_directory_puts_off_begins_again_then_with_another_number() {
    let mut stage = needed();
    let number = stage.asks_for_terminals();
    let until = stage.cx.now.tick + 7;
    stage.groups.handle_operation_refused(&mut stage.cx, DirectoryRefusal::TooFast { retry_after: 1 }, until);
    assert_eq!(stage.groups.next_deadline(&stage.cx), Some(until));
    for tick in [until - 1, until] {
        stage.cx.now.tick = tick;
        stage.groups.handle_tick(&mut stage.cx);
        let requests = stage.begins();
        assert_eq!(requests.is_empty(), tick < until);
    }
    assert_eq!(stage.groups.handle_terminals(&mut stage.cx, number, terminals(BOTH)), [], "an answer to what is over");
}

#[test]
fn an_operation_begins_again_with_the_next_session() {
    let mut stage = needed();
    let number = stage.asks_for_terminals();
    stage.groups.handle_session_lost();
    assert_ne!(stage.asks_for_terminals(), number);
}

#[test]
fn key_packages_that_are_not_of_the_pinned_key_do_not_count() {
    let mut stage = needed();
    stage.cx.contacts.pin(&bianca(), &crate::fixtures::identity(common::testkit::Example::Carol).key, 0, false);
    let number = stage.asks_for_terminals();
    stage.groups.handle_terminals(&mut stage.cx, number, terminals(BOTH));
    let requests = stage.groups.handle_packages(&mut stage.cx, (&bianca(), number), &packages(Bianca));
    assert_eq!(requests, [Request::Delivery(DeliveryRequest::Flush(to_bianca()))], "there is nothing to commit");
}

#[test]
fn a_receiver_without_a_terminal_is_left_alone_for_a_while() {
    for (is_online, timeout) in [(true, NEWCOMER_TIMEOUT), (false, STRANGER_TIMEOUT)] {
        let mut stage = needed();
        let number = stage.asks_for_terminals();
        let requests = stage.groups.handle_terminals(&mut stage.cx, number, terminals(&[(Ali, true), (Bianca, false)]));
        assert_eq!(requests, [Request::Delivery(DeliveryRequest::Flush(to_bianca()))]);
        if is_online {
            let there = PresenceInfo { status: common::msg::PresenceStatus::Online, text: None };
            stage.cx.presence.insert(bianca(), there);
        }
        let until = stage.cx.now.tick + timeout;
        let back_off = Request::Delivery(DeliveryRequest::BackOff { to: to_bianca(), next: Next::Terminal, until });
        let requests = stage.groups.handle_needs_room(&stage.cx, to_bianca());
        assert_eq!(requests, [back_off, Request::Directory(DirectoryRequest::Watch(vec![bianca()]))]);
        stage.groups.handle_needs_room(&stage.cx, to_bianca());
        stage.asks_for_terminals();
    }
    assert_eq!(BROKEN_TIMEOUT, 60);
}

#[test]
fn where_another_was_first_its_commit_is_awaited_and_ours_is_made_again() {
    let mut stage = needed();
    let committing = stage.goes_on(BOTH, Bianca);
    stage.groups.handle_commit(&mut stage.cx, (committing.room, committing.epoch), &CommitStatus::Epoch.into());
    // A room of two that was never committed is found again by the user's name, not at once.
    stage.groups.handle_caught_up(&mut stage.cx);
    assert_eq!(stage.begins(), []);
    stage.cx.now.tick += BROKEN_TIMEOUT;
    stage.groups.handle_tick(&mut stage.cx);
    let again = stage.goes_on(BOTH, Bianca);
    assert_eq!((again.room, again.epoch), (committing.room, committing.epoch));
    let other = stage.groups.handle_commit(&mut stage.cx, (again.room, again.epoch + 1), &CommitStatus::Room.into());
    assert_eq!(other, [], "an answer to another commit");
    assert!(stage.groups.rooms.epoch(&again.room).is_some());
}

#[test]
fn a_room_that_the_directory_does_not_know_is_made_again() {
    let mut stage = needed();
    let committing = stage.goes_on(BOTH, Bianca);
    stage.groups.handle_commit(&mut stage.cx, (committing.room, committing.epoch), &CommitStatus::Room.into());
    assert_eq!(stage.groups.rooms.epoch(&committing.room), None);
    stage.groups.handle_needs_room(&stage.cx, to_bianca());
    assert_ne!(stage.goes_on(BOTH, Bianca).room, committing.room);
}

#[test]
fn a_group_is_created_by_its_name_or_the_name_is_taken() {
    for (status, news) in [(CommitStatus::Accepted, GroupNews::Created), (CommitStatus::Taken, GroupNews::NameTaken)] {
        let mut stage = Stage::new();
        assert_eq!(stage.wants(GroupWish::Create), []);
        let created = Committing::of(stage.begins());
        assert_eq!((created.epoch, created.commit.len(), created.members.len()), (0, 0, 1));
        stage.effects();
        stage.groups.handle_commit(&mut stage.cx, (created.room, created.epoch), &status.into());
        if status == CommitStatus::Taken {
            let nobody = common::msg::GroupReply { room: None, admins: Vec::new() };
            stage.groups.handle_owner(&mut stage.cx, team(), Ok(&nobody));
        }
        assert_eq!(stage.news(), [news]);
        assert_eq!(stage.groups.is_member(&team()), status == CommitStatus::Accepted);
        assert_eq!(stage.begins().is_empty(), status == CommitStatus::Taken, "the other terminals of its founder");
    }
}

#[test]
fn a_creation_that_was_interrupted_goes_on_with_the_same_room() {
    let mut stage = Stage::new();
    stage.wants(GroupWish::Create);
    let created = Committing::of(stage.begins());
    stage.groups.handle_session_lost();
    stage.groups.handle_caught_up(&mut stage.cx);
    assert_eq!(Committing::of(stage.begins()).room, created.room);
}

#[test]
fn a_terminal_that_its_user_has_no_more_is_removed_and_ours_never() {
    let mut stage = Stage::with_bianca();
    stage.groups.handle_came(&stage.cx, &bianca());
    let number = stage.asks_for_terminals();
    let mut reply: TerminalsReply = terminals(BOTH);
    reply.users[0].terminals = vec![common::ident::TerminalId([77; 16])];
    reply.users[1].terminals = vec![common::ident::TerminalId([78; 16])];
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, reply);
    assert!(matches!(
        &requests[..],
        [Request::Directory(DirectoryRequest::Ask { question: Question::Packages(..), .. })]
    ));
    let none = common::msg::KeyPackageReply { packages: Vec::new(), ..packages(Ali) };
    let requests = stage.groups.handle_packages(&mut stage.cx, (&stage_user(Ali), number), &none);
    assert!(matches!(
        &requests[..],
        [Request::Directory(DirectoryRequest::Ask { question: Question::Packages(..), .. })]
    ));
    let none = common::msg::KeyPackageReply { packages: Vec::new(), ..packages(Bianca) };
    let committing = Committing::of(stage.groups.handle_packages(&mut stage.cx, (&bianca(), number), &none));
    let ours = super::stage::terminal_of(Ali);
    assert!(committing.members.iter().all(|member| member.terminal == ours));
}

fn stage_user(example: common::testkit::Example) -> common::ident::UserId {
    example.user().unwrap()
}

#[test]
fn for_a_user_who_does_not_exist_no_room_is_kept_and_what_waits_is_given_up() {
    let mut stage = Stage::new();
    stage.groups.handle_needs_room(&stage.cx, to_bianca());
    let number = stage.asks_for_terminals();
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, terminals(&[(Ali, true)]));
    assert_eq!(requests, [Request::Delivery(DeliveryRequest::NoSuchUser(bianca()))]);
    assert_eq!(stage.groups.rooms.direct_with(&bianca()), None);
    assert_eq!(stage.begins(), [], "nothing is tried again by itself");
}
