//! What can be read of a sealed message without its keys: which room and epoch it is for, and what it is (RFC 9420 sections
//! 6 and 6.3; protocol section 8.7).
//!
//! Nothing here is authenticated. It is compared with what the sender says, so that nobody can be given a message, or a
//! commit, of another room or epoch than the one it is taken for (decision D31, threat G7).

use common::ident::RoomId;

/// Version of what a directory carries, then the fork tag.
const VERSION: u8 = 1;
const FORK_TAG: usize = 16;
/// `ProtocolVersion mls10` and the wire formats of RFC 9420 section 6.
const MLS10: [u8; 2] = [0, 1];
const PRIVATE_MESSAGE: [u8; 2] = [0, 2];
const WELCOME: [u8; 2] = [0, 3];

/// What a PrivateMessage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A letter.
    Application,
    /// A commit.
    Commit,
}

impl Content {
    /// `ContentType` of RFC 9420 section 6.
    const fn code(self) -> u8 {
        match self {
            Self::Application => 1,
            Self::Commit => 3,
        }
    }
}

/// Whether these bytes say that they are a PrivateMessage of this content for this room and epoch.
#[must_use]
pub fn is_for(bytes: &[u8], room: &RoomId, epoch: u64, content: Content) -> bool {
    let Some(body) = message(bytes, PRIVATE_MESSAGE) else { return false };
    // A group id of 16 bytes has a length of one byte (RFC 9420 section 2.1.2).
    let header: [&[u8]; 4] = [&[16], room.as_bytes(), &epoch.to_be_bytes(), &[content.code()]];
    body.starts_with(&header.concat())
}

/// Whether these bytes say that they are a Welcome. For which room it is stands in its encrypted part.
#[must_use]
pub fn is_welcome(bytes: &[u8]) -> bool {
    message(bytes, WELCOME).is_some_and(|body| !body.is_empty())
}

/// What follows the header of an MLSMessage of this format.
fn message(bytes: &[u8], format: [u8; 2]) -> Option<&[u8]> {
    let (_fork_tag, message) = bytes.strip_prefix(&[VERSION])?.split_at_checked(FORK_TAG)?;
    message.strip_prefix(&MLS10)?.strip_prefix(&format)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version, fork tag, `mls10`, format, length of the group id, group id, epoch, content type, and something behind.
    fn header(format: u8, epoch: u64, content: u8) -> Vec<u8> {
        let parts: [&[u8]; 7] =
            [&[1], &[9; 16], &[0, 1, 0, format, 16], &[7; 16], &epoch.to_be_bytes(), &[content], b"x"];
        parts.concat()
    }

    #[test]
    fn a_header_is_for_one_room_one_epoch_and_one_content() {
        let room = RoomId([7; 16]);
        let message = header(2, 5, 1);
        assert!(is_for(&message, &room, 5, Content::Application));
        assert!(is_for(&header(2, 5, 3), &room, 5, Content::Commit));
        assert!(!is_for(&message, &room, 6, Content::Application));
        assert!(!is_for(&message, &RoomId([8; 16]), 5, Content::Application));
        assert!(!is_for(&message, &room, 5, Content::Commit), "a letter is no commit");
        assert!(!is_for(&header(2, 5, 3), &room, 5, Content::Application), "nor the other way round");
        assert!(!is_for(&header(2, 5, 2), &room, 5, Content::Application), "proposals are not carried alone");
        assert!(!is_for(&header(1, 5, 1), &room, 5, Content::Application), "a PublicMessage");
        assert!(is_for(&header(2, u64::MAX, 1), &room, u64::MAX, Content::Application));
    }

    #[test]
    fn whatever_is_cut_off_or_has_another_version_is_for_nobody() {
        let room = RoomId([7; 16]);
        let message = header(2, 5, 1);
        let needed = message.len() - 1;
        for end in 0..needed {
            assert!(!is_for(&message[..end], &room, 5, Content::Application), "{end} bytes");
        }
        assert!(is_for(&message[..needed], &room, 5, Content::Application));
        for place in [0, 17, 18, 19, 20, 21] {
            let mut other = message.clone();
            other[place] ^= 4;
            assert!(!is_for(&other, &room, 5, Content::Application), "byte {place}");
        }
    }

    #[test]
    fn a_welcome_is_a_welcome_and_nothing_else() {
        assert!(is_welcome(&header(3, 0, 0)));
        assert!(!is_welcome(&header(2, 0, 1)));
        assert!(!is_welcome(&header(3, 0, 0)[..21]), "nothing in it");
        assert!(!is_welcome(b""));
    }
}
