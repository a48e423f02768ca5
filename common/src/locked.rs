//! Memory that the system never writes to disk, for what must not be found there (threat T5).
//!
//! A secret has pages of its own: locks of pages do not add up, so one that ends would unlock what else lies in the same page.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use region::LockGuard;
use zeroize::Zeroize;

/// Bytes of the smallest page there is.
const PAGE: usize = 4096;

/// Whether the system has refused to lock memory.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// Whether the system has refused to lock memory, most often for a limit (`ulimit -l`): secrets may reach the disk then.
#[must_use]
pub fn is_refused() -> bool {
    REFUSED.load(Ordering::Relaxed)
}

#[derive(Clone, Copy)]
#[repr(C, align(4096))]
struct Page([u8; PAGE]);

/// Bytes in locked memory, wiped when dropped. Longer ones than a page are wiped, but not locked.
pub(crate) struct Locked {
    /// Ends before the page is given back.
    lock: Option<LockGuard>,
    page: Box<Page>,
    length: usize,
    rest: Vec<u8>,
}

impl Locked {
    /// A copy of these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut page = Box::new(Page([0; PAGE]));
        let lock = lock(page.0.as_ptr(), PAGE);
        let (length, rest) = match page.0.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                (bytes.len(), Vec::new())
            }
            None => (0, bytes.to_vec()),
        };
        Self { lock, page, length, rest }
    }

    /// The bytes.
    pub(crate) fn expose(&self) -> &[u8] {
        if self.rest.is_empty() { self.page.0.get(..self.length).unwrap_or_default() } else { &self.rest }
    }
}

/// Locks the pages that hold these bytes, until the guard is dropped.
pub(crate) fn lock<T>(address: *const T, bytes: usize) -> Option<LockGuard> {
    let locked = region::lock(address, bytes);
    if locked.is_err() {
        REFUSED.store(true, Ordering::Relaxed);
    }
    locked.ok()
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.page.0.zeroize();
        self.rest.zeroize();
        // Before the page is given back to whoever wants memory next.
        self.lock = None;
    }
}

impl Clone for Locked {
    fn clone(&self) -> Self {
        Self::new(self.expose())
    }
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locked(…)")
    }
}
