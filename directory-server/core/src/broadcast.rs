//! Broadcasts: verified, logged, sent to everyone online but the sender (decision D18; protocol section 6.8).

use std::sync::Arc;

use common::crypto::terminal::verify_signature;
use common::crypto::transcript;
use common::limits::{BROADCAST_PAGE, Budget};
use common::msg::{
    Broadcast, BroadcastLog, BroadcastLogReq, BroadcastReply, BroadcastReq, ErrorCode, FromDirectory, Message as _,
};

use crate::budgets::Payer;
use crate::directory::Directory;
use crate::records::LoggedBroadcast;
use crate::reply::Reply;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;

/// Bytes of the entries of a page: with what the encoding adds they fit into a frame.
const PAGE_BYTES: usize = 48 * 1024;

/// Answers `BROADCASTREQ`, which was counted for its minute and is counted for its day here.
pub(crate) async fn broadcast<S: Store>(
    directory: &Directory<S>,
    payer: Payer<'_>,
    now: Timestamp,
    request: BroadcastReq,
) -> StoreResult<Reply> {
    let member = payer.member;
    let drawn = directory.budgets().draw(payer, (Budget::DailyBroadcasts, 1), now, &directory.policy());
    if let Err(wait) = drawn {
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

#[cfg(test)]
mod tests {
    use common::ident::{MessageId, TerminalId, TerminalKey};
    use common::limits::{BROADCAST_TEXT, FRAME_AFTER_LOGIN};
    use common::msg::{Blob, Certificate, Hex, UserCertificate};

    use super::*;
    use crate::closed_store::user;

    fn entry(number: u64, text: usize) -> Broadcast {
        let signature = Blob(vec![6; 256]);
        let (terminal, key) = (TerminalId([3; 16]), TerminalKey([8; 32]));
        let certificate = Certificate { terminal, key, issued: 0, signature: signature.clone() };
        let sender = UserCertificate { userid: user("ali"), publickey: Hex(vec![7; 270]), certificate };
        let (id, message) = (MessageId([1; 16]), "\u{1}".repeat(text));
        Broadcast { number, taken: 0, sender: Box::new(sender), id, message, date: 0, signature }
    }

    #[test]
    fn a_page_holds_what_fits_into_a_frame_and_says_whether_there_is_more() {
        // Entries found, bytes of each text, entries on the page. A control character takes six bytes on the wire.
        for (found, text, on_page) in [
            (0, 10, 0),
            (BROADCAST_PAGE, 10, BROADCAST_PAGE),
            (BROADCAST_PAGE + 1, 10, BROADCAST_PAGE),
            (1, BROADCAST_TEXT, 1),
            (3, BROADCAST_TEXT, 1),
            (3, 2 * PAGE_BYTES, 1),
        ] {
            let BroadcastLog { entries, more } = page((0..found as u64).map(|n| entry(n, text)).collect());
            assert_eq!((entries.len(), more), (on_page, found > on_page), "{found} of {text} bytes");
            if text <= BROADCAST_TEXT {
                let answer = FromDirectory::from(BroadcastLog { entries, more }).encode();
                assert!(answer.len() <= FRAME_AFTER_LOGIN, "{} bytes", answer.len());
            }
        }
    }

    #[test]
    fn a_page_is_full_to_the_byte() {
        let bare = |number| serde_json::to_vec(&entry(number, 0)).unwrap().len();
        let fits = (PAGE_BYTES - bare(0) - bare(1)) / 6;
        let filled = |first: usize, digits| {
            let one = Broadcast { date: digits, ..entry(0, first) };
            page(vec![one, entry(1, 0)]).entries.len()
        };
        let rest = u32::try_from((PAGE_BYTES - bare(0) - bare(1)) % 6).unwrap();
        // A digit more of the date is a byte more.
        assert_eq!((filled(fits, 10_u64.pow(rest)), filled(fits, 10_u64.pow(rest + 1))), (2, 1));
    }
}
