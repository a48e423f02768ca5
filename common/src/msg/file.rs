//! Files: a link of their own, on which the receiver asks and the sender streams (decision D7; protocol section 7.6).

use serde::{Deserialize, Serialize};

use super::{ConnectReq, Features, Hex, bounded};
use crate::ident::{KeyDigest, MessageId, TerminalId, UserId};

/// `FILEREQ`: first message of a caller that wants a file which was offered to it, in the place of `CONNECTREQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "FlatFileReq")]
pub struct FileReq {
    /// Who calls whom; judged as every call is.
    #[serde(flatten)]
    pub call: ConnectReq,
    /// The letter that offered the file.
    pub file: MessageId,
    /// How many bytes of it the caller has.
    pub offset: u64,
}

/// [`FileReq`] as it is read: fields that are flattened would all be kept as a tree first, unknown ones too.
#[derive(Deserialize)]
struct FlatFileReq {
    initiator: UserId,
    destination: UserId,
    initiator_key: KeyDigest,
    destination_key: KeyDigest,
    terminal: TerminalId,
    #[serde(default, deserialize_with = "bounded::or_default")]
    features: Features,
    file: MessageId,
    offset: u64,
}

impl From<FlatFileReq> for FileReq {
    fn from(flat: FlatFileReq) -> Self {
        let FlatFileReq { initiator, destination, initiator_key, destination_key, terminal, features, file, offset } =
            flat;
        let (record, conversation) = (None, None);
        let call = ConnectReq {
            initiator,
            destination,
            initiator_key,
            destination_key,
            terminal,
            features,
            record,
            conversation,
        };
        Self { call, file, offset }
    }
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
    /// BLAKE3 hash of the whole file; empty if it was changed while it was sent.
    pub digest: Hex,
}
