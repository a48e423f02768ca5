//! A fresh proof of the passcode within a session, before its account is changed (decision D33; protocol section 5.6; threat
//! L14): the messages of a login, counted like one.
//!
//! What it is good for is decided where it is used: [`crate::passcode`] changes the passcode, [`crate::terminals`] removes
//! a terminal.

use common::ident::CredentialId;
use common::limits::PROOF_VALID;
use common::msg::{AuthProof, AuthReq, ErrorCode, Member};

use crate::authentication::{self, Authenticating, NotAuthenticated, Proved};
use crate::directory::Directory;
use crate::origin::Origin;
use crate::reply::Reply;
use crate::store::Store;
use crate::timestamp::Timestamp;

/// The passcode as it was proved last in one session.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing is under way.
    #[default]
    None,
    /// `AUTHCHALLENGE` was sent.
    Begun(Box<Authenticating>),
    /// `AUTHREPLY GRANTED` was sent.
    Proved(Fresh),
}

/// What was proved, and when.
#[derive(Debug, Clone)]
pub(crate) struct Fresh {
    /// Against which credentials.
    pub(crate) credential: CredentialId,
    /// Against which record of these.
    pub(crate) record: Vec<u8>,
    at: Timestamp,
}

impl Proof {
    /// Answers `AUTHREQ`.
    pub(crate) async fn begin<S: Store>(
        &mut self,
        directory: &Directory<S>,
        origin: Origin,
        member: &Member,
        now: Timestamp,
        request: AuthReq,
    ) -> Reply {
        self.state = State::None;
        if request.userid != member.userid || request.terminal != member.terminal {
            return Reply::error(ErrorCode::OutOfOrder);
        }
        match authentication::begin(directory, origin, now, request).await {
            Ok((authenticating, challenge)) => {
                self.state = State::Begun(Box::new(authenticating));
                Reply::Message(challenge.into())
            }
            Err(why) => why.into(),
        }
    }

    /// Answers `AUTHPROOF`.
    pub(crate) async fn finish<S: Store>(
        &mut self,
        directory: &Directory<S>,
        origin: Origin,
        now: Timestamp,
        proof: &AuthProof,
    ) -> Reply {
        let State::Begun(authenticating) = std::mem::take(&mut self.state) else {
            return Reply::error(ErrorCode::OutOfOrder);
        };
        match authentication::prove(directory, origin, now, *authenticating, proof).await {
            Ok((Proved { credential, record, .. }, reply)) => {
                self.state = State::Proved(Fresh { credential, record, at: now });
                Reply::Message(reply.into())
            }
            Err(why) => why.into(),
        }
    }

    /// The proof, if there is one that is fresh.
    pub(crate) fn fresh(&self, now: Timestamp) -> Option<&Fresh> {
        match &self.state {
            State::Proved(fresh) if now.since(fresh.at) < PROOF_VALID => Some(fresh),
            State::None | State::Begun(_) | State::Proved(_) => None,
        }
    }

    /// Uses it up: it is good for one change.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<Fresh> {
        let fresh = self.fresh(now).cloned();
        self.state = State::None;
        fresh
    }
}

impl From<NotAuthenticated> for Reply {
    fn from(why: NotAuthenticated) -> Self {
        match why {
            NotAuthenticated::Refused(reply) => Self::Message(reply.into()),
            NotAuthenticated::Error(code) => Self::error(code),
            NotAuthenticated::Store(error) => error.into(),
        }
    }
}
