//! How long a TLS record may be that comes in before login (threat L9; protocol section 3.2).
//!
//! TLS itself takes records of 16 KiB and holds them until they are whole. Here the header of each is looked at before TLS
//! sees it, so that a record that nobody needs before login is refused before it takes memory.

use crate::frame::TooLong;

/// Bytes of a header: type, version, length (RFC 8446 section 5.1).
const HEADER: usize = 5;

/// Follows the records of a stream.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    come: usize,
    /// Bytes of the record under way that are still to come.
    left: usize,
}

impl Records {
    /// Looks at what has come next.
    pub(super) fn follow(&mut self, mut bytes: &[u8], limit: usize) -> Result<(), TooLong> {
        loop {
            let skipped = self.left.min(bytes.len());
            self.left = self.left.saturating_sub(skipped);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((byte, rest)) = bytes.split_first() else { return Ok(()) };
            if let Some(place) = self.header.get_mut(self.come) {
                *place = *byte;
            }
            self.come = self.come.saturating_add(1);
            bytes = rest;
            if self.come < HEADER {
                continue;
            }
            let [_, _, _, high, low] = self.header;
            let announced = usize::from(u16::from_be_bytes([high, low]));
            if announced > limit {
                return Err(TooLong { announced, limit });
            }
            (self.come, self.left) = (0, announced);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(length: u16) -> Vec<u8> {
        let mut record = vec![0x17, 3, 3];
        record.extend(length.to_be_bytes());
        record.resize(HEADER + usize::from(length), 0xff);
        record
    }

    #[test]
    fn a_long_record_is_refused_at_its_header_in_whatever_pieces_it_comes() {
        let stream = [record(300), record(0), record(1), record(300), record(301)].concat();
        let fine = stream.len() - 301;
        for piece in [1, 2, 3, 4, 5, 6, 7, 100, 304, 305, 306, stream.len()] {
            let mut records = Records::default();
            let refused = stream.chunks(piece).position(|bytes| records.follow(bytes, 300).is_err());
            assert_eq!(refused, Some((fine - 1) / piece), "pieces of {piece}");
        }
        assert_eq!(Records::default().follow(&stream[..fine - 1], 300), Ok(()));
        assert_eq!(Records::default().follow(&stream, 301), Ok(()));
    }
}
