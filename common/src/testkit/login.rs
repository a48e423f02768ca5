//! Registration and login of the blocking [`Client`], step by step.

use super::client::{Client, Trouble, unexpected};
use crate::crypto::identity::IdentityKey;
use crate::crypto::invite::InviteCode;
use crate::crypto::opaque::{self, ClientLogin, ClientRegistration, KE3_LENGTH};
use crate::crypto::terminal::TerminalIdentity;
use crate::crypto::{commit, transcript, vault};
use crate::ident::{Challenge, Cookie, TerminalId, UserId};
use crate::msg::{
    Announce, Announced, AuthChallenge, AuthProof, AuthReply, AuthReq, AuthStatus, Blob, Certificate, CommitReq,
    FromDirectory, Hex, Member, RegisterReply, RegisterReq, RegisterStatus, RegisterUpload,
};
use crate::secret::{Passcode, Secret};

/// How much work a passcode is hashed with. The directory cannot tell, but a login needs the same as its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// As peers do: some 0.15 s.
    Full,
    /// Next to none, where many logins are wanted.
    Least,
}

/// A user as the client knows one.
#[derive(Debug)]
pub struct Account {
    /// The id.
    pub user: UserId,
    /// The passcode.
    pub passcode: String,
    /// How the passcode is hashed.
    pub stretch: Stretch,
    /// The identity key.
    pub identity: IdentityKey,
}

/// What proves at the next login that this terminal has logged in before, and what the directory keeps for the user.
#[derive(Debug)]
pub struct Granted {
    /// To be shown at the next login at the same terminal.
    pub cookie: Option<Cookie>,
    /// The user's key, from the vault.
    pub identity: IdentityKey,
    challenge: Challenge,
}

/// A login between KE1 and KE3.
#[derive(Debug)]
pub struct Begun {
    opaque: ClientLogin,
    /// The directory's answer.
    pub answer: AuthChallenge,
}

/// Whether a registration succeeded.
#[must_use]
pub fn is_registered(reply: &RegisterReply) -> bool {
    reply.status == RegisterStatus::Registered
}

impl Client {
    /// Registers an account; also a refusal is an answer.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn register(&mut self, account: &Account, invite: Option<&InviteCode>) -> Result<RegisterReply, Trouble> {
        let user = &account.user;
        let (opaque, request) = ClientRegistration::start(Passcode::new(account.passcode.clone()))?;
        let invite = invite.map(|code| code.peer_proof(self.channel(user)));
        let challenge = match self.ask(RegisterReq { userid: user.clone(), passcode: Blob(request), invite })? {
            FromDirectory::RegisterChallenge(challenge) => challenge,
            FromDirectory::RegisterReply(reply) => return Ok(reply),
            other => return Err(unexpected(&other)),
        };
        let channel = self.channel(user);
        let (record, export_key) = match account.stretch {
            Stretch::Full => opaque.finish(&challenge.passcode.0, channel)?,
            Stretch::Least => opaque.finish_with(&opaque::argon2id(8, 1)?, &challenge.passcode.0, channel)?,
        };
        let mut upload = RegisterUpload {
            passcode: Blob(record),
            publickey: Hex(account.identity.public().as_pkcs1().to_vec()),
            signature: Blob::default(),
            vault: Blob(vault::seal(&export_key, user, 1, &account.identity)?),
        };
        let transcript = transcript::registration(channel, &challenge.challenge, &upload);
        upload.signature = Blob(account.identity.sign(&transcript)?);
        match self.ask(upload)? {
            FromDirectory::RegisterReply(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// Sends KE1 and no more; gives what can be finished, or the refusal.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn begin_login(
        &mut self,
        user: &UserId,
        passcode: &str,
        terminal: TerminalId,
        cookie: Option<Cookie>,
    ) -> Result<Result<Begun, AuthReply>, Trouble> {
        let (opaque, ke1) = ClientLogin::start(Passcode::new(passcode.into()))?;
        match self.ask(AuthReq { userid: user.clone(), passcode: Blob(ke1), terminal, cookie, previous: false })? {
            FromDirectory::AuthChallenge(answer) => Ok(Ok(Begun { opaque, answer })),
            FromDirectory::AuthReply(reply) => Ok(Err(reply)),
            other => Err(unexpected(&other)),
        }
    }

    /// Finishes what [`Client::begin_login`] began; gives what the vault holds, or the refusal.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn finish_login(
        &mut self,
        user: &UserId,
        stretch: Stretch,
        begun: Begun,
    ) -> Result<Result<Granted, AuthReply>, Trouble> {
        let Begun { opaque, answer } = begun;
        let (ke2, channel) = (&answer.passcode.0, self.channel(user));
        let finished = match stretch {
            Stretch::Full => opaque.finish(ke2, channel),
            Stretch::Least => opaque.finish_with(&opaque::argon2id(8, 1)?, ke2, channel),
        };
        // As peers do: a proof that cannot be right makes the directory say how many tries are left.
        let (ke3, export_key) = finished.unwrap_or_else(|_| (vec![0; KE3_LENGTH], Secret::new(Vec::new())));
        match self.ask(AuthProof { passcode: Blob(ke3) })? {
            FromDirectory::AuthReply(AuthReply { status: AuthStatus::Granted, vault: Some(vault), cookie, .. }) => {
                let identity = vault::open(&export_key, user, None, 0, &vault.0)?.identity;
                Ok(Ok(Granted { cookie, identity, challenge: answer.challenge }))
            }
            FromDirectory::AuthReply(reply) => Ok(Err(reply)),
            other => Err(unexpected(&other)),
        }
    }

    /// Proves possession of the key and becomes present at `port`, with a new certificate.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn announce(
        &mut self,
        user: &UserId,
        granted: &Granted,
        terminal: TerminalId,
        port: u16,
    ) -> Result<Announced, Trouble> {
        let certificate = terminal_identity(terminal)?.certify(user, &granted.identity, 0)?;
        self.announce_as(user, granted, certificate, port)
    }

    /// The request with the signature of a terminal that has announced itself by [`Client::announce`].
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn signed(
        &self,
        author: &Member,
        request: CommitReq,
        (commit, welcome): (&[u8], &[u8]),
    ) -> Result<CommitReq, Trouble> {
        let terminal = terminal_identity(author.terminal)?;
        let sign = |transcript: &[u8]| terminal.sign(transcript);
        Ok(commit::signed(request, author, &self.key(), (commit, welcome), sign))
    }

    /// As [`Client::announce`], with the certificate of an earlier login.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn announce_as(
        &mut self,
        user: &UserId,
        granted: &Granted,
        certificate: Certificate,
        port: u16,
    ) -> Result<Announced, Trouble> {
        let transcript = transcript::login(self.channel(user), &granted.challenge, port, &certificate);
        let publickey = Hex(granted.identity.public().as_pkcs1().to_vec());
        let signature = Blob(granted.identity.sign(&transcript)?);
        let features = self.features.clone();
        match self.ask(Announce { publickey, signature, port, certificate, features, local: Vec::new() })? {
            FromDirectory::Announced(announced) => {
                self.is_present();
                Ok(announced)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// A whole login at a terminal the directory has not seen before.
    ///
    /// # Errors
    /// [`Trouble::Unexpected`] if it is refused.
    pub fn log_in(&mut self, account: &Account, terminal: TerminalId, port: u16) -> Result<Announced, Trouble> {
        let begun = self.begin_login(&account.user, &account.passcode, terminal, None)?.map_err(refused)?;
        let granted = self.finish_login(&account.user, account.stretch, begun)?.map_err(refused)?;
        self.announce(&account.user, &granted, terminal, port)
    }
}

/// The same key for the same terminal each time.
fn terminal_identity(terminal: TerminalId) -> Result<TerminalIdentity, Trouble> {
    let seed = Secret::new([terminal.0, terminal.0].concat());
    TerminalIdentity::from_seed(terminal, &seed).map_err(|error| unexpected(&error))
}

fn refused(reply: AuthReply) -> Trouble {
    unexpected(&reply)
}
