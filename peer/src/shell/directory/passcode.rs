//! Changing the passcode within a session (protocol section 5.6; threat L6).
//!
//! The directory keeps the pair from before until the first login with the new one, so a crash at any point locks nobody
//! out. This terminal remembers the new vault's version only after that login: until then the older vault must open too.

use std::sync::Arc;

use common::crypto::opaque::{self, ClientRegistration};
use common::crypto::transcript::Channel;
use common::crypto::vault;
use common::ident::UserId;
use common::msg::{Blob, Error, ErrorCode, PasscodeChallenge, PasscodeReq, PasscodeStatus, PasscodeUpload};
use common::secret::Passcode;
use futures::lock::Mutex;

use super::Wire;
use super::login::Credentials;
use crate::shell::rt;
use crate::store::state::State;
use peer_core::notice::{Failure, NotChanged, Notice, SessionNotice};

/// Changes of the passcode in one session.
pub(super) struct Change {
    credentials: Arc<Credentials>,
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
    pub(super) fn new(credentials: Arc<Credentials>, state: Arc<Mutex<State>>) -> Self {
        Self { credentials, state, step: Step::None, new: None }
    }

    pub(super) fn user(&self) -> &UserId {
        &self.credentials.user
    }

    /// Whether the directory's answer is still open.
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self.step, Step::None)
    }

    /// The passcode that holds, if it was changed.
    pub(super) fn into_new(self) -> Option<Passcode> {
        self.new.map(|(passcode, _)| passcode)
    }

    /// Begins; one that is under way is given up.
    pub(super) fn begin(&mut self, to: &Passcode) -> Result<PasscodeReq, opaque::Failure> {
        let (client, request) = ClientRegistration::start(to.clone())?;
        self.step = Step::Asked { client: Box::new(client), to: to.clone() };
        Ok(PasscodeReq { passcode: Blob(request) })
    }

    /// Seals the identity key anew; nothing if nothing was asked.
    pub(super) async fn seal(
        &mut self,
        wire: &Wire,
        challenge: PasscodeChallenge,
    ) -> Result<Option<PasscodeUpload>, Failure> {
        let Step::Asked { client, to } = std::mem::replace(&mut self.step, Step::None) else { return Ok(None) };
        let last = match &self.new {
            Some((_, version)) => *version,
            None => self.state.lock().await.known()?.vault.map_or(0, |known| known.version),
        };
        let version = last + 1;
        let (owner, directory, exporter) = (self.user().clone(), wire.key, wire.exporter);
        let stretched = rt::unblock(move || {
            let channel = Channel { user: &owner, directory: &directory, exporter: &exporter };
            client.finish(&challenge.passcode.0, channel)
        });
        let (record, export_key) = stretched.await.map_err(|broken| wire.broken(&broken.to_string()))?;
        let vault = vault::seal(&export_key, self.user(), version, &self.credentials.identity)
            .map_err(|error| Failure::Internal { detail: error.to_string() })?;
        self.step = Step::Uploaded { to, version };
        Ok(Some(PasscodeUpload { passcode: Blob(record), vault: Blob(vault) }))
    }

    /// The directory has changed it, or not.
    pub(super) fn replied(&mut self, status: PasscodeStatus) -> Option<Notice> {
        let Step::Uploaded { to, version } = std::mem::replace(&mut self.step, Step::None) else { return None };
        Some(match status {
            PasscodeStatus::Changed => {
                self.new = Some((to, version));
                Notice::Session(SessionNotice::PasscodeChanged)
            }
            PasscodeStatus::Refused => Notice::Session(SessionNotice::PasscodeNotChanged(NotChanged::Meanwhile)),
        })
    }

    /// The directory would not begin or complete it.
    pub(super) fn refused(&mut self, error: &Error) -> Option<Notice> {
        let was_under_way = self.is_under_way();
        self.step = Step::None;
        let why = match error.code {
            ErrorCode::RateLimited => NotChanged::TooFast { retry_after: error.retry_after.unwrap_or(60) },
            ErrorCode::Unavailable => NotChanged::Meanwhile,
            _ => NotChanged::Unsure,
        };
        was_under_way.then_some(Notice::Session(SessionNotice::PasscodeNotChanged(why)))
    }
}
