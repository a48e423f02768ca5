//! Proving the passcode within a session, to change it or the identity key (protocol sections 5.6 and 5.7; decisions D33, D47;
//! threats L6 and L14).
//!
//! The directory keeps the pair from before until the first login with the new one, so a crash at any point locks
//! nobody out. This terminal remembers the new vault's version only after that login: until then the older vault must
//! open too.

use std::sync::Arc;

use common::crypto::identity::IdentityKey;
use common::crypto::opaque::{self, ClientLogin, ClientRegistration, KE3_LENGTH};
use common::crypto::store_key::{self, Handover};
use common::crypto::transcript::Channel;
use common::crypto::{NoRandomness, successor, terminal, vault};
use common::msg::{
    AuthChallenge, AuthProof, AuthReply, AuthReq, Blob, Certificate, KeyChallenge, KeyReq, KeyUpload, OwnSuccessor,
    PasscodeChallenge, PasscodeReq, PasscodeUpload,
};
use common::secret::{Passcode, Secret};
use futures::lock::Mutex;
use peer_core::event::PasscodeStep;
use peer_core::notice::Failure;

use super::DirectoryConnection;
use super::login::{self, Credentials, Held};
use super::request::PasscodeWish;
use crate::shell::rt;
use crate::store::StoreError;
use crate::store::state::State;

/// Proofs and changes of the passcode; the engine knows which answer belongs to which.
pub(super) struct Change {
    state: Arc<Mutex<State>>,
    step: Step,
    /// The passcode that holds since the last change, and the version of its vault.
    new: Option<(Passcode, u64)>,
}

enum Step {
    /// Nothing is under way.
    None,
    /// `AUTHREQ` was sent.
    Proving { client: Box<ClientLogin>, to: Option<Passcode>, key: Option<Box<IdentityKey>> },
    /// `AUTHPROOF` was sent.
    Proved { to: Option<Passcode>, key: Option<Box<IdentityKey>> },
    /// `PASSCODEREQ` was sent.
    Asked { client: Box<ClientRegistration>, to: Passcode, version: u64 },
    /// `PASSCODEUPLOAD` was sent.
    Uploaded { to: Passcode, version: u64 },
    /// `KEYREQ` was sent.
    AskedForKey { client: Box<ClientRegistration>, to: Passcode, version: u64, identity: Box<IdentityKey> },
}

impl Change {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { state, step: Step::None, new: None }
    }

    /// The passcode that holds, if it was changed; from then on the store knows the version of its vault.
    pub(super) fn take_new(&mut self) -> Option<Passcode> {
        self.step = Step::None;
        self.new.take().map(|(passcode, _)| passcode)
    }

    /// Whether this is the passcode of the session, as far as it is known here.
    pub(super) fn is_own(&self, credentials: &Credentials, passcode: &Passcode) -> bool {
        let own = self.new.as_ref().map_or(&credentials.passcode, |(new, _)| new);
        own.expose() == passcode.expose()
    }

    /// What is wanted of a directory that takes no proofs.
    pub(super) fn begin_unproved(&mut self, wish: PasscodeWish) {
        self.step = Step::Proved { to: wish.to, key: None };
    }

    /// Begins to prove; what is under way is given up.
    pub(super) async fn prove(&mut self, credentials: &Credentials, wish: PasscodeWish) -> Result<AuthReq, Broken> {
        let PasscodeWish { current, to, new_key } = wish;
        // Only the very passcode of this login can be one from before a change.
        let previous =
            credentials.held == Held::Former && self.new.is_none() && credentials.passcode.expose() == current.expose();
        let (client, ke1) = ClientLogin::start(current)?;
        let known = self.state.lock().await.known()?;
        // It takes a second or two, and longer on a small machine; the proof has to be fresh when it is used.
        let key = match new_key {
            true => Some(Box::new(rt::unblock(IdentityKey::generate).await.map_err(|_| Broken)?)),
            false => None,
        };
        self.step = Step::Proving { client: Box::new(client), to, key };
        let (userid, passcode) = (credentials.user.clone(), Blob(ke1));
        Ok(AuthReq { userid, passcode, terminal: known.terminal, cookie: known.cookie, previous })
    }

    /// Answers the directory's part of the proof; nothing if nothing was asked. A wrong passcode is known here, and
    /// counted there.
    pub(super) async fn confirm(
        &mut self,
        connection: &DirectoryConnection,
        credentials: &Credentials,
        challenge: AuthChallenge,
    ) -> Result<Option<AuthProof>, Broken> {
        let Step::Proving { client, to, key } = std::mem::replace(&mut self.step, Step::None) else { return Ok(None) };
        self.step = Step::Proved { to, key };
        let ke3 = match login::finish(connection, &credentials.user, *client, challenge.passcode.0).await {
            Ok((ke3, _)) => ke3,
            Err(opaque::Failure::WrongPasscode) => vec![0; KE3_LENGTH],
            Err(broken) => return Err(broken.into()),
        };
        Ok(Some(AuthProof { passcode: Blob(ke3) }))
    }

    /// Begins with the change that was proved; nothing if none was wanted.
    pub(super) async fn begin(&mut self, proved: &AuthReply) -> Result<Option<PasscodeReq>, Broken> {
        let Step::Proved { to: Some(to), .. } = std::mem::replace(&mut self.step, Step::None) else { return Ok(None) };
        let version = self.next_version(proved).await?;
        let (client, request) = ClientRegistration::start(to.clone())?;
        self.step = Step::Asked { client: Box::new(client), to, version };
        Ok(Some(PasscodeReq { passcode: Blob(request) }))
    }

    /// Begins with the new identity key for which the passcode was proved; nothing if none was wanted.
    pub(super) async fn begin_key(&mut self, proved: &AuthReply) -> Result<Option<KeyReq>, Broken> {
        let Step::Proved { to: Some(to), key: Some(identity) } = std::mem::replace(&mut self.step, Step::None) else {
            return Ok(None);
        };
        let version = self.next_version(proved).await?;
        let (client, request) = ClientRegistration::start(to.clone())?;
        self.step = Step::AskedForKey { client: Box::new(client), to, version, identity };
        Ok(Some(KeyReq { passcode: Blob(request) }))
    }

    /// Seals the new identity key, and lets the present one say that it takes its place; nothing if nothing was asked.
    pub(super) async fn seal_key(
        &mut self,
        connection: &DirectoryConnection,
        credentials: &Credentials,
        challenge: KeyChallenge,
    ) -> Result<Option<KeyUpload>, Failure> {
        let Step::AskedForKey { client, to, version, identity: new } = std::mem::replace(&mut self.step, Step::None)
        else {
            return Ok(None);
        };
        let (record, export_key) = stretch(connection, credentials, *client, challenge.passcode.0).await?;
        let internal = |error: NoRandomness| Failure::Internal { detail: error.to_string() };
        let (user, old) = (&credentials.user, &credentials.identity);
        let vault = vault::seal(&export_key, user, version, &new).map_err(internal)?;
        let ours = |told: &&Certificate| terminal::verify(told, user, old.public()).is_ok();
        let carried = challenge.certificates.iter().filter(ours);
        let carried = carried.map(|told| terminal::fingerprint(user, told)).collect();
        let successor = successor::sign(user, &connection.key, (old, &new), carried).map_err(internal)?;
        let (old_key, new_key) = (old.public().digest(), new.public().digest());
        let handover = Handover { user, old: &old_key, new: &new_key };
        let secrets = (store_key::secret_of(&new), store_key::secret_of(old));
        let store = Blob(store_key::hand_on(handover, &secrets.0, &secrets.1).map_err(internal)?);
        self.step = Step::Uploaded { to, version };
        let own = OwnSuccessor { successor, store };
        Ok(Some(KeyUpload { passcode: Blob(record), vault: Blob(vault), own }))
    }

    /// The version that the next vault has.
    async fn next_version(&mut self, proved: &AuthReply) -> Result<u64, Broken> {
        let sent = proved.vault.as_ref().and_then(|vault| vault::version(&vault.0));
        let last = match (sent, &self.new) {
            (Some(sent), _) => sent,
            (None, Some((_, version))) => *version,
            (None, None) => self.state.lock().await.known()?.vault.map_or(0, |known| known.version),
        };
        Ok(following(last, proved.newest))
    }

    /// Seals the identity key again; nothing if nothing was asked.
    pub(super) async fn seal(
        &mut self,
        connection: &DirectoryConnection,
        credentials: &Credentials,
        challenge: PasscodeChallenge,
    ) -> Result<Option<PasscodeUpload>, Failure> {
        let Step::Asked { client, to, version } = std::mem::replace(&mut self.step, Step::None) else {
            return Ok(None);
        };
        let (record, export_key) = stretch(connection, credentials, *client, challenge.passcode.0).await?;
        let vault = vault::seal(&export_key, &credentials.user, version, &credentials.identity)
            .map_err(|error| Failure::Internal { detail: error.to_string() })?;
        self.step = Step::Uploaded { to, version };
        Ok(Some(PasscodeUpload { passcode: Blob(record), vault: Blob(vault) }))
    }

    /// The directory has changed it, or not.
    pub(super) fn settle(&mut self, step: &PasscodeStep) {
        let changed = matches!(step, PasscodeStep::Changed | PasscodeStep::KeyChanged);
        if let (Step::Uploaded { to, version }, true) = (&self.step, changed) {
            self.new = Some((to.clone(), *version));
        }
        self.step = Step::None;
    }
}

/// Answers the directory's part of a registration of a passcode: the record, and the key for the vault.
async fn stretch(
    connection: &DirectoryConnection,
    credentials: &Credentials,
    client: ClientRegistration,
    response: Vec<u8>,
) -> Result<(Vec<u8>, Secret), Failure> {
    let (owner, directory, exporter) = (credentials.user.clone(), connection.key, connection.exporter);
    let stretched = rt::unblock(move || {
        let channel = Channel { user: &owner, directory: &directory, exporter: &exporter };
        client.finish(&response, channel)
    });
    stretched.await.map_err(|broken| connection.broken(&broken.to_string()))
}

/// A step that could not be made; the session begins again.
pub(super) struct Broken;

impl From<opaque::Failure> for Broken {
    fn from(_: opaque::Failure) -> Self {
        Self
    }
}

impl From<StoreError> for Broken {
    fn from(_: StoreError) -> Self {
        Self
    }
}

/// The version of a new vault: above the one that was proved, and above the one in force, unless nothing can be above that.
fn following(proved: u64, newest: Option<u64>) -> u64 {
    let most = i64::MAX.unsigned_abs();
    let above = newest.map_or(proved, |newest| newest.max(proved)).saturating_add(1);
    if above > most { proved.saturating_add(1) } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_vault_is_above_the_one_in_force_whatever_a_thief_made_of_it() {
        assert_eq!(following(1, None), 2);
        assert_eq!(following(1, Some(7)), 8);
        assert_eq!(following(1, Some(i64::MAX.unsigned_abs())), 2);
    }
}
