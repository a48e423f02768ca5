//! Broadcasts: signed by us, verified when they come (decision D18; protocol section 6.8).

use common::crypto::identity::PublicKey;
use common::crypto::terminal::{self, verify_signature};
use common::crypto::transcript;
use common::ident::MessageId;
use common::limits::BROADCAST_TEXT;
use common::msg::{Blob, Broadcast, BroadcastLog, BroadcastLogReq, BroadcastReq};

use super::DirectoryClient;
use crate::command::Ticket;
use crate::context::Context;
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::notice::{DirectoryNotice, MessageNotice, NotSent};
use crate::persistence::{HistoryWrite, Write};
use crate::request::{DeliveryRequest, DirectoryRequest, Question, Request};

/// Pages of the log that are read for one look at it. Chosen arbitrarily: the directory says whether there are more, and what
/// nobody has signed, or whom the user has blocked, fills none of what is asked for.
pub(super) const LOG_PAGES: usize = 100;

impl DirectoryClient {
    /// Says something to everyone.
    pub(crate) fn broadcast(&self, cx: &mut Context, text: String, ticket: Ticket) -> Vec<Request> {
        let why = match () {
            () if text.len() > BROADCAST_TEXT => NotSent::TooLong,
            () if !cx.is_up() => NotSent::DirectoryLost,
            () => {
                let (id, date) = (cx.ids.message(), cx.now.date);
                let said = transcript::broadcast(&cx.me.user, &cx.me.terminal, &cx.directory, &id, date, &text);
                let signature = Blob(cx.own.sign_plain(said.as_bytes()));
                let message = BroadcastReq { id, message: text.clone(), date, signature }.into();
                return vec![Request::Directory(DirectoryRequest::Ask {
                    message,
                    question: Question::Broadcast { id, text, ticket },
                })];
            }
        };
        not_broadcast(cx, text, why, ticket);
        Vec::new()
    }

    /// It is in the log, and everyone is told.
    pub(crate) fn handle_broadcast_taken(&self, cx: &mut Context, (id, text): (MessageId, String), ticket: Ticket) {
        let (to, now, mark) = (Conversation::Everyone, cx.now.date, DeliveryStatus::Stored);
        let name = MessageKey::new(&to, &cx.me.user, id);
        let record = StoredMessage { name, text, date: now, arrived: now, mark, since: now };
        cx.write([Write::History(HistoryWrite::Append(record.clone()))]);
        cx.tell(MessageNotice::Sent { ticket: Some(ticket), record });
        cx.tell(MessageNotice::Marked { to, ids: vec![id], mark, late: false });
    }

    /// The directory does not take it.
    pub(crate) fn handle_broadcast_refused(&self, cx: &mut Context, text: String, why: NotSent, ticket: Ticket) {
        not_broadcast(cx, text, why, ticket);
    }

    /// Somebody says something to everyone.
    pub(crate) fn handle_broadcast(&self, cx: &mut Context, broadcast: Broadcast) -> Vec<Request> {
        if cx.is_blocked(&broadcast.sender.userid) || !is_genuine(cx, &broadcast) {
            return Vec::new();
        }
        vec![Request::Delivery(DeliveryRequest::Broadcast(Box::new(broadcast)))]
    }

    /// Asks for the last broadcasts.
    pub(crate) fn log(&self, cx: &mut Context, count: usize) -> Vec<Request> {
        if !cx.is_up() {
            cx.tell(DirectoryNotice::NoPeople);
            return Vec::new();
        }
        let question = Question::Log { count, entries: Vec::new(), before: None, pages: 1 };
        vec![Request::Directory(DirectoryRequest::Ask { message: BroadcastLogReq { before: None }.into(), question })]
    }

    /// A page of the log came: the next is asked for, or all of it is told.
    pub(crate) fn handle_log(
        &self,
        cx: &mut Context,
        (count, mut entries): (usize, Vec<StoredMessage>),
        (before, pages): (Option<u64>, usize),
        log: &BroadcastLog,
    ) -> Vec<Request> {
        for broadcast in &log.entries {
            if !cx.is_blocked(&broadcast.sender.userid) && is_genuine(cx, broadcast) {
                entries.push(logged(cx, broadcast));
            }
        }
        let last = log.entries.last().map(|broadcast| broadcast.number);
        // Each page is older than the one before, and what counts for nothing is not read without end.
        let last = last.filter(|last| before.is_none_or(|before| *last < before) && pages < LOG_PAGES);
        if let (true, Some(last)) = (log.more && entries.len() < count, last) {
            let message = BroadcastLogReq { before: Some(last) }.into();
            let question = Question::Log { count, entries, before: Some(last), pages: pages + 1 };
            return vec![Request::Directory(DirectoryRequest::Ask { message, question })];
        }
        entries.truncate(count);
        entries.reverse();
        cx.tell(MessageNotice::History { with: Conversation::Everyone, records: entries, unread: 0 });
        Vec::new()
    }
}

fn not_broadcast(cx: &mut Context, text: String, why: NotSent, ticket: Ticket) {
    cx.tell(MessageNotice::NotSent { to: Conversation::Everyone, text, why, ticket });
}

/// A broadcast as the log has it.
fn logged(cx: &Context, broadcast: &Broadcast) -> StoredMessage {
    let from = &broadcast.sender.userid;
    let mark = if cx.is_me(from) { DeliveryStatus::Stored } else { DeliveryStatus::Received { read: true } };
    StoredMessage {
        name: MessageKey::new(&Conversation::Everyone, from, broadcast.id),
        text: broadcast.message.clone(),
        date: broadcast.date,
        arrived: broadcast.taken,
        mark,
        since: broadcast.taken,
    }
}

/// Whether the sender's terminal signed it, and the key behind that terminal is the pinned one.
fn is_genuine(cx: &mut Context, broadcast: &Broadcast) -> bool {
    let sender = &broadcast.sender;
    let Ok(key) = PublicKey::from_pkcs1(&sender.publickey.0) else { return false };
    let certificate = &sender.certificate;
    let Broadcast { id, date, message, .. } = broadcast;
    let said = transcript::broadcast(&sender.userid, &certificate.terminal, &cx.directory, id, *date, message);
    terminal::verify(certificate, &sender.userid, &key).is_ok()
        && verify_signature(&certificate.key, said.as_bytes(), &broadcast.signature.0).is_ok()
        && (cx.is_me(&sender.userid) && key == cx.me.key || cx.is_pinned(&sender.userid, &key))
}
