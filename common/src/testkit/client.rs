//! A blocking client of the directory protocol, one call per message, for tests and benchmarks of real processes.
//!
//! It sends what the test says, also what an honest peer never sends. Every wait ends after [`PATIENCE`]. Registration
//! and login are in [`super::login`], calls to terminals in [`super::caller`].

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use futures::executor::block_on;
use futures::io::AllowStdIo;
use socket2::{Domain, Protocol, Socket, Type};

use crate::crypto::transcript::Channel;
use crate::crypto::{NoRandomness, opaque, vault};
use crate::frame::Padding;
use crate::ident::{KeyDigest, UserId};
use crate::limits::FRAME_AFTER_LOGIN;
use crate::link::{Link, LinkError, tls};
use crate::msg::{
    Envelope, Features, FromDirectory, Hello, ListReply, ListReq, Logout, LookupReply, LookupReq, Malformed, Message,
    RequestNumber, ToDirectory, Unreadable, Welcome,
};

/// How long any single read or write may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why something did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The connection.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The other side closed the connection in order.
    #[error("the other side closed the connection")]
    Closed,
    /// The other side sent what is not a message.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The same, of a message with the number of a request.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A message, but not the one that was waited for.
    #[error("unexpected: {0}")]
    Unexpected(String),
    /// The passcode is wrong, or an OPAQUE message is.
    #[error(transparent)]
    Opaque(#[from] opaque::Failure),
    /// The vault did not open.
    #[error(transparent)]
    Vault(#[from] vault::Broken),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Link(error.into())
    }
}

/// A TCP connection from `source`, whose reads and writes end after [`PATIENCE`].
///
/// # Errors
/// The operating system's.
pub fn connect(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// A TLS connection to a directory.
#[derive(Debug)]
pub struct Client {
    link: Link<AllowStdIo<TcpStream>>,
    key: KeyDigest,
    exporter: [u8; 32],
    /// The number of the next request, where requests have numbers.
    next_request: Option<RequestNumber>,
    /// What `ANNOUNCE` names.
    pub(super) features: Features,
}

impl Client {
    /// Connects from `source`, with the TLS handshake.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn connect(source: IpAddr, directory: SocketAddr) -> Result<Self, Trouble> {
        Self::over(connect(source, directory)?)
    }

    /// The TLS handshake over a connection that stands.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn over(stream: TcpStream) -> Result<Self, Trouble> {
        let config = tls::directory_client().map_err(LinkError::from)?;
        let mut link = Link::client(AllowStdIo::new(stream), config)?;
        block_on(link.handshake())?;
        let exporter = link.exporter()?;
        let key = link.peer_key().map(KeyDigest::of).ok_or(Trouble::Closed)?;
        Ok(Self { link, key, exporter, next_request: None, features: Features::default() })
    }

    /// Digest of the directory's key.
    #[must_use]
    pub fn key(&self) -> KeyDigest {
        self.key
    }

    /// `HELLO`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn hello(&mut self, user: &UserId) -> Result<Welcome, Trouble> {
        match self.ask(Hello { userid: user.clone() })? {
            FromDirectory::Welcome(welcome) => Ok(welcome),
            other => Err(unexpected(&other)),
        }
    }

    /// `LOOKUPREQ`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn lookup(&mut self, asker: &UserId, whom: &UserId) -> Result<LookupReply, Trouble> {
        match self.ask(LookupReq { userid: asker.clone(), lookup: whom.clone() })? {
            FromDirectory::LookupReply(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// `LISTREQ`, one page.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn list(&mut self) -> Result<ListReply, Trouble> {
        match self.ask(ListReq { after: None })? {
            FromDirectory::ListReply(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// `LOGOUT`, and waits until the directory has closed the connection.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn log_out(mut self) -> Result<(), Trouble> {
        self.send(&ToDirectory::from(Logout {}).encode())?;
        while self.receive()?.is_some() {}
        Ok(())
    }

    /// What it says to understand at the next login; nothing, unless it is told.
    pub fn names(&mut self, features: Features) {
        self.features = features;
    }

    /// Gives every request from now on a number, and takes only answers that repeat it.
    pub fn number_requests(&mut self) {
        self.next_request = Some(RequestNumber::FIRST);
    }

    /// Asks and waits for the answer; what the directory says about others' coming and going is none.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn ask(&mut self, question: impl Into<ToDirectory>) -> Result<FromDirectory, Trouble> {
        let request = self.next_request;
        self.next_request = request.map(RequestNumber::next);
        self.send(&Envelope { request, message: question.into() }.encode())?;
        loop {
            let answer = match Envelope::decode(&self.receive()?.ok_or(Trouble::Closed)?) {
                Ok(answer) => answer,
                // What it does not know is no answer, as for every terminal.
                Err(Unreadable { why: Malformed::UnknownType, .. }) => continue,
                Err(unreadable) => return Err(unreadable.into()),
            };
            match answer.message {
                FromDirectory::Presence(_) => {}
                message if answer.request == request => return Ok(message),
                message => return Err(unexpected(&(answer.request, message))),
            }
        }
    }

    /// Sends one frame, whatever it holds.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn send(&mut self, payload: &[u8]) -> Result<(), Trouble> {
        self.link.queue(payload, Padding::None)?;
        Ok(block_on(self.link.flush())?)
    }

    /// The next frame; nothing when the directory has closed the connection in order.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(block_on(self.link.next())?)
    }

    /// Frames are longer from `ANNOUNCED` on.
    pub(super) fn is_present(&mut self) {
        self.link.set_frame_limit(FRAME_AFTER_LOGIN);
    }

    pub(super) fn channel<'a>(&'a self, user: &'a UserId) -> Channel<'a> {
        Channel { user, directory: &self.key, exporter: &self.exporter }
    }
}

pub(super) fn unexpected(message: &impl std::fmt::Debug) -> Trouble {
    Trouble::Unexpected(format!("{message:?}"))
}
