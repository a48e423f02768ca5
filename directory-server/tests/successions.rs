//! Threat L6, protocol section 5.7: a new identity key takes the place of one's own, and nobody else's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use common::crypto::opaque::ClientRegistration;
use common::crypto::{store_key, successor, terminal, vault};
use common::ident::{Cookie, KeyDigest, TerminalId};
use common::msg::{
    AuthRefusal, AuthStatus, Blob, ByeReason, CertificatesReq, ErrorCode, FormerReq, FromDirectory, KeyReq, KeyStatus,
    KeyUpload, Member, OwnSuccessor, Registration, Successor, SuccessorsReq,
};
use common::secret::Passcode;
use common::testkit::Example;
use support::{Peer, RIGHT, World, user};

/// What a thief makes of an upload.
type Alter = fn(KeyUpload) -> KeyUpload;

const NEW: &str = "a second passcode";

/// Begins the change of ali's key to carol's; what is to be uploaded, and how many certificates were shown.
fn begin(peer: &mut Peer, world: &World, (old, new): (Example, Example), version: u64) -> (KeyUpload, usize) {
    let (ali, old, new) = (user("ali"), old.identity().unwrap(), new.identity().unwrap());
    let (client, request) = ClientRegistration::start(Passcode::new(NEW.into())).unwrap();
    match peer.send(world, KeyReq { passcode: Blob(request) }) {
        Some(FromDirectory::KeyChallenge(challenge)) => {
            let channel = peer.channel(&ali);
            let (record, export_key) = client.finish(&challenge.passcode.0, channel).unwrap();
            let vault = vault::seal(&export_key, &ali, version, &new).unwrap();
            let carried = challenge.certificates.iter().map(|told| terminal::fingerprint(&ali, told)).collect();
            let successor = successor::sign(&ali, channel.directory, (&old, &new), carried).unwrap();
            let digests = (old.public().digest(), new.public().digest());
            let handover = store_key::Handover { user: &ali, old: &digests.0, new: &digests.1 };
            let (old, new) = (store_key::secret_of(&old), store_key::secret_of(&new));
            let store = Blob(store_key::hand_on(handover, &new, &old).unwrap());
            let own = OwnSuccessor { successor, store };
            (KeyUpload { passcode: Blob(record), vault: Blob(vault), own }, challenge.certificates.len())
        }
        other => panic!("{other:?}"),
    }
}

fn finish(peer: &mut Peer, world: &World, upload: KeyUpload) -> KeyStatus {
    match peer.send(world, upload) {
        Some(FromDirectory::KeyReply(reply)) => reply.status,
        other => panic!("{other:?}"),
    }
}

/// Proves the passcode and has the key become carol's.
fn change(peer: &mut Peer, world: &World, terminal: u8, cookie: Cookie) -> KeyStatus {
    assert_eq!(peer.prove(world, RIGHT, terminal, cookie).status, AuthStatus::Granted);
    let (upload, _) = begin(peer, world, (Example::Ali, Example::Carol), 2);
    finish(peer, world, upload)
}

fn successors(peer: &mut Peer, world: &World, id: &str) -> Vec<Successor> {
    match peer.send(world, SuccessorsReq { users: vec![user("carol"), user(id)] }) {
        Some(FromDirectory::SuccessorsReply(reply)) => reply.successors,
        other => panic!("{other:?}"),
    }
}

fn key(example: Example) -> KeyDigest {
    example.identity().unwrap().public().digest()
}

fn at_home() -> (World, Peer, Cookie) {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (session, cookie) = world.log_in(Example::Ali, 1);
    (world, session, cookie)
}

#[test]
fn a_new_key_holds_from_its_upload_on_and_everybody_can_ask_how_it_came_about() {
    let (mut world, mut session, cookie) = at_home();
    world.register(Example::Bianca);
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    assert_eq!(successors(&mut bianca, &world, "ali"), []);
    let (mut younger, _) = world.log_in(Example::Ali, 2);
    assert_eq!(change(&mut session, &world, 1, cookie), KeyStatus::Changed);
    assert!(matches!(younger.pushed(&world), Some(FromDirectory::Bye(bye)) if bye.reason == ByeReason::Passcode));

    let mut peer = world.connect();
    let (reply, _) = peer.authenticate(&world, "ali", RIGHT, 1, Some(cookie));
    assert_eq!(reply.reason, Some(AuthRefusal::Passcode), "nobody has the former one any more, older or not");
    let mut peer = world.connect();
    let (reply, challenge) = peer.authenticate(&world, "ali", NEW, 1, Some(cookie));
    assert_eq!(reply.status, AuthStatus::Granted);
    let mut former = |known| match peer.send(&world, FormerReq { known }) {
        Some(FromDirectory::FormerReply(reply)) => reply.own,
        other => panic!("{other:?}"),
    };
    assert_eq!(former(key(Example::Carol)), []);
    let [own] = &former(key(Example::Ali))[..] else { panic!("one statement") };
    let told = successor::verify(&own.successor, &user("ali"), peer.channel(&user("ali")).directory).unwrap();
    assert_eq!((told.former, told.key.digest(), told.certificates.len()), (key(Example::Ali), key(Example::Carol), 2));
    match peer.send(&world, peer.announcement(Example::Ali, 1, &challenge)) {
        Some(FromDirectory::Error(error)) => {
            assert_eq!(error.code, ErrorCode::NotAccepted, "the former key opens nothing")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(successors(&mut bianca, &world, "ali"), std::slice::from_ref(&own.successor));
    let first = Member { userid: user("ali"), terminal: TerminalId([1; 16]) };
    match bianca.send(&world, CertificatesReq { members: vec![first] }) {
        Some(FromDirectory::CertificatesReply(reply)) => {
            let [told] = &reply.certificates[..] else { panic!("{reply:?}") };
            assert_eq!(KeyDigest::of(&told.publickey.0), key(Example::Carol));
            let print = terminal::fingerprint(&user("ali"), &told.certificate);
            assert!(own.successor.certificates.contains(&print), "its certificate holds on");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_changes_without_a_proof_or_with_a_statement_that_does_not_hold() {
    let (mut world, mut session, cookie) = at_home();
    world.register(Example::Bianca);
    let (upload, certificates) = begin(&mut session, &world, (Example::Ali, Example::Carol), 2);
    assert_eq!(certificates, 0, "without a proof nothing is shown");
    assert_eq!(finish(&mut session, &world, upload), KeyStatus::Refused);

    // A key that is not the one registered, and one whose consent was not given.
    let others: [(Example, Alter); 3] = [
        (Example::Bianca, |upload| upload),
        (Example::Ali, |mut upload| {
            upload.own.successor.signature = upload.own.successor.former_signature.clone();
            upload
        }),
        (Example::Ali, |mut upload| {
            upload.vault.0[..8].copy_from_slice(&1u64.to_be_bytes());
            upload
        }),
    ];
    for (old, alter) in others {
        assert_eq!(session.prove(&world, RIGHT, 1, cookie).status, AuthStatus::Granted);
        let (upload, certificates) = begin(&mut session, &world, (old, Example::Carol), 2);
        assert_eq!(certificates, 1);
        assert_eq!(finish(&mut session, &world, alter(upload)), KeyStatus::Refused);
    }
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    assert_eq!(successors(&mut bianca, &world, "ali"), []);
}

#[test]
fn only_the_oldest_terminal_makes_a_new_key() {
    let (mut world, mut older, cookie) = at_home();
    let (mut younger, younger_cookie) = world.log_in(Example::Ali, 2);
    assert_eq!(change(&mut younger, &world, 2, younger_cookie), KeyStatus::Older);
    assert_eq!(change(&mut older, &world, 1, cookie), KeyStatus::Changed);
}

#[test]
fn a_statement_outlives_a_restart() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, 1, cookie), KeyStatus::Changed);
    world.register(Example::Bianca);
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    assert_eq!(successors(&mut bianca, &world, "ali").len(), 1);
    let mut world = world.restart();
    let (mut bianca, _) = world.log_in(Example::Bianca, 1);
    assert_eq!(successors(&mut bianca, &world, "ali").len(), 1, "it outlives a restart");
}
