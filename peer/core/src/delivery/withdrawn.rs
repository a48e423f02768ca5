//! Messages that the directory had stored and has dropped (decision D32): they have failed, and wait for the user to send
//! them again, under the same id.
//!
//! A receipt outranks a report. What is on its way again has not failed. A message that is not under way any more, because
//! it was sent to a group or at another terminal, is looked up in the history ([`Effect::Recall`]); the directory is told
//! only when all of a batch is written.

use common::ident::{MessageId, UserId};
use common::msg::{Body, Letter, WithdrawnAck, WithdrawnMessage};

use super::Delivery;
use super::outbox::{Entry, Route};
use crate::command::Ticket;
use crate::context::Context;
use crate::event::Effect;
use crate::model::{Conversation, DeliveryStatus, MessageKey, StoredMessage};
use crate::notice::MessageNotice;
use crate::persistence::{HistoryWrite, Write};
use crate::request::{DirectoryRequest, Request};

/// Reports that are being worked off.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// The last of them; nothing if all were confirmed.
    last: Option<u64>,
    /// Those whose messages are being looked up.
    recalled: Vec<(MessageKey, WithdrawnMessage)>,
}

impl Delivery {
    /// The directory has dropped messages of ours.
    pub(crate) fn handle_withdrawn(
        &mut self,
        cx: &mut Context,
        reports: Vec<(Conversation, WithdrawnMessage)>,
    ) -> Vec<Request> {
        for (to, report) in reports {
            self.reports.last = Some(report.report);
            match self.outbox.find(&to, &report.id) {
                Some(number) => self.withdraw(cx, &to, number, &report),
                None => {
                    let name = MessageKey::new(&to, &cx.me.user, report.id);
                    cx.push(Effect::Recall(Box::new(name.clone())));
                    self.reports.recalled.push((name, report));
                }
            }
        }
        self.confirm_reports()
    }

    /// The history has been asked for a message.
    pub(crate) fn handle_recalled(
        &mut self,
        cx: &mut Context,
        name: &MessageKey,
        record: Option<StoredMessage>,
    ) -> Vec<Request> {
        let Some(place) = self.reports.recalled.iter().position(|(asked, _)| asked == name) else {
            self.handle_looked_up(cx, name, record);
            return Vec::new();
        };
        let (_, report) = self.reports.recalled.swap_remove(place);
        let to = &name.conversation;
        match (self.outbox.find(to, &name.id), record) {
            // Another report about it has brought it back meanwhile.
            (Some(number), _) => self.withdraw(cx, to, number, &report),
            (None, Some(record)) if record.mark == DeliveryStatus::Stored => {
                self.withdraw_stored(cx, &record, &report);
            }
            // Confirmed.
            (None, Some(_)) => {}
            // Forgotten, never written here, or not here yet.
            (None, None) => self.handle_report_elsewhere(cx, name, report),
        }
        self.confirm_reports()
    }

    /// The directory has dropped a text that is not under way any more.
    pub(super) fn withdraw_stored(&mut self, cx: &mut Context, record: &StoredMessage, report: &WithdrawnMessage) {
        let (to, id) = (&record.name.conversation, record.name.id);
        let number = self.outbox.find(to, &id).unwrap_or_else(|| {
            let letter = Letter { id, date: record.date, body: Body::Text { text: record.text.clone() } };
            self.outbox.add_stored(to, letter, cx.now.date)
        });
        self.withdraw(cx, to, number, report);
    }

    /// The session is gone: reports that were not confirmed come again.
    pub(super) fn forget_reports(&mut self) {
        self.reports = Reports::default();
    }

    fn confirm_reports(&mut self) -> Vec<Request> {
        if !self.reports.recalled.is_empty() {
            return Vec::new();
        }
        let confirmed = self.reports.last.take();
        let tell = |upto| Request::Directory(DirectoryRequest::Tell(WithdrawnAck { upto }.into()));
        confirmed.map(tell).into_iter().collect()
    }

    fn withdraw(&mut self, cx: &mut Context, to: &Conversation, number: u64, report: &WithdrawnMessage) {
        let Some((text, users, changed)) = self.outbox.withdraw(to, number, report, cx.now.date) else { return };
        cx.write([changed]);
        let (id, reason) = (report.id, report.reason);
        let mark = DeliveryStatus::Withdrawn(reason);
        let name = MessageKey::new(to, &cx.me.user, id);
        cx.write([Write::History(HistoryWrite::SetMark { name, mark, since: cx.now.date })]);
        cx.tell(MessageNotice::Marked { to: to.clone(), ids: vec![id], mark, late: false });
        cx.tell(MessageNotice::Withdrawn { to: to.clone(), id, text, users, reason });
    }

    /// The user sends again what has failed. To a group only if `readers`, whom the user has been shown, are those who
    /// would read it now; otherwise the user is asked.
    pub(crate) fn send_again(
        &mut self,
        cx: &mut Context,
        (to, id): (Conversation, Option<MessageId>),
        readers: Option<&[UserId]>,
        readers_now: Vec<UserId>,
        ticket: Ticket,
    ) {
        let failed = self.outbox.queue(&to).filter(|(_, entry)| entry.route == Route::Withdrawn);
        let last = failed.filter(|(_, entry)| id.is_none_or(|id| entry.letter.id == id)).last();
        let text = |(number, entry): (u64, &Entry)| Some((number, entry.letter.id, entry.text()?.to_owned()));
        let Some((number, id, text)) = last.and_then(text) else {
            return cx.tell(MessageNotice::NotFailed { to, ticket });
        };
        if matches!(to, Conversation::Group(_)) && readers != Some(readers_now.as_slice()) {
            return cx.tell(MessageNotice::Readers { to, id, text, users: readers_now, ticket });
        }
        cx.write(self.outbox.send_again(&to, number, cx.now.date));
        let name = MessageKey::new(&to, &cx.me.user, id);
        let (mark, since) = (DeliveryStatus::Queued, cx.now.date);
        cx.write([Write::History(HistoryWrite::SetMark { name, mark, since })]);
        cx.tell(MessageNotice::Again { to: to.clone(), id, text, ticket });
        cx.tell(MessageNotice::Marked { to: to.clone(), ids: vec![id], mark, late: false });
        self.scheduler.announce(&to);
    }
}
