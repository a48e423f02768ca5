//! Bytes that a program writes, and waiting for them.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for anything; a test that waits so long fails. Long, because the machine may be busy, but shorter than
/// a user may take to answer a call, so that what happens when that time is over is not taken for something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// What was seen so far, shared with the thread that reads it.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    shared: Arc<(Mutex<Seen<T>>, Condvar)>,
}

/// Everything that was read, and what a test makes of it.
#[derive(Debug)]
pub(crate) struct Seen<T> {
    /// Every byte.
    pub(crate) bytes: Vec<u8>,
    /// Whether no more will come.
    pub(crate) ended: bool,
    /// For instance a screen.
    pub(crate) view: T,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send + 'static> Watch<T> {
    /// Reads `source` to its end on a thread of its own; `take` gets every piece.
    pub(crate) fn new(mut source: impl Read + Send + 'static, view: T, take: fn(&mut T, &[u8])) -> Self {
        let shared = Arc::new((Mutex::new(Seen { bytes: Vec::new(), ended: false, view }), Condvar::new()));
        let reader = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut piece = [0; 8192];
            loop {
                let count = source.read(&mut piece).unwrap_or(0);
                let mut seen = lock(&reader.0);
                seen.bytes.extend_from_slice(&piece[..count]);
                take(&mut seen.view, &piece[..count]);
                seen.ended |= count == 0;
                reader.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { shared }
    }

    /// Looks at what was seen so far.
    pub(crate) fn look<R>(&self, at: impl FnOnce(&mut Seen<T>) -> R) -> R {
        at(&mut lock(&self.shared.0))
    }

    /// Waits until `found` finds something; fails with `describe` when it never does.
    #[track_caller]
    pub(crate) fn wait<R>(
        &self,
        what: &str,
        mut found: impl FnMut(&mut Seen<T>) -> Option<R>,
        describe: impl FnOnce(&mut Seen<T>) -> String,
    ) -> R {
        let until = Instant::now() + PATIENCE;
        let mut seen = lock(&self.shared.0);
        loop {
            if let Some(found) = found(&mut seen) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            if seen.ended || left.is_zero() {
                let why = if seen.ended { "the program ended" } else { "time is up" };
                let seen = describe(&mut seen);
                panic!("waited for {what}, but {why}; this was seen:\n{seen}\n");
            }
            seen = self.shared.1.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
