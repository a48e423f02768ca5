//! A room of many terminals as a benchmark uses it. Each step includes what a terminal would keep of it, but no disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use common::crypto::identity::IdentityKey;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupName, RoomId, TerminalId, UserId};
use common::limits::COMMIT_PROPOSALS;
use common::secret::Secret;
use common::testkit::Example;

use crate::mls::{Commit, Edit, Invitation, KeyPackages, OwnTerminal, Room, VerifiedCredential, VerifiedKeyPackage};
use crate::persistence::Write;

const ROOM: RoomId = RoomId([7; 16]);

/// A group whose members are all terminals of ali. Two of them act: the admin, and one that reads.
pub struct Assembly {
    user: UserId,
    identity: IdentityKey,
    terminals: u16,
    vouched: Vec<VerifiedCredential>,
    admin: Room,
    reader: Room,
    newcomer: Option<(KeyPackages, VerifiedKeyPackage)>,
    commit: Option<Commit>,
}

/// Bytes of a commit and of its welcome.
pub type Sizes = (usize, usize);

impl Assembly {
    /// A group of so many terminals, at least two. All but the first were added in as few commits as the rules allow:
    /// nobody has renewed its keys since, which is when a group costs most.
    ///
    /// # Errors
    /// The room's words.
    pub fn new(members: u16) -> Result<Self, String> {
        let user = Example::Ali.user().map_err(words)?;
        let identity = Example::Ali.identity().map_err(words)?;
        let mut vouched = Vec::new();
        let mut packages = Vec::new();
        for number in 0..members {
            let own = terminal(&user, &identity, number, &mut vouched)?;
            packages.push(KeyPackages::new(own));
        }
        let name = GroupName::parse("team").map_err(words)?;
        let mut admin = Room::create_group(packages[0].own(), ROOM, &name).map_err(words)?;
        let mut add = Vec::new();
        for (packages, vouched) in packages.iter_mut().zip(&vouched).skip(1) {
            let package = packages.generate().map_err(words)?;
            add.push(VerifiedKeyPackage::verify(packages.own(), vouched.clone(), &package).map_err(words)?);
        }
        let mut reader: Option<Room> = None;
        for add in add.chunks(COMMIT_PROPOSALS) {
            let commit = admin.propose(&Edit { add: add.to_vec(), ..Edit::default() }).map_err(words)?;
            follow(&mut admin, &commit, &vouched)?;
            match &mut reader {
                Some(reader) => drop(follow(reader, &commit, &vouched)?),
                None => reader = Some(join(&mut packages[1], &commit, &vouched)?),
            }
        }
        let reader = reader.ok_or("a group has at least two members")?;
        Ok(Self { user, identity, terminals: members, vouched, admin, reader, newcomer: None, commit: None })
    }

    /// The admin says something.
    ///
    /// # Errors
    /// The room's words.
    pub fn say(&mut self, letter: &[u8]) -> Result<Vec<u8>, String> {
        let sealed = self.admin.seal(letter).map_err(words)?;
        drop(self.admin.changes());
        Ok(sealed)
    }

    /// The reader reads it.
    ///
    /// # Errors
    /// The room's words.
    pub fn hear(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        let opened = self.reader.open(sealed).map_err(words)?;
        drop(self.reader.changes());
        Ok(opened.letter)
    }

    /// A further terminal is there to be added.
    ///
    /// # Errors
    /// The room's words.
    pub fn prepare(&mut self) -> Result<(), String> {
        let own = terminal(&self.user, &self.identity, self.terminals, &mut self.vouched)?;
        let vouched = self.vouched.last().cloned().ok_or("nobody vouches for it")?;
        let mut packages = KeyPackages::new(own);
        let package = packages.generate().map_err(words)?;
        let newcomer = VerifiedKeyPackage::verify(packages.own(), vouched, &package).map_err(words)?;
        self.newcomer = Some((packages, newcomer));
        self.terminals += 1;
        Ok(())
    }

    /// The admin adds it.
    ///
    /// # Errors
    /// The room's words.
    pub fn add(&mut self) -> Result<Sizes, String> {
        let (_, newcomer) = self.newcomer.as_ref().ok_or("nobody is there")?;
        self.commit(&Edit { add: vec![newcomer.clone()], ..Edit::default() })
    }

    /// It joins.
    ///
    /// # Errors
    /// The room's words.
    pub fn join(&mut self) -> Result<(), String> {
        let (packages, _) = self.newcomer.as_mut().ok_or("nobody is there")?;
        let commit = self.commit.as_ref().ok_or("nobody is invited")?;
        join(packages, commit, &self.vouched).map(drop)
    }

    /// The admin removes who came last.
    ///
    /// # Errors
    /// The room's words.
    pub fn remove(&mut self) -> Result<Sizes, String> {
        let last = self.vouched.pop().ok_or("nobody is there")?;
        self.commit(&Edit { remove: vec![last.member()], ..Edit::default() })
    }

    /// The reader follows the last commit.
    ///
    /// # Errors
    /// The room's words.
    pub fn follow(&mut self) -> Result<(), String> {
        let commit = self.commit.as_ref().ok_or("nothing changed")?;
        follow(&mut self.reader, commit, &self.vouched).map(drop)
    }

    fn commit(&mut self, edit: &Edit) -> Result<Sizes, String> {
        let commit = self.admin.propose(edit).map_err(words)?;
        drop(self.admin.changes());
        follow(&mut self.admin, &commit, &self.vouched)?;
        let sizes = (commit.commit.len(), commit.welcome.len());
        self.commit = Some(commit);
        Ok(sizes)
    }
}

/// A terminal of the user, and who vouches for it.
fn terminal(
    user: &UserId,
    identity: &IdentityKey,
    number: u16,
    vouched: &mut Vec<VerifiedCredential>,
) -> Result<Arc<OwnTerminal>, String> {
    let mut seed = [1; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    let mut id = [0; TerminalId::LENGTH];
    id[..2].copy_from_slice(&number.to_be_bytes());
    let key = TerminalIdentity::from_seed(TerminalId(id), &Secret::new(seed.to_vec())).map_err(words)?;
    let certificate = key.certify(user, identity, 1).map_err(words)?;
    vouched.push(VerifiedCredential::verify(user, &certificate, identity.public()).map_err(words)?);
    Ok(Arc::new(OwnTerminal::new(user, key, &certificate, seed)))
}

fn follow(room: &mut Room, commit: &Commit, vouched: &[VerifiedCredential]) -> Result<Vec<Write>, String> {
    room.open_commit(&commit.commit).map_err(words)?;
    room.apply(vouched).map_err(words)?;
    Ok(room.changes())
}

fn join(packages: &mut KeyPackages, commit: &Commit, vouched: &[VerifiedCredential]) -> Result<Room, String> {
    let invitation = Invitation::open(packages, ROOM, &commit.welcome).map_err(words)?;
    let mut room = invitation.accept(packages, vouched, &BTreeSet::new()).map_err(words)?;
    drop(room.changes());
    Ok(room)
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
