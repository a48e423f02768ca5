//! A connection that is logged in: lookups, lists, signs of life, logout (protocol section 6).
//!
//! What is answered from memory is answered at once by [`Present::handle`]; requests that need the store go on to
//! [`Present::ask`], and [`Present::push`] is what happens without a request. Dropping [`Present`] ends the presence.

use std::sync::Arc;
use std::time::Duration;

use common::msg::{
    Bye, ByeReason, Envelope, Error, ErrorCode, FromDirectory, LookupReq, Malformed, Message as _, Pong, RequestNumber,
    ToDirectory, Unreadable,
};
use common::window::{FixedWindow, Rate};

use super::Directory;
use super::mailbox::Delivery;
use super::moment::{Moment, whole_seconds};
use super::online::Attendance;
use super::passcode::Changes;
use super::pushes::Push;
use super::rooms::Uploading;
use super::store::{Store, StoreError};
use super::tally::Lookup;

/// What was asked, if it was no message.
pub(super) const NO_MESSAGE: &str = "none";

/// What a frame comes to.
#[derive(Debug)]
pub enum Heard {
    /// This is the answer.
    Answered(Answer),
    /// The store is needed: [`Present::ask`] gives the answer.
    Asked(Box<ToDirectory>),
}

/// What follows from a frame, or from what is told without one.
#[derive(Debug)]
pub enum Answer {
    /// Nothing to send.
    Silent,
    /// Send this message.
    Message(FromDirectory),
    /// Send this encoded message.
    Encoded(Arc<[u8]>),
    /// Send this message and close.
    Last(FromDirectory),
}

impl Answer {
    pub(super) fn error(code: ErrorCode) -> Self {
        Self::Last(Error::new(code).into())
    }

    /// Takes the place of the answer to `question`.
    pub(super) fn rate_limited(question: &str, wait: Duration) -> Self {
        let (to, retry_after) = (Some(question.to_owned()), Some(whole_seconds(wait)));
        Self::Message(Error { to, retry_after, ..Error::new(ErrorCode::RateLimited) }.into())
    }
}

impl From<StoreError> for Answer {
    /// The other side is told that its request was not carried out; the reason is for the log.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be carried out");
        Self::error(ErrorCode::Unavailable)
    }
}

/// A terminal that is present.
#[derive(Debug)]
pub struct Present {
    /// Its presence.
    pub attendance: Attendance,
    asked: &'static str,
    request: Option<RequestNumber>,
    questions: FixedWindow,
    pub(super) delivery: Delivery,
    pub(super) upload: Option<Uploading>,
    pub(super) changes: Changes,
    /// Whether others were told that this terminal can be added to rooms.
    pub(super) has_published: bool,
}

impl Present {
    /// A session that begins.
    #[must_use]
    pub fn new(attendance: Attendance) -> Self {
        Self {
            attendance,
            asked: NO_MESSAGE,
            request: None,
            questions: FixedWindow::default(),
            delivery: Delivery::default(),
            upload: None,
            changes: Changes::default(),
            has_published: false,
        }
    }

    /// Takes one frame.
    pub fn handle<S>(&mut self, directory: &Directory<S>, now: Moment, payload: &[u8]) -> Heard {
        let decoded = match Envelope::<ToDirectory>::decode(payload) {
            Ok(Envelope { request, message }) => {
                self.request = request;
                Ok(message)
            }
            Err(Unreadable { request, why }) => {
                self.request = request;
                Err(why)
            }
        };
        self.asked = decoded.as_ref().map_or(NO_MESSAGE, |message| message.msgtype());
        Heard::Answered(match decoded {
            Ok(ToDirectory::LookupReq(request)) => self.look_up(directory, now, &request),
            Ok(ToDirectory::ListReq(request)) => match self.may_ask(directory, now, "LISTREQ") {
                Ok(()) => Answer::Message(directory.online.list(request.after.as_ref()).into()),
                Err(refusal) => refusal,
            },
            Ok(ToDirectory::Watch(watch)) => match self.may_ask(directory, now, "WATCH") {
                Ok(()) => {
                    directory.online.watch(&self.attendance, watch.users);
                    Answer::Silent
                }
                Err(refusal) => refusal,
            },
            // It makes work for others, so it is limited like a question.
            Ok(ToDirectory::Away(away)) => match self.may_ask(directory, now, "AWAY") {
                Ok(()) => {
                    directory.online.set_away(self.attendance.member(), away.text);
                    Answer::Silent
                }
                Err(refusal) => refusal,
            },
            Ok(ToDirectory::Upload(upload)) => self.upload(directory, &upload),
            Ok(ToDirectory::Ping(_)) => Answer::Message(Pong {}.into()),
            Ok(ToDirectory::Pong(_)) => Answer::Silent,
            Ok(ToDirectory::Logout(_)) => Answer::Last(Bye { reason: ByeReason::Ended }.into()),
            Ok(request) => return Heard::Asked(Box::new(request)),
            Err(Malformed::UnknownType) => Answer::Message(Error::new(ErrorCode::UnknownMsgtype).into()),
            Err(Malformed::NotAMessage | Malformed::BadRequest | Malformed::BadFields { .. }) => {
                Answer::error(ErrorCode::Malformed)
            }
        })
    }

    /// The `msgtype` of the last frame.
    #[must_use]
    pub fn asked(&self) -> &'static str {
        self.asked
    }

    /// The number of the request in the last frame; its answer repeats it, and nothing else does.
    #[must_use]
    pub fn request(&self) -> Option<RequestNumber> {
        self.request
    }

    /// Answers what [`Present::handle`] could not. Answers go out in the order of the requests, so no frame is handled
    /// meanwhile.
    pub async fn ask<S: Store>(&mut self, directory: &Directory<S>, now: Moment, request: ToDirectory) -> Answer {
        match request {
            ToDirectory::MailboxReq(_) => self.open_mailbox(directory, now).await,
            ToDirectory::MailboxAck(ack) => self.acknowledge(directory, ack).await,
            ToDirectory::FetchReq(request) => self.fetch(directory, request).await,
            ToDirectory::MailboxPut(put) => self.put(directory, now, put).await,
            ToDirectory::CommitReq(request) => self.commit(directory, now, request).await,
            ToDirectory::GroupReq(request) => self.find_group(directory, now, request).await,
            ToDirectory::KeyPackagePut(put) => self.publish(directory, put).await,
            ToDirectory::KeyPackageReq(request) => self.take_key_packages(directory, now, request).await,
            ToDirectory::TerminalsReq(request) => self.terminals(directory, now, request).await,
            ToDirectory::TerminalRemove(request) => self.remove_terminal(directory, request).await,
            ToDirectory::CertificatesReq(request) => self.certificates(directory, request).await,
            ToDirectory::BroadcastReq(request) => self.broadcast(directory, now, request).await,
            ToDirectory::BroadcastLogReq(request) => self.read_log(directory, now, request).await,
            ToDirectory::PasscodeReq(request) => self.begin_change(directory, now, request).await,
            ToDirectory::PasscodeUpload(upload) => self.change(directory, upload).await,
            // Whatever belongs before login.
            _ => Answer::error(ErrorCode::OutOfOrder),
        }
    }

    /// Sends what the session did not ask for.
    pub async fn push<S: Store>(&mut self, directory: &Directory<S>, now: Moment, push: Push) -> Answer {
        match push {
            Push::End(reason) => Answer::Last(Bye { reason }.into()),
            Push::Mail => self.deliver(directory, now).await,
            Push::Message(payload) => Answer::Encoded(payload),
        }
    }

    fn look_up<S>(&mut self, directory: &Directory<S>, now: Moment, request: &LookupReq) -> Answer {
        if let Err(refusal) = self.may_ask(directory, now, "LOOKUPREQ") {
            directory.lookups.count(Lookup::Limited);
            return refusal;
        }
        let honest = request.userid == *self.attendance.user();
        let found = honest.then(|| directory.online.lookup(&request.lookup)).flatten();
        directory.lookups.count(if found.is_some() { Lookup::Found } else { Lookup::NotFound });
        Answer::Encoded(found.unwrap_or_else(|| directory.online.not_found()))
    }

    /// Whatever tells who or what there is draws from one budget: a page of a list tells no less than a lookup (threat
    /// L10).
    pub(super) fn may_ask<S>(&mut self, directory: &Directory<S>, now: Moment, question: &str) -> Result<(), Answer> {
        let rate = Rate::per_minute(directory.policy().lookups_per_minute);
        self.questions.count(now.elapsed(), rate).map_err(|wait| Answer::rate_limited(question, wait))
    }
}
