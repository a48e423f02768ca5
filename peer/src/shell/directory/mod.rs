//! The directory, seen from a peer: connection, registration, login, session (protocol sections 5 and 6).
//!
//! [`DirectoryConnection`] is one authenticated connection on which questions are asked one at a time; `login` and
//! `register` use it up to `ANNOUNCED`; `session` keeps it from then on: `active` carries what is asked and answered,
//! `passcode` changes the passcode and the identity key, `former_keys` knows how a key became another, and [`request`] is what it is asked to do.

mod active;
mod former_keys;
pub(crate) mod login;
pub(crate) mod other_family;
mod passcode;
pub(crate) mod register;
pub(crate) mod request;
pub(crate) mod session;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use common::crypto::transcript::Channel;
use common::frame::Padding;
use common::ident::{KeyDigest, UserId};
use common::limits::FRAMES_BEFORE_LOGIN;
use common::link::{Link, LinkError, tls};
use common::msg::{
    Envelope, Error, ErrorCode, FromDirectory, Malformed, Message as _, Pong, RequestNumber, ToDirectory, Unreadable,
};

use super::rt::{self, TcpListener, TcpStream};
use peer_core::notice::Failure;

/// Where a directory is and how to reach it.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// `host:port`, as shown to people.
    pub(crate) server: String,
    /// The local address to connect from, where one was asked for.
    pub(crate) source: Option<IpAddr>,
    /// For the connection, and for each answer.
    pub(crate) patience: Duration,
}

/// Both ends of a session's connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The address that calls are placed from.
    pub(crate) source: IpAddr,
    /// The directory's.
    pub(crate) directory: SocketAddr,
    /// Where we listen, if the session comes from there: meetings do, too.
    pub(crate) shared: Option<SocketAddr>,
    /// How long a connection has taken to stand.
    pub(crate) round_trip: Duration,
}

/// A TLS connection to a directory. Nothing was sent on it until somebody compared [`DirectoryConnection::key`] with
/// the pin.
#[derive(Debug)]
pub(crate) struct DirectoryConnection {
    endpoint: Endpoint,
    link: Link<TcpStream>,
    exporter: [u8; 32],
    key: KeyDigest,
    local: SocketAddr,
    remote: SocketAddr,
    round_trip: Duration,
    next_request: RequestNumber,
}

/// What came when an answer was waited for.
enum Heard {
    Answer(FromDirectory),
    Unreadable(Unreadable),
    Closed,
    /// Other things, without an end.
    Chatter,
}

impl DirectoryConnection {
    /// Connects and completes the TLS handshake.
    pub(crate) async fn open(endpoint: &Endpoint) -> Result<Self, Failure> {
        let opened = rt::timeout(endpoint.patience, Self::open_at(endpoint)).await;
        opened.unwrap_or_else(|rt::TimedOut| Err(endpoint.too_slow()))
    }

    /// The same from the port that is listened on, where that can be; listens where nobody does yet, on this port if one was
    /// asked for. So a router that lets back in whoever was spoken to from a port keeps the way to that port open.
    pub(crate) async fn open_listening(
        endpoint: &Endpoint,
        listening: Option<SocketAddr>,
        port: Option<u16>,
    ) -> Result<(Self, Option<Listening>), Failure> {
        let opening = async {
            let (connected, begun) = endpoint.connect_listening(listening, port).await?;
            Ok((Self::over(endpoint, connected).await?, begun))
        };
        let opened = rt::timeout(endpoint.patience, opening).await;
        opened.unwrap_or_else(|rt::TimedOut| Err(endpoint.too_slow()))
    }

    async fn open_at(endpoint: &Endpoint) -> Result<Self, Failure> {
        Self::over(endpoint, endpoint.connect().await?).await
    }

    async fn over(endpoint: &Endpoint, (stream, round_trip): Connected) -> Result<Self, Failure> {
        let local = stream.local_addr().map_err(|e| endpoint.unreachable(&e))?;
        let remote = stream.peer_addr().map_err(|e| endpoint.unreachable(&e))?;
        let config = tls::directory_client().map_err(|e| endpoint.broken(&e.to_string()))?;
        let mut link = Link::client(stream, config).map_err(|e| endpoint.link_failed(&e))?;
        link.handshake().await.map_err(|e| endpoint.link_failed(&e))?;
        let exporter = link.exporter().map_err(|e| endpoint.link_failed(&e))?;
        let key = link.peer_key().map(KeyDigest::of).ok_or_else(|| endpoint.broken("it showed no key"))?;
        Ok(Self {
            endpoint: endpoint.clone(),
            link,
            exporter,
            key,
            local,
            remote,
            round_trip,
            next_request: RequestNumber::FIRST,
        })
    }

    /// Digest of the key the directory has proved to hold.
    pub(crate) fn key(&self) -> KeyDigest {
        self.key
    }

    /// Our end of the connection.
    pub(crate) fn local(&self) -> IpAddr {
        self.local.ip()
    }

    /// Both ends, of a terminal that listens at this port of `source`.
    pub(crate) fn ends(&self, source: IpAddr, port: u16) -> Ends {
        let shared = self.comes_from(port).then_some(self.local);
        Ends { source, directory: self.remote, shared, round_trip: self.round_trip }
    }

    /// Whether it comes from this port.
    pub(crate) fn comes_from(&self, port: u16) -> bool {
        self.local.port() == port
    }

    /// Whether the directory runs on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.remote.ip().to_canonical().is_loopback()
    }

    /// What both ends know of this connection, for transcripts.
    pub(crate) fn channel<'a>(&'a self, user: &'a UserId) -> Channel<'a> {
        Channel { user, directory: &self.key, exporter: &self.exporter }
    }

    /// Asks one question and waits for its answer. `ERROR` and `BYE` are failures here.
    pub(crate) async fn ask(&mut self, question: impl Into<ToDirectory>) -> Result<FromDirectory, Failure> {
        let (request, message) = (self.next_request, question.into());
        self.next_request = request.next();
        let msgtype = message.msgtype();
        let question = Envelope { request: Some(request), message };
        let asked = rt::timeout(self.endpoint.patience, Self::exchange(&mut self.link, &question)).await;
        match asked {
            Err(rt::TimedOut) => Err(self.endpoint.too_slow()),
            Ok(Err(error)) => Err(self.endpoint.link_failed(&error)),
            Ok(Ok(Heard::Closed)) => Err(self.endpoint.broken("it closed the connection")),
            Ok(Ok(Heard::Chatter)) => Err(self.endpoint.broken("it says much that was not asked")),
            Ok(Ok(Heard::Answer(FromDirectory::Error(error)))) => Err(self.endpoint.refused(msgtype, &error)),
            Ok(Ok(Heard::Answer(FromDirectory::Bye(_)))) => Err(self.endpoint.broken("it ended the connection")),
            Ok(Ok(Heard::Answer(answer))) => Ok(answer),
            Ok(Ok(Heard::Unreadable(unreadable))) => Err(self.endpoint.broken(&unreadable.to_string())),
        }
    }

    /// Waits for the answer: what has the number of the question, or none, as of a directory that knows no numbers. Among
    /// other things that are said it is looked for as long as a directory would listen to us.
    async fn exchange(link: &mut Link<TcpStream>, question: &Envelope<ToDirectory>) -> Result<Heard, LinkError> {
        link.queue(&question.encode(), Padding::Ladder)?;
        for _ in 0..FRAMES_BEFORE_LOGIN {
            let Some(payload) = link.next().await? else { return Ok(Heard::Closed) };
            match Envelope::decode(&payload) {
                Ok(Envelope { message: FromDirectory::Ping(_), .. }) => {
                    link.queue(&ToDirectory::from(Pong {}).encode(), Padding::Ladder)?;
                }
                Ok(Envelope { request, message }) if request.is_none() || request == question.request => {
                    return Ok(Heard::Answer(message));
                }
                // The answer to something else, or something that this version does not know.
                Ok(_) => {}
                Err(Unreadable { request, why: Malformed::UnknownType }) if request != question.request => {}
                Err(unreadable) => return Ok(Heard::Unreadable(unreadable)),
            }
        }
        Ok(Heard::Chatter)
    }

    /// An answer that does not fit the question.
    pub(crate) fn unexpected(&self, answer: &FromDirectory) -> Failure {
        self.endpoint.broken(&format!("{} is not an answer to what was asked", answer.msgtype()))
    }

    /// The directory broke a rule.
    pub(crate) fn broken(&self, detail: &str) -> Failure {
        self.endpoint.broken(detail)
    }

    /// Ends a connection that is not needed any more; best effort.
    pub(crate) async fn close(mut self) {
        let _ = rt::timeout(Duration::from_secs(1), self.link.close()).await;
    }
}

/// A connection, and how long it has taken to stand.
type Connected = (TcpStream, Duration);

/// Where we have begun to listen.
pub(crate) type Listening = (TcpListener, SocketAddr);

impl Endpoint {
    /// Every address the name stands for.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let name = self.server.clone();
        let resolved: std::io::Result<Vec<SocketAddr>> =
            rt::unblock(move || Ok(name.to_socket_addrs()?.collect())).await;
        resolved.map_err(|e| self.unreachable(&e))
    }

    /// Tries every address the name stands for, in order, from the port that is listened on or will be.
    async fn connect_listening(
        &self,
        listening: Option<SocketAddr>,
        port: Option<u16>,
    ) -> Result<(Connected, Option<Listening>), Failure> {
        let mut last = std::io::Error::other("no such host");
        for address in self.addresses().await? {
            let source = self.source.or_else(|| rt::source_towards(address).ok());
            let source = source.filter(|source| source.is_ipv4() == address.is_ipv4());
            let stays = listening.filter(|listening| Some(listening.ip()) == source);
            // What cannot be listened on is said when the login has succeeded.
            let begun = source.filter(|_| stays.is_none()).and_then(|source| {
                let (socket, port) = login::listen(source, port).ok()?;
                Some((socket, SocketAddr::new(source, port)))
            });
            let from = stays.or_else(|| begun.as_ref().map(|(_, at)| *at));
            let tried = Instant::now();
            match self.connect_from(from, address).await {
                Ok(stream) => return Ok(((stream, tried.elapsed()), begun)),
                Err(error) => last = error,
            }
        }
        Err(self.unreachable(&last))
    }

    /// From there, or from another port where the system still remembers a connection from that one.
    async fn connect_from(&self, from: Option<SocketAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
        use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, InvalidInput, Unsupported};
        if let Some(from) = from {
            match rt::connect_from(from, to, self.patience).await {
                Err(error) if matches!(error.kind(), AddrInUse | AddrNotAvailable | InvalidInput | Unsupported) => {}
                connected => return connected,
            }
        }
        rt::connect(to, self.source, self.patience).await
    }

    /// Tries every address the name stands for, in order.
    async fn connect(&self) -> Result<Connected, Failure> {
        let mut last = std::io::Error::other("no such host");
        for address in self.addresses().await? {
            let tried = Instant::now();
            match rt::connect(address, self.source, self.patience).await {
                Ok(stream) => return Ok((stream, tried.elapsed())),
                Err(error) => last = error,
            }
        }
        Err(self.unreachable(&last))
    }

    fn unreachable(&self, error: &std::io::Error) -> Failure {
        let detail = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => "connection refused".into(),
            std::io::ErrorKind::TimedOut => "no answer".into(),
            _ => error.to_string(),
        };
        Failure::ServerUnreachable { server: self.server.clone(), detail }
    }

    fn too_slow(&self) -> Failure {
        Failure::Timeout { server: self.server.clone(), seconds: self.patience.as_secs() }
    }

    fn broken(&self, detail: &str) -> Failure {
        Failure::Protocol { server: self.server.clone(), detail: detail.into() }
    }

    fn link_failed(&self, error: &LinkError) -> Failure {
        match error {
            LinkError::Io(error) => self.unreachable(error),
            LinkError::Lost => {
                Failure::ServerUnreachable { server: self.server.clone(), detail: "it closed the connection".into() }
            }
            LinkError::Tls(
                rustls::Error::PeerIncompatible(_)
                | rustls::Error::AlertReceived(
                    rustls::AlertDescription::NoApplicationProtocol | rustls::AlertDescription::ProtocolVersion,
                ),
            ) => Failure::Version { server: self.server.clone() },
            other => self.broken(&other.to_string()),
        }
    }

    fn refused(&self, question: &str, error: &Error) -> Failure {
        match error.code {
            ErrorCode::UnknownMsgtype => Failure::Version { server: self.server.clone() },
            ErrorCode::RateLimited | ErrorCode::Unavailable => {
                Failure::ServerRefused { server: self.server.clone(), why: error.into() }
            }
            code @ (ErrorCode::Malformed | ErrorCode::OutOfOrder | ErrorCode::NotAccepted | ErrorCode::Other) => {
                self.broken(&format!("it answered {question} with {code:?}"))
            }
        }
    }
}
