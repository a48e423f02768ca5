//! Decision D31, threat G7: who may do what in a room, by the real store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::crypto;
use common::crypto::invite::InviteCode;
use common::ident::{KeyDigest, RoomId};
use common::limits::{EPOCHS_PER_USER, ROOMS_FOUNDED, ROOMS_OF_TWO, ROOMS_PER_HOUR};
use common::msg::{
    Blob, CertificatesReq, CommitRefusal, CommitReply, CommitReq, CommitStatus, Error, ErrorCode, Features,
    FromDirectory, GroupReply, GroupReq, MailItem, MailKind, MailRefusal, MailboxPut, Registration,
};
use common::testkit::{Example, sealed_commit};
use directory_core::records::{InviteRecord, Remover, UserChange};
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::mail::{ROOM, body, commit_req, entry, member, pair, putting, team};
use support::{Peer, RIGHT, World, user};

const NEXT: RoomId = RoomId([8; 16]);

fn refused(reason: CommitRefusal) -> CommitReply {
    CommitReply { reason: Some(reason), ..CommitStatus::Refused.into() }
}

/// Ali's group of ali, bianca (an admin, too) and carol, in epoch 0.
fn three() -> (World, [Peer; 3]) {
    let mut world = World::new(Registration::Open);
    let all = [Example::Ali, Example::Bianca, Example::Carol];
    all.into_iter().for_each(|example| world.register(example));
    let mut peers = all.map(|example| world.log_in(example, 1).0);
    let everybody = ["ali", "bianca", "carol"].map(|id| member(id, 1));
    let create = CommitReq { group: entry("team", &["ali", "bianca"]), ..commit_req(0, &everybody) };
    assert_eq!(peers[0].commit(&world, create, b"", b""), CommitStatus::Accepted);
    (world, peers)
}

fn group(peer: &mut Peer, world: &World) -> GroupReply {
    match peer.send(world, GroupReq { handle: entry("team", &["ali"]).unwrap().handle }) {
        Some(FromDirectory::GroupReply(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn items(peer: &mut Peer, world: &World) -> Vec<MailItem> {
    peer.open_mailbox(world);
    peer.mail(world)
}

fn leave(peer: &mut Peer, world: &World, epoch: u64) {
    let put = MailboxPut { leave: true, ..putting(epoch, &[b"goodbye"]) };
    match peer.send(world, put) {
        Some(FromDirectory::MailboxReply(reply)) => assert_eq!((reply.stored, reply.refused), (1, None)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_without_its_authors_signature_is_refused_and_readers_get_the_signature() {
    let (mut world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    let commit = sealed_commit(&ROOM, 0, b"commit");
    let request = CommitReq { commit: commit.len() as u32, ..commit_req(0, &both) };
    let signed = ali.signed(request.clone(), &commit, b"");
    let by_bianca = bianca.signed(request.clone(), &commit, b"");
    let altered = CommitReq { members: vec![member("ali", 1)], ..signed.clone() };
    let short = CommitReq { signature: Some(Blob(vec![1; 63])), ..request.clone() };
    for wrong in [request, by_bianca, altered, short] {
        ali.upload(&world, &commit);
        assert_eq!(ali.send(&world, wrong), Some(refused(CommitRefusal::Signature).into()));
    }
    // A terminal of the version before knows no such answer.
    let mut second = world.session_naming(Example::Ali, 2, Features::default());
    let patience =
        Error { to: Some("COMMITREQ".into()), retry_after: Some(3600), ..Error::new(ErrorCode::RateLimited) };
    assert_eq!(second.send(&world, commit_req(0, &both)), Some(patience.into()));

    ali.upload(&world, &commit);
    assert_eq!(ali.send(&world, signed), Some(CommitReply::from(CommitStatus::Accepted).into()));
    let item = items(&mut bianca, &world).pop().unwrap();
    let told = item.signed.unwrap();
    assert_eq!(told.digests.commit, crypto::commit::of(&item.piece.unwrap().0));
    assert_eq!(told.digests.members, crypto::commit::of_members(&both));
    let certificate = match bianca.send(&world, CertificatesReq { members: vec![member("ali", 1)] }) {
        Some(FromDirectory::CertificatesReply(reply)) => reply.certificates[0].certificate.clone(),
        other => panic!("{other:?}"),
    };
    let key = |directory| crypto::commit::verify(&told, &member("ali", 1), &certificate.key, directory, (&ROOM, 0));
    assert!(key(&support::DIRECTORY_KEY).is_ok() && key(&KeyDigest([1; 32])).is_err());
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn rubbish_that_does_not_say_what_it_is_for_changes_nothing() {
    let (world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    let rubbish = b"\x01".to_vec();
    ali.upload(&world, &rubbish);
    let request = ali.signed(CommitReq { commit: 1, ..commit_req(0, &both) }, &rubbish, b"");
    assert_eq!(ali.send(&world, request), Some(Error::new(ErrorCode::Malformed).into()));
    assert!(ali.closed);
    assert_eq!(bianca.put(&world, 0, &[b"x"]).stored, 1, "still epoch 0");
    // A message whose header names another epoch is nobody's.
    let put = MailboxPut { epoch: 0, ..putting(9, &[b"from the future"]) };
    assert_eq!(bianca.send(&world, put), Some(Error::new(ErrorCode::Malformed).into()));
    assert_eq!(world.waiting(), 1);
}

#[test]
fn a_member_who_is_no_admin_ends_no_epoch_but_for_terminals_of_the_same_user() {
    let (mut world, [_ali, _bianca, mut carol]) = three();
    let (_second, _) = world.log_in(Example::Carol, 2);
    let everybody = ["ali", "bianca", "carol"].map(|id| member(id, 1));
    let gives_up = CommitReq { signature: None, ..commit_req(0, &[]) };
    assert_eq!(carol.commits(&world, gives_up, b"", b""), refused(CommitRefusal::Members));
    let alone = commit_req(0, &everybody[2..]);
    assert_eq!(carol.commits(&world, alone, b"c", b""), refused(CommitRefusal::NotAdmin));
    let with_second = commit_req(0, &[&everybody[..], &[member("carol", 2)]].concat());
    assert_eq!(carol.commit(&world, with_second, b"c", b"w"), CommitStatus::Accepted);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn who_leaves_gets_no_more_mail_and_no_commit_brings_the_terminals_back() {
    let (world, [mut ali, mut bianca, mut carol]) = three();
    let everybody = ["ali", "bianca", "carol"].map(|id| member(id, 1));
    leave(&mut carol, &world, 0);
    assert_eq!(carol.put(&world, 0, &[b"x"]).refused, Some(MailRefusal::Room));
    assert_eq!(items(&mut ali, &world).len(), 1, "the goodbye");
    // Bianca, whose tree has carol still, adds nobody; carol stays without mail.
    assert_eq!(bianca.commit(&world, commit_req(0, &everybody), b"c", b"w"), CommitStatus::Accepted);
    assert_eq!(ali.put(&world, 1, &[b"secret"]).stored, 1);
    assert_eq!(carol.open_mailbox(&world).waiting, 0);
    // An admin takes the leaf off; then carol can come back.
    assert_eq!(ali.commit(&world, commit_req(1, &everybody[..2]), b"c", b""), CommitStatus::Accepted);
    assert_eq!(ali.commit(&world, commit_req(2, &everybody), b"c", b"w"), CommitStatus::Accepted);
    assert_eq!(items(&mut carol, &world).iter().map(|item| item.kind).collect::<Vec<_>>(), [MailKind::Welcome]);
    // An admin who leaves is none any more, and the last one leaves the group to nobody.
    leave(&mut ali, &world, 3);
    assert_eq!(group(&mut bianca, &world).admins, [user("bianca")]);
    leave(&mut bianca, &world, 3);
    assert_eq!(group(&mut carol, &world), GroupReply { room: Some(ROOM), admins: Vec::new() });
    assert_eq!(carol.commits(&world, commit_req(3, &everybody[2..]), b"c", b"").status, CommitStatus::Accepted);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_welcome_also_reaches_a_terminal_that_is_added_again() {
    let (world, [mut ali, _bianca, mut carol]) = three();
    let everybody = ["ali", "bianca", "carol"].map(|id| member(id, 1));
    let again = CommitReq { again: vec![member("carol", 1)], ..commit_req(0, &everybody) };
    assert_eq!(ali.commit(&world, again, b"c", b"w"), CommitStatus::Accepted);
    let kinds: Vec<_> = items(&mut carol, &world).iter().map(|item| (item.kind, body(item))).collect();
    assert_eq!(kinds, [(MailKind::Commit, b"c".to_vec()), (MailKind::Welcome, b"w".to_vec())]);
}

#[test]
fn a_group_is_founded_anew_without_a_member_and_the_old_room_is_closed() {
    let (mut world, [mut ali, mut bianca, mut carol]) = three();
    // Carol's rubbish is shaped like a commit of carol's own terminals, and nobody can follow it.
    let everybody = ["ali", "bianca", "carol"].map(|id| member(id, 1));
    assert_eq!(carol.commit(&world, commit_req(0, &everybody), b"rubbish", b""), CommitStatus::Accepted);
    let anew = |room, admins: &[&str], members: &[_]| CommitReq {
        room,
        group: entry("team", admins),
        replaces: Some(ROOM),
        ..commit_req(0, members)
    };
    let steals = anew(NEXT, &["carol"], &everybody[2..]);
    assert_eq!(carol.commits(&world, steals, b"c", b""), refused(CommitRefusal::NotAdmin));
    let drops = anew(NEXT, &["bianca"], &everybody[..2]);
    assert_eq!(bianca.commits(&world, drops, b"c", b"w"), refused(CommitRefusal::Order));
    let without_ali = anew(NEXT, &["ali", "bianca"], &everybody[1..]);
    assert_eq!(bianca.commits(&world, without_ali, b"c", b"w"), refused(CommitRefusal::Order));
    assert_eq!(
        bianca.commit(&world, anew(NEXT, &["ali", "bianca"], &everybody[..2]), b"c", b"w"),
        CommitStatus::Accepted
    );
    assert_eq!(group(&mut carol, &world), GroupReply { room: Some(NEXT), admins: vec![user("ali"), user("bianca")] });
    assert_eq!(items(&mut ali, &world).last().map(|item| (item.room, item.kind)), Some((NEXT, MailKind::Welcome)));
    let late = anew(RoomId([9; 16]), &["ali", "bianca"], &everybody[..2]);
    assert_eq!(ali.commits(&world, late, b"c", b"w"), refused(CommitRefusal::Moved), "bianca was faster");
    for peer in [&mut ali, &mut carol] {
        assert_eq!(peer.put(&world, 1, &[b"x"]).refused, Some(MailRefusal::Moved));
    }
    assert_eq!(carol.commits(&world, commit_req(1, &everybody), b"c", b""), refused(CommitRefusal::Moved));
    let mut carol = world.session_naming(Example::Carol, 1, Features::default());
    assert_eq!(carol.put(&world, 1, &[b"x"]).refused, Some(MailRefusal::Room), "who knows no move");
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn an_admin_who_is_taken_along_with_one_terminal_hears_of_it_at_the_others() {
    let (mut world, [mut ali, mut bianca, _carol]) = three();
    let (mut other, _) = world.log_in(Example::Ali, 2);
    let everybody = [member("ali", 1), member("ali", 2), member("bianca", 1), member("carol", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &everybody), b"c", b"w"), CommitStatus::Accepted);
    // The one that ali uses is left out for one that is off.
    let anew = CommitReq {
        room: NEXT,
        group: entry("team", &["ali", "bianca"]),
        replaces: Some(ROOM),
        ..commit_req(0, &everybody[1..])
    };
    assert_eq!(bianca.commit(&world, anew, b"c", b"w"), CommitStatus::Accepted);
    for peer in [&mut ali, &mut other] {
        let item = items(peer, &world).pop().unwrap();
        assert_eq!((item.room, item.kind, &item.from), (NEXT, MailKind::Welcome, &member("bianca", 1)));
        assert_eq!(item.signed.unwrap().digests.replaces, Some(ROOM), "it says what for");
    }
    let comes_in = CommitReq { room: NEXT, ..commit_req(1, &everybody) };
    assert_eq!(ali.commit(&world, comes_in, b"c", b"w"), CommitStatus::Room, "who is told is not in it");
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn an_admin_with_a_new_identity_is_still_one_and_founds_the_group_anew() {
    let (mut world, [ali, mut bianca, _carol]) = three();
    drop(ali);
    let code = InviteCode::generate().unwrap();
    let invite = InviteRecord { user: user("ali"), code: code.clone(), expires: u64::MAX >> 1 };
    assert_eq!(block_on(world.directory.store.reset(&user("ali"), invite)).unwrap(), UserChange::Done);
    let others = ["bianca", "carol"].map(|id| member(id, 1));
    assert_eq!(group(&mut bianca, &world).admins, [user("ali"), user("bianca")]);
    let drops = CommitReq { group: entry("team", &["bianca"]), ..commit_req(0, &others) };
    assert_eq!(bianca.commits(&world, drops, b"c", b""), refused(CommitRefusal::Order));
    let mut again = world.connect();
    let proof = code.peer_proof(again.channel(&user("ali")));
    assert_eq!(again.register(&world, Example::Ali, RIGHT, Some(proof)).reason, None);
    let (mut ali, _) = world.log_in(Example::Ali, 5);
    let anew = CommitReq {
        room: NEXT,
        group: entry("team", &["ali", "bianca"]),
        replaces: Some(ROOM),
        ..commit_req(0, &[&others[..], &[member("ali", 5)]].concat())
    };
    assert_eq!(ali.commit(&world, anew, b"c", b"w"), CommitStatus::Accepted);
    assert_eq!(group(&mut bianca, &world).room, Some(NEXT));
}

#[test]
fn a_certificate_stays_while_a_tree_or_a_commit_in_a_mailbox_may_name_it() {
    let (mut world, mut ali, mut bianca) = team();
    let (mut second, _) = world.log_in(Example::Bianca, 2);
    let all = [member("ali", 1), member("bianca", 1), member("bianca", 2)];
    assert_eq!(bianca.commit(&world, commit_req(0, &all), b"c", b"w"), CommitStatus::Accepted);
    let certificates = |peer: &mut Peer, world: &World| match peer
        .send(world, CertificatesReq { members: vec![member("bianca", 1)] })
    {
        Some(FromDirectory::CertificatesReply(reply)) => reply.certificates.len(),
        other => panic!("{other:?}"),
    };
    block_on(world.directory.store.remove_terminal(&member("bianca", 1), Remover::Administrator)).unwrap();
    world.expire_mail();
    assert_eq!(certificates(&mut ali, &world), 1, "ali has not read the commit yet, and the tree has the terminal");
    ali.take_mail(&world);
    second.take_mail(&world);
    world.expire_mail();
    assert_eq!(certificates(&mut ali, &world), 1, "newcomers verify every leaf");
    assert_eq!(ali.commit(&world, commit_req(1, &[all[0].clone(), all[2].clone()]), b"c", b""), CommitStatus::Accepted);
    ali.take_mail(&world);
    second.take_mail(&world);
    world.expire_mail();
    assert_eq!(certificates(&mut ali, &world), 0);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_user_ends_six_epochs_of_a_room_in_ten_minutes() {
    let (mut world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    for epoch in 0..EPOCHS_PER_USER as u64 {
        assert_eq!(ali.commit(&world, commit_req(epoch, &both), b"c", b""), CommitStatus::Accepted);
        world.now = world.now + Duration::from_secs(60);
    }
    let next = EPOCHS_PER_USER as u64;
    let told = CommitReply { retry_after: Some(240), ..refused(CommitRefusal::Epochs) };
    assert_eq!(ali.commits(&world, commit_req(next, &both), b"c", b""), told);
    assert_eq!(bianca.commit(&world, commit_req(next, &both), b"c", b""), CommitStatus::Accepted, "another user");
    world.now = world.now + Duration::from_secs(240);
    assert_eq!(ali.commit(&world, commit_req(next + 1, &both), b"c", b""), CommitStatus::Accepted);
}

#[test]
fn a_user_founds_a_hundred_rooms_an_hour_and_keeps_four_with_one_other() {
    let (mut world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    let founds = |n: usize| CommitReq { room: RoomId((n as u128).to_be_bytes()), ..commit_req(0, &both) };
    for n in 1..ROOMS_PER_HOUR {
        world.now = world.now + Duration::from_secs(1);
        assert_eq!(ali.commit(&world, founds(n), b"", b""), CommitStatus::Accepted, "{n}");
    }
    let wait = CommitReply { retry_after: Some(3501), ..refused(CommitRefusal::Rooms) };
    assert_eq!(ali.commits(&world, founds(ROOMS_PER_HOUR), b"", b""), wait);
    assert_eq!(block_on(world.directory.store.rooms()).unwrap().len(), ROOMS_OF_TWO);
    assert_eq!(bianca.put(&world, 0, &[b"x"]).refused, Some(MailRefusal::Room), "the first was closed");
    world.now = world.now + Duration::from_secs(3600);
    assert_eq!(ali.commit(&world, founds(ROOMS_PER_HOUR), b"", b""), CommitStatus::Accepted);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_user_has_founded_so_many_rooms_that_there_are_and_one_in_the_place_of_another_is_none_more() {
    let (world, mut ali, mut bianca) = team();
    let both = [member("ali", 1), member("bianca", 1)];
    let founds = |n: u8| CommitReq { room: RoomId([n; 16]), ..commit_req(0, &both) };
    world.add_rooms("ali", ROOMS_FOUNDED - 2);
    assert_eq!(ali.commit(&world, founds(8), b"", b""), CommitStatus::Accepted);
    let told = CommitReply { retry_after: Some(3600), ..refused(CommitRefusal::Rooms) };
    assert_eq!(ali.commits(&world, founds(9), b"", b""), told);
    assert_eq!(bianca.commit(&world, founds(9), b"", b""), CommitStatus::Accepted, "another user");
    let anew = CommitReq { group: entry("team", &["ali"]), replaces: Some(ROOM), ..founds(10) };
    assert_eq!(ali.commit(&world, anew, b"", b""), CommitStatus::Accepted);
    assert_eq!(ali.commits(&world, founds(11), b"", b""), told);
}
