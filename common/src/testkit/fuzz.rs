//! Fuzz bodies of this crate: what must hold for every input. `common/fuzz` drives them with a fuzzer, the ordinary test
//! run with the committed corpus.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use crate::crypto::preface::{self, Guard};
use crate::crypto::record;
use crate::frame::{Decoder, PREFIX, Padding, encode};
use crate::ident::KeyDigest;
use crate::limits::{FRAME_AFTER_LOGIN, FRAME_BEFORE_LOGIN, PREFACE_WINDOW};
use crate::msg::{Envelope, FromDirectory, Malformed, Message, PeerMessage, Record, ToDirectory};
use crate::network::Source;
use crate::relay;

/// The first byte says how the rest, a byte stream, is cut into pieces. However it is cut, the frames are the same, none
/// is above the limit, and encoding them gives the bytes they were decoded from.
pub fn frame(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let whole = frames(stream, stream.len().max(1));
    assert_eq!(whole, frames(stream, usize::from(cut) + 1));
    let mut bytes = Vec::new();
    for payload in &whole {
        assert!(payload.len() <= FRAME_BEFORE_LOGIN);
        let frame = encode(payload, Padding::None, FRAME_BEFORE_LOGIN);
        assert!(frame.is_ok());
        bytes.extend(frame.unwrap_or_default());
    }
    assert!(stream.starts_with(&bytes));
}

fn frames(stream: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new(FRAME_BEFORE_LOGIN);
    let mut payloads = Vec::new();
    for mut piece in stream.chunks(piece) {
        while !piece.is_empty() {
            assert!((1..=PREFIX + FRAME_BEFORE_LOGIN).contains(&decoder.wanted()));
            match decoder.feed(&mut piece) {
                Ok(payload) => payloads.extend(payload),
                Err(_) => return payloads,
            }
        }
    }
    payloads
}

/// A payload: whatever decodes can be encoded, within the limit, and then means the same.
pub fn message(data: &[u8]) {
    if data.len() <= FRAME_AFTER_LOGIN {
        decode_again::<ToDirectory>(data);
        decode_again::<FromDirectory>(data);
        decode_again::<PeerMessage>(data);
        decode_numbered::<ToDirectory>(data);
        decode_numbered::<FromDirectory>(data);
    }
}

fn decode_again<M: Message + PartialEq + std::fmt::Debug>(data: &[u8]) {
    let Ok(message) = M::decode(data) else { return };
    assert!(M::TYPES.contains(&message.msgtype()));
    assert_eq!(M::decode(&message.encode()).as_ref(), Ok(&message));
}

/// The number of a request changes nothing about the message beside it.
fn decode_numbered<M: Message + PartialEq + std::fmt::Debug>(data: &[u8]) {
    match Envelope::<M>::decode(data) {
        Ok(envelope) => {
            assert_eq!(M::decode(data).as_ref(), Ok(&envelope.message));
            assert_eq!(Envelope::decode(&envelope.encode()).as_ref(), Ok(&envelope));
        }
        Err(unreadable) if unreadable.why == Malformed::BadRequest => assert_eq!(unreadable.request, None),
        Err(unreadable) => assert_eq!(M::decode(data), Err(unreadable.why)),
    }
}

/// A sequence of callers, 4 bytes each: how much time passes, which nonce, and how far its time is from ours. Nothing
/// made for another key is let in, nothing out of its window, and no preface twice.
pub fn preface(data: &[u8]) {
    const OURS: KeyDigest = KeyDigest([7; 32]);
    const THEIRS: KeyDigest = KeyDigest([8; 32]);
    let source = Source::of(Ipv4Addr::LOCALHOST.into());
    let (mut guard, mut now) = (Guard::new(), 1_700_000_000u64);
    let mut admitted = HashMap::new();
    for caller in data.chunks_exact(4) {
        now += u64::from(caller[0]);
        let time = (now + u64::from(caller[2])).saturating_sub(u64::from(caller[3]));
        let nonce = [caller[1]; 24];
        let foreign = preface::assemble(&THEIRS, nonce, time);
        assert_eq!(guard.admit(&OURS, now, source, &foreign), Err(preface::Rejected::NotForUs));
        if guard.admit(&OURS, now, source, &preface::assemble(&OURS, nonce, time)).is_ok() {
            assert!(time.abs_diff(now) <= PREFACE_WINDOW);
            assert_eq!(admitted.insert((nonce, time), now), None, "replayed");
        }
    }
    // And bytes that were not made by anybody.
    for raw in data.chunks_exact(preface::LENGTH) {
        if let Some(raw) = raw.first_chunk() {
            assert!(guard.admit(&OURS, now, source, raw).is_err());
        }
    }
}

/// Bytes in the place of a relay header: what shows a token is made of it byte for byte, and nothing else is.
pub fn relay_header(data: &[u8]) {
    for raw in data.chunks(relay::LENGTH) {
        let Some(raw) = raw.first_chunk() else { continue };
        if let Some(token) = relay::token(raw) {
            assert_eq!(&relay::header(&token), raw);
        }
    }
}

/// A record as JSON: what verifies with the key of the vector says what that key has signed, and nothing else.
pub fn record(data: &[u8]) {
    const DIRECTORY: KeyDigest = KeyDigest([
        0x5a, 0x7a, 0x78, 0xcc, 0xa4, 0xa0, 0xf4, 0x20, 0xd9, 0xbc, 0x62, 0xbb, 0x66, 0x9c, 0x3c, 0x27, 0x59, 0xe3,
        0x9f, 0x72, 0x3d, 0x3a, 0xe1, 0x0d, 0xcb, 0xe0, 0xf0, 0x81, 0x5a, 0x07, 0xec, 0xd4,
    ]);
    let Ok(record) = serde_json::from_slice::<Record>(data) else { return };
    if record::verify(&record, &DIRECTORY).is_ok() {
        assert_eq!((record.userid.as_str(), record.issued, record.until), ("ali", 1_700_000_000, 1_700_043_200));
        assert_eq!(record.addresses.len(), 2);
    }
}

/// Runs the committed corpus of a target through its body, in the order of the directory; gives how many files there are.
///
/// # Errors
/// The operating system's, e.g. where there is no such corpus.
pub fn replay(target: &str, body: fn(&[u8])) -> std::io::Result<usize> {
    let corpus: std::path::PathBuf = [env!("CARGO_MANIFEST_DIR"), "fuzz", "corpus", target].iter().collect();
    let mut count = 0;
    for file in std::fs::read_dir(corpus)? {
        body(&std::fs::read(file?.path())?);
        count += 1;
    }
    Ok(count)
}
