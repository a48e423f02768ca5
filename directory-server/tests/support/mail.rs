//! What a terminal asks about mailboxes and rooms.

use common::crypto;
use common::crypto::terminal::TerminalIdentity;
use common::ident::{GroupHandle, GroupName, KeyDigest, MessageId, RoomId, TerminalId};
use common::limits::PIECE_MAX;
use common::msg::{
    CommitReply, CommitReq, CommitStatus, FetchReq, FromDirectory, GroupEntry, KeyPackagePut, KeyPackageReply,
    KeyPackageReq, KeyPackageState, MailItem, MailboxAck, MailboxPut, MailboxReply, MailboxReq, MailboxState, Member,
    Outgoing, Piece, Upload, Withdrawal, WithdrawnAck, WithdrawnMessage,
};
use common::secret::Secret;
use common::testkit::{Example, sealed_commit, sealed_message, sealed_welcome, unsealed};
use directory_core::outbound::Writability;
use futures::executor::block_on;

use super::{DIRECTORY_KEY, Peer, World, decoded, user};

pub(crate) const ROOM: RoomId = RoomId([7; 16]);

pub(crate) fn member(id: &str, terminal: u8) -> Member {
    Member { userid: user(id), terminal: TerminalId([terminal; 16]) }
}

/// A commit that puts these terminals into [`ROOM`].
pub(crate) fn commit_req(epoch: u64, members: &[Member]) -> CommitReq {
    CommitReq::without_commit(ROOM, epoch, members.to_vec())
}

/// Messages for [`ROOM`], with a header in front of each. Bodies of 100 bytes or more stay as large as they are: the header
/// takes the place of their first bytes.
pub(crate) fn putting(epoch: u64, bodies: &[impl AsRef<[u8]>]) -> MailboxPut {
    let sealed =
        |body: &[u8]| sealed_message(&ROOM, epoch, body.get(47..).filter(|_| body.len() >= 100).unwrap_or(body));
    let items = bodies.iter().map(|body| Outgoing { id: MessageId([1; 16]), piece: Piece(sealed(body.as_ref())) });
    MailboxPut { room: ROOM, epoch, items: items.collect(), leave: false }
}

/// The entry of a group with these admins.
pub(crate) fn entry(name: &str, admins: &[&str]) -> Option<GroupEntry> {
    let handle = GroupHandle::of(&GroupName::parse(name).unwrap(), &KeyDigest([1; 32]));
    Some(GroupEntry { handle, admins: admins.iter().map(|id| user(id)).collect() })
}

/// What stands in an item behind its header.
pub(crate) fn body(item: &MailItem) -> Vec<u8> {
    unsealed(&item.piece.as_ref().unwrap().0).to_vec()
}

impl Peer {
    /// What the directory sends without having been asked; the first of it. Others' coming and going is left out.
    pub(crate) fn pushed(&mut self, world: &World) -> Option<FromDirectory> {
        let present = self.present.as_mut()?;
        while let Some(push) = present.presence.outbound.take(Writability::Ready) {
            match decoded(block_on(present.push(&world.directory, world.now, push))) {
                None | Some(FromDirectory::Presence(_)) => {}
                told => return told,
            }
        }
        None
    }

    pub(crate) fn open_mailbox(&mut self, world: &World) -> MailboxState {
        match self.send(world, MailboxReq {}) {
            Some(FromDirectory::MailboxState(state)) => state,
            other => panic!("{other:?}"),
        }
    }

    /// The reports of the next `WITHDRAWN`, if one comes: message, who does not get it, why.
    pub(crate) fn withdrawn(&mut self, world: &World) -> Vec<(u8, String, Withdrawal)> {
        loop {
            match self.pushed(world) {
                Some(FromDirectory::Withdrawn(withdrawn)) => {
                    let told = |told: &WithdrawnMessage| (told.id.0[0], told.user.to_string(), told.reason);
                    let reports = withdrawn.messages.iter().map(told).collect();
                    let upto = withdrawn.messages.last().unwrap().report;
                    assert_eq!(self.send(world, WithdrawnAck { upto }), None);
                    return reports;
                }
                Some(FromDirectory::Mailbox(_)) => {}
                None => return Vec::new(),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Puts messages with ids of their own into [`ROOM`].
    pub(crate) fn put_as(&mut self, world: &World, epoch: u64, ids: &[u8]) -> MailboxReply {
        let sealed = |id: &u8| sealed_message(&ROOM, epoch, &[*id]);
        let outgoing = |id: &u8| Outgoing { id: MessageId([*id; 16]), piece: Piece(sealed(id)) };
        let items = ids.iter().map(outgoing).collect();
        match self.send(world, MailboxPut { room: ROOM, epoch, items, leave: false }) {
            Some(FromDirectory::MailboxReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// The items of the next `MAILBOX`, if one comes.
    pub(crate) fn mail(&mut self, world: &World) -> Vec<MailItem> {
        match self.pushed(world) {
            Some(FromDirectory::Mailbox(mailbox)) => mailbox.items,
            None => Vec::new(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn acknowledge(&mut self, world: &World, upto: u64) {
        assert_eq!(self.send(world, MailboxAck { upto }), None);
    }

    /// Takes everything that waits and acknowledges it; the bodies.
    pub(crate) fn take_mail(&mut self, world: &World) -> Vec<Vec<u8>> {
        self.open_mailbox(world);
        let mut bodies = Vec::new();
        loop {
            let items = self.mail(world);
            let Some(last) = items.last().map(|item| item.item) else { return bodies };
            bodies.extend(items.iter().map(body));
            self.acknowledge(world, last);
        }
    }

    pub(crate) fn fetch(&mut self, world: &World, item: u64, offset: u32) -> Vec<u8> {
        match self.send(world, FetchReq { item, offset }) {
            Some(FromDirectory::FetchReply(reply)) => reply.piece.0,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn put(&mut self, world: &World, epoch: u64, bodies: &[&[u8]]) -> MailboxReply {
        match self.send(world, putting(epoch, bodies)) {
            Some(FromDirectory::MailboxReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn upload(&mut self, world: &World, bytes: &[u8]) -> Option<FromDirectory> {
        bytes.chunks(PIECE_MAX).find_map(|piece| self.send(world, Upload { piece: Piece(piece.to_vec()) }))
    }

    /// Uploads commit and welcome, with a header in front of each, and asks to end an epoch.
    pub(crate) fn commit(&mut self, world: &World, request: CommitReq, commit: &[u8], welcome: &[u8]) -> CommitStatus {
        self.commits(world, request, commit, welcome).status
    }

    /// As [`Peer::commit`], with all that is answered.
    pub(crate) fn commits(&mut self, world: &World, request: CommitReq, commit: &[u8], welcome: &[u8]) -> CommitReply {
        let (room, epoch) = (request.room, request.epoch);
        let commit = if commit.is_empty() { Vec::new() } else { sealed_commit(&room, epoch, commit) };
        let welcome = if welcome.is_empty() { Vec::new() } else { sealed_welcome(welcome) };
        assert_eq!(self.upload(world, &[&commit[..], &welcome].concat()), None);
        let sizes = (commit.len() as u32, welcome.len() as u32);
        let request = CommitReq { commit: sizes.0, welcome: sizes.1, ..request };
        match self.send(world, self.signed(request, &commit, &welcome)) {
            Some(FromDirectory::CommitReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// The request with this terminal's signature.
    pub(crate) fn signed(&self, request: CommitReq, commit: &[u8], welcome: &[u8]) -> CommitReq {
        let member = self.present.as_ref().unwrap().presence.member().clone();
        let seed = Secret::new(vec![member.terminal.0[0]; 32]);
        let terminal = TerminalIdentity::from_seed(member.terminal, &seed).unwrap();
        crypto::commit::signed(request, &member, &DIRECTORY_KEY, (commit, welcome), |bytes| terminal.sign(bytes))
    }

    /// Creates [`ROOM`] as a group of ali's with these terminals in it, without a commit.
    pub(crate) fn create_group(&mut self, world: &World, members: &[Member]) {
        let request = CommitReq { group: entry("team", &["ali"]), ..commit_req(0, members) };
        assert_eq!(self.commit(world, request, b"", b""), CommitStatus::Accepted);
    }

    /// Creates [`ROOM`] with these terminals in it, without a commit.
    pub(crate) fn create(&mut self, world: &World, members: &[Member]) {
        assert_eq!(self.commit(world, commit_req(0, members), b"", b""), CommitStatus::Accepted);
    }

    pub(crate) fn publish(&mut self, world: &World, packages: &[&[u8]], last: Option<&[u8]>) -> KeyPackageState {
        let packages = packages.iter().map(|package| Piece(package.to_vec())).collect();
        match self
            .send(world, KeyPackagePut { packages, last_resort: last.map(|last| Piece(last.to_vec())), anew: false })
        {
            Some(FromDirectory::KeyPackageState(state)) => state,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn take_key_packages(&mut self, world: &World, id: &str, terminals: &[u8]) -> KeyPackageReply {
        let terminals = terminals.iter().map(|terminal| TerminalId([*terminal; 16])).collect();
        match self.send(world, KeyPackageReq { userid: user(id), terminals }) {
            Some(FromDirectory::KeyPackageReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }
}

/// As [`pair`], with [`ROOM`] as a group of ali's.
pub(crate) fn team() -> (World, Peer, Peer) {
    let (world, mut ali, bianca) = two();
    ali.create_group(&world, &[member("ali", 1), member("bianca", 1)]);
    (world, ali, bianca)
}

/// A directory where ali (terminal 1) and bianca (terminal 1) are registered and present, in [`ROOM`] in epoch 0.
pub(crate) fn pair() -> (World, Peer, Peer) {
    let (world, mut ali, bianca) = two();
    ali.create(&world, &[member("ali", 1), member("bianca", 1)]);
    (world, ali, bianca)
}

/// A directory where ali (terminal 1) and bianca (terminal 1) are registered and present.
pub(crate) fn two() -> (World, Peer, Peer) {
    let mut world = World::new(common::msg::Registration::Open);
    world.register(Example::Ali);
    world.register(Example::Bianca);
    let (ali, _) = world.log_in(Example::Ali, 1);
    let (bianca, _) = world.log_in(Example::Bianca, 1);
    (world, ali, bianca)
}
