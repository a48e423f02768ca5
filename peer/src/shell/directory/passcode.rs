//! Proving the passcode and changing it within a session (protocol section 5.6; decision D33; threats L6 and L14).
//!
//! The directory keeps the pair from before until the first login with the new one, so a crash at any point locks
//! nobody out. This terminal remembers the new vault's version only after that login: until then the older vault must
//! open too.

use std::sync::Arc;

use common::crypto::opaque::{self, ClientLogin, ClientRegistration, KE3_LENGTH};
use common::crypto::transcript::Channel;
use common::crypto::vault;
use common::msg::{AuthChallenge, AuthProof, AuthReply, AuthReq, Blob, PasscodeChallenge, PasscodeReq, PasscodeUpload};
use common::secret::Passcode;
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
    Proving { client: Box<ClientLogin>, to: Option<Passcode> },
    /// `AUTHPROOF` was sent.
    Proved { to: Option<Passcode> },
    /// `PASSCODEREQ` was sent.
    Asked { client: Box<ClientRegistration>, to: Passcode, version: u64 },
    /// `PASSCODEUPLOAD` was sent.
    Uploaded { to: Passcode, version: u64 },
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
        self.step = Step::Proved { to: wish.to };
    }

    /// Begins to prove; what is under way is given up.
    pub(super) async fn prove(&mut self, credentials: &Credentials, wish: PasscodeWish) -> Result<AuthReq, Broken> {
        let PasscodeWish { current, to } = wish;
        // Only the very passcode of this login can be one from before a change.
        let previous =
            credentials.held == Held::Former && self.new.is_none() && credentials.passcode.expose() == current.expose();
        let (client, ke1) = ClientLogin::start(current)?;
        let known = self.state.lock().await.known()?;
        self.step = Step::Proving { client: Box::new(client), to };
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
        let Step::Proving { client, to } = std::mem::replace(&mut self.step, Step::None) else { return Ok(None) };
        self.step = Step::Proved { to };
        let ke3 = match login::finish(connection, &credentials.user, *client, challenge.passcode.0).await {
            Ok((ke3, _)) => ke3,
            Err(opaque::Failure::WrongPasscode) => vec![0; KE3_LENGTH],
            Err(broken) => return Err(broken.into()),
        };
        Ok(Some(AuthProof { passcode: Blob(ke3) }))
    }

    /// Begins with the change that was proved; nothing if none was wanted.
    pub(super) async fn begin(&mut self, proved: &AuthReply) -> Result<Option<PasscodeReq>, Broken> {
        let Step::Proved { to: Some(to) } = std::mem::replace(&mut self.step, Step::None) else { return Ok(None) };
        let sent = proved.vault.as_ref().and_then(|vault| vault::version(&vault.0));
        let last = match (sent, &self.new) {
            (Some(sent), _) => sent,
            (None, Some((_, version))) => *version,
            (None, None) => self.state.lock().await.known()?.vault.map_or(0, |known| known.version),
        };
        let version = following(last, proved.newest);
        let (client, request) = ClientRegistration::start(to.clone())?;
        self.step = Step::Asked { client: Box::new(client), to, version };
        Ok(Some(PasscodeReq { passcode: Blob(request) }))
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
        let (owner, directory, exporter) = (credentials.user.clone(), connection.key, connection.exporter);
        let stretched = rt::unblock(move || {
            let channel = Channel { user: &owner, directory: &directory, exporter: &exporter };
            client.finish(&challenge.passcode.0, channel)
        });
        let (record, export_key) = stretched.await.map_err(|broken| connection.broken(&broken.to_string()))?;
        let vault = vault::seal(&export_key, &credentials.user, version, &credentials.identity)
            .map_err(|error| Failure::Internal { detail: error.to_string() })?;
        self.step = Step::Uploaded { to, version };
        Ok(Some(PasscodeUpload { passcode: Blob(record), vault: Blob(vault) }))
    }

    /// The directory has changed it, or not.
    pub(super) fn settle(&mut self, step: &PasscodeStep) {
        if let (Step::Uploaded { to, version }, PasscodeStep::Changed) = (&self.step, step) {
            self.new = Some((to.clone(), *version));
        }
        self.step = Step::None;
    }
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
