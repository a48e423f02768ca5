//! A directory that goes on from an older state: rooms it has gone back on are over, others go on.

use common::ident::RoomId;
use common::msg::{
    CommitRefusal, CommitReply, CommitStatus, EPOCHS, EpochsReply, Features, GroupReply, KeyPackagePut, RoomEpoch,
    ToDirectory,
};
use common::testkit::Example;

use super::stage::*;
use super::succession::{ALL, Scene};
use crate::event::Effect;
use crate::model::Conversation;
use crate::notice::{GroupNews, MessageNotice, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, MailboxRequest, Question, Request};

fn room(stage: &Stage) -> RoomId {
    stage.groups.known.room(&team()).unwrap()
}

/// The comparison, with this answer; what it leads to.
fn compared(stage: &mut Stage, reply: &EpochsReply) -> Vec<Request> {
    stage.cx.features = Features::of(&[EPOCHS]);
    let published = stage.groups.handle_restored(&mut stage.cx, false);
    let [Request::Directory(DirectoryRequest::Tell(ToDirectory::KeyPackagePut(first))), rest @ ..] = &published[..]
    else {
        panic!("{published:?}")
    };
    assert!(first.anew && first.last_resort.is_some(), "all key packages are made anew, before anything else");
    let is_more = |request: &Request| {
        matches!(
            request,
            Request::Directory(DirectoryRequest::Tell(ToDirectory::KeyPackagePut(KeyPackagePut { anew: false, .. })))
        )
    };
    assert!(rest.iter().all(is_more), "{rest:?}");
    stage.effects();
    let asked = stage.groups.handle_caught_up(&mut stage.cx);
    let [Request::Directory(DirectoryRequest::Ask { question: Question::Epochs(rooms), .. })] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(*rooms, [room(stage)]);
    let rooms = rooms.clone();
    stage.groups.handle_epochs(&mut stage.cx, &rooms, reply)
}

fn told(epochs: &[(RoomId, u64)]) -> EpochsReply {
    EpochsReply { rooms: epochs.iter().map(|(room, epoch)| RoomEpoch { room: *room, epoch: *epoch }).collect() }
}

#[test]
fn a_group_whose_epoch_is_over_is_lost_and_told_with_its_first_admin() {
    for there in [None, Some(0)] {
        let mut stage = Stage::with_bianca();
        let (id, first) = (room(&stage), stage.cx.me.user.clone());
        let requests = compared(&mut stage, &told(&there.map(|epoch| (id, epoch)).into_iter().collect::<Vec<_>>()));
        assert_eq!(
            requests,
            [
                Request::Delivery(DeliveryRequest::Restored(vec![(team(), Some(first))])),
                Request::Mailbox(MailboxRequest::Repaired)
            ]
        );
        let effects = stage.effects();
        let frozen = |effect: &Effect| matches!(effect, Effect::Notify(Notice::Message(MessageNotice::Frozen { with: Conversation::Group(group), .. })) if *group == team());
        assert!(effects.iter().any(frozen), "{effects:?}");
        assert!(!stage.groups.rooms.is_usable(&id));
    }
}

#[test]
fn a_group_whose_epoch_is_the_same_or_about_to_end_goes_on() {
    for later in [0, 1] {
        let mut stage = Stage::with_bianca();
        let id = room(&stage);
        let epoch = stage.groups.rooms.epoch(&id).unwrap() + later;
        let requests = compared(&mut stage, &told(&[(id, epoch)]));
        assert_eq!(requests[0], Request::Delivery(DeliveryRequest::Restored(Vec::new())));
        assert!(stage.groups.rooms.is_usable(&id));
    }
}

#[test]
fn a_directory_that_cannot_be_asked_for_epochs_is_not_and_nothing_is_compared_without_need() {
    let mut stage = Stage::with_bianca();
    assert_eq!(stage.groups.handle_caught_up(&mut stage.cx), []);
    stage.groups.handle_restored(&mut stage.cx, false);
    assert_eq!(
        stage.groups.handle_caught_up(&mut stage.cx),
        [Request::Delivery(DeliveryRequest::Restored(Vec::new())), Request::Mailbox(MailboxRequest::Repaired)]
    );
}

#[test]
fn a_group_that_was_not_there_yet_is_founded_anew_in_no_place() {
    let mut stage = Stage::with_bianca();
    let old = room(&stage);
    compared(&mut stage, &told(&[]));
    let both = [(Example::Ali, true), (Example::Bianca, true)];
    let founding = stage.goes_on(&both, Example::Bianca);
    assert_eq!(founding.request.replaces, Some(old));
    let reason = Some(CommitRefusal::Entry);
    let none_has_it = CommitReply { status: CommitStatus::Refused, reason, retry_after: None };
    assert_eq!(stage.groups.handle_commit(&mut stage.cx, (founding.room, founding.epoch), &none_has_it), []);
    let founding = stage.goes_on(&both, Example::Bianca);
    assert_eq!(founding.request.replaces, None);
    // Once, lest it goes on for ever with a directory that says so of everything.
    let refused = stage.groups.handle_commit(&mut stage.cx, (founding.room, founding.epoch), &none_has_it);
    assert!(matches!(refused[..], [Request::Delivery(DeliveryRequest::BackOff { .. })]), "{refused:?}");
    assert_eq!(stage.begins(), []);
    // In the next session it is not in the place of the forgotten room either.
    stage.groups.handle_caught_up(&mut stage.cx);
    let founding = stage.goes_on(&both, Example::Bianca);
    assert_eq!(founding.request.replaces, None);
    stage.comes_back(&founding);
    assert_eq!(room(&stage), founding.room);
    let told = stage.news();
    assert!(told.iter().any(|news| matches!(news, GroupNews::FoundedAgain { ours: true, .. })), "{told:?}");
}

#[test]
fn a_group_whose_name_another_room_of_ours_had_then_is_founded_anew_in_its_place() {
    let mut stage = Stage::with_bianca();
    let (old, before) = (room(&stage), RoomId([0x77; 16]));
    compared(&mut stage, &told(&[]));
    let both = [(Example::Ali, true), (Example::Bianca, true)];
    let founds = |stage: &mut Stage| stage.goes_on(&both, Example::Bianca);
    let founding = founds(&mut stage);
    assert_eq!(founding.request.replaces, Some(old));
    let taken = CommitStatus::Taken.into();
    assert_eq!(stage.groups.handle_commit(&mut stage.cx, (founding.room, founding.epoch), &taken), []);
    // Another terminal of ours may have been first: not before the next session.
    assert_eq!(stage.begins(), []);
    let asked = stage.groups.handle_caught_up(&mut stage.cx);
    let asks = |request: &Request| matches!(request, Request::Directory(DirectoryRequest::Ask { question: Question::Owner(group), .. }) if *group == team());
    assert!(asked.iter().any(asks), "{asked:?}");
    let admins = vec![stage.cx.me.user.clone()];
    let reply = GroupReply { room: Some(before), admins };
    stage.groups.handle_owner(&mut stage.cx, team(), Ok(&reply));
    let founding = founds(&mut stage);
    assert_eq!(founding.request.replaces, Some(before));
    stage.comes_back(&founding);
    assert_eq!(room(&stage), founding.room);
    let told = stage.news();
    assert!(told.iter().any(|news| matches!(news, GroupNews::FoundedAgain { ours: true, .. })), "{told:?}");
}

#[test]
fn a_group_that_could_not_be_followed_before_goes_on_in_the_place_that_its_name_has_then_without_the_author() {
    let mut scene = Scene::new();
    scene.rubbish();
    scene.ali.effects();
    let (old, before) = (scene.room, RoomId([0x77; 16]));
    let Scene { mut ali, mut carol, .. } = scene;
    let lost = Request::Delivery(DeliveryRequest::Restored(vec![(team(), Some(ali.cx.me.user.clone()))]));
    assert!(compared(&mut ali, &told(&[])).contains(&lost));
    let founding = ali.commits(ALL, |_| carol.package());
    assert_eq!(founding.request.replaces, Some(old));
    let taken = CommitStatus::Taken.into();
    assert_eq!(ali.groups.handle_commit(&mut ali.cx, (founding.room, founding.epoch), &taken), []);
    let asked = ali.groups.handle_caught_up(&mut ali.cx);
    let asks = |request: &Request| matches!(request, Request::Directory(DirectoryRequest::Ask { question: Question::Owner(group), .. }) if *group == team());
    assert!(asked.iter().any(asks), "{asked:?}");
    let admins = vec![ali.cx.me.user.clone()];
    let reply = GroupReply { room: Some(before), admins };
    ali.groups.handle_owner(&mut ali.cx, team(), Ok(&reply));
    let founding = ali.commits(ALL, |_| carol.package());
    assert_eq!(founding.request.replaces, Some(before));
    assert_eq!(founding.members, [member(Example::Ali), member(Example::Carol)]);
    ali.comes_back(&founding);
    assert_eq!(room(&ali), founding.room);
    let news = ali.news();
    let again = |news: &GroupNews| matches!(news, GroupNews::FoundedAgain { without, .. } if *without == [bianca()]);
    assert!(news.iter().any(again), "{news:?}");
}

#[test]
fn who_has_left_leaves_again_where_the_directory_has_forgotten_it() {
    let mut stage = Stage::with_bianca();
    let old = room(&stage);
    stage.groups.handle_goodbye_stored(&mut stage.cx, Conversation::Group(team()));
    stage.effects();
    stage.cx.features = Features::of(&[EPOCHS]);
    stage.groups.handle_restored(&mut stage.cx, true);
    let asked = stage.groups.handle_caught_up(&mut stage.cx);
    let [Request::Directory(DirectoryRequest::Ask { question: Question::Epochs(rooms), .. })] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(*rooms, [old]);
    let requests = stage.groups.handle_epochs(&mut stage.cx, &[old], &told(&[(old, 3)]));
    let [
        Request::Mailbox(MailboxRequest::CountWritten),
        Request::Directory(DirectoryRequest::Ask { message: ToDirectory::MailboxPut(put), .. }),
        ..,
    ] = &requests[..]
    else {
        panic!("{requests:?}")
    };
    assert_eq!((put.room, put.epoch, put.leave, put.items.len()), (old, 3, true, 1));
    assert_eq!(put.items[0].piece.0, crate::mls::hollow(&old, 3));
    // What the directory says to that concerns no room of ours.
    stage.groups.handle_epoch_ended(&stage.cx, &old);
    assert_eq!(stage.groups.next_deadline(&stage.cx), None);
    // Where it has not forgotten it, nothing is said.
    stage.groups.handle_restored(&mut stage.cx, true);
    stage.groups.handle_caught_up(&mut stage.cx);
    let requests = stage.groups.handle_epochs(&mut stage.cx, &[old], &told(&[]));
    assert!(requests.iter().all(|request| !matches!(request, Request::Directory(_))), "{requests:?}");
}

#[test]
fn a_group_that_could_not_be_founded_anew_is_founded_when_its_admin_wishes_it_again() {
    let mut stage = Stage::with_bianca();
    compared(&mut stage, &told(&[]));
    let both = [(Example::Ali, true), (Example::Bianca, true)];
    let founding = stage.goes_on(&both, Example::Bianca);
    // An admin who stood before has left; the directory has forgotten it, and that admin was not here yet.
    let order = CommitReply { status: CommitStatus::Refused, reason: Some(CommitRefusal::Order), retry_after: None };
    stage.groups.handle_commit(&mut stage.cx, (founding.room, founding.epoch), &order);
    assert_eq!(stage.begins(), []);
    stage.wants(crate::command::GroupWish::Create);
    let founding = stage.goes_on(&both, Example::Bianca);
    stage.comes_back(&founding);
    assert_eq!(room(&stage), founding.room);
}

#[test]
fn a_group_whose_name_another_group_has_then_is_lost_also_for_those_who_wait_for_its_admin() {
    let Scene { mut ali, mut carol, room, .. } = Scene::new();
    for stage in [&mut ali, &mut carol] {
        compared(stage, &told(&[]));
        stage.effects();
    }
    let founding = ali.commits(ALL, |_| carol.package());
    ali.groups.handle_commit(&mut ali.cx, (founding.room, founding.epoch), &CommitStatus::Taken.into());
    for stage in [&mut ali, &mut carol] {
        let asked = stage.groups.handle_caught_up(&mut stage.cx);
        let asks = |request: &Request| matches!(request, Request::Directory(DirectoryRequest::Ask { question: Question::Owner(group), .. }) if *group == team());
        assert!(asked.iter().any(asks), "{asked:?}");
    }
    let holder = |admin| GroupReply { room: Some(RoomId([0x77; 16])), admins: vec![admin] };
    let reply = holder(ali.cx.me.user.clone());
    assert_eq!(carol.groups.handle_owner(&mut carol.cx, team(), Ok(&reply)), [], "ali founds it anew");
    assert_eq!(carol.groups.known.room(&team()), Some(room));
    for stage in [&mut ali, &mut carol] {
        let over = Request::Delivery(DeliveryRequest::ConversationOver(Conversation::Group(team())));
        assert_eq!(stage.groups.handle_owner(&mut stage.cx, team(), Ok(&holder(bianca()))), [over]);
        assert_eq!(stage.news(), [GroupNews::Lost]);
        assert!(!stage.groups.is_member(&team()));
    }
}

/// Seed 102780: in each session other questions came first, and there was no budget for this one.
#[test]
fn a_comparison_that_is_refused_is_made_later_in_the_session() {
    let mut stage = Stage::with_bianca();
    let id = room(&stage);
    stage.cx.features = Features::of(&[EPOCHS]);
    stage.groups.handle_restored(&mut stage.cx, true);
    let asked = stage.groups.handle_caught_up(&mut stage.cx);
    assert!(matches!(&asked[..], [Request::Directory(DirectoryRequest::Ask { question: Question::Epochs(_), .. })]));
    let until = stage.cx.now.tick + 30;
    stage.groups.handle_epochs_refused(vec![id], until);
    assert_eq!(stage.groups.next_deadline(&stage.cx), Some(until));
    stage.cx.now.tick = until - 1;
    assert_eq!(stage.groups.handle_tick(&mut stage.cx), []);
    stage.cx.now.tick = until;
    assert_eq!(stage.groups.handle_tick(&mut stage.cx), asked);
    assert_eq!((stage.groups.handle_tick(&mut stage.cx), stage.groups.compares_at()), (vec![], None), "once");
    let requests = stage.groups.handle_epochs(&mut stage.cx, &[id], &told(&[(id, 9)]));
    assert_eq!(requests.last(), Some(&Request::Mailbox(MailboxRequest::Repaired)), "all is compared");
}
