//! Ali's groups, and key packages of others.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::msg::{
    Certificate, CommitReq, Hex, KeyPackageReply, MailItem, MailKind, Member, Piece, SignedCommit, TakenKeyPackage,
    TerminalsReply, ToDirectory, UserCertificate, UserTerminals,
};
use common::secret::Secret;
use common::testkit::Example;

use crate::command::GroupWish;
use crate::context::{Context, Session};
use crate::event::Effect;
use crate::fixtures;
use crate::groups::Groups;
use crate::ids::Ids;
use crate::mls::{Invitation, KeyPackages, OwnTerminal, Room, VerifiedCredential};
use crate::notice::{GroupNews, Notice};
use crate::persistence::Rows;
use crate::request::{DirectoryRequest, MailboxRequest, Question, Request, WholeItem};

pub(super) fn bianca() -> UserId {
    Example::Bianca.user().unwrap()
}

pub(super) fn carol() -> UserId {
    Example::Carol.user().unwrap()
}

pub(super) fn team() -> GroupName {
    GroupName::parse("team").unwrap()
}

pub(super) fn terminal(example: Example) -> TerminalIdentity {
    let id = fixtures::identity(example).terminal;
    TerminalIdentity::from_seed(id, &Secret::new(vec![example as u8 + 1; 32])).unwrap()
}

fn certified(example: Example) -> Certificate {
    terminal(example).certify(&example.user().unwrap(), &example.identity().unwrap(), 1).unwrap()
}

fn with_certificate(example: Example, certificate: &Certificate) -> OwnTerminal {
    OwnTerminal::new(&example.user().unwrap(), terminal(example), certificate, [example as u8 + 1; 32])
}

/// A terminal that its user has certified.
pub(super) fn own(example: Example) -> OwnTerminal {
    with_certificate(example, &certified(example))
}

/// A key package of that terminal, as the directory gives it out.
pub(super) fn packages(example: Example) -> KeyPackageReply {
    packages_of(example).1
}

/// The same with its secret half.
fn packages_of(example: Example) -> (KeyPackages, KeyPackageReply) {
    // Each certificate is signed with other randomness, and the leaf names the one it was made with.
    let certificate = certified(example);
    let mut secret = KeyPackages::new(Arc::new(with_certificate(example, &certificate)));
    let package = Piece(secret.generate().unwrap());
    let publickey = Hex(example.identity().unwrap().public().as_pkcs1().to_vec());
    (secret, KeyPackageReply { publickey, packages: vec![TakenKeyPackage { certificate, package }] })
}

/// Another terminal of that user, with its certificate.
pub(super) fn second_of(example: Example) -> (KeyPackages, Certificate) {
    further_of(example, 77)
}

/// The terminal of that user with this number.
pub(super) fn further_of(example: Example, number: u8) -> (KeyPackages, Certificate) {
    let (id, seed) = (TerminalId([number; 16]), vec![number; 32]);
    let terminal = TerminalIdentity::from_seed(id, &Secret::new(seed)).unwrap();
    let user = example.user().unwrap();
    let certificate = terminal.certify(&user, &example.identity().unwrap(), 1).unwrap();
    (KeyPackages::new(Arc::new(OwnTerminal::new(&user, terminal, &certificate, [number; 32]))), certificate)
}

/// A key package of a terminal, as the directory gives it out.
pub(super) fn package_of(secret: &mut KeyPackages, told: &UserCertificate) -> KeyPackageReply {
    let UserCertificate { publickey, certificate, .. } = told.clone();
    let package = Piece(secret.generate().unwrap());
    KeyPackageReply { publickey, packages: vec![TakenKeyPackage { certificate, package }] }
}

/// What the directory says of terminals.
pub(super) fn terminals(users: &[(Example, bool)]) -> TerminalsReply {
    let listed = |(example, has_one): &(Example, bool)| UserTerminals {
        userid: example.user().unwrap(),
        terminals: has_one.then(|| fixtures::identity(*example).terminal).into_iter().collect(),
    };
    TerminalsReply { users: users.iter().map(listed).collect(), refused: None }
}

/// Ali's groups, with everything that waited taken.
pub(super) struct Stage {
    pub(super) cx: Context,
    pub(super) groups: Groups,
    /// Of everybody who is in the room, as the directory tells them.
    pub(super) certificates: Vec<UserCertificate>,
    /// What comes with the next item.
    pub(super) signed: Option<SignedCommit>,
    items: u64,
}

/// The terminal of this user with another certificate than before.
pub(super) fn other_certificate(example: Example) -> UserCertificate {
    told(example, certified(example))
}

fn told(example: Example, certificate: Certificate) -> UserCertificate {
    let publickey = Hex(example.identity().unwrap().public().as_pkcs1().to_vec());
    UserCertificate { userid: example.user().unwrap(), publickey, certificate }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of(Example::Ali)
    }

    /// The same of another user.
    pub(super) fn of(example: Example) -> Self {
        let mut cx = fixtures::context(fixtures::identity(example));
        let certificate = certified(example);
        cx.own = Arc::new(with_certificate(example, &certificate));
        cx.session = Session::CaughtUp;
        cx.ids = Ids::new([example as u8 + 1; 32]);
        let groups = Groups::load(&cx.own, Rows::new(), Rows::new()).unwrap();
        Self { cx, groups, certificates: vec![told(example, certificate)], signed: None, items: 0 }
    }

    pub(super) fn effects(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.cx.finish(&mut effects);
        effects
    }

    /// What is new in the group.
    pub(super) fn news(&mut self) -> Vec<GroupNews> {
        let news = |effect| if let Effect::Notify(Notice::Group { news, .. }) = effect { Some(news) } else { None };
        self.effects().into_iter().filter_map(news).collect()
    }

    pub(super) fn begins(&mut self) -> Vec<Request> {
        self.groups.begin_next(&mut self.cx)
    }

    pub(super) fn wants(&mut self, wish: GroupWish) -> Vec<Request> {
        self.groups.change(&mut self.cx, team(), wish)
    }

    /// The number of the operation that asks for terminals.
    #[track_caller]
    pub(super) fn asks_for_terminals(&mut self) -> u64 {
        let requests = self.begins();
        let [Request::Directory(DirectoryRequest::Ask { question: Question::Terminals(number), .. })] = requests[..]
        else {
            panic!("{requests:?}")
        };
        number
    }

    /// The directory answers what an operation asks, up to its commit.
    pub(super) fn goes_on(&mut self, users: &[(Example, bool)], newcomer: Example) -> Committing {
        self.goes_on_with(users, newcomer, &packages(newcomer))
    }

    fn goes_on_with(&mut self, users: &[(Example, bool)], newcomer: Example, theirs: &KeyPackageReply) -> Committing {
        let number = self.asks_for_terminals();
        let requests = self.groups.handle_terminals(&mut self.cx, number, terminals(users));
        let user = newcomer.user().unwrap();
        let question = Question::Packages(user.clone(), number);
        assert!(
            matches!(&requests[..], [Request::Directory(DirectoryRequest::Ask { question: asked, .. })] if *asked == question),
            "{requests:?}"
        );
        let requests = self.groups.handle_packages(&mut self.cx, (&user, number), theirs);
        Committing::of(self.compares(requests))
    }

    /// The directory tells the certificates that leaves are compared with.
    pub(super) fn compares(&mut self, mut requests: Vec<Request>) -> Vec<Request> {
        while let [Request::Directory(DirectoryRequest::Ask { question: Question::Leaves(number), .. }), ..] =
            requests[..]
        {
            requests = self.groups.handle_leaves(&mut self.cx, number, self.certificates.clone());
        }
        requests
    }

    /// A commit of ours comes back through the mailbox.
    pub(super) fn comes_back(&mut self, committing: &Committing) -> Vec<Request> {
        let from = Member { userid: self.cx.me.user.clone(), terminal: self.cx.me.terminal };
        let Committing { room, epoch, commit, welcome, request, .. } = committing;
        let digests = common::crypto::commit::digests(request, commit, welcome);
        self.signed = request.signature.clone().map(|signature| SignedCommit { digests, signature });
        self.comes((*room, *epoch), MailKind::Commit, from, commit)
    }

    /// An item comes, with all of its bytes.
    pub(super) fn comes(
        &mut self,
        (room, epoch): (RoomId, u64),
        kind: MailKind,
        from: Member,
        bytes: &[u8],
    ) -> Vec<Request> {
        self.items += 1;
        let size = u32::try_from(bytes.len()).unwrap();
        let item = MailItem {
            item: self.items,
            room,
            from,
            kind,
            epoch,
            date: self.items,
            size,
            piece: None,
            signed: self.signed.take().map(Box::new),
        };
        let whole = WholeItem { item, bytes: bytes.to_vec(), certificates: None };
        let requests = self.groups.handle_item(&mut self.cx, whole);
        match requests.first() {
            Some(Request::Mailbox(MailboxRequest::NeedsCertificates { whole, .. })) => {
                let whole = WholeItem { certificates: Some(self.certificates.clone()), ..(**whole).clone() };
                self.groups.handle_item(&mut self.cx, whole)
            }
            _ => requests,
        }
    }

    /// Ali's group, with nobody else in it.
    pub(super) fn with_group() -> Self {
        let mut stage = Self::new();
        stage.wants(GroupWish::Create);
        let requests = stage.begins();
        let created = Committing::of(requests);
        stage.groups.handle_commit(
            &mut stage.cx,
            (created.room, created.epoch),
            &common::msg::CommitStatus::Accepted.into(),
        );
        let number = stage.asks_for_terminals();
        stage.groups.handle_terminals(&mut stage.cx, number, terminals(&[(Example::Ali, true)]));
        stage.effects();
        stage
    }

    /// Ali's group, with bianca in it.
    pub(super) fn with_bianca() -> Self {
        let mut stage = Self::with_group();
        stage.groups.known.change(&team(), |known| known.waiting.push(bianca()));
        stage.wants(GroupWish::Approve(bianca()));
        let committing = stage.goes_on(&[(Example::Ali, true), (Example::Bianca, true)], Example::Bianca);
        stage.comes_back(&committing);
        stage.effects();
        stage
    }

    /// The same, and the room as bianca's terminal has it.
    pub(super) fn with_room_of_bianca() -> (Self, Room) {
        let mut stage = Self::with_group();
        stage.groups.known.change(&team(), |known| known.waiting.push(bianca()));
        stage.wants(GroupWish::Approve(bianca()));
        let (mut secret, theirs) = packages_of(Example::Bianca);
        let both = [(Example::Ali, true), (Example::Bianca, true)];
        let committing = stage.goes_on_with(&both, Example::Bianca, &theirs);
        stage.comes_back(&committing);
        stage.effects();
        let certificate = &stage.certificates[0].certificate;
        let ali = VerifiedCredential::verify(&stage.cx.me.user, certificate, &stage.cx.me.key).unwrap();
        let invitation = Invitation::open(&secret, committing.room, &committing.welcome).unwrap();
        let room = invitation.accept(&mut secret, &[ali], &BTreeSet::from([team()])).unwrap();
        stage.certificates.push(told(Example::Bianca, theirs.packages[0].certificate.clone()));
        (stage, room)
    }

    /// A key package of this terminal, as the directory gives it out.
    pub(super) fn package(&mut self) -> KeyPackageReply {
        package_of(&mut self.groups.rooms.key_packages, &self.certificates[0])
    }

    /// The commit of an operation for which the directory tells of these users, and gives these packages.
    pub(super) fn commits(
        &mut self,
        users: &[(Example, bool)],
        packages: impl FnMut(&UserId) -> KeyPackageReply,
    ) -> Committing {
        let number = self.asks_for_terminals();
        let requests = self.groups.handle_terminals(&mut self.cx, number, terminals(users));
        self.takes(requests, packages)
    }

    /// The commit of an operation that takes these packages, if it needs any.
    pub(super) fn takes(
        &mut self,
        mut requests: Vec<Request>,
        mut packages: impl FnMut(&UserId) -> KeyPackageReply,
    ) -> Committing {
        while let [Request::Directory(DirectoryRequest::Ask { question: Question::Packages(user, number), .. })] =
            &requests[..]
        {
            let (user, number) = (user.clone(), *number);
            requests = self.groups.handle_packages(&mut self.cx, (&user, number), &packages(&user));
            requests = self.compares(requests);
        }
        requests = self.compares(requests);
        Committing::of(requests)
    }
}

/// The only terminal of one of the users.
pub(super) fn member(example: Example) -> Member {
    Member { userid: example.user().unwrap(), terminal: terminal_of(example) }
}

/// A commit that was given to the directory.
#[derive(Debug)]
pub(super) struct Committing {
    pub(super) room: RoomId,
    pub(super) epoch: u64,
    pub(super) commit: Vec<u8>,
    pub(super) welcome: Vec<u8>,
    pub(super) members: Vec<Member>,
    pub(super) request: CommitReq,
}

impl Committing {
    #[track_caller]
    pub(super) fn of(requests: Vec<Request>) -> Self {
        assert_eq!(requests.first(), Some(&Request::Mailbox(MailboxRequest::CountWritten)));
        let mut bytes = Vec::new();
        for request in requests {
            match request {
                Request::Mailbox(MailboxRequest::CountWritten) => {}
                Request::Directory(DirectoryRequest::Tell(ToDirectory::Upload(upload))) => bytes.extend(upload.piece.0),
                Request::Directory(DirectoryRequest::Ask {
                    message: ToDirectory::CommitReq(request),
                    question: Question::Commit { .. },
                }) => {
                    let CommitReq { room, epoch, members, commit, .. } = request.clone();
                    let welcome = bytes.split_off(usize::try_from(commit).unwrap());
                    return Self { room, epoch, commit: bytes, welcome, members, request };
                }
                request => panic!("{request:?}"),
            }
        }
        panic!("nothing was committed")
    }
}

/// The terminal of one of the users.
pub(super) fn terminal_of(example: Example) -> TerminalId {
    fixtures::identity(example).terminal
}
