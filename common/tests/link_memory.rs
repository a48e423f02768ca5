//! What waits on a link that nobody has logged in over takes its bytes and little more, however many frames these are
//! (threat L9).
//!
//! One test, because the allocator counts for the whole process.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::alloc::System;

use common::crypto::directory_key::DirectoryKey;
use common::frame::Padding;
use common::limits::{FIRST_FRAMES, FRAME_BEFORE_LOGIN};
use common::link::{Link, LinkError, tls};
use common::testkit::duplex;
use futures::executor::block_on;
use futures::join;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that a connection may take before it has said a word that counts.
const MOST: usize = 16 * 1024;

/// And that of a stranger beside what TLS keeps in any case: a record of few bytes, and the frame that comes of it.
const MOST_OF_A_STRANGER: usize = 4 * FIRST_FRAMES;

type Ends = (Link<common::testkit::Pipe>, Link<common::testkit::Pipe>);

/// Both ends of a connection to a directory.
fn connected(accept: fn(Link<common::testkit::Pipe>) -> Link<common::testkit::Pipe>) -> Ends {
    let (near, far) = duplex(256 * 1024);
    let mut client = Link::client(near, tls::directory_client().unwrap()).unwrap();
    let server = Link::server(far, tls::directory_server(&DirectoryKey::generate().unwrap()).unwrap()).unwrap();
    let mut server = accept(server);
    block_on(async {
        let (one, two) = join!(client.handshake(), server.handshake());
        one.and(two).unwrap();
    });
    (client, server)
}

#[test]
fn what_comes_before_login_takes_little_memory() {
    a_flood_of_empty_frames_takes_none();
    a_stranger_s_long_record_takes_none();
}

fn a_stranger_s_long_record_takes_none() {
    let (mut client, mut server) = connected(Link::from_stranger);
    let send = |client: &mut Link<_>, size: usize| {
        client.queue(&vec![b' '; size], Padding::None).unwrap();
        block_on(client.flush()).unwrap();
    };
    send(&mut client, FIRST_FRAMES);
    assert_eq!(block_on(server.next()).unwrap().map(|frame| frame.len()), Some(FIRST_FRAMES));
    server.is_no_stranger();
    send(&mut client, FRAME_BEFORE_LOGIN);
    assert_eq!(block_on(server.next()).unwrap().map(|frame| frame.len()), Some(FRAME_BEFORE_LOGIN));

    let (mut client, mut server) = connected(Link::from_stranger);
    send(&mut client, FRAME_BEFORE_LOGIN);
    let region = Region::new(ALLOCATOR);
    let refused = block_on(server.next());
    let change = region.change();
    assert!(matches!(refused, Err(LinkError::Frame(_))), "{refused:?}");
    assert!(change.bytes_allocated <= MOST_OF_A_STRANGER, "{} bytes", change.bytes_allocated);
}

fn a_flood_of_empty_frames_takes_none() {
    let (mut client, mut server) = connected(|server| server);
    block_on(async {
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
