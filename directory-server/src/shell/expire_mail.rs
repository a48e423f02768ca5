//! Forgets mail that nobody has taken in time (threat L11).

use std::sync::Arc;
use std::time::Duration;

use super::node::Node;
use super::rt;
use directory_core::records::ExpiryProgress;
use directory_core::store::Store as _;

/// Pause between two sweeps: what is too old is not delivered before it is swept either, it only takes room.
const PAUSE: Duration = Duration::from_secs(3600);

/// Sweeps for ever, at the start for the first time.
pub(crate) async fn expire_mail(node: Arc<Node>) {
    loop {
        let expired = node.directory.policy().mail.expired(node.clock.now());
        loop {
            match node.directory.store.expire(expired).await {
                Ok(ExpiryProgress::MoreLeft) => rt::yield_now().await,
                Ok(ExpiryProgress::Done) => break,
                Err(error) => {
                    tracing::warn!(%error, "old mail could not be forgotten");
                    break;
                }
            }
        }
        rt::sleep(PAUSE).await;
    }
}
