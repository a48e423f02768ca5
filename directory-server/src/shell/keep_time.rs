//! Watches the time pass, and forgets mail that nobody has taken in time (threats L11, L15).

use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::rt;
use directory_core::records::ExpiryProgress;
use directory_core::store::Store as _;

/// Pause between two looks at the clock: a lock that ended may be seen so much later at most.
const PAUSE: Duration = Duration::from_secs(60);
/// Looks between two sweeps: what is too old is not delivered before it is swept either, it only takes room.
const LOOKS: u32 = 60;

/// Looks at the clock for ever, and sweeps at the start for the first time.
pub(crate) async fn keep_time(node: Arc<Node>) {
    for look in (0..LOOKS).cycle() {
        if let Err(error) = node.directory.keep_time(node.clock.now()).await {
            tracing::warn!(%error, "what has passed of the time could not be kept");
        }
        if look == 0 {
            expire_mail(&node).await;
        }
        rt::sleep(PAUSE).await;
    }
}

async fn expire_mail(node: &Node) {
    let expired = node.directory.mail_expired(node.clock.now());
    loop {
        match node.directory.store.expire(expired).await {
            Ok(ExpiryProgress::MoreLeft) => rt::yield_now().await,
            Ok(ExpiryProgress::Done) => break,
            Err(error) => return tracing::warn!(%error, "old mail could not be forgotten"),
        }
    }
    let past = node.directory.surely_past(node.clock.now());
    if let Err(error) = node.directory.store.forget_withdrawn(past).await {
        tracing::warn!(%error, "old reports could not be forgotten");
    }
}
