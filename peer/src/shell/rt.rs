//! The async runtime. The only file of this program that names it (decision D3).
//!
//! All tasks of a terminal run on the thread that has called [`block_on`], and that thread waits for the sockets itself:
//! whatever is said goes through two tasks at each end, and would pay for every hop between threads. So the parts of
//! async-std are put together here; its own executor has a thread besides, which hears of the sockets first.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use async_executor::LocalExecutor;
use futures::future::{AbortHandle, abortable};
use socket2::{Domain, Protocol, Socket, Type};

use crate::alarm::Alarm;

pub(crate) use async_std::net::{TcpListener, TcpStream};

/// A listening socket's backlog.
const BACKLOG: i32 = 128;

thread_local! {
    /// The tasks of this thread.
    static TASKS: LocalExecutor<'static> = const { LocalExecutor::new() };
}

/// Runs a program's main future to its end, and meanwhile the tasks that were started by it or by one another.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    TASKS.with(|tasks| async_io::block_on(tasks.run(future)))
}

/// A running task; dropping it stops the task at its next await.
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a future beside the others; only within [`block_on`].
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) -> Task {
    let (future, handle) = abortable(future);
    TASKS.with(|tasks| tasks.spawn(future)).detach();
    Task(handle)
}

/// Runs a future beside the others, to its own end; only within [`block_on`].
pub(crate) fn detach(future: impl Future<Output = ()> + 'static) {
    TASKS.with(|tasks| tasks.spawn(future)).detach();
}

/// Waits.
pub(crate) async fn sleep(duration: Duration) {
    async_std::task::sleep(duration).await;
}

/// A clock that is waited for again and again.
pub(crate) fn alarm() -> Alarm {
    Alarm::new(|duration| Box::pin(sleep(duration)))
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
    blocking::unblock(work)
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

/// Opens a TCP connection from where [`listen`] listens.
///
/// # Errors
/// Also where the system does not let a port be shared, or still remembers a connection between the two.
pub(crate) async fn connect_from(from: SocketAddr, to: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = unblock(move || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        rustix::net::sockopt::set_socket_reuseport(&socket, true)?;
        socket.bind(&from.into())?;
        socket.connect_timeout(&to.into(), limit)?;
        socket.set_tcp_nodelay(true)?;
        io::Result::Ok(std::net::TcpStream::from(socket))
    });
    Ok(TcpStream::from(stream.await?))
}

/// The address of this machine from which the system connects there; nothing is sent.
pub(crate) fn source_towards(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

/// Listens on an address that nobody else uses; connections of this user may come from it, too.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    // Only now: whoever wants to listen here as well has failed at once, and nobody else's callers are divided between two.
    // Where ports cannot be shared, connections come from others.
    let _ = rustix::net::sockopt::set_socket_reuseport(&socket, true);
    Ok(TcpListener::from(std::net::TcpListener::from(socket)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends of a connection, and what keeps it.
    async fn connected(from: SocketAddr, to: &TcpListener) -> io::Result<[TcpStream; 2]> {
        let ours = connect_from(from, to.local_addr()?, Duration::from_secs(10)).await?;
        Ok([ours, to.accept().await?.0])
    }

    #[test]
    fn connections_come_from_the_port_listened_on_and_nobody_else_listens_there() {
        block_on(async {
            let any = SocketAddr::from(([127, 0, 0, 1], 0));
            let (directory, ours) = (listen(any).unwrap(), listen(any).unwrap());
            let port = ours.local_addr().unwrap();
            let first = connected(port, &directory).await.unwrap();
            assert_eq!(first[1].peer_addr().unwrap(), port);
            assert_eq!(listen(port).unwrap_err().kind(), io::ErrorKind::AddrInUse, "another program");
            let other = listen(any).unwrap();
            let _second = connected(port, &other).await.unwrap();
            let again = connected(port, &directory).await.unwrap_err();
            assert!(matches!(again.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse), "{again}");
            // Callers come to the listener all the same.
            let caller = connect(port, None, Duration::from_secs(10)).await.unwrap();
            assert_eq!(ours.accept().await.unwrap().1, caller.local_addr().unwrap());
        });
    }

    #[test]
    fn the_source_is_an_address_of_this_machine() {
        assert_eq!(source_towards(([127, 0, 0, 1], 9).into()).unwrap(), IpAddr::from([127, 0, 0, 1]));
    }
}
