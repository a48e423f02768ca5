//! Rooms: which commit ends an epoch, who is in a room, which terminals and certificates users have (protocol section
//! 6.7; decisions D16 and D31, threats G1 to G3 and G7).
//!
//! Owns what makes a request sound, and who may have sent it. Which commit is the first of its epoch, and whether it may be
//! one ([`crate::authority`]), is decided in one transaction of the store.

use std::time::Duration;

use common::crypto::commit;
use common::ident::{RoomId, TerminalId};
use common::limits::{FRAME_AFTER_LOGIN, HANDLE_KEPT, USER_ID_MAX};
use common::msg::{
    AUTHORITY, CertificatesReply, CertificatesReq, CommitRefusal, CommitReply, CommitReq, CommitStatus, EpochsReply,
    EpochsReq, ErrorCode, Features, FromDirectory, GroupReq, Member, RemovalRefused, SignedCommit, TerminalsReply,
    TerminalsReq, UserTerminals,
};

use crate::budgets::Payer;
use crate::directory::Directory;
use crate::records::{CommitOutcome, CommitRequest};
use crate::reply::Reply;
use crate::sealed::{self, Content};
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;
use crate::uploads::{NotTaken, TRY_AGAIN, Upload};

/// How long terminals of the version before leave alone what is refused.
const REFUSED_UNNAMED: Duration = Duration::from_secs(3600);

/// Takes `UPLOAD`.
pub(crate) fn upload<S>(
    directory: &Directory<S>,
    payer: Payer<'_>,
    now: Timestamp,
    upload: &mut Upload,
    piece: &[u8],
) -> Reply {
    match upload.append(piece, || directory.uploads.begin(payer, now)) {
        Ok(()) => Reply::Silent,
        Err(NotTaken::Malformed) => Reply::error(ErrorCode::Malformed),
        Err(NotTaken::NoRoom) => Reply::rate_limited("UPLOAD", TRY_AGAIN),
    }
}

/// Answers `COMMITREQ`. The upload is held until the store has taken it: it counts as long as it is in memory.
pub(crate) async fn commit<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    features: &Features,
    upload: Upload,
    now: Timestamp,
    request: CommitReq,
) -> StoreResult<Reply> {
    let uploaded = match &upload {
        Upload::None => &[][..],
        Upload::Growing(uploading) => uploading.bytes(),
        Upload::Broken => return Ok(Reply::rate_limited("COMMITREQ", TRY_AGAIN)),
    };
    let Some((commit, welcome)) = parts(&request, uploaded) else {
        return Ok(Reply::error(ErrorCode::Malformed));
    };
    let digests = commit::digests(&request, commit, welcome);
    let signed = request.signature.clone().map(|signature| SignedCommit { digests, signature });
    let Some(signed) = verified(directory, member, (&request.room, request.epoch), signed).await? else {
        let reply = CommitReply { reason: Some(CommitRefusal::Signature), ..CommitStatus::Refused.into() };
        return Ok(answer(features, reply));
    };
    let CommitReq { room, epoch, members, group, again, replaces, .. } = request;
    let (from, commit, welcome) = (member.clone(), commit.to_vec(), welcome.to_vec());
    let kept_after = directory.surely_past(now).minus(HANDLE_KEPT);
    let request = CommitRequest {
        from,
        room,
        epoch,
        members,
        commit,
        welcome,
        group,
        again,
        replaces,
        signed,
        kept_after,
        run: now,
    };
    let (rule, date) = (directory.policy().mail, directory.date(now));
    let CommitOutcome { reply, notify } = directory.store.commit(request, rule, date).await?;
    directory.presence.mail_for(&notify);
    Ok(answer(features, reply))
}

/// Terminals of the version before know no refusal; they are asked for patience.
fn answer(features: &Features, reply: CommitReply) -> Reply {
    if reply.status == CommitStatus::Refused && !features.include(AUTHORITY) {
        return Reply::rate_limited("COMMITREQ", REFUSED_UNNAMED);
    }
    Reply::Message(reply.into())
}

/// What the author answers for, if the signature is the author's.
async fn verified<S: Store>(
    directory: &Directory<S>,
    author: &Member,
    epoch: (&RoomId, u64),
    signed: Option<SignedCommit>,
) -> StoreResult<Option<SignedCommit>> {
    let Some(signed) = signed else { return Ok(None) };
    let Some(known) = directory.store.certificates(vec![author.clone()]).await?.pop() else { return Ok(None) };
    let holds = commit::verify(&signed, author, &known.certificate.key, &directory.key, epoch).is_ok();
    Ok(holds.then_some(signed))
}

/// Answers `GROUPREQ`.
pub(crate) async fn find_group<S: Store>(directory: &Directory<S>, request: GroupReq) -> StoreResult<Reply> {
    Ok(Reply::Message(directory.store.group(request.handle).await?.into()))
}

/// Answers `EPOCHSREQ`.
pub(crate) async fn epochs<S: Store>(directory: &Directory<S>, of: &Member, request: EpochsReq) -> StoreResult<Reply> {
    Ok(Reply::Message(EpochsReply { rooms: directory.store.epochs(of, request.rooms).await? }.into()))
}

/// Answers `TERMINALSREQ`.
pub(crate) async fn terminals<S: Store>(directory: &Directory<S>, request: TerminalsReq) -> StoreResult<Reply> {
    Ok(Reply::Message(fitting(directory.store.terminals(request.users).await?, None)))
}

/// Answers `CERTIFICATESREQ`. Terminal ids are random, so nothing can be found out by guessing them.
pub(crate) async fn certificates<S: Store>(directory: &Directory<S>, request: CertificatesReq) -> StoreResult<Reply> {
    let certificates = directory.store.certificates(request.members).await?;
    Ok(Reply::Message(CertificatesReply { certificates }.into()))
}

/// The commit and the welcome in an upload; nothing if request and upload do not fit, or do not say what they are for.
fn parts<'a>(request: &CommitReq, uploaded: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let CommitReq { room, epoch, members, commit, welcome, group, .. } = request;
    let (commit, welcome_size) = (usize::try_from(*commit).ok()?, usize::try_from(*welcome).ok()?);
    let (commit, welcome) = uploaded.split_at_checked(commit).filter(|(_, rest)| rest.len() == welcome_size)?;
    let is_entry = group.as_ref().is_none_or(|entry| !entry.admins.is_empty());
    let is_sound = if commit.is_empty() {
        // Without a commit a room is created or given up.
        welcome.is_empty() && (*epoch == 0 || members.is_empty())
    } else {
        let is_welcome = welcome.is_empty() || sealed::is_welcome(welcome);
        !members.is_empty() && sealed::is_for(commit, room, *epoch, Content::Commit) && is_welcome
    };
    (is_sound && is_entry).then_some((commit, welcome))
}

/// Leaves out the last users until the rest fits into a frame, which only matters where many have dozens of terminals.
pub(crate) fn fitting(users: Vec<UserTerminals>, refused: Option<RemovalRefused>) -> FromDirectory {
    // `"<terminal>",` and `{"userid":"<user>","terminals":[]},` and the object around them.
    const TERMINAL: usize = 2 * TerminalId::LENGTH + 3;
    const USER: usize = USER_ID_MAX + 32;
    let mut left = FRAME_AFTER_LOGIN - 96;
    let fits = |user: &UserTerminals| {
        let size = USER + user.terminals.len() * TERMINAL;
        left.checked_sub(size).inspect(|rest| left = *rest).is_some()
    };
    TerminalsReply { users: users.into_iter().take_while(fits).collect(), refused }.into()
}

#[cfg(test)]
mod tests {
    use common::ident::{GroupHandle, RoomId};
    use common::msg::GroupEntry;
    use common::testkit::{sealed_commit, sealed_welcome};

    use super::*;
    use crate::closed_store::{member, user};

    #[test]
    fn a_commit_says_what_was_uploaded_and_nothing_that_makes_no_sense() {
        let (nobody, everybody) = (Vec::new(), vec![member("ali"), member("bianca")]);
        let entry = |admins: &[&str]| {
            Some(GroupEntry { handle: GroupHandle([2; 32]), admins: admins.iter().map(|id| user(id)).collect() })
        };
        let room = RoomId([7; 16]);
        let (commit, welcome) = (sealed_commit(&room, 3, b"c"), sealed_welcome(b"w"));
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let (c, w) = (size(&commit), size(&welcome));
        // Epoch, members, bytes of the commit, of the welcome, what was uploaded, entry, whether it makes sense.
        let table = [
            (3, &everybody, c, w, [&commit[..], &welcome], None, true),
            (3, &everybody, c, w, [&commit[..], &welcome[1..]], None, false),
            (3, &everybody, c, w - 1, [&commit[..], &welcome], None, false),
            (3, &everybody, c + 1, w, [&commit[..], &welcome], None, false),
            (3, &everybody, u32::MAX, u32::MAX, [&commit[..], &welcome], None, false),
            (3, &everybody, c, 0, [&commit[..], b""], None, true),
            (4, &everybody, c, 0, [&commit[..], b""], None, false),
            (3, &everybody, w, c, [&welcome[..], &commit], None, false),
            (3, &everybody, 5, 0, [b"12345", b""], None, false),
            (3, &everybody, c, 2, [&commit[..], b"no"], None, false),
            (3, &nobody, c, 0, [&commit[..], b""], None, false),
            (0, &everybody, 0, 0, [b"", b""], None, true),
            (1, &everybody, 0, 0, [b"", b""], None, false),
            (1, &nobody, 0, 0, [b"", b""], None, true),
            (0, &everybody, 0, w, [b"", &welcome], None, false),
            (3, &everybody, c, 0, [&commit[..], b""], entry(&["ali"]), true),
            (3, &everybody, c, 0, [&commit[..], b""], entry(&[]), false),
        ];
        for (row, (epoch, members, commit, welcome, uploaded, group, sound)) in table.into_iter().enumerate() {
            let request = CommitReq::without_commit(room, epoch, members.clone());
            let request = CommitReq { commit, welcome, group, ..request };
            let uploaded = uploaded.concat();
            let found = parts(&request, &uploaded);
            assert_eq!(found.is_some(), sound, "row {row}");
            assert!(found.is_none_or(|(commit, welcome)| commit.len() + welcome.len() == uploaded.len()), "row {row}");
        }
    }

    #[test]
    fn a_refusal_is_told_to_who_knows_it_and_others_are_asked_for_patience() {
        let reply = CommitReply { reason: Some(CommitRefusal::Order), ..CommitStatus::Refused.into() };
        let told = |names: &[&str], reply| match answer(&Features::of(names), reply) {
            Reply::Message(message) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(&[AUTHORITY], reply), reply.into());
        match told(&[], reply) {
            FromDirectory::Error(error) => {
                assert_eq!((error.code, error.retry_after), (ErrorCode::RateLimited, Some(3600)))
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(told(&[], CommitStatus::Taken.into()), CommitReply::from(CommitStatus::Taken).into());
    }

    #[test]
    fn the_longest_answer_about_terminals_fits_into_a_frame() {
        let id = "u".repeat(USER_ID_MAX);
        let many = |users: usize| {
            let one = UserTerminals { userid: user(&id), terminals: vec![TerminalId([255; 16]); 64] };
            fitting(vec![one; users], Some(RemovalRefused::Older))
        };
        let sizes = [1, 20, 200].map(|users| match many(users) {
            FromDirectory::TerminalsReply(reply) => {
                let size = common::msg::Message::encode(&FromDirectory::from(reply.clone())).len();
                assert!(size <= FRAME_AFTER_LOGIN, "{size} bytes");
                (reply.users.len(), size)
            }
            other => panic!("{other:?}"),
        });
        assert_eq!((sizes[0].0, sizes[1].0), (1, 20));
        let (fitted, size) = sizes[2];
        assert!(size + size / fitted > FRAME_AFTER_LOGIN - 128, "no room is wasted: {fitted} users, {size} bytes");
    }
}
