//! New identity keys in the place of former ones (decision D47; protocol section 5.7; threat L6).
//!
//! It takes what a change of the passcode takes ([`crate::passcode`]), and a statement that both keys have signed. Which key
//! others are to believe is for them to judge; the directory sees to it that nobody's own statements are false.

use common::crypto::successor;
use common::ident::{KeyDigest, UserId};
use common::msg::{
    Blob, ByeReason, FormerReply, FormerReq, KeyChallenge, KeyReply, KeyReq, KeyStatus, KeyUpload, Member,
    OwnSuccessor, SuccessorsReply, SuccessorsReq,
};

use crate::directory::Directory;
use crate::passcode::{self, Begun, Changes, NotTaken};
use crate::proof::Proof;
use crate::records::{KeyChange, NewKey};
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// Answers `KEYREQ`.
pub(crate) async fn begin<S: Store>(
    directory: &Directory<S>,
    user: &UserId,
    (proof, changes): (&Proof, &mut Changes),
    now: Timestamp,
    request: KeyReq,
) -> StoreResult<Reply> {
    let (proof, passcode) = ((proof, changes), &request.passcode.0);
    Ok(match passcode::start(directory, user, proof, now, ("KEYREQ", passcode)).await? {
        Ok(Begun { response, is_proved }) => {
            let certificates = match is_proved {
                true => directory.store.own_certificates(user).await?,
                false => Vec::new(),
            };
            Reply::Message(KeyChallenge { passcode: Blob(response), certificates }.into())
        }
        Err(reply) => reply,
    })
}

/// Answers `KEYUPLOAD`. A change ends all sessions of the user, this one with the answer.
pub(crate) async fn change<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    (proof, changes): (&mut Proof, &mut Changes),
    now: Timestamp,
    upload: KeyUpload,
) -> StoreResult<Reply> {
    let KeyUpload { passcode: record, vault, own } = upload;
    let passcode = match passcode::finish(member, (proof, changes), now, (&record.0, vault.0)) {
        Ok(passcode) => passcode,
        Err(NotTaken::OutOfOrder(reply)) => return Ok(reply),
        Err(NotTaken::Refused) => return Ok(answer(KeyStatus::Refused)),
    };
    if successor::verify(&own.successor, &member.userid, &directory.key).is_err() {
        return Ok(answer(KeyStatus::Refused));
    }
    let former = own.successor.former.0.clone();
    Ok(match directory.store.change_key(NewKey { passcode, former, own }, now).await? {
        KeyChange::Changed => {
            let ended = directory.presence.end_others(member, ByeReason::Passcode);
            tracing::info!(user = %directory.named(&member.userid), ended, "identity key changed");
            Reply::Last(KeyReply { status: KeyStatus::Changed }.into())
        }
        KeyChange::Outdated => answer(KeyStatus::Refused),
        KeyChange::Older => answer(KeyStatus::Older),
    })
}

fn answer(status: KeyStatus) -> Reply {
    Reply::Message(KeyReply { status }.into())
}

/// Answers `SUCCESSORSREQ`.
pub(crate) async fn successors<S: Store>(directory: &Directory<S>, request: SuccessorsReq) -> StoreResult<Reply> {
    let successors = directory.store.successors(request.users).await?;
    Ok(Reply::Message(SuccessorsReply { successors }.into()))
}

/// What answers `FORMERREQ` of a user who has proved the passcode.
pub(crate) async fn former<S: Store>(
    directory: &Directory<S>,
    user: &UserId,
    request: FormerReq,
) -> StoreResult<FormerReply> {
    let mut own = directory.store.own_successors(user).await?;
    let begins = |own: &OwnSuccessor| KeyDigest::of(&own.successor.former.0) == request.known;
    let from = own.iter().position(begins).unwrap_or(own.len());
    Ok(FormerReply { own: own.split_off(from) })
}
