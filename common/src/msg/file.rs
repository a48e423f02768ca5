//! Files: a link of their own, on which the receiver asks and the sender streams (decision D7; protocol section 7.6).

use serde::{Deserialize, Serialize};

use super::{ConnectReq, Hex};
use crate::ident::MessageId;

/// `FILEREQ`: first message of a caller that wants a file which was offered to it, in the place of `CONNECTREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReq {
    /// Who calls whom; judged as every call is.
    #[serde(flatten)]
    pub call: ConnectReq,
    /// The letter that offered the file.
    pub file: MessageId,
    /// How many bytes of it the caller has.
    pub offset: u64,
}

/// `FILE`: the bytes from the offset on follow, in frames that hold nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Bytes of the whole file.
    pub size: u64,
}

/// `FILEEND`: all bytes were sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEnd {
    /// BLAKE3 hash of the whole file.
    pub digest: Hex,
}
