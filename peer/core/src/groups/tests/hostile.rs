//! Items that are not what they say (threat G7): what bianca can do to ali.

use common::crypto::commit;
use common::ident::{GroupHandle, RoomId};
use common::msg::{CommitReq, GroupEntry, MailKind, Member, SignedCommit};
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Stage, member, team, terminal};
use crate::event::Effect;
use crate::mls::{Edit, Room};
use crate::model::Conversation;
use crate::notice::{MessageNotice, Notice};
use crate::request::{DeliveryRequest, MailboxRequest, Request};

/// Bytes of version and fork tag, and where the epoch stands in the message behind them: version and wire format in 2
/// bytes each, the room's id with its length in front.
const HEAD: usize = 17;
const EPOCH: usize = HEAD + 2 + 2 + 1 + 16;

/// The same bytes with another epoch in the header.
fn with_epoch(bytes: &[u8], epoch: u64) -> Vec<u8> {
    let mut altered = bytes.to_vec();
    altered[EPOCH..EPOCH + 8].copy_from_slice(&epoch.to_be_bytes());
    altered
}

struct Scene {
    stage: Stage,
    hers: Room,
    room: RoomId,
    epoch: u64,
}

impl Scene {
    fn new() -> Self {
        let (stage, hers) = Stage::with_room_of_bianca();
        let (room, epoch) = (hers.id(), hers.epoch());
        Self { stage, hers, room, epoch }
    }

    fn comes(&mut self, kind: MailKind, from: Member, bytes: &[u8]) -> Vec<Request> {
        self.stage.comes((self.room, self.epoch), kind, from, bytes)
    }

    /// What ali is told, once for all effects so far.
    fn told(&mut self) -> Vec<MessageNotice> {
        let told = |effect| match effect {
            Effect::Notify(Notice::Message(notice)) => Some(notice),
            Effect::NewTerminal => panic!("ali takes the terminal for an old copy"),
            _ => None,
        };
        self.stage.effects().into_iter().filter_map(told).collect()
    }

    /// The item was dropped, and everything goes on.
    #[track_caller]
    fn assert_dropped(&mut self, from: &Member, requests: &[Request]) {
        assert!(matches!(requests, [Request::Mailbox(MailboxRequest::Taken(_))]), "{requests:?}");
        let told = self.told();
        let [MessageNotice::Dropped { with: Conversation::Group(group), from: named, .. }] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!((group, named), (&team(), &from.userid));
        let sealed = self.hers.seal(b"still fine").unwrap();
        let requests = self.comes(MailKind::Message, member(Bianca), &sealed);
        assert!(matches!(requests[0], Request::Delivery(DeliveryRequest::Letter(_))), "{requests:?}");
    }
}

#[test]
fn a_message_with_another_epoch_in_its_header_changes_nothing_and_its_sender_is_named() {
    for epoch in [0, 2, 3, u64::MAX] {
        let mut scene = Scene::new();
        assert_eq!(scene.epoch, 1);
        let sealed = with_epoch(&scene.hers.seal(b"a letter").unwrap(), epoch);
        let requests = scene.comes(MailKind::Message, member(Bianca), &sealed);
        scene.assert_dropped(&member(Bianca), &requests);
    }
}

#[test]
fn a_message_with_another_fork_tag_changes_nothing_and_its_sender_is_named() {
    for position in 1..HEAD {
        let mut scene = Scene::new();
        let mut sealed = scene.hers.seal(b"a letter").unwrap();
        sealed[position] ^= 1;
        let requests = scene.comes(MailKind::Message, member(Bianca), &sealed);
        scene.assert_dropped(&member(Bianca), &requests);
    }
}

#[test]
fn a_message_of_somebody_else_or_of_nobody_changes_nothing_and_its_sender_is_named() {
    // Given to the directory by another than who sealed it, also by ali's own terminal; not a message at all.
    for from in [member(Carol), member(Ali)] {
        let mut scene = Scene::new();
        let sealed = scene.hers.seal(b"a letter").unwrap();
        let requests = scene.comes(MailKind::Message, from.clone(), &sealed);
        scene.assert_dropped(&from, &requests);
    }
    for bytes in [&b""[..], b"\x01", b"rubbish", &[1; 114]] {
        let mut scene = Scene::new();
        let requests = scene.comes(MailKind::Message, member(Bianca), bytes);
        scene.assert_dropped(&member(Bianca), &requests);
    }
}

#[test]
fn who_sends_rubbish_all_the_time_is_named_once_in_a_session() {
    let mut scene = Scene::new();
    for _ in 0..100 {
        scene.comes(MailKind::Message, member(Bianca), b"rubbish");
    }
    assert_eq!(scene.told().len(), 1);
    scene.stage.groups.handle_session();
    scene.comes(MailKind::Message, member(Bianca), b"rubbish");
    assert_eq!(scene.told().len(), 1);
}

#[test]
fn a_message_that_claims_to_be_from_this_terminal_changes_nothing() {
    let mut scene = Scene::new();
    let rooms = &mut scene.stage.groups.rooms;
    let own = rooms.seal(&scene.room, b"said here").unwrap();
    let requests = scene.comes(MailKind::Message, member(Bianca), &own);
    scene.assert_dropped(&member(Bianca), &requests);
}

#[test]
fn an_item_of_an_epoch_that_is_over_or_of_no_room_of_ours_is_passed_over() {
    let mut scene = Scene::new();
    let sealed = scene.hers.seal(b"a letter").unwrap();
    for (room, epoch) in [(scene.room, 0), (RoomId([9; 16]), 1)] {
        for kind in [MailKind::Message, MailKind::Commit] {
            let requests = scene.stage.comes((room, epoch), kind, member(Bianca), &sealed);
            assert!(matches!(requests[..], [Request::Mailbox(MailboxRequest::Taken(_))]), "{requests:?}");
        }
    }
    assert_eq!(scene.told(), []);
}

/// What is no commit that ali can follow, and ends the epoch all the same.
fn bad_commits(scene: &mut Scene) -> Vec<(Member, Vec<u8>)> {
    let good = scene.hers.propose(&Edit::default()).unwrap().commit;
    let mut other_tag = good.clone();
    other_tag[5] ^= 1;
    let mut altered = good.clone();
    *altered.last_mut().unwrap() ^= 1;
    let own = scene.stage.groups.rooms.seal(&scene.room, b"said here").unwrap();
    vec![
        (member(Bianca), b"x".to_vec()),
        (member(Bianca), with_epoch(&good, 0)),
        (member(Bianca), with_epoch(&good, 2)),
        (member(Bianca), other_tag),
        (member(Bianca), altered),
        (member(Bianca), own),
        (member(Carol), good.clone()),
        (member(Ali), good),
    ]
}

#[test]
fn a_commit_that_cannot_be_followed_names_whose_it_is_and_no_state_is_forgotten() {
    let mut scene = Scene::new();
    let commits = bad_commits(&mut scene).len();
    for row in 0..commits {
        let mut scene = Scene::new();
        let (from, bytes) = bad_commits(&mut scene).swap_remove(row);
        scene.comes(MailKind::Commit, from.clone(), &bytes);
        let told = scene.told();
        let [MessageNotice::Frozen { with: Conversation::Group(_), why }] = &told[..] else {
            panic!("{row}: {told:?}")
        };
        assert!(why.starts_with(from.userid.as_str()), "row {row}: {why}");
        assert_eq!(scene.stage.groups.rooms.epoch(&scene.room), Some(1), "row {row}");
        // What comes behind it changes nothing either.
        scene.comes(MailKind::Commit, from, &bytes);
        assert_eq!(scene.told(), []);
    }
}

/// What bianca signs for this commit of hers, and says to the directory.
fn signed(scene: &Scene, request: CommitReq, bytes: &[u8]) -> SignedCommit {
    let directory = scene.stage.cx.directory;
    let by = member(Bianca);
    let request = commit::signed(request, &by, &directory, (bytes, b""), |said| terminal(Bianca).sign(said));
    SignedCommit { digests: commit::digests(&request, bytes, b""), signature: request.signature.unwrap() }
}

#[test]
fn a_commit_is_followed_only_if_its_author_has_signed_what_it_does() {
    let both = || vec![member(Ali), member(Bianca)];
    let entry = |scene: &Scene| {
        let handle = GroupHandle::of(&team(), &scene.stage.cx.directory);
        Some(GroupEntry { handle, admins: vec![member(Ali).userid] })
    };
    type Told = fn(CommitReq, Option<GroupEntry>) -> CommitReq;
    let rows: [(Told, bool); 4] = [
        (|request, _| request, true),
        (|request, _| CommitReq { members: vec![member(Bianca)], ..request }, false),
        (|request, _| CommitReq { epoch: 7, ..request }, false),
        (|request, entry| CommitReq { group: entry, ..request }, false),
    ];
    for (row, (told, followed)) in rows.into_iter().enumerate() {
        let mut scene = Scene::new();
        let bytes = scene.hers.propose(&Edit::default()).unwrap().commit;
        let request = told(CommitReq::without_commit(scene.room, scene.epoch, both()), entry(&scene));
        scene.stage.signed = Some(signed(&scene, request, &bytes));
        scene.comes(MailKind::Commit, member(Bianca), &bytes);
        assert_eq!(scene.stage.groups.rooms.is_usable(&scene.room), followed, "row {row}");
    }
    // A signature for other bytes.
    let mut scene = Scene::new();
    let bytes = scene.hers.propose(&Edit::default()).unwrap().commit;
    let request = CommitReq::without_commit(scene.room, scene.epoch, both());
    scene.stage.signed = Some(signed(&scene, request, b"other bytes"));
    scene.comes(MailKind::Commit, member(Bianca), &bytes);
    assert!(!scene.stage.groups.rooms.is_usable(&scene.room));
}
