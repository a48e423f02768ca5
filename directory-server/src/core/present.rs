//! A connection that is logged in: lookups, lists, signs of life, logout (protocol section 6).
//!
//! Synchronous and free of the store: everything is answered from memory. Dropping [`Present`] ends the presence.

use std::sync::Arc;
use std::time::Duration;

use common::msg::{
    Bye, ByeReason, Error, ErrorCode, FromDirectory, LookupReq, Malformed, Message as _, Pong, ToDirectory,
};

use super::Directory;
use super::moment::{Moment, whole_seconds};
use super::online::Attendance;
use super::sources::Window;

const MINUTE: Duration = Duration::from_secs(60);

/// What follows from one frame.
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

/// A terminal that is present.
#[derive(Debug)]
pub struct Present {
    /// Its presence.
    pub attendance: Attendance,
    questions: Window,
}

impl Present {
    pub(crate) fn new(attendance: Attendance) -> Self {
        Self { attendance, questions: Window::default() }
    }

    /// Takes one frame.
    pub fn handle<S>(&mut self, directory: &Directory<S>, now: Moment, payload: &[u8]) -> Answer {
        match ToDirectory::decode(payload) {
            Ok(ToDirectory::LookupReq(request)) => self.look_up(directory, now, &request),
            Ok(ToDirectory::ListReq(request)) => match self.may_ask(directory, now, "LISTREQ") {
                Ok(()) => Answer::Message(directory.online.list(request.after.as_ref()).into()),
                Err(refusal) => refusal,
            },
            Ok(ToDirectory::Ping(_)) => Answer::Message(Pong {}.into()),
            Ok(ToDirectory::Pong(_)) => Answer::Silent,
            Ok(ToDirectory::Logout(_)) => Answer::Last(Bye { reason: ByeReason::Ended }.into()),
            Ok(_) => Answer::Last(Error::new(ErrorCode::OutOfOrder).into()),
            Err(Malformed::UnknownType) => Answer::Message(Error::new(ErrorCode::UnknownMsgtype).into()),
            Err(Malformed::NotAMessage | Malformed::BadFields { .. }) => {
                Answer::Last(Error::new(ErrorCode::Malformed).into())
            }
        }
    }

    fn look_up<S>(&mut self, directory: &Directory<S>, now: Moment, request: &LookupReq) -> Answer {
        if let Err(refusal) = self.may_ask(directory, now, "LOOKUPREQ") {
            return refusal;
        }
        if request.userid != *self.attendance.user() {
            return Answer::Encoded(directory.online.not_found());
        }
        Answer::Encoded(directory.online.lookup(&request.lookup))
    }

    /// Lookups and lists draw from one budget: a page of a list tells no less than a lookup (threat L10).
    fn may_ask<S>(&mut self, directory: &Directory<S>, now: Moment, question: &str) -> Result<(), Answer> {
        let limit = directory.policy().lookups_per_minute;
        self.questions.count(now, MINUTE, limit).map_err(|wait| {
            let (to, retry_after) = (Some(question.to_owned()), Some(whole_seconds(wait)));
            Answer::Message(Error { to, retry_after, ..Error::new(ErrorCode::RateLimited) }.into())
        })
    }
}
