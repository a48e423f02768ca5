//! The people and terminals of these tests, and a directory that hands commits and letters round.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::crypto::identity::PublicKey;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::msg::{Certificate, Member};
use common::secret::Secret;
use common::testkit::Example;
use openmls::prelude::{CommitBuilder, Initial};
use openmls_traits::OpenMlsProvider as _;
use zeroize::Zeroizing;

use super::super::wire_format;
use super::super::*;
use crate::persistence::Write;

pub(super) const ROOM: RoomId = RoomId([7; 16]);
/// Bytes of version and fork tag, in front of every message.
pub(super) const HEAD: usize = 17;

/// A terminal with what it keeps.
pub(super) struct Terminal {
    pub(super) who: Example,
    pub(super) own: Arc<OwnTerminal>,
    pub(super) certificate: Certificate,
    pub(super) packages: KeyPackages,
    vouched: Option<VerifiedCredential>,
}

impl Terminal {
    pub(super) fn new(who: Example, number: u8) -> Self {
        Self::with_key(who, number, number)
    }

    pub(super) fn with_key(who: Example, number: u8, key: u8) -> Self {
        let identity = identity(number, key);
        let certificate = identity.certify(&who.user().unwrap(), &who.identity().unwrap(), 1).unwrap();
        Self::with_certificate(who, identity, certificate)
    }

    /// Whatever the certificate says.
    pub(super) fn with_certificate(who: Example, identity: TerminalIdentity, certificate: Certificate) -> Self {
        let seed = identity.key().0;
        let own = Arc::new(OwnTerminal::new(&who.user().unwrap(), identity, &certificate, seed));
        let pin = who.identity().unwrap().public().clone();
        let vouched = VerifiedCredential::verify(&who.user().unwrap(), &certificate, &pin).ok();
        Self { who, packages: KeyPackages::new(Arc::clone(&own)), own, certificate, vouched }
    }

    pub(super) fn member(&self) -> Member {
        self.own.member()
    }

    pub(super) fn user(&self) -> UserId {
        self.who.user().unwrap()
    }

    pub(super) fn pin(&self) -> PublicKey {
        self.who.identity().unwrap().public().clone()
    }

    pub(super) fn vouched(&self) -> VerifiedCredential {
        self.vouched.clone().unwrap()
    }

    /// As somebody who adds this terminal sees it.
    pub(super) fn newcomer(&mut self) -> VerifiedKeyPackage {
        let package = self.packages.generate().unwrap();
        VerifiedKeyPackage::verify(&self.own, self.vouched(), &package).unwrap()
    }
}

pub(super) fn identity(number: u8, key: u8) -> TerminalIdentity {
    TerminalIdentity::from_seed(TerminalId([number; 16]), &Secret::new(vec![key; 32])).unwrap()
}

/// Terminals that know of each other, and one room.
pub(super) struct Stage {
    pub(super) terminals: Vec<Terminal>,
    pub(super) rooms: Vec<Option<Room>>,
}

impl Stage {
    /// Nobody is in a room yet.
    pub(super) fn new(people: &[Example]) -> Self {
        let terminals: Vec<_> = people.iter().zip(1..).map(|(who, number)| Terminal::new(*who, number)).collect();
        let rooms = terminals.iter().map(|_| None).collect();
        Self { terminals, rooms }
    }

    /// A group `#team` made by the first, who added all others in one commit.
    pub(super) fn group(people: &[Example]) -> Self {
        let mut stage = Self::new(people);
        stage.rooms[0] = Some(Room::create_group(&stage.terminals[0].own, ROOM, &team()).unwrap());
        let others: Vec<_> = (1..people.len()).collect();
        stage.add(0, &others);
        stage
    }

    /// A conversation of two, made by the first.
    pub(super) fn pair(people: &[Example], other: Example) -> Self {
        let mut stage = Self::new(people);
        stage.rooms[0] = Some(Room::create_pair(&stage.terminals[0].own, ROOM, &other.user().unwrap()).unwrap());
        let others: Vec<_> = (1..people.len()).collect();
        stage.add(0, &others);
        stage
    }

    pub(super) fn room(&mut self, who: usize) -> &mut Room {
        self.rooms[who].as_mut().unwrap()
    }

    pub(super) fn member(&self, who: usize) -> Member {
        self.terminals[who].member()
    }

    pub(super) fn newcomers(&mut self, who: &[usize]) -> Vec<VerifiedKeyPackage> {
        who.iter().map(|who| self.terminals[*who].newcomer()).collect()
    }

    pub(super) fn everyone(&self) -> Vec<VerifiedCredential> {
        self.terminals.iter().map(Terminal::vouched).collect()
    }

    pub(super) fn add(&mut self, by: usize, who: &[usize]) -> Commit {
        let add = self.newcomers(who);
        self.edit(by, &Edit { add, ..Edit::default() })
    }

    pub(super) fn remove(&mut self, by: usize, who: &[usize]) -> Commit {
        let remove = who.iter().map(|who| self.member(*who)).collect();
        self.edit(by, &Edit { remove, ..Edit::default() })
    }

    /// Proposes, has it accepted, and lets everybody follow.
    pub(super) fn edit(&mut self, by: usize, edit: &Edit) -> Commit {
        let commit = self.room(by).propose(edit).unwrap();
        self.spread(&commit);
        commit
    }

    /// Everybody follows; who was added joins.
    pub(super) fn spread(&mut self, commit: &Commit) {
        for outcome in self.follow(commit) {
            assert_eq!(outcome.unwrap().members, commit.members);
        }
        self.join(commit);
    }

    pub(super) fn follow(&mut self, commit: &Commit) -> Vec<Result<Outcome, RoomError>> {
        let vouched = self.everyone();
        let rooms = self.rooms.iter_mut().flatten().filter(|room| room.is_member());
        rooms.map(|room| room.open_commit(&commit.commit).and_then(|_| room.apply(&vouched))).collect()
    }

    pub(super) fn join(&mut self, commit: &Commit) {
        let vouched = self.everyone();
        for (terminal, room) in self.terminals.iter_mut().zip(&mut self.rooms) {
            if room.is_none() && commit.members.contains(&terminal.own.member()) {
                let invitation = Invitation::open(&terminal.packages, ROOM, &commit.welcome).unwrap();
                *room = Some(invitation.accept(&mut terminal.packages, &vouched, &BTreeSet::from([team()])).unwrap());
            }
        }
    }

    /// What the others read of a letter.
    pub(super) fn say(&mut self, by: usize, text: &str) -> Vec<Result<ProcessedMessage, RoomError>> {
        let sealed = self.room(by).seal(text.as_bytes()).unwrap();
        let mut read = Vec::new();
        for (who, room) in self.rooms.iter_mut().enumerate() {
            if who != by
                && let Some(room) = room
            {
                read.push(room.open(&sealed));
            }
        }
        read
    }
}

/// What a hostile member makes of the library's builder.
pub(super) type Build<'a> = CommitBuilder<'a, Initial>;

impl Stage {
    /// A commit that no rule of ours was applied to.
    pub(super) fn force(&mut self, by: usize, edit: impl for<'a> FnOnce(Build<'a>) -> Build<'a>) -> Commit {
        let (own, room) = (Arc::clone(&self.terminals[by].own), self.rooms[by].as_mut().unwrap());
        let tag = room.fork_tag().unwrap();
        let bundle = edit(room.group.commit_builder())
            .load_psks(room.provider.storage())
            .unwrap()
            .build(room.provider.rand(), room.provider.crypto(), &*own, |_| true)
            .unwrap()
            .stage_commit(&room.provider)
            .unwrap();
        let staged = room.group.pending_commit().unwrap();
        let next = staged.export_secret(room.provider.crypto(), wire_format::TAG_LABEL, &[], 16).unwrap();
        let next = wire_format::ForkTag::new(&next).unwrap();
        let welcome = bundle.to_welcome_msg().map(|welcome| wire_format::wrap(next, &welcome).unwrap());
        Commit {
            epoch: room.epoch(),
            members: Vec::new(),
            admins: None,
            commit: wire_format::wrap(tag, bundle.commit()).unwrap(),
            welcome: welcome.unwrap_or_default(),
        }
    }

    /// Nobody but its author follows the commit: everybody refuses it for this reason and is frozen from then on.
    pub(super) fn assert_refused(&mut self, by: usize, commit: &Commit, why: &Refusal) {
        let (vouched, author) = (self.everyone(), self.member(by));
        for (who, room) in self.rooms.iter_mut().enumerate() {
            if let Some(room) = room.as_mut().filter(|room| who != by && room.is_member()) {
                let epoch = room.epoch();
                let refused = room.open_commit(&commit.commit).and_then(|_| room.apply(&vouched));
                assert_eq!(refused.err(), Some(RoomError::Refused { by: author.clone(), why: why.clone() }));
                assert_eq!(room.frozen(), Some(&Frozen::Commit { by: author.clone(), why: why.clone() }));
                assert_eq!(room.epoch(), epoch);
                assert!(matches!(room.seal(b"on and on"), Err(RoomError::Frozen(_))));
            }
        }
    }
}

/// What is kept on a disk.
#[derive(Clone, Default)]
pub(super) struct Disk(std::collections::BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>);

impl Disk {
    pub(super) fn keep(&mut self, changes: Vec<Write>) {
        for change in changes {
            match change {
                Write::Put { key, value, .. } => drop(self.0.insert(key, value)),
                Write::Delete { key, .. } => assert!(self.0.remove(&key).is_some(), "nothing to forget"),
                Write::Contact(_) | Write::History(_) => panic!("rooms have none"),
            }
        }
    }

    pub(super) fn restore(&self, own: &Arc<OwnTerminal>) -> (KeyPackages, Vec<Room>) {
        restore(own, self.0.clone()).unwrap()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Stage {
    /// A copy of somebody's room, as it would come back from a disk.
    pub(super) fn copy(&mut self, who: usize) -> Room {
        let rows = self.room(who).provider.storage().everything();
        Room::restore(&self.terminals[who].own, ROOM, rows).unwrap()
    }
}

pub(super) fn team() -> GroupName {
    GroupName::parse("team").unwrap()
}

/// A key package as the library knows it.
pub(super) fn read_package(own: &OwnTerminal, package: &[u8]) -> openmls::prelude::KeyPackage {
    use openmls::prelude::tls_codec::Deserialize as _;
    use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, ProtocolVersion};
    let message = MlsMessageIn::tls_deserialize_exact(package).unwrap();
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { panic!("not a key package") };
    package.validate(own.algorithms(), ProtocolVersion::Mls10).unwrap()
}
