//! Why the directory does not do what it was asked, whoever had asked it.

use common::msg::{Error, ErrorCode};

/// Why the directory does not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryRefusal {
    /// It asks for patience, in seconds.
    TooFast { retry_after: u64 },
    /// It cannot keep its promise now: its disk is full or fails, or it has too much to do.
    Unavailable,
    /// It does not know such a request: it is older than this program.
    TooOld,
    /// It does not take what this program has said.
    NotTaken,
    /// What it says is no answer to what it was asked, or one that cannot be used.
    Unsound,
}

impl From<&Error> for DirectoryRefusal {
    fn from(error: &Error) -> Self {
        match error.code {
            ErrorCode::RateLimited => Self::TooFast { retry_after: error.retry_after.unwrap_or(1) },
            ErrorCode::Unavailable => Self::Unavailable,
            ErrorCode::UnknownMsgtype => Self::TooOld,
            ErrorCode::Malformed | ErrorCode::OutOfOrder | ErrorCode::NotAccepted | ErrorCode::Other => Self::NotTaken,
        }
    }
}
