//! Changing the passcode within a session (protocol section 5.6; decision D33; threats L6 and L14).
//!
//! It takes a fresh [`Proof`] of the passcode before. What a login against two pairs of record and vault means is in
//! [`crate::authentication`]; for whom the store keeps the one from before, in [`Store`].

use common::crypto::{opaque, vault};
use common::ident::UserId;
use common::limits::VAULT_MAX;
use common::msg::{
    Blob, ByeReason, ErrorCode, Member, PasscodeChallenge, PasscodeReply, PasscodeReq, PasscodeStatus, PasscodeUpload,
};
use common::window::{FixedWindow, Rate};

use crate::directory::Directory;
use crate::proof::Proof;
use crate::records::{NewPasscode, PasscodeChange};
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// Changes a session may begin. Each computes what a guess at the passcode would need (threat L1); chosen arbitrarily.
const CHANGES: Rate = Rate::per_minute(4);

/// Changes of the passcode in one session.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    begun: FixedWindow,
    /// What `PASSCODECHALLENGE` was made for.
    under_way: Option<UnderWay>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    /// A change by somebody who has proved the passcode.
    Proved,
    /// One that cannot come about: nothing was proved.
    NotProved,
}

/// What a change begins with.
pub(crate) struct Begun {
    /// OPAQUE `RegistrationResponse`.
    pub(crate) response: Vec<u8>,
    /// Whether the passcode was proved; otherwise the change cannot come about.
    pub(crate) is_proved: bool,
}

/// Answers `PASSCODEREQ`.
pub(crate) async fn begin<S: Store>(
    directory: &Directory<S>,
    user: &UserId,
    proof: (&Proof, &mut Changes),
    now: Timestamp,
    request: PasscodeReq,
) -> StoreResult<Reply> {
    Ok(match start(directory, user, proof, now, ("PASSCODEREQ", &request.passcode.0)).await? {
        Ok(Begun { response, .. }) => Reply::Message(PasscodeChallenge { passcode: Blob(response) }.into()),
        Err(reply) => reply,
    })
}

/// The OPAQUE part of the answer to a request of this name. Without a proof it is about credentials that nobody has: what
/// the user's own would answer is worth a guess at the passcode (threat L1).
pub(crate) async fn start<S: Store>(
    directory: &Directory<S>,
    user: &UserId,
    (proof, changes): (&Proof, &mut Changes),
    now: Timestamp,
    (msgtype, passcode): (&str, &[u8]),
) -> StoreResult<Result<Begun, Reply>> {
    if let Err(wait) = changes.begun.count(now.elapsed(), CHANGES) {
        return Ok(Err(Reply::rate_limited(msgtype, wait)));
    }
    let Some(credential) = directory.store.credential(user).await? else {
        // Reset or removed; the session is about to be ended.
        return Ok(Err(Reply::error(ErrorCode::Unavailable)));
    };
    let (credential, under_way) = match proof.fresh(now) {
        Some(fresh) if fresh.credential == credential => (credential, UnderWay::Proved),
        Some(_) | None => (directory.secret.fake_credential(user), UnderWay::NotProved),
    };
    let Ok(response) = opaque::register_start(&directory.secret, passcode, &credential) else {
        return Ok(Err(Reply::error(ErrorCode::Malformed)));
    };
    changes.under_way = Some(under_way);
    Ok(Ok(Begun { response, is_proved: under_way == UnderWay::Proved }))
}

/// Why an upload changes nothing.
pub(crate) enum NotTaken {
    /// Nothing was begun: the session ends.
    OutOfOrder(Reply),
    /// It was not proved, or is not well formed.
    Refused,
}

/// The record and vault of an upload, if they may be put in force: uses up the proof.
pub(crate) fn finish(
    member: &Member,
    (proof, changes): (&mut Proof, &mut Changes),
    now: Timestamp,
    (record, vault): (&[u8], Vec<u8>),
) -> Result<NewPasscode, NotTaken> {
    let out_of_order = || NotTaken::OutOfOrder(Reply::error(ErrorCode::OutOfOrder));
    let under_way = changes.under_way.take().ok_or_else(out_of_order)?;
    let proved = proof.take(now).filter(|_| under_way == UnderWay::Proved).ok_or(NotTaken::Refused)?;
    let version = vault::version(&vault).and_then(|version| i64::try_from(version).ok()).ok_or(NotTaken::Refused)?;
    let record = opaque::register_finish(record).map_err(|_| NotTaken::Refused)?;
    if vault.len() > VAULT_MAX {
        return Err(NotTaken::Refused);
    }
    let Member { userid: user, terminal } = member;
    let (credential, proved) = (proved.credential, proved.record);
    Ok(NewPasscode { user: user.clone(), terminal: *terminal, credential, proved, record, vault, version })
}

/// Answers `PASSCODEUPLOAD`. A change ends all other sessions of the user.
pub(crate) async fn change<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    proof: (&mut Proof, &mut Changes),
    now: Timestamp,
    upload: PasscodeUpload,
) -> StoreResult<Reply> {
    let new = match finish(member, proof, now, (&upload.passcode.0, upload.vault.0)) {
        Ok(new) => new,
        Err(NotTaken::OutOfOrder(reply)) => return Ok(reply),
        Err(NotTaken::Refused) => return Ok(refused()),
    };
    match directory.store.change_passcode(new, now).await? {
        PasscodeChange::Changed => {
            let ended = directory.presence.end_others(member, ByeReason::Passcode);
            tracing::info!(user = %directory.named(&member.userid), ended, "passcode changed");
            Ok(Reply::Message(PasscodeReply { status: PasscodeStatus::Changed }.into()))
        }
        PasscodeChange::Outdated => Ok(refused()),
    }
}

fn refused() -> Reply {
    Reply::Message(PasscodeReply { status: PasscodeStatus::Refused }.into())
}

#[cfg(test)]
mod tests {
    use common::msg::FromDirectory;
    use futures::executor::block_on;

    use super::*;
    use crate::closed_store::{NOW, directory, member, policy, seconds, user};

    #[test]
    fn a_session_begins_four_changes_in_a_minute() {
        let (directory, mut changes) = (directory(policy()), Changes::default());
        let mut refused_for = |later: u64| {
            let request = PasscodeReq { passcode: Blob(Vec::new()) };
            match block_on(begin(
                &directory,
                &user("ali"),
                (&Proof::default(), &mut changes),
                NOW + seconds(later),
                request,
            )) {
                Ok(Reply::Message(FromDirectory::Error(error))) => error.retry_after,
                _ => None,
            }
        };
        assert_eq!([0, 10, 20, 30].map(&mut refused_for), [None; 4]);
        assert_eq!([30, 59, 60].map(&mut refused_for), [Some(30), Some(1), None]);
    }

    #[test]
    fn an_upload_that_nothing_began_is_out_of_order() {
        let (directory, mut changes) = (directory(policy()), Changes::default());
        let upload = PasscodeUpload { passcode: Blob(Vec::new()), vault: Blob(Vec::new()) };
        let reply = block_on(change(&directory, &member("ali"), (&mut Proof::default(), &mut changes), NOW, upload));
        assert!(matches!(reply, Ok(Reply::Last(FromDirectory::Error(error))) if error.code == ErrorCode::OutOfOrder));
    }
}
