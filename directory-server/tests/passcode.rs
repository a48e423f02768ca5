//! Threats L6 and L14, protocol section 5.6: a passcode is changed by whoever knows it, and nobody is locked out by what goes
//! wrong in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use common::crypto::opaque::{ClientLogin, ClientRegistration};
use common::crypto::terminal::TerminalIdentity;
use common::crypto::vault;
use common::ident::{Cookie, TerminalId};
use common::limits::{FORMER_PASSCODE, PROOF_VALID};
use common::msg::{
    AuthRefusal, AuthReply, AuthReq, AuthStatus, Blob, ByeReason, ErrorCode, FromDirectory, PasscodeReq,
    PasscodeStatus, PasscodeUpload, Registration, RemovalRefused, TerminalRemove,
};
use common::secret::{Passcode, Secret};
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

/// Proves the passcode that holds, and changes it.
fn change(peer: &mut Peer, world: &World, (from, cookie): (&str, Cookie), to: &str, version: u64) -> PasscodeStatus {
    assert_eq!(peer.prove(world, from, 1, cookie).status, AuthStatus::Granted);
    let upload = upload(peer, world, to, version);
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
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
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
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
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
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
    // The same version, too: the terminal may not have heard that its first change was carried out.
    let before = session.ke1_against(&world, Generation::Previous, "ali", RIGHT, 1, Some(cookie)).unwrap();
    assert_eq!(session.finish(&world, "ali", before.0, &before.1).0.newest, Some(2));
    let again = upload(&mut session, &world, NEWER, 2);
    assert_eq!(finish(&mut session, &world, again), PasscodeStatus::Changed);
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 1, Some(cookie)).1.status, AuthStatus::Refused);
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).2, Some(1));
    assert_eq!(log_in(&mut world, Generation::Current, NEWER, 1, Some(cookie)).2, Some(2));
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).1.status, AuthStatus::Refused);
}

#[test]
fn a_login_under_way_with_a_replaced_passcode_does_not_settle_the_change() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
    let mut slow = world.connect();
    let (client, challenge) = slow.ke1(&world, "ali", NEW, 1, Some(cookie)).unwrap();
    assert_eq!(change(&mut session, &world, (NEW, cookie), NEWER, 3), PasscodeStatus::Changed);
    assert_eq!(slow.finish(&world, "ali", client, &challenge).0.status, AuthStatus::Granted, "the one it replaced");
    let mut late = world.connect();
    let (granted, challenge) = late.authenticate(&world, "ali", NEWER, 1, Some(cookie));
    assert_eq!(granted.status, AuthStatus::Granted);
    assert!(matches!(
        late.send(&world, late.announcement(Example::Ali, 1, &challenge)),
        Some(FromDirectory::Announced(_))
    ));
    assert_eq!(log_in(&mut world, Generation::Previous, NEW, 1, Some(cookie)).1.status, AuthStatus::Refused);
}

#[test]
fn strangers_are_told_of_no_change_and_cannot_use_an_old_passcode() {
    let (mut world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
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
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
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
    let own = (RIGHT, cookie);
    session.prove(&world, RIGHT, 1, cookie);
    let good = upload(&mut session, &world, NEW, 2);
    let broken_record = PasscodeUpload { passcode: Blob(vec![0; 7]), ..good.clone() };
    assert_eq!(finish(&mut session, &world, broken_record), PasscodeStatus::Refused);
    assert_eq!(change(&mut session, &world, own, NEW, 1), PasscodeStatus::Refused, "not above the one before");
    assert_eq!(change(&mut session, &world, own, NEW, u64::MAX), PasscodeStatus::Refused, "nothing could follow it");
    session.prove(&world, RIGHT, 1, cookie);
    let short = PasscodeUpload { vault: Blob(vec![0; 9]), ..upload(&mut session, &world, NEW, 2) };
    assert_eq!(finish(&mut session, &world, short), PasscodeStatus::Refused);
    let (changed, reply, _) = log_in(&mut world, Generation::Current, RIGHT, 1, Some(cookie));
    assert_eq!((changed, reply.status), (false, AuthStatus::Granted));
}

#[test]
fn an_upload_needs_a_request_and_requests_are_limited() {
    let (world, mut session, cookie) = at_home();
    session.prove(&world, RIGHT, 1, cookie);
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
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
    session.prove(&world, NEW, 1, cookie);
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
    let (world, mut session, cookie) = at_home();
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
    world.remove("ali");
    let (_, request) = ClientRegistration::start(Passcode::new(NEW.into())).unwrap();
    match session.send(&world, PasscodeReq { passcode: Blob(request) }) {
        Some(FromDirectory::Error(error)) => assert_eq!(error.code, ErrorCode::Unavailable),
        other => panic!("{other:?}"),
    }
}

/// Ali at an older terminal, 1, and somebody who knows the passcode at a younger one, 2.
fn with_a_thief() -> (World, (Peer, Cookie), (Peer, Cookie)) {
    let (mut world, session, cookie) = at_home();
    let (thief, stolen) = world.log_in(Example::Ali, 2);
    (world, (session, cookie), (thief, stolen))
}

fn change_as_the_thief(world: &World, thief: &mut Peer, stolen: Cookie) {
    assert_eq!(thief.prove(world, RIGHT, 2, stolen).status, AuthStatus::Granted);
    let upload = upload(thief, world, NEW, 2);
    assert_eq!(finish(thief, world, upload), PasscodeStatus::Changed);
}

#[test]
fn without_a_fresh_proof_nothing_is_changed_and_no_guess_is_helped() {
    let (mut world, mut session, cookie) = at_home();
    let blind = upload(&mut session, &world, NEW, 2);
    assert_eq!(finish(&mut session, &world, blind), PasscodeStatus::Refused, "no proof");
    assert_eq!(session.prove(&world, WRONG, 1, cookie).reason, Some(AuthRefusal::Passcode), "counted as an attempt");
    let guessed = upload(&mut session, &world, NEW, 2);
    assert_eq!(finish(&mut session, &world, guessed), PasscodeStatus::Refused, "a wrong one");
    session.prove(&world, RIGHT, 1, cookie);
    let slow = upload(&mut session, &world, NEW, 2);
    world.now = world.now + PROOF_VALID;
    assert_eq!(finish(&mut session, &world, slow), PasscodeStatus::Refused, "not fresh any more");
    world.now = world.now + PROOF_VALID;
    let (_, request) = ClientRegistration::start(Passcode::new(NEW.into())).unwrap();
    let ask = |session: &mut Peer| match session.send(&world, PasscodeReq { passcode: Blob(request.clone()) }) {
        Some(FromDirectory::PasscodeChallenge(challenge)) => challenge.passcode,
        other => panic!("{other:?}"),
    };
    let without = ask(&mut session);
    session.prove(&world, RIGHT, 1, cookie);
    assert_ne!(ask(&mut session), without, "what is answered without a proof is worth no guess");
    let once = upload(&mut session, &world, NEW, 2);
    assert_eq!(finish(&mut session, &world, once), PasscodeStatus::Changed);
    let twice = upload(&mut session, &world, NEWER, 3);
    assert_eq!(finish(&mut session, &world, twice), PasscodeStatus::Refused, "a proof is good for one change");
}

#[test]
fn a_wrong_proof_within_a_session_draws_from_the_budget_of_the_terminal() {
    let (mut world, mut session, cookie) = at_home();
    let left: Vec<_> = (0..3).map(|_| session.prove(&world, WRONG, 1, cookie).tries_left).collect();
    assert_eq!(left, [Some(3), Some(2), Some(1)]);
    assert_eq!(session.prove(&world, WRONG, 1, cookie).reason, Some(AuthRefusal::Locked));
    assert_eq!(session.prove(&world, RIGHT, 1, cookie).reason, Some(AuthRefusal::Locked));
    assert_eq!(log_in(&mut world, Generation::Current, RIGHT, 1, Some(cookie)).1.reason, Some(AuthRefusal::Locked));
}

#[test]
fn a_proof_is_one_of_the_session_s_own_user_and_terminal() {
    let (mut world, mut session, cookie) = at_home();
    world.register(Example::Bianca);
    let (_, ke1) = ClientLogin::start(Passcode::new(RIGHT.into())).unwrap();
    let request = |userid: &str, terminal: u8| AuthReq {
        userid: user(userid),
        passcode: Blob(ke1.clone()),
        terminal: TerminalId([terminal; 16]),
        cookie: Some(cookie),
        previous: false,
    };
    for (userid, terminal) in [("bianca", 1), ("ali", 2)] {
        match session.send(&world, request(userid, terminal)) {
            Some(FromDirectory::Error(error)) => assert_eq!(error.code, ErrorCode::OutOfOrder),
            other => panic!("{other:?}"),
        }
        (session, _) = {
            let mut again = world.connect();
            let c = again.log_in(&world, Example::Ali, 1, Some(cookie));
            (again, c)
        };
    }
}

#[test]
fn a_change_ends_all_other_sessions_and_logins_that_were_under_way() {
    let (mut world, (mut session, cookie), (mut thief, stolen)) = with_a_thief();
    let mut slow = world.connect();
    let (granted, challenge) = slow.authenticate(&world, "ali", RIGHT, 2, Some(stolen));
    assert_eq!(granted.status, AuthStatus::Granted);
    let mut slower = world.connect();
    let (client, ke2) = slower.ke1(&world, "ali", RIGHT, 3, None).unwrap();
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
    assert_eq!((session.ended(), thief.ended()), (None, Some(ByeReason::Passcode)));
    assert_eq!(world.directory.presence.terminals(&user("ali")), 1, "it is not looked up any more");
    let bye = common::msg::Bye { reason: ByeReason::Administrator };
    assert_eq!(slow.send(&world, slow.announcement(Example::Ali, 2, &challenge)), Some(bye.into()));
    assert_eq!(slower.finish(&world, "ali", client, &ke2).0.reason, Some(AuthRefusal::Passcode));
    let late = upload(&mut thief, &world, NEWER, 3);
    assert_eq!(finish(&mut thief, &world, late), PasscodeStatus::Refused, "a session that is ending changes nothing");
}

#[test]
fn a_change_by_an_older_terminal_takes_the_cookies_of_younger_ones_and_no_others() {
    let (mut world, (mut session, cookie), (_thief, stolen)) = with_a_thief();
    assert_eq!(change(&mut session, &world, (RIGHT, cookie), NEW, 2), PasscodeStatus::Changed);
    let (changed, reply, _) = log_in(&mut world, Generation::Previous, RIGHT, 2, Some(stolen));
    assert_eq!((changed, reply.reason), (false, Some(AuthRefusal::Passcode)), "a terminal like any other");
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 2, Some(stolen)).2, Some(2), "it may come back, younger");
}

#[test]
fn an_older_terminal_changes_a_passcode_back_within_seven_days() {
    let (mut world, (_, cookie), (mut thief, stolen)) = with_a_thief();
    change_as_the_thief(&world, &mut thief, stolen);
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 2, Some(stolen)).2, Some(2), "the thief uses it");
    world.now = world.now + (FORMER_PASSCODE - PROOF_VALID);
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 2, Some(stolen)).1.status, AuthStatus::Refused);
    let (client, ke2) = {
        let mut session = world.connect();
        let answered = session.ke1_against(&world, Generation::Previous, "ali", RIGHT, 1, Some(cookie)).unwrap();
        let (reply, challenge) = session.finish(&world, "ali", answered.0, &answered.1);
        assert_eq!((reply.status, reply.newest), (AuthStatus::Granted, Some(2)));
        assert!(matches!(
            session.send(&world, session.announcement(Example::Ali, 1, &challenge)),
            Some(FromDirectory::Announced(_))
        ));
        let answered = session.ke1_against(&world, Generation::Previous, "ali", RIGHT, 1, Some(cookie)).unwrap();
        assert_eq!(session.finish(&world, "ali", answered.0, &answered.1).0.status, AuthStatus::Granted);
        let back = upload(&mut session, &world, NEWER, 3);
        assert_eq!(finish(&mut session, &world, back), PasscodeStatus::Changed);
        assert_eq!(thief.ended(), Some(ByeReason::Passcode));
        let mut thief = world.connect();
        thief.ke1(&world, "ali", NEW, 2, Some(stolen)).unwrap()
    };
    drop((client, ke2));
    assert_eq!(log_in(&mut world, Generation::Current, NEW, 2, Some(stolen)).1.status, AuthStatus::Refused);
    assert_eq!(log_in(&mut world, Generation::Previous, NEW, 2, Some(stolen)).1.status, AuthStatus::Refused);
    assert_eq!(log_in(&mut world, Generation::Current, NEWER, 1, Some(cookie)).2, Some(3));
}

#[test]
fn after_seven_days_the_former_passcode_opens_nothing() {
    let (mut world, (_, cookie), (mut thief, stolen)) = with_a_thief();
    change_as_the_thief(&world, &mut thief, stolen);
    log_in(&mut world, Generation::Current, NEW, 2, Some(stolen));
    world.now = world.now + FORMER_PASSCODE;
    let (changed, old, _) = log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie));
    assert_eq!((changed, old.status), (true, AuthStatus::Granted), "on one reading of the clock");
    world.run_for_a_day();
    let (changed, reply, _) = log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie));
    assert_eq!((changed, reply.reason), (false, Some(AuthRefusal::Passcode)));
}

#[test]
fn a_thief_who_changes_it_again_and_again_does_not_push_out_the_one_that_the_owner_knows() {
    let (mut world, (_, cookie), (mut thief, stolen)) = with_a_thief();
    change_as_the_thief(&world, &mut thief, stolen);
    let mut last = NEW.to_owned();
    for version in 3..24 {
        world.now = world.now + PROOF_VALID;
        assert_eq!(thief.prove(&world, &last, 2, stolen).status, AuthStatus::Granted);
        last = format!("passcode number {version}");
        let upload = upload(&mut thief, &world, &last, version);
        assert_eq!(finish(&mut thief, &world, upload), PasscodeStatus::Changed);
    }
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie)).2, Some(1));
}

#[test]
fn a_terminal_without_its_cookie_does_not_take_the_place_of_an_older_one() {
    let (mut world, (_, cookie), _) = with_a_thief();
    let (mut thief, stolen) = world.log_in(Example::Ali, 1);
    assert_eq!(thief.prove(&world, RIGHT, 1, stolen).status, AuthStatus::Granted);
    let upload = upload(&mut thief, &world, NEW, 2);
    assert_eq!(finish(&mut thief, &world, upload), PasscodeStatus::Changed);
    let (changed, reply, version) = log_in(&mut world, Generation::Previous, RIGHT, 1, Some(cookie));
    assert_eq!((changed, reply.status, version), (true, AuthStatus::Granted, Some(1)), "the older one is still known");
    assert_eq!(log_in(&mut world, Generation::Previous, RIGHT, 1, Some(stolen)).1.status, AuthStatus::Refused);
}

#[test]
fn under_the_id_of_another_terminal_nobody_becomes_present_with_a_key_of_their_own() {
    let (mut world, (mut session, _), _) = with_a_thief();
    let mut thief = world.connect();
    let (granted, challenge) = thief.authenticate(&world, "ali", RIGHT, 1, None);
    assert_eq!(granted.status, AuthStatus::Granted, "the passcode is right");
    let other = TerminalIdentity::from_seed(TerminalId([1; 16]), &Secret::new(vec![9; 32])).unwrap();
    match thief.send(&world, thief.announcement_by(Example::Ali, &other, &challenge, 65_000)) {
        Some(FromDirectory::Error(error)) => assert_eq!(error.code, ErrorCode::NotAccepted),
        other => panic!("{other:?}"),
    }
    assert_eq!(session.ended(), None, "who holds the key is present as before");
    let certified = block_on(world.directory.store.own_certificates(&user("ali"))).unwrap();
    assert!(certified.iter().all(|certificate| certificate.key != other.key()), "{certified:?}");
}

#[test]
fn what_was_got_for_the_id_of_an_older_terminal_does_not_remove_it() {
    let (mut world, _, (mut thief, _)) = with_a_thief();
    let got = world.connect().authenticate(&world, "ali", RIGHT, 1, None).0.cookie;
    match thief.send(&world, TerminalRemove { terminal: TerminalId([1; 16]), cookie: got }) {
        Some(FromDirectory::TerminalsReply(reply)) => assert_eq!(reply.refused, Some(RemovalRefused::Older)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_terminal_is_removed_after_a_proof_by_one_that_is_no_younger() {
    let (world, (mut session, cookie), (mut thief, stolen)) = with_a_thief();
    let remove = |peer: &mut Peer, terminal: u8, cookie: Option<Cookie>| match peer
        .send(&world, TerminalRemove { terminal: TerminalId([terminal; 16]), cookie })
    {
        Some(FromDirectory::TerminalsReply(reply)) => reply.refused,
        other => panic!("{other:?}"),
    };
    assert_eq!(remove(&mut session, 2, None), Some(RemovalRefused::Proof));
    assert_eq!(thief.prove(&world, RIGHT, 2, stolen).status, AuthStatus::Granted);
    assert_eq!(remove(&mut thief, 1, None), Some(RemovalRefused::Older));
    assert_eq!(remove(&mut thief, 1, Some(stolen)), Some(RemovalRefused::Proof), "not the cookie of that one");
    assert_eq!(session.ended(), None);
    assert_eq!(session.prove(&world, RIGHT, 1, cookie).status, AuthStatus::Granted);
    assert_eq!(remove(&mut session, 2, None), None);
    assert_eq!(thief.ended(), Some(ByeReason::Administrator));
    assert_eq!(remove(&mut session, 2, None), Some(RemovalRefused::Proof), "a proof is good for one removal");
}

#[test]
fn whoever_has_taken_the_place_of_a_terminal_removes_it_by_its_cookie() {
    let (world, _, (mut successor, _)) = with_a_thief();
    let (mut world, cookie) = (world, Cookie([1; 32]));
    let (_third, third) = world.log_in(Example::Ali, 3);
    let request = |cookie| TerminalRemove { terminal: TerminalId([3; 16]), cookie: Some(cookie) };
    for (cookie, refused) in [(cookie, Some(RemovalRefused::Proof)), (third, None)] {
        match successor.send(&world, request(cookie)) {
            Some(FromDirectory::TerminalsReply(reply)) => assert_eq!(reply.refused, refused),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_takes_the_place_of_a_terminal_by_its_cookie_is_as_old_as_that_one() {
    let (mut world, (_, cookie), (mut thief, _)) = with_a_thief();
    let (mut successor, own) = world.log_in(Example::Ali, 3);
    for (terminal, cookie) in [(1, Some(cookie)), (2, None)] {
        if cookie.is_none() {
            assert_eq!(successor.prove(&world, RIGHT, 3, own).status, AuthStatus::Granted);
        }
        match successor.send(&world, TerminalRemove { terminal: TerminalId([terminal; 16]), cookie }) {
            Some(FromDirectory::TerminalsReply(reply)) => assert_eq!(reply.refused, None, "{terminal}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(thief.ended(), Some(ByeReason::Administrator));
}
