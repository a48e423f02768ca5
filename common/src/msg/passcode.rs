//! Changing the passcode while logged in (protocol section 5.6; threat L6).

use serde::{Deserialize, Serialize};

use super::Blob;

/// `PASSCODEREQ`: asks to change the passcode of this session's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasscodeReq {
    /// OPAQUE `RegistrationRequest`, 32 bytes (RFC 9807 section 5.1).
    pub passcode: Blob,
}

/// `PASSCODECHALLENGE`: answers `PASSCODEREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasscodeChallenge {
    /// OPAQUE `RegistrationResponse`, 64 bytes.
    pub passcode: Blob,
}

/// `PASSCODEUPLOAD`: completes the change. For whom the pair before it is kept, protocol section 5.6 says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasscodeUpload {
    /// OPAQUE `RegistrationRecord`, 192 bytes.
    pub passcode: Blob,
    /// The identity key encrypted under the key the new passcode yields, with a version above the one before.
    pub vault: Blob,
}

/// Outcome of a passcode change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasscodeStatus {
    /// The new passcode holds; durable.
    #[serde(rename = "CHANGED")]
    Changed,
    /// Nothing was proved, or the record or the vault is not well formed or not newer; nothing has changed.
    #[serde(rename = "REFUSED")]
    Refused,
}

/// `PASSCODEREPLY`: answers `PASSCODEUPLOAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasscodeReply {
    /// Outcome.
    pub status: PasscodeStatus,
}
