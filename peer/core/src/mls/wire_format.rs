//! The bytes a directory sees: version, fork tag, message (protocol section 8.7, threat G2).
//!
//! The tag comes from the secrets of the epoch, so members of the same epoch who were told different commits send
//! different tags, and notice at the next message. A directory can only compare it.

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, MlsMessageOut};

use super::{Broken, RoomError};

const VERSION: u8 = 1;
const TAG: usize = 16;
/// Label of the MLS exporter (RFC 9420 section 8.5) from which the tag comes.
pub(super) const TAG_LABEL: &str = "peer-messenger/1 fork";

/// Tells the epoch of one history of a room from that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkTag(pub(super) [u8; TAG]);

impl ForkTag {
    /// Bytes of a tag.
    pub(super) const LENGTH: usize = TAG;

    pub(super) fn new(exported: &[u8]) -> Result<Self, RoomError> {
        exported.try_into().map(Self).map_err(RoomError::library)
    }
}

/// Writes a message.
pub(super) fn wrap(tag: ForkTag, message: &MlsMessageOut) -> Result<Vec<u8>, RoomError> {
    let message = message.tls_serialize_detached().map_err(RoomError::library)?;
    Ok([&[VERSION], tag.0.as_slice(), &message].concat())
}

/// Reads a message; nothing may be left over.
pub(super) fn unwrap(blob: &[u8]) -> Result<(ForkTag, MlsMessageBodyIn), Broken> {
    let (version, rest) = blob.split_first().ok_or(Broken::Length)?;
    if *version != VERSION {
        return Err(Broken::Version);
    }
    let (tag, message) = rest.split_first_chunk().ok_or(Broken::Length)?;
    let message = MlsMessageIn::tls_deserialize_exact(message).map_err(|_| Broken::Encoding)?;
    Ok((ForkTag(*tag), message.extract()))
}
