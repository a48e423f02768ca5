//! A link: frames over TLS over any byte stream of `futures` (protocol section 3).
//!
//! One task owns a link and drives both directions through [`Link::next`]; nothing is split, nothing is spawned, and no
//! runtime is named. Deadlines and pings belong to the owner, because they need a clock.
//!
//! An idle link keeps no buffers of its own: reads go through a buffer that all links of a thread share, frames are cut one
//! at a time when somebody wants the next, and what TLS has encrypted is freed when it has been written. So what waits takes
//! no more memory than its bytes, however many frames these are (threat L9).

mod records;
pub mod tls;

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, BufRead as _, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::frame::{self, Decoder, Padding, TooLong};
use crate::limits::{FIRST_FRAMES, FRAME_BEFORE_LOGIN, PENDING_OUTPUT, RECORD_OVERHEAD};
use records::Records;

/// Label of the TLS exporter that binds logins and invitations to their connection (RFC 8446 section 7.5).
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-peer-messenger-1";
/// Bytes read from the stream at a time: a few TLS records, so that a file costs few calls.
const READ_SIZE: usize = 64 * 1024;
/// The same before login: little is said then, and by anybody.
const READ_BEFORE_LOGIN: usize = 4 * 1024;

/// Reads in one poll before others get their turn. Chosen arbitrarily: a frame takes a few, and a stream that is always
/// ready, of records with nothing or a byte in them, would keep everybody else of its thread waiting, deadlines among them.
const TURN: usize = 32;

thread_local! {
    /// Ciphertext on its way from the stream into TLS. On the stack it would be zeroed at every read, which cost as much
    /// as the cryptography of a lookup.
    static ARRIVED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Why a link cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The stream ended without a TLS close: the other side, or the network, is gone.
    #[error("the connection was lost")]
    Lost,
    /// The operating system's word.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The other side broke TLS, showed the wrong key, or does not speak this version.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// The other side announced a frame above the limit, or a TLS record that nobody needs before login.
    #[error(transparent)]
    Frame(#[from] TooLong),
    /// The other side does not read, and [`PENDING_OUTPUT`] bytes wait.
    #[error("the other side does not read")]
    TooSlow,
}

/// Frames over TLS over `S`.
pub struct Link<S> {
    io: S,
    tls: Box<Connection>,
    decoder: Decoder,
    /// What arrived and was not cut into frames yet, from `cut` on.
    arrived: Vec<u8>,
    cut: usize,
    limit: usize,
    /// Followed until a stranger has said something that counts.
    records: Option<Records>,
    /// Bytes that TLS may hold: all since it gave something last, with the read which that came in.
    in_tls: usize,
    ended: bool,
}

impl<S> std::fmt::Debug for Link<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// The side that opened the connection.
    ///
    /// # Errors
    /// [`LinkError::Tls`] if the configuration cannot be used.
    pub fn client(io: S, config: Arc<ClientConfig>) -> Result<Self, LinkError> {
        Ok(Self::new(io, ClientConnection::new(config, tls::no_name()?)?.into()))
    }

    /// The side that accepted the connection.
    ///
    /// # Errors
    /// [`LinkError::Tls`] if the configuration cannot be used.
    pub fn server(io: S, config: Arc<ServerConfig>) -> Result<Self, LinkError> {
        Ok(Self::new(io, ServerConnection::new(config)?.into()))
    }

    fn new(io: S, mut tls: Connection) -> Self {
        tls.set_buffer_limit(Some(PENDING_OUTPUT));
        Self {
            io,
            tls: Box::new(tls),
            decoder: Decoder::new(FRAME_BEFORE_LOGIN),
            arrived: Vec::new(),
            cut: 0,
            limit: FRAME_BEFORE_LOGIN,
            records: None,
            in_tls: 0,
            ended: false,
        }
    }

    /// Completes the TLS handshake. On the caller's side that does not mean that the other side accepted our key
    /// (decision D24).
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn handshake(&mut self) -> Result<(), LinkError> {
        poll_fn(|cx| self.poll_handshake(cx)).await
    }

    /// As [`Link::handshake`], for callers that poll.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        for _ in 0..TURN {
            let flushed = self.poll_write_out(cx)?;
            if !self.tls.is_handshaking() && flushed.is_ready() {
                return Poll::Ready(self.agreed_on_a_protocol());
            }
            if !self.tls.is_handshaking() {
                return Poll::Pending;
            }
            if ready!(self.poll_ingest(cx))? == Ingested::End {
                return Poll::Ready(Err(LinkError::Lost));
            }
        }
        let_others(cx)
    }

    /// TLS goes on if one side does not mention a protocol at all; we do not. Each side knows one, so any is the right one.
    fn agreed_on_a_protocol(&self) -> Result<(), LinkError> {
        self.tls.alpn_protocol().map(drop).ok_or(rustls::Error::NoApplicationProtocol.into())
    }

    /// The other side's key as SubjectPublicKeyInfo, once the handshake is complete.
    #[must_use]
    pub fn peer_key(&self) -> Option<&[u8]> {
        self.tls.peer_certificates()?.first().map(AsRef::as_ref)
    }

    /// 32 bytes that only the two ends of this connection know.
    ///
    /// # Errors
    /// [`LinkError::Tls`] before the handshake is complete.
    pub fn exporter(&self) -> Result<[u8; 32], LinkError> {
        Ok(self.tls.export_keying_material([0; 32], EXPORTER_LABEL, None)?)
    }

    /// Changes the frame limit of both directions.
    pub fn set_frame_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.decoder.set_limit(limit);
    }

    /// Takes no more from a stranger than the first messages need, before TLS or anybody else holds it (threat L9).
    #[must_use]
    pub fn from_stranger(mut self) -> Self {
        self.decoder.set_limit(FIRST_FRAMES);
        self.records = Some(Records::default());
        self
    }

    /// The stranger has said something that counts: takes as much as from everybody.
    pub fn is_no_stranger(&mut self) {
        self.decoder.set_limit(self.limit);
        self.records = None;
    }

    /// Bytes that have come and wait for more: of a TLS handshake or record, and of frames. Rather too many than too few.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.in_tls.saturating_add(self.arrived.len()).saturating_add(self.decoder.held())
    }

    /// Queues one frame; [`Link::next`] or [`Link::flush`] writes it.
    ///
    /// # Errors
    /// [`LinkError::TooSlow`] if too much waits already; the link is dead then. [`LinkError::Frame`] if the payload is
    /// above the limit.
    pub fn queue(&mut self, payload: &[u8], padding: Padding) -> Result<(), LinkError> {
        let frame = frame::encode(payload, padding, self.limit)?;
        if self.tls.writer().write(&frame)? < frame.len() { Err(LinkError::TooSlow) } else { Ok(()) }
    }

    /// Whether everything that was queued has been written.
    #[must_use]
    pub fn is_written(&self) -> bool {
        !self.tls.wants_write()
    }

    /// The next frame payload; `None` when the other side closed the connection in order. Writes what is queued
    /// meanwhile. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LinkError`]; the link is dead then.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Link::next`], for callers that poll.
    ///
    /// # Errors
    /// [`LinkError`]; the link is dead then.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Vec<u8>>, LinkError>> {
        for _ in 0..TURN {
            let _pending_or_done = self.poll_write_out(cx)?;
            if let Some(frame) = self.cut_frame()? {
                return Poll::Ready(Ok(Some(frame)));
            }
            if self.ended {
                self.return_goodbye(cx);
                return Poll::Ready(Ok(None));
            }
            if ready!(self.poll_ingest(cx))? == Ingested::End {
                return Poll::Ready(Err(LinkError::Lost));
            }
        }
        let_others(cx)
    }

    /// Writes everything that is queued.
    ///
    /// # Errors
    /// [`LinkError`]; the link is dead then.
    pub async fn flush(&mut self) -> Result<(), LinkError> {
        poll_fn(|cx| self.poll_write_out(cx)).await
    }

    /// Says goodbye in TLS, so that the other side can tell an end from a loss, and closes the stream.
    ///
    /// # Errors
    /// [`LinkError`]; the stream is closed all the same when the link is dropped.
    pub async fn close(&mut self) -> Result<(), LinkError> {
        self.tls.send_close_notify();
        self.flush().await?;
        poll_fn(|cx| Pin::new(&mut self.io).poll_close(cx)).await?;
        Ok(())
    }

    /// Whoever is said goodbye says it back, so that both know that nothing was cut off. Best effort: one attempt, without
    /// waiting.
    fn return_goodbye(&mut self, cx: &mut Context<'_>) {
        self.tls.send_close_notify();
        let _ = self.poll_write_out(cx);
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        while self.tls.wants_write() {
            let mut outlet = Outlet { io: &mut self.io, cx, full: false };
            match self.tls.write_tls(&mut outlet) {
                Ok(0) => return Poll::Ready(Err(LinkError::Lost)),
                Ok(_) => {}
                Err(_) if outlet.full => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        Pin::new(&mut self.io).poll_flush(cx).map_err(LinkError::from)
    }

    /// The next frame of what has arrived, if it is complete.
    fn cut_frame(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let mut rest = self.arrived.get(self.cut..).unwrap_or_default();
        let frame = self.decoder.feed(&mut rest)?;
        self.cut = self.arrived.len().saturating_sub(rest.len());
        if self.cut == self.arrived.len() {
            (self.arrived, self.cut) = (Vec::new(), 0);
        }
        Ok(frame)
    }

    fn poll_ingest(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ingested, LinkError>> {
        let mut buffer = ARRIVED.take();
        buffer.resize(READ_SIZE, 0);
        let size = if self.limit <= FRAME_BEFORE_LOGIN { READ_BEFORE_LOGIN } else { READ_SIZE };
        let ingested = self.poll_ingest_into(cx, buffer.get_mut(..size).unwrap_or_default());
        ARRIVED.set(buffer);
        ingested
    }

    fn poll_ingest_into(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<Ingested, LinkError>> {
        let count = match ready!(Pin::new(&mut self.io).poll_read(cx, buffer)) {
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(e) => return Poll::Ready(Err(e.into())),
        };
        if count == 0 {
            return Poll::Ready(Ok(Ingested::End));
        }
        let arrived = &buffer[..count];
        let allowed =
            self.records.as_mut().map_or(Ok(()), |records| records.follow(arrived, FIRST_FRAMES + RECORD_OVERHEAD));
        let ingested = allowed.map_err(LinkError::from).and_then(|()| self.ingest(arrived));
        if ingested.is_err() {
            // The alert that tells the other side why is best effort: one attempt, without waiting.
            let _ = self.poll_write_out(cx);
        }
        Poll::Ready(ingested.map(|()| Ingested::Bytes))
    }

    fn ingest(&mut self, mut ciphertext: &[u8]) -> Result<(), LinkError> {
        let come = ciphertext.len();
        self.in_tls = self.in_tls.saturating_add(come);
        while !ciphertext.is_empty() && !self.ended {
            self.tls.read_tls(&mut ciphertext)?;
            let state = self.tls.process_new_packets()?;
            let mut readable = state.plaintext_bytes_to_read();
            if readable > 0 {
                self.in_tls = come;
            }
            let mut reader = self.tls.reader();
            while readable > 0 {
                let plaintext = reader.fill_buf()?;
                let count = plaintext.len();
                self.arrived.extend_from_slice(plaintext);
                reader.consume(count);
                readable = readable.saturating_sub(count.max(1));
            }
            self.ended |= state.peer_has_closed();
        }
        Ok(())
    }
}

/// To be polled again, behind whoever waits.
fn let_others<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

#[derive(Debug, PartialEq, Eq)]
enum Ingested {
    Bytes,
    End,
}

/// Lets TLS write to the stream.
struct Outlet<'a, 'cx, S> {
    io: &'a mut S,
    cx: &'a mut Context<'cx>,
    /// Whether the stream took nothing for now.
    full: bool,
}

impl<S: AsyncWrite + Unpin> Outlet<'_, '_, S> {
    fn now(&mut self, written: Poll<io::Result<usize>>) -> io::Result<usize> {
        match written {
            Poll::Ready(written) => written,
            Poll::Pending => {
                self.full = true;
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> io::Write for Outlet<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = Pin::new(&mut *self.io).poll_write(self.cx, bytes);
        self.now(written)
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        // Most often there is one record, and a plain write is the cheaper call.
        if let [record] = bytes {
            return self.write(record);
        }
        let written = Pin::new(&mut *self.io).poll_write_vectored(self.cx, bytes);
        self.now(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
