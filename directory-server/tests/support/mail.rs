//! What a terminal asks about mailboxes and rooms.

use common::ident::{MessageId, RoomId, TerminalId};
use common::limits::PIECE_MAX;
use common::msg::{
    CommitReply, CommitReq, CommitStatus, FetchReq, FromDirectory, KeyPackagePut, KeyPackageReply, KeyPackageReq,
    KeyPackageState, MailItem, MailboxAck, MailboxPut, MailboxReply, MailboxReq, MailboxState, Member, Outgoing, Piece,
    Upload, Withdrawal, WithdrawnAck, WithdrawnMessage,
};
use common::testkit::Example;
use directory_core::outbound::Writability;
use futures::executor::block_on;

use super::{Peer, World, decoded, user};

pub(crate) const ROOM: RoomId = RoomId([7; 16]);

pub(crate) fn member(id: &str, terminal: u8) -> Member {
    Member { userid: user(id), terminal: TerminalId([terminal; 16]) }
}

/// A commit that puts these terminals into [`ROOM`].
pub(crate) fn commit_req(epoch: u64, members: &[Member]) -> CommitReq {
    CommitReq::without_commit(ROOM, epoch, members.to_vec())
}

/// Messages for [`ROOM`].
pub(crate) fn putting(epoch: u64, bodies: &[impl AsRef<[u8]>]) -> MailboxPut {
    let items = bodies.iter().map(|body| Outgoing { id: MessageId([1; 16]), piece: Piece(body.as_ref().to_vec()) });
    MailboxPut { room: ROOM, epoch, items: items.collect(), leave: false }
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
        let outgoing = |id: &u8| Outgoing { id: MessageId([*id; 16]), piece: Piece(vec![*id]) };
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
            bodies.extend(items.into_iter().map(|item| item.piece.unwrap().0));
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

    /// Uploads commit and welcome and asks to end an epoch.
    pub(crate) fn commit(&mut self, world: &World, request: CommitReq, commit: &[u8], welcome: &[u8]) -> CommitStatus {
        assert_eq!(self.upload(world, &[commit, welcome].concat()), None);
        let (commit, welcome) = (commit.len() as u32, welcome.len() as u32);
        match self.send(world, CommitReq { commit, welcome, ..request }) {
            Some(FromDirectory::CommitReply(CommitReply { status, .. })) => status,
            other => panic!("{other:?}"),
        }
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

/// A directory where ali (terminal 1) and bianca (terminal 1) are registered and present, in [`ROOM`] in epoch 0.
pub(crate) fn pair() -> (World, Peer, Peer) {
    let mut world = World::new(common::msg::Registration::Open);
    world.register(Example::Ali);
    world.register(Example::Bianca);
    let (mut ali, _) = world.log_in(Example::Ali, 1);
    let (bianca, _) = world.log_in(Example::Bianca, 1);
    ali.create(&world, &[member("ali", 1), member("bianca", 1)]);
    (world, ali, bianca)
}
