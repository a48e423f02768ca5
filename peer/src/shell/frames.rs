//! How messages go over a link to another terminal: one is sent, one is waited for, the last one is said.

use std::time::Duration;

use common::frame::Padding;
use common::link::{Link, LinkError};
use common::msg::{Message as _, PeerMessage};
use futures::io::{AsyncRead, AsyncWrite};

use super::rt;

/// How long a goodbye may take.
pub(super) const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Sends one message.
pub(super) fn send<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    message: impl Into<PeerMessage>,
) -> Result<(), LinkError> {
    link.queue(&message.into().encode(), Padding::Ladder)
}

/// Waits for one message; `None` if none comes in time, or something else does.
pub(super) async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    within: Duration,
) -> Option<PeerMessage> {
    let payload = rt::timeout(within, link.next()).await.ok()?.ok()??;
    PeerMessage::decode(&payload).ok()
}

/// Says goodbye and closes, within [`CLOSE_WITHIN`].
pub(super) async fn close_gracefully<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Link<S>,
    last: impl Into<PeerMessage>,
) {
    if send(link, last).is_ok() {
        let _ = rt::timeout(CLOSE_WITHIN, link.close()).await;
    }
}
