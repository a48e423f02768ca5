//! A connection before it is logged in: which message may come when (protocol section 5).
//!
//! [`Unauthenticated`] is moved from state to state by one frame at a time; a state holds exactly what is known then.
//! Whatever goes wrong leaves it idle or ends the connection. The deadline is fixed when the connection is accepted, so
//! that sending slowly gains nothing (threat L9). What the requests mean is in [`login`] and [`register`].

use std::net::SocketAddr;

use common::crypto::invite::InviteCode;
use common::limits::{Budget, FRAMES_BEFORE_LOGIN};
use common::msg::{
    Bye, ByeReason, Envelope, Error, ErrorCode, FromDirectory, Hello, InviteProof, InviteReq, LookupReply, Malformed,
    Message as _, Pong, Registration, RequestNumber, SeenReply, ToDirectory, Unreadable, Welcome,
};

use crate::admission::login_deadline;
use crate::authentication::{Authenticating, Proved};
use crate::directory::Directory;
use crate::origin::Origin;
use crate::records::IdStatus;
use crate::register::Registering;
use crate::session::NO_MESSAGE;
use crate::sources::Misbehaviour;
use crate::step::Step;
use crate::store::{Store, StoreResult};
use crate::timestamp::Timestamp;
use crate::{login, register, successions};

/// What has been agreed so far.
#[derive(Debug, Default)]
enum State {
    /// Nothing is under way.
    #[default]
    Idle,
    /// `REGISTERCHALLENGE` was sent.
    Registering(Box<Registering>),
    /// `AUTHCHALLENGE` was sent.
    Authenticating(Box<Authenticating>),
    /// `AUTHREPLY GRANTED` was sent.
    Granted(Box<Proved>),
}

impl State {
    /// What a handler has agreed and what it answers; or where it ended.
    fn after<T>(outcome: Result<(T, FromDirectory), Step>, state: fn(Box<T>) -> Self) -> (Self, Step) {
        match outcome {
            Ok((agreed, answer)) => (state(Box::new(agreed)), Step::Reply(answer)),
            Err(step) => (Self::Idle, step),
        }
    }
}

/// A connection that is not logged in.
#[derive(Debug)]
pub struct Unauthenticated {
    origin: Origin,
    deadline: Timestamp,
    frames: usize,
    asked: &'static str,
    request: Option<RequestNumber>,
    state: State,
    misbehaviour: Option<Misbehaviour>,
}

impl Unauthenticated {
    /// A connection accepted at `accepted`, whose TLS handshake is complete.
    #[must_use]
    pub fn new(origin: Origin, accepted: Timestamp) -> Self {
        let (state, misbehaviour) = (State::Idle, Some(Misbehaviour::LeftWithoutLogin));
        let (deadline, asked) = (login_deadline(accepted), NO_MESSAGE);
        Self { origin, deadline, frames: 0, asked, request: None, state, misbehaviour }
    }

    /// When the connection ends unless it has logged in.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// What it is penalised for if it ends now: nothing if its last request was answered to the end, because every
    /// honest start of a peer asks and leaves, and a refused login has a penalty of its own (threat L3).
    #[must_use]
    pub fn misbehaviour(&self) -> Option<Misbehaviour> {
        self.misbehaviour
    }

    /// Whether a login or a registration is under way. Each has been counted against the source that it comes from.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// The `msgtype` of the last frame.
    #[must_use]
    pub fn asked(&self) -> &'static str {
        self.asked
    }

    /// The number of the request in the last frame; its answer repeats it.
    #[must_use]
    pub fn request(&self) -> Option<RequestNumber> {
        self.request
    }

    /// Takes one frame.
    pub async fn handle<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, payload: &[u8]) -> Step {
        self.frames += 1;
        self.request = None;
        if now >= self.deadline || self.frames > FRAMES_BEFORE_LOGIN {
            self.misbehaviour = Some(Misbehaviour::TooSlow);
            return Step::Close(Bye { reason: ByeReason::Protocol }.into());
        }
        let decoded = Envelope::<ToDirectory>::decode(payload);
        self.asked = decoded.as_ref().map_or(NO_MESSAGE, |envelope| envelope.message.msgtype());
        let message = match decoded {
            Ok(Envelope { request, message }) => {
                self.request = request;
                message
            }
            Err(Unreadable { request, why }) => {
                self.request = request;
                return match why {
                    Malformed::UnknownType => Step::reply(Error::new(ErrorCode::UnknownMsgtype)),
                    Malformed::NotAMessage | Malformed::BadRequest | Malformed::BadFields { .. } => {
                        Step::error(ErrorCode::Malformed)
                    }
                };
            }
        };
        match message {
            ToDirectory::Ping(_) => Step::reply(Pong {}),
            ToDirectory::Pong(_) => Step::Silent,
            ToDirectory::Logout(_) => Step::Close(Bye { reason: ByeReason::Ended }.into()),
            // Whoever is not logged in gets the answer that says nothing.
            ToDirectory::LookupReq(_) => Step::reply(LookupReply::not_found()),
            // Who is asked about, and how fast the answer comes, must not be tried at will (threat L2).
            message @ (ToDirectory::Hello(_)
            | ToDirectory::InviteReq(_)
            | ToDirectory::RegisterReq(_)
            | ToDirectory::SeenReq(_)) => {
                let allowance = directory.policy().allowance(Budget::Questions);
                let drawn = directory.sources().draw(self.origin.source(), now, Budget::Questions, allowance);
                match drawn {
                    Ok(()) => self.advance(directory, now, message).await,
                    Err(wait) => Step::rate_limited(message.msgtype(), wait),
                }
            }
            message => self.advance(directory, now, message).await,
        }
    }

    async fn advance<S: Store>(&mut self, directory: &Directory<S>, now: Timestamp, message: ToDirectory) -> Step {
        let origin = self.origin;
        let (state, step) = match (std::mem::take(&mut self.state), message) {
            (State::Idle, ToDirectory::Hello(hello)) => {
                (State::Idle, welcome(directory, now, hello).await.unwrap_or_else(Step::from))
            }
            (State::Idle, ToDirectory::InviteReq(request)) => {
                (State::Idle, prove_invitation(directory, origin, now, request).await.unwrap_or_else(Step::from))
            }
            (State::Idle, ToDirectory::SeenReq(request)) => {
                let at = SocketAddr::new(origin.seen().ip(), request.port);
                let seen = directory.presence.see(&request.token, at, now);
                (State::Idle, Step::reply(seen.map_or_else(SeenReply::refused, |()| SeenReply::at(at))))
            }
            (State::Idle, ToDirectory::RegisterReq(request)) => {
                State::after(register::begin(directory, origin, now, request).await, State::Registering)
            }
            (State::Registering(registering), ToDirectory::RegisterUpload(upload)) => {
                (State::Idle, register::finish(directory, origin, now, *registering, upload).await)
            }
            (State::Idle, ToDirectory::AuthReq(request)) => {
                State::after(login::begin(directory, origin, now, request).await, State::Authenticating)
            }
            (State::Authenticating(login), ToDirectory::AuthProof(proof)) => {
                State::after(login::prove(directory, origin, now, *login, &proof).await, State::Granted)
            }
            (State::Granted(granted), ToDirectory::FormerReq(request)) => {
                match successions::former(directory, &granted.user, request).await {
                    Ok(reply) => (State::Granted(granted), Step::reply(reply)),
                    Err(error) => (State::Idle, error.into()),
                }
            }
            (State::Granted(granted), ToDirectory::Announce(announce)) => {
                (State::Idle, login::announce(directory, origin, now, &granted, announce).await)
            }
            _ => (State::Idle, Step::error(ErrorCode::OutOfOrder)),
        };
        self.misbehaviour = match (&state, &step) {
            (State::Idle | State::Granted(_), Step::Reply(_)) => None,
            _ => Some(Misbehaviour::LeftWithoutLogin),
        };
        self.state = state;
        step
    }
}

async fn welcome<S: Store>(directory: &Directory<S>, now: Timestamp, hello: Hello) -> StoreResult<Step> {
    let policy = directory.policy();
    let (known, refused) = match policy.registration {
        Registration::Open => match directory.store.id_status(&hello.userid, directory.date(now)).await? {
            IdStatus::Taken => (Some(true), None),
            id_status => (Some(false), register::kept_back(&hello.userid, &id_status)),
        },
        Registration::Invite | Registration::Closed => (None, None),
    };
    Ok(Step::reply(Welcome { registration: policy.registration, known, refused, passcode_min: policy.passcode_min }))
}

async fn prove_invitation<S: Store>(
    directory: &Directory<S>,
    origin: Origin,
    now: Timestamp,
    request: InviteReq,
) -> StoreResult<Step> {
    // Looks like a proof, and stays the same on this connection, so that nobody learns who is invited (threat L2). Both
    // are computed for everybody, so that the time tells nothing either.
    let channel = origin.channel(&request.userid, &directory.key);
    let fake = directory.secret.fake_proof(channel);
    let Ok(nobody_s) = InviteCode::generate() else { return Ok(Step::error(ErrorCode::Unavailable)) };
    let id_status = directory.store.id_status(&request.userid, directory.date(now)).await?;
    let code = if let IdStatus::Invited(code) = &id_status { code } else { &nobody_s };
    let real = code.directory_proof(channel);
    let proof = if matches!(id_status, IdStatus::Invited(_)) { real } else { fake };
    Ok(Step::reply(InviteProof { proof }))
}

#[cfg(test)]
mod tests {
    use common::limits::LOGIN_DEADLINE;
    use common::msg::{AuthProof, Blob, Ping, RegisterUpload};
    use futures::executor::block_on;

    use super::*;
    use crate::closed_store::{NOW, directory, policy};

    fn connection() -> Unauthenticated {
        Unauthenticated::new(Origin { address: [192, 0, 2, 7].into(), port: 50_000, exporter: [2; 32] }, NOW)
    }

    #[test]
    fn a_connection_has_sixty_four_frames_and_ten_seconds() {
        let (directory, ping) = (directory(policy()), ToDirectory::from(Ping {}).encode());
        let mut many = connection();
        for frame in 1..=FRAMES_BEFORE_LOGIN {
            assert!(matches!(block_on(many.handle(&directory, NOW, &ping)), Step::Reply(_)), "frame {frame}");
        }
        assert!(matches!(block_on(many.handle(&directory, NOW, &ping)), Step::Close(FromDirectory::Bye(_))));
        assert_eq!(many.misbehaviour(), Some(Misbehaviour::TooSlow));

        let mut slow = connection();
        let last = NOW + (LOGIN_DEADLINE - std::time::Duration::from_nanos(1));
        assert!(matches!(block_on(slow.handle(&directory, last, &ping)), Step::Reply(_)));
        assert_ne!(slow.misbehaviour(), Some(Misbehaviour::TooSlow));
        assert!(matches!(block_on(slow.handle(&directory, NOW + LOGIN_DEADLINE, &ping)), Step::Close(_)));
        assert_eq!(slow.misbehaviour(), Some(Misbehaviour::TooSlow));
    }

    #[test]
    fn what_answers_nothing_that_was_asked_is_out_of_order() {
        let blob = || Blob(vec![1; 64]);
        let publickey = common::msg::Hex(Vec::new());
        let upload = RegisterUpload { passcode: blob(), vault: blob(), publickey, signature: blob() };
        let early: [ToDirectory; 2] = [AuthProof { passcode: blob() }.into(), upload.into()];
        for message in early {
            let (directory, mut connection) = (directory(policy()), connection());
            match block_on(connection.handle(&directory, NOW, &message.encode())) {
                Step::Close(FromDirectory::Error(error)) => assert_eq!(error.code, ErrorCode::OutOfOrder),
                other => panic!("{other:?}"),
            }
            assert_eq!(connection.misbehaviour(), Some(Misbehaviour::LeftWithoutLogin));
        }
    }
}
