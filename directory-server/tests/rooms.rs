//! Protocol section 6.7, threats G1 to G3: one commit for each epoch, rosters, group entries, terminals, certificates.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::sync::Barrier;

use common::ident::{GroupHandle, GroupName, KeyDigest, RoomId, TerminalId};
use common::limits::{COMMIT_MAX, HANDLE_KEPT, TERMINALS_REMEMBERED};
use common::msg::{
    Blob, ByeReason, CertificatesReq, CommitRefusal, CommitReply, CommitReq, CommitStatus, Error, ErrorCode,
    FromDirectory, GroupReply, GroupReq, MailKind, MailRefusal, Member, Registration, SignedCommit, TerminalRemove,
    TerminalsReq, UserTerminals,
};
use common::testkit::{Example, sealed_commit};
use directory_core::Policy;
use directory_core::records::{CommitRequest, MailRule, Remover};
use directory_core::store::Store as _;
use futures::executor::block_on;
use support::mail::{ROOM, body, commit_req, entry, member, pair};
use support::{NOON, Peer, World, user};

const ALL: [Example; 3] = [Example::Ali, Example::Bianca, Example::Carol];

/// Three users, each with a terminal 1 that is present.
fn three() -> (World, [Peer; 3]) {
    let mut world = World::new(Registration::Open);
    ALL.into_iter().for_each(|example| world.register(example));
    let peers = ALL.map(|example| world.log_in(example, 1).0);
    (world, peers)
}

fn kinds(peer: &mut Peer, world: &World) -> Vec<(MailKind, u64, Vec<u8>)> {
    peer.open_mailbox(world);
    let items = peer.mail(world);
    items.into_iter().map(|item| (item.kind, item.epoch, body(&item))).collect()
}

fn handle(name: &str) -> GroupHandle {
    GroupHandle::of(&GroupName::parse(name).unwrap(), &KeyDigest([1; 32]))
}

fn group(peer: &mut Peer, world: &World, name: &str) -> GroupReply {
    match peer.send(world, GroupReq { handle: handle(name) }) {
        Some(FromDirectory::GroupReply(reply)) => reply,
        other => panic!("{other:?}"),
    }
}

fn terminals(peer: &mut Peer, world: &World, ids: &[&str]) -> Vec<(String, Vec<u8>)> {
    let told = |listed: UserTerminals| {
        (listed.userid.to_string(), listed.terminals.iter().map(|terminal| terminal.0[0]).collect())
    };
    match peer.send(world, TerminalsReq { users: ids.iter().map(|id| user(id)).collect() }) {
        Some(FromDirectory::TerminalsReply(reply)) => reply.users.into_iter().map(told).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_commit_reaches_everyone_who_was_there_and_the_welcome_everyone_new() {
    let (world, [mut ali, mut bianca, mut carol]) = three();
    ali.create_group(&world, &[member("ali", 1), member("bianca", 1)]);
    let next = [member("ali", 1), member("carol", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &next), b"commit", b"welcome"), CommitStatus::Accepted);
    let commit = [(MailKind::Commit, 0, b"commit".to_vec())];
    assert_eq!(kinds(&mut ali, &world), commit, "the sender's own commit comes back to it");
    assert_eq!(kinds(&mut bianca, &world), commit, "whoever is removed learns it");
    assert_eq!(kinds(&mut carol, &world), [(MailKind::Welcome, 0, b"welcome".to_vec())]);
    assert_eq!(bianca.put(&world, 1, &[b"x"]).refused, Some(MailRefusal::Room));
    assert_eq!(carol.put(&world, 1, &[b"x"]).stored, 1);
}

#[test]
fn messages_of_an_epoch_lie_between_the_commits_that_begin_and_end_it() {
    let (world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    for epoch in 0..3 {
        assert_eq!(ali.put(&world, epoch, &[b"message"]).stored, 1);
        assert_eq!(bianca.commit(&world, commit_req(epoch, &both), b"commit", b""), CommitStatus::Accepted);
        assert_eq!(ali.put(&world, epoch, &[b"late"]).refused, Some(MailRefusal::Epoch));
    }
    let order: Vec<_> = kinds(&mut bianca, &world).into_iter().map(|(kind, epoch, _)| (kind, epoch)).collect();
    let expected = (0..3).flat_map(|epoch| [(MailKind::Message, epoch), (MailKind::Commit, epoch)]);
    assert_eq!(order, expected.collect::<Vec<_>>());
}

#[test]
fn the_second_commit_of_an_epoch_loses_and_finds_the_first_in_its_mailbox() {
    let (world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &both), b"ali's", b""), CommitStatus::Accepted);
    assert_eq!(bianca.commit(&world, commit_req(0, &both), b"bianca's", b""), CommitStatus::Epoch);
    assert_eq!(kinds(&mut bianca, &world), [(MailKind::Commit, 0, b"ali's".to_vec())]);
    assert_eq!(bianca.open_mailbox(&world).written, 0, "what is refused was not carried out");
    assert_eq!(bianca.commit(&world, commit_req(1, &both), b"bianca's", b""), CommitStatus::Accepted);
    assert_eq!(bianca.open_mailbox(&world).written, 1);
}

#[test]
fn of_many_commits_at_once_exactly_one_is_accepted() {
    let (world, mut ali, _bianca) = pair();
    ali.take_mail(&world);
    let both = vec![member("ali", 1), member("bianca", 1)];
    let store = &world.directory.store;
    const RIVALS: usize = 16;
    for epoch in 0..4 {
        let start = Barrier::new(RIVALS);
        let statuses: Vec<_> = std::thread::scope(|scope| {
            let rivals: Vec<_> = (0..RIVALS)
                .map(|rival| {
                    let (members, start) = (both.clone(), &start);
                    scope.spawn(move || {
                        let (from, commit) = (members[rival % 2].clone(), vec![rival as u8 + 1]);
                        let asked = commit_req(epoch, &members);
                        let digests = common::crypto::commit::digests(&asked, &commit, b"");
                        let request = CommitRequest {
                            from,
                            room: ROOM,
                            epoch,
                            members,
                            commit,
                            welcome: Vec::new(),
                            group: None,
                            again: Vec::new(),
                            replaces: None,
                            signed: SignedCommit { digests, signature: Blob::default() },
                            kept_after: NOON,
                            run: NOON,
                        };
                        start.wait();
                        block_on(store.commit(request, MailRule::default(), NOON)).unwrap().reply.status
                    })
                })
                .collect();
            rivals.into_iter().map(|rival| rival.join().unwrap()).collect()
        });
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(CommitStatus::Accepted), count(CommitStatus::Epoch)), (1, RIVALS - 1));
    }
    assert_eq!(ali.open_mailbox(&world).waiting, 4);
}

#[test]
fn an_accepted_commit_survives_a_restart_and_a_repeated_one_finds_itself() {
    let (mut world, mut ali, bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &both), b"commit", b""), CommitStatus::Accepted);
    // The answer got lost, and so did the directory.
    drop((ali, bianca));
    world = world.restart();
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    assert_eq!(ali.commit(&world, commit_req(0, &both), b"commit", b""), CommitStatus::Epoch);
    assert_eq!(kinds(&mut ali, &world), [(MailKind::Commit, 0, b"commit".to_vec())]);
}

#[test]
fn a_room_is_created_once_and_its_creation_may_be_repeated_by_its_members_only() {
    let (world, [mut ali, mut bianca, mut carol]) = three();
    let both = [member("ali", 1), member("bianca", 1)];
    let create = |peer: &mut Peer, members: &[Member]| peer.commit(&world, commit_req(0, members), b"", b"");
    assert_eq!(create(&mut carol, &both), CommitStatus::Room, "only with oneself in it");
    assert_eq!(create(&mut ali, &both), CommitStatus::Accepted);
    assert_eq!(create(&mut ali, &both), CommitStatus::Accepted);
    assert_eq!(ali.open_mailbox(&world).written, 2, "each answer that it was accepted counts");
    assert_eq!(create(&mut carol, &[member("carol", 1)]), CommitStatus::Room, "the id is in use");
    assert_eq!(bianca.commit(&world, commit_req(0, &both), b"commit", b""), CommitStatus::Accepted);
    assert_eq!(create(&mut ali, &both), CommitStatus::Epoch);
    let elsewhere = CommitReq { room: RoomId([8; 16]), ..commit_req(1, &both) };
    assert_eq!(ali.commit(&world, elsewhere, b"commit", b""), CommitStatus::Room, "not with a later epoch");
}

#[test]
fn a_room_may_be_created_with_its_first_commit() {
    let (world, [mut ali, mut bianca, _carol]) = three();
    let both = [member("ali", 1), member("bianca", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &both), b"commit", b"welcome"), CommitStatus::Accepted);
    assert_eq!(kinds(&mut ali, &world), [(MailKind::Commit, 0, b"commit".to_vec())]);
    assert_eq!(kinds(&mut bianca, &world), [(MailKind::Welcome, 0, b"welcome".to_vec())]);
    assert_eq!(bianca.put(&world, 1, &[b"x"]).stored, 1);
}

#[test]
fn sizes_that_do_not_add_up_end_the_connection_and_change_nothing() {
    let both = [member("ali", 1), member("bianca", 1)];
    let admins = |admins: &[&str]| CommitReq { group: entry("team", admins), ..commit_req(0, &both) };
    let commit = sealed_commit(&ROOM, 0, b"commit");
    let size = commit.len() as u32;
    let wrong = [
        ("more than was uploaded", CommitReq { commit: size + 1, ..commit_req(0, &both) }),
        ("less than was uploaded", CommitReq { commit: size - 1, ..commit_req(0, &both) }),
        ("too large a sum", CommitReq { commit: u32::MAX, welcome: u32::MAX, ..commit_req(0, &both) }),
        ("a welcome without a commit", CommitReq { welcome: size, ..commit_req(0, &both) }),
        ("an entry that names nobody", CommitReq { commit: size, ..admins(&[]) }),
        ("a commit of another epoch", CommitReq { commit: size, epoch: 1, ..commit_req(0, &both) }),
        ("a commit of another room", CommitReq { commit: size, room: RoomId([8; 16]), ..commit_req(0, &both) }),
        ("a commit that leaves nobody", CommitReq { commit: size, ..commit_req(0, &[]) }),
    ];
    for (what, request) in wrong {
        let (world, mut ali, mut bianca) = pair();
        assert_eq!(ali.upload(&world, &commit), None);
        let request = ali.signed(request, &commit, b"");
        assert_eq!(ali.send(&world, request), Some(Error::new(ErrorCode::Malformed).into()), "{what}");
        assert!(ali.closed, "{what}");
        assert_eq!(bianca.put(&world, 0, &[b"x"]).stored, 1, "{what}: still epoch 0");
    }
    let (world, mut ali, _bianca) = pair();
    let later = commit_req(1, &both);
    assert_eq!(ali.send(&world, later), Some(Error::new(ErrorCode::Malformed).into()), "no commit for a later epoch");
}

#[test]
fn an_upload_serves_one_commit_and_is_bounded_for_a_session_and_for_all() {
    let (mut world, mut ali, mut bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &both), &vec![1; COMMIT_MAX - 47], b""), CommitStatus::Accepted);
    assert_eq!(ali.commit(&world, commit_req(1, &both), b"small", b""), CommitStatus::Accepted, "nothing is left over");
    assert_eq!(ali.upload(&world, &vec![1; COMMIT_MAX]), None);
    assert_eq!(ali.upload(&world, b"1"), Some(Error::new(ErrorCode::Malformed).into()));
    assert!(ali.closed);
    drop(ali);
    // Two of the largest are all that a user has, at however many terminals.
    let mut others: Vec<_> = (0..2).map(|_| world.session(Example::Ali, 2)).collect();
    for other in &mut others {
        assert_eq!(other.upload(&world, &vec![1; COMMIT_MAX]), None);
    }
    let wait = |to: &str| {
        let (to, retry_after) = (Some(to.to_owned()), Some(10));
        Some(FromDirectory::from(Error { to, retry_after, ..Error::new(ErrorCode::RateLimited) }))
    };
    let mut last = world.session(Example::Ali, 1);
    assert_eq!(last.upload(&world, b"1"), wait("UPLOAD"));
    assert_eq!(last.send(&world, CommitReq { commit: 1, ..commit_req(2, &both) }), wait("COMMITREQ"));
    assert_eq!(bianca.upload(&world, &vec![1; COMMIT_MAX]), None, "others have their own");
    others.pop();
    assert_eq!(
        last.commit(&world, commit_req(2, &both), b"small", b""),
        CommitStatus::Accepted,
        "and the room is back"
    );
}

#[test]
fn a_group_is_found_by_its_handle_and_its_entry_changed_by_its_admins_only() {
    let (world, [mut ali, mut bianca, mut carol]) = three();
    let both = [member("ali", 1), member("bianca", 1)];
    let none = GroupReply { room: None, admins: Vec::new() };
    assert_eq!(group(&mut carol, &world, "team"), none);
    let create = CommitReq { group: entry("team", &["ali"]), ..commit_req(0, &both) };
    assert_eq!(ali.commit(&world, create, b"", b""), CommitStatus::Accepted);
    let found = GroupReply { room: Some(ROOM), admins: vec![user("ali")] };
    assert_eq!(group(&mut carol, &world, "team"), found);

    let change = |name, epoch| CommitReq { group: entry(name, &["bianca"]), ..commit_req(epoch, &both) };
    let refused = |reason| CommitReply { reason: Some(reason), ..CommitStatus::Refused.into() };
    assert_eq!(bianca.commits(&world, change("team", 0), b"c", b""), refused(CommitRefusal::NotAdmin));
    let rival =
        CommitReq { room: RoomId([8; 16]), group: entry("team", &["carol"]), ..commit_req(0, &[member("carol", 1)]) };
    assert_eq!(carol.commit(&world, rival.clone(), b"", b""), CommitStatus::Taken);
    assert_eq!(group(&mut carol, &world, "team"), found, "nothing has changed");
    assert_eq!(carol.put(&world, 0, &[b"x"]).refused, Some(MailRefusal::Room));

    let appoint = CommitReq { group: entry("team", &["ali", "bianca"]), ..commit_req(0, &both) };
    assert_eq!(ali.commit(&world, appoint, b"c", b""), CommitStatus::Accepted);
    assert_eq!(group(&mut carol, &world, "team").admins, [user("ali"), user("bianca")]);
    assert_eq!(ali.commits(&world, change("crew", 1), b"c", b""), refused(CommitRefusal::Entry), "names stay");
    assert_eq!(
        bianca.commits(&world, change("team", 1), b"c", b""),
        refused(CommitRefusal::Order),
        "ali stands before"
    );
    assert_eq!(ali.commit(&world, change("team", 1), b"c", b""), CommitStatus::Accepted, "and may step back");
    assert_eq!(group(&mut carol, &world, "team").admins, [user("bianca")]);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn a_room_without_an_entry_gets_none_later() {
    let (world, mut ali, _bianca) = pair();
    let both = [member("ali", 1), member("bianca", 1)];
    let named = CommitReq { group: entry("team", &["ali"]), ..commit_req(0, &both) };
    assert_eq!(ali.commits(&world, named, b"commit", b"").reason, Some(CommitRefusal::Entry));
}

#[test]
fn the_name_of_a_group_that_was_given_up_stays_with_its_admins_for_a_month() {
    let (mut world, [mut ali, mut bianca, _carol]) = three();
    let founds = |room: u8, admin: &str| CommitReq {
        room: RoomId([room; 16]),
        group: entry("team", &[admin]),
        ..commit_req(0, &[member(admin, 1)])
    };
    let gives_up = |room: u8| CommitReq { room: RoomId([room; 16]), ..commit_req(0, &[]) };
    assert_eq!(ali.commit(&world, founds(1, "ali"), b"", b""), CommitStatus::Accepted);
    assert_eq!(bianca.commit(&world, gives_up(1), b"", b""), CommitStatus::Room, "not by a stranger");
    assert_eq!(ali.commit(&world, gives_up(1), b"", b""), CommitStatus::Accepted);
    assert_eq!(group(&mut ali, &world, "team"), GroupReply { room: None, admins: Vec::new() });
    assert_eq!(ali.commit(&world, gives_up(1), b"", b""), CommitStatus::Room);
    assert_eq!(ali.commit(&world, founds(1, "ali"), b"", b""), CommitStatus::Room, "its id is never used again");
    assert_eq!(bianca.commit(&world, founds(2, "bianca"), b"", b""), CommitStatus::Taken);
    assert_eq!(ali.commit(&world, founds(3, "ali"), b"", b""), CommitStatus::Accepted);
    assert_eq!(world.check(), [""; 0]);
    // Without anybody who gives it up: the month begins when the last terminal is gone, whether anybody asks or not.
    block_on(world.directory.store.remove_terminal(&member("ali", 1), Remover::Administrator)).unwrap();
    block_on(world.directory.keep_time(world.now)).unwrap();
    assert_eq!(group(&mut bianca, &world, "team").room, None);
    world.now = world.now + HANDLE_KEPT;
    assert_eq!(bianca.commit(&world, founds(4, "bianca"), b"", b""), CommitStatus::Taken, "by one reading of a clock");
    world.run_for_a_day();
    assert_eq!(bianca.commit(&world, founds(4, "bianca"), b"", b""), CommitStatus::Accepted);
    assert_eq!(world.check(), [""; 0]);
}

#[test]
fn terminals_that_do_not_exist_are_left_out_of_the_roster() {
    let (world, mut ali, mut bianca) = pair();
    let members = [member("ali", 1), member("bianca", 1), member("bianca", 9), member("ali", 1)];
    assert_eq!(ali.commit(&world, commit_req(0, &members), b"commit", b"welcome"), CommitStatus::Accepted);
    assert_eq!(ali.put(&world, 1, &[b"x"]).stored, 1);
    assert_eq!(kinds(&mut bianca, &world).len(), 2, "the commit and the message");
    assert_eq!(world.waiting(), 3);
}

#[test]
fn terminals_are_told_once_they_have_published_and_until_they_are_removed() {
    let (mut world, [mut ali, mut bianca, _carol]) = three();
    assert_eq!(terminals(&mut ali, &world, &["bianca", "nobody"]), [("bianca".into(), vec![])]);
    bianca.publish(&world, &[b"package"], None);
    world.now = world.now + std::time::Duration::from_secs(1);
    let (mut second, _) = world.log_in(Example::Bianca, 2);
    second.publish(&world, &[], Some(b"last resort"));
    let both = vec![2, 1];
    assert_eq!(terminals(&mut ali, &world, &["ali", "bianca"]), [("ali".into(), vec![]), ("bianca".into(), both)]);
    ali.take_key_packages(&world, "bianca", &[1]);
    assert_eq!(terminals(&mut ali, &world, &["bianca"])[0].1.len(), 2, "also when all were taken");

    block_on(world.directory.store.remove_terminal(&member("bianca", 1), Remover::Administrator)).unwrap();
    assert_eq!(terminals(&mut ali, &world, &["bianca"]), [("bianca".into(), vec![2])]);
}

#[test]
fn a_removed_terminal_leaves_nothing_behind_and_its_session_can_do_no_harm() {
    let (mut world, mut ali, mut bianca) = pair();
    let (_second, _) = world.log_in(Example::Bianca, 2);
    let all = [member("ali", 1), member("bianca", 1), member("bianca", 2)];
    assert_eq!(ali.commit(&world, commit_req(0, &all), b"commit", b"welcome"), CommitStatus::Accepted);
    bianca.publish(&world, &[b"package"], Some(b"last"));
    ali.put(&world, 1, &[b"x"]);
    block_on(world.directory.store.remove_terminal(&member("bianca", 1), Remover::Administrator)).unwrap();
    assert_eq!(world.waiting(), 3, "ali's commit, and the welcome and message of the terminal that stays");
    assert_eq!(ali.take_key_packages(&world, "bianca", &[1]).packages, []);
    assert_eq!(bianca.put(&world, 1, &[b"x"]).refused, Some(MailRefusal::Room));
    let state = bianca.open_mailbox(&world);
    assert_eq!((state.acked, state.written, state.waiting), (0, 0, 0));
    bianca.acknowledge(&world, 1);
    let created = CommitReq { room: RoomId([8; 16]), ..commit_req(0, &[member("bianca", 1)]) };
    assert_eq!(bianca.commit(&world, created, b"", b""), CommitStatus::Room);
    assert_eq!(bianca.publish(&world, &[b"package"], Some(b"last")).left, 0);
    assert_eq!(terminals(&mut ali, &world, &["bianca"]), [("bianca".into(), vec![])]);
}

#[test]
fn nobody_removes_a_terminal_of_somebody_else() {
    let (mut world, [mut ali, mut bianca, _carol]) = three();
    let (mut second, _) = world.log_in(Example::Bianca, 2);
    second.publish(&world, &[b"package"], None);
    ali.send(&world, TerminalRemove { terminal: TerminalId([2; 16]), cookie: None });
    assert_eq!(terminals(&mut bianca, &world, &["bianca"]), [("bianca".into(), vec![2])]);
    assert_eq!(second.ended(), None);
}

#[test]
fn a_terminal_that_is_removed_while_it_logs_in_does_not_become_present() {
    let mut world = World::new(Registration::Open);
    world.register(Example::Ali);
    let mut peer = world.connect();
    let (_, challenge) = peer.authenticate(&world, "ali", support::RIGHT, 1, None);
    block_on(world.directory.store.remove_terminal(&member("ali", 1), Remover::Administrator)).unwrap();
    let announcement = peer.announcement(Example::Ali, 1, &challenge);
    let bye = common::msg::Bye { reason: ByeReason::Administrator };
    assert_eq!(peer.send(&world, announcement), Some(bye.into()));
    assert_eq!(world.directory.presence.count(), (0, 0));
}

#[test]
fn certificates_are_told_with_the_identity_key_in_the_order_asked_for() {
    let (world, [mut ali, _bianca, _carol]) = three();
    let members = vec![member("carol", 1), member("bianca", 9), member("nobody", 1), member("ali", 1)];
    match ali.send(&world, CertificatesReq { members }) {
        Some(FromDirectory::CertificatesReply(reply)) => {
            let told = reply.certificates;
            let users: Vec<_> = told.iter().map(|told| told.userid.as_str()).collect();
            assert_eq!(users, ["carol", "ali"], "what there is none of is left out");
            for (told, example) in told.iter().zip([Example::Carol, Example::Ali]) {
                let identity = example.identity().unwrap();
                assert_eq!(told.publickey.0, identity.public().as_pkcs1());
                common::crypto::terminal::verify(&told.certificate, &told.userid, identity.public()).unwrap();
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_asks_who_there_is_is_limited() {
    let (world, mut ali, _bianca) = pair();
    world.directory.set_policy(Policy { lookups_per_minute: 2, ..world.directory.policy() });
    group(&mut ali, &world, "team");
    terminals(&mut ali, &world, &["bianca"]);
    for (to, limited) in [
        ("GROUPREQ", ali.send(&world, GroupReq { handle: handle("team") })),
        ("TERMINALSREQ", ali.send(&world, TerminalsReq { users: vec![user("bianca")] })),
    ] {
        let error = Error { to: Some(to.into()), retry_after: Some(60), ..Error::new(ErrorCode::RateLimited) };
        assert_eq!(limited, Some(error.into()));
    }
}

#[test]
fn an_answer_about_many_terminals_fits_into_a_frame() {
    let (world, mut ali, _bianca) = pair();
    world.add_terminals("bianca", TERMINALS_REMEMBERED);
    let asked = TerminalsReq { users: vec![user("bianca"); 64] };
    match ali.send(&world, asked) {
        Some(reply @ FromDirectory::TerminalsReply(_)) => {
            let size = common::msg::Message::encode(&reply).len();
            assert!(size <= common::limits::FRAME_AFTER_LOGIN && size > 60_000, "{size}");
        }
        other => panic!("{other:?}"),
    }
}
