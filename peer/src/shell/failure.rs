//! What a refusal of the local store means for the user. The words for it are in `app::texts`.

use crate::store::StoreError;
use peer_core::notice::Failure;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Io { path, detail } => Self::Io { path: path.display().to_string(), detail },
            StoreError::NoRandomness(_) => Self::Internal { detail },
            StoreError::InUse { .. } | StoreError::Database(_) | StoreError::Unreadable => {
                Self::Io { path: "the local store".into(), detail }
            }
        }
    }
}
