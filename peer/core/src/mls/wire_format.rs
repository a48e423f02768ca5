//! The bytes a directory sees: version, fork tag, message (protocol section 8.7, threat G2).
//!
//! The tag comes from the secrets of the epoch, so members of the same epoch who were told different commits send
//! different tags, and notice at the next message. A directory can only compare it.

use common::ident::RoomId;
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

/// A message for this room and epoch with nothing in it, which nobody can open: a PrivateMessage (RFC 9420 section 6.3) whose
/// encrypted parts are empty. By it a user leaves a room that this terminal holds no keys of any more.
pub fn hollow(room: &RoomId, epoch: u64) -> Vec<u8> {
    // `mls10`, PrivateMessage, the length of the group id; behind the epoch ContentType application, and three empty vectors.
    let header: [&[u8]; 4] = [&[VERSION], &[0; TAG], &[0, 1, 0, 2, 16], room.as_bytes()];
    [header.concat(), epoch.to_be_bytes().to_vec(), vec![1, 0, 0, 0]].concat()
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

#[cfg(test)]
mod tests {
    use openmls::prelude::ContentType;

    use super::*;

    #[test]
    fn a_hollow_message_is_one_of_its_room_and_epoch() {
        let (_, body) = unwrap(&hollow(&RoomId([7; 16]), 5)).unwrap();
        let MlsMessageBodyIn::PrivateMessage(message) = body else { panic!() };
        let message = openmls::prelude::ProtocolMessage::from(message);
        assert_eq!((message.group_id().as_slice(), message.epoch().as_u64()), (&[7; 16][..], 5));
        assert_eq!(message.content_type(), ContentType::Application);
    }
}
