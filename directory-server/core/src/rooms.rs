//! Rooms: which commit ends an epoch, who is in a room, which terminals and certificates users have (protocol section
//! 6.7; decision D16, threats G1 to G3).
//!
//! Owns the upload of a session and the bound on all uploads together. Which commit is the first of its epoch is decided
//! in one transaction of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::ident::{RoomId, TerminalId};
use common::limits::{COMMIT_MAX, FRAME_AFTER_LOGIN, USER_ID_MAX};
use common::msg::{
    ByeReason, CertificatesReply, CertificatesReq, CommitReply, CommitReq, CommitStatus, ErrorCode, FromDirectory,
    GroupEntry, GroupReq, Member, TerminalRemove, TerminalsReply, TerminalsReq, Upload, UserTerminals,
};

use super::Directory;
use super::session::{Reply, Session};
use super::store::Store;
use super::timestamp::Timestamp;

/// Bytes of the uploads of all sessions together: 64 of the largest commits.
const UPLOADS: usize = 64 * COMMIT_MAX;

/// A `COMMITREQ` on its way to the store.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// Who sends.
    pub from: Member,
    /// Which room.
    pub room: RoomId,
    /// The epoch it ends.
    pub epoch: u64,
    /// Who is in the room behind it; nobody gives the room up.
    pub members: Vec<Member>,
    /// For everyone in the room before; empty creates the room and leaves it in epoch 0.
    pub commit: Vec<u8>,
    /// For everyone new.
    pub welcome: Vec<u8>,
    /// The entry from now on.
    pub group: Option<GroupEntry>,
}

/// What came of an [`CommitRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOutcome {
    /// What the sender is notify.
    pub status: CommitStatus,
    /// Whose mailboxes have something new.
    pub notify: Vec<Member>,
}

/// Bytes that all sessions have uploaded and not committed.
#[derive(Debug, Default)]
pub struct Uploads {
    bytes: Arc<AtomicUsize>,
}

/// The upload of one session; dropping it gives its bytes back.
#[derive(Debug)]
pub(super) struct Uploading {
    bytes: Vec<u8>,
    all: Arc<AtomicUsize>,
}

impl Uploads {
    fn begin(&self) -> Uploading {
        Uploading { bytes: Vec::new(), all: Arc::clone(&self.bytes) }
    }
}

impl Uploading {
    fn append(&mut self, piece: &[u8]) -> Result<(), ErrorCode> {
        if piece.is_empty() || self.bytes.len() + piece.len() > COMMIT_MAX {
            return Err(ErrorCode::Malformed);
        }
        let more = |all: usize| Some(all + piece.len()).filter(|all| *all <= UPLOADS);
        if self.all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            return Err(ErrorCode::Unavailable);
        }
        self.bytes.reserve_exact(piece.len());
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Session {
    /// Takes `UPLOAD`.
    pub(super) fn upload<S>(&mut self, directory: &Directory<S>, upload: &Upload) -> Reply {
        let uploading = self.upload.get_or_insert_with(|| directory.uploads.begin());
        match uploading.append(&upload.piece.0) {
            Ok(()) => Reply::Silent,
            Err(code) => Reply::error(code),
        }
    }

    /// Answers `COMMITREQ`.
    pub(super) async fn commit<S: Store>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        request: CommitReq,
    ) -> Reply {
        // Held until the store has taken it: it counts as long as it is in memory.
        let upload = self.upload.take();
        let uploaded = upload.as_ref().map_or(&[][..], |upload| upload.bytes.as_slice());
        let Some(request) = commit_request(self.presence.member(), request, uploaded) else {
            return Reply::error(ErrorCode::Malformed);
        };
        match directory.store.commit(request, directory.policy().mail, now).await {
            Ok(CommitOutcome { status, notify }) => {
                directory.presence.mail_for(&notify);
                Reply::Message(CommitReply { status }.into())
            }
            Err(error) => error.into(),
        }
    }

    /// Answers `GROUPREQ`.
    pub(super) async fn find_group<S: Store>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        request: GroupReq,
    ) -> Reply {
        if let Err(refusal) = self.may_ask(directory, now, "GROUPREQ") {
            return refusal;
        }
        match directory.store.group(request.handle).await {
            Ok(reply) => Reply::Message(reply.into()),
            Err(error) => error.into(),
        }
    }

    /// Answers `TERMINALSREQ`.
    pub(super) async fn terminals<S: Store>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        request: TerminalsReq,
    ) -> Reply {
        if let Err(refusal) = self.may_ask(directory, now, "TERMINALSREQ") {
            return refusal;
        }
        match directory.store.terminals(request.users).await {
            Ok(users) => Reply::Message(fitting(users)),
            Err(error) => error.into(),
        }
    }

    /// Answers `TERMINALREMOVE`.
    pub(super) async fn remove_terminal<S: Store>(&self, directory: &Directory<S>, request: TerminalRemove) -> Reply {
        let userid = self.presence.user().clone();
        let removed = Member { userid: userid.clone(), terminal: request.terminal };
        if let Err(error) = directory.store.remove_terminal(&removed).await {
            return error.into();
        }
        tracing::info!(user = %userid, terminal = %request.terminal, "terminal removed");
        if let Some(outbound) = directory.presence.outbound(&removed) {
            outbound.end(ByeReason::Administrator);
        }
        match directory.store.terminals(vec![userid]).await {
            Ok(users) => Reply::Message(fitting(users)),
            Err(error) => error.into(),
        }
    }

    /// Answers `CERTIFICATESREQ`. Terminal ids are random, so nothing can be found out by guessing them.
    pub(super) async fn certificates<S: Store>(&self, directory: &Directory<S>, request: CertificatesReq) -> Reply {
        match directory.store.certificates(request.members).await {
            Ok(certificates) => Reply::Message(CertificatesReply { certificates }.into()),
            Err(error) => error.into(),
        }
    }
}

/// What a request and the upload before it say together; nothing if that makes no sense.
fn commit_request(from: &Member, request: CommitReq, uploaded: &[u8]) -> Option<CommitRequest> {
    let CommitReq { room, epoch, members, commit, welcome, group } = request;
    let (commit, welcome_size) = (usize::try_from(commit).ok()?, usize::try_from(welcome).ok()?);
    let (commit, welcome) = uploaded.split_at_checked(commit).filter(|(_, rest)| rest.len() == welcome_size)?;
    // Without a commit a room is created or given up.
    let sound = !commit.is_empty() || (welcome.is_empty() && (epoch == 0 || members.is_empty()));
    let sound = sound && group.as_ref().is_none_or(|entry| !entry.admins.is_empty());
    let (commit, welcome) = (commit.to_vec(), welcome.to_vec());
    sound.then(|| CommitRequest { from: from.clone(), room, epoch, members, commit, welcome, group })
}

/// Leaves out the last users until the rest fits into a frame, which only matters where many have dozens of terminals.
fn fitting(users: Vec<UserTerminals>) -> FromDirectory {
    // `"<terminal>",` and `{"userid":"<user>","terminals":[]},` and the object around them.
    const TERMINAL: usize = 2 * TerminalId::LENGTH + 3;
    const USER: usize = USER_ID_MAX + 32;
    let mut left = FRAME_AFTER_LOGIN - 64;
    let fits = |user: &UserTerminals| {
        let size = USER + user.terminals.len() * TERMINAL;
        left.checked_sub(size).inspect(|rest| left = *rest).is_some()
    };
    TerminalsReply { users: users.into_iter().take_while(fits).collect() }.into()
}
