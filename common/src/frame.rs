//! Frames: a 4-byte big-endian length and that many bytes (decision D6; protocol section 3).
//!
//! The length is checked against the limit before anything is allocated for the payload (threat L9).

use crate::limits::PADDED_SIZES;

/// Bytes of the length prefix.
pub const PREFIX: usize = 4;

/// A frame, or a record of TLS, that announces more bytes than are allowed now. The connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{announced} bytes in one piece, where {limit} are allowed")]
pub struct TooLong {
    /// Bytes announced by the prefix.
    pub announced: usize,
    /// Bytes allowed.
    pub limit: usize,
}

/// Whether a frame shows the size of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// As long as its message.
    None,
    /// Filled with spaces up to the next of [`PADDED_SIZES`] (threat P7). JSON allows white space behind an object.
    Ladder,
}

/// Encodes one frame.
///
/// # Errors
/// [`TooLong`] if the payload exceeds `limit` bytes; padding never lifts a frame above it.
pub fn encode(payload: &[u8], padding: Padding, limit: usize) -> Result<Vec<u8>, TooLong> {
    let too_long = TooLong { announced: payload.len(), limit };
    if payload.len() > limit {
        return Err(too_long);
    }
    let bare = PREFIX.saturating_add(payload.len());
    let size = match padding {
        Padding::None => bare,
        Padding::Ladder => {
            PADDED_SIZES.into_iter().find(|&size| size >= bare).unwrap_or(bare).min(PREFIX.saturating_add(limit))
        }
    };
    let announced = u32::try_from(size.saturating_sub(PREFIX)).map_err(|_| too_long)?;
    let mut frame = Vec::with_capacity(size);
    frame.extend_from_slice(&announced.to_be_bytes());
    frame.extend_from_slice(payload);
    frame.resize(size, b' ');
    Ok(frame)
}

/// Cuts a byte stream into frames. Holds at most one unfinished frame.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    buffer: Vec<u8>,
}

impl Decoder {
    /// A decoder that refuses payloads of more than `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new() }
    }

    /// Changes the limit, for the frames that follow.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes that have to be fed before a frame can be complete; at least 1.
    #[must_use]
    pub fn wanted(&self) -> usize {
        let have = self.buffer.len();
        let whole = self.announced().map_or(PREFIX, |length| PREFIX.saturating_add(length.min(self.limit)));
        whole.saturating_sub(have).max(1)
    }

    /// Bytes of the frame under way that have been fed.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Takes bytes off the front of `input`, up to the end of the frame that is under way; returns its payload if complete.
    ///
    /// # Errors
    /// [`TooLong`] as soon as the prefix is known; the decoder is useless then.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            if let Some(length) = self.announced() {
                if length > self.limit {
                    return Err(TooLong { announced: length, limit: self.limit });
                }
                let whole = PREFIX.saturating_add(length);
                self.take(input, whole);
                if self.buffer.len() < whole {
                    return Ok(None);
                }
                let mut payload = std::mem::take(&mut self.buffer);
                payload.drain(..PREFIX);
                return Ok(Some(payload));
            }
            self.take(input, PREFIX);
            if self.buffer.len() < PREFIX {
                return Ok(None);
            }
        }
    }

    fn announced(&self) -> Option<usize> {
        let prefix = self.buffer.first_chunk::<PREFIX>()?;
        usize::try_from(u32::from_be_bytes(*prefix)).ok()
    }

    /// Moves bytes from `input` until `buffer` holds `target` of them. Memory grows with what arrived, not with what
    /// was announced.
    fn take(&mut self, input: &mut &[u8], target: usize) {
        let count = target.saturating_sub(self.buffer.len()).min(input.len());
        let (taken, rest) = input.split_at(count);
        // Twice what is there, so that little is copied however it comes, but no more than the frame will have.
        if self.buffer.capacity().saturating_sub(self.buffer.len()) < count {
            self.buffer.reserve_exact(count.max(self.buffer.len()).min(target.saturating_sub(self.buffer.len())));
        }
        self.buffer.extend_from_slice(taken);
        *input = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_at_a_time_gives_the_same_frames() {
        let mut stream = encode(b"{\"a\":1}", Padding::None, 100).unwrap();
        stream.extend(encode(b"", Padding::None, 100).unwrap());
        stream.extend(encode(b"{}", Padding::Ladder, 1000).unwrap());
        let mut decoder = Decoder::new(1000);
        let mut payloads = Vec::new();
        for byte in &stream {
            payloads.extend(decoder.feed(&mut &[*byte][..]).unwrap());
        }
        assert_eq!(payloads[0], b"{\"a\":1}");
        assert_eq!(payloads[1], b"");
        assert_eq!(payloads[2].len() + PREFIX, 256);
        assert!(payloads[2].starts_with(b"{}  "));
    }

    #[test]
    fn a_long_announcement_is_refused_before_its_payload_arrives() {
        let mut decoder = Decoder::new(16);
        assert_eq!(decoder.feed(&mut &17u32.to_be_bytes()[..]), Err(TooLong { announced: 17, limit: 16 }));
        assert!(decoder.buffer.capacity() < 64);
    }

    #[test]
    fn the_sender_obeys_the_limit_too() {
        assert!(encode(&[b'x'; 17], Padding::None, 16).is_err());
        assert_eq!(encode(&[b'x'; 16], Padding::Ladder, 16).unwrap().len(), 16 + PREFIX);
    }

    #[test]
    fn padding_hides_the_length_up_to_its_steps() {
        for (payload, size) in [(0, 256), (252, 256), (253, 1024), (1021, 4096), (16_380, 16_384), (16_381, 16_385)] {
            assert_eq!(encode(&vec![b'x'; payload], Padding::Ladder, 65_536).unwrap().len(), size);
        }
    }
}
