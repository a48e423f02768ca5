//! The words in which files are spoken of between the core and the shell (decision D7; protocol section 7.6).

use std::path::PathBuf;

use common::ident::MessageId;
use serde::{Deserialize, Serialize};

pub use super::left_out::LeftOut;
use crate::notice::{CallFailed, FileFailed};

/// A file or folder of this machine that is to be offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    #[serde(with = "super::stored_path")]
    pub path: PathBuf,
    /// The bytes that are sent.
    pub size: u64,
    /// How many files it holds, if it is a folder.
    #[serde(default)]
    pub files: Option<u64>,
    /// The bytes of these files together.
    #[serde(default)]
    pub content: Option<u64>,
    /// What it was like when it was offered; only that is sent.
    pub state: SourceState,
}

/// Tells whether a file or folder is still what was offered: BLAKE3 over sizes, times of change and names.
pub type SourceState = [u8; 32];

/// Which offers are taken without asking, and which are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePolicy {
    /// Whose files are taken.
    pub accept: AcceptFiles,
    /// Bytes of the largest that is taken.
    pub max: u64,
}

/// Whose files are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceptFiles {
    /// The user decides each time.
    #[default]
    Ask,
    /// Those of verified users are taken at once.
    Verified,
    /// Nobody's: all are refused.
    Never,
}

/// What the shell is to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Number of the transfer.
    pub number: u64,
    /// The letter that offered it.
    pub file: MessageId,
    /// A harmless name.
    pub name: String,
    /// Bytes of the whole.
    pub size: u64,
    /// How many files it holds, if it is a folder.
    pub files: Option<u64>,
    /// Where to; otherwise where the user's downloads go.
    pub folder: Option<PathBuf>,
}

/// How a transfer went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferOutcome {
    /// All of it is here, under this path.
    Saved {
        /// Where it is.
        path: PathBuf,
    },
    /// All of it was sent; the receiver will say whether it is right.
    Sent,
    /// It can go on later.
    Stopped,
    /// Nobody gave it.
    NotReached(CallFailed),
    /// The disk is full.
    DiskFull {
        /// Bytes that are needed.
        need: u64,
        /// Bytes that are free.
        free: u64,
        /// In this folder.
        folder: PathBuf,
    },
    /// It cannot.
    Failed(FileFailed),
}
