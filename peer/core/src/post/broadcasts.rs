//! Broadcasts: signed by us, verified when they come (decision D18; protocol section 6.8).

use common::crypto::identity::PublicKey;
use common::crypto::terminal::{self, verify_signature};
use common::crypto::transcript;
use common::ident::MessageId;
use common::limits::BROADCAST_TEXT;
use common::msg::{Blob, Broadcast, BroadcastLog, BroadcastLogReq, BroadcastReq};

use super::desk::Asked;
use super::outbox::name_of;
use super::{Post, Step};
use crate::command::Ticket;
use crate::model::{Conversation, DeliveryStatus, StoredMessage};
use crate::notice::{Arrival, DirectoryNotice, MessageNotice, NotSent, Notice};
use crate::persistence::{HistoryWrite, Write};

impl Post {
    pub(super) fn broadcast(&mut self, step: &mut Step<'_>, text: String, ticket: Ticket) {
        let why = if text.len() > BROADCAST_TEXT {
            NotSent::TooLong
        } else if !self.desk.is_up() {
            NotSent::DirectoryLost
        } else {
            let (id, date) = (self.ids.message(), step.now.date);
            let (user, at) = (&self.me.user, &self.me.terminal);
            let said = transcript::broadcast(user, at, &self.directory, &id, date, &text);
            let signature = Blob(self.rooms.sign(said.as_bytes()));
            let request = BroadcastReq { id, message: text.clone(), date, signature };
            return self.desk.ask(step, request, Asked::Broadcast { id, text, ticket });
        };
        step.tell(Notice::Message(MessageNotice::NotSent { to: Conversation::Everyone, text, why, ticket }));
    }

    /// It is in the log, and everyone is told.
    pub(super) fn broadcast_taken(&mut self, step: &mut Step<'_>, id: MessageId, text: String, ticket: Ticket) {
        let to = Conversation::Everyone;
        let now = step.now.date;
        let record = StoredMessage {
            name: name_of(&to, &self.me.user, id),
            text,
            date: now,
            arrived: now,
            mark: DeliveryStatus::Stored,
            since: now,
        };
        step.keep(vec![Write::History(HistoryWrite::Append(record.clone()))]);
        step.tell(Notice::Message(MessageNotice::Sent { ticket: Some(ticket), record }));
        step.tell(Notice::Message(MessageNotice::Marked {
            to,
            ids: vec![id],
            mark: DeliveryStatus::Stored,
            late: false,
        }));
    }

    pub(super) fn broadcast_came(&mut self, step: &mut Step<'_>, broadcast: &Broadcast) {
        let from = &broadcast.sender.userid;
        if step.is_blocked(from) || !self.is_genuine(step, broadcast) {
            return;
        }
        let Some(mut changes) = self.seen.note(from, broadcast.id) else { return };
        changes.push(super::arrived(
            step.now,
            Conversation::Everyone,
            from,
            broadcast.id,
            broadcast.message.clone(),
            broadcast.date,
            false,
        ));
        step.keep(changes);
        self.count_unread(&Conversation::Everyone);
        let arrival = Arrival {
            conversation: Conversation::Everyone,
            from: from.clone(),
            id: broadcast.id,
            text: broadcast.message.clone(),
            date: broadcast.date,
            waited: false,
        };
        step.tell(Notice::Message(MessageNotice::Arrived(vec![arrival])));
    }

    /// Whether the sender's terminal signed it, and the key behind that terminal is the pinned one.
    fn is_genuine(&self, step: &mut Step<'_>, broadcast: &Broadcast) -> bool {
        let sender = &broadcast.sender;
        let Ok(key) = PublicKey::from_pkcs1(&sender.publickey.0) else { return false };
        let certificate = &sender.certificate;
        let Broadcast { id, date, message, .. } = broadcast;
        let said = transcript::broadcast(&sender.userid, &certificate.terminal, &self.directory, id, *date, message);
        terminal::verify(certificate, &sender.userid, &key).is_ok()
            && verify_signature(&certificate.key, said.as_bytes(), &broadcast.signature.0).is_ok()
            && (sender.userid == self.me.user && key == self.me.key || step.is_pinned(&sender.userid, &key))
    }

    /// Asks for the last broadcasts.
    pub(super) fn ask_for_log(&mut self, step: &mut Step<'_>, count: usize) {
        if !self.desk.is_up() {
            return step.tell(Notice::Directory(DirectoryNotice::NoPeople));
        }
        self.desk.ask(step, BroadcastLogReq { before: None }, Asked::Log { count, entries: Vec::new() });
    }

    pub(super) fn log_came(
        &mut self,
        step: &mut Step<'_>,
        count: usize,
        mut records: Vec<StoredMessage>,
        log: &BroadcastLog,
    ) {
        for broadcast in &log.entries {
            if !step.is_blocked(&broadcast.sender.userid) && self.is_genuine(step, broadcast) {
                let from = &broadcast.sender.userid;
                let mark = if *from == self.me.user {
                    DeliveryStatus::Stored
                } else {
                    DeliveryStatus::Received { read: true }
                };
                records.push(StoredMessage {
                    name: name_of(&Conversation::Everyone, from, broadcast.id),
                    text: broadcast.message.clone(),
                    date: broadcast.date,
                    arrived: broadcast.taken,
                    mark,
                    since: broadcast.taken,
                });
            }
        }
        let last = log.entries.last().map(|broadcast| broadcast.number);
        if let (true, Some(before)) = (log.more && records.len() < count, last) {
            let asked = Asked::Log { count, entries: records };
            return self.desk.ask(step, BroadcastLogReq { before: Some(before) }, asked);
        }
        records.truncate(count);
        records.reverse();
        step.tell(Notice::Message(MessageNotice::History { with: Conversation::Everyone, records, unread: 0 }));
    }
}
