//! What an honest peer says.

use common::crypto::opaque::{ClientLogin, ClientRegistration};
use common::crypto::terminal::TerminalIdentity;
use common::crypto::transcript;
use common::crypto::vault;
use common::ident::{Challenge, Cookie, Mac, TerminalId};
use common::msg::{
    Announce, AuthChallenge, AuthProof, AuthReply, AuthReq, AuthStatus, Blob, Features, FromDirectory, Hex,
    RegisterReply, RegisterReq, RegisterUpload,
};
use common::secret::{Passcode, Secret};
use common::testkit::Example;
use directory_core::records::Generation;

use super::{Peer, RIGHT, World, user};

impl Peer {
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
        cookie: Option<Cookie>,
    ) -> Result<(ClientLogin, AuthChallenge), AuthReply> {
        self.ke1_against(world, Generation::Current, id, passcode, terminal, cookie)
    }

    /// As [`Peer::ke1`], against the passcode from before a change if `generation` says so.
    pub(crate) fn ke1_against(
        &mut self,
        world: &World,
        generation: Generation,
        id: &str,
        passcode: &str,
        terminal: u8,
        cookie: Option<Cookie>,
    ) -> Result<(ClientLogin, AuthChallenge), AuthReply> {
        let previous = generation == Generation::Previous;
        let (client, ke1) = ClientLogin::start(Passcode::new(passcode.into())).unwrap();
        let terminal = TerminalId([terminal; 16]);
        match self.send(world, AuthReq { userid: user(id), passcode: Blob(ke1), terminal, cookie, previous }) {
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
        cookie: Option<Cookie>,
    ) -> (AuthReply, Challenge) {
        match self.ke1(world, id, passcode, terminal, cookie) {
            Ok((client, challenge)) => self.finish(world, id, client, &challenge),
            Err(reply) => (reply, Challenge([0; 32])),
        }
    }

    /// Answers KE2; the challenge to sign comes with the reply.
    pub(crate) fn finish(
        &mut self,
        world: &World,
        id: &str,
        client: ClientLogin,
        challenge: &AuthChallenge,
    ) -> (AuthReply, Challenge) {
        let user = user(id);
        let finished = client.finish(&challenge.passcode.0, self.channel(&user));
        let ke3 = finished.map_or_else(|_| vec![0; 64], |(ke3, _)| ke3);
        match self.send(world, AuthProof { passcode: Blob(ke3) }) {
            Some(FromDirectory::AuthReply(reply)) => (reply, challenge.challenge),
            other => panic!("{other:?}"),
        }
    }

    /// Proves the passcode within a session.
    pub(crate) fn prove(&mut self, world: &World, passcode: &str, terminal: u8, cookie: Cookie) -> AuthReply {
        self.authenticate(world, "ali", passcode, terminal, Some(cookie)).0
    }

    /// Logs in with the right passcode and becomes present; the cookie for the next time.
    pub(crate) fn log_in(&mut self, world: &World, example: Example, terminal: u8, cookie: Option<Cookie>) -> Cookie {
        self.log_in_with(world, example, RIGHT, terminal, cookie)
    }

    /// As [`Peer::log_in`], with this passcode.
    pub(crate) fn log_in_with(
        &mut self,
        world: &World,
        example: Example,
        passcode: &str,
        terminal: u8,
        cookie: Option<Cookie>,
    ) -> Cookie {
        let user = example.user().unwrap();
        let (reply, challenge) = self.authenticate(world, user.as_str(), passcode, terminal, cookie);
        assert_eq!(reply.status, AuthStatus::Granted, "{reply:?}");
        match self.send(world, self.announcement(example, terminal, &challenge)) {
            Some(FromDirectory::Announced(_)) => reply.cookie.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// The `ANNOUNCE` of an honest terminal.
    pub(crate) fn announcement(&self, example: Example, terminal: u8, challenge: &Challenge) -> Announce {
        self.announcement_at(example, terminal, challenge, 65_000)
    }

    /// The same, of one that listens at this port.
    pub(crate) fn announcement_at(&self, example: Example, terminal: u8, challenge: &Challenge, port: u16) -> Announce {
        let seed = Secret::new(vec![terminal; 32]);
        let terminal = TerminalIdentity::from_seed(TerminalId([terminal; 16]), &seed).unwrap();
        self.announcement_by(example, &terminal, challenge, port)
    }

    /// The same, of a terminal with this key.
    pub(crate) fn announcement_by(
        &self,
        example: Example,
        terminal: &TerminalIdentity,
        challenge: &Challenge,
        port: u16,
    ) -> Announce {
        let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
        let certificate = terminal.certify(&user, &identity, 1).unwrap();
        let transcript = transcript::login(self.channel(&user), challenge, port, &certificate);
        Announce {
            publickey: Hex(identity.public().as_pkcs1().to_vec()),
            signature: Blob(identity.sign(&transcript).unwrap()),
            port,
            certificate,
            features: Features::of_terminal(),
            local: Vec::new(),
        }
    }
}
