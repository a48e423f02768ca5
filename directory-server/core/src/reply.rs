//! What a session sends: the answer to a request, or what is pushed to it.

use std::sync::Arc;
use std::time::Duration;

use common::msg::{Error, ErrorCode, FromDirectory};

use crate::store::StoreError;
use crate::timestamp::whole_seconds;

/// What follows from a frame, or from what is pushed without one.
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
    /// Ends the session with an error.
    pub(crate) fn error(code: ErrorCode) -> Self {
        Self::Last(Error::new(code).into())
    }

    /// Takes the place of the answer to `question`.
    pub(crate) fn rate_limited(question: &str, wait: Duration) -> Self {
        let (to, retry_after) = (Some(question.to_owned()), Some(whole_seconds(wait)));
        Self::Message(Error { to, retry_after, ..Error::new(ErrorCode::RateLimited) }.into())
    }
}

impl From<StoreError> for Reply {
    /// The other side learns that its request was not carried out; the reason is for the log.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be carried out");
        Self::error(ErrorCode::Unavailable)
    }
}
