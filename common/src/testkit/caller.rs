//! A blocking caller of a terminal's port, for tests and benchmarks of real processes: it sends what the test says.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpStream};

use futures::executor::block_on;
use futures::io::AllowStdIo;

use super::client::{Trouble, connect, unexpected};
use crate::crypto::identity::{IdentityKey, PublicKey};
use crate::crypto::preface;
use crate::crypto::random;
use crate::frame::Padding;
use crate::ident::{MessageId, TerminalId, UserId};
use crate::limits::FRAME_AFTER_LOGIN;
use crate::link::{Link, LinkError, tls};
use crate::msg::{Chat, ConnectReply, ConnectReq, ConnectStatus, Connected, Features, Message, PeerMessage};

/// Whom to call, from where, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The local address to call from.
    pub source: IpAddr,
    /// The terminal called.
    pub to: SocketAddr,
    /// The user called.
    pub destination: &'a UserId,
    /// The key that must answer; the preface is made with it.
    pub callee: &'a PublicKey,
    /// Who we say we are.
    pub initiator: &'a UserId,
    /// The key the TLS connection is authenticated with.
    pub identity: &'a IdentityKey,
    /// The directory's time.
    pub time: u64,
}

impl Call<'_> {
    /// A good preface.
    ///
    /// # Errors
    /// [`Trouble::NoRandomness`].
    pub fn preface(&self) -> Result<[u8; preface::LENGTH], Trouble> {
        Ok(preface::make(&self.callee.digest(), self.time)?)
    }

    /// The request an honest caller sends.
    #[must_use]
    pub fn request(&self) -> ConnectReq {
        ConnectReq {
            initiator: self.initiator.clone(),
            destination: self.destination.clone(),
            initiator_key: self.identity.public().digest(),
            destination_key: self.callee.digest(),
            terminal: TerminalId([7; 16]),
            features: Features::default(),
            record: None,
            conversation: None,
        }
    }

    /// Connects, sends a good preface, completes TLS as far as the caller can see.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn connect(&self) -> Result<Caller, Trouble> {
        self.connect_behind(&self.preface()?)
    }

    /// As [`Call::connect`], behind whatever bytes.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn connect_behind(&self, preface: &[u8]) -> Result<Caller, Trouble> {
        let mut stream = connect(self.source, self.to)?;
        stream.write_all(preface)?;
        let config = tls::peer_client(self.identity, self.callee).map_err(LinkError::from)?;
        let mut link = Link::client(AllowStdIo::new(stream), config)?;
        block_on(link.handshake())?;
        Ok(Caller { link })
    }

    /// Calls as an honest caller does, and takes the conversation if it is accepted.
    ///
    /// # Errors
    /// [`Trouble::Unexpected`] if it is refused.
    pub fn place(&self) -> Result<Caller, Trouble> {
        let mut caller = self.connect()?;
        let reply = caller.ask_to_connect(self.request())?;
        if reply.status != ConnectStatus::Accepted {
            return Err(unexpected(&reply));
        }
        caller.send_message(Connected {})?;
        caller.link.set_frame_limit(FRAME_AFTER_LOGIN);
        Ok(caller)
    }
}

/// The caller's end of a link.
#[derive(Debug)]
pub struct Caller {
    link: Link<AllowStdIo<TcpStream>>,
}

impl Caller {
    /// Sends `CONNECTREQ` and waits for its answer.
    ///
    /// # Errors
    /// [`Trouble`]; a callee that closes without an answer is one.
    pub fn ask_to_connect(&mut self, request: ConnectReq) -> Result<ConnectReply, Trouble> {
        self.send_message(request)?;
        match self.receive_message()? {
            PeerMessage::ConnectReply(reply) => Ok(reply),
            other => Err(unexpected(&other)),
        }
    }

    /// Says something.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn say(&mut self, nick: &str, text: &str) -> Result<(), Trouble> {
        let id = MessageId(random()?);
        self.send_message(Chat { id, nick: nick.into(), message: text.into(), date: 0 })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn send_message(&mut self, message: impl Into<PeerMessage>) -> Result<(), Trouble> {
        self.send(&message.into().encode(), Padding::Ladder)
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`Trouble::Closed`] when the other side has closed the link in order.
    pub fn receive_message(&mut self) -> Result<PeerMessage, Trouble> {
        Ok(PeerMessage::decode(&self.receive()?.ok_or(Trouble::Closed)?)?)
    }

    /// Sends one frame, whatever it holds.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn send(&mut self, payload: &[u8], padding: Padding) -> Result<(), Trouble> {
        self.link.queue(payload, padding)?;
        Ok(block_on(self.link.flush())?)
    }

    /// The next frame; nothing when the other side has closed the link in order.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(block_on(self.link.next())?)
    }

    /// Ends the link with a goodbye of TLS.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn close(&mut self) -> Result<(), Trouble> {
        Ok(block_on(self.link.close())?)
    }
}
