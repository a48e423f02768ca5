//! Placing a call: all terminals of the callee at once, each at one of its addresses, the first to accept takes it (protocol
//! section 7.3).

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use common::crypto::preface;
use common::ident::{KeyDigest, MeetingToken, MessageId};
use common::limits::{ANSWER_DEADLINE, CALL_DEADLINE, FRAME_AFTER_LOGIN};
use common::link::{Link, LinkError, tls};
use common::msg::{
    Bye, ByeReason, ConnectRefusal, ConnectReq, ConnectStatus, Connected, Features, FileReq, Message as _, PeerMessage,
    Pong, Record,
};
use common::relay;
use futures::io::AsyncWriteExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use rustls::ClientConfig;

use super::candidates::{self, ALONE, Families, Sources, candidates};
use super::events::Reached;
use super::frames::{close_gracefully, send};
use super::rendezvous::Rendezvous;
use super::rt::{self, TcpStream};
use peer_core::event::{Call, DialFailed, Fallback};
use peer_core::model::{LinkWay, Named};
use peer_core::notice::Unreached;
use peer_core::verify::{LocalIdentity, LookupResult};

/// How long the callee's addresses are tried before a relay is, where there is one. Chosen so that a call by relay stands
/// within 3.5 seconds; a first SYN that is lost is sent again within it.
const DIRECT_FIRST: Duration = Duration::from_millis(2500);

/// Signs of life that either side may send before a call is answered.
pub(super) const SIGNS_OF_LIFE: u32 = 16;

/// How long a connection may take to stand where a meeting can follow. Chosen so that both, and then a relay, fit into 3.5
/// seconds.
const CONNECTED_FIRST: Duration = Duration::from_secs(1);

/// One call to be placed.
pub(crate) struct Dial {
    /// Who calls.
    pub(crate) me: LocalIdentity,
    /// Who is called, where, and the key that must answer.
    pub(crate) call: Call,
    /// TLS with both keys.
    pub(crate) config: Arc<ClientConfig>,
    /// How.
    pub(crate) over: Over,
    /// The local addresses to call from.
    pub(crate) sources: Sources,
    /// The directory's time.
    pub(crate) time: u64,
    /// What the directory says of us, for those called.
    pub(crate) shown: Option<Box<Record>>,
    /// The file that is wanted, and how much of it is here; otherwise it is a call to talk.
    pub(crate) fetch: Option<(MessageId, u64)>,
}

/// How a call goes.
pub(crate) enum Over {
    /// Straight to the callee's addresses; and what is tried if that comes to nothing.
    Addresses(Fallback),
    /// Over a leg to the directory at this address.
    Relay(SocketAddr, MeetingToken),
    /// By connecting to each other.
    Meeting(Rendezvous),
    /// There is no such way from here.
    Nowhere,
}

/// What the callee's terminal says of itself that takes the call.
struct Accepted {
    record: Option<Box<Record>>,
    named: Option<Named>,
}

/// That, or the reason of its refusal.
type Answer = Result<Box<Accepted>, ConnectRefusal>;

/// What one terminal of the callee did.
enum Outcome {
    Accepted(Reached),
    Failed(DialFailed),
}

impl Dial {
    /// The same, for a file from a byte on.
    pub(crate) fn for_file(self, file: MessageId, offset: u64) -> Self {
        Self { fetch: Some((file, offset)), ..self }
    }

    /// Calls; gives the link of the first terminal that accepted, after telling it so.
    pub(crate) async fn place(self) -> Result<Reached, DialFailed> {
        let mut attempts: FuturesUnordered<_> =
            self.terminals().into_iter().map(|addresses| self.attempt(addresses)).collect();
        let mut failed = None;
        while let Some(outcome) = attempts.next().await {
            match outcome {
                Outcome::Accepted(mut reached) => {
                    reached.link.set_frame_limit(FRAME_AFTER_LOGIN);
                    if send(&mut reached.link, Connected {}).is_err() || reached.link.flush().await.is_err() {
                        continue;
                    }
                    drop(attempts);
                    return Ok(reached);
                }
                Outcome::Failed(why) => failed = Some(worth_telling(failed, why)),
            }
        }
        Err(failed.unwrap_or(DialFailed::Unreached(Unreached::NoWay)))
    }

    /// Where each terminal is called, the addresses in the order in which they are tried.
    fn terminals(&self) -> Vec<Vec<SocketAddr>> {
        let families = match &self.over {
            Over::Relay(directory, _) => return vec![vec![*directory]],
            Over::Meeting(meeting) => return vec![vec![meeting.to]],
            Over::Nowhere => return Vec::new(),
            Over::Addresses(Fallback::Nothing | Fallback::MeetingAlone) => Families::All,
            Over::Addresses(Fallback::Relay | Fallback::Meeting) => Families::Ours,
        };
        let all = self.call.found.terminals.iter().map(|terminal| candidates(terminal, &self.sources, families));
        all.filter(|addresses| !addresses.is_empty()).collect()
    }

    /// How long it may take to reach a terminal.
    fn within(&self) -> Duration {
        match &self.over {
            Over::Addresses(Fallback::Relay | Fallback::Meeting | Fallback::MeetingAlone) => DIRECT_FIRST,
            Over::Meeting(meeting) => meeting.lasts() + DIRECT_FIRST,
            Over::Addresses(Fallback::Nothing) | Over::Relay(..) | Over::Nowhere => CALL_DEADLINE,
        }
    }

    /// How long a connection may take to stand.
    fn to_connect(&self) -> Duration {
        match &self.over {
            Over::Addresses(Fallback::Meeting | Fallback::MeetingAlone) => CONNECTED_FIRST,
            Over::Addresses(_) | Over::Relay(..) | Over::Meeting(_) | Over::Nowhere => self.within(),
        }
    }

    async fn attempt(&self, addresses: Vec<SocketAddr>) -> Outcome {
        let begun = std::time::Instant::now();
        let no_answer = || DialFailed::NoAnswer { seconds: begun.elapsed().as_secs().max(1) };
        let reach = |address| async move {
            self.reach(address).await.map_err(|error| unreached(&error).unwrap_or_else(no_answer))
        };
        let reached = candidates::first(addresses, reach, || rt::sleep(ALONE), worth_telling);
        let (address, mut link) = match rt::timeout(self.within(), reached).await {
            Ok(Ok(reached)) => reached,
            Ok(Err(why)) => return Outcome::Failed(why.unwrap_or(DialFailed::Unreached(Unreached::NoWay))),
            Err(rt::TimedOut) => return Outcome::Failed(no_answer()),
        };
        match rt::timeout(ANSWER_DEADLINE + CALL_DEADLINE, self.ask(&mut link)).await {
            Ok(Ok(Ok(accepted))) => {
                let (link, way, Accepted { record, named }) = (Box::new(link), self.way(address), *accepted);
                Outcome::Accepted(Reached { link, way, record, named })
            }
            // A call to a family in which the directory does not see us is placed from whatever address the system chooses.
            Ok(Ok(Err(reason))) if !matches!(self.over, Over::Relay(..)) && self.sources.towards(address).is_none() => {
                Outcome::Failed(DialFailed::RefusedFamily(reason))
            }
            Ok(Ok(Err(reason))) => Outcome::Failed(DialFailed::Refused(reason)),
            Ok(Err(why)) => Outcome::Failed(why),
            Err(rt::TimedOut) => {
                close_gracefully(&mut link, Bye { reason: ByeReason::Ended }).await;
                Outcome::Failed(no_answer())
            }
        }
    }

    fn way(&self, address: SocketAddr) -> LinkWay {
        match self.over {
            Over::Relay(..) => LinkWay::Relayed,
            Over::Meeting(_) => LinkWay::Met,
            Over::Addresses(_) | Over::Nowhere => direct(address.ip()),
        }
    }

    async fn reach(&self, address: SocketAddr) -> Result<Link<TcpStream>, LinkError> {
        let mut stream = match &self.over {
            Over::Meeting(meeting) => meeting.meet().await?,
            Over::Addresses(_) | Over::Relay(..) | Over::Nowhere => {
                rt::connect(address, self.sources.towards(address), self.to_connect()).await?
            }
        };
        if let Over::Relay(_, token) = &self.over {
            stream.write_all(&relay::header(token)).await?;
        }
        let callee = self.call.found.key.digest();
        let preface = preface::make(&callee, self.time).map_err(|e| std::io::Error::other(e.to_string()))?;
        stream.write_all(&preface).await?;
        let mut link = Link::client(stream, Arc::clone(&self.config))?;
        link.handshake().await?;
        Ok(link)
    }

    /// Asks to be connected. Only where a terminal was reached first: it is asked once.
    async fn ask(&self, link: &mut Link<TcpStream>) -> Result<Answer, DialFailed> {
        let call = self.request(self.call.found.key.digest());
        let asked = match self.fetch {
            Some((file, offset)) => send(link, FileReq { call, file, offset }),
            None => send(link, call),
        };
        let ended = |error: &LinkError| unreached(error).unwrap_or(DialFailed::Unreached(Unreached::Closed));
        asked.map_err(|error| ended(&error))?;
        link.flush().await.map_err(|error| ended(&error))?;
        answer(link).await
    }

    fn request(&self, destination_key: KeyDigest) -> ConnectReq {
        ConnectReq {
            initiator: self.me.user.clone(),
            destination: self.call.to.clone(),
            initiator_key: self.me.key.digest(),
            destination_key,
            terminal: self.me.terminal,
            features: Features::between_terminals(),
            record: self.shown.clone().filter(|_| self.fetch.is_none()),
            conversation: self.call.conversation,
        }
    }
}

/// The way of a link straight to, or from, an address.
pub(crate) fn direct(address: IpAddr) -> LinkWay {
    match address.to_canonical() {
        IpAddr::V4(_) => LinkWay::DirectIpv4,
        IpAddr::V6(_) => LinkWay::DirectIpv6,
    }
}

/// What an error on the way to an address says of it; nothing where nobody has answered in time.
fn unreached(error: &LinkError) -> Option<DialFailed> {
    Some(match error {
        LinkError::Tls(rustls::Error::InvalidCertificate(_)) => DialFailed::WrongKey,
        LinkError::Tls(_) | LinkError::Frame(_) => DialFailed::Broken,
        LinkError::Lost => DialFailed::Unreached(Unreached::Closed),
        LinkError::TooSlow => return None,
        LinkError::Io(error) => match error.kind() {
            ErrorKind::TimedOut => return None,
            ErrorKind::ConnectionRefused => DialFailed::Unreached(Unreached::NobodyListens),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                DialFailed::Unreached(Unreached::NoWay)
            }
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof => DialFailed::Unreached(Unreached::Closed),
            _ => DialFailed::Local { detail: error.to_string() },
        },
    })
}

/// Waits for `CONNECTREPLY`.
///
/// # Errors
/// Why there is no answer.
async fn answer(link: &mut Link<TcpStream>) -> Result<Answer, DialFailed> {
    let ended = || DialFailed::Unreached(Unreached::Closed);
    for _ in 0..=SIGNS_OF_LIFE {
        let payload = match link.next().await {
            Ok(payload) => payload.ok_or_else(ended)?,
            Err(error) => return Err(unreached(&error).unwrap_or_else(ended)),
        };
        match PeerMessage::decode(&payload).map_err(|_| DialFailed::Broken)? {
            PeerMessage::ConnectReply(reply) => {
                return Ok(match reply.status {
                    ConnectStatus::Accepted => {
                        let named = reply.conversation.zip(reply.terminal);
                        let named = named.map(|(conversation, terminal)| Named { conversation, terminal });
                        Ok(Box::new(Accepted { record: reply.record, named }))
                    }
                    ConnectStatus::Refused => Err(reply.reason.unwrap_or(ConnectRefusal::Other)),
                });
            }
            PeerMessage::Ping(_) => send(link, Pong {}).map_err(|_| ended())?,
            PeerMessage::Bye(_) => return Err(ended()),
            _ => return Err(DialFailed::Broken),
        }
    }
    Err(DialFailed::Broken)
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
        DialFailed::Refused(ConnectRefusal::Crossed) | DialFailed::RefusedFamily(ConnectRefusal::Crossed) => 7,
        DialFailed::WrongKey => 6,
        DialFailed::Refused(_) | DialFailed::RefusedFamily(_) => 5,
        DialFailed::Broken => 4,
        DialFailed::Local { .. } => 3,
        DialFailed::NoAnswer { .. } => 2,
        DialFailed::Unreached(_) => 1,
    };
    match before {
        Some(before) if weight(&before) >= weight(&now) => before,
        _ => now,
    }
}
