//! Members whose leaf is not that of their certificate of now: they keep nobody out, and nobody writes to them unknowing.

use common::msg::{CommitStatus, GroupReply, MailKind, Member, ToDirectory};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, carol, member, other_certificate, team, terminals};
use super::succession::{ALL, Scene, ali};
use crate::command::GroupWish;
use crate::model::Conversation;
use crate::notice::{GroupNews, MessageNotice, Next, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

/// The directory tells this user's stage another certificate of bianca's terminal than the leaf names.
fn bianca_has_another(stage: &mut Stage) {
    stage.certificates.retain(|told| told.userid != bianca());
    stage.certificates.push(other_certificate(Bianca));
}

fn named() -> GroupNews {
    GroupNews::Unverified { users: vec![bianca()], admins: vec![ali()] }
}

/// Carol's terminal looks at the leaves, and holds back what is said in the group.
#[track_caller]
fn assert_held(stage: &mut Stage) {
    let to = Conversation::Group(team());
    stage.groups.handle_needs_room(&stage.cx, to.clone());
    let number = stage.asks_for_terminals();
    let requests = stage.groups.handle_terminals(&mut stage.cx, number, terminals(&[(Carol, true)]));
    assert!(
        matches!(requests[..], [Request::Directory(DirectoryRequest::Ask { question: Question::Leaves(_), .. })]),
        "{requests:?}"
    );
    stage.compares(requests);
    let held = stage.groups.handle_needs_room(&stage.cx, to);
    assert!(
        matches!(held[..], [Request::Delivery(DeliveryRequest::BackOff { next: Next::KeyDecision, .. })]),
        "{held:?}"
    );
}

/// Ali's commit that adds carol, as carol sees it who is told another certificate of bianca's.
fn newcomer() -> (Stage, Stage, Committing) {
    let (mut ali_s, _) = Stage::with_room_of_bianca();
    let mut carol_s = Stage::of(Carol);
    ali_s.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali_s.wants(GroupWish::Approve(carol()));
    let added = ali_s.commits(ALL, |_| carol_s.package());
    ali_s.comes_back(&added);
    ali_s.certificates.push(carol_s.certificates[0].clone());
    carol_s.certificates.push(ali_s.certificates[0].clone());
    let reply = GroupReply { room: Some(added.room), admins: vec![ali()] };
    carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
    carol_s.effects();
    ali_s.effects();
    (ali_s, carol_s, added)
}

#[test]
fn a_newcomer_joins_says_nothing_and_names_whose_leaf_it_is_until_it_is_gone() {
    let (mut ali_s, mut carol_s, added) = newcomer();
    bianca_has_another(&mut carol_s);
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert_eq!(carol_s.news(), [GroupNews::Joined { members: 3 }, named()]);
    assert_held(&mut carol_s);
    // The others are read.
    let sealed = ali_s.groups.rooms.seal(&added.room, b"for all").unwrap();
    let requests = carol_s.comes((added.room, added.epoch + 1), MailKind::Message, member(Ali), &sealed);
    assert!(matches!(requests[0], Request::Delivery(DeliveryRequest::Letter(_))), "{requests:?}");
    ali_s.wants(GroupWish::Remove(bianca()));
    let gone = ali_s.commits(ALL, |_| panic!("nobody is added"));
    ali_s.comes_back(&gone);
    carol_s.comes((gone.room, gone.epoch), MailKind::Commit, member(Ali), &gone.commit);
    let to = Conversation::Group(team());
    let ready = carol_s.groups.handle_needs_room(&carol_s.cx, to.clone());
    assert_eq!(ready, [Request::Delivery(DeliveryRequest::RoomReady { to, room: added.room })]);
}

#[test]
fn who_can_say_nothing_in_a_group_can_leave_it() {
    let (_, mut carol_s, added) = newcomer();
    bianca_has_another(&mut carol_s);
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    carol_s.effects();
    let requests = carol_s.wants(GroupWish::Leave);
    let leaves = |request: &Request| match request {
        Request::Directory(DirectoryRequest::Ask { message: ToDirectory::MailboxPut(put), .. }) => {
            put.leave && put.room == added.room && put.epoch == added.epoch + 1
        }
        _ => false,
    };
    assert!(requests.iter().any(leaves), "{requests:?}");
    assert_eq!(carol_s.news(), [GroupNews::Left]);
    assert_eq!(carol_s.groups.known.room(&team()), None);
}

#[test]
fn nobody_speaks_in_the_name_of_a_user_through_a_leaf_that_is_not_verified() {
    let (mut ali_s, mut hers) = Stage::with_room_of_bianca();
    let mut carol_s = Stage::of(Carol);
    ali_s.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali_s.wants(GroupWish::Approve(carol()));
    let added = ali_s.commits(ALL, |_| carol_s.package());
    let vouched = crate::mls::VerifiedCredential::verify(
        &carol(),
        &carol_s.certificates[0].certificate,
        &crate::fixtures::identity(Carol).key,
    );
    hers.open_commit(&added.commit).unwrap();
    hers.apply(&[vouched.unwrap()]).unwrap();
    carol_s.certificates.push(ali_s.certificates[0].clone());
    let reply = GroupReply { room: Some(added.room), admins: vec![ali()] };
    carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert!(carol_s.news().contains(&named()), "no certificate at all is the same");
    let sealed = hers.seal(b"I am bianca").unwrap();
    carol_s.comes((added.room, added.epoch + 1), MailKind::Message, member(Bianca), &sealed);
    let told = carol_s.effects();
    let is_dropped = |effect: &crate::event::Effect| matches!(effect, crate::event::Effect::Notify(Notice::Message(MessageNotice::Dropped { from, .. })) if *from == bianca());
    assert!(told.iter().any(is_dropped), "{told:?}");
}

#[test]
fn who_is_taken_in_again_is_not_kept_out_either() {
    let mut scene = Scene::new();
    let Scene { ali: ali_s, carol: carol_s, room, .. } = &mut scene;
    // A commit of ali's did not reach carol.
    let lost = crate::mls::Frozen::Behind { epoch: 9 };
    carol_s.groups.rooms.give_up(room, lost);
    ali_s.groups.take_in(&ali_s.cx, room, member(Carol));
    let again = ali_s.commits(&[(Carol, true)], |_| carol_s.package());
    bianca_has_another(carol_s);
    carol_s.comes((*room, again.epoch), MailKind::Welcome, member(Ali), &again.welcome);
    assert!(carol_s.groups.rooms.is_usable(room));
    assert_eq!(carol_s.news(), [GroupNews::Joined { members: 3 }, named()]);
    assert_held(carol_s);
}

#[test]
fn a_welcome_that_is_refused_for_who_invites_is_told() {
    let (_, mut carol_s, added) = newcomer();
    carol_s.certificates.retain(|told| told.userid != ali());
    carol_s.certificates.push(other_certificate(Ali));
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    let news = carol_s.news();
    assert!(
        matches!(&news[..], [GroupNews::NotLetIn { by, why }] if *by == ali() && why.contains("certificate")),
        "{news:?}"
    );
    assert_eq!(carol_s.groups.known.room(&team()), None);
    // No certificate at all, and a key that has to be decided about.
    for is_pinned in [true, false] {
        let (_, mut carol_s, added) = newcomer();
        if is_pinned {
            carol_s.certificates.clear();
        } else {
            let other = crate::fixtures::identity(Carol).key;
            carol_s.cx.contacts.pin(&ali(), &other, 0, false);
        }
        carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
        let news = carol_s.news();
        assert!(matches!(&news[..], [GroupNews::NotLetIn { by, .. }] if *by == ali()), "{news:?}");
    }
}

#[test]
fn an_admin_takes_such_a_leaf_off_before_adding_anybody() {
    let (mut ali_s, _) = Stage::with_room_of_bianca();
    let (mut hers, mut carol_s) = (Stage::of(Bianca), Stage::of(Carol));
    // Bianca's terminal announces another certificate; its key packages are of that one.
    ali_s.certificates.retain(|told| told.userid != bianca());
    ali_s.certificates.push(hers.certificates[0].clone());
    ali_s.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali_s.wants(GroupWish::Approve(carol()));
    let added = ali_s.commits(ALL, |user| if *user == bianca() { hers.package() } else { carol_s.package() });
    let mut members = added.members.clone();
    members.sort();
    assert_eq!(members, [member(Ali), member(Bianca), member(Carol)]);
    assert_eq!(added.request.again, [member(Bianca)]);
    let key = (added.room, added.epoch);
    ali_s.groups.handle_commit(&mut ali_s.cx, key, &CommitStatus::Accepted.into());
    ali_s.comes_back(&added);
    let left: Vec<Member> = ali_s.groups.rooms.unverified(&added.room).to_vec();
    assert_eq!(left, []);
    // Whose keys are not to be had is only taken off.
    let (mut ali_s, _) = Stage::with_room_of_bianca();
    bianca_has_another(&mut ali_s);
    ali_s.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali_s.wants(GroupWish::Approve(carol()));
    let added = ali_s.commits(ALL, |user| {
        let mut reply = carol_s.package();
        if *user == bianca() {
            reply.packages.clear();
        }
        reply
    });
    assert_eq!(added.members, [member(Ali), member(Carol)]);
}
