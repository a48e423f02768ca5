//! The listener: port 65000, where strangers get nothing (decision D13, threat P3; protocol section 7.1).
//!
//! A connection that does not begin with a good preface is closed without a byte and without an RSA operation.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use common::crypto::identity::{IdentityKey, PublicKey};
use common::crypto::preface::{self, Guard};
use common::ident::{KeyDigest, MeetingToken, MessageId};
use common::limits::{CALL_DEADLINE, PREFACE_DEADLINE};
use common::link::{Link, tls};
use common::msg::{Meet, MeetingWay, Message as _, PeerMessage};
use common::network::Source;
use common::relay;
use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _, select_biased};
use rustls::ServerConfig;

use super::clock::DirectoryTime;
use super::dial::direct;
use super::events::{Caller, Event, Events};
use super::half_open::{HalfOpen, HalfOpenCallers, Vacated};
use super::rendezvous::{Expected, Rendezvous};
use super::rt::{self, Task, TcpListener, TcpStream};
use peer_core::model::LinkWay;
use peer_core::notice::Failure;
use peer_core::verify::ConnectRequest;

type Admitted = (Link<TcpStream>, ConnectRequest, Option<(MessageId, u64)>);
type Arrived = (Link<TcpStream>, ConnectRequest, Option<(MessageId, u64)>, LinkWay);

/// How somebody comes.
enum Way {
    /// To the port that is listened on, from this address.
    Direct(TcpStream, SocketAddr),
    /// To a meeting.
    Meeting(Meet, Place),
}

/// Where a meeting is.
pub(crate) enum Place {
    /// At the directory: from our address to its own, by the leg that this token opens.
    Leg(MeetingToken, (IpAddr, SocketAddr)),
    /// Both connect to each other.
    Punch(Rendezvous),
}

/// Everything that is needed to judge strangers.
pub(crate) struct Listener {
    keys: Mutex<Keys>,
    time: Mutex<DirectoryTime>,
    guard: Mutex<Guard>,
    half_open: HalfOpenCallers,
    expected: Arc<Expected>,
}

/// What callers have to know, and what they are shown.
#[derive(Clone)]
struct Keys {
    ours: KeyDigest,
    config: Arc<ServerConfig>,
}

impl Keys {
    fn of(identity: &IdentityKey) -> Result<Self, Failure> {
        let config = tls::peer_server(identity).map_err(|e| Failure::Internal { detail: e.to_string() })?;
        Ok(Self { ours: identity.public().digest(), config })
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    /// A listener for callers of `identity`.
    pub(crate) fn new(identity: &IdentityKey, time: DirectoryTime) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(Self {
            keys: Mutex::new(Keys::of(identity)?),
            time: Mutex::new(time),
            guard: Mutex::new(Guard::new()),
            half_open: HalfOpenCallers::default(),
            expected: Arc::default(),
        }))
    }

    /// Sets the directory's time again, after the session came back.
    pub(crate) fn set_time(&self, time: DirectoryTime) {
        *locked(&self.time) = time;
    }

    /// Our user has another identity key.
    pub(crate) fn set_identity(&self, identity: &IdentityKey) -> Result<(), Failure> {
        *locked(&self.keys) = Keys::of(identity)?;
        Ok(())
    }

    /// Whom we meet now.
    pub(crate) fn expected(&self) -> Arc<Expected> {
        Arc::clone(&self.expected)
    }

    /// The directory's time.
    pub(crate) fn time(&self) -> u64 {
        locked(&self.time).now()
    }

    /// Lets callers in until the task is dropped.
    pub(crate) fn open(self: &Arc<Self>, socket: TcpListener, events: Events) -> Task {
        let listener = Arc::clone(self);
        rt::spawn(async move {
            loop {
                let Ok((stream, source)) = socket.accept().await else {
                    // Out of file descriptors, most likely: wait for some to be given back.
                    rt::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                };
                let Some(place) = listener.half_open.admit(Source::of(source.ip())) else { continue };
                let (listener, events) = (Arc::clone(&listener), events.clone());
                rt::detach(async move {
                    let Some(stream) = listener.expected.hand_over(stream, source).await else { return };
                    if let Some(caller) = listener.welcome(Way::Direct(stream, source), place).await {
                        events.send(Event::Caller(Box::new(caller))).await;
                    }
                });
            }
        })
    }

    /// Comes to a meeting, and takes whoever has asked for it.
    pub(crate) fn meet(self: &Arc<Self>, meet: Meet, at: Place, events: Events) {
        let Some(place) = self.half_open.admit(Source::of(meet.address.ip())) else { return };
        let listener = Arc::clone(self);
        rt::detach(async move {
            let way = Way::Meeting(meet, at);
            if let Some(caller) = listener.welcome(way, place).await {
                events.send(Event::Caller(Box::new(caller))).await;
            }
        });
    }

    /// What a stranger turns out to be, unless that takes too long or others need the place.
    async fn welcome(&self, way: Way, (half_open, vacated): (HalfOpen, Vacated)) -> Option<Caller> {
        let (link, request, fetch, way) = select_biased! {
            admitted = Box::pin(rt::timeout(CALL_DEADLINE, self.arrive(way))).fuse() => admitted.ok()??,
            // Nobody ever sends: this ends when the place is taken away.
            _ = vacated.recv().fuse() => return None,
        };
        half_open.settle()?;
        Some(Caller { link, request, fetch, way, half_open })
    }

    /// Whoever comes, with how the link goes. `None` for whatever is no caller, silently.
    async fn arrive(&self, way: Way) -> Option<Arrived> {
        match way {
            Way::Direct(stream, source) => {
                let (link, request, fetch) = self.admit(stream, source, PREFACE_DEADLINE).await?;
                Some((link, request, fetch, direct(source.ip())))
            }
            Way::Meeting(meet, place) => {
                let (stream, way) = come(place).await.ok()?;
                // Where a relayed connection comes from says nothing; what the directory said of its session does.
                let (link, request, fetch) = self.admit(stream, meet.address, CALL_DEADLINE).await?;
                let said = (&request.message.initiator, request.message.terminal);
                let is_meant = said == (&meet.userid, meet.terminal);
                let is_meant = is_meant && fetch.is_some() == (meet.how == MeetingWay::File);
                is_meant.then_some((link, request, fetch, way))
            }
        }
    }

    /// Preface, TLS, `CONNECTREQ` or `FILEREQ`. `None` for everything else, silently.
    async fn admit(&self, mut stream: TcpStream, source: SocketAddr, within: Duration) -> Option<Admitted> {
        let mut bytes = [0; preface::LENGTH];
        rt::timeout(within, stream.read_exact(&mut bytes)).await.ok()?.ok()?;
        let now = self.time();
        let Keys { ours, config } = locked(&self.keys).clone();
        locked(&self.guard).admit(&ours, now, Source::of(source.ip()), &bytes).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut link = Link::server(stream, config).ok()?;
        link.handshake().await.ok()?;
        let key = PublicKey::from_spki(link.peer_key()?).ok()?.digest();
        let payload = link.next().await.ok()??;
        let (message, fetch) = match PeerMessage::decode(&payload).ok()? {
            PeerMessage::ConnectReq(message) => (message, None),
            PeerMessage::FileReq(wanted) => (wanted.call, Some((wanted.file, wanted.offset))),
            _ => return None,
        };
        Some((link, ConnectRequest { message, key, source }, fetch))
    }
}

/// Our connection to a meeting.
async fn come(place: Place) -> std::io::Result<(TcpStream, LinkWay)> {
    match place {
        Place::Leg(token, (source, directory)) => {
            let mut stream = rt::connect(directory, Some(source), CALL_DEADLINE).await?;
            stream.write_all(&relay::header(&token)).await?;
            Ok((stream, LinkWay::Relayed))
        }
        Place::Punch(rendezvous) => Ok((rendezvous.meet().await?, LinkWay::Met)),
    }
}
