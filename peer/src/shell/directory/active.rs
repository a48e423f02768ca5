//! A session while its connection stands: frames in, frames out, signs of life (protocol sections 3.4, 6.3 and 6.4).
//!
//! It matches no answers: messages of the directory go to the engine with the number they came with. A message of a
//! msgtype that this version does not know ends nothing.

use std::sync::Arc;
use std::time::Instant;

use async_channel::Receiver;
use common::frame::Padding;
use common::limits::{DEAD_AFTER, PING_AFTER};
use common::link::LinkError;
use common::msg::features::PROOF;
use common::msg::{
    AuthRefusal, AuthReply, AuthStatus, ByeReason, Envelope, ErrorCode, Features, FromDirectory, Logout, Malformed,
    Ping, Pong, RequestNumber, ToDirectory, Unreadable,
};
use futures::{FutureExt as _, select_biased};
use peer_core::event::{Input, PasscodeStep};
use peer_core::notice::{DirectoryLoss, LoggedOut};

use super::DirectoryConnection;
use super::login::Credentials;
use super::passcode::Change;
use super::request::{DirectoryRequest, PasscodeWish};
use crate::shell::events::Events;
use crate::shell::rt;

/// Frames of the directory that are handled before the other tasks of the terminal get their turn. Chosen arbitrarily.
const TURN: u32 = 16;

/// How a connection to the directory ended.
pub(super) enum Over {
    /// For good.
    LoggedOut(LoggedOut),
    /// To be tried again.
    Lost(DirectoryLoss),
}

/// A session while its connection stands.
pub(super) struct ActiveSession<'a> {
    connection: &'a mut DirectoryConnection,
    requests: &'a Receiver<DirectoryRequest>,
    events: &'a Events,
    credentials: &'a Arc<Credentials>,
    change: &'a mut Change,
    /// What the directory understands.
    features: &'a Features,
    heard: Instant,
    pinged: bool,
    /// `LOGOUT` was said: however the connection ends now, nobody wants another one.
    is_leaving: bool,
    /// The directory has said that it cannot keep its promise.
    is_unavailable: bool,
    /// What came was no message.
    is_broken: bool,
}

impl<'a> ActiveSession<'a> {
    pub(super) fn new(
        connection: &'a mut DirectoryConnection,
        requests: &'a Receiver<DirectoryRequest>,
        events: &'a Events,
        credentials: &'a Arc<Credentials>,
        change: &'a mut Change,
        features: &'a Features,
    ) -> Self {
        let heard = Instant::now();
        Self {
            connection,
            requests,
            events,
            credentials,
            change,
            features,
            heard,
            pinged: false,
            is_leaving: false,
            is_unavailable: false,
            is_broken: false,
        }
    }

    /// Carries messages until the connection ends.
    pub(super) async fn run(mut self) -> Over {
        let mut frames: u32 = 0;
        loop {
            let due = if self.pinged { DEAD_AFTER } else { PING_AFTER };
            let silence = due.saturating_sub(self.heard.elapsed());
            // What our side wants first, so that no flood keeps it from logging out.
            let step = select_biased! {
                request = self.requests.recv().fuse() => self.take(request.unwrap_or(DirectoryRequest::Logout)).await,
                received = self.connection.link.next().fuse() => {
                    frames = frames.wrapping_add(1);
                    if frames.is_multiple_of(TURN) {
                        rt::yield_now().await;
                    }
                    self.received(received).await
                }
                () = rt::sleep(silence).fuse() => self.silent(),
            };
            match step {
                Ok(None) => {}
                Ok(Some(why)) => return Over::LoggedOut(why),
                Err(_) if self.is_leaving => return Over::LoggedOut(LoggedOut::Asked),
                Err(error) => return Over::Lost(self.loss(&error)),
            }
        }
    }

    /// Why the connection is gone. A directory says that it cannot go on before it closes.
    fn loss(&self, error: &LinkError) -> DirectoryLoss {
        match error {
            _ if self.is_unavailable => DirectoryLoss::Unavailable,
            _ if self.is_broken => DirectoryLoss::Broken,
            LinkError::Lost | LinkError::Io(_) | LinkError::TooSlow => DirectoryLoss::Network,
            LinkError::Tls(_) | LinkError::Frame(_) => DirectoryLoss::Broken,
        }
    }

    async fn take(&mut self, request: DirectoryRequest) -> Result<Option<LoggedOut>, LinkError> {
        match request {
            DirectoryRequest::Hurry => {}
            DirectoryRequest::LogInAgain => return Err(LinkError::Lost),
            DirectoryRequest::Send(envelope) => self.send(&envelope)?,
            DirectoryRequest::ProvePasscode { request, wish } => self.prove(request, wish).await?,
            DirectoryRequest::Passcode(step) => self.passcode(step).await?,
            DirectoryRequest::Logout => {
                self.is_leaving = true;
                self.send(&ToDirectory::from(Logout {}).into())?;
            }
        }
        Ok(None)
    }

    /// Proves the passcode; to a directory that takes no proofs nothing is said, and this terminal judges by itself.
    async fn prove(&mut self, request: RequestNumber, wish: PasscodeWish) -> Result<(), LinkError> {
        if self.features.include(PROOF) {
            let message = self.change.prove(self.credentials, wish).await.map_err(|_| LinkError::Lost)?;
            return self.send_numbered(request, message);
        }
        let reply = match self.change.is_own(self.credentials, &wish.current) {
            true => AuthReply { status: AuthStatus::Granted, reason: None, ..AuthReply::refused(AuthRefusal::Other) },
            false => AuthReply::refused(AuthRefusal::Passcode),
        };
        self.change.begin_unproved(wish);
        self.events.input(Input::DirectoryMessage { request: Some(request), message: Box::new(reply.into()) }).await;
        Ok(())
    }

    async fn passcode(&mut self, step: PasscodeStep) -> Result<(), LinkError> {
        match step {
            PasscodeStep::Confirm { request, challenge } => {
                let proof = self.change.confirm(self.connection, self.credentials, *challenge).await;
                if let Some(proof) = proof.map_err(|_| LinkError::Lost)? {
                    self.send_numbered(request, proof)?;
                }
            }
            PasscodeStep::Begin { request, proved } => {
                if let Some(message) = self.change.begin(&proved).await.map_err(|_| LinkError::Lost)? {
                    self.send_numbered(request, message)?;
                }
            }
            PasscodeStep::Seal { request, challenge } => {
                let upload = self.change.seal(self.connection, self.credentials, *challenge).await;
                if let Some(upload) = upload.map_err(|_| LinkError::Lost)? {
                    self.send_numbered(request, upload)?;
                }
            }
            PasscodeStep::BeginKey { request, proved } => {
                if let Some(message) = self.change.begin_key(&proved).await.map_err(|_| LinkError::Lost)? {
                    self.send_numbered(request, message)?;
                }
            }
            PasscodeStep::SealKey { request, challenge } => {
                let upload = self.change.seal_key(self.connection, self.credentials, *challenge).await;
                if let Some(upload) = upload.map_err(|_| LinkError::Lost)? {
                    self.send_numbered(request, upload)?;
                }
            }
            // The directory ends the connection with its answer; so do we.
            step @ PasscodeStep::KeyChanged => {
                self.change.settle(&step);
                return Err(LinkError::Lost);
            }
            step @ (PasscodeStep::Prove { .. } | PasscodeStep::Changed | PasscodeStep::NotChanged) => {
                self.change.settle(&step);
            }
        }
        Ok(())
    }

    fn send(&mut self, envelope: &Envelope<ToDirectory>) -> Result<(), LinkError> {
        self.connection.link.queue(&envelope.encode(), Padding::Ladder)
    }

    fn send_numbered(&mut self, request: RequestNumber, message: impl Into<ToDirectory>) -> Result<(), LinkError> {
        self.send(&Envelope { request: Some(request), message: message.into() })
    }

    fn silent(&mut self) -> Result<Option<LoggedOut>, LinkError> {
        if self.pinged {
            return Err(LinkError::Lost);
        }
        self.pinged = true;
        self.send(&ToDirectory::from(Ping {}).into())?;
        Ok(None)
    }

    async fn received(&mut self, received: Result<Option<Vec<u8>>, LinkError>) -> Result<Option<LoggedOut>, LinkError> {
        let Some(payload) = received? else { return Err(LinkError::Lost) };
        (self.heard, self.pinged) = (Instant::now(), false);
        let Envelope { request, message } = match Envelope::decode(&payload) {
            Ok(envelope) => envelope,
            Err(Unreadable { request, why: Malformed::UnknownType }) => {
                if let Some(request) = request {
                    self.events.input(Input::Misunderstood { request }).await;
                }
                return Ok(None);
            }
            Err(_) => {
                self.is_broken = true;
                return Err(LinkError::Lost);
            }
        };
        if let FromDirectory::Error(error) = &message {
            self.is_unavailable |= error.code == ErrorCode::Unavailable;
        }
        match message {
            FromDirectory::Ping(_) => self.send(&ToDirectory::from(Pong {}).into())?,
            FromDirectory::Pong(_) => {}
            FromDirectory::Bye(bye) => match bye.reason {
                ByeReason::Ended => return Ok(Some(LoggedOut::Asked)),
                ByeReason::Administrator => return Ok(Some(LoggedOut::Administrator)),
                ByeReason::Replaced => return Ok(Some(LoggedOut::Replaced)),
                ByeReason::Passcode => return Ok(Some(LoggedOut::PasscodeChanged)),
                _ => return Err(LinkError::Lost),
            },
            message => self.events.input(Input::DirectoryMessage { request, message: Box::new(message) }).await,
        }
        Ok(None)
    }
}
