//! What an honest peer says, whatever carries it.

use common::crypto::opaque::{ClientLogin, ClientRegistration};
use common::crypto::terminal::TerminalIdentity;
use common::crypto::transcript::{self, Channel};
use common::crypto::vault;
use common::ident::{Challenge, KeyDigest, Mac, TerminalId};
use common::msg::{
    Announce, AuthChallenge, AuthProof, AuthReply, AuthReq, AuthStatus, Blob, FromDirectory, Hex, RegisterReply,
    RegisterReq, RegisterUpload, ToDirectory,
};
use common::secret::{Passcode, Secret};
use common::testkit::Example;

use super::{RIGHT, user};

/// The `ANNOUNCE` of an honest terminal.
pub(crate) fn announcement(channel: Channel<'_>, example: Example, terminal: u8, challenge: &Challenge) -> Announce {
    let identity = example.identity().unwrap();
    let seed = Secret::new(vec![terminal; 32]);
    let terminal = TerminalIdentity::from_seed(TerminalId([terminal; 16]), &seed).unwrap();
    let certificate = terminal.certify(&example.user().unwrap(), &identity, 1).unwrap();
    let transcript = transcript::login(channel, challenge, 65_000, &certificate);
    Announce {
        publickey: Hex(identity.public().as_pkcs1().to_vec()),
        signature: Blob(identity.sign(&transcript).unwrap()),
        port: 65_000,
        certificate,
    }
}

/// One connection to a directory.
pub(crate) trait Conversation {
    /// Sends a message; the answer, if there is one.
    fn say(&mut self, message: ToDirectory) -> Option<FromDirectory>;
    fn exporter(&self) -> [u8; 32];
    fn directory(&self) -> KeyDigest;

    /// Registers; the reply that ends it.
    fn register(&mut self, example: Example, passcode: &str, invite: Option<Mac>) -> RegisterReply {
        let (user, identity) = (example.user().unwrap(), example.identity().unwrap());
        let (exporter, directory) = (self.exporter(), self.directory());
        let channel = Channel { user: &user, directory: &directory, exporter: &exporter };
        let (client, request) = ClientRegistration::start(Passcode::new(passcode.into())).unwrap();
        let request = RegisterReq { userid: user.clone(), passcode: Blob(request), invite };
        let challenge = match self.say(request.into()) {
            Some(FromDirectory::RegisterChallenge(challenge)) => challenge,
            Some(FromDirectory::RegisterReply(reply)) => return reply,
            other => panic!("{other:?}"),
        };
        let (record, export_key) = client.finish(&challenge.passcode.0, channel).unwrap();
        let mut upload = RegisterUpload {
            passcode: Blob(record),
            publickey: Hex(identity.public().as_pkcs1().to_vec()),
            signature: Blob::default(),
            vault: Blob(vault::seal(&export_key, &user, 1, &identity).unwrap()),
        };
        let transcript = transcript::registration(channel, &challenge.challenge, &upload);
        upload.signature = Blob(identity.sign(&transcript).unwrap());
        match self.say(upload.into()) {
            Some(FromDirectory::RegisterReply(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// Sends KE1; `Ok` if it is answered by KE2.
    fn ke1(
        &mut self,
        id: &str,
        passcode: &str,
        terminal: u8,
        cookie: Option<Challenge>,
    ) -> Result<(ClientLogin, AuthChallenge), AuthReply> {
        let (client, ke1) = ClientLogin::start(Passcode::new(passcode.into())).unwrap();
        let terminal = TerminalId([terminal; 16]);
        match self.say(AuthReq { userid: user(id), passcode: Blob(ke1), terminal, cookie }.into()) {
            Some(FromDirectory::AuthChallenge(challenge)) => Ok((client, challenge)),
            Some(FromDirectory::AuthReply(reply)) => Err(reply),
            other => panic!("{other:?}"),
        }
    }

    /// Logs in as far as `AUTHREPLY`; the challenge to sign comes with it.
    fn authenticate(
        &mut self,
        id: &str,
        passcode: &str,
        terminal: u8,
        cookie: Option<Challenge>,
    ) -> (AuthReply, Challenge) {
        let (client, challenge) = match self.ke1(id, passcode, terminal, cookie) {
            Ok(answered) => answered,
            Err(reply) => return (reply, Challenge([0; 32])),
        };
        let (user, exporter, directory) = (user(id), self.exporter(), self.directory());
        let channel = Channel { user: &user, directory: &directory, exporter: &exporter };
        let finished = client.finish(&challenge.passcode.0, channel);
        let ke3 = finished.map_or_else(|_| vec![0; 64], |(ke3, _)| ke3);
        match self.say(AuthProof { passcode: Blob(ke3) }.into()) {
            Some(FromDirectory::AuthReply(reply)) => (reply, challenge.challenge),
            other => panic!("{other:?}"),
        }
    }

    /// Logs in with the right passcode and becomes present; the cookie for the next time.
    fn log_in(&mut self, example: Example, terminal: u8, cookie: Option<Challenge>) -> Challenge {
        let user = example.user().unwrap();
        let (reply, challenge) = self.authenticate(user.as_str(), RIGHT, terminal, cookie);
        assert_eq!(reply.status, AuthStatus::Granted, "{reply:?}");
        let (exporter, directory) = (self.exporter(), self.directory());
        let channel = Channel { user: &user, directory: &directory, exporter: &exporter };
        match self.say(announcement(channel, example, terminal, &challenge).into()) {
            Some(FromDirectory::Announced(_)) => reply.cookie.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
