//! What a terminal keeps between runs, per directory and user (decision D20, threats T4, T6).
//!
//! [`places`] says where; [`pins`] keeps the keys of directories; [`state`] is one user's store: what login needs lies
//! open in a 0600 file, everything about people is sealed value by value under a key from the vault.

pub(crate) mod pins;
pub(crate) mod places;
pub(crate) mod sealed;
pub(crate) mod state;

use std::path::{Path, PathBuf};

/// Why the local store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Another process has it open.
    #[error("already open in another process")]
    InUse {
        /// That process, where it could be read.
        pid: Option<u32>,
    },
    /// A file or folder could not be read or written.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's word.
        detail: String,
    },
    /// The database refused.
    #[error("the local store: {0}")]
    Database(#[from] rusqlite::Error),
    /// A stored value does not open with this user's key, or is not what was written.
    #[error("the local store holds a value that cannot be read")]
    Unreadable,
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] common::crypto::NoRandomness),
}

impl StoreError {
    fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), detail: error.to_string() }
    }
}
