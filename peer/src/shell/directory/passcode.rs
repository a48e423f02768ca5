//! Changing the passcode within a session (protocol section 5.6; threat L6).
//!
//! The directory keeps the pair from before until the first login with the new one, so a crash at any point locks
//! nobody out. This terminal remembers the new vault's version only after that login: until then the older vault must
//! open too.

use std::sync::Arc;

use common::crypto::opaque::{self, ClientRegistration};
use common::crypto::transcript::Channel;
use common::crypto::vault;
use common::msg::{Blob, PasscodeChallenge, PasscodeReq, PasscodeUpload};
use common::secret::Passcode;
use futures::lock::Mutex;
use peer_core::event::PasscodeStep;
use peer_core::notice::Failure;

use super::DirectoryConnection;
use super::login::Credentials;
use crate::shell::rt;
use crate::store::state::State;

/// Changes of the passcode; the engine knows which answer belongs to which.
pub(super) struct Change {
    state: Arc<Mutex<State>>,
    step: Step,
    /// The passcode that holds since the last change, and the version of its vault.
    new: Option<(Passcode, u64)>,
}

enum Step {
    /// Nothing is under way.
    None,
    /// `PASSCODEREQ` was sent.
    Asked { client: Box<ClientRegistration>, to: Passcode },
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

    /// Begins; one that is under way is given up.
    pub(super) fn begin(&mut self, to: &Passcode) -> Result<PasscodeReq, opaque::Failure> {
        let (client, request) = ClientRegistration::start(to.clone())?;
        self.step = Step::Asked { client: Box::new(client), to: to.clone() };
        Ok(PasscodeReq { passcode: Blob(request) })
    }

    /// Seals the identity key again; nothing if nothing was asked.
    pub(super) async fn seal(
        &mut self,
        connection: &DirectoryConnection,
        credentials: &Credentials,
        challenge: PasscodeChallenge,
    ) -> Result<Option<PasscodeUpload>, Failure> {
        let Step::Asked { client, to } = std::mem::replace(&mut self.step, Step::None) else { return Ok(None) };
        let last = match &self.new {
            Some((_, version)) => *version,
            None => self.state.lock().await.known()?.vault.map_or(0, |known| known.version),
        };
        let version = last + 1;
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
