//! What was lost on its way, as a directory that lies loses things: nobody waits for it for ever.

use common::ident::RoomId;
use common::msg::{CommitStatus, EPOCHS, EpochsReply, Features, MailKind, RoomEpoch};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, member};
use super::succession::{Scene, ali};
use crate::groups::overdue::COMMIT_TIMEOUT;
use crate::groups::pace::FIRST_PAUSE;
use crate::model::{Conversation, PresenceInfo};
use crate::notice::GroupNews;
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

const BOTH: &[(common::testkit::Example, bool)] = &[(Ali, true), (Bianca, true)];

/// Ali makes a room for bianca, which the directory has taken.
fn made() -> (Stage, Committing) {
    let mut stage = Stage::new();
    stage.cx.features = Features::of(&[EPOCHS]);
    stage.groups.handle_needs_room(&stage.cx, Conversation::User(bianca()));
    let made = stage.goes_on(BOTH, Bianca);
    stage.groups.handle_commit(&mut stage.cx, (made.room, made.epoch), &CommitStatus::Accepted.into());
    (stage, made)
}

/// The same, and the commit has come back.
fn in_a_room() -> (Stage, RoomId) {
    let (mut stage, made) = made();
    stage.comes_back(&made);
    stage.effects();
    (stage, made.room)
}

fn tick(stage: &mut Stage) -> Vec<Request> {
    stage.cx.now.tick = stage.groups.next_deadline(&stage.cx).unwrap();
    stage.groups.handle_tick(&mut stage.cx)
}

/// Ticks until the directory is asked where the room stands, and answers.
fn stands(stage: &mut Stage, room: RoomId, epoch: Option<u64>) {
    let asked = tick(stage);
    let question = Question::Overdue(vec![room]);
    assert!(
        matches!(&asked[..], [Request::Directory(DirectoryRequest::Ask { question: it, .. })] if *it == question),
        "{asked:?}"
    );
    let rooms = epoch.map(|epoch| RoomEpoch { room, epoch }).into_iter().collect();
    stage.groups.handle_overdue(&mut stage.cx, &[room], &EpochsReply { rooms });
}

#[test]
fn an_own_commit_that_does_not_come_back_is_not_awaited_for_ever() {
    // The directory says that it was lost, that nothing was ended, that there is no such room.
    for (epoch, stays) in [(Some(1), true), (Some(0), true), (None, false)] {
        let (mut stage, made) = made();
        let began = stage.cx.now.tick;
        assert_eq!(stage.groups.handle_needs_room(&stage.cx, Conversation::User(bianca())), [], "it is awaited");
        stands(&mut stage, made.room, epoch);
        assert_eq!(stage.cx.now.tick, began + COMMIT_TIMEOUT);
        assert_eq!(stage.groups.rooms.epoch(&made.room).is_some(), stays, "{epoch:?}");
        assert_eq!(stage.groups.rooms.is_usable(&made.room), epoch == Some(0), "{epoch:?}");
        stage.groups.handle_needs_room(&stage.cx, Conversation::User(bianca()));
        let again = stage.goes_on(BOTH, Bianca);
        assert_eq!(again.room == made.room, epoch == Some(0), "{epoch:?}");
    }
}

#[test]
fn a_commit_that_comes_after_all_is_followed() {
    let (mut stage, made) = made();
    stage.cx.now.tick = stage.groups.next_deadline(&stage.cx).unwrap();
    assert_eq!(stage.groups.handle_tick(&mut stage.cx).len(), 1);
    stage.comes_back(&made);
    let rooms = vec![RoomEpoch { room: made.room, epoch: 1 }];
    assert_eq!(stage.groups.handle_overdue(&mut stage.cx, &[made.room], &EpochsReply { rooms }), []);
    assert!(stage.groups.rooms.is_usable(&made.room));
    assert_eq!(stage.groups.next_deadline(&stage.cx), None);
}

#[test]
fn another_commit_that_the_directory_speaks_of_and_does_not_have_is_not_awaited_for_ever() {
    let (mut stage, room) = in_a_room();
    stage.groups.handle_epoch_ended(&stage.cx, &room);
    assert_eq!(stage.groups.handle_needs_room(&stage.cx, Conversation::User(bianca())), []);
    stands(&mut stage, room, Some(1));
    assert_eq!(stage.groups.handle_needs_room(&stage.cx, Conversation::User(bianca())).len(), 1);
}

#[test]
fn other_mail_puts_off_when_a_commit_is_missed() {
    let (mut stage, made) = made();
    stage.cx.now.tick += COMMIT_TIMEOUT - 1;
    stage.comes((RoomId([9; 16]), 0), MailKind::Message, member(Carol), b"something");
    assert_eq!(stage.groups.next_deadline(&stage.cx), Some(stage.cx.now.tick + COMMIT_TIMEOUT));
    assert!(stage.groups.rooms.expects_commit(&made.room));
}

#[test]
fn a_room_of_two_that_cannot_be_followed_is_made_again_until_one_can() {
    let (mut stage, mut room) = in_a_room();
    let mut pauses = Vec::new();
    for _ in 0..4 {
        // Something of an epoch to come, as the directory says: again and again.
        stage.comes((room, 9), MailKind::Message, member(Bianca), b"something");
        assert!(!stage.groups.rooms.is_usable(&room));
        if stage.groups.next_deadline(&stage.cx).is_some() {
            let before = stage.cx.now.tick;
            tick(&mut stage);
            pauses.push(stage.cx.now.tick - before);
        }
        let made = stage.goes_on(BOTH, Bianca);
        assert_ne!(made.room, room);
        room = made.room;
        stage.comes_back(&made);
    }
    assert_eq!(pauses, [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]);
}

#[test]
fn who_speaks_in_a_room_that_is_not_known_here_is_told_of_one_that_is() {
    let (mut stage, room) = in_a_room();
    let strange = RoomId([9; 16]);
    let speaks = |stage: &mut Stage, room| {
        stage.comes((room, 1), MailKind::Message, member(Bianca), b"something");
        !stage.begins().is_empty()
    };
    stage.comes((strange, 1), MailKind::Message, member(Carol), b"something");
    assert_eq!(stage.begins(), [], "with whom ali has nothing to do");
    let surplus = RoomId([8; 16]);
    stage.groups.rooms.create_direct(surplus, &bianca()).unwrap();
    stage.groups.rooms.forget(&surplus);
    assert!(!speaks(&mut stage, surplus), "what is late is no news");
    stage.comes((strange, 1), MailKind::Message, member(Bianca), b"something");
    let made = stage.goes_on(BOTH, Bianca);
    assert_ne!(made.room, room);
    stage.comes_back(&made);
    assert!(!speaks(&mut stage, strange), "not at once again");
    assert!(stage.groups.rooms.is_usable(&room), "and nothing is forgotten");
    tick(&mut stage);
    assert_ne!(stage.goes_on(BOTH, Bianca).room, made.room);
}

#[test]
fn who_cannot_follow_asks_the_only_admin_again_while_that_one_is_there() {
    let Scene { mut carol, room, epoch, .. } = Scene::new();
    let asked = |requests: &[Request]| {
        let to_ali = |request: &&Request| matches!(request, Request::Delivery(DeliveryRequest::Send { to: Conversation::User(to), .. }) if *to == ali());
        requests.iter().filter(to_ali).count()
    };
    let requests = carol.comes((room, epoch), MailKind::Commit, member(Ali), b"x");
    assert_eq!(asked(&requests), 1, "whose commit it is, because there is no other admin");
    assert_eq!(carol.news(), [GroupNews::AskedBack { admins: vec![ali()] }]);
    assert_eq!(asked(&tick(&mut carol)), 0, "ali is away");
    assert_eq!(carol.groups.next_deadline(&carol.cx), None);
    let there = PresenceInfo { status: common::msg::PresenceStatus::Online, text: None };
    carol.cx.presence.insert(ali(), there);
    carol.groups.handle_came(&carol.cx, &ali());
    assert_eq!(asked(&tick(&mut carol)), 1);
    assert_eq!(asked(&tick(&mut carol)), 1);
    assert_eq!(carol.news(), [], "which is told once");
}
