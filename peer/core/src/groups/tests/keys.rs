//! Members whose key is not the pinned one, and an admin who comes back with another key.

use common::ident::{RoomId, UserId};
use common::msg::{Body, CommitStatus, GroupReply, MailKind};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, carol, member, team};
use super::succession::{ALL, Scene, ali};
use crate::command::GroupWish;
use crate::model::Conversation;
use crate::notice::GroupNews;
use crate::request::{DeliveryRequest, Request};

/// Somebody else's key stands for this user.
fn takes_for_another(stage: &mut Stage, user: &UserId) {
    let other = crate::fixtures::identity(Carol).key;
    stage.cx.contacts.pin(user, &other, 0, false);
}

fn decides_for(stage: &mut Stage, who: common::testkit::Example) -> Vec<Request> {
    let (user, key) = (who.user().unwrap(), crate::fixtures::identity(who).key);
    stage.cx.contacts.pin(&user, &key, 0, false);
    stage.groups.handle_key_decided(&mut stage.cx, &user)
}

#[test]
fn a_newcomers_other_key_stops_what_is_said_and_not_what_is_followed() {
    let (mut ali, mut hers) = Stage::with_room_of_bianca();
    let mut second = Stage::of(Carol);
    ali.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali.wants(GroupWish::Approve(carol()));
    let added = ali.commits(ALL, |_| second.package());
    // As bianca sees it, whose carol has another key.
    let others = crate::mls::VerifiedCredential::verify(
        &carol(),
        &second.certificates[0].certificate,
        &crate::fixtures::identity(Carol).key,
    );
    hers.open_commit(&added.commit).unwrap();
    let outcome = hers.apply(&[others.unwrap().undecided()]).unwrap();
    assert_eq!((outcome.added, hers.undecided().len()), (vec![member(Carol)], 1));
    // And as carol sees it, whose bianca has another key.
    ali.comes_back(&added);
    second.certificates.extend(ali.certificates.clone());
    takes_for_another(&mut second, &bianca());
    let reply = GroupReply { room: Some(added.room), admins: vec![Ali.user().unwrap()] };
    second.groups.handle_group(&mut second.cx, team(), &reply);
    second.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert!(second.groups.rooms.is_usable(&added.room));
    let to = Conversation::Group(team());
    let held = second.groups.handle_needs_room(&second.cx, to.clone());
    let is_held = |request: &Request| match request {
        Request::Delivery(DeliveryRequest::BackOff { next, .. }) => *next == crate::notice::Next::KeyDecision,
        _ => false,
    };
    assert!(is_held(&held[0]), "{held:?}");
    let sealed = ali.groups.rooms.seal(&added.room, b"read all the same").unwrap();
    let requests = second.comes((added.room, added.epoch + 1), MailKind::Message, member(Ali), &sealed);
    assert!(matches!(requests[0], Request::Delivery(DeliveryRequest::Letter(_))), "{requests:?}");
    let requests = decides_for(&mut second, Bianca);
    assert!(requests.contains(&Request::Delivery(DeliveryRequest::Retry(to.clone()))), "{requests:?}");
    let ready = second.groups.handle_needs_room(&second.cx, to.clone());
    assert_eq!(ready, [Request::Delivery(DeliveryRequest::RoomReady { to, room: added.room })]);
}

#[test]
fn who_founds_anew_under_another_key_is_followed_when_the_user_has_decided() {
    let mut scene = Scene::new();
    scene.rubbish();
    let founded = scene.founded();
    takes_for_another(&mut scene.carol, &ali());
    scene.carol.comes((founded.room, 0), MailKind::Welcome, member(Ali), &founded.welcome);
    assert_eq!(scene.carol.groups.known.room(&team()), Some(scene.room), "not before");
    let requests = decides_for(&mut scene.carol, Ali);
    let asks = |request: &Request| match request {
        Request::Delivery(DeliveryRequest::Send { to, letter }) => {
            *to == Conversation::User(ali()) && matches!(letter.body, Body::Ask { .. })
        }
        _ => false,
    };
    assert!(requests.iter().any(asks), "{requests:?}");
    // Ali's terminal takes carol's in again, which moves then.
    let Scene { ali: stage, carol: carol_s, .. } = &mut scene;
    stage.comes_back(&founded);
    stage.groups.take_in(&stage.cx, &founded.room, member(Carol));
    let again = stage.commits(&[(Carol, true)], |_| carol_s.package());
    carol_s.comes((again.room, again.epoch), MailKind::Welcome, member(Ali), &again.welcome);
    assert_eq!(carol_s.groups.known.room(&team()), Some(founded.room));
}

#[test]
fn an_admin_with_no_terminal_left_in_a_group_founds_it_anew_by_its_name() {
    let mut stage = Stage::of(Ali);
    stage.wants(GroupWish::Create);
    let created = Committing::of(stage.begins());
    let asked = stage.groups.handle_commit(&mut stage.cx, (created.room, 0), &CommitStatus::Taken.into());
    let is_owner = |request: &Request| {
        matches!(
            request,
            Request::Directory(crate::request::DirectoryRequest::Ask {
                question: crate::request::Question::Owner(_),
                ..
            })
        )
    };
    assert!(asked.iter().all(is_owner) && asked.len() == 1, "{asked:?}");
    let old = RoomId([9; 16]);
    let reply = GroupReply { room: Some(old), admins: vec![bianca(), ali(), carol()] };
    stage.groups.handle_owner(&mut stage.cx, team(), Ok(&reply));
    let (mut hers, mut other) = (Stage::of(Bianca), Stage::of(Carol));
    let founded = stage.commits(ALL, |user| if *user == bianca() { hers.package() } else { other.package() });
    assert_eq!(founded.request.replaces, Some(old));
    assert_eq!(founded.request.group.as_ref().unwrap().admins, [bianca(), ali(), carol()]);
    let key = (founded.room, founded.epoch);
    stage.groups.handle_commit(&mut stage.cx, key, &CommitStatus::Accepted.into());
    stage.comes_back(&founded);
    assert_eq!(stage.news(), [GroupNews::Created]);
    assert_eq!(stage.groups.rooms.admins(&founded.room), [bianca(), ali(), carol()]);
    assert_eq!(stage.groups.known.room(&team()), Some(founded.room));
    // Whoever is no admin is told that the name is taken.
    let mut stage = Stage::of(Carol);
    stage.wants(GroupWish::Create);
    let created = Committing::of(stage.begins());
    stage.groups.handle_commit(&mut stage.cx, (created.room, 0), &CommitStatus::Taken.into());
    let reply = GroupReply { room: Some(old), admins: vec![ali()] };
    stage.groups.handle_owner(&mut stage.cx, team(), Ok(&reply));
    assert_eq!(stage.news(), [GroupNews::NameTaken]);
}
