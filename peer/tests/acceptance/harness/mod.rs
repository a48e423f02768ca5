//! Real programs on addresses of their own: a directory, peers in pseudo-terminals and peers on pipes.
//!
//! Nothing here sleeps or guesses: every wait is for something that can be seen, and one that is in vain fails the test
//! with everything that was seen.

pub(crate) mod address;
pub(crate) mod counterpart;
pub(crate) mod dice;
pub(crate) mod directory;
pub(crate) mod failing_disk;
pub(crate) mod later;
pub(crate) mod lies;
pub(crate) mod member;
pub(crate) mod odd_directory;
pub(crate) mod piped;
pub(crate) mod proxy;
pub(crate) mod stage;
pub(crate) mod terminal;
pub(crate) mod watch;

pub(crate) use counterpart::Counterpart;
pub(crate) use piped::Piped;
pub(crate) use stage::{PASSCODE, Seat, Stage};
pub(crate) use terminal::Terminal;

use std::net::{TcpListener, TcpStream};
use std::process::{Child, ExitStatus};
use std::sync::mpsc;

/// The next connection, whose reads do not wait for ever either.
#[track_caller]
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let (tell, accepted) = mpsc::channel();
    let listener = listener.try_clone().unwrap();
    // Nobody listens any more if the test has given up.
    std::thread::spawn(move || drop(tell.send(listener.accept())));
    let (stream, _) = accepted.recv_timeout(watch::PATIENCE).unwrap().unwrap();
    stream.set_read_timeout(Some(watch::PATIENCE)).unwrap();
    stream
}

/// A child process that does not outlive its owner.
#[derive(Debug)]
pub(crate) struct Owned(pub(crate) Child);

impl Owned {
    /// Sends a signal to this process.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).unwrap();
    }

    /// Ends it without warning, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
