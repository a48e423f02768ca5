//! The header of a leg: 64 bytes that a terminal sends in the place of TLS when it comes to a directory to be joined with
//! another terminal (decision D26; protocol section 6.12).
//!
//! label · zero bytes up to 32 · token (32 bytes). TLS begins with the byte 0x16, a header with 0x70, so one byte tells a
//! directory which of the two it is. What a token opens is the directory's to know.

use crate::ident::MeetingToken;

/// Bytes of a header.
pub const LENGTH: usize = 64;
/// The first byte of every header.
pub const FIRST: u8 = b'p';
const LABEL: &[u8] = b"peer-messenger/1 relay";
const TOKEN: usize = 32;

/// The header that shows a token.
#[must_use]
pub fn header(token: &MeetingToken) -> [u8; LENGTH] {
    let bytes = LABEL.iter().copied().chain(std::iter::repeat(0)).take(LENGTH - TOKEN).chain(*token.as_bytes());
    let mut header = [0; LENGTH];
    header.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    header
}

/// The token that a header shows; nothing if it is no header.
#[must_use]
pub fn token(header: &[u8; LENGTH]) -> Option<MeetingToken> {
    let (label, token) = header.split_at(LENGTH - TOKEN);
    let padding = label.strip_prefix(LABEL)?;
    let token = token.try_into().ok().map(MeetingToken)?;
    padding.iter().all(|byte| *byte == 0).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_shows_its_token_and_no_byte_of_it_may_differ() {
        let shown = MeetingToken([0xa5; TOKEN]);
        let header = header(&shown);
        assert_eq!((header.first(), token(&header)), (Some(&FIRST), Some(shown)));
        for place in 0..LENGTH {
            let mut altered = header;
            altered[place] ^= 1;
            let read = token(&altered);
            assert!(if place < LENGTH - TOKEN { read.is_none() } else { read != Some(shown) }, "byte {place}");
        }
    }
}
