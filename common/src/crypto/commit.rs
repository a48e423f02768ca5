//! What the author of a commit answers for, signed with the terminal key (decision D31; protocol section 8.2).
//!
//! The directory verifies it before it takes the commit; readers get the digests with the commit and with the welcome, and
//! compare them with what they make of it.

use sha2::{Digest as _, Sha256};

use super::identity::BadKey;
use super::terminal::verify_signature;
use super::transcript;
use crate::ident::{ContentDigest, KeyDigest, RoomId, TerminalKey};
use crate::msg::{Blob, CommitDigests, CommitReq, GroupEntry, Member, SignedCommit};

/// What a `COMMITREQ` and the upload before it, commit and welcome, say together.
#[must_use]
pub fn digests(request: &CommitReq, commit: &[u8], welcome: &[u8]) -> CommitDigests {
    CommitDigests {
        commit: of(commit),
        welcome: of(welcome),
        members: of_members(&request.members),
        entry: request.group.as_ref().map(of_entry),
        again: Some(&request.again).filter(|again| !again.is_empty()).map(of_members),
        replaces: request.replaces,
    }
}

/// SHA-256 of these bytes.
#[must_use]
pub fn of(bytes: &[u8]) -> ContentDigest {
    ContentDigest(Sha256::digest(bytes).into())
}

/// Of members, whatever their order, each counted once.
#[must_use]
pub fn of_members<'a>(members: impl IntoIterator<Item = &'a Member>) -> ContentDigest {
    of(transcript::members(members).as_bytes())
}

/// Of a group entry; the order of the admins counts.
#[must_use]
pub fn of_entry(entry: &GroupEntry) -> ContentDigest {
    of(transcript::entry(entry).as_bytes())
}

/// The request with the signature of its author, made by `sign` with the terminal key.
#[must_use]
pub fn signed(
    request: CommitReq,
    author: &Member,
    directory: &KeyDigest,
    (commit, welcome): (&[u8], &[u8]),
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> CommitReq {
    let digests = digests(&request, commit, welcome);
    let transcript = transcript::commit(author, directory, &request.room, request.epoch, &digests);
    CommitReq { signature: Some(Blob(sign(transcript.as_bytes()))), ..request }
}

/// Verifies that the terminal with this key answers for this commit of a room and epoch.
///
/// # Errors
/// [`BadKey::Signature`].
pub fn verify(
    signed: &SignedCommit,
    author: &Member,
    key: &TerminalKey,
    directory: &KeyDigest,
    (room, epoch): (&RoomId, u64),
) -> Result<(), BadKey> {
    let transcript = transcript::commit(author, directory, room, epoch, &signed.digests);
    verify_signature(key, transcript.as_bytes(), &signed.signature.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::terminal::TerminalIdentity;
    use crate::ident::{GroupHandle, TerminalId, UserId};
    use crate::secret::Secret;

    fn member(id: &str) -> Member {
        Member { userid: UserId::parse(id).unwrap(), terminal: TerminalId([1; 16]) }
    }

    #[test]
    fn a_signature_holds_for_what_was_signed_and_for_nothing_else() {
        let identity = TerminalIdentity::from_seed(TerminalId([1; 16]), &Secret::new(vec![7; 32])).unwrap();
        let (ali, directory, room) = (member("ali"), KeyDigest([9; 32]), RoomId([5; 16]));
        let entry = GroupEntry { handle: GroupHandle([2; 32]), admins: vec![ali.userid.clone()] };
        let request = CommitReq {
            group: Some(entry),
            again: vec![member("bianca")],
            replaces: Some(RoomId([4; 16])),
            ..CommitReq::without_commit(room, 3, vec![member("ali"), member("bianca")])
        };
        let request = signed(request, &ali, &directory, (b"commit", b"welcome"), |bytes| identity.sign(bytes));
        let holds =
            |author: &Member, directory: &KeyDigest, room: &RoomId, epoch, request: &CommitReq, commit: &[u8]| {
                let (digests, signature) = (digests(request, commit, b"welcome"), request.signature.clone().unwrap());
                verify(&SignedCommit { digests, signature }, author, &identity.key(), directory, (room, epoch)).is_ok()
            };
        assert!(holds(&ali, &directory, &room, 3, &request, b"commit"));
        assert!(!holds(&member("bianca"), &directory, &room, 3, &request, b"commit"));
        assert!(!holds(&ali, &KeyDigest([8; 32]), &room, 3, &request, b"commit"));
        assert!(!holds(&ali, &directory, &RoomId([6; 16]), 3, &request, b"commit"));
        assert!(!holds(&ali, &directory, &room, 4, &request, b"commit"));
        assert!(!holds(&ali, &directory, &room, 3, &request, b"another"));
        let admins = vec![member("bianca").userid, ali.userid.clone()];
        let entry = GroupEntry { handle: GroupHandle([2; 32]), admins };
        for altered in [
            CommitReq { members: vec![member("ali")], ..request.clone() },
            CommitReq { group: None, ..request.clone() },
            CommitReq { group: Some(entry), ..request.clone() },
            CommitReq { again: Vec::new(), ..request.clone() },
            CommitReq { replaces: None, ..request.clone() },
        ] {
            assert!(!holds(&ali, &directory, &room, 3, &altered, b"commit"), "{altered:?}");
        }
        let turned = CommitReq { members: vec![member("bianca"), member("ali")], ..request };
        assert!(holds(&ali, &directory, &room, 3, &turned, b"commit"), "their order means nothing");
    }
}
