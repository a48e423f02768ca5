//! What a connection may do when, lookups, proof of possession (threat L9).
#![expect(clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::time::Duration;

use common::ident::{Challenge, SeenToken, TerminalId};
use common::limits::FRAMES_BEFORE_LOGIN;
use common::msg::{
    Announce, AuthProof, AuthRefusal, Blob, ByeReason, ErrorCode, Features, FromDirectory, Hello, ListReq, Logout,
    LookupReq, LookupStatus, Ping, Pong, RegisterRefusal, RegisterUpload, Registration, SeenReply, SeenReq,
    ToDirectory,
};
use common::testkit::Example;
use directory_core::Policy;
use directory_core::records::{Grant, Success, UserChange};
use directory_core::sources::Misbehaviour;
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::{NOON, Peer, RIGHT, WRONG, World, policy, user};

fn lookup(asker: &str, wanted: &str) -> LookupReq {
    LookupReq { userid: user(asker), lookup: user(wanted) }
}

fn found(peer: &mut Peer, world: &World, asker: &str, wanted: &str) -> bool {
    match peer.send(world, lookup(asker, wanted)) {
        Some(FromDirectory::LookupReply(reply)) => {
            let empty = reply.userid.is_empty() && reply.addresses.is_empty() && reply.publickey.0.is_empty();
            assert_eq!(empty, reply.status == LookupStatus::NotFound, "nothing leaks: {reply:?}");
            reply.status == LookupStatus::Success
        }
        other => panic!("{other:?}"),
    }
}

fn error_code(reply: Option<FromDirectory>) -> ErrorCode {
    match reply {
        Some(FromDirectory::Error(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

/// Spoils one thing in an honest announcement.
type Spoil = fn(&mut Announce, &Peer);

/// A connection that was granted a login and owes its announcement.
fn granted(world: &mut World) -> (Peer, Challenge) {
    world.register(Example::Ali);
    let mut peer = world.connect();
    let (reply, challenge) = peer.authenticate(world, "ali", RIGHT, 1, None);
    assert!(reply.vault.is_some());
    (peer, challenge)
}

#[test]
fn a_lookup_is_answered_only_between_users_who_are_logged_in() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    world.register(Example::Bianca);
    let mut stranger = world.connect();
    assert!(!found(&mut stranger, &world, "ali", "bianca"));
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    assert!(!found(&mut stranger, &world, "ali", "ali"), "somebody else's login helps nobody");
    assert!(!found(&mut ali, &world, "ali", "bianca"), "bianca is not logged in");
    assert!(!found(&mut ali, &world, "ali", "nobody"));
    let (bianca, _) = world.log_in(Example::Bianca, 1);
    assert!(found(&mut ali, &world, "ali", "bianca"));
    assert!(found(&mut ali, &world, "ali", "ali"));
    assert!(!found(&mut ali, &world, "bianca", "bianca"), "nobody asks in another's name");
    drop(bianca);
    assert!(!found(&mut ali, &world, "ali", "bianca"), "presence ends with the connection");
}

#[test]
fn a_granted_login_is_not_present_before_it_has_proved_possession_of_its_key() {
    let mut world = World::new(Registration::Open);
    let (mut peer, challenge) = granted(&mut world);
    assert!(!found(&mut peer, &world, "ali", "ali"));
    let announce = peer.announcement(Example::Ali, 1, &challenge);
    match peer.send(&world, announce) {
        Some(FromDirectory::Announced(announced)) => {
            assert_eq!(announced.address, ([127, 0, 0, 2], 65_000).into());
            assert_eq!(announced.time, NOON.seconds());
        }
        other => panic!("{other:?}"),
    }
    assert!(found(&mut peer, &world, "ali", "ali"));
}

#[test]
fn a_proof_for_another_challenge_connection_port_key_or_terminal_is_not_accepted() {
    let spoils: [(&str, Spoil); 5] = [
        ("challenge", |announce, peer| {
            announce.signature = peer.announcement(Example::Ali, 1, &Challenge([9; 32])).signature;
        }),
        ("port", |announce, _| announce.port = 65_001),
        ("key", |announce, peer| *announce = peer.announcement(Example::Bianca, 1, &Challenge([0; 32]))),
        ("terminal", |announce, _| announce.certificate.terminal = TerminalId([2; 16])),
        ("certificate", |announce, _| announce.certificate.issued += 1),
    ];
    for (what, spoil) in spoils {
        let mut world = World::new(Registration::Open);
        let (mut peer, challenge) = granted(&mut world);
        let mut announce = peer.announcement(Example::Ali, 1, &challenge);
        spoil(&mut announce, &peer);
        assert_eq!(error_code(peer.send(&world, announce)), ErrorCode::NotAccepted, "{what}");
        assert!(peer.closed, "{what}");
        assert_eq!(world.directory.presence.count(), (0, 0));
    }
    let mut world = World::new(Registration::Open);
    let (mut peer, challenge) = granted(&mut world);
    let elsewhere = world.connect().announcement(Example::Ali, 1, &challenge);
    assert_eq!(error_code(peer.send(&world, elsewhere)), ErrorCode::NotAccepted);
}

#[test]
fn a_certificate_that_was_verified_before_still_needs_the_signature_of_this_login() {
    let mut world = World::new(Registration::Open);
    let (mut first, challenge) = granted(&mut world);
    let announce = first.announcement(Example::Ali, 1, &challenge);
    let certificate = announce.certificate.clone();
    assert!(matches!(first.send(&world, announce), Some(FromDirectory::Announced(_))));
    let mut forger = world.connect();
    let (_, challenge) = forger.authenticate(&world, "ali", RIGHT, 1, None);
    let announce = Announce { certificate, ..forger.announcement(Example::Ali, 1, &challenge) };
    assert_eq!(error_code(forger.send(&world, announce)), ErrorCode::NotAccepted);
}

#[test]
fn a_terminal_cannot_announce_itself_as_another_terminal_of_its_user() {
    let mut world = World::new(Registration::Open);
    let (mut peer, challenge) = granted(&mut world);
    let announce = peer.announcement(Example::Ali, 2, &challenge);
    assert_eq!(error_code(peer.send(&world, announce)), ErrorCode::NotAccepted);
}

#[test]
fn a_port_below_1024_is_malformed() {
    for port in [0, 22, 1023] {
        let mut world = World::new(Registration::Open);
        let (mut peer, challenge) = granted(&mut world);
        let announce = Announce { port, ..peer.announcement(Example::Ali, 1, &challenge) };
        assert_eq!(error_code(peer.send(&world, announce)), ErrorCode::Malformed, "{port}");
        assert!(peer.closed);
    }
}

#[test]
fn messages_out_of_order_end_the_connection() {
    let mut world = World::new(Registration::Open);
    let upload = RegisterUpload {
        passcode: Blob::default(),
        publickey: common::msg::Hex::default(),
        signature: Blob::default(),
        vault: Blob::default(),
    };
    let announce = world.connect().announcement(Example::Ali, 1, &Challenge([0; 32]));
    let early: [ToDirectory; 4] = [
        AuthProof { passcode: Blob(vec![0; 64]) }.into(),
        upload.into(),
        announce.into(),
        ListReq { after: None }.into(),
    ];
    for message in early {
        let mut peer = world.connect();
        assert_eq!(error_code(peer.send(&world, message.clone())), ErrorCode::OutOfOrder, "{message:?}");
        assert!(peer.closed);
    }
    let (mut granted, _) = granted(&mut world);
    assert_eq!(error_code(granted.send(&world, Hello { userid: user("ali") })), ErrorCode::OutOfOrder);
    let (mut present, _) = world.log_in(Example::Ali, 2);
    assert_eq!(error_code(present.send(&world, Hello { userid: user("ali") })), ErrorCode::OutOfOrder);
    assert!(present.closed);
}

#[test]
fn an_unknown_type_is_answered_and_a_broken_message_ends_the_connection_before_and_after_login() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let peers = [world.connect(), world.log_in(Example::Ali, 1).0];
    for mut peer in peers {
        assert_eq!(error_code(peer.send_bytes(&world, br#"{"msgtype":"TELEPORT"}"#)), ErrorCode::UnknownMsgtype);
        assert_eq!(peer.send(&world, Ping {}), Some(Pong {}.into()));
        assert_eq!(peer.send(&world, Pong {}), None);
        assert!(!peer.closed);
        assert_eq!(error_code(peer.send_bytes(&world, b"{}")), ErrorCode::Malformed);
        assert!(peer.closed);
    }
}

#[test]
fn whoever_dribbles_is_dropped_ten_seconds_after_connecting() {
    let mut world = World::new(Registration::Open);
    let mut peer = world.connect();
    peer.hello(&world, "ali");
    for _ in 0..9 {
        world.now = world.now + Duration::from_secs(1);
        assert_eq!(peer.send(&world, Ping {}), Some(Pong {}.into()));
    }
    world.now = world.now + Duration::from_secs(1);
    assert!(matches!(
        peer.send(&world, Ping {}),
        Some(FromDirectory::Bye(bye)) if bye.reason == ByeReason::Protocol
    ));
    assert!(peer.closed);
    assert_eq!(peer.misbehaviour(), Some(Misbehaviour::TooSlow));
}

#[test]
fn whoever_floods_is_dropped_after_as_many_frames_as_no_login_needs() {
    let mut world = World::new(Registration::Open);
    let mut peer = world.connect();
    peer.hello(&world, "ali");
    for _ in 1..FRAMES_BEFORE_LOGIN {
        assert_eq!(peer.send(&world, Pong {}), None);
    }
    assert!(matches!(
        peer.send(&world, Pong {}),
        Some(FromDirectory::Bye(bye)) if bye.reason == ByeReason::Protocol
    ));
    assert!(peer.closed);
    assert_eq!(peer.misbehaviour(), Some(Misbehaviour::TooSlow));
}

#[test]
fn logging_out_ends_the_session_and_the_presence() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    assert!(matches!(
        ali.send(&world, Logout {}),
        Some(FromDirectory::Bye(bye)) if bye.reason == ByeReason::Ended
    ));
    assert!(ali.closed);
    drop(ali);
    assert_eq!(world.directory.presence.count(), (0, 0));
    world.log_in(Example::Ali, 1);
}

#[test]
fn several_terminals_are_present_and_the_same_one_replaces_itself() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let (mut first, _) = world.log_in(Example::Ali, 1);
    let (second, _) = world.log_in(Example::Ali, 2);
    assert_eq!(world.directory.presence.count(), (1, 2));
    let (again, _) = world.log_in(Example::Ali, 1);
    assert_eq!(first.ended(), Some(ByeReason::Replaced));
    drop(first);
    assert_eq!(world.directory.presence.count(), (1, 2));
    drop((second, again));
    assert_eq!(world.directory.presence.count(), (0, 0));
}

#[test]
fn a_ninth_terminal_is_refused() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let sessions: Vec<_> = (1..=8).map(|terminal| world.log_in(Example::Ali, terminal)).collect();
    let (reply, _) = world.connect().authenticate(&world, "ali", RIGHT, 9, None);
    assert_eq!(reply.reason, Some(AuthRefusal::TooMany));
    drop(sessions);
    world.log_in(Example::Ali, 9);
}

#[test]
fn lookups_and_logins_are_limited_where_the_policy_says_so() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    world.directory.set_policy(Policy { lookups_per_minute: 2, logins_per_minute: 1, ..policy(Registration::Open) });
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    assert!(found(&mut ali, &world, "ali", "ali") && found(&mut ali, &world, "ali", "ali"));
    match ali.send(&world, lookup("ali", "ali")) {
        Some(FromDirectory::Error(error)) => {
            assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(60)));
        }
        other => panic!("{other:?}"),
    }
    let listed = ali.send(&world, ListReq { after: None });
    assert!(matches!(listed, Some(FromDirectory::Error(_))), "lists draw from the same budget");
    world.now = world.now + Duration::from_secs(60);
    assert!(found(&mut ali, &world, "ali", "ali"));
    let office = "192.0.2.7".parse().unwrap();
    assert!(world.connect_from(office).ke1(&world, "ali", RIGHT, 2, None).is_ok());
    let second = world.connect_from(office).ke1(&world, "ali", RIGHT, 2, None).err();
    assert_eq!(second.and_then(|reply| reply.reason), Some(AuthRefusal::TooMany));
}

#[test]
fn a_user_locked_between_granting_and_announcing_does_not_become_present() {
    let mut world = World::new(Registration::Open);
    let (mut peer, challenge) = granted(&mut world);
    assert_eq!(block_on(world.directory.store.lock(&user("ali"), "")).unwrap(), UserChange::Done);
    let announce = peer.announcement(Example::Ali, 1, &challenge);
    assert!(matches!(
        peer.send(&world, announce),
        Some(FromDirectory::Bye(bye)) if bye.reason == ByeReason::Administrator
    ));
    assert_eq!(world.directory.presence.count(), (0, 0));
}

#[test]
fn a_right_passcode_is_worth_nothing_once_the_credentials_are_gone() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let success = Success {
        record: Vec::new(),
        user: user("ali"),
        credential: common::ident::CredentialId([0; 16]),
        terminal: TerminalId([1; 16]),
        class: directory_core::lockout::Class::UnknownTerminals,
        cookie: directory_core::records::CookieDigest([0; 32]),
        unseen_since: NOON,
    };
    assert_eq!(block_on(world.directory.store.grant(success, NOON)), Ok(Grant::Gone));
}

#[test]
fn only_whoever_does_nothing_honest_is_penalised_for_leaving() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let left = Some(Misbehaviour::LeftWithoutLogin);
    let mut asker = world.connect();
    assert_eq!(asker.misbehaviour(), left, "a connection that says nothing");
    asker.hello(&world, "ali");
    assert_eq!(asker.misbehaviour(), None, "every start of a peer asks and leaves");
    asker.send(&world, AuthProof { passcode: Blob(vec![0; 64]) });
    assert_eq!(asker.misbehaviour(), left, "a broken rule");
    let mut guesser = world.connect();
    guesser.hello(&world, "ali");
    guesser.ke1(&world, "ali", RIGHT, 9, None).unwrap();
    assert_eq!(guesser.misbehaviour(), left, "an attempt that is given up");
    let mut late = world.connect();
    assert_eq!(late.register(&world, Example::Ali, RIGHT, None).reason, Some(RegisterRefusal::Unavailable));
    assert_eq!(late.misbehaviour(), None, "somebody else was faster");
    for _ in 0..4 {
        let mut mistaken = world.connect();
        mistaken.authenticate(&world, "ali", WRONG, 9, None);
        assert_eq!(mistaken.misbehaviour(), None, "a wrong passcode, or a lock, has its own penalty");
    }
}

#[test]
fn one_network_of_many_people_and_wrong_passcodes_is_not_shut_out() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let office = "192.0.2.7".parse().unwrap();
    for _ in 0..15 {
        let mut asker = world.connect_from(office);
        asker.hello(&world, "ali");
        asker.leave(&world);
        let mut present = world.connect_from(office);
        present.authenticate(&world, "ali", RIGHT, 9, None);
        present.leave(&world);
    }
    for _ in 0..4 {
        let mut mistaken = world.connect_from(office);
        mistaken.hello(&world, "ali");
        mistaken.authenticate(&world, "ali", WRONG, 9, None);
        mistaken.leave(&world);
    }
    let source = world.connect_from(office).origin.source();
    assert_eq!(world.directory.sources().refused_for(source, world.now), None);
}

#[test]
fn a_terminal_shows_its_other_address_on_a_connection_of_its_own_and_is_found_at_both() {
    let mut world = World::new(Registration::Open);
    let (mut ali, challenge) = granted(&mut world);
    let announce = Announce { local: vec![[192, 168, 1, 5].into()], ..ali.announcement(Example::Ali, 1, &challenge) };
    let Some(FromDirectory::Announced(announced)) = ali.send(&world, announce) else { panic!("not announced") };
    let token = *announced.other.unwrap();
    let (first, other) = (announced.address, "[2001:db8::2]:65001".parse().unwrap());
    let mut shows = |token, port| {
        let mut connection = world.connect_from("2001:db8::2".parse().unwrap());
        let reply = connection.send(&world, SeenReq { token, port });
        assert_eq!(connection.misbehaviour(), None, "it leaves without a login");
        reply
    };
    assert_eq!(shows(SeenToken([0; 32]), 65_001), Some(SeenReply::refused().into()));
    assert_eq!(shows(token, 65_001), Some(SeenReply::at(other).into()));
    assert_eq!(shows(token, 65_002), Some(SeenReply::refused().into()), "once");
    match ali.send(&world, lookup("ali", "ali")) {
        Some(FromDirectory::LookupReply(reply)) => {
            assert_eq!((reply.addresses, &reply.terminals[0].addresses), (vec![first], &vec![first, other]));
        }
        other => panic!("{other:?}"),
    }

    // Who has not named the feature is given no token, and a session shows nothing.
    let mut before = world.connect();
    let (_, challenge) = before.authenticate(&world, "ali", RIGHT, 2, None);
    let announce = Announce { features: Features::default(), ..before.announcement(Example::Ali, 2, &challenge) };
    let Some(FromDirectory::Announced(announced)) = before.send(&world, announce) else { panic!("not announced") };
    assert_eq!(announced.other, None);
    assert_eq!(error_code(before.send(&world, SeenReq { token: SeenToken([0; 32]), port: 1 })), ErrorCode::OutOfOrder);
}
