//! New identity keys in the place of former ones (decision D47; protocol section 5.7; threat L6).
//!
//! It takes what a change of the passcode takes ([`crate::passcode`]), and a statement that both keys have signed. Which key
//! others are to believe is for them to judge; the directory sees to it that nobody's own statements are false.

use common::crypto::successor;
use common::ident::{KeyDigest, UserId};
use common::limits::FRAME_BEFORE_LOGIN;
use common::msg::{
    Blob, ByeReason, Envelope, FormerReply, FormerReq, FromDirectory, KeyChallenge, KeyReply, KeyReq, KeyStatus,
    KeyUpload, Member, OwnSuccessor, RequestNumber, SuccessorsReply, SuccessorsReq,
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
    Ok(newest_that_fit(own.split_off(from)))
}

/// The newest of these statements that fit into a frame before the session, whatever number the request had.
fn newest_that_fit(own: Vec<OwnSuccessor>) -> FormerReply {
    let mut reply = FormerReply { own };
    let fits = |reply: &FormerReply| {
        let numbered = Envelope { request: Some(RequestNumber::LAST), message: FromDirectory::from(reply.clone()) };
        numbered.encode().len() <= FRAME_BEFORE_LOGIN
    };
    while !reply.own.is_empty() && !fits(&reply) {
        reply.own.remove(0);
    }
    reply
}

#[cfg(test)]
mod tests {
    use common::ident::ContentDigest;
    use common::limits::{SUCCESSOR_CERTIFICATES, SUCCESSORS};
    use common::msg::{Hex, Successor};

    use super::*;
    use crate::closed_store::user;

    /// Under keys of 4096 or 3072 bits.
    fn statement(number: u8, bits: usize) -> OwnSuccessor {
        let key = || Hex(vec![number; bits / 8 + 14]);
        let signature = || Blob(vec![number; bits / 8]);
        let certificates = vec![ContentDigest([number; 32]); SUCCESSOR_CERTIFICATES];
        let (former, publickey, former_signature, signature) = (key(), key(), signature(), signature());
        let userid = user("a-user-with-a-long-name-12345678");
        let successor = Successor { userid, former, publickey, certificates, former_signature, signature };
        OwnSuccessor { successor, store: Blob(vec![number; 80]) }
    }

    #[test]
    fn statements_that_do_not_fit_into_a_frame_are_left_out_the_oldest_first() {
        for (bits, left_out) in [(4096, 1), (3072, 0)] {
            let own = [0, 1, 2, 3].map(|number| statement(number, bits)).to_vec();
            assert_eq!(own.len(), SUCCESSORS);
            let reply = newest_that_fit(own.clone());
            assert_eq!(reply.own, own[left_out..], "{bits}");
            let message = FromDirectory::from(reply);
            let payload = Envelope { request: Some(RequestNumber::LAST), message }.encode();
            assert!(payload.len() <= FRAME_BEFORE_LOGIN, "{bits}: {}", payload.len());
        }
        assert_eq!(newest_that_fit(Vec::new()).own, []);
    }
}
