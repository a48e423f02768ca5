//! What follows from one frame before login.

use std::time::Duration;

use common::msg::{Error, ErrorCode, FromDirectory};

use crate::session::Session;
use crate::store::StoreError;
use crate::timestamp::whole_seconds;

/// What follows from one frame.
#[derive(Debug)]
pub enum Step {
    /// Nothing to send.
    Silent,
    /// Send this; the connection goes on.
    Reply(FromDirectory),
    /// Send this and close.
    Close(FromDirectory),
    /// Send this; the terminal is present from now on.
    Enter(Box<Session>, FromDirectory),
}

impl Step {
    pub(crate) fn reply(message: impl Into<FromDirectory>) -> Self {
        Self::Reply(message.into())
    }

    /// Takes the place of the answer to `question`.
    pub(crate) fn rate_limited(question: &str, wait: Duration) -> Self {
        let (to, retry_after) = (Some(question.to_owned()), Some(whole_seconds(wait)));
        Self::reply(Error { to, retry_after, ..Error::new(ErrorCode::RateLimited) })
    }

    pub(crate) fn error(code: ErrorCode) -> Self {
        Self::Close(Error::new(code).into())
    }
}

impl From<StoreError> for Step {
    /// The other side learns that its request was not carried out; the reason is for the log.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be carried out");
        Self::error(ErrorCode::Unavailable)
    }
}
