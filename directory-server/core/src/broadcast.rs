//! Broadcasts: verified, logged, told to everyone online but the sender (decision D18; protocol section 6.8).

use std::sync::Arc;

use common::crypto::terminal::verify_signature;
use common::crypto::transcript;
use common::limits::BROADCAST_PAGE;
use common::msg::{
    Broadcast, BroadcastLog, BroadcastLogReq, BroadcastReply, BroadcastReq, ErrorCode, FromDirectory, Message as _,
};
use common::window::Rate;

use super::Directory;
use super::session::{Reply, Session};
use super::store::Store;
use super::timestamp::Timestamp;

/// Bytes of the entries of a page: with what the encoding adds they fit into a frame.
const PAGE_BYTES: usize = 48 * 1024;

/// What came of logging a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logged {
    /// It is in the log from now on, under this number.
    Now(u64),
    /// It was there: the request was repeated.
    Before(u64),
}

impl Session {
    /// Answers `BROADCASTREQ`.
    pub(super) async fn broadcast<S: Store>(
        &self,
        directory: &Directory<S>,
        now: Timestamp,
        request: BroadcastReq,
    ) -> Reply {
        let member = self.presence.member();
        let rate = Rate::per_minute(directory.policy().broadcasts_per_minute);
        if let Err(wait) = directory.broadcast_limiter().count(&member.userid, 1, now, rate) {
            return Reply::rate_limited("BROADCASTREQ", wait);
        }
        let sender = match directory.store.certificates(vec![member.clone()]).await {
            Ok(mut certificates) => certificates.pop(),
            Err(error) => return error.into(),
        };
        let BroadcastReq { id, message, date, signature } = request;
        let said = transcript::broadcast(&member.userid, &member.terminal, &directory.key, &id, date, &message);
        let Some(sender) =
            sender.filter(|sender| verify_signature(&sender.certificate.key, said.as_bytes(), &signature.0).is_ok())
        else {
            return Reply::error(ErrorCode::NotAccepted);
        };
        let (number, taken) = (0, now.seconds());
        let broadcast = Broadcast { number, taken, sender: Box::new(sender), id, message, date, signature };
        match directory.store.log_broadcast(broadcast.clone()).await {
            Ok(Logged::Before(number)) => Reply::Message(BroadcastReply { number }.into()),
            Ok(Logged::Now(number)) => {
                let told: Arc<[u8]> = FromDirectory::from(Broadcast { number, ..broadcast }).encode().into();
                directory.presence.tell_all_but(&member.userid, &told);
                Reply::Message(BroadcastReply { number }.into())
            }
            Err(error) => error.into(),
        }
    }

    /// Answers `BROADCASTLOGREQ`.
    pub(super) async fn read_log<S: Store>(
        &mut self,
        directory: &Directory<S>,
        now: Timestamp,
        request: BroadcastLogReq,
    ) -> Reply {
        if let Err(refusal) = self.may_ask(directory, now, "BROADCASTLOGREQ") {
            return refusal;
        }
        // One more than a page tells whether there is another.
        match directory.store.broadcasts(request.before, BROADCAST_PAGE + 1).await {
            Ok(entries) => Reply::Message(page(entries).into()),
            Err(error) => error.into(),
        }
    }
}

/// As many of the newest entries as a page and a frame take; one at least, which always fits.
fn page(mut entries: Vec<Broadcast>) -> BroadcastLog {
    let found = entries.len();
    let sizes = entries.iter().map(|entry| serde_json::to_vec(entry).map_or(PAGE_BYTES, |encoded| encoded.len()));
    let ends = sizes.scan(0, |end, size| {
        *end += size;
        Some(*end)
    });
    let fitting = ends.take(BROADCAST_PAGE).take_while(|end| *end <= PAGE_BYTES).count();
    entries.truncate(fitting.max(1));
    BroadcastLog { more: entries.len() < found, entries }
}
