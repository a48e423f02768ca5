//! Chance, from one seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// Whatever is drawn from it is the same for the same seed.
pub(super) struct Rng(ChaCha8Rng);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 0 to `limit` - 1.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.up_to(u64::try_from(limit).unwrap() - 1)).unwrap()
    }

    /// 0 to `most`. That some numbers come up a little more often does not matter here.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.0.next_u64() % (most + 1)
    }

    /// True in this number of a thousand cases.
    pub(super) fn per_mille(&mut self, cases: u64) -> bool {
        self.up_to(999) < cases
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub(super) fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}
