//! Threat L2: whoever asks cannot tell a user who exists from one who does not.

mod support;

use common::crypto::invite::InviteCode;
use common::crypto::opaque::ClientRegistration;
use common::msg::{
    AuthReply, Blob, FromDirectory, InviteReq, Message as _, RegisterRefusal, RegisterReq, Registration,
};
use common::secret::Passcode;
use common::testkit::Example;
use directory_core::records::{InviteRecord, UnlockOutcome, UserChange};
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::{NOON, Peer, RIGHT, WRONG, World, user};

/// Replies with the bytes that are random anyway left out.
fn shape(reply: &AuthReply) -> String {
    format!("{:?} {:?} {:?} {:?}", reply.status, reply.reason, reply.retry_after, reply.tries_left)
}

#[test]
fn a_user_who_does_not_exist_is_answered_and_locked_like_one_who_does() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    world.directory.set_policy(support::policy(Registration::Invite));
    let mut transcripts = Vec::new();
    for id in ["ali", "eve"] {
        let mut seen = Vec::new();
        for _ in 0..6 {
            let mut peer = world.connect();
            seen.push(format!("{:?}", peer.hello(&world, id)));
            match peer.ke1(&world, id, WRONG, 9, None) {
                Ok((_, challenge)) => {
                    let size = FromDirectory::from(challenge).encode().len();
                    let mut peer = world.connect();
                    seen.push(format!("{size} {}", peer.ke1(&world, id, WRONG, 9, None).is_ok()));
                }
                Err(reply) => seen.push(shape(&reply)),
            }
            let mut peer = world.connect();
            seen.push(shape(&peer.authenticate(&world, id, WRONG, 9, None).0));
        }
        transcripts.push(seen);
    }
    assert_eq!(transcripts[0], transcripts[1]);
}

#[test]
fn the_same_unknown_user_looks_the_same_after_a_restart() {
    let world = World::new(Registration::Invite);
    let before = world.directory.secret.fake_credential(&user("eve"));
    let world = world.restart();
    assert_eq!(world.directory.secret.fake_credential(&user("eve")), before);
}

#[test]
fn where_registration_is_not_open_nobody_learns_which_ids_are_taken() {
    for (registration, refusal) in
        [(Registration::Invite, RegisterRefusal::Invite), (Registration::Closed, RegisterRefusal::Closed)]
    {
        let mut world = World::new(Registration::Open);
        world.register(Example::Ali);
        world.directory.set_policy(support::policy(registration));
        for id in ["ali", "eve", "admin"] {
            let mut peer = world.connect();
            assert_eq!(peer.hello(&world, id).known, None);
            let (_, request) = ClientRegistration::start(Passcode::new(RIGHT.into())).unwrap();
            let request = RegisterReq { userid: user(id), passcode: Blob(request), invite: None };
            match peer.send(&world, request) {
                Some(FromDirectory::RegisterReply(reply)) => assert_eq!(reply.reason, Some(refusal), "{id}"),
                other => panic!("{other:?}"),
            }
            assert!(matches!(peer.send(&world, InviteReq { userid: user(id) }), Some(FromDirectory::InviteProof(_))));
        }
    }
}

#[test]
fn an_administrators_lock_shows_only_to_somebody_who_knows_the_passcode() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    assert_eq!(block_on(world.directory.store.lock(&user("ali"), "lost laptop")).unwrap(), UserChange::Done);
    let (wrong, _) = world.connect().authenticate(&world, "ali", WRONG, 9, None);
    assert_eq!(wrong.tries_left, Some(3));
    let (right, _) = world.connect().authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!((right.reason, right.retry_after), (Some(common::msg::AuthRefusal::Locked), None));
    assert_eq!(block_on(world.directory.store.unlock(&user("ali"))).unwrap(), UnlockOutcome::Unlocked);
    world.now = NOON;
    world.log_in(Example::Ali, 9);
}

#[test]
fn nobody_learns_who_is_invited_by_asking_twice() {
    let mut world = World::new(Registration::Invite);
    let code = InviteCode::generate().unwrap();
    let invite = InviteRecord { user: user("ali"), code, expires: NOON.seconds() + 3600 };
    block_on(world.directory.store.invite(invite, NOON)).unwrap();
    let proof = |peer: &mut Peer, world: &World, id: &str| match peer.send(world, InviteReq { userid: user(id) }) {
        Some(FromDirectory::InviteProof(answer)) => answer.proof,
        other => panic!("{other:?}"),
    };
    for id in ["ali", "eve"] {
        let (mut one, mut other) = (world.connect(), world.connect());
        let first = proof(&mut one, &world, id);
        assert_eq!(proof(&mut one, &world, id), first, "{id}: the same on one connection");
        assert_ne!(proof(&mut other, &world, id), first, "{id}: another on another connection");
    }
}
