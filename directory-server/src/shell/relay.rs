//! Relayed links: two connections whose bytes are passed on from one to the other (decision D26; protocol section 6.12).
//!
//! What passes is TLS between two terminals, of which nothing is looked at or kept. A side is read only when what came before
//! has gone out on the other, so a slow reader slows the other side down and costs no more memory than one buffer.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::limits::{RELAY_BYTES_PER_SECOND, RELAY_IDLE};
use common::pace::Pace;
use common::relay;
use common::window::Rate;
use futures::future::{Either, select, try_join};
use futures::io::AsyncReadExt as _;

use super::metrics::Relayed;
use super::node::Node;
use super::rt::{self, SharedStream, TcpStream};
use super::waiting_legs::Arrived;
use directory_core::relay::Leg;

/// Bytes that are under way in one direction. Chosen arbitrarily: a frame of a file, half of it.
const BUFFER: usize = 16 * 1024;
const RATE: Rate = Rate { events: RELAY_BYTES_PER_SECOND, per: Duration::from_secs(1) };

/// Reads a header; nothing if it opens no leg.
pub(super) async fn open_leg(node: &Node, mut stream: TcpStream) -> Option<Arrived> {
    let mut header = [0; relay::LENGTH];
    stream.read_exact(&mut header).await.ok()?;
    let leg = relay::token(&header).and_then(|token| node.directory.relay.arrive(&token, node.clock.now()));
    if leg.is_none() {
        node.metrics.relayed(Relayed::Refused);
    }
    Some((leg?, stream))
}

/// Waits for the other leg, or joins the one that waits, to the end of the link.
pub(super) async fn pass_on(node: &Node, leg: Leg, stream: TcpStream) {
    let (meeting, left) = (leg.meeting(), leg.until().since(node.clock.now()));
    match node.waiting_legs.meet((leg, stream)) {
        Some(legs) => join(node, legs).await,
        None => {
            rt::sleep(left).await;
            if node.waiting_legs.give_up(meeting).is_some() {
                node.metrics.relayed(Relayed::Alone);
            }
        }
    }
}

/// What has passed over a link.
struct Traffic {
    began: Instant,
    counts: Mutex<Counts>,
}

struct Counts {
    bytes: u64,
    last: Instant,
    pace: Pace,
}

impl Traffic {
    fn new() -> Self {
        let now = Instant::now();
        Self { began: now, counts: Mutex::new(Counts { bytes: 0, last: now, pace: Pace::default() }) }
    }

    /// Counts bytes that have gone out; how long to wait before more is read.
    fn count(&self, bytes: usize, now: Instant) -> Duration {
        let mut counts = self.lock();
        counts.bytes = counts.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        counts.last = now;
        counts.pace.take(bytes, now.duration_since(self.began), RATE)
    }

    fn silence(&self) -> Duration {
        self.lock().last.elapsed()
    }

    fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn join(node: &Node, [(_first, one), (_second, other)]: [Arrived; 2]) {
    node.metrics.relayed(Relayed::Joined);
    node.last_hour.relayed(node.clock.now());
    let (traffic, one, other) = (Traffic::new(), one.share(), other.share());
    let both = Box::pin(try_join(copy(&one, &other, &traffic), copy(&other, &one, &traffic)));
    let silence = Box::pin(until_silent(&traffic));
    let end = match select(both, silence).await {
        Either::Left((Ok(_), _)) => "ended",
        Either::Left((Err(_), _)) => "lost",
        Either::Right(_) => "silent",
    };
    node.metrics.relayed_bytes(traffic.bytes());
    // Neither who nor from where (threat L5).
    let seconds = traffic.began.elapsed().as_secs();
    tracing::info!(target: "audit", seconds, bytes = traffic.bytes(), end, "a link was relayed");
}

/// Passes on one direction, up to its end.
async fn copy(from: &SharedStream, to: &SharedStream, traffic: &Traffic) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.end_writing();
        }
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        let pause = traffic.count(count, Instant::now());
        if !pause.is_zero() {
            rt::sleep(pause).await;
        }
    }
}

/// Ends when nothing has passed for too long.
async fn until_silent(traffic: &Traffic) {
    loop {
        let left = RELAY_IDLE.saturating_sub(traffic.silence());
        if left.is_zero() {
            return;
        }
        rt::sleep(left).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_passes_on_so_many_bytes_in_a_second_and_both_directions_share_them() {
        let traffic = Traffic::new();
        let at = |millis| traffic.began + Duration::from_millis(millis);
        let second = RELAY_BYTES_PER_SECOND as usize;
        assert_eq!(traffic.count(second / 2, at(0)) + traffic.count(second / 2, at(0)), Duration::ZERO);
        assert_eq!(traffic.count(second, at(0)), Duration::from_secs(1));
        assert_eq!(traffic.count(second, at(1000)), Duration::from_secs(1));
        assert_eq!(traffic.count(1024, at(3000)), Duration::ZERO);
        assert_eq!(traffic.bytes(), 3 * u64::from(RELAY_BYTES_PER_SECOND) + 1024);
    }
}
