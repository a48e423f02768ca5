//! Broadcasts: verified, logged, sent to everyone online but the sender (decision D18; protocol section 6.8).

use std::sync::Arc;

use common::crypto::terminal::verify_signature;
use common::crypto::transcript;
use common::limits::BROADCAST_PAGE;
use common::msg::{
    Broadcast, BroadcastLog, BroadcastLogReq, BroadcastReply, BroadcastReq, ErrorCode, FromDirectory, Member,
    Message as _,
};
use common::window::Rate;

use crate::directory::Directory;
use crate::records::LoggedBroadcast;
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// Bytes of the entries of a page: with what the encoding adds they fit into a frame.
const PAGE_BYTES: usize = 48 * 1024;

/// Answers `BROADCASTREQ`.
pub(crate) async fn broadcast<S: Store>(
    directory: &Directory<S>,
    member: &Member,
    now: Timestamp,
    request: BroadcastReq,
) -> StoreResult<Reply> {
    let rate = Rate::per_minute(directory.policy().broadcasts_per_minute);
    if let Err(wait) = directory.broadcast_limiter().count(&member.userid, 1, now, rate) {
        return Ok(Reply::rate_limited("BROADCASTREQ", wait));
    }
    let sender = directory.store.certificates(vec![member.clone()]).await?.pop();
    let BroadcastReq { id, message, date, signature } = request;
    let signed = transcript::broadcast(&member.userid, &member.terminal, &directory.key, &id, date, &message);
    let Some(sender) =
        sender.filter(|sender| verify_signature(&sender.certificate.key, signed.as_bytes(), &signature.0).is_ok())
    else {
        return Ok(Reply::error(ErrorCode::NotAccepted));
    };
    let (number, taken) = (0, now.seconds());
    let broadcast = Broadcast { number, taken, sender: Box::new(sender), id, message, date, signature };
    let number = match directory.store.log_broadcast(broadcast.clone()).await? {
        LoggedBroadcast::Before(number) => number,
        LoggedBroadcast::Now(number) => {
            let encoded: Arc<[u8]> = FromDirectory::from(Broadcast { number, ..broadcast }).encode().into();
            directory.presence.tell_all_but(&member.userid, &encoded);
            number
        }
    };
    Ok(Reply::Message(BroadcastReply { number }.into()))
}

/// Answers `BROADCASTLOGREQ`.
pub(crate) async fn read_log<S: Store>(directory: &Directory<S>, request: BroadcastLogReq) -> StoreResult<Reply> {
    // One more than a page tells whether there is another.
    let entries = directory.store.broadcasts(request.before, BROADCAST_PAGE + 1).await?;
    Ok(Reply::Message(page(entries).into()))
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
