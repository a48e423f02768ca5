//! A byte stream in memory: what one end writes, the other end reads.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};

#[derive(Debug, Default)]
struct Direction {
    bytes: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of [`duplex`]. Dropping it closes both directions.
#[derive(Debug)]
pub struct Pipe {
    incoming: Arc<Mutex<Direction>>,
    outgoing: Arc<Mutex<Direction>>,
    capacity: usize,
}

/// Two connected ends; each direction holds at most `capacity` bytes before its writer waits.
#[must_use]
pub fn duplex(capacity: usize) -> (Pipe, Pipe) {
    let (one, two) = (Arc::<Mutex<Direction>>::default(), Arc::<Mutex<Direction>>::default());
    let left = Pipe { incoming: Arc::clone(&one), outgoing: Arc::clone(&two), capacity };
    (left, Pipe { incoming: two, outgoing: one, capacity })
}

fn lock(direction: &Mutex<Direction>) -> MutexGuard<'_, Direction> {
    direction.lock().unwrap_or_else(PoisonError::into_inner)
}

fn close(direction: &Mutex<Direction>) {
    let mut direction = lock(direction);
    direction.closed = true;
    for waker in [direction.reader.take(), direction.writer.take()].into_iter().flatten() {
        waker.wake();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut direction = lock(&self.incoming);
        if direction.bytes.is_empty() {
            if direction.closed {
                return Poll::Ready(Ok(0));
            }
            direction.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.len().min(direction.bytes.len());
        for (slot, byte) in buffer.iter_mut().zip(direction.bytes.drain(..count)) {
            *slot = byte;
        }
        if let Some(writer) = direction.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let mut direction = lock(&self.outgoing);
        if direction.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = buffer.len().min(self.capacity.saturating_sub(direction.bytes.len()));
        if count == 0 {
            direction.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        direction.bytes.extend(&buffer[..count]);
        if let Some(reader) = direction.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        close(&self.outgoing);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        close(&self.incoming);
        close(&self.outgoing);
    }
}
