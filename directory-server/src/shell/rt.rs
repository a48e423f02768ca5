//! The async runtime, named only here (decisions D2, D3). Everything else uses `futures` traits and these names.

use std::future::Future;
use std::time::Duration;

pub(crate) use async_std::net::{TcpListener, TcpStream};
pub(crate) use async_std::os::unix::net::{UnixListener, UnixStream};
pub(crate) use async_std::task::{block_on, sleep};

/// Runs a future beside the others until it ends; nobody waits for it.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    // Dropping the handle detaches the task, it does not end it.
    drop(async_std::task::spawn(future));
}

/// Lets other tasks run.
pub(crate) async fn yield_now() {
    async_std::task::yield_now().await;
}

/// Gives up after `limit`.
pub(crate) async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    async_std::future::timeout(limit, future).await.ok()
}
