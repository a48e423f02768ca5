//! Groups that nobody here has asked for, and welcomes that are not what their author has signed.

use common::crypto::commit;
use common::ident::{GroupHandle, GroupName, TerminalId};
use common::msg::{Body, CommitReq, GroupEntry, GroupReply, MailKind, Member, SignedCommit, UserCertificate};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, carol, further_of, member, package_of, team, terminal};
use super::succession::{ALL, ali};
use crate::command::GroupWish;
use crate::model::Conversation;
use crate::notice::GroupNews;
use crate::request::OpenedLetter;

/// Ali's commit that adds carol, and carol, who has asked for it or not.
fn scene(has_asked: bool) -> (Stage, Stage, Committing) {
    let (mut ali_s, _) = Stage::with_room_of_bianca();
    let mut carol_s = Stage::of(Carol);
    ali_s.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali_s.wants(GroupWish::Approve(carol()));
    let added = ali_s.commits(ALL, |_| carol_s.package());
    carol_s.certificates.extend(ali_s.certificates.clone());
    if has_asked {
        let reply = GroupReply { room: Some(added.room), admins: vec![ali()] };
        carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
        carol_s.effects();
    }
    (ali_s, carol_s, added)
}

#[test]
fn nobody_is_put_into_a_group_unasked() {
    let (_, mut carol_s, added) = scene(false);
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert_eq!(carol_s.news(), [GroupNews::Invited { by: ali() }]);
    assert_eq!((carol_s.groups.known.room(&team()), carol_s.groups.rooms.epoch(&added.room)), (None, None));
    // What is said there makes her speak to nobody.
    assert!(!carol_s.groups.rooms.is_strange(&added.room));
    // It is asked for as usual.
    assert_eq!(carol_s.wants(GroupWish::Join).len(), 1);
}

#[test]
fn who_wants_others_in_many_groups_is_told_a_few_times_and_who_is_blocked_never() {
    let mut carol_s = Stage::of(Carol);
    let group = |number: usize| GroupName::parse(&format!("g{number}")).unwrap();
    for number in (0..20).chain(0..20) {
        carol_s.groups.invited(&mut carol_s.cx, group(number), ali());
    }
    assert_eq!(carol_s.news().len(), 4);
    carol_s.groups.handle_session();
    carol_s.groups.invited(&mut carol_s.cx, group(0), ali());
    assert_eq!(carol_s.news().len(), 1, "again in another session");

    let (_, mut carol_s, added) = scene(false);
    carol_s.cx.contacts.block(&ali(), 0);
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert_eq!(carol_s.news(), []);
}

#[test]
fn who_has_asked_for_another_group_of_the_name_is_not_put_into_this_one() {
    let (_, mut carol_s, added) = scene(false);
    let reply = GroupReply { room: Some(common::ident::RoomId([9; 16])), admins: vec![bianca()] };
    carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
    carol_s.effects();
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert_eq!(carol_s.groups.known.room(&team()), None);
}

#[test]
fn a_further_terminal_of_a_member_is_added_and_taken_in_again_when_it_asks() {
    let (mut ali_s, _) = Stage::with_room_of_bianca();
    let (mut second, certificate) = further_of(Bianca, 77);
    let told = UserCertificate { certificate, userid: bianca(), ..super::stage::other_certificate(Bianca) };
    let further = told.certificate.terminal;
    let listed = || {
        let mut listed = super::stage::terminals(&[(Ali, true), (Bianca, true)]);
        listed.users[1].terminals.push(further);
        listed
    };
    ali_s.certificates.push(told.clone());
    let room = ali_s.groups.known.room(&team()).unwrap();
    let mut takes_in = |ali_s: &mut Stage| {
        let number = ali_s.asks_for_terminals();
        let requests = ali_s.groups.handle_terminals(&mut ali_s.cx, number, listed());
        let added = ali_s.takes(requests, |_| package_of(&mut second, &told));
        ali_s.comes_back(&added);
        added.request.again
    };
    // It is told who wants it there, and by which name.
    ali_s.groups.handle_came(&ali_s.cx, &bianca());
    assert_eq!(takes_in(&mut ali_s), []);
    let body = Body::Ask { group: team(), handle: GroupHandle::of(&team(), &ali_s.cx.directory) };
    let (conversation, id) = (Conversation::User(bianca()), common::ident::MessageId([4; 16]));
    let letter = OpenedLetter { room, conversation, from: bianca(), terminal: further, id, body };
    ali_s.groups.handle_letter(&mut ali_s.cx, letter);
    assert_eq!(takes_in(&mut ali_s), [Member { userid: bianca(), terminal: further }]);
}

#[test]
fn all_further_terminals_of_a_newcomer_are_let_in_by_the_one_that_asked() {
    let (mut ali_s, _) = Stage::with_room_of_bianca();
    let mut carol_s = Stage::of(Carol);
    let mut further: Vec<_> = [77, 78].map(|number| further_of(Carol, number)).into();
    let told: Vec<UserCertificate> = further
        .iter()
        .map(|(_, certificate)| UserCertificate { certificate: certificate.clone(), ..carol_s.certificates[0].clone() })
        .collect();
    let listed = || {
        let mut listed = super::stage::terminals(&[(Ali, true), (Bianca, true), (Carol, true)]);
        listed.users[2].terminals.extend([77, 78].map(|number| TerminalId([number; 16])));
        listed
    };
    ali_s.groups.known.change(&team(), |known| known.waiting.push(carol()));
    ali_s.wants(GroupWish::Approve(carol()));
    let number = ali_s.asks_for_terminals();
    let requests = ali_s.groups.handle_terminals(&mut ali_s.cx, number, listed());
    let added = ali_s.takes(requests, |_| {
        let mut reply = carol_s.package();
        for ((secret, _), told) in further.iter_mut().zip(&told) {
            reply.packages.extend(package_of(secret, told).packages);
        }
        reply
    });
    carol_s.certificates.extend(told.iter().cloned().chain(ali_s.certificates.clone()));
    let reply = GroupReply { room: Some(added.room), admins: vec![ali()] };
    carol_s.groups.handle_group(&mut carol_s.cx, team(), &reply);
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    for ((secret, _), told) in further.iter_mut().zip(&told) {
        let number = carol_s.asks_for_terminals();
        let requests = carol_s.groups.handle_terminals(&mut carol_s.cx, number, listed());
        let again = carol_s.takes(requests, |_| package_of(secret, told));
        assert_eq!(again.request.again, [Member { userid: carol(), terminal: told.certificate.terminal }]);
        carol_s.comes_back(&again);
    }
    assert_eq!(carol_s.groups.rooms.terminals_of(&added.room, &carol()).len(), 3);
}

#[test]
fn a_terminal_that_has_lost_its_rooms_asks_when_its_user_wishes_it() {
    let mut stage = Stage::new();
    let room = common::ident::RoomId([5; 16]);
    stage.groups.known.joined(&team(), room);
    stage.wants(GroupWish::Members);
    assert_eq!(stage.news(), [GroupNews::Returning]);
    assert_eq!(stage.wants(GroupWish::Join).len(), 1);
    let reply = GroupReply { room: Some(room), admins: vec![bianca()] };
    assert_eq!(stage.groups.handle_group(&mut stage.cx, team(), &reply).len(), 1);
    assert_eq!(stage.news(), [GroupNews::Asked]);
}

/// What ali signs for the welcome, and says to the directory.
fn signed(stage: &Stage, request: CommitReq, added: &Committing, welcome: &[u8]) -> SignedCommit {
    let (directory, by) = (stage.cx.directory, member(Ali));
    let bytes = (added.commit.as_slice(), welcome);
    let request = commit::signed(request, &by, &directory, bytes, |said| terminal(Ali).sign(said));
    let digests = commit::digests(&request, &added.commit, welcome);
    SignedCommit { digests, signature: request.signature.unwrap() }
}

#[test]
fn a_welcome_is_accepted_only_if_its_author_has_signed_what_it_does() {
    type Told = fn(&Stage, CommitReq) -> CommitReq;
    let rows: [(Told, bool); 6] = [
        (|_, request| request, true),
        (|_, request| CommitReq { members: vec![member(Ali), member(Carol)], ..request }, false),
        (|_, request| CommitReq { epoch: 7, ..request }, false),
        (|_, request| CommitReq { room: common::ident::RoomId([9; 16]), ..request }, false),
        (|stage, request| entry(stage, request, "team"), true),
        (|stage, request| entry(stage, request, "other"), false),
    ];
    for (row, (told, accepted)) in rows.into_iter().enumerate() {
        let (ali_s, mut carol_s, added) = scene(true);
        let request = told(&ali_s, CommitReq { signature: None, ..added.request.clone() });
        carol_s.signed = Some(signed(&ali_s, request, &added, &added.welcome));
        carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
        assert_eq!(carol_s.groups.known.room(&team()).is_some(), accepted, "row {row}");
        let told = carol_s.news();
        assert!(accepted || matches!(&told[..], [GroupNews::NotLetIn { .. }]), "row {row}: {told:?}");
    }
    // A signature for another welcome; a welcome that somebody else has given to the directory; an old directory.
    let (ali_s, mut carol_s, added) = scene(true);
    carol_s.signed = Some(signed(&ali_s, added.request.clone(), &added, b"another"));
    carol_s.comes((added.room, added.epoch), MailKind::Welcome, member(Ali), &added.welcome);
    assert_eq!(carol_s.groups.known.room(&team()), None);
    for (from, accepted) in [(member(Bianca), false), (member(Ali), true)] {
        let (_, mut carol_s, added) = scene(true);
        carol_s.comes((added.room, added.epoch), MailKind::Welcome, Member::clone(&from), &added.welcome);
        assert_eq!(carol_s.groups.known.room(&team()).is_some(), accepted, "{from:?}");
    }
}

fn entry(stage: &Stage, request: CommitReq, name: &str) -> CommitReq {
    let handle = GroupHandle::of(&GroupName::parse(name).unwrap(), &stage.cx.directory);
    CommitReq { group: Some(GroupEntry { handle, admins: vec![ali()] }), ..request }
}
