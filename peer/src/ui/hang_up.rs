//! A terminal that is gone: its window was closed, or whoever made it has ended. Mostly SIGHUP tells it; where the program
//! has no controlling terminal, or another session than its window, nothing does, and reading gives nothing for ever.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};

/// Whether one of our terminals is gone.
pub(crate) fn is_gone() -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    hung_up(Some(&at_once)).unwrap_or(false)
}

/// Waits until one of our terminals is gone; for ever, where there is none.
///
/// # Errors
/// The operating system's; then it cannot be told.
pub(crate) fn wait() -> io::Result<()> {
    while !hung_up(None)? {}
    Ok(())
}

/// An end of input that is none of a terminal is no hang-up: pipes end, and nothing is wrong.
fn hung_up(limit: Option<&Timespec>) -> io::Result<bool> {
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let ours = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].into_iter().filter(is_a_terminal);
    // Whether it is gone is told without being asked for.
    let mut watched: Vec<PollFd<'_>> = ours.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::empty())).collect();
    match poll(&mut watched, limit) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(watched.iter().any(|fd| fd.revents().contains(PollFlags::HUP))),
        Err(error) => Err(error.into()),
    }
}

/// `isatty` would say no of a terminal that is gone.
fn is_a_terminal(fd: &BorrowedFd<'_>) -> bool {
    fstat(fd).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice)
}
