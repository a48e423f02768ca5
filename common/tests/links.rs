//! Links over an in-memory network: what two honest ends see of each other, and what each refuses.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use common::crypto::directory_key::DirectoryKey;
use common::frame::Padding;
use common::ident::KeyDigest;
use common::limits::{FRAME_AFTER_LOGIN, FRAME_BEFORE_LOGIN, PENDING_OUTPUT};
use common::link::{Link, LinkError, tls};
use common::testkit::{Example, Pipe, duplex};
use futures::executor::block_on;
use futures::io::{AsyncRead, AsyncWrite};
use futures::join;

/// One end after the handshake, and how that went.
type End = (Result<(), LinkError>, Link<Pipe>);

/// Bytes on the way at once.
const PIPE: usize = 4096;

fn peers(caller: Example, callee: Example, expected: Example) -> (End, End) {
    let (near, far) = duplex(PIPE);
    let public = expected.identity().unwrap().public().clone();
    let client = tls::peer_client(&caller.identity().unwrap(), &public).unwrap();
    let server = tls::peer_server(&callee.identity().unwrap()).unwrap();
    let mut near = Link::client(near, client).unwrap();
    let mut far = Link::server(far, server).unwrap();
    let (one, two) = block_on(async { join!(near.handshake(), far.handshake()) });
    ((one, near), (two, far))
}

#[test]
fn both_ends_agree_on_the_exporter_and_see_each_others_key() {
    let ((one, near), (two, far)) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    one.unwrap();
    two.unwrap();
    assert_eq!(near.exporter().unwrap(), far.exporter().unwrap());
    let spki = |example: Example| example.identity().unwrap().public().to_spki().unwrap();
    assert_eq!(near.peer_key().unwrap(), spki(Example::Bianca));
    assert_eq!(far.peer_key().unwrap(), spki(Example::Ali));
}

/// Threat L9.
#[test]
fn what_has_come_and_waits_for_more_is_counted_until_it_is_whole() {
    let ((_, mut near), (_, mut far)) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    let mut cx = Context::from_waker(Waker::noop());
    for round in 0..3 {
        near.queue(&[b'x'; FRAME_BEFORE_LOGIN], Padding::None).unwrap();
        let (before, mut come) = (far.waiting(), 0);
        assert!(before <= PIPE, "{before} bytes, round {round}");
        let frame = loop {
            assert!(near.poll_next(&mut cx).is_pending());
            if let Poll::Ready(frame) = far.poll_next(&mut cx) {
                break frame;
            }
            come += PIPE;
            let least = come.min(FRAME_BEFORE_LOGIN);
            assert!((least..=least + before + PIPE).contains(&far.waiting()), "{} of {come} bytes", far.waiting());
        };
        assert_eq!(frame.unwrap().map(|frame| frame.len()), Some(FRAME_BEFORE_LOGIN));
        assert!(come >= FRAME_BEFORE_LOGIN - PIPE, "it came in pieces");
    }
}

#[test]
fn frames_larger_than_the_pipe_cross_in_both_directions_at_once() {
    let ((_, mut near), (_, mut far)) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    let payload = vec![b'x'; FRAME_AFTER_LOGIN];
    for link in [&mut near, &mut far] {
        link.set_frame_limit(FRAME_AFTER_LOGIN);
        for _ in 0..3 {
            link.queue(&payload, Padding::None).unwrap();
        }
    }
    block_on(async {
        for _ in 0..3 {
            let (one, two) = join!(near.next(), far.next());
            assert_eq!(one.unwrap().unwrap(), payload);
            assert_eq!(two.unwrap().unwrap(), payload);
        }
    });
}

#[test]
fn a_goodbye_is_returned_so_that_neither_end_takes_it_for_a_loss() {
    let ((_, mut near), (_, mut far)) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    block_on(async {
        near.close().await.unwrap();
        assert!(far.next().await.unwrap().is_none());
        drop(far);
        assert!(near.next().await.unwrap().is_none(), "an end without a goodbye would be a loss");
    });
}

#[test]
fn refuses_a_callee_with_another_key() {
    let ((one, _), (two, _)) = peers(Example::Ali, Example::Bianca, Example::Carol);
    assert!(matches!(one, Err(LinkError::Tls(_))), "{one:?}");
    assert!(two.is_err());
}

#[test]
fn refuses_a_caller_with_our_own_key() {
    let ((_, mut near), (two, far)) = peers(Example::Bianca, Example::Bianca, Example::Bianca);
    assert!(matches!(two, Err(LinkError::Tls(_))), "{two:?}");
    drop(far);
    assert!(block_on(near.next()).is_err());
}

#[test]
fn tells_an_end_from_a_loss() {
    let ((_, mut near), (_, mut far)) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    block_on(async {
        let (closed, seen) = join!(far.close(), near.next());
        closed.unwrap();
        assert_eq!(seen.unwrap(), None);
    });
    let ((_, mut near), (_, far)) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    drop(far);
    assert!(matches!(block_on(near.next()), Err(LinkError::Lost)));
}

#[test]
fn a_reader_that_never_reads_is_noticed_before_memory_grows() {
    let ((_, mut near), _far) = peers(Example::Ali, Example::Bianca, Example::Bianca);
    let payload = vec![b'x'; 16 * 1024];
    let mut queued = 0;
    let error = loop {
        match near.queue(&payload, Padding::None) {
            Ok(()) => queued += payload.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LinkError::TooSlow));
    assert!(queued <= PENDING_OUTPUT);
}

#[test]
fn a_directory_is_known_by_the_digest_of_its_key() {
    let key = DirectoryKey::generate().unwrap();
    let (near, far) = duplex(4096);
    let mut near = Link::client(near, tls::directory_client().unwrap()).unwrap();
    let mut far = Link::server(far, tls::directory_server(&key).unwrap()).unwrap();
    let (one, two) = block_on(async { join!(near.handshake(), far.handshake()) });
    one.unwrap();
    two.unwrap();
    assert_eq!(KeyDigest::of(near.peer_key().unwrap()), key.digest());
    assert_eq!(far.peer_key(), None);
}

/// A stream that is always ready, with a byte.
struct Crumbs {
    pipe: Pipe,
    read: Arc<AtomicUsize>,
}

impl AsyncRead for Crumbs {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.read.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.pipe).poll_read(cx, &mut buffer[..1])
    }
}

impl AsyncWrite for Crumbs {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, buffer)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_close(cx)
    }
}

#[test]
fn a_stream_that_is_always_ready_leaves_others_their_turn() {
    let (near, far) = duplex(256 * 1024);
    let key = DirectoryKey::generate().unwrap();
    let mut near = Link::client(near, tls::directory_client().unwrap()).unwrap();
    let read = Arc::<AtomicUsize>::default();
    let crumbs = Crumbs { pipe: far, read: Arc::clone(&read) };
    let mut far = Link::server(crumbs, tls::directory_server(&key).unwrap()).unwrap();
    block_on(async { join!(near.handshake(), far.handshake()) }).0.unwrap();
    let payload = vec![b'x'; 16 * 1024];
    near.queue(&payload, Padding::None).unwrap();
    block_on(near.flush()).unwrap();
    let (mut turns, mut longest) = (0, 0);
    let frame = block_on(std::future::poll_fn(|cx| {
        let before = read.load(Ordering::Relaxed);
        let polled = far.poll_next(cx);
        (turns, longest) = (turns + 1, longest.max(read.load(Ordering::Relaxed) - before));
        polled
    }));
    assert_eq!(frame.unwrap().unwrap(), payload);
    assert!(turns > 100 && longest < 100, "{turns} turns of up to {longest} reads");
}
