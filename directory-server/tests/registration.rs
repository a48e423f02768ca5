//! Who gets a user id, and that it stays (decision D23, threat L8).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::crypto::invite::{InviteCode, proof_holds};
use common::crypto::opaque::ClientRegistration;
use common::crypto::transcript;
use common::ident::Mac;
use common::msg::{
    Blob, FromDirectory, Hex, InviteReq, Message as _, RegisterChallenge, RegisterRefusal, RegisterReq, RegisterStatus,
    RegisterUpload, Registration,
};
use common::secret::Passcode;
use common::testkit::Example;
use directory_core::presence::Asker;
use directory_core::records::{IdStatus, InviteRecord, UserChange};
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::{NOON, Peer, RIGHT, World, user};

fn invite(world: &World, id: &str) -> InviteCode {
    let code = InviteCode::generate().unwrap();
    let record = InviteRecord { user: user(id), code: code.clone(), expires: NOON.seconds() + 3600 };
    block_on(world.directory.store.invite(record, NOON)).unwrap();
    code
}

fn register_with(world: &mut World, example: Example, code: &InviteCode) -> Option<RegisterRefusal> {
    let mut peer = world.connect();
    let id = example.user().unwrap();
    let proof = code.peer_proof(peer.channel(&id));
    peer.register(world, example, RIGHT, Some(proof)).reason
}

/// Asks to register; why not, and for how long.
fn refusal(peer: &mut Peer, world: &World, id: &str) -> (Option<RegisterRefusal>, Option<u64>) {
    match peer.send(world, request(id).1) {
        Some(FromDirectory::RegisterReply(reply)) => (reply.reason, reply.retry_after),
        Some(FromDirectory::RegisterChallenge(_)) => (None, None),
        other => panic!("{other:?}"),
    }
}

fn request(id: &str) -> (ClientRegistration, RegisterReq) {
    let (client, request) = ClientRegistration::start(Passcode::new(RIGHT.into())).unwrap();
    (client, RegisterReq { userid: user(id), passcode: Blob(request), invite: None })
}

/// The upload that answers a challenge, with the key of one user and the signature of another.
fn upload(
    peer: &Peer,
    client: ClientRegistration,
    challenge: &RegisterChallenge,
    key: Example,
    signer: Example,
) -> RegisterUpload {
    let id = user("ali");
    let (record, _) = client.finish(&challenge.passcode.0, peer.channel(&id)).unwrap();
    let mut upload = RegisterUpload {
        passcode: Blob(record),
        publickey: Hex(key.identity().unwrap().public().as_pkcs1().to_vec()),
        signature: Blob::default(),
        vault: Blob(vec![1]),
    };
    let transcript = transcript::registration(peer.channel(&id), &challenge.challenge, &upload);
    upload.signature = Blob(signer.identity().unwrap().sign(&transcript).unwrap());
    upload
}

#[test]
fn a_registered_user_is_known_and_logs_in_on_the_same_connection_and_after_a_restart() {
    let mut world = World::new(Registration::Open);
    let mut peer = world.connect();
    assert_eq!(peer.hello(&world, "ali").known, Some(false));
    assert_eq!(peer.register(&world, Example::Ali, RIGHT, None).status, RegisterStatus::Registered);
    peer.log_in(&world, Example::Ali, 1, None);
    let mut world = world.restart();
    assert_eq!(world.connect().hello(&world, "ali").known, Some(true));
    world.log_in(Example::Ali, 1);
}

#[test]
fn a_taken_id_and_that_of_a_removed_user_are_not_given_out() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let taken = world.connect().register(&world, Example::Ali, RIGHT, None);
    assert_eq!(taken.reason, Some(RegisterRefusal::Unavailable));
    assert_eq!(block_on(world.directory.store.remove(&user("ali"), NOON)).unwrap(), UserChange::Done);
    let mut world = world.restart();
    let removed = world.connect().register(&world, Example::Ali, RIGHT, None);
    assert_eq!(removed.reason, Some(RegisterRefusal::Unavailable));
    let (reply, _) = world.connect().authenticate(&world, "ali", RIGHT, 1, None);
    assert_eq!(reply.tries_left, Some(3), "the removed user is a stranger now");
}

#[test]
fn of_two_registrations_under_way_for_one_id_the_first_to_finish_wins() {
    let mut world = World::new(Registration::Open);
    let (mut slow, mut fast) = (world.connect(), world.connect());
    let (client, request) = request("ali");
    let Some(FromDirectory::RegisterChallenge(challenge)) = slow.send(&world, request) else { panic!() };
    assert_eq!(fast.register(&world, Example::Ali, RIGHT, None).status, RegisterStatus::Registered);
    let upload = upload(&slow, client, &challenge, Example::Ali, Example::Ali);
    match slow.send(&world, upload) {
        Some(FromDirectory::RegisterReply(reply)) => assert_eq!(reply.reason, Some(RegisterRefusal::Unavailable)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_without_its_proof_of_possession_is_refused() {
    let mut world = World::new(Registration::Open);
    let mut peer = world.connect();
    let (client, request) = request("ali");
    let Some(FromDirectory::RegisterChallenge(challenge)) = peer.send(&world, request) else { panic!() };
    let upload = upload(&peer, client, &challenge, Example::Bianca, Example::Ali);
    match peer.send(&world, upload) {
        Some(FromDirectory::RegisterReply(reply)) => assert_eq!(reply.reason, Some(RegisterRefusal::Key)),
        other => panic!("{other:?}"),
    }
    assert_eq!(block_on(world.directory.store.id_status(&user("ali"), NOON)), Ok(IdStatus::Free));
}

#[test]
fn an_invitation_introduces_both_sides_and_works_once() {
    let mut world = World::new(Registration::Invite);
    let code = invite(&world, "ali");
    let mut peer = world.connect();
    let ali = user("ali");
    match peer.send(&world, InviteReq { userid: ali.clone() }) {
        Some(FromDirectory::InviteProof(proof)) => {
            assert!(proof_holds(&code.directory_proof(peer.channel(&ali)), &proof.proof));
        }
        other => panic!("{other:?}"),
    }
    let wrong = peer.register(&world, Example::Ali, RIGHT, Some(Mac([7; 32])));
    assert_eq!(wrong.reason, Some(RegisterRefusal::Invite));
    let of_another_connection = code.peer_proof(world.connect().channel(&ali));
    let replayed = world.connect().register(&world, Example::Ali, RIGHT, Some(of_another_connection));
    assert_eq!(replayed.reason, Some(RegisterRefusal::Invite));
    assert_eq!(register_with(&mut world, Example::Ali, &code), None);
    assert_eq!(register_with(&mut world, Example::Ali, &code), Some(RegisterRefusal::Invite));
}

#[test]
fn an_expired_or_revoked_invitation_is_none() {
    let mut world = World::new(Registration::Invite);
    let code = invite(&world, "ali");
    world.now = NOON + Duration::from_secs(3600);
    assert_eq!(register_with(&mut world, Example::Ali, &code), Some(RegisterRefusal::Invite));
    world.now = NOON;
    let code = invite(&world, "bianca");
    assert_eq!(block_on(world.directory.store.revoke(&code)), Ok(Some(user("bianca"))));
    assert_eq!(register_with(&mut world, Example::Bianca, &code), Some(RegisterRefusal::Invite));
}

#[test]
fn an_invitation_keeps_its_id_where_anyone_may_register() {
    let mut world = World::new(Registration::Open);
    let code = invite(&world, "ali");
    let stranger = world.connect().register(&world, Example::Ali, RIGHT, None);
    assert_eq!(stranger.reason, Some(RegisterRefusal::Invite));
    assert_eq!(register_with(&mut world, Example::Ali, &code), None);
}

#[test]
fn a_source_registers_three_times_an_hour_and_loopback_without_limit() {
    let mut world = World::new(Registration::Open);
    let office = "192.0.2.7".parse().unwrap();
    for example in [Example::Ali, Example::Bianca, Example::Carol] {
        assert_eq!(world.connect_from(office).register(&world, example, RIGHT, None).reason, None);
    }
    let mut fourth = world.connect_from(office);
    assert_eq!(refusal(&mut fourth, &world, "ali2"), (Some(RegisterRefusal::TooMany), Some(3600)));
    for id in ["ali2", "ali3", "ali4", "ali5"] {
        let mut here = world.connect();
        assert_eq!(refusal(&mut here, &world, id), (None, None));
    }
}

#[test]
fn a_reset_passcode_leaves_the_id_to_its_invitation_alone() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let code = InviteCode::generate().unwrap();
    let record = InviteRecord { user: user("ali"), code: code.clone(), expires: NOON.seconds() + 3600 };
    assert_eq!(block_on(world.directory.store.reset(&user("ali"), record)).unwrap(), UserChange::Done);
    let (reply, _) = world.connect().authenticate(&world, "ali", RIGHT, 1, None);
    assert_eq!(reply.tries_left, Some(3), "the old passcode opens nothing");
    let stranger = world.connect().register(&world, Example::Ali, RIGHT, None);
    assert_eq!(stranger.reason, Some(RegisterRefusal::Invite));
    assert_eq!(register_with(&mut world, Example::Ali, &code), None);
    world.log_in(Example::Ali, 1);
}

#[test]
fn reserved_ids_cannot_be_registered() {
    let mut world = World::new(Registration::Open);
    for id in ["admin", "audit", "everyone", "operator", "quit", "root", "security"] {
        let mut peer = world.connect();
        assert_eq!(refusal(&mut peer, &world, id), (Some(RegisterRefusal::Unavailable), None));
    }
}

#[test]
fn where_registration_is_open_hello_tells_who_would_be_refused_and_elsewhere_it_tells_nothing() {
    let mut world = World::new(Registration::Open);
    let asked = |world: &mut World, id: &str| {
        let welcome = world.connect().hello(world, id);
        (welcome.known, welcome.refused)
    };
    invite(&world, "bianca");
    assert_eq!(asked(&mut world, "ali"), (Some(false), None));
    assert_eq!(asked(&mut world, "bianca"), (Some(false), Some(RegisterRefusal::Invite)));
    assert_eq!(asked(&mut world, "me"), (Some(false), Some(RegisterRefusal::Unavailable)));
    world.register(Example::Ali);
    assert_eq!(asked(&mut world, "ali"), (Some(true), None));
    for registration in [Registration::Invite, Registration::Closed] {
        let mut world = World::new(registration);
        invite(&world, "bianca");
        for id in ["ali", "bianca", "me"] {
            assert_eq!(asked(&mut world, id), (None, None));
        }
    }
}

#[test]
fn the_database_holds_neither_passcodes_nor_addresses_nor_cookies() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (session, cookie) = world.log_in(Example::Ali, 1);
    let bytes = world.database();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(b"ali"), "the search finds what is there");
    assert!(!holds(RIGHT.as_bytes()));
    assert!(!holds(b"127.0.0.2"));
    assert!(!holds(cookie.as_bytes()));
    assert!(!holds(world.directory.secret.to_bytes().expose()));
    let asker = Asker { user: &user("bianca"), address: [127, 0, 0, 9].into() };
    let announced = FromDirectory::decode(&world.directory.presence.lookup(&user("ali"), asker).unwrap());
    assert!(format!("{announced:?}").contains("127.0.0.2"), "the address is in memory only");
    drop(session);
}
