//! The async runtime. The only file of this program that names it (decision D3).
//!
//! A terminal gets one executor thread: one pair of sockets that talk in turn would pay for every hop between threads.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use socket2::{Domain, Protocol, Socket, Type};

pub(crate) use async_std::net::{TcpListener, TcpStream};

/// A listening socket's backlog.
const BACKLOG: i32 = 128;

/// Runs a program's main future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let one = async_global_executor::GlobalExecutorConfig::default().with_min_threads(1).with_max_threads(1);
    async_global_executor::init_with_config(one);
    async_std::task::block_on(future)
}

/// A running task; dropping it stops the task at its next await.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a future beside the others.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Task {
    let (future, handle) = abortable(future);
    async_std::task::spawn(future);
    Task(handle)
}

/// Runs a future beside the others, to its own end.
pub(crate) fn detach(future: impl Future<Output = ()> + Send + 'static) {
    async_std::task::spawn(future);
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    async_std::task::sleep(duration).await;
}

/// Lets the other tasks have their turn.
pub(crate) async fn yield_now() {
    async_std::task::yield_now().await;
}

/// The time was over before the future.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedOut;

/// Waits for a future, but no longer than this.
pub(crate) async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Result<T, TimedOut> {
    async_std::future::timeout(duration, future).await.map_err(|_| TimedOut)
}

/// Runs something slow (hashing, key generation, blocking calls) on a thread of its own, from now on.
pub(crate) fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> {
    async_std::task::spawn_blocking(work)
}

/// Opens a TCP connection, from `source` where one is given.
pub(crate) async fn connect(to: SocketAddr, source: Option<IpAddr>, limit: Duration) -> io::Result<TcpStream> {
    let stream = unblock(move || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(source) = source.filter(|source| source.is_ipv4() == to.is_ipv4()) {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.connect_timeout(&to.into(), limit)?;
        socket.set_tcp_nodelay(true)?;
        io::Result::Ok(std::net::TcpStream::from(socket))
    });
    Ok(TcpStream::from(stream.await?))
}

/// Listens on an address that nobody else uses.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from(std::net::TcpListener::from(socket)))
}
