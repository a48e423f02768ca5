//! What sessions upload before they commit, and the bounds on it: of one commit, of one user, of one source, of all together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::ident::UserId;
use common::limits::{COMMIT_MAX, UPLOAD_DEADLINE, UPLOADS, UPLOADS_PER_SITE, UPLOADS_PER_SOURCE, UPLOADS_PER_USER};
use common::network::Source;

use crate::budgets::Payer;
use crate::timestamp::Timestamp;

/// When somebody for whose upload there was no room may try again: chosen arbitrarily.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(10);

/// Why a piece is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// It is empty, or more than a commit may have.
    Malformed,
    /// The user, the source, or all together, have uploaded as much as there may be.
    NoRoom,
}

/// Whose bytes are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    User(UserId),
    Source(Source),
    Site(Source),
}

impl Holder {
    /// All who hold what this one uploads.
    fn all(Payer { member, source }: Payer<'_>) -> Vec<Self> {
        let site = source.and_then(Source::site).map(Self::Site);
        [Self::User(member.userid.clone())].into_iter().chain(source.map(Self::Source)).chain(site).collect()
    }

    fn may_hold(&self) -> usize {
        match self {
            Self::User(_) => UPLOADS_PER_USER,
            Self::Source(_) => UPLOADS_PER_SOURCE,
            Self::Site(_) => UPLOADS_PER_SITE,
        }
    }
}

/// Bytes that have been uploaded and not committed.
#[derive(Debug, Default)]
struct Held {
    all: usize,
    of: HashMap<Holder, usize>,
}

impl Held {
    fn add(&mut self, holders: &[Holder], more: usize) -> Result<(), NotTaken> {
        let has_room = |holder| self.of.get(holder).copied().unwrap_or(0) + more <= holder.may_hold();
        if self.all + more > UPLOADS || !holders.iter().all(has_room) {
            return Err(NotTaken::NoRoom);
        }
        self.all += more;
        for holder in holders {
            *self.of.entry(holder.clone()).or_default() += more;
        }
        Ok(())
    }

    fn give_back(&mut self, holders: &[Holder], bytes: usize) {
        self.all = self.all.saturating_sub(bytes);
        for holder in holders {
            match self.of.get_mut(holder) {
                Some(theirs) if *theirs > bytes => *theirs -= bytes,
                _ => drop(self.of.remove(holder)),
            }
        }
    }
}

fn locked(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all sessions have uploaded and not committed.
#[derive(Debug, Default)]
pub struct Uploads {
    held: Arc<Mutex<Held>>,
}

/// The upload of one session; dropping it gives its bytes back.
#[derive(Debug)]
pub(crate) struct Uploading {
    bytes: Vec<u8>,
    holders: Vec<Holder>,
    until: Timestamp,
    held: Arc<Mutex<Held>>,
}

impl Uploads {
    /// The upload of a session that has uploaded nothing.
    pub(crate) fn begin(&self, payer: Payer<'_>, now: Timestamp) -> Uploading {
        let (holders, held) = (Holder::all(payer), Arc::clone(&self.held));
        Uploading { bytes: Vec::new(), holders, until: now + UPLOAD_DEADLINE, held }
    }
}

impl Uploading {
    /// Adds a piece.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing has changed then.
    pub(crate) fn append(&mut self, piece: &[u8]) -> Result<(), NotTaken> {
        if piece.is_empty() || self.bytes.len() + piece.len() > COMMIT_MAX {
            return Err(NotTaken::Malformed);
        }
        locked(&self.held).add(&self.holders, piece.len())?;
        self.bytes.reserve_exact(piece.len());
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// What has been uploaded.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        locked(&self.held).give_back(&self.holders, self.bytes.len());
    }
}

/// What a session has uploaded for its next commit.
#[derive(Debug, Default)]
pub(crate) enum Upload {
    /// Nothing.
    #[default]
    None,
    /// So much, so far.
    Growing(Uploading),
    /// A piece was not kept, so the commit is refused that it belongs to.
    Broken,
}

impl Upload {
    /// Adds a piece to what `begin` gives, or to what there is.
    pub(crate) fn append(&mut self, piece: &[u8], begin: impl FnOnce() -> Uploading) -> Result<(), NotTaken> {
        let mut uploading = match std::mem::take(self) {
            Self::None => begin(),
            Self::Growing(uploading) => uploading,
            Self::Broken => {
                *self = Self::Broken;
                return Err(NotTaken::NoRoom);
            }
        };
        let added = uploading.append(piece);
        *self = if added.is_ok() { Self::Growing(uploading) } else { Self::Broken };
        added
    }

    /// Lets go of an upload that takes too long: others wait for the room.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        if matches!(self, Self::Growing(uploading) if uploading.until <= now) {
            *self = Self::Broken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closed_store::{NOW, member};

    fn begin(uploads: &Uploads, id: &str, source: Option<Source>) -> Uploading {
        uploads.begin(Payer { member: &member(id), source }, NOW)
    }

    #[test]
    fn an_upload_holds_one_commit_and_no_byte_more() {
        let uploads = Uploads::default();
        let mut upload = begin(&uploads, "ali", None);
        assert_eq!(upload.append(&[]), Err(NotTaken::Malformed));
        assert_eq!(upload.append(&vec![1; COMMIT_MAX - 1]), Ok(()));
        assert_eq!(upload.append(&[1, 2]), Err(NotTaken::Malformed));
        assert_eq!(upload.append(&[2]), Ok(()));
        assert_eq!(upload.append(&[3]), Err(NotTaken::Malformed));
        assert_eq!(upload.bytes().len(), COMMIT_MAX);
    }

    #[test]
    fn eight_users_at_eight_terminals_leave_room_for_everybody_else() {
        let uploads = Uploads::default();
        let users: Vec<_> = (0..8).map(|n| format!("u{n}")).collect();
        let mut greedy: Vec<_> =
            users.iter().flat_map(|id| std::iter::repeat_with(|| begin(&uploads, id, None)).take(8)).collect();
        for upload in &mut greedy {
            while upload.append(&[0; 32 * 1024]).is_ok() {}
        }
        let held = locked(&uploads.held).all;
        assert_eq!(held, 8 * UPLOADS_PER_USER);
        assert_eq!(begin(&uploads, "honest", None).append(&vec![0; COMMIT_MAX]), Ok(()));
    }

    #[test]
    fn users_of_one_source_or_site_leave_room_to_all_others() {
        let v4 = |n: u8| Some(Source::of([192, 0, 2, n].into()));
        let v6 = |n: u16| Some(Source::of(std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, n, 0, 0, 0, 1).into()));
        let fill = |uploads: &Uploads, sources: &[Option<Source>]| {
            let from = |(n, source): (usize, &Option<Source>)| begin(uploads, &format!("u{n}"), *source);
            let mut greedy: Vec<_> = sources.iter().enumerate().map(from).collect();
            greedy.iter_mut().for_each(|upload| while upload.append(&[0; 32 * 1024]).is_ok() {});
            greedy
        };
        let uploads = Uploads::default();
        let of_one_source = fill(&uploads, &[v4(1); 64]);
        assert_eq!(locked(&uploads.held).all, UPLOADS_PER_SOURCE);
        assert_eq!(begin(&uploads, "honest", v4(2)).append(&vec![0; COMMIT_MAX]), Ok(()));
        drop(of_one_source);
        assert!(locked(&uploads.held).of.is_empty());
        let of_one_site = fill(&uploads, &(0..64).map(v6).collect::<Vec<_>>());
        assert_eq!(locked(&uploads.held).all, UPLOADS_PER_SITE);
        assert_eq!(begin(&uploads, "honest", v4(2)).append(&vec![0; COMMIT_MAX]), Ok(()));
        drop(of_one_site);
    }

    #[test]
    fn all_uploads_together_are_bounded_and_give_back_what_they_held() {
        let uploads = Uploads::default();
        let mut full: Vec<_> = (0..64).map(|n| begin(&uploads, &format!("u{n}"), None)).collect();
        for upload in &mut full {
            assert_eq!(upload.append(&vec![0; COMMIT_MAX]), Ok(()));
        }
        let mut another = begin(&uploads, "another", None);
        assert_eq!(another.append(&[1]), Err(NotTaken::NoRoom));
        full.pop();
        assert_eq!(another.append(&vec![0; COMMIT_MAX]), Ok(()));
        drop((full, another));
        assert!(locked(&uploads.held).of.is_empty());
    }

    #[test]
    fn an_upload_that_takes_too_long_is_broken_and_its_room_is_free() {
        let (uploads, mut upload) = (Uploads::default(), Upload::default());
        assert_eq!(upload.append(&[1], || begin(&uploads, "ali", None)), Ok(()));
        upload.expire(NOW + (UPLOAD_DEADLINE - Duration::from_nanos(1)));
        assert_eq!(locked(&uploads.held).all, 1);
        upload.expire(NOW + UPLOAD_DEADLINE);
        assert_eq!(locked(&uploads.held).all, 0);
        assert_eq!(upload.append(&[1], || begin(&uploads, "ali", None)), Err(NotTaken::NoRoom));
    }
}
