//! Every frame and message vector cut at each length and with each byte altered: an error or a valid message, never a
//! panic, and memory in proportion to what arrived (threat L9).
//!
//! One test, because the allocator counts for the whole process.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::alloc::System;

use common::frame::{Decoder, PREFIX};
use common::limits::FRAME_AFTER_LOGIN;
use common::msg::{Envelope, FromDirectory, Message, PeerMessage, ToDirectory};
use serde_json::Value;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that decoding may allocate for each byte that arrived, all allocations added up, freed ones too.
const PER_BYTE: usize = 5;
/// And once, for what does not depend on the input: error texts and the like.
const BASE: usize = 4096;

fn allocated<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    (result, region.change().bytes_allocated)
}

/// Decodes in all three directions; whatever decodes must encode to something that means the same.
fn judge(payload: &[u8]) {
    fn one<M: Message + PartialEq + std::fmt::Debug>(payload: &[u8]) {
        let (decoded, bytes) = allocated(|| M::decode(payload));
        assert!(bytes <= BASE + PER_BYTE * payload.len(), "{bytes} bytes for {} of payload", payload.len());
        if let Ok(message) = decoded {
            assert_eq!(M::decode(&message.encode()).unwrap(), message);
        }
    }
    one::<ToDirectory>(payload);
    one::<FromDirectory>(payload);
    one::<PeerMessage>(payload);
}

/// As [`judge`], with the number of the request beside the message.
fn judge_numbered(payload: &[u8]) {
    fn one<M: Message + PartialEq + std::fmt::Debug>(payload: &[u8]) {
        let (decoded, bytes) = allocated(|| Envelope::<M>::decode(payload));
        assert!(bytes <= BASE + PER_BYTE * payload.len(), "{bytes} bytes for {} of payload", payload.len());
        if let Ok(envelope) = decoded {
            assert_eq!(Envelope::decode(&envelope.encode()).unwrap(), envelope);
        }
    }
    one::<ToDirectory>(payload);
    one::<FromDirectory>(payload);
}

/// Decodes a stream of frames; never keeps more than what arrived.
fn cut(stream: &[u8], limit: usize) {
    let (_, bytes) = allocated(|| {
        let mut decoder = Decoder::new(limit);
        let mut rest = stream;
        while let Ok(Some(payload)) = decoder.feed(&mut rest) {
            assert!(payload.len() <= limit);
        }
    });
    assert!(bytes <= BASE + PER_BYTE * stream.len(), "{bytes} bytes for {} of stream", stream.len());
}

fn altered(original: &[u8], mut judge: impl FnMut(&[u8])) {
    for length in 0..=original.len() {
        judge(&original[..length]);
    }
    let mut bytes = original.to_vec();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            bytes[at] ^= flip;
            judge(&bytes);
            bytes[at] ^= flip;
        }
    }
}

fn vectors(file: &str, name: &str) -> Vec<Value> {
    let path = [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", file].iter().collect::<std::path::PathBuf>();
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    all[name].as_array().unwrap().clone()
}

/// Payloads of the highest size that try to make the decoder spend memory.
fn greedy() -> Vec<Vec<u8>> {
    let fill = |head: &str, body: &str, tail: &str| {
        let room = FRAME_AFTER_LOGIN - head.len() - tail.len();
        format!("{head}{}{tail}", body.repeat(room / body.len())).into_bytes()
    };
    vec![
        fill("", "[", ""),
        fill("", "{\"a\":", ""),
        fill("{\"msgtype\":\"", "A", "\"}"),
        fill("{\"msgtype\":\"", "\\u0041", "\"}"),
        fill("{\"msgtype\":\"PING\",\"x\":", "[", ""),
        fill("{\"msgtype\":\"PING\",\"x\":\"", "\\n", "\"}"),
        fill("{\"msgtype\":\"PING\",\"x\":", "9", "}"),
        fill("{\"msgtype\":\"BYE\",\"reason\":\"", "a", "\"}"),
        fill("{\"msgtype\":\"AUTHREPLY\",\"status\":\"", "a", "\"}"),
        fill("{\"msgtype\":\"HELLO\",\"userid\":\"", "a", "\"}"),
        fill("{\"msgtype\":\"AUTHPROOF\",\"passcode\":\"", "AAAA", "\"}"),
        fill("{\"msgtype\":\"INVITEPROOF\",\"proof\":\"", "00", "\"}"),
        fill("{\"msgtype\":\"LOOKUPREPLY\",\"publickey\":\"", "00", "\"}"),
        fill("{\"msgtype\":\"LOOKUPREPLY\",\"addresses\":[\"1.1.1.1:1\"", ",\"1.1.1.1:1\"", "]}"),
        fill("{\"msgtype\":\"LISTREPLY\",\"users\":[{\"userid\":\"a\"}", ",{\"userid\":\"a\"}", "]}"),
        fill("{\"msgtype\":\"CHAT\",\"message\":\"", "\\u0001", "\"}"),
        fill("{\"msgtype\":\"ERROR\",\"code\":\"other\",\"to\":\"", "a", "\"}"),
        fill("{\"msgtype\":\"PING\",\"request\":", "9", "}"),
        fill("{\"msgtype\":\"PING\",\"request\":[", "[", "}"),
        fill("{\"msgtype\":\"PING\"", ",\"request\":1", "}"),
        fill("{\"request\":1,\"msgtype\":\"", "\\u0041", "\"}"),
        fill("{\"msgtype\":\"CONNECTREPLY\",\"features\":[\"\"", ",\"\"", "]}"),
        fill("{\"msgtype\":\"CONNECTREPLY\",\"features\":[\"", "\\u0041", "\"]}"),
        fill("{\"msgtype\":\"FILEREQ\",\"features\":[\"\"", ",\"\"", "]}"),
        fill("{\"msgtype\":\"FILEREQ\",\"x\":[0", ",0", "]}"),
    ]
}

#[test]
fn altered_vectors_and_greedy_payloads_cost_no_panic_and_little_memory() {
    for vector in vectors("frames.json", "good").into_iter().chain(vectors("frames.json", "bad")) {
        let frame = hex::decode(vector["frame"].as_str().unwrap()).unwrap();
        let limit = usize::try_from(vector["limit"].as_u64().unwrap()).unwrap();
        altered(&frame, |stream| cut(stream, limit));
    }
    for vector in vectors("messages.json", "good").into_iter().chain(vectors("messages.json", "bad")) {
        altered(vector["payload"].as_str().unwrap().as_bytes(), judge);
    }
    for vector in vectors("requests.json", "good").into_iter().chain(vectors("requests.json", "bad")) {
        altered(vector["payload"].as_str().unwrap().as_bytes(), judge_numbered);
    }
    for payload in greedy() {
        assert!(payload.len() > FRAME_AFTER_LOGIN - 32);
        judge(&payload);
        judge_numbered(&payload);
    }
    for announced in [FRAME_AFTER_LOGIN, FRAME_AFTER_LOGIN + 1, u32::MAX as usize] {
        let mut stream = u32::try_from(announced).unwrap().to_be_bytes().to_vec();
        stream.push(b'{');
        assert_eq!(stream.len(), PREFIX + 1);
        cut(&stream, FRAME_AFTER_LOGIN);
    }
}
