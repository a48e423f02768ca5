//! Loopback addresses that no other test, and no other test process, uses.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Addresses of one test process.
const BLOCK: u32 = 4096;
/// Blocks in 127.16.0.0 to 127.143.255.255.
const BLOCKS: u32 = 2048;
/// The UDP port at the first address of a block that says that the block is taken.
const CLAIM_PORT: u16 = 65001;

/// The block of this process, its own for as long as it runs.
struct Block {
    base: u32,
    _claim: UdpSocket,
}

impl Block {
    /// Claims a block that nobody has. The process id says where to begin only: ids go round while
    /// a long test still runs.
    fn claim() -> Self {
        let first = std::process::id();
        (0..BLOCKS)
            .map(|step| u32::from(Ipv4Addr::new(127, 16, 0, 0)) + (first.wrapping_add(step) % BLOCKS) * BLOCK)
            .find_map(|base| {
                let _claim = UdpSocket::bind((Ipv4Addr::from(base), CLAIM_PORT)).ok()?;
                Some(Self { base, _claim })
            })
            .unwrap()
    }
}

/// An address of 127.0.0.0/8 that nobody else has.
pub(crate) fn fresh() -> Ipv4Addr {
    static BLOCK_OF_THIS_PROCESS: LazyLock<Block> = LazyLock::new(Block::claim);
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(next < BLOCK, "a test process has {BLOCK} addresses");
        let address = Ipv4Addr::from(BLOCK_OF_THIS_PROCESS.base + next);
        if !matches!(address.octets()[3], 0 | 255) {
            return address;
        }
    }
}

#[test]
fn a_block_that_is_claimed_is_nobody_elses() {
    let one = Block::claim();
    let other = Block::claim();
    assert_ne!(one.base, other.base);
}
