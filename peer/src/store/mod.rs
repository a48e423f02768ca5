//! What a terminal keeps between runs, per directory and user (decision D20, threats T4, T6).
//!
//! [`places`] says where; [`pins`] keeps the keys of directories; [`state`] is one user's store: what login needs lies
//! open in a 0600 file, everything about people is sealed value by value under a key of the store's own, which the
//! key in the vault opens ([`sealed`]).
//! [`persistence`] makes what the core writes durable, in rows found by name or [`numbered`], and [`event_log`] what programs
//! read of it later; [`history`] and [`search`] read the messages again, the newest of which the [`tail`] knows. Decides nothing: what is written when is the core's.
//!
//! # What a stolen file tells
//! Without the identity key: the vault (nothing without passcode and directory), how many values of each kind there
//! are and how long each is; how many messages there are, in which order, which of them belong to one conversation,
//! how long each is and which are unread. Not with whom, by whom, when, which words, nor which messages share a word:
//! the search index is sealed like everything else. Deleted values are overwritten in the file; the write-ahead log
//! keeps them until it is used again, and a file system or a disk may keep copies of its own.

mod contacts;
pub(crate) mod event_log;
mod history;
mod message_row;
mod numbered;
mod persistence;
pub(crate) mod pins;
pub(crate) mod places;
mod records;
mod schema;
pub(crate) mod sealed;
mod search;
pub(crate) mod state;
mod tail;
#[cfg(test)]
mod tests;
mod words;

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

/// A column holds something else than was put there.
impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(_: rusqlite::types::FromSqlError) -> Self {
        Self::Unreadable
    }
}

impl StoreError {
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), detail: error.to_string() }
    }
}
