//! A second admin who founds a group anew to be rid of the first one.

use common::crypto::commit;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupHandle, RoomId, TerminalId, UserId};
use common::msg::{
    Body, CommitReq, CommitStatus, GroupEntry, GroupReply, KeyPackageReply, MailKind, Member, SignedCommit,
    ToDirectory, UserCertificate,
};
use common::secret::Secret;
use common::testkit::Example;
use common::testkit::Example::{Ali, Bianca, Carol};

use super::stage::{Committing, Stage, bianca, carol, member, second_of, team, terminal};
use super::succession::{ALL, Scene, ali};
use crate::command::GroupWish;
use crate::event::Effect;
use crate::groups::queue::GroupOperation;
use crate::mls::{Edit, Room, VerifiedCredential, VerifiedKeyPackage};
use crate::model::Conversation;
use crate::notice::{GroupNews, MessageNotice, Notice};
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

const NEW: RoomId = RoomId([0x66; 16]);

/// Bianca, an admin behind ali, has founded the group anew with carol alone.
struct Founding {
    scene: Scene,
    /// The new room as she has it.
    hers: Room,
    welcome: Vec<u8>,
    commit: Vec<u8>,
}

impl Founding {
    fn new() -> Self {
        let mut scene = Scene::new();
        scene.ali.groups.operations.add(GroupOperation::GrantAdmin(scene.room, bianca()));
        let named = scene.ali.commits(ALL, |_| panic!("nobody is added"));
        scene.ali.comes_back(&named);
        scene.carol.comes((scene.room, named.epoch), MailKind::Commit, member(Ali), &named.commit);
        scene.ali.effects();
        scene.carol.effects();
        let hers = Stage::of(Bianca);
        let mut room = Room::create_with(&hers.cx.own, NEW, &team(), vec![ali(), bianca()]).unwrap();
        let add = vec![newcomer(&hers, &scene.carol.package())];
        let made = room.propose(&Edit { add, ..Edit::default() }).unwrap();
        for stage in [&mut scene.ali, &mut scene.carol] {
            stage.certificates.retain(|told| told.userid != bianca());
            stage.certificates.push(hers.certificates[0].clone());
        }
        room.open_commit(&made.commit).unwrap();
        room.apply(&[]).unwrap();
        Self { scene, hers: room, welcome: made.welcome, commit: made.commit }
    }

    /// What she signs, and says to the directory of who is in it.
    fn signed(&self, members: &[Member]) -> SignedCommit {
        self.signed_by(&member(Bianca), &terminal(Bianca), members)
    }

    /// The same at another terminal of hers.
    fn signed_by(&self, from: &Member, terminal: &TerminalIdentity, members: &[Member]) -> SignedCommit {
        let directory = self.scene.ali.cx.directory;
        let entry = GroupEntry { handle: GroupHandle::of(&team(), &directory), admins: vec![ali(), bianca()] };
        let request = CommitReq {
            group: Some(entry),
            replaces: Some(self.scene.room),
            ..CommitReq::without_commit(NEW, 0, members.to_vec())
        };
        let bytes = (self.commit.as_slice(), self.welcome.as_slice());
        let request = commit::signed(request, from, &directory, bytes, |said| terminal.sign(said));
        let digests = commit::digests(&request, bytes.0, bytes.1);
        SignedCommit { digests, signature: request.signature.unwrap() }
    }

    /// The welcome comes to ali, for whom there is nothing in it.
    fn comes_to_ali(&mut self) -> Vec<Request> {
        self.scene.ali.signed = Some(self.signed(&[member(Ali), member(Bianca), member(Carol)]));
        self.scene.ali.comes((NEW, 0), MailKind::Welcome, member(Bianca), &self.welcome)
    }

    /// Bianca does not let ali in, and ali founds the group once more.
    fn answered(&mut self) -> Committing {
        let Scene { ali: stage, carol: carol_s, .. } = &mut self.scene;
        // She is not there, and may be honest and slow: for ten minutes she is asked.
        for _ in 0..20 {
            stage.cx.now.tick += 30;
            stage.groups.handle_tick(&mut stage.cx);
            assert_eq!(stage.begins(), []);
        }
        stage.cx.now.tick += 200;
        stage.groups.handle_tick(&mut stage.cx);
        stage.commits(ALL, |user| {
            assert_eq!(*user, carol(), "nobody else is added");
            carol_s.package()
        })
    }
}

fn newcomer(by: &Stage, theirs: &KeyPackageReply) -> VerifiedKeyPackage {
    newcomer_of(Carol, by, theirs)
}

fn newcomer_of(example: Example, by: &Stage, theirs: &KeyPackageReply) -> VerifiedKeyPackage {
    let (taken, key) = (&theirs.packages[0], crate::fixtures::identity(example).key);
    let vouched = VerifiedCredential::verify(&example.user().unwrap(), &taken.certificate, &key).unwrap();
    VerifiedKeyPackage::verify(&by.cx.own, vouched, &taken.package.0).unwrap()
}

/// Whom these ask to be taken in again.
fn asked(requests: &[Request]) -> Vec<UserId> {
    let asked = requests.iter().filter_map(|request| match request {
        Request::Delivery(DeliveryRequest::Send { to: Conversation::User(to), letter }) => {
            matches!(letter.body, Body::Ask { .. }).then(|| to.clone())
        }
        _ => None,
    });
    asked.collect()
}

/// Why the group cannot be used any more, as it was told.
fn frozen(stage: &mut Stage) -> Option<String> {
    stage.effects().into_iter().find_map(|effect| match effect {
        Effect::Notify(Notice::Message(MessageNotice::Frozen { why, .. })) => Some(why),
        _ => None,
    })
}

#[test]
fn a_successor_without_the_admins_who_stand_before_is_not_followed() {
    // The directory was told that ali is in it; a directory of a version before passes on no signature.
    for is_signed in [true, false] {
        let mut founding = Founding::new();
        let told = founding.signed(&[member(Ali), member(Bianca), member(Carol)]);
        let Founding { scene, welcome, .. } = &mut founding;
        scene.carol.signed = is_signed.then_some(told);
        let requests = scene.carol.comes((NEW, 0), MailKind::Welcome, member(Bianca), welcome);
        let why = frozen(&mut scene.carol).unwrap();
        assert!(why.starts_with("bianca has founded it anew in a way that cannot be followed"), "{why}");
        assert_eq!(scene.carol.groups.known.room(&team()), Some(scene.room));
        assert_eq!(scene.carol.groups.rooms.epoch(&NEW), None);
        assert_eq!(asked(&requests), [ali()], "who did it is not asked");
        // That the directory has closed the room loses nothing.
        for _ in 0..3 {
            scene.carol.groups.handle_room_moved(&mut scene.carol.cx, &scene.room);
        }
        assert_eq!(scene.carol.groups.known.room(&team()), Some(scene.room));
    }
    // An admin without a terminal, as the directory knows, cannot be taken along.
    let mut founding = Founding::new();
    let told = founding.signed(&[member(Bianca), member(Carol)]);
    let Founding { scene, welcome, .. } = &mut founding;
    scene.carol.signed = Some(told);
    scene.carol.comes((NEW, 0), MailKind::Welcome, member(Bianca), welcome);
    assert_eq!(scene.carol.news(), [GroupNews::FoundedAnew { by: bianca(), without: vec![ali()] }]);
}

#[test]
fn an_admin_whose_room_was_moved_without_a_good_welcome_founds_it_anew_with_everybody() {
    let mut founding = Founding::new();
    let told = founding.signed(&[member(Ali), member(Bianca), member(Carol)]);
    founding.scene.carol.signed = Some(told);
    let welcome = founding.welcome.clone();
    founding.scene.carol.comes((NEW, 0), MailKind::Welcome, member(Bianca), &welcome);
    let requests = founding.comes_to_ali();
    let why = frozen(&mut founding.scene.ali).unwrap();
    assert!(why.starts_with("bianca has founded it anew in a way that cannot be followed"), "{why}");
    assert_eq!(asked(&requests), [bianca()], "it may be nobody's fault");
    assert_eq!(founding.scene.ali.begins(), []);
    let founded = founding.answered();
    assert_eq!(founded.request.replaces, Some(NEW));
    assert_eq!(founded.request.group.as_ref().unwrap().admins, [ali()]);
    assert_eq!(founded.members, [member(Ali), member(Carol)]);
    let Scene { ali: stage, carol: carol_s, .. } = &mut founding.scene;
    stage.groups.handle_commit(&mut stage.cx, (founded.room, 0), &CommitStatus::Accepted.into());
    stage.comes_back(&founded);
    carol_s.comes((founded.room, 0), MailKind::Welcome, member(Ali), &founded.welcome);
    for stage in [stage, carol_s] {
        assert!(stage.news().contains(&GroupNews::FoundedAnew { by: ali(), without: vec![bianca()] }));
        assert_eq!(stage.groups.known.room(&team()), Some(founded.room));
    }
}

#[test]
fn an_admin_who_was_taken_along_with_another_terminal_is_taken_in_by_the_founder_who_stays() {
    let mut founding = Founding::new();
    let other = Member { terminal: TerminalId([77; 16]), ..member(Ali) };
    let told = founding.signed(&[other, member(Bianca), member(Carol)]);
    let Founding { scene: Scene { ali: stage, room, .. }, hers, welcome, .. } = &mut founding;
    stage.signed = Some(told);
    let requests = stage.comes((NEW, 0), MailKind::Welcome, member(Bianca), welcome);
    assert!(frozen(stage).unwrap().starts_with("bianca has founded it anew"));
    assert_eq!(asked(&requests), [bianca()]);
    assert_eq!((stage.groups.known.room(&team()), stage.begins()), (Some(*room), Vec::new()));
    let add = vec![newcomer_of(Ali, &Stage::of(Bianca), &stage.package())];
    let made = hers.propose(&Edit { add, ..Edit::default() }).unwrap();
    stage.comes((NEW, 1), MailKind::Welcome, member(Bianca), &made.welcome);
    assert_eq!(stage.news(), [GroupNews::FoundedAnew { by: bianca(), without: Vec::new() }]);
    stage.cx.now.tick += 5_000;
    stage.groups.handle_tick(&mut stage.cx);
    assert_eq!((stage.groups.known.room(&team()), stage.begins()), (Some(NEW), Vec::new()));
}

#[test]
fn an_admin_who_founds_a_group_anew_from_a_terminal_that_is_not_in_it_is_named_as_well() {
    // Only the pinned key says whose terminal it is.
    for is_certified in [true, false] {
        let mut founding = Founding::new();
        let (_, certificate) = second_of(Bianca);
        let from = Member { terminal: certificate.terminal, ..member(Bianca) };
        let terminal = TerminalIdentity::from_seed(from.terminal, &Secret::new(vec![77; 32])).unwrap();
        let signed = founding.signed_by(&from, &terminal, &[member(Ali), member(Bianca), member(Carol)]);
        let Founding { scene: Scene { ali: stage, room, .. }, welcome, .. } = &mut founding;
        let mut told = UserCertificate { certificate, ..stage.certificates.last().unwrap().clone() };
        assert_eq!(told.userid, bianca());
        if !is_certified {
            told.certificate.signature.0[0] ^= 1;
        }
        stage.certificates.push(told);
        stage.signed = Some(signed);
        stage.comes((NEW, 0), MailKind::Welcome, from, welcome);
        let why = frozen(stage).map(|why| why.starts_with("bianca has founded it anew"));
        assert_eq!((why, stage.groups.rooms.is_usable(room)), (is_certified.then_some(true), !is_certified));
    }
}

#[test]
fn what_names_another_author_or_is_not_signed_by_an_admin_changes_nothing() {
    let mut founding = Founding::new();
    let told = founding.signed(&[member(Ali), member(Bianca), member(Carol)]);
    let Founding { scene: Scene { ali: stage, room, .. }, welcome, .. } = &mut founding;
    for (from, signed) in [(member(Carol), Some(told.clone())), (member(Bianca), None), (member(Ali), Some(told))] {
        stage.signed = signed;
        stage.comes((NEW, 0), MailKind::Welcome, from, welcome);
        assert!(stage.groups.rooms.is_usable(room));
    }
}

#[test]
fn who_founds_once_more_where_another_was_first_looks_where_the_group_is() {
    for (admins, again) in [(vec![ali(), bianca()], true), (vec![ali()], false)] {
        let mut founding = Founding::new();
        founding.comes_to_ali();
        let founded = founding.answered();
        let Scene { ali: stage, carol: carol_s, room, .. } = &mut founding.scene;
        stage.cx.now.tick += 600;
        let key = (founded.room, 0);
        let requests = stage.groups.handle_commit(&mut stage.cx, key, &CommitStatus::Taken.into());
        assert!(
            matches!(requests[..], [Request::Directory(DirectoryRequest::Ask { question: Question::Owner(_), .. })]),
            "{requests:?}"
        );
        let other = RoomId([0x67; 16]);
        stage.groups.handle_owner(&mut stage.cx, team(), Ok(&GroupReply { room: Some(other), admins }));
        if again {
            let founded = stage.commits(ALL, |_| carol_s.package());
            assert_eq!(founded.request.replaces, Some(other));
        } else {
            assert_eq!(stage.begins(), [], "somebody else has founded it without bianca: the welcome comes");
            assert_eq!(stage.groups.known.room(&team()), Some(*room));
        }
    }
}

#[test]
fn who_founds_a_group_anew_and_is_there_is_waited_for_a_minute() {
    let mut founding = Founding::new();
    founding.comes_to_ali();
    let stage = &mut founding.scene.ali;
    let there = crate::model::PresenceInfo { status: common::msg::PresenceStatus::Online, text: None };
    stage.cx.presence.insert(bianca(), there);
    let founds_within = |stage: &mut Stage, seconds: u64| {
        (0..seconds).any(|_| {
            stage.cx.now.tick += 1;
            stage.groups.handle_tick(&mut stage.cx);
            !stage.begins().is_empty()
        })
    };
    assert!(!founds_within(stage, 60));
    assert!(founds_within(stage, 60));
}

#[test]
fn who_was_left_out_of_a_group_that_cannot_be_followed_hears_that_it_is_lost() {
    let mut founding = Founding::new();
    founding.comes_to_ali();
    let founded = founding.answered();
    let stage = &mut founding.scene.ali;
    stage.cx.now.tick += 600;
    stage.groups.handle_commit(&mut stage.cx, (founded.room, 0), &CommitStatus::Taken.into());
    stage.effects();
    let holder = GroupReply { room: Some(RoomId([0x67; 16])), admins: vec![bianca()] };
    stage.groups.handle_owner(&mut stage.cx, team(), Ok(&holder));
    assert_eq!(stage.news(), [GroupNews::Lost]);
    assert_eq!(stage.groups.known.room(&team()), None);
}

#[test]
fn an_admin_to_whom_no_welcome_comes_asks_before_the_group_counts_as_lost() {
    for (admins, lost) in [(vec![ali(), bianca()], false), (vec![bianca()], true)] {
        let mut founding = Founding::new();
        let Scene { ali: stage, carol: carol_s, room, .. } = &mut founding.scene;
        assert_eq!(stage.groups.handle_room_moved(&mut stage.cx, room).len(), 1);
        let asks = |requests: &[Request]| {
            matches!(requests[..], [Request::Directory(DirectoryRequest::Ask { question: Question::Owner(_), .. }), ..])
        };
        assert!(asks(&stage.groups.handle_room_moved(&mut stage.cx, room)));
        // Asked again where the directory would not say, but not at once.
        stage.groups.handle_owner(&mut stage.cx, team(), Err(GroupNews::DirectoryLost));
        assert_eq!(stage.groups.handle_tick(&mut stage.cx), []);
        stage.cx.now.tick += 600;
        let requests = stage.groups.handle_tick(&mut stage.cx);
        assert!(asks(&requests), "{requests:?}");
        stage.groups.handle_owner(&mut stage.cx, team(), Ok(&GroupReply { room: Some(NEW), admins }));
        assert_eq!(stage.news() == [GroupNews::Lost], lost);
        if !lost {
            let hers = super::stage::packages(Bianca);
            let founded = stage.commits(ALL, |user| if *user == bianca() { hers.clone() } else { carol_s.package() });
            assert_eq!((founded.request.replaces, founded.members.len()), (Some(NEW), 3));
        }
        // Who is no admin is not in it any more.
        carol_s.groups.handle_room_moved(&mut carol_s.cx, room);
        carol_s.groups.handle_room_moved(&mut carol_s.cx, room);
        assert_eq!(carol_s.news(), [GroupNews::Lost]);
    }
}

#[test]
fn an_admin_who_founds_a_lost_group_anew_takes_along_whom_it_knew() {
    let mut scene = Scene::new();
    let Scene { ali: stage, room, .. } = &mut scene;
    stage.groups.lost(&mut stage.cx, room);
    stage.wants(GroupWish::Create);
    let created = Committing::of(stage.begins());
    stage.groups.handle_commit(&mut stage.cx, (created.room, 0), &CommitStatus::Taken.into());
    let reply = GroupReply { room: Some(NEW), admins: vec![ali(), bianca()] };
    stage.groups.handle_owner(&mut stage.cx, team(), Ok(&reply));
    let requests = stage.begins();
    let [Request::Directory(DirectoryRequest::Ask { message: ToDirectory::TerminalsReq(asked), .. })] = &requests[..]
    else {
        panic!("{requests:?}")
    };
    assert_eq!(asked.users, [ali(), bianca(), carol()]);
}
