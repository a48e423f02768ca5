//! Threat L6, protocol section 5.6: a passcode is changed, and nobody is locked out by what goes wrong in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use common::crypto::opaque::ClientRegistration;
use common::crypto::vault;
use common::ident::Cookie;
use common::msg::{
    AuthRefusal, AuthReply, AuthStatus, Blob, ErrorCode, FromDirectory, PasscodeReq, PasscodeStatus, PasscodeUpload,
    Registration,
};
use common::secret::Passcode;
use common::testkit::Example;
use directory_core::records::{Generation, InviteRecord, UserChange};
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::{Peer, RIGHT, WRONG, World, user};

const NEW: &str = "a second passcode";
const NEWER: &str = "a third passcode";

/// Begins a change; what is to be uploaded.
fn upload(peer: &mut Peer, world: &World, passcode: &str, version: u64) -> PasscodeUpload {
    let (ali, identity) = (user("ali"), Example::Ali.identity().unwrap());
    let (client, request) = ClientRegistration::start(Passcode::new(passcode.into())).unwrap();
    match peer.send(world, PasscodeReq { passcode: Blob(request) }) {
        Some(FromDirectory::PasscodeChallenge(challenge)) => {
            let (record, export_key) = client.finish(&challenge.passcode.0, peer.channel(&ali)).unwrap();
            let vault = vault::seal(&export_key, &ali, version, &identity).unwrap();
            PasscodeUpload { passcode: Blob(record), vault: Blob(vault) }
        }
        other => panic!("{other:?}"),
    }
}

fn finish(peer: &mut Peer, world: &World, upload: PasscodeUpload) -> PasscodeStatus {
    match peer.send(world, upload) {
        Some(FromDirectory::PasscodeReply(reply)) => reply.status,
        other => panic!("{other:?}"),
    }
}

fn change(peer: &mut Peer, world: &World, passcode: &str, version: u64) -> PasscodeStatus {
    let upload = upload(peer, world, passcode, version);
    finish(peer, world, upload)
}

/// One login: whether a change was said, the reply, and the version of the vault that opened.
fn log_in(
    world: &mut World,
    generation: Generation,
    passcode: &str,
    terminal: u8,
    cookie: Option<Cookie>,
) -> (bool, AuthReply, Option<u64>) {
    let mut peer = world.connect();
    let (client, challenge) = match peer.ke1_against(world, generation, "ali", passcode, terminal, cookie) {
        Ok(answered) => answered,
        Err(reply) => return (false, reply, None),
    };
    let (changed, ali) = (challenge.changed, user("ali"));
    let export_key = client.finish(&challenge.passcode.0, peer.channel(&ali)).map(|(ke3, key)| (Blob(ke3), key));
    let (ke3, key) = export_key.map_or((Blob(vec![0; 64]), None), |(ke3, key)| (ke3, Some(key)));
    let reply = match peer.send(world, common::msg::AuthProof { passcode: ke3 }) {
        Some(FromDirectory::AuthReply(reply)) => reply,
        other => panic!("{other:?}"),
    };
    let opened =
        key.zip(reply.vault.as_ref()).map(|(key, sealed)| vault::open(&key, &ali, None, 0, &sealed.0).unwrap());
    (changed, reply, opened.map(|opened| opened.version))
}

/// A directory with ali in a session at terminal 1, and the cookie of that terminal.
fn at_home() -> (World, Peer, Cookie) {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (session, cookie) = world.log_in(Example::Ali, 1);
    (world, session, cookie)
}

#[test]
fn the_new_passcode_opens_the_new_vault_and_the_first_login_with_it_ends_the_old_one() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    let (changed, old, version) = log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie));
    assert_eq!((changed, old.status, version), (true, AuthStatus::Granted, Some(1)), "the old generation is kept");
    let (changed, new, version) = log_in(&mut world, Generation::Current, NEW, 1, Some(cookie));
    assert_eq!((changed, new.status, version), (true, AuthStatus::Granted, Some(2)));
    let (changed, old, _) = log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie));
    assert_eq!((changed, old.reason), (false, Some(AuthRefusal::Passcode)), "it is gone now");
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 1, Some(cookie)).2, Some(2));
}

#[test]
fn a_crash_between_the_upload_and_the_first_login_costs_nobody_the_account() {
    let (world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    drop(session);
    let mut world = world.restart();
    assert_eq!(
        log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).2,
        Some(1),
        "who does not know that it changed"
    );
    let mut world = world.restart();
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 1, Some(cookie)).2, Some(2), "who knows");
    let mut world = world.restart();
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).1.status, AuthStatus::Refused);
}

#[test]
fn a_change_that_was_not_uploaded_changes_nothing() {
    let (world, mut session, cookie) = at_home();
    upload(&mut session, &world, NEW, 2);
    drop(session);
    let mut world = world.restart();
    let (changed, reply, version) = log_in(&mut world, Generation::Current, RIGHT, 1, Some(cookie));
    assert_eq!((changed, reply.status, version), (false, AuthStatus::Granted, Some(1)));
}

#[test]
fn a_second_change_replaces_the_first_if_nobody_has_used_it_and_keeps_the_one_that_worked() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    // The same version, too: the terminal may not have heard that its first change was carried out.
    assert_eq!(change(&mut session, &world, NEWER, 2), PasscodeStatus::Changed);
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 1, Some(cookie)).1.status, AuthStatus::Refused);
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).2, Some(1));
    assert_eq!(log_in(&mut world, Generation::Current, NEWER, 1, Some(cookie)).2, Some(2));
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).1.status, AuthStatus::Refused);
}

#[test]
fn a_login_that_was_under_way_with_a_replaced_passcode_does_not_end_the_one_that_worked() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    let mut slow = world.connect();
    let (client, challenge) = slow.ke1(&world, "ali", NEW, 1, Some(cookie)).unwrap();
    assert_eq!(change(&mut session, &world, NEWER, 3), PasscodeStatus::Changed);
    assert_eq!(slow.finish(&world, "ali", client, &challenge).0.status, AuthStatus::Granted);
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).2, Some(1));
}

#[test]
fn strangers_are_told_of_no_change_and_cannot_use_an_old_passcode() {
    let (mut world, mut session, _) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    let nobody = world.connect().ke1_against(&world, Generation::Previous, "nobody", RIGHT, 9, None).unwrap().1;
    for generation in [Generation::Current, Generation::Previous] {
        let ali = world.connect().ke1_against(&world, generation, "ali", RIGHT, 9, None).unwrap().1;
        assert_eq!((ali.changed, ali.passcode.0.len()), (nobody.changed, nobody.passcode.0.len()));
    }
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 9, None).1.reason, Some(AuthRefusal::Passcode));
    assert_eq!(
        log_in(&mut world, Generation::Current, NEW, 9, None).2,
        Some(2),
        "the new one is good everywhere at once"
    );
}

#[test]
fn both_passcodes_draw_from_one_budget() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    for generation in [Generation::Current, Generation::Previous, Generation::Current, Generation::Previous] {
        assert_eq!(log_in(&mut world, generation, WRONG, 1, Some(cookie)).1.status, AuthStatus::Refused);
    }
    for (generation, passcode) in [(Generation::Current, NEW), (Generation::Previous, RIGHT)] {
        assert_eq!(log_in(&mut world, generation, passcode, 1, Some(cookie)).1.reason, Some(AuthRefusal::Locked));
    }
}

#[test]
fn what_is_not_well_formed_or_not_newer_is_refused_and_changes_nothing() {
    let (mut world, mut session, cookie) = at_home();
    let good = upload(&mut session, &world, NEW, 2);
    let broken_record = PasscodeUpload { passcode: Blob(vec![0; 7]), ..good.clone() };
    assert_eq!(finish(&mut session, &world, broken_record), PasscodeStatus::Refused);
    assert_eq!(change(&mut session, &world, NEW, 1), PasscodeStatus::Refused, "not above the one before");
    assert_eq!(change(&mut session, &world, NEW, u64::MAX), PasscodeStatus::Refused, "nothing could follow it");
    let short = PasscodeUpload { vault: Blob(vec![0; 9]), ..upload(&mut session, &world, NEW, 2) };
    assert_eq!(finish(&mut session, &world, short), PasscodeStatus::Refused);
    let (changed, reply, _) = log_in(&mut world, Generation::Current, RIGHT, 1, Some(cookie));
    assert_eq!((changed, reply.status), (false, AuthStatus::Granted));
}

#[test]
fn an_upload_needs_a_request_and_requests_are_limited() {
    let (world, mut session, _) = at_home();
    let four: Vec<_> = (0..4).map(|_| upload(&mut session, &world, NEW, 2)).collect();
    let (_, request) = ClientRegistration::start(Passcode::new(NEW.into())).unwrap();
    match session.send(&world, PasscodeReq { passcode: Blob(request) }) {
        Some(FromDirectory::Error(error)) => {
            assert_eq!((error.code, error.to.as_deref()), (ErrorCode::RateLimited, Some("PASSCODEREQ")));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(finish(&mut session, &world, four[3].clone()), PasscodeStatus::Changed);
    match session.send(&world, four[3].clone()) {
        Some(FromDirectory::Error(error)) => assert_eq!(error.code, ErrorCode::OutOfOrder),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reset_by_an_administrator_forgets_both_and_ends_changes_that_are_under_way() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    let late = upload(&mut session, &world, NEWER, 3);
    let code = common::crypto::invite::InviteCode::generate().unwrap();
    let invite = InviteRecord { user: user("ali"), code: code.clone(), expires: u64::MAX >> 1 };
    assert_eq!(block_on(world.directory.store.reset(&user("ali"), invite)).unwrap(), UserChange::Done);
    let mut again = world.connect();
    let proof = code.peer_proof(again.channel(&user("ali")));
    assert_eq!(again.register(&world, Example::Ali, RIGHT, Some(proof)).reason, None);
    assert_eq!(finish(&mut session, &world, late), PasscodeStatus::Refused, "those credentials are gone");
    for generation in [Generation::Current, Generation::Previous] {
        let (changed, reply, version) = log_in(&mut world, generation, RIGHT, 1, Some(cookie));
        assert_eq!((changed, reply.status, version), (false, AuthStatus::Granted, Some(1)));
    }
}

#[test]
fn a_removed_user_leaves_no_passcode_behind() {
    let (world, mut session, _) = at_home();
    assert_eq!(change(&mut session, &world, NEW, 2), PasscodeStatus::Changed);
    world.remove("ali");
    let (_, request) = ClientRegistration::start(Passcode::new(NEW.into())).unwrap();
    match session.send(&world, PasscodeReq { passcode: Blob(request) }) {
        Some(FromDirectory::Error(error)) => assert_eq!(error.code, ErrorCode::Unavailable),
        other => panic!("{other:?}"),
    }
}
