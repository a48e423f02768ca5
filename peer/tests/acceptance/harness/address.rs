//! Loopback addresses that no other test, and no other test process, uses.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Addresses of one test process.
const BLOCK: u32 = 4096;
/// Blocks in 127.16.0.0 to 127.143.255.255.
const BLOCKS: u32 = 2048;

/// An address of 127.0.0.0/8 that nobody else has.
pub(crate) fn fresh() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let base = u32::from(Ipv4Addr::new(127, 16, 0, 0)) + (std::process::id() % BLOCKS) * BLOCK;
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(next < BLOCK, "a test process has {BLOCK} addresses");
        let address = Ipv4Addr::from(base + next);
        if !matches!(address.octets()[3], 0 | 255) {
            return address;
        }
    }
}
