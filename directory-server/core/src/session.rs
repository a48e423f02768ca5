//! A connection that is logged in: lookups, lists, signs of life, logout (protocol section 6).
//!
//! What is answered from memory is answered at once by [`Session::handle`]; requests that need the store go on to
//! [`Session::ask`], and [`Session::push`] is what happens without a request. Dropping [`Session`] ends the presence.

use std::sync::Arc;
use std::time::Duration;

use common::msg::{
    Bye, ByeReason, Envelope, Error, ErrorCode, FromDirectory, LookupReq, Malformed, Message as _, Pong, RequestNumber,
    ToDirectory, Unreadable,
};
use common::window::{FixedWindow, Rate};

use super::Directory;
use super::login_stats::LookupOutcome;
use super::mailbox::Delivery;
use super::outbound::Push;
use super::passcode::Changes;
use super::presence::PresenceGuard;
use super::rooms::Uploading;
use super::store::{Store, StoreError};
use super::timestamp::{Timestamp, whole_seconds};

/// What was asked, if it was no message.
pub(super) const NO_MESSAGE: &str = "none";

/// What a frame comes to.
#[derive(Debug)]
pub enum Handled {
    /// This is the answer.
    Answered(Reply),
    /// The store is needed: [`Session::ask`] gives the answer.
    NeedsStore(Box<ToDirectory>),
}

/// What follows from a frame, or from what is told without one.
#[derive(Debug)]
pub enum Reply {
    /// Nothing to send.
    Silent,
    /// Send this message.
    Message(FromDirectory),
    /// Send this encoded message.
    Encoded(Arc<[u8]>),
    /// Send this message and close.
    Last(FromDirectory),
}

impl Reply {
    pub(super) fn error(code: ErrorCode) -> Self {
        Self::Last(Error::new(code).into())
    }

    /// Takes the place of the answer to `question`.
    pub(super) fn rate_limited(question: &str, wait: Duration) -> Self {
        let (to, retry_after) = (Some(question.to_owned()), Some(whole_seconds(wait)));
        Self::Message(Error { to, retry_after, ..Error::new(ErrorCode::RateLimited) }.into())
    }
}

impl From<StoreError> for Reply {
    /// The other side is told that its request was not carried out; the reason is for the log.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be carried out");
        Self::error(ErrorCode::Unavailable)
    }
}

/// A terminal that is present.
#[derive(Debug)]
pub struct Session {
    /// Its presence.
    pub presence: PresenceGuard,
    asked: &'static str,
    request: Option<RequestNumber>,
    questions: FixedWindow,
    pub(super) delivery: Delivery,
    pub(super) upload: Option<Uploading>,
    pub(super) changes: Changes,
    /// Whether others were told that this terminal can be added to rooms.
    pub(super) has_published: bool,
}

impl Session {
    /// A session that begins.
    #[must_use]
    pub fn new(presence: PresenceGuard) -> Self {
        Self {
            presence,
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
    pub fn handle<S>(&mut self, directory: &Directory<S>, now: Timestamp, payload: &[u8]) -> Handled {
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
        Handled::Answered(match decoded {
            Ok(ToDirectory::LookupReq(request)) => self.look_up(directory, now, &request),
            Ok(ToDirectory::ListReq(request)) => match self.may_ask(directory, now, "LISTREQ") {
                Ok(()) => Reply::Message(directory.presence.list(request.after.as_ref()).into()),
                Err(refusal) => refusal,
            },
            Ok(ToDirectory::Watch(watch)) => match self.may_ask(directory, now, "WATCH") {
                Ok(()) => {
                    directory.presence.watch(&self.presence, watch.users);
                    Reply::Silent
                }
                Err(refusal) => refusal,
            },
            // It makes work for others, so it is limited like a question.
            Ok(ToDirectory::Away(away)) => match self.may_ask(directory, now, "AWAY") {
                Ok(()) => {
                    directory.presence.set_away(self.presence.member(), away.text);
                    Reply::Silent
                }
                Err(refusal) => refusal,
            },
            Ok(ToDirectory::Upload(upload)) => self.upload(directory, &upload),
            Ok(ToDirectory::Ping(_)) => Reply::Message(Pong {}.into()),
            Ok(ToDirectory::Pong(_)) => Reply::Silent,
            Ok(ToDirectory::Logout(_)) => Reply::Last(Bye { reason: ByeReason::Ended }.into()),
            Ok(request) => return Handled::NeedsStore(Box::new(request)),
            Err(Malformed::UnknownType) => Reply::Message(Error::new(ErrorCode::UnknownMsgtype).into()),
            Err(Malformed::NotAMessage | Malformed::BadRequest | Malformed::BadFields { .. }) => {
                Reply::error(ErrorCode::Malformed)
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

    /// Answers what [`Session::handle`] could not. Answers go out in the order of the requests, so no frame is handled
    /// meanwhile.
    pub async fn ask<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, request: ToDirectory) -> Reply {
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
            _ => Reply::error(ErrorCode::OutOfOrder),
        }
    }

    /// Sends what the session did not ask for.
    pub async fn push<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, push: Push) -> Reply {
        match push {
            Push::End(reason) => Reply::Last(Bye { reason }.into()),
            Push::Mail => self.deliver(directory, now).await,
            Push::Message(payload) => Reply::Encoded(payload),
        }
    }

    fn look_up<S>(&mut self, directory: &Directory<S>, now: Timestamp, request: &LookupReq) -> Reply {
        if let Err(refusal) = self.may_ask(directory, now, "LOOKUPREQ") {
            directory.lookups.count(LookupOutcome::Limited);
            return refusal;
        }
        let honest = request.userid == *self.presence.user();
        let found = honest.then(|| directory.presence.lookup(&request.lookup)).flatten();
        directory.lookups.count(if found.is_some() { LookupOutcome::Found } else { LookupOutcome::NotFound });
        Reply::Encoded(found.unwrap_or_else(|| directory.presence.not_found()))
    }

    /// Whatever tells who or what there is draws from one budget: a page of a list tells no less than a lookup (threat
    /// L10).
    pub(super) fn may_ask<S>(&mut self, directory: &Directory<S>, now: Timestamp, question: &str) -> Result<(), Reply> {
        let rate = Rate::per_minute(directory.policy().lookups_per_minute);
        self.questions.count(now.elapsed(), rate).map_err(|wait| Reply::rate_limited(question, wait))
    }
}
