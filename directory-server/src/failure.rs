//! How a command fails: an exit code, and a text that says what happened and what to do next.

use std::fmt;
use std::process::ExitCode;

use directory_core::store::StoreError;

/// The kind of a failure; its value is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub(crate) enum Kind {
    /// A bug.
    Internal = 1,
    /// The command line cannot be understood, or a question could not be asked.
    Usage = 2,
    /// No directory runs here.
    ServerUnreachable = 3,
    /// There is no such user.
    UnknownUser = 5,
    /// Disk, file or socket.
    Io = 10,
    /// The configuration or the data is not as it must be.
    Config = 11,
    /// Another directory uses the data directory.
    AlreadyRunning = 12,
    /// The rules do not allow it.
    NotPermitted = 13,
    /// The running server is of another version.
    Version = 14,
    /// It was done, but not for all of what was named.
    Incomplete = 15,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Failure {
    /// What kind of failure.
    pub(crate) kind: Kind,
    /// What happened, why, what to do next.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with its text.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A failure of the operating system to do `what`, such as `write /var/lib/x`.
    pub(crate) fn io(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Kind::Io, format!("Cannot {what}: {error}."))
    }

    /// The exit code.
    #[must_use]
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        let sentence: String = first.into_iter().chain(letters).collect();
        Self::new(Kind::Io, format!("{sentence}."))
    }
}
