//! What sessions upload before they commit, and the bound on all of it together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::limits::COMMIT_MAX;
use common::msg::ErrorCode;

/// Bytes of the uploads of all sessions together: 64 of the largest commits.
const UPLOADS: usize = 64 * COMMIT_MAX;

/// Bytes that all sessions have uploaded and not committed.
#[derive(Debug, Default)]
pub struct Uploads {
    bytes: Arc<AtomicUsize>,
}

/// The upload of one session; dropping it gives its bytes back.
#[derive(Debug)]
pub(crate) struct Uploading {
    bytes: Vec<u8>,
    all: Arc<AtomicUsize>,
}

impl Uploads {
    /// The upload of a session that has uploaded nothing.
    pub(crate) fn begin(&self) -> Uploading {
        Uploading { bytes: Vec::new(), all: Arc::clone(&self.bytes) }
    }
}

impl Uploading {
    /// Adds a piece.
    ///
    /// # Errors
    /// The answer to the other side: the piece is empty or too much for a commit, or there is no room for it.
    pub(crate) fn append(&mut self, piece: &[u8]) -> Result<(), ErrorCode> {
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

    /// What has been uploaded.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_holds_one_commit_and_no_byte_more() {
        let uploads = Uploads::default();
        let mut upload = uploads.begin();
        assert_eq!(upload.append(&[]), Err(ErrorCode::Malformed));
        assert_eq!(upload.append(&vec![1; COMMIT_MAX - 1]), Ok(()));
        assert_eq!(upload.append(&[1, 2]), Err(ErrorCode::Malformed));
        assert_eq!(upload.append(&[2]), Ok(()));
        assert_eq!(upload.append(&[3]), Err(ErrorCode::Malformed));
        assert_eq!(upload.bytes().len(), COMMIT_MAX);
    }

    #[test]
    fn all_uploads_together_are_bounded_and_give_back_what_they_held() {
        let uploads = Uploads::default();
        let mut full: Vec<_> = (0..64).map(|_| uploads.begin()).collect();
        for upload in &mut full {
            assert_eq!(upload.append(&vec![0; COMMIT_MAX]), Ok(()));
        }
        let mut another = uploads.begin();
        assert_eq!(another.append(&[1]), Err(ErrorCode::Unavailable));
        full.pop();
        assert_eq!(another.append(&vec![0; COMMIT_MAX]), Ok(()));
    }
}
