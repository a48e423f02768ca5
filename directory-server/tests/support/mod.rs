//! A directory with a real store and a clock of ours, and peers that speak to it frame by frame, without sockets.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod conversation;
pub(crate) mod mail;
pub(crate) mod postgres;
pub(crate) mod process;

use std::net::IpAddr;

use common::crypto::opaque::ServerSecret;
use common::crypto::transcript::Channel;
use common::ident::{Cookie, KeyDigest, TerminalId, UserId};
use common::limits::TERMINALS_PER_USER;
use common::msg::{
    ByeReason, Features, FromDirectory, Hello, MeetingWays, Member, Message as _, Registration, ToDirectory, Welcome,
};
use common::testkit::Example;
use directory_core::address_style::AddressStyle;
use directory_core::lockout::LockRule;
use directory_core::origin::Origin;
use directory_core::outbound::{Push, Writability};
use directory_core::presence::Arrival;
use directory_core::records::{ExpiryProgress, MailRule, UserChange};
use directory_core::relay::RelayMode;
use directory_core::reply::Reply;
use directory_core::session::{Handled, Session};
use directory_core::sources::{LoopbackRule, Misbehaviour};
use directory_core::step::Step;
use directory_core::store::Store as _;
use directory_core::subscriptions::Visibility;
use directory_core::timestamp::Timestamp;
use directory_core::unauthenticated::Unauthenticated;
use directory_core::user_style::UserStyle;
use directory_core::{Directory, Policy};
use directory_server::store::AnyStore;
use directory_server::store::sqlite::SqliteStore;
use futures::executor::block_on;
use postgres::Lent;

pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);
pub(crate) const RIGHT: &str = "482193";
pub(crate) const WRONG: &str = "482194";
pub(crate) const DIRECTORY_KEY: KeyDigest = KeyDigest([0xd1; 32]);

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn policy(registration: Registration) -> Policy {
    Policy {
        registration,
        passcode_min: 6,
        terminals_per_user: TERMINALS_PER_USER,
        relay: RelayMode::Chat,
        records: std::time::Duration::from_secs(12 * 3600),
        addresses: AddressStyle::Truncate,
        users: UserStyle::Name,
        lock: LockRule::default(),
        logins_per_minute: 0,
        lookups_per_minute: 0,
        requests_per_minute: 0,
        loopback: LoopbackRule::Exempt,
        broadcasts_per_minute: 0,
        presence: Visibility::Everyone,
        mail: MailRule::default(),
    }
}

/// A directory, its database in a directory of its own, and the time.
pub(crate) struct World {
    pub(crate) directory: Directory<AnyStore>,
    pub(crate) now: Timestamp,
    dir: tempfile::TempDir,
    lent: Option<Lent>,
    connections: u32,
}

impl World {
    pub(crate) fn new(registration: Registration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lent = Lent::new();
        let directory = open((&dir, lent.as_ref()), ServerSecret::generate(), policy(registration), NOON);
        Self { directory, now: NOON, dir, lent, connections: 0 }
    }

    /// Stops the directory and starts it again.
    pub(crate) fn restart(self) -> Self {
        let now = self.now;
        self.restart_at(now)
    }

    /// Stops the directory and starts it again when the clock says `later`.
    pub(crate) fn restart_at(self, later: Timestamp) -> Self {
        block_on(self.directory.keep_time(self.now)).unwrap();
        let Self { directory, dir, lent, connections, .. } = self;
        let secret = ServerSecret::from_bytes(directory.secret.to_bytes().expose()).unwrap();
        let policy = directory.policy();
        drop(directory);
        let directory = open((&dir, lent.as_ref()), secret, policy, later);
        Self { directory, now: later, dir, lent, connections }
    }

    pub(crate) fn database(&self) -> Vec<u8> {
        if let Some(lent) = &self.lent {
            return lent.dump();
        }
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    pub(crate) fn connect(&mut self) -> Peer {
        self.connect_from([127, 0, 0, 2].into())
    }

    pub(crate) fn connect_from(&mut self, address: IpAddr) -> Peer {
        self.connections += 1;
        let mut exporter = [0; 32];
        exporter[..4].copy_from_slice(&self.connections.to_be_bytes());
        let origin = Origin { address, port: 50_000, exporter };
        Peer { entry: Some(Unauthenticated::new(origin, self.now)), present: None, origin, closed: false }
    }

    /// Registers an example user with the right passcode.
    pub(crate) fn register(&mut self, example: Example) {
        let mut peer = self.connect();
        let reply = peer.register(self, example, RIGHT, None);
        assert_eq!(reply.reason, None);
    }

    /// Puts other rules for mailboxes in force.
    pub(crate) fn mail_rule(&self, mail: MailRule) {
        self.directory.set_policy(Policy { mail, ..self.directory.policy() });
    }

    /// Forgets what is too old, as the server does every hour.
    pub(crate) fn expire_mail(&self) {
        let expired = self.directory.mail_expired(self.now);
        while block_on(self.directory.store.expire(expired)).unwrap() == ExpiryProgress::MoreLeft {}
    }

    /// Runs for a day, so that what has passed by now has surely passed then.
    pub(crate) fn run_for_a_day(&mut self) {
        for hours in [1, 24] {
            self.now = self.now + std::time::Duration::from_secs(hours * 3600);
            block_on(self.directory.keep_time(self.now)).unwrap();
        }
    }

    /// Items in all mailboxes.
    pub(crate) fn waiting(&self) -> u64 {
        block_on(self.directory.store.totals()).unwrap().waiting
    }

    /// Bodies of items in the database.
    pub(crate) fn bodies(&self) -> u64 {
        self.rows("mail")
    }

    /// A session that did not log in, for what needs many of them.
    pub(crate) fn session(&mut self, example: Example, terminal: u8) -> Peer {
        self.session_naming(example, terminal, Features::of_terminal())
    }

    /// The same, of a terminal that names these features.
    pub(crate) fn session_naming(&mut self, example: Example, terminal: u8, features: Features) -> Peer {
        let mut peer = self.connect();
        let (user, terminal) = (example.user().unwrap(), TerminalId([terminal; 16]));
        let address = (peer.origin.address, 65_000).into();
        let arrival = Arrival {
            user: &user,
            terminal,
            age: 0,
            address,
            public_key: b"key",
            seen: ([192, 0, 2, 7], 50_000).into(),
            ways: MeetingWays::named(&features),
            now: self.now,
        };
        let joined = self.directory.presence.join(&arrival).unwrap();
        peer.present = Some(Box::new(Session::new(joined, peer.origin, features)));
        peer
    }

    /// Gives a user as many terminals that have published.
    pub(crate) fn add_terminals(&self, id: &str, count: usize) {
        if let Some(lent) = &self.lent {
            for (table, more) in [
                ("terminals (userid, terminal, cookie, certificate, last_seen, age)", ", '', '', 0, 0"),
                ("mailbox_states (userid, terminal, last, reports)", ", 0, 0"),
                ("publishers (userid, terminal)", ""),
            ] {
                let ids = format!("SELECT '{id}', decode(lpad(to_hex(n), 32, '0'), 'hex'){more}");
                lent.sql(&format!("INSERT INTO {table} {ids} FROM generate_series(0, {count} - 1) AS n"));
            }
            return;
        }
        let database = rusqlite::Connection::open(self.dir.path().join("directory.db")).unwrap();
        for n in 0..count as u128 {
            let terminal = n.to_be_bytes();
            let add =
                "INSERT INTO terminals (user, terminal, cookie, certificate, last_seen) VALUES (?1, ?2, x'', x'', 0)";
            database.execute(add, rusqlite::params![id, terminal]).unwrap();
            let publish = "INSERT INTO publishers (user, terminal) VALUES (?1, ?2)";
            database.execute(publish, rusqlite::params![id, terminal]).unwrap();
        }
    }

    /// Gives a terminal as many reports, of messages numbered from 0 on.
    pub(crate) fn add_reports(&self, Member { userid, terminal }: &Member, count: u32) {
        let terminal = hex::encode(terminal.as_bytes());
        if let Some(lent) = &self.lent {
            lent.sql(&format!(
                "INSERT INTO withdrawn (userid, terminal, report, id, room, receiver, reason)
                 SELECT '{userid}', '\\x{terminal}', n + 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(repeat('07', 16), 'hex'), 'carol', 1
                 FROM generate_series(0, {count} - 1) AS n;
                 UPDATE mailbox_states SET reports = {count} WHERE userid = '{userid}' AND terminal = '\\x{terminal}'"
            ));
            return;
        }
        self.add_numbered(
            "withdrawn (user, terminal, id, room, receiver, reason)",
            &format!("'{userid}', x'{terminal}', unhex(printf('%032x', i)), zeroblob(16), 'carol', 1"),
            count,
        );
    }

    /// Lets a user have said so much to everyone.
    pub(crate) fn add_broadcasts(&self, id: &str, count: u32) {
        if let Some(lent) = &self.lent {
            lent.sql(&format!(
                "INSERT INTO broadcasts (number, taken, userid, id, sender, message, date, signature)
                 SELECT value + n + 1, 0, '{id}', decode(lpad(to_hex(n), 32, '0'), 'hex'), '', '', 0, ''
                 FROM counters, generate_series(0, {count} - 1) AS n WHERE name = 'broadcasts';
                 UPDATE counters SET value = value + {count} WHERE name = 'broadcasts'"
            ));
            return;
        }
        self.add_numbered(
            "broadcasts (taken, user, id, sender, message, date, signature)",
            &format!("0, '{id}', unhex(printf('%032x', i)), '', '', 0, x''"),
            count,
        );
    }

    /// Lets a user have founded so many rooms.
    pub(crate) fn add_rooms(&self, id: &str, count: usize) {
        let count = u32::try_from(count).unwrap();
        if let Some(lent) = &self.lent {
            lent.sql(&format!(
                "INSERT INTO rooms (room, epoch, is_group, founder, founded_at)
                 SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 0, true, '{id}', 0
                 FROM generate_series(0, {count} - 1) AS n"
            ));
            return;
        }
        let row = format!("unhex(printf('%032x', i)), 0, 1, '{id}', 0");
        self.add_numbered("rooms (room, epoch, is_group, founder, founded_at)", &row, count);
    }

    /// Rows of a table of the embedded store, one for each number `i` from 0 on.
    fn add_numbered(&self, table: &str, row: &str, count: u32) {
        let database = rusqlite::Connection::open(self.dir.path().join("directory.db")).unwrap();
        let add = format!(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count} - 1)
             INSERT INTO {table} SELECT {row} FROM n"
        );
        database.execute(&add, []).unwrap();
    }

    /// Rows of a table.
    pub(crate) fn rows(&self, table: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {table}");
        if let Some(lent) = &self.lent {
            return lent.sql(&sql).trim().parse().unwrap();
        }
        let database = rusqlite::Connection::open(self.dir.path().join("directory.db")).unwrap();
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// What is wrong with the database.
    pub(crate) fn check(&self) -> Vec<String> {
        block_on(self.directory.store.check()).unwrap()
    }

    /// Removes a user, as an administrator does.
    pub(crate) fn remove(&self, id: &str) {
        assert_eq!(block_on(self.directory.store.remove(&user(id), self.now)).unwrap(), UserChange::Done);
    }

    /// Logs in and becomes present.
    pub(crate) fn log_in(&mut self, example: Example, terminal: u8) -> (Peer, Cookie) {
        let mut peer = self.connect();
        let cookie = peer.log_in(self, example, terminal, None);
        (peer, cookie)
    }
}

fn open(
    (dir, lent): (&tempfile::TempDir, Option<&Lent>),
    secret: ServerSecret,
    policy: Policy,
    now: Timestamp,
) -> Directory<AnyStore> {
    let store = match lent {
        Some(lent) => AnyStore::Postgres(lent.open()),
        None => SqliteStore::open(&dir.path().join("directory.db")).unwrap().into(),
    };
    let directory = Directory::new(store, secret, DIRECTORY_KEY, policy);
    block_on(directory.begin_run(now)).unwrap();
    directory
}

/// What the other side sees of an answer.
pub(crate) fn decoded(answer: Reply) -> Option<FromDirectory> {
    match answer {
        Reply::Silent => None,
        Reply::Message(message) | Reply::Last(message) => Some(message),
        Reply::Encoded(payload) => Some(FromDirectory::decode(&payload).unwrap()),
    }
}

/// One connection to the directory.
pub(crate) struct Peer {
    entry: Option<Unauthenticated>,
    present: Option<Box<Session>>,
    pub(crate) origin: Origin,
    pub(crate) closed: bool,
}

impl Peer {
    /// Sends a message; the answer, if there is one.
    pub(crate) fn send(&mut self, world: &World, message: impl Into<ToDirectory>) -> Option<FromDirectory> {
        self.send_bytes(world, &message.into().encode())
    }

    pub(crate) fn send_bytes(&mut self, world: &World, payload: &[u8]) -> Option<FromDirectory> {
        assert!(!self.closed, "the directory has closed this connection");
        if let Some(present) = &mut self.present {
            let answer = match present.handle(&world.directory, world.now, payload) {
                Handled::Answered(answer) => answer,
                Handled::NeedsStore(request) => block_on(present.ask(&world.directory, world.now, *request)),
            };
            self.closed = matches!(answer, Reply::Last(_));
            return decoded(answer);
        }
        match block_on(self.entry.as_mut().unwrap().handle(&world.directory, world.now, payload)) {
            Step::Silent => None,
            Step::Reply(message) => Some(message),
            Step::Close(message) => {
                self.closed = true;
                Some(message)
            }
            Step::Enter(present, message) => {
                self.present = Some(present);
                Some(message)
            }
        }
    }

    /// A session that did not log in, as it is.
    pub(crate) fn enter(&mut self, session: Session) {
        self.present = Some(Box::new(session));
    }

    /// Time has passed.
    pub(crate) fn idle(&mut self, world: &World) {
        self.present.as_mut().unwrap().handle_idle(world.now);
    }

    /// What it is told next without having asked, of who comes and goes aside.
    pub(crate) fn told(&self) -> Option<FromDirectory> {
        loop {
            match self.present.as_ref()?.presence.outbound.take(Writability::Ready)? {
                Push::Message(payload) => match FromDirectory::decode(&payload).unwrap() {
                    FromDirectory::Presence(_) => {}
                    told => return Some(told),
                },
                other => panic!("{other:?}"),
            }
        }
    }

    /// What leaving now would be penalised for.
    pub(crate) fn misbehaviour(&self) -> Option<Misbehaviour> {
        self.entry.as_ref().and_then(Unauthenticated::misbehaviour)
    }

    /// Leaves, and is penalised if that is an misbehaviour.
    pub(crate) fn leave(self, world: &World) {
        if let Some(misbehaviour) = self.misbehaviour() {
            world.directory.sources().penalise(self.origin.source(), misbehaviour, world.now);
        }
    }

    /// Why the directory ended the session, if it did.
    pub(crate) fn ended(&mut self) -> Option<ByeReason> {
        match self.present.as_ref()?.presence.outbound.take(Writability::Busy) {
            Some(Push::End(reason)) => Some(reason),
            _ => None,
        }
    }

    pub(crate) fn channel<'a>(&'a self, user: &'a UserId) -> Channel<'a> {
        Channel { user, directory: &DIRECTORY_KEY, exporter: &self.origin.exporter }
    }

    pub(crate) fn hello(&mut self, world: &World, id: &str) -> Welcome {
        match self.send(world, Hello { userid: user(id) }) {
            Some(FromDirectory::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        }
    }
}
