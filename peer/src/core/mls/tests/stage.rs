//! The people and terminals of these tests, and a directory that hands commits and letters round.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::crypto::identity::PublicKey;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::msg::{Certificate, Member};
use common::secret::Secret;
use common::testkit::Example;

use super::super::*;

pub(super) const ROOM: RoomId = RoomId([7; 16]);

/// A terminal with what it keeps.
pub(super) struct Terminal {
    pub(super) who: Example,
    pub(super) own: Arc<OwnTerminal>,
    pub(super) certificate: Certificate,
    pub(super) packages: KeyPackages,
}

impl Terminal {
    pub(super) fn new(who: Example, number: u8) -> Self {
        let id = TerminalId([number; 16]);
        let identity = TerminalIdentity::from_seed(id, &Secret::new(vec![number; 32])).unwrap();
        let user = who.user().unwrap();
        let certificate = identity.certify(&user, &who.identity().unwrap(), 1).unwrap();
        let own = Arc::new(OwnTerminal::new(&user, identity, &certificate, [number; 32]));
        Self { who, packages: KeyPackages::new(Arc::clone(&own)), own, certificate }
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

    pub(super) fn vouched(&self) -> Vouched {
        Vouched::verify(&self.user(), &self.certificate, &self.pin()).unwrap()
    }

    /// As somebody who adds this terminal sees it.
    pub(super) fn newcomer(&mut self) -> Newcomer {
        let package = self.packages.generate().unwrap();
        Newcomer::verify(&self.own, self.vouched(), &package).unwrap()
    }
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

    pub(super) fn newcomers(&mut self, who: &[usize]) -> Vec<Newcomer> {
        who.iter().map(|who| self.terminals[*who].newcomer()).collect()
    }

    pub(super) fn everyone(&self) -> Vec<Vouched> {
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
    pub(super) fn say(&mut self, by: usize, text: &str) -> Vec<Result<Opened, RoomError>> {
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

pub(super) fn team() -> GroupName {
    GroupName::parse("team").unwrap()
}
