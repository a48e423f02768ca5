//! What follows from one frame before login, and what every handler before login knows of the connection.

use std::net::IpAddr;
use std::time::Duration;

use common::crypto::transcript::Channel;
use common::ident::{KeyDigest, UserId};
use common::msg::{Error, ErrorCode, FromDirectory};

use crate::session::Session;
use crate::sources::Source;
use crate::store::StoreError;
use crate::timestamp::whole_seconds;

/// Where a connection comes from and what makes it unique.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The other side's address.
    pub address: IpAddr,
    /// TLS exporter of the connection.
    pub exporter: [u8; 32],
}

impl Origin {
    /// What penalties and counts apply to.
    #[must_use]
    pub fn source(&self) -> Source {
        Source::of(self.address)
    }

    /// What transcripts of this connection are bound to.
    pub(crate) fn channel<'a>(&'a self, user: &'a UserId, directory: &'a KeyDigest) -> Channel<'a> {
        Channel { user, directory, exporter: &self.exporter }
    }
}

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
