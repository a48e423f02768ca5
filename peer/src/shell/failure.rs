//! What a refusal of the local store means for the user. The words for it are in `app::texts`.

use crate::store::StoreError;
use peer_core::notice::Failure;

/// Whether a database is sound, but somebody else's just now.
fn is_locked(why: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(why.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Io { path, detail } => Self::Io { path: path.display().to_string(), detail },
            StoreError::Database(why) if is_locked(&why) => Self::StoreLocked,
            StoreError::NoRandomness(_) => Self::Internal { detail },
            StoreError::InUse { .. } | StoreError::Database(_) | StoreError::Unreadable => {
                Self::Io { path: "the local store".into(), detail }
            }
        }
    }
}
