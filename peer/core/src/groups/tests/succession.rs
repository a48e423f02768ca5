//! Groups that cannot be followed any more: who founds them anew, who moves, who is taken in again, who can leave.

use common::ident::{GroupHandle, MessageId, RoomId, UserId};
use common::msg::{Body, CommitRefusal, CommitReply, CommitStatus, GroupReply, MailKind, Member};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, carol, member, team};
use crate::command::GroupWish;
use crate::groups::changes::MembershipDiff;
use crate::model::Conversation;
use crate::notice::GroupNews;
use crate::request::{DeliveryRequest, OpenedLetter, Request};

pub(super) fn ali() -> UserId {
    Ali.user().unwrap()
}

pub(super) const ALL: &[(common::testkit::Example, bool)] = &[(Ali, true), (Bianca, true), (Carol, true)];

/// Ali and carol, in a group of ali's with bianca.
pub(super) struct Scene {
    pub(super) ali: Stage,
    pub(super) carol: Stage,
    pub(super) room: RoomId,
    pub(super) epoch: u64,
}

impl Scene {
    pub(super) fn new() -> Self {
        let (mut ali, hers) = Stage::with_room_of_bianca();
        let mut carol_s = Stage::of(Carol);
        ali.groups.known.change(&team(), |known| known.waiting.push(carol()));
        ali.wants(GroupWish::Approve(carol()));
        let added = ali.commits(ALL, |_| carol_s.package());
        ali.comes_back(&added);
        ali.certificates.push(carol_s.certificates[0].clone());
        carol_s.certificates.extend(ali.certificates[..2].to_vec());
        let room = added.room;
        let reply = GroupReply { room: Some(room), admins: vec![ali.cx.me.user.clone()] };
        carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
        carol_s.comes((room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
        let news = carol_s.news();
        assert_eq!(news, [GroupNews::Asked, GroupNews::Joined { members: 3 }]);
        ali.effects();
        assert_eq!(hers.id(), room);
        Self { ali, carol: carol_s, room, epoch: added.epoch + 1 }
    }

    /// Bianca ends the epoch with rubbish.
    pub(super) fn rubbish(&mut self) {
        for stage in [&mut self.ali, &mut self.carol] {
            stage.comes((self.room, self.epoch), MailKind::Commit, member(Bianca), b"x");
            assert!(stage.groups.rooms.why_frozen(&self.room).unwrap().starts_with("bianca"));
        }
    }

    /// Ali founds the group anew; the directory takes it.
    pub(super) fn founded(&mut self) -> Committing {
        let Self { ali, carol, .. } = self;
        let founded = ali.commits(ALL, |user| {
            assert_eq!(*user, super::stage::carol(), "nobody else is added");
            carol.package()
        });
        let key = (founded.room, founded.epoch);
        ali.groups.handle_commit(&mut ali.cx, key, &CommitStatus::Accepted.into());
        founded
    }
}

#[test]
fn an_admin_founds_a_group_anew_without_the_author_and_the_others_move() {
    let mut scene = Scene::new();
    scene.rubbish();
    scene.carol.effects();
    scene.ali.effects();
    let founded = scene.founded();
    assert_ne!(founded.room, scene.room);
    assert_eq!((founded.epoch, founded.request.replaces), (0, Some(scene.room)));
    assert_eq!(founded.request.group.as_ref().unwrap().admins, [ali()]);
    assert_eq!(founded.members, [member(Ali), member(Carol)]);
    assert_eq!(scene.ali.groups.known.room(&team()), Some(scene.room), "not before it is certain");
    scene.ali.comes_back(&founded);
    scene.carol.comes((founded.room, 0), MailKind::Welcome, member(Ali), &founded.welcome);
    let news = GroupNews::FoundedAnew { by: ali(), without: vec![bianca()] };
    for stage in [&mut scene.ali, &mut scene.carol] {
        let told = stage.news();
        assert!(told.contains(&news), "{told:?}");
        assert_eq!(stage.groups.known.room(&team()), Some(founded.room));
        assert!(stage.groups.rooms.is_usable(&founded.room));
        assert_eq!(stage.groups.rooms.epoch(&scene.room), None);
    }
    let sealed = scene.ali.groups.rooms.seal(&founded.room, b"on we go").unwrap();
    let requests = scene.carol.comes((founded.room, 1), MailKind::Message, member(Ali), &sealed);
    assert!(matches!(requests[0], Request::Delivery(DeliveryRequest::Letter(_))), "{requests:?}");
}

#[test]
fn a_group_that_was_founded_anew_before_a_crash_is_the_group_after_it() {
    let mut scene = Scene::new();
    scene.rubbish();
    let founded = scene.founded();
    scene.ali.groups.handle_session_lost();
    // What the directory has taken comes before everything that waited was taken.
    scene.ali.comes_back(&founded);
    scene.ali.groups.handle_caught_up(&mut scene.ali.cx);
    assert_eq!(scene.ali.groups.known.room(&team()), Some(founded.room));
    assert_eq!(scene.ali.begins(), [], "and is not founded again");
}

#[test]
fn a_member_moves_only_with_an_admin_of_the_charter_it_has_accepted() {
    // Bianca, who is no admin, makes a group of the same name and adds carol.
    let mut scene = Scene::new();
    scene.rubbish();
    let mut hers = Stage::of(Bianca);
    hers.wants(GroupWish::Create);
    let created = Committing::of(hers.begins());
    hers.groups.handle_commit(&mut hers.cx, (created.room, 0), &CommitStatus::Accepted.into());
    hers.groups.known.change(&team(), |known| known.waiting.push(carol()));
    hers.wants(GroupWish::Approve(carol()));
    let carol_s = &mut scene.carol;
    // The first comparison finds nothing; the second operation adds carol.
    let number = hers.asks_for_terminals();
    hers.groups.handle_terminals(&mut hers.cx, number, super::stage::terminals(&[(Bianca, true)]));
    let added = hers.commits(&[(Bianca, true), (Carol, true)], |_| carol_s.package());
    carol_s.certificates.retain(|told| told.userid != bianca());
    carol_s.certificates.push(hers.certificates[0].clone());
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Bianca), &added.welcome);
    assert_eq!(carol_s.groups.known.room(&team()), Some(scene.room));
    assert_eq!(carol_s.groups.rooms.epoch(&added.room), None);
}

#[test]
fn whoever_cannot_found_asks_the_admins_and_is_taken_in_again() {
    let mut scene = Scene::new();
    let Scene { ali: stage, carol: carol_s, room, epoch } = &mut scene;
    // A commit of ali's did not reach carol: the next message is of an epoch that carol does not know.
    stage.groups.operations.add(crate::groups::queue::GroupOperation::GrantAdmin(*room, bianca()));
    let named = stage.commits(ALL, |_| panic!("nobody is added"));
    stage.comes_back(&named);
    let sealed = stage.groups.rooms.seal(room, b"for all").unwrap();
    let requests = carol_s.comes((*room, *epoch + 1), MailKind::Message, member(Ali), &sealed);
    let asks = |request: &Request| match request {
        Request::Delivery(DeliveryRequest::Send { to, letter }) => {
            *to == Conversation::User(ali()) && matches!(letter.body, Body::Ask { .. })
        }
        _ => false,
    };
    assert!(requests.iter().any(asks), "{requests:?}");
    assert_eq!(carol_s.news(), [GroupNews::AskedBack { admins: vec![ali()] }]);
    // Asked once, however much comes.
    assert!(!carol_s.comes((*room, *epoch + 1), MailKind::Message, member(Ali), &sealed).iter().any(asks));

    let ask = |stage: &mut Stage, terminal| {
        let body = Body::Ask { group: team(), handle: GroupHandle::of(&team(), &stage.cx.directory) };
        let conversation = Conversation::User(carol());
        let (from, id) = (carol(), MessageId([4; 16]));
        stage.groups.handle_letter(&mut stage.cx, OpenedLetter { room: *room, conversation, from, terminal, id, body });
    };
    ask(stage, member(Carol).terminal);
    let again = stage.commits(&[(Carol, true)], |_| carol_s.package());
    assert_eq!((&again.request.again, again.members.len()), (&vec![member(Carol)], 3));
    stage.comes_back(&again);
    carol_s.comes((*room, again.epoch), MailKind::Welcome, member(Ali), &again.welcome);
    assert!(carol_s.groups.rooms.is_usable(room));
    assert_eq!(carol_s.groups.rooms.admins(room), [ali(), bianca()]);
    ask(stage, member(Carol).terminal);
    assert_eq!(stage.begins(), [], "not again at once");
    let sealed = stage.groups.rooms.seal(room, b"welcome back").unwrap();
    let requests = carol_s.comes((*room, again.epoch + 1), MailKind::Message, member(Ali), &sealed);
    assert!(matches!(requests[0], Request::Delivery(DeliveryRequest::Letter(_))), "{requests:?}");
}

#[test]
fn texts_are_repeated_for_whoever_is_taken_in_again() {
    let Scene { mut ali, room, .. } = Scene::new();
    let mut repeated = |by, again: &[common::testkit::Example]| -> Vec<Vec<Member>> {
        let again = again.iter().map(|example| member(*example)).collect();
        let diff = MembershipDiff { again, ..MembershipDiff::default() };
        let requests = ali.groups.committed(&mut ali.cx, &room, &member(by), diff);
        let whom = |request| match request {
            Request::Delivery(DeliveryRequest::SayAgain { whom, .. }) => Some(whom),
            _ => None,
        };
        requests.into_iter().filter_map(whom).collect()
    };
    assert_eq!(repeated(Ali, &[Carol]), [[member(Carol)]]);
    // By a terminal of one's own as well: what was said since somebody else added it did not reach it.
    assert_eq!(repeated(Bianca, &[Bianca]), [[member(Bianca)]]);
    assert_eq!(repeated(Bianca, &[]), [[]; 0]);
}

#[test]
fn a_group_that_cannot_be_followed_can_be_left_at_once_also_without_the_directory() {
    let mut scene = Scene::new();
    scene.rubbish();
    for stage in [&mut scene.ali, &mut scene.carol] {
        stage.effects();
        stage.cx.session = crate::context::Session::Down;
        stage.wants(GroupWish::Leave);
        assert_eq!(stage.news(), [GroupNews::Left]);
        assert_eq!(stage.groups.known.room(&team()), None);
        assert_eq!(stage.groups.rooms.epoch(&scene.room), None);
    }
}

#[test]
fn an_admin_who_wishes_it_founds_a_group_anew_without_somebody() {
    let mut scene = Scene::new();
    scene.rubbish();
    scene.ali.effects();
    scene.ali.groups.operations.forget(&scene.room);
    scene.ali.wants(GroupWish::Remove(bianca()));
    let founded = scene.founded();
    assert_eq!(founded.members, [member(Ali), member(Carol)]);
    // A member who is no admin is told why nothing happens.
    scene.carol.wants(GroupWish::Create);
    assert_eq!(scene.carol.begins(), []);
}

#[test]
fn where_another_admin_was_first_its_welcome_is_awaited() {
    for reply in [
        CommitStatus::Taken.into(),
        CommitReply { reason: Some(CommitRefusal::Moved), ..CommitReply::from(CommitStatus::Refused) },
    ] {
        let mut scene = Scene::new();
        scene.rubbish();
        let Scene { ali, carol, room, .. } = &mut scene;
        let founded = ali.commits(ALL, |_| carol.package());
        ali.groups.handle_commit(&mut ali.cx, (founded.room, 0), &reply);
        assert_eq!(ali.groups.known.room(&team()), Some(*room));
        assert_eq!(ali.groups.rooms.epoch(&founded.room), None);
        assert_eq!(ali.begins(), []);
    }
}

#[test]
fn another_group_of_the_name_is_told_before_it_is_joined() {
    let (mut stage, other) = (Stage::with_bianca(), RoomId([8; 16]));
    let room = stage.groups.known.room(&team()).unwrap();
    stage.groups.lost(&mut stage.cx, &room);
    assert_eq!(stage.news(), [GroupNews::Lost]);
    let reply = GroupReply { room: Some(other), admins: vec![carol()] };
    let warned = GroupNews::AnotherGroup { admins: vec![carol()], former: vec![ali()] };
    stage.groups.handle_group(&mut stage.cx, team(), &reply);
    assert_eq!(stage.news(), [warned]);
    stage.groups.handle_group(&mut stage.cx, team(), &reply);
    assert_eq!(stage.news(), [GroupNews::Asked]);
    // A third one is told again; the one that was founded anew is not.
    let third = GroupReply { room: Some(RoomId([9; 16])), admins: vec![carol()] };
    stage.groups.handle_group(&mut stage.cx, team(), &third);
    assert!(matches!(stage.news()[..], [GroupNews::AnotherGroup { .. }]));
    let anew = GroupReply { room: Some(RoomId([7; 16])), admins: vec![ali(), carol()] };
    stage.groups.handle_group(&mut stage.cx, team(), &anew);
    assert_eq!(stage.news(), [GroupNews::Asked]);
}

#[test]
fn a_room_that_the_directory_does_not_know_is_told_when_it_is_certain() {
    let mut stage = Stage::with_bianca();
    let room = stage.groups.known.room(&team()).unwrap();
    let requests = stage.groups.handle_room_gone(&mut stage.cx, &room);
    assert!(matches!(requests[..], [Request::Delivery(DeliveryRequest::BackOff { .. })]), "{requests:?}");
    assert_eq!(stage.news(), []);
    stage.groups.handle_room_gone(&mut stage.cx, &room);
    assert_eq!(stage.news(), [GroupNews::Lost]);
    assert_eq!(stage.groups.known.room(&team()), None);
}

#[test]
fn a_refused_change_is_told_and_given_up() {
    let mut stage = Stage::with_bianca();
    stage.wants(GroupWish::Admin(bianca()));
    let named = stage.commits(&[(Ali, true), (Bianca, true)], |_| panic!("nobody is added"));
    let (why, retry_after) = (CommitRefusal::Members, Some(90));
    let reply = CommitReply { status: CommitStatus::Refused, reason: Some(why), retry_after };
    let requests = stage.groups.handle_commit(&mut stage.cx, (named.room, named.epoch), &reply);
    let until = stage.cx.now.tick + 90;
    assert!(matches!(&requests[..], [Request::Delivery(DeliveryRequest::BackOff { until: at, .. })] if *at == until));
    assert_eq!(stage.news(), [], "nobody wished it with a ticket");
    assert_eq!(stage.begins(), []);
}

#[test]
fn a_directory_that_calls_a_new_room_old_is_asked_more_and_more_seldom() {
    let mut stage = Stage::new();
    stage.wants(GroupWish::Create);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let created = Committing::of(stage.begins());
        stage.groups.handle_commit(&mut stage.cx, (created.room, 0), &CommitStatus::Epoch.into());
        assert_eq!(stage.begins(), [], "not at once");
        let until = stage.groups.next_deadline(&stage.cx).unwrap();
        waits.push(until - stage.cx.now.tick);
        stage.cx.now.tick = until;
        stage.groups.handle_tick(&mut stage.cx);
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
}

#[test]
fn who_was_not_asked_cannot_decline() {
    let mut stage = Stage::new();
    let reply = GroupReply { room: Some(RoomId([5; 16])), admins: vec![bianca()] };
    stage.groups.handle_group(&mut stage.cx, team(), &reply);
    assert_eq!(stage.news(), [GroupNews::Asked]);
    for (by, heard) in [(carol(), false), (bianca(), true)] {
        let (conversation, terminal) = (Conversation::User(by.clone()), Member::clone(&member(Carol)).terminal);
        let (room, id, body) = (RoomId([6; 16]), MessageId([3; 16]), Body::Denied { group: team() });
        let letter = OpenedLetter { room, conversation, from: by, terminal, id, body };
        stage.groups.handle_letter(&mut stage.cx, letter);
        assert_eq!(stage.news() == [GroupNews::Declined], heard);
    }
}

#[test]
fn who_was_taken_in_with_a_key_package_that_was_used_before_asks_once_more() {
    let (mut ali, _) = Stage::with_room_of_bianca();
    let mut carol_s = Stage::of(Carol);
    let room = ali.groups.known.room(&team()).unwrap();
    ali.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali.wants(GroupWish::Approve(carol()));
    // The directory has it again; carol's terminal has used it.
    let used = super::stage::packages(Carol);
    let added = ali.commits(ALL, |_| used.clone());
    ali.comes_back(&added);
    let welcomed =
        |carol_s: &mut Stage, by| carol_s.comes((room, added.epoch), MailKind::Welcome, member(by), &added.welcome);
    assert_eq!(welcomed(&mut carol_s, Ali).len(), 1, "who has not asked says nothing");
    let reply = GroupReply { room: Some(room), admins: vec![ali.cx.me.user.clone()] };
    carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
    assert_eq!(welcomed(&mut carol_s, Bianca).len(), 1, "nor is anybody asked who cannot help");
    let requests = welcomed(&mut carol_s, Ali);
    let [Request::Delivery(DeliveryRequest::Send { to, letter }), Request::Mailbox(_)] = &requests[..] else {
        panic!("{requests:?}")
    };
    let Body::Ask { group, handle } = &letter.body else { panic!("{letter:?}") };
    assert_eq!((to, group), (&Conversation::User(super::succession::ali()), &team()));
    assert_eq!(welcomed(&mut carol_s, Ali).len(), 1, "not at once again");
    let asks = OpenedLetter {
        room,
        conversation: Conversation::User(carol()),
        from: carol(),
        terminal: carol_s.cx.me.terminal,
        id: MessageId([1; 16]),
        body: Body::Ask { group: team(), handle: *handle },
    };
    ali.groups.handle_letter(&mut ali.cx, asks);
    ali.certificates.push(carol_s.certificates[0].clone());
    let again = ali.commits(ALL, |_| carol_s.package());
    ali.comes_back(&again);
    carol_s.certificates.extend(ali.certificates[..2].to_vec());
    carol_s.comes((room, again.epoch), MailKind::Welcome, member(Ali), &again.welcome);
    assert_eq!(carol_s.groups.known.room(&team()), Some(room));
}
