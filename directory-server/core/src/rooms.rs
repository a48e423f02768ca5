//! Rooms: which commit ends an epoch, who is in a room, which terminals and certificates users have (protocol section
//! 6.7; decision D16, threats G1 to G3).
//!
//! Owns what makes a request sound. Which commit is the first of its epoch is decided in one transaction of the store.

use common::ident::{TerminalId, UserId};
use common::limits::{FRAME_AFTER_LOGIN, USER_ID_MAX};
use common::msg::{
    CertificatesReply, CertificatesReq, CommitReply, CommitReq, EpochsReply, EpochsReq, ErrorCode, FromDirectory,
    GroupReq, Member, RemovalRefused, TerminalsReply, TerminalsReq, UserTerminals,
};

use crate::directory::Directory;
use crate::records::{CommitOutcome, CommitRequest};
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;
use crate::uploads::{NotTaken, TRY_AGAIN, Upload};

/// Takes `UPLOAD`.
pub(crate) fn upload<S>(
    directory: &Directory<S>,
    user: &UserId,
    now: Timestamp,
    upload: &mut Upload,
    piece: &[u8],
) -> Reply {
    match upload.append(piece, || directory.uploads.begin(user, now)) {
        Ok(()) => Reply::Silent,
        Err(NotTaken::Malformed) => Reply::error(ErrorCode::Malformed),
        Err(NotTaken::NoRoom) => Reply::rate_limited("UPLOAD", TRY_AGAIN),
    }
}

/// Answers `COMMITREQ`. The upload is held until the store has taken it: it counts as long as it is in memory.
pub(crate) async fn commit<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    upload: Upload,
    now: Timestamp,
    request: CommitReq,
) -> StoreResult<Reply> {
    let uploaded = match &upload {
        Upload::None => &[][..],
        Upload::Growing(uploading) => uploading.bytes(),
        Upload::Broken => return Ok(Reply::rate_limited("COMMITREQ", TRY_AGAIN)),
    };
    let Some(request) = commit_request(member, request, uploaded) else {
        return Ok(Reply::error(ErrorCode::Malformed));
    };
    let (rule, date) = (directory.policy().mail, directory.date(now));
    let CommitOutcome { status, notify } = directory.store.commit(request, rule, date).await?;
    directory.presence.mail_for(&notify);
    Ok(Reply::Message(CommitReply::from(status).into()))
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

/// What a request and the upload before it say together; nothing if that makes no sense.
fn commit_request(from: &Member, request: CommitReq, uploaded: &[u8]) -> Option<CommitRequest> {
    let CommitReq { room, epoch, members, commit, welcome, group, .. } = request;
    let (commit, welcome_size) = (usize::try_from(commit).ok()?, usize::try_from(welcome).ok()?);
    let (commit, welcome) = uploaded.split_at_checked(commit).filter(|(_, rest)| rest.len() == welcome_size)?;
    // Without a commit a room is created or given up.
    let sound = !commit.is_empty() || (welcome.is_empty() && (epoch == 0 || members.is_empty()));
    let sound = sound && group.as_ref().is_none_or(|entry| !entry.admins.is_empty());
    let (commit, welcome) = (commit.to_vec(), welcome.to_vec());
    sound.then(|| CommitRequest { from: from.clone(), room, epoch, members, commit, welcome, group })
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

    use super::*;
    use crate::closed_store::{member, user};

    #[test]
    fn a_commit_says_what_was_uploaded_and_nothing_that_makes_no_sense() {
        let (nobody, everybody) = (Vec::new(), vec![member("ali"), member("bianca")]);
        let entry = |admins: &[&str]| {
            Some(GroupEntry { handle: GroupHandle([2; 32]), admins: admins.iter().map(|id| user(id)).collect() })
        };
        // Epoch, members, bytes of the commit, of the welcome, uploaded, entry, whether it makes sense.
        let table = [
            (0, &everybody, 3, 2, 5, None, true),
            (0, &everybody, 3, 2, 4, None, false),
            (0, &everybody, 3, 2, 6, None, false),
            (0, &everybody, 6, 0, 5, None, false),
            (0, &everybody, u32::MAX, u32::MAX, 5, None, false),
            (7, &everybody, 5, 0, 5, None, true),
            (0, &everybody, 0, 0, 0, None, true),
            (1, &everybody, 0, 0, 0, None, false),
            (1, &nobody, 0, 0, 0, None, true),
            (0, &everybody, 0, 5, 5, None, false),
            (0, &everybody, 5, 0, 5, entry(&["ali"]), true),
            (0, &everybody, 5, 0, 5, entry(&[]), false),
        ];
        for (row, (epoch, members, commit, welcome, uploaded, group, sound)) in table.into_iter().enumerate() {
            let request = CommitReq::without_commit(RoomId([7; 16]), epoch, members.clone());
            let request = CommitReq { commit, welcome, group, ..request };
            let found = commit_request(&member("ali"), request, &vec![9; uploaded]);
            assert_eq!(found.is_some(), sound, "row {row}");
            assert!(found.is_none_or(|found| found.commit.len() + found.welcome.len() == uploaded), "row {row}");
        }
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
