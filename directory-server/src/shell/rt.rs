//! The async runtime, named only here (decisions D2, D3). Everything else uses `futures` traits and these names.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_io::Async;
use futures::future::BoxFuture;
use futures::io::{AsyncRead, AsyncWrite};

use crate::store::postgres::{Host, Runtime, Stream};

pub(crate) use async_std::os::unix::net::{UnixListener, UnixStream};
pub(crate) use async_std::task::{block_on, sleep};

/// Runs a future beside the others until it ends; nobody waits for it.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    // Dropping the handle detaches the task, it does not end it.
    drop(async_std::task::spawn(future));
}

/// Does what takes long without waiting, where it holds nobody up.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    async_std::task::spawn_blocking(work).await
}

/// Lets other tasks run.
pub(crate) async fn yield_now() {
    async_std::task::yield_now().await;
}

/// Gives up after `limit`.
pub(crate) async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    async_std::future::timeout(limit, future).await.ok()
}

/// What a store in a database of its own needs.
pub(crate) struct Database;

/// How long one address of a database may take to answer, chosen arbitrarily.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);

impl Runtime for Database {
    fn connect(&self, host: &Host) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let host = host.clone();
        Box::pin(async move {
            match host {
                Host::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Stream>),
                Host::Tcp { name, port, only_loopback } => {
                    Ok(Box::new(tcp_to_database(&name, port, only_loopback).await?) as Box<dyn Stream>)
                }
            }
        })
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) {
        spawn(future);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(sleep(duration))
    }
}

async fn tcp_to_database(name: &str, port: u16, only_loopback: bool) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = async_std::net::ToSocketAddrs::to_socket_addrs(&(name, port)).await?.collect();
    if only_loopback && addresses.iter().any(|address| !address.ip().is_loopback()) {
        return Err(io::Error::other(
            "its name stands for another machine, which is reached with sslmode=verify-full only",
        ));
    }
    let mut failed = io::Error::other("its name stands for no address");
    for address in addresses {
        match timeout(DATABASE_PATIENCE, Async::<net::TcpStream>::connect(address)).await {
            Some(Ok(stream)) => {
                // Better, but it works without, too.
                let _ = stream.get_ref().set_nodelay(true);
                let _ = socket2::SockRef::from(stream.get_ref()).set_keepalive(true);
                return Ok(TcpStream { stream, drained: false });
            }
            Some(Err(error)) => failed = error,
            None => failed = ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct TcpListener(Async<net::TcpListener>);

impl TcpListener {
    /// Takes over a socket of the standard library.
    pub(crate) fn new(listener: net::TcpListener) -> io::Result<Self> {
        Async::new(listener).map(Self)
    }

    /// The next connection and where it comes from.
    pub(crate) async fn accept(&self) -> io::Result<(Accepted, SocketAddr)> {
        let (stream, from) = self.0.read_with(net::TcpListener::accept).await?;
        Ok((Accepted(stream), from))
    }
}

/// A connection that nobody looks at yet. It costs no more than its socket.
#[derive(Debug)]
pub(crate) struct Accepted(net::TcpStream);

impl Accepted {
    /// Begins to look at it.
    pub(crate) fn open(self) -> io::Result<TcpStream> {
        // Frames are written whole; waiting for more only delays them. It works without, too.
        let _ = self.0.set_nodelay(true);
        Ok(TcpStream { stream: Async::new(self.0)?, drained: false })
    }
}

/// A connection.
///
/// The runtime's own stream reads before it waits. Here a read that did not fill its buffer has emptied the socket, so
/// the next one waits first: a request then costs one system call to read it instead of two or three (measured).
#[derive(Debug)]
pub(crate) struct TcpStream {
    stream: Async<net::TcpStream>,
    /// Whether the socket was empty after the last read.
    drained: bool,
}

impl TcpStream {
    /// For both directions at once.
    pub(crate) fn share(self) -> SharedStream {
        SharedStream(self.stream)
    }

    /// The first byte that comes, which stays to be read; nothing if nothing comes any more.
    pub(crate) async fn first_byte(&self) -> io::Result<Option<u8>> {
        let mut first = [0];
        let count = self.stream.peek(&mut first).await?;
        Ok(first.first().copied().filter(|_| count > 0))
    }

    /// Tells the other side that nothing more is coming; closing, to the runtime, is no more than writing what waits.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        self.stream.get_ref().shutdown(net::Shutdown::Write)
    }
}

/// A connection whose directions are used side by side.
#[derive(Debug)]
pub(crate) struct SharedStream(Async<net::TcpStream>);

impl SharedStream {
    /// What has come; nothing at the end.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_with(|mut stream| stream.read(buffer)).await
    }

    /// Writes all of it.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.0.write_with(|mut stream| stream.write(bytes)).await?;
            bytes = bytes.get(count..).filter(|_| count > 0).ok_or(ErrorKind::WriteZero)?;
        }
        Ok(())
    }

    /// Tells the other side that nothing more is coming.
    pub(crate) fn end_writing(&self) -> io::Result<()> {
        self.0.get_ref().shutdown(net::Shutdown::Write)
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            if self.drained {
                ready!(self.stream.poll_readable(cx))?;
                self.drained = false;
            }
            match self.stream.get_ref().read(buffer) {
                Ok(count) => {
                    self.drained = count < buffer.len();
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.drained = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
