//! Moments that nobody chose, and that can be chosen again.

/// A row of numbers that depends on its seed only.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// From `ACCEPTANCE_SEED`, otherwise from the machine; says which, so that a failure can be seen once more.
    pub(crate) fn new() -> Self {
        let given = std::env::var("ACCEPTANCE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from(u32::from_be_bytes(common::crypto::random().unwrap())));
        eprintln!("ACCEPTANCE_SEED={seed}");
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}
