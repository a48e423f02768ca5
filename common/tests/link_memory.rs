//! What waits on a link that nobody has logged in over takes its bytes and little more, however many frames these are
//! (threat L9).
//!
//! One test, because the allocator counts for the whole process.

use std::alloc::System;

use common::crypto::directory_key::DirectoryKey;
use common::frame::Padding;
use common::link::{Link, tls};
use common::testkit::duplex;
use futures::executor::block_on;
use futures::join;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that a connection may take before it has said a word that counts.
const MOST: usize = 16 * 1024;

#[test]
fn a_flood_of_empty_frames_takes_no_memory_before_login() {
    let (near, far) = duplex(256 * 1024);
    let mut client = Link::client(near, tls::directory_client().unwrap()).unwrap();
    let mut server = Link::server(far, tls::directory_server(&DirectoryKey::generate().unwrap()).unwrap()).unwrap();
    block_on(async {
        let (one, two) = join!(client.handshake(), server.handshake());
        one.and(two).unwrap();
        for _ in 0..8_000 {
            client.queue(b"", Padding::None).unwrap();
        }
        client.flush().await.unwrap();
    });
    let region = Region::new(ALLOCATOR);
    let first = block_on(server.next()).unwrap();
    let change = region.change();
    assert_eq!(first.as_deref(), Some(&b""[..]));
    assert!(change.bytes_allocated <= MOST, "{} bytes for a frame", change.bytes_allocated);
    for _ in 1..8_000 {
        assert_eq!(block_on(server.next()).unwrap().as_deref(), Some(&b""[..]), "none is lost");
    }
}
