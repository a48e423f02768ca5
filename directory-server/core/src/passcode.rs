//! Changing the passcode within a session (protocol section 5.6; threat L6).
//!
//! What a login against two pairs of record and vault means is in [`super::login`]; that the store keeps both until the
//! first login with the newer one, in [`super::store::Store`].

use common::crypto::{opaque, vault};
use common::ident::CredentialId;
use common::limits::VAULT_MAX;
use common::msg::{Blob, ErrorCode, PasscodeChallenge, PasscodeReply, PasscodeReq, PasscodeStatus, PasscodeUpload};
use common::window::{FixedWindow, Rate};

use super::Directory;
use super::session::{Reply, Session};
use super::store::{NewPasscode, Store};
use super::timestamp::Timestamp;

/// Changes a session may begin. Each computes what a guess at the passcode would need (threat L1); chosen arbitrarily.
const CHANGES: Rate = Rate::per_minute(4);

/// Changes of the passcode in one session.
#[derive(Debug, Default)]
pub(super) struct Changes {
    begun: FixedWindow,
    /// Whose record `PASSCODECHALLENGE` was made for.
    under_way: Option<CredentialId>,
}

impl Session {
    /// Answers `PASSCODEREQ`.
    pub(super) async fn begin_change<S: Store>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        request: PasscodeReq,
    ) -> Reply {
        if let Err(wait) = self.changes.begun.count(now.elapsed(), CHANGES) {
            return Reply::rate_limited("PASSCODEREQ", wait);
        }
        let credential = match directory.store.credential(self.presence.user()).await {
            Ok(Some(credential)) => credential,
            // Reset or removed; the session is about to be ended.
            Ok(None) => return Reply::error(ErrorCode::Unavailable),
            Err(error) => return error.into(),
        };
        match opaque::register_start(&directory.secret, &request.passcode.0, &credential) {
            Ok(response) => {
                self.changes.under_way = Some(credential);
                Reply::Message(PasscodeChallenge { passcode: Blob(response) }.into())
            }
            Err(_) => Reply::error(ErrorCode::Malformed),
        }
    }

    /// Answers `PASSCODEUPLOAD`.
    pub(super) async fn change<S: Store>(&mut self, directory: &Directory<S>, upload: PasscodeUpload) -> Reply {
        let Some(credential) = self.changes.under_way.take() else { return Reply::error(ErrorCode::OutOfOrder) };
        let vault = upload.vault.0;
        let version = vault::version(&vault).and_then(|version| i64::try_from(version).ok());
        let (Ok(record), Some(version)) = (opaque::register_finish(&upload.passcode.0), version) else {
            return refused();
        };
        if vault.len() > VAULT_MAX {
            return refused();
        }
        let user = self.presence.user().clone();
        match directory.store.change_passcode(NewPasscode { user, credential, record, vault, version }).await {
            Ok(true) => {
                tracing::info!(user = %self.presence.user(), "passcode changed");
                Reply::Message(PasscodeReply { status: PasscodeStatus::Changed }.into())
            }
            Ok(false) => refused(),
            Err(error) => error.into(),
        }
    }
}

fn refused() -> Reply {
    Reply::Message(PasscodeReply { status: PasscodeStatus::Refused }.into())
}
