//! Mailboxes: messages that the directory stores, and that it delivers and forgets, in a second; all of it durable before
//! it is acknowledged.
//!
//! The floor is the same SQLite bare, in this process: rows of the same size, in transactions as large as the directory's
//! group commit can make them from what is under way. It speaks no TLS, no JSON and no protocol, knows no rooms and no
//! limits, and its reader is its writer.

use std::time::{Duration, Instant};

use common::crypto::identity::IdentityKey;
use common::ident::{MessageId, RoomId};
use common::msg::{
    CommitReply, CommitReq, CommitStatus, FromDirectory, MailboxAck, MailboxPut, MailboxReq, Member, Message as _,
    Outgoing, Piece, ToDirectory,
};
use common::testkit::client::Client;
use common::testkit::login::{Account, Stretch};
use common::testkit::sealed_message;
use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::directory::{RunningDirectory, source, terminal};
use crate::figure::{Figure, Target, Unit, median};
use crate::process::Programs;
use crate::{Effort, Outcome};

/// Rooms of two, each with a sender and a receiver.
const ROOMS: usize = 16;
/// Messages in one `MAILBOXPUT`.
const PUT: usize = 64;
/// Such requests of each sender in a round.
const PUTS: usize = 8;
/// Bytes of a sealed message: what a line of text takes.
const BODY: usize = 512;
/// Messages of this size that fit into one `MAILBOX`.
const DELIVERED: usize = 48;

/// Messages in a second.
#[derive(Default)]
struct Rates {
    stored: Vec<f64>,
    delivered: Vec<f64>,
}

pub(crate) fn measure(programs: &Programs, effort: Effort) -> Outcome<Vec<Figure>> {
    let rounds = effort.of(9, 2);
    let directory = RunningDirectory::start(programs)?;
    let identity = IdentityKey::generate()?;
    let mut rooms = (0..ROOMS).map(|n| Room::open(&directory, &identity, n)).collect::<Outcome<Vec<_>>>()?;
    let mut bare = Bare::open()?;
    let (mut ours, mut floor) = (Rates::default(), Rates::default());
    for _ in 0..rounds {
        let stored = timed(|| store(&mut rooms))?;
        ours.add(stored, timed(|| deliver(&mut rooms))?);
        let stored = timed(|| bare.store())?;
        floor.add(stored, timed(|| bare.deliver())?);
    }
    Ok(vec![
        Figure::new("mail_stored_per_second", median(ours.stored), Unit::PerSecond)
            .floor(median(floor.stored))
            .target(Target::LeastRatio(0.5))
            .note(format!("{BODY} bytes each, {PUT} in a request, {ROOMS} senders")),
        Figure::new("mail_delivered_per_second", median(ours.delivered), Unit::PerSecond)
            .floor(median(floor.delivered))
            .target(Target::LeastRatio(0.5))
            .note("acknowledged and forgotten"),
    ])
}

impl Rates {
    fn add(&mut self, storing: Duration, delivering: Duration) {
        let messages = (ROOMS * PUTS * PUT) as f64;
        self.stored.push(messages / storing.as_secs_f64());
        self.delivered.push(messages / delivering.as_secs_f64());
    }
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

struct Room {
    sender: Client,
    receiver: Client,
    /// An encoded `MAILBOXPUT`.
    put: Vec<u8>,
}

impl Room {
    fn open(directory: &RunningDirectory, identity: &IdentityKey, n: usize) -> Outcome<Self> {
        let accounts =
            ["s", "r"].map(|role| directory.register(&format!("{role}{n:02}"), Stretch::Least, identity.to_pkcs1()));
        let [sender, receiver] = accounts;
        let (sender, receiver) = (sender?, receiver?);
        let members =
            [&sender, &receiver].map(|account| Member { userid: account.user.clone(), terminal: terminal(1) });
        let log_in = |account: &Account| -> Outcome<Client> {
            let mut client = Client::connect(source(1), directory.address)?;
            client.log_in(account, terminal(1), 65_000)?;
            Ok(client)
        };
        let (mut sender, mut receiver) = (log_in(&sender)?, log_in(&receiver)?);
        let room = RoomId((n as u128).to_be_bytes());
        let create = CommitReq::without_commit(room, 0, members.to_vec());
        let create = sender.signed(&members[0], create, (b"", b""))?;
        match sender.ask(create)? {
            FromDirectory::CommitReply(CommitReply { status: CommitStatus::Accepted, .. }) => {}
            other => return Err(format!("no room: {other:?}").into()),
        }
        receiver.ask(MailboxReq {})?;
        let items = vec![Outgoing { id: MessageId([1; 16]), piece: Piece(sealed_message(&room, 0, &[7; BODY])) }; PUT];
        let put = ToDirectory::from(MailboxPut { room, epoch: 0, items, leave: false }).encode();
        Ok(Self { sender, receiver, put })
    }
}

/// Every sender puts all of a round and waits until it is durable.
fn store(rooms: &mut [Room]) -> Outcome<()> {
    for _ in 0..PUTS {
        rooms.iter_mut().try_for_each(|room| room.sender.send(&room.put))?;
    }
    for room in rooms {
        for _ in 0..PUTS {
            match FromDirectory::decode(&room.sender.receive()?.unwrap_or_default())? {
                FromDirectory::MailboxReply(reply) if reply.stored as usize == PUT => {}
                other => return Err(format!("not stored: {other:?}").into()),
            }
        }
    }
    Ok(())
}

/// Every receiver takes everything. The first `MAILBOX` of each has come while it was stored; the last acknowledgement
/// of each is not waited for.
fn deliver(rooms: &mut [Room]) -> Outcome<()> {
    let mut left = [PUTS * PUT; ROOMS];
    while left.iter().any(|left| *left > 0) {
        for (room, left) in rooms.iter_mut().zip(&mut left).filter(|(_, left)| **left > 0) {
            let payload = room.receiver.receive()?.unwrap_or_default();
            let Numbers { items } = serde_json::from_slice(&payload)?;
            let upto = items.last().ok_or("an empty mailbox")?.item;
            *left = left.saturating_sub(items.len());
            room.receiver.send(&ToDirectory::from(MailboxAck { upto }).encode())?;
        }
    }
    Ok(())
}

/// What an acknowledgement needs of a `MAILBOX`; decoding the rest is the terminal's work.
#[derive(Deserialize)]
struct Numbers {
    items: Vec<Number>,
}

#[derive(Deserialize)]
struct Number {
    item: u64,
}

/// The floor.
struct Bare {
    connection: Connection,
    _dir: tempfile::TempDir,
}

impl Bare {
    fn open() -> Outcome<Self> {
        let dir = tempfile::tempdir()?;
        let connection = Connection::open(dir.path().join("bare.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE mail (item INTEGER PRIMARY KEY, owner INTEGER NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL);
             CREATE INDEX mail_owner ON mail (owner, item);",
        )?;
        Ok(Self { connection, _dir: dir })
    }

    /// A transaction holds what one request of each sender brings.
    fn store(&mut self) -> Outcome<()> {
        let (head, body) = (vec![7u8; 64], vec![7u8; BODY]);
        for _ in 0..PUTS {
            let transaction = self.connection.transaction()?;
            for owner in 0..ROOMS {
                for _ in 0..PUT {
                    transaction
                        .prepare_cached("INSERT INTO mail (owner, head, body) VALUES (?1, ?2, ?3)")?
                        .execute(params![owner, head, body])?;
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }

    /// A transaction forgets what was delivered to each receiver at once.
    fn deliver(&mut self) -> Outcome<()> {
        for _ in 0..(PUTS * PUT).div_ceil(DELIVERED) {
            let transaction = self.connection.transaction()?;
            for owner in 0..ROOMS {
                let mut select = transaction
                    .prepare_cached("SELECT item, head, body FROM mail WHERE owner = ?1 ORDER BY item LIMIT ?2")?;
                let rows = select.query_map(params![owner, DELIVERED], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?))
                })?;
                let items = rows.collect::<Result<Vec<_>, _>>()?;
                if let Some((last, ..)) = items.last() {
                    transaction
                        .prepare_cached("DELETE FROM mail WHERE owner = ?1 AND item <= ?2")?
                        .execute(params![owner, last])?;
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }
}
