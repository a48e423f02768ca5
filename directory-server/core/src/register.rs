//! Registration: OPAQUE registration, proof of possession of the identity key, invitation (protocol sections 5.1 and 5.2).
//!
//! `REGISTERED` is sent after the store has made the user durable, never before.

use common::crypto::identity::PublicKey;
use common::crypto::invite::{InviteCode, proof_holds};
use common::crypto::{opaque, transcript};
use common::ident::{Challenge, CredentialId, Mac, UserId};
use common::limits::{Budget, VAULT_MAX};
use common::msg::{
    Blob, ErrorCode, FromDirectory, RegisterChallenge, RegisterRefusal, RegisterReply, RegisterReq, RegisterStatus,
    RegisterUpload, Registration,
};

use crate::directory::Directory;
use crate::origin::Origin;
use crate::records::{Account, IdStatus, NewUser, Registered};
use crate::step::Step;
use crate::store::Store;
use crate::timestamp::{Timestamp, whole_seconds};

/// What is known between `REGISTERCHALLENGE` and `REGISTERUPLOAD`.
#[derive(Debug)]
pub struct Registering {
    user: UserId,
    credential: CredentialId,
    challenge: Challenge,
    invite: Option<InviteCode>,
}

fn refused(reason: RegisterRefusal, retry_after: Option<u64>) -> Step {
    Step::reply(RegisterReply { status: RegisterStatus::Refused, reason: Some(reason), retry_after })
}

/// Answers `REGISTERREQ`.
pub(crate) async fn begin<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    request: RegisterReq,
) -> Result<(Registering, FromDirectory), Step> {
    let user = request.userid;
    let id_status = directory.store.id_status(&user, directory.date(now)).await?;
    let invite = proved_invitation(directory, origin, &user, &id_status, request.invite)?;
    if invite.is_none() {
        without_invitation(directory, origin, now, &user, &id_status)?;
    }
    let fresh = CredentialId::generate().and_then(|id| Ok((id, Challenge(common::crypto::random()?))));
    let Ok((credential, challenge)) = fresh else { return Err(Step::error(ErrorCode::Unavailable)) };
    let Ok(response) = opaque::register_start(&directory.secret, &request.passcode.0, &credential) else {
        return Err(Step::error(ErrorCode::Malformed));
    };
    let answer = RegisterChallenge { passcode: Blob(response), challenge };
    Ok((Registering { user, credential, challenge, invite }, answer.into()))
}

/// The invitation whose proof was sent. The same is computed whether there is one or not (threat L2).
fn proved_invitation<S>(
    directory: &Directory<S>,
    origin: Origin,
    user: &UserId,
    id_status: &IdStatus,
    proof: Option<Mac>,
) -> Result<Option<InviteCode>, Step> {
    let nobody_s = InviteCode::generate().map_err(|_| Step::error(ErrorCode::Unavailable))?;
    let (code, is_invited) = match id_status {
        IdStatus::Invited(code) => (code.clone(), true),
        IdStatus::Free | IdStatus::AwaitsInvite | IdStatus::Taken | IdStatus::Removed => (nobody_s, false),
    };
    let expected = code.peer_proof(origin.channel(user, &directory.key));
    Ok(proof.filter(|proof| proof_holds(&expected, proof) && is_invited).map(|_| code))
}

/// Whether somebody who was not invited may register. Where registration is not open, the answer is the same for every
/// id (threat L2). An invitation keeps its id for whoever holds it, also where registration is open.
fn without_invitation<S>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    user: &UserId,
    id_status: &IdStatus,
) -> Result<(), Step> {
    match directory.policy().registration {
        Registration::Open => {}
        Registration::Invite => return Err(refused(RegisterRefusal::Invite, None)),
        Registration::Closed => return Err(refused(RegisterRefusal::Closed, None)),
    }
    if let Some(why) = kept_back(user, id_status) {
        return Err(refused(why, None));
    }
    // Whoever holds an invitation is limited by it: one registration, of one id.
    let (budget, allowance) = (Budget::Registrations, directory.policy().allowance(Budget::Registrations));
    let counted = directory.sources().draw(origin.source(), now, budget, allowance);
    counted.map_err(|wait| refused(RegisterRefusal::TooMany, Some(whole_seconds(wait))))
}

/// Why an id is not given to whoever was not invited, where registration is open.
pub(crate) fn kept_back(user: &UserId, id_status: &IdStatus) -> Option<RegisterRefusal> {
    match id_status {
        IdStatus::Taken | IdStatus::Removed => Some(RegisterRefusal::Unavailable),
        IdStatus::Invited(_) | IdStatus::AwaitsInvite => Some(RegisterRefusal::Invite),
        IdStatus::Free if user.is_reserved() => Some(RegisterRefusal::Unavailable),
        IdStatus::Free => None,
    }
}

/// Answers `REGISTERUPLOAD`.
pub(crate) async fn finish<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    registering: Registering,
    upload: RegisterUpload,
) -> Step {
    let Registering { user, credential, challenge, invite } = registering;
    if upload.vault.0.is_empty() || upload.vault.0.len() > VAULT_MAX {
        return Step::error(ErrorCode::Malformed);
    }
    let transcript = transcript::registration(origin.channel(&user, &directory.key), &challenge, &upload);
    let proved =
        PublicKey::from_pkcs1(&upload.publickey.0).and_then(|key| key.verify_first(&transcript, &upload.signature.0));
    if proved.is_err() {
        return refused(RegisterRefusal::Key, None);
    }
    let Ok(record) = opaque::register_finish(&upload.passcode.0) else {
        return Step::error(ErrorCode::Malformed);
    };
    let account = Account { credential, record, public_key: upload.publickey.0, vault: upload.vault.0, newest: None };
    match directory.store.register(NewUser { id: user.clone(), account, invite }, directory.date(now)).await {
        Ok(Registered::Done) => {
            tracing::info!(user = %directory.named(&user), peer_ip = directory.shown(origin.address), "registered");
            let status = RegisterStatus::Registered;
            Step::reply(RegisterReply { status, reason: None, retry_after: None })
        }
        Ok(Registered::Unavailable) => refused(RegisterRefusal::Unavailable, None),
        Ok(Registered::InviteGone) => refused(RegisterRefusal::Invite, None),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_store::{NOW, directory, policy, user};
    use crate::policy::Policy;

    const ORIGIN: Origin = Origin {
        address: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)),
        port: 50_000,
        exporter: [2; 32],
    };

    fn refusal(registration: Registration, id: &str, status: &IdStatus) -> Option<RegisterRefusal> {
        let directory = directory(Policy { registration, ..policy() });
        match without_invitation(&directory, ORIGIN, NOW, &user(id), status) {
            Err(Step::Reply(FromDirectory::RegisterReply(reply))) => reply.reason,
            _ => None,
        }
    }

    #[test]
    fn who_was_not_invited_registers_a_free_id_where_registration_is_open() {
        use RegisterRefusal::{Closed, Invite, Unavailable};
        let invited = IdStatus::Invited(InviteCode::generate().unwrap());
        for (id, status, open) in [
            ("ali", IdStatus::Free, None),
            ("admin", IdStatus::Free, Some(Unavailable)),
            ("ali", IdStatus::Taken, Some(Unavailable)),
            ("ali", IdStatus::Removed, Some(Unavailable)),
            ("ali", invited, Some(Invite)),
            ("ali", IdStatus::AwaitsInvite, Some(Invite)),
        ] {
            assert_eq!(refusal(Registration::Open, id, &status), open, "{id} {status:?}");
            // The same answer for every id (threat L2).
            assert_eq!(refusal(Registration::Invite, id, &status), Some(Invite));
            assert_eq!(refusal(Registration::Closed, id, &status), Some(Closed));
        }
    }

    #[test]
    fn one_source_registers_three_ids_in_an_hour_and_refusals_do_not_count() {
        let directory = directory(policy());
        let register = |later: std::time::Duration, status: &IdStatus| {
            without_invitation(&directory, ORIGIN, NOW + later, &user("ali"), status)
        };
        for _ in 0..10 {
            assert!(register(std::time::Duration::ZERO, &IdStatus::Taken).is_err());
        }
        let allowance = Budget::Registrations.allowance();
        for _ in 0..allowance.source {
            assert!(register(std::time::Duration::ZERO, &IdStatus::Free).is_ok());
        }
        let just_before = allowance.per - std::time::Duration::from_secs(1);
        match register(just_before, &IdStatus::Free) {
            Err(Step::Reply(FromDirectory::RegisterReply(reply))) => {
                assert_eq!((reply.reason, reply.retry_after), (Some(RegisterRefusal::TooMany), Some(1)));
            }
            other => panic!("{other:?}"),
        }
        assert!(register(allowance.per, &IdStatus::Free).is_ok());
    }
}
