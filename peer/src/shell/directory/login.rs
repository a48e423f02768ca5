//! Login: passcode, vault, proof of possession, presence (protocol sections 5.3 and 5.4).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::crypto::identity::IdentityKey;
use common::crypto::opaque::{self, ClientLogin, KE3_LENGTH};
use common::crypto::transcript::{self, Channel};
use common::crypto::vault;
use common::ident::{Challenge, Cookie, DirectoryGeneration, KeyDigest, SeenToken, UserId};
use common::limits::{FRAME_AFTER_LOGIN, PEER_PORT};
use common::msg::{
    Announce, Announced, AuthProof, AuthRefusal, AuthReply, AuthReq, AuthStatus, Blob, Certificate, Features,
    FromDirectory, Hex, PUNCH, Record,
};
use common::network::is_local;
use common::secret::{Passcode, Secret};

use super::DirectoryConnection;
use super::former_keys::Way;
use crate::shell::clock::{self, DirectoryTime};
use crate::shell::rt::{self, TcpListener};
use crate::store::StoreError;
use crate::store::state::{Known, KnownVault, State};
use peer_core::mailbox::known_generation;
use peer_core::notice::{Failure, LoginRefused};
use peer_core::persistence::Table;

/// Why a login did not succeed.
#[derive(Debug)]
pub(crate) enum NotLoggedIn {
    /// The directory said no.
    Refused(LoginRefused),
    /// Something broke.
    Failed(Failure),
    /// The passcode is right, and the vault older than the one seen here: nothing of it was taken.
    Older(Box<OlderVault>),
}

impl From<Failure> for NotLoggedIn {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for NotLoggedIn {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a login gives the terminal to keep for its session.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The user.
    pub(crate) user: UserId,
    /// For logging in again after the directory was lost; wiped with the session.
    pub(crate) passcode: Passcode,
    /// The user's identity key.
    pub(crate) identity: Arc<IdentityKey>,
    /// This terminal's certificate.
    pub(crate) certificate: Certificate,
    /// Which passcode it is.
    pub(crate) held: Held,
}

/// Where the terminal is known to listen.
#[derive(Debug, Clone)]
pub(crate) struct Presence {
    /// The address others are told.
    pub(crate) address: SocketAddr,
    /// The directory's clock.
    pub(crate) time: DirectoryTime,
    /// What it says of this terminal, signed.
    pub(crate) record: Option<Box<Record>>,
    /// Terminals of this user that are present, this one included.
    pub(crate) terminals: u32,
    /// By which name what the directory remembers goes.
    pub(crate) generation: Option<DirectoryGeneration>,
    /// What the directory understands beyond the first version of the protocol.
    pub(crate) features: Features,
    /// Shows it that a connection of the other family is ours, too.
    pub(crate) other: Option<SeenToken>,
}

/// Which of two passcodes a login was made with (protocol section 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// The one that holds.
    Newest,
    /// The one before a change, which this terminal may still use.
    Former,
}

/// A passcode authentication that succeeded; what is to be kept of it, and the challenge to announce with.
#[derive(Debug)]
pub(crate) struct Authenticated {
    /// Which passcode it was.
    pub(crate) held: Held,
    identity: Arc<IdentityKey>,
    vault: KnownVault,
    /// What opens this terminal's store, where it knows a former key of the user's.
    former: Option<Secret>,
    cookie: Option<Cookie>,
    /// To be signed in `ANNOUNCE`.
    pub(crate) challenge: Challenge,
}

impl Authenticated {
    /// Whether this terminal knew another key of the user's, which statements lead away from (protocol section 5.7).
    pub(crate) fn has_new_key(&self) -> bool {
        self.former.is_some()
    }

    /// Digest of the user's public key.
    pub(crate) fn key(&self) -> KeyDigest {
        self.identity.public().digest()
    }

    /// Keeps what is new, unlocks the store, and gives what a session needs.
    pub(crate) fn keep(self, state: &mut State, user: &UserId, passcode: &Passcode) -> Result<Credentials, StoreError> {
        match &self.former {
            Some(former) => state.take_over(former, &self.identity, &self.vault)?,
            None => drop(state.set_vault(&self.vault)?),
        }
        if let Some(cookie) = &self.cookie {
            state.set_cookie(cookie)?;
        }
        self.credentials(state, user, passcode)
    }

    /// Unlocks the store, and gives what a session needs.
    fn credentials(&self, state: &mut State, user: &UserId, passcode: &Passcode) -> Result<Credentials, StoreError> {
        state.unlock(&self.identity)?;
        state.decide_choices(user)?;
        let certificate = state.certificate(user, &self.identity, clock::date())?;
        let (user, passcode, identity) = (user.clone(), passcode.clone(), Arc::clone(&self.identity));
        Ok(Credentials { user, passcode, identity, certificate, held: self.held })
    }
}

/// Passes the passcode authentication and opens the vault; not present yet. Where the passcode was changed and does not
/// fit, it may be the one from before.
pub(crate) async fn authenticate(
    connection: &mut DirectoryConnection,
    known: Known,
    user: &UserId,
    passcode: &Passcode,
) -> Result<Authenticated, NotLoggedIn> {
    match attempt(connection, known.clone(), user, passcode, Held::Newest).await? {
        Attempt::Granted(authenticated) => Ok(*authenticated),
        Attempt::Refused { changed: false, why } => Err(NotLoggedIn::Refused(why)),
        Attempt::Refused { changed: true, .. } => match attempt(connection, known, user, passcode, Held::Former).await?
        {
            Attempt::Granted(authenticated) => Ok(*authenticated),
            Attempt::Refused { why, .. } => Err(NotLoggedIn::Refused(why)),
        },
    }
}

/// A login with a vault that is older than the one seen here.
#[derive(Debug)]
pub(crate) struct OlderVault {
    authenticated: Authenticated,
    /// The version that was seen here.
    pub(crate) seen: u64,
}

impl OlderVault {
    /// The version that the directory has.
    pub(crate) fn told(&self) -> u64 {
        self.authenticated.vault.version
    }

    /// Why it is not taken.
    pub(crate) fn refused() -> Failure {
        Failure::VaultUnusable { detail: vault::Broken::Older.to_string() }
    }

    /// By which name the directory's memory goes, and by which it went when this terminal was there last. Only who is
    /// present is told; the connection ends with that.
    pub(crate) async fn generations(
        &self,
        mut connection: DirectoryConnection,
        state: &mut State,
        (user, passcode): (&UserId, &Passcode),
        port: u16,
    ) -> Result<(Option<DirectoryGeneration>, Option<DirectoryGeneration>), Failure> {
        let credentials = self.authenticated.credentials(state, user, passcode)?;
        let presence = announce(&mut connection, &credentials, &self.authenticated.challenge, port).await?;
        connection.close().await;
        Ok((known_generation(&state.load(Table::Counter)?), presence.generation))
    }

    /// The user takes it: it is the one known here from now on.
    pub(crate) fn take(self, state: &mut State) -> Result<(), StoreError> {
        state.set_vault(&self.authenticated.vault).map(drop)
    }
}

/// Outcome of one attempt.
enum Attempt {
    Granted(Box<Authenticated>),
    /// `changed`: there is a passcode from before as well.
    Refused {
        changed: bool,
        why: LoginRefused,
    },
}

async fn attempt(
    connection: &mut DirectoryConnection,
    known: Known,
    user: &UserId,
    passcode: &Passcode,
    held: Held,
) -> Result<Attempt, NotLoggedIn> {
    let (client, ke1) = ClientLogin::start(passcode.clone()).map_err(|e| connection.broken(&e.to_string()))?;
    let Known { terminal, cookie, vault } = known;
    let previous = held == Held::Former;
    let request = AuthReq { userid: user.clone(), passcode: Blob(ke1), terminal, cookie, previous };
    let challenge = match connection.ask(request).await? {
        FromDirectory::AuthChallenge(challenge) => challenge,
        FromDirectory::AuthReply(reply) => return Ok(Attempt::Refused { changed: false, why: refusal(&reply) }),
        other => return Err(connection.unexpected(&other).into()),
    };
    let changed = challenge.changed;
    let (ke3, export_key) = match finish(connection, user, client, challenge.passcode.0).await {
        Ok((ke3, export_key)) => (ke3, Some(export_key)),
        // The directory has counted the attempt; a proof that cannot be right makes it say how many are left.
        Err(opaque::Failure::WrongPasscode) => (vec![0; KE3_LENGTH], None),
        Err(malformed) => return Err(connection.broken(&malformed.to_string()).into()),
    };
    let reply = match connection.ask(AuthProof { passcode: Blob(ke3) }).await? {
        FromDirectory::AuthReply(reply) => reply,
        other => return Err(connection.unexpected(&other).into()),
    };
    let (AuthStatus::Granted, Some(export_key)) = (reply.status, export_key) else {
        return Ok(Attempt::Refused { changed, why: refusal(&reply) });
    };
    let sent = reply.vault.map(|blob| blob.0).unwrap_or_default();
    let way = Way::find(connection, user, vault.as_ref(), &sent).await?;
    let vault = vault.map(|known| KnownVault { key: way.as_ref().map_or(known.key, Way::leads_to), ..known });
    let seen = vault.as_ref().map_or(0, |known| known.version);
    let (identity, vault) = open_vault(vault, user, &export_key, sent)?;
    let former = way.map(|way| way.back(user, &identity)).transpose()?;
    let (challenge, identity) = (challenge.challenge, Arc::new(identity));
    let authenticated = Authenticated { held, identity, vault, former, cookie: reply.cookie, challenge };
    match authenticated.vault.version < seen {
        true if authenticated.has_new_key() => Err(OlderVault::refused().into()),
        true => Err(NotLoggedIn::Older(Box::new(OlderVault { authenticated, seen }))),
        false => Ok(Attempt::Granted(Box::new(authenticated))),
    }
}

/// Proves possession of the identity key; from then on the user is present at `port`.
pub(crate) async fn announce(
    connection: &mut DirectoryConnection,
    credentials: &Credentials,
    challenge: &Challenge,
    port: u16,
) -> Result<Presence, Failure> {
    let transcript =
        transcript::login(connection.channel(&credentials.user), challenge, port, &credentials.certificate);
    let signature = credentials.identity.sign(&transcript).map_err(|e| Failure::Internal { detail: e.to_string() })?;
    let announce = Announce {
        publickey: Hex(credentials.identity.public().as_pkcs1().to_vec()),
        signature: Blob(signature),
        port,
        certificate: credentials.certificate.clone(),
        // Whoever is seen at another port than the one it listens on is not met there.
        features: if connection.comes_from(port) {
            Features::of_terminal().with(PUNCH)
        } else {
            Features::of_terminal()
        },
        // In a network that others have, too; elsewhere the directory sees it.
        local: [connection.local()].into_iter().filter(|address| is_local(*address)).collect(),
    };
    match connection.ask(announce).await? {
        FromDirectory::Announced(announced) => {
            connection.link.set_frame_limit(FRAME_AFTER_LOGIN);
            let time = DirectoryTime::told(announced.time);
            let Announced { address, terminals, generation, features, other, record, .. } = announced;
            let other = other.map(|token| *token);
            Ok(Presence { address, time, terminals, generation, features, other, record })
        }
        other => Err(connection.unexpected(&other)),
    }
}

/// Listens for callers at `address`; without a port on 65000, or the next free one.
pub(crate) fn listen(address: IpAddr, port: Option<u16>) -> Result<(TcpListener, u16), Failure> {
    let candidates = port.map_or(PEER_PORT..=u16::MAX, |port| port..=port);
    let mut last = None;
    for port in candidates {
        match rt::listen(SocketAddr::new(address, port)) {
            Ok(listener) => {
                let bound = listener.local_addr().map_or(port, |address| address.port());
                return Ok((listener, bound));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => last = Some(error),
            Err(error) => return Err(cannot_listen(address, &error)),
        }
    }
    let error = last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    Err(cannot_listen(address, &error))
}

fn cannot_listen(address: IpAddr, error: &std::io::Error) -> Failure {
    Failure::CannotListen { address: address.to_string(), detail: error.to_string() }
}

/// Answers KE2.
pub(super) async fn finish(
    connection: &DirectoryConnection,
    user: &UserId,
    client: ClientLogin,
    ke2: Vec<u8>,
) -> Result<(Vec<u8>, Secret), opaque::Failure> {
    let (user, directory, exporter) = (user.clone(), connection.key, connection.exporter);
    rt::unblock(move || client.finish(&ke2, Channel { user: &user, directory: &directory, exporter: &exporter })).await
}

/// Opens the vault of `GRANTED`, at a known terminal as at a new one: whatever is wrong with it ends the login, because a
/// terminal that went on with what it has would hide a directory that lost or replaced it (protocol section 8.5; threat
/// L6). One that is older than the one seen here is opened; it is for the user to take it.
fn open_vault(
    known: Option<KnownVault>,
    user: &UserId,
    export_key: &Secret,
    sent: Vec<u8>,
) -> Result<(IdentityKey, KnownVault), Failure> {
    let key = known.as_ref().map(|known| &known.key);
    let opened = vault::open(export_key, user, key, 0, &sent);
    let opened = opened.map_err(|broken| Failure::VaultUnusable { detail: broken.to_string() })?;
    let key = opened.identity.public().digest();
    Ok((opened.identity, KnownVault { sealed: sent, version: opened.version, key }))
}

fn refusal(reply: &AuthReply) -> LoginRefused {
    match reply.reason {
        Some(AuthRefusal::Locked) => LoginRefused::Locked { retry_after: reply.retry_after },
        Some(AuthRefusal::TooMany) => {
            reply.retry_after.map_or(LoginRefused::Terminals, |retry_after| LoginRefused::TooMany { retry_after })
        }
        Some(AuthRefusal::Passcode | AuthRefusal::Other) | None => {
            LoginRefused::Passcode { tries_left: reply.tries_left.unwrap_or(0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use common::testkit::Example;

    use super::*;

    fn sealed(version: u64, key: Example) -> (Secret, Vec<u8>) {
        let export_key = Secret::new(vec![7; 64]);
        let vault = vault::seal(&export_key, &Example::Ali.user().unwrap(), version, &key.identity().unwrap()).unwrap();
        (export_key, vault)
    }

    /// What a terminal that knows ali's key in a vault of version 2 makes of this one.
    fn known(sent: Vec<u8>) -> Result<u64, String> {
        let (export_key, kept) = sealed(2, Example::Ali);
        let key = Example::Ali.identity().unwrap().public().digest();
        let known = Some(KnownVault { sealed: kept, version: 2, key });
        match open_vault(known, &Example::Ali.user().unwrap(), &export_key, sent) {
            Ok((_, kept)) => Ok(kept.version),
            Err(Failure::VaultUnusable { detail }) => Err(detail),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_known_terminal_takes_no_other_key_and_no_vault_that_is_missing_or_damaged() {
        assert_eq!(known(sealed(2, Example::Ali).1), Ok(2));
        assert_eq!(known(sealed(3, Example::Ali).1), Ok(3));
        assert_eq!(known(sealed(1, Example::Ali).1), Ok(1), "an older one opens, and is not taken for that");
        let mut damaged = sealed(3, Example::Ali).1;
        damaged.iter_mut().last().into_iter().for_each(|byte| *byte ^= 1);
        for (vault, why) in [
            (Vec::new(), vault::Broken::Size),
            (vec![0x5a; 1900], vault::Broken::Content),
            (damaged, vault::Broken::Sealed),
            (sealed(1, Example::Bianca).1, vault::Broken::Content),
            (sealed(3, Example::Bianca).1, vault::Broken::Content),
        ] {
            assert_eq!(known(vault), Err(why.to_string()));
        }
    }
}
