//! Placing a call: all terminals of the callee at once, the first to accept takes it (protocol section 7.3).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use common::crypto::preface;
use common::ident::{KeyDigest, MessageId, UserId};
use common::limits::{ANSWER_DEADLINE, CALL_DEADLINE, FRAME_AFTER_LOGIN};
use common::link::{Link, LinkError, tls};
use common::msg::{
    Bye, ByeReason, ConnectRefusal, ConnectReq, ConnectStatus, Connected, Features, FileReq, Message as _, PeerMessage,
    Pong,
};
use futures::io::AsyncWriteExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use rustls::ClientConfig;

use super::frames::{close_gracefully, send};
use super::rt::{self, TcpStream};
use peer_core::event::DialFailed;
use peer_core::verify::{LocalIdentity, LookupResult};

/// One call to be placed.
pub(crate) struct Dial {
    /// Who calls.
    pub(crate) me: LocalIdentity,
    /// Who is called.
    pub(crate) to: UserId,
    /// Where, and the key that must answer.
    pub(crate) found: LookupResult,
    /// TLS with both keys.
    pub(crate) config: Arc<ClientConfig>,
    /// The local address to call from.
    pub(crate) source: IpAddr,
    /// The directory's time.
    pub(crate) time: u64,
    /// The file that is wanted, and how much of it is here; otherwise it is a call to talk.
    pub(crate) fetch: Option<(MessageId, u64)>,
}

/// What one terminal of the callee did.
enum Outcome {
    Accepted(Box<Link<TcpStream>>),
    Failed(DialFailed),
}

impl Dial {
    /// The same, for a file from a byte on.
    pub(crate) fn for_file(self, file: MessageId, offset: u64) -> Self {
        Self { fetch: Some((file, offset)), ..self }
    }

    /// Calls; gives the link of the first terminal that accepted, after telling it so.
    pub(crate) async fn place(self) -> Result<Link<TcpStream>, DialFailed> {
        let mut attempts: FuturesUnordered<_> =
            self.found.addresses.iter().map(|address| self.attempt(*address)).collect();
        let mut failed = None;
        while let Some(outcome) = attempts.next().await {
            match outcome {
                Outcome::Accepted(mut link) => {
                    link.set_frame_limit(FRAME_AFTER_LOGIN);
                    if send(&mut link, Connected {}).is_err() || link.flush().await.is_err() {
                        continue;
                    }
                    drop(attempts);
                    return Ok(*link);
                }
                Outcome::Failed(why) => failed = Some(worth_telling(failed, why)),
            }
        }
        Err(failed.unwrap_or(DialFailed::NoAnswer { seconds: CALL_DEADLINE.as_secs() }))
    }

    async fn attempt(&self, address: SocketAddr) -> Outcome {
        let begun = std::time::Instant::now();
        let no_answer = || DialFailed::NoAnswer { seconds: begun.elapsed().as_secs().max(1) };
        let reached = match rt::timeout(CALL_DEADLINE, self.reach(address)).await {
            Ok(reached) => reached,
            Err(rt::TimedOut) => return Outcome::Failed(no_answer()),
        };
        let mut link = match reached {
            Ok(link) => link,
            Err(LinkError::Tls(rustls::Error::InvalidCertificate(_))) => return Outcome::Failed(DialFailed::WrongKey),
            Err(_) => return Outcome::Failed(no_answer()),
        };
        match rt::timeout(ANSWER_DEADLINE + CALL_DEADLINE, answer(&mut link)).await {
            Ok(Some(Ok(()))) => Outcome::Accepted(Box::new(link)),
            Ok(Some(Err(reason))) => Outcome::Failed(DialFailed::Refused(reason)),
            Ok(None) => Outcome::Failed(no_answer()),
            Err(rt::TimedOut) => {
                close_gracefully(&mut link, Bye { reason: ByeReason::Ended }).await;
                Outcome::Failed(no_answer())
            }
        }
    }

    async fn reach(&self, address: SocketAddr) -> Result<Link<TcpStream>, LinkError> {
        let mut stream = rt::connect(address, Some(self.source), CALL_DEADLINE).await?;
        let callee = self.found.key.digest();
        let preface = preface::make(&callee, self.time).map_err(|e| std::io::Error::other(e.to_string()))?;
        stream.write_all(&preface).await?;
        let mut link = Link::client(stream, Arc::clone(&self.config))?;
        link.handshake().await?;
        let call = self.request(callee);
        match self.fetch {
            Some((file, offset)) => send(&mut link, FileReq { call, file, offset })?,
            None => send(&mut link, call)?,
        }
        link.flush().await?;
        Ok(link)
    }

    fn request(&self, destination_key: KeyDigest) -> ConnectReq {
        ConnectReq {
            initiator: self.me.user.clone(),
            destination: self.to.clone(),
            initiator_key: self.me.key.digest(),
            destination_key,
            terminal: self.me.terminal,
            features: Features::between_terminals(),
        }
    }
}

/// Waits for `CONNECTREPLY`. `None` if the link ended instead.
async fn answer(link: &mut Link<TcpStream>) -> Option<Result<(), ConnectRefusal>> {
    loop {
        let payload = link.next().await.ok()??;
        match PeerMessage::decode(&payload).ok()? {
            PeerMessage::ConnectReply(reply) => {
                return Some(match reply.status {
                    ConnectStatus::Accepted => Ok(()),
                    ConnectStatus::Refused => Err(reply.reason.unwrap_or(ConnectRefusal::Other)),
                });
            }
            PeerMessage::Ping(_) => send(link, Pong {}).ok()?,
            _ => return None,
        }
    }
}

/// TLS for calls to the holder of `found.key`.
pub(crate) fn config(
    identity: &common::crypto::identity::IdentityKey,
    found: &LookupResult,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    tls::peer_client(identity, &found.key)
}

/// Of several terminals' failures the one that says most: a user's word before silence.
fn worth_telling(before: Option<DialFailed>, now: DialFailed) -> DialFailed {
    let weight = |failed: &DialFailed| match failed {
        DialFailed::Refused(ConnectRefusal::Crossed) => 4,
        DialFailed::WrongKey => 3,
        DialFailed::Refused(_) => 2,
        DialFailed::NoAnswer { .. } => 1,
    };
    match before {
        Some(before) if weight(&before) >= weight(&now) => before,
        _ => now,
    }
}
