//! A directory with a real store and a clock of ours, and peers that speak to it frame by frame, without sockets.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::net::IpAddr;

use common::crypto::opaque::{ClientLogin, ClientRegistration, ServerSecret};
use common::crypto::terminal::TerminalIdentity;
use common::crypto::transcript::{self, Channel};
use common::crypto::vault;
use common::ident::{Challenge, KeyDigest, Mac, TerminalId, UserId};
use common::msg::{
    Announce, AuthChallenge, AuthProof, AuthReply, AuthReq, AuthStatus, Blob, FromDirectory, Hello, Hex, Message as _,
    RegisterReply, RegisterReq, RegisterUpload, Registration, ToDirectory,
};
use common::secret::{Passcode, Secret};
use common::testkit::Example;
use directory_server::core::entry::{Entry, Origin, Step};
use directory_server::core::lockout::LockRule;
use directory_server::core::moment::Moment;
use directory_server::core::present::{Answer, Present};
use directory_server::core::{Directory, Policy};
use directory_server::store::sqlite::SqliteStore;
use futures::executor::block_on;

pub(crate) const NOON: Moment = Moment::from_seconds(1_800_000_000);
pub(crate) const RIGHT: &str = "482193";
pub(crate) const WRONG: &str = "482194";
const DIRECTORY_KEY: KeyDigest = KeyDigest([0xd1; 32]);

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn policy(registration: Registration) -> Policy {
    Policy {
        registration,
        passcode_min: 6,
        lock: LockRule::default(),
        logins_per_minute: 0,
        lookups_per_minute: 0,
    }
}

/// A directory, its database in a directory of its own, and the time.
pub(crate) struct World {
    pub(crate) directory: Directory<SqliteStore>,
    pub(crate) now: Moment,
    dir: tempfile::TempDir,
    connections: u8,
}

impl World {
    pub(crate) fn new(registration: Registration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let directory = open(&dir, ServerSecret::generate(), policy(registration));
        Self { directory, now: NOON, dir, connections: 0 }
    }

    /// Stops the directory and starts it again.
    pub(crate) fn restart(self) -> Self {
        let Self { directory, now, dir, connections } = self;
        let secret = ServerSecret::from_bytes(directory.secret.to_bytes().expose()).unwrap();
        let policy = directory.policy();
        drop(directory);
        Self { directory: open(&dir, secret, policy), now, dir, connections }
    }

    pub(crate) fn database(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    pub(crate) fn connect(&mut self) -> Peer {
        self.connect_from([127, 0, 0, 2].into())
    }

    pub(crate) fn connect_from(&mut self, address: IpAddr) -> Peer {
        self.connections += 1;
        let origin = Origin { address, exporter: [self.connections; 32] };
        Peer { entry: Some(Entry::new(origin, self.now)), present: None, origin, closed: false }
    }

    /// Registers an example user with the right passcode.
    pub(crate) fn register(&mut self, example: Example) {
        let mut peer = self.connect();
        let reply = peer.register(self, example, RIGHT, None);
        assert_eq!(reply.reason, None);
    }

    /// Logs in and becomes present.
    pub(crate) fn log_in(&mut self, example: Example, terminal: u8) -> (Peer, Challenge) {
        let mut peer = self.connect();
        let cookie = peer.log_in(self, example, terminal, None);
        (peer, cookie)
    }
}

fn open(dir: &tempfile::TempDir, secret: ServerSecret, policy: Policy) -> Directory<SqliteStore> {
    let store = SqliteStore::open(&dir.path().join("directory.db")).unwrap();
    Directory::new(store, secret, DIRECTORY_KEY, policy)
}

/// One connection to the directory.
pub(crate) struct Peer {
    entry: Option<Entry>,
    present: Option<Box<Present>>,
    pub(crate) origin: Origin,
    pub(crate) closed: bool,
}

impl Peer {
    pub(crate) fn channel<'a>(&'a self, user: &'a UserId) -> Channel<'a> {
        Channel { user, directory: &DIRECTORY_KEY, exporter: &self.origin.exporter }
    }

    /// Sends a message; the answer, if there is one.
    pub(crate) fn send(&mut self, world: &World, message: impl Into<ToDirectory>) -> Option<FromDirectory> {
        self.send_bytes(world, &message.into().encode())
    }

    pub(crate) fn send_bytes(&mut self, world: &World, payload: &[u8]) -> Option<FromDirectory> {
        assert!(!self.closed, "the directory has closed this connection");
        if let Some(present) = &mut self.present {
            return match present.handle(&world.directory, world.now, payload) {
                Answer::Silent => None,
                Answer::Message(message) => Some(message),
                Answer::Encoded(payload) => Some(FromDirectory::decode(&payload).unwrap()),
                Answer::Last(message) => {
                    self.closed = true;
                    Some(message)
                }
            };
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

    /// Why the directory ended the session, if it did.
    pub(crate) fn ended(&mut self) -> Option<common::msg::ByeReason> {
        self.present.as_mut().and_then(|present| present.attendance.ended.try_recv().unwrap())
    }

    pub(crate) fn hello(&mut self, world: &World, id: &str) -> common::msg::Welcome {
        match self.send(world, Hello { userid: user(id) }) {
            Some(FromDirectory::Welcome(welcome)) => welcome,
            other => panic!("{other:?}"),
        }
    }

    /// Registers; the reply that ends it.
    pub(crate) fn register(
        &mut self,
        world: &World,
        example: Example,
        passcode: &str,
        invite: Option<Mac>,
    ) -> RegisterReply {
        let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
        let (client, request) = ClientRegistration::start(Passcode::new(passcode.into())).unwrap();
        let request = RegisterReq { userid: user.clone(), passcode: Blob(request), invite };
        let challenge = match self.send(world, request) {
            Some(FromDirectory::RegisterChallenge(challenge)) => challenge,
            Some(FromDirectory::RegisterReply(reply)) => return reply,
            other => panic!("{other:?}"),
        };
        let (record, export_key) = client.finish(&challenge.passcode.0, self.channel(&user)).unwrap();
        let mut upload = RegisterUpload {
            passcode: Blob(record),
            publickey: Hex(identity.public().as_pkcs1().to_vec()),
            signature: Blob::default(),
            vault: Blob(vault::seal(&export_key, &user, 1, &identity).unwrap()),
        };
        let transcript = transcript::registration(self.channel(&user), &challenge.challenge, &upload);
        upload.signature = Blob(identity.sign(&transcript).unwrap());
        match self.send(world, upload) {
            Some(FromDirectory::RegisterReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// Sends KE1; `Ok` if it is answered by KE2.
    pub(crate) fn ke1(
        &mut self,
        world: &World,
        id: &str,
        passcode: &str,
        terminal: u8,
        cookie: Option<Challenge>,
    ) -> Result<(ClientLogin, AuthChallenge), AuthReply> {
        let (client, ke1) = ClientLogin::start(Passcode::new(passcode.into())).unwrap();
        let terminal = TerminalId([terminal; 16]);
        match self.send(world, AuthReq { userid: user(id), passcode: Blob(ke1), terminal, cookie }) {
            Some(FromDirectory::AuthChallenge(challenge)) => Ok((client, challenge)),
            Some(FromDirectory::AuthReply(reply)) => Err(reply),
            other => panic!("{other:?}"),
        }
    }

    /// Logs in as far as `AUTHREPLY`; the challenge to sign comes with it.
    pub(crate) fn authenticate(
        &mut self,
        world: &World,
        id: &str,
        passcode: &str,
        terminal: u8,
        cookie: Option<Challenge>,
    ) -> (AuthReply, Challenge) {
        let (client, challenge) = match self.ke1(world, id, passcode, terminal, cookie) {
            Ok(answered) => answered,
            Err(reply) => return (reply, Challenge([0; 32])),
        };
        let user = user(id);
        let finished = client.finish(&challenge.passcode.0, self.channel(&user));
        let ke3 = finished.map_or_else(|_| vec![0; 64], |(ke3, _): (Vec<u8>, Secret)| ke3);
        match self.send(world, AuthProof { passcode: Blob(ke3) }) {
            Some(FromDirectory::AuthReply(reply)) => (reply, challenge.challenge),
            other => panic!("{other:?}"),
        }
    }

    /// The `ANNOUNCE` of an honest terminal.
    pub(crate) fn announcement(&self, example: Example, terminal: u8, challenge: &Challenge) -> Announce {
        let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
        let seed = Secret::new(vec![terminal; 32]);
        let terminal = TerminalIdentity::from_seed(TerminalId([terminal; 16]), &seed).unwrap();
        let certificate = terminal.certify(&user, &identity, 1).unwrap();
        let transcript = transcript::login(self.channel(&user), challenge, 65_000, &certificate);
        Announce {
            publickey: Hex(identity.public().as_pkcs1().to_vec()),
            signature: Blob(identity.sign(&transcript).unwrap()),
            port: 65_000,
            certificate,
        }
    }

    /// Logs in with the right passcode and becomes present; the cookie for the next time.
    pub(crate) fn log_in(
        &mut self,
        world: &World,
        example: Example,
        terminal: u8,
        cookie: Option<Challenge>,
    ) -> Challenge {
        let id = example.user().unwrap();
        let (reply, challenge) = self.authenticate(world, id.as_str(), RIGHT, terminal, cookie);
        assert_eq!(reply.status, AuthStatus::Granted, "{reply:?}");
        match self.send(world, self.announcement(example, terminal, &challenge)) {
            Some(FromDirectory::Announced(_)) => reply.cookie.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
