//! What the rooms of this terminal draw.

use std::sync::{Mutex, PoisonError};

use openmls_traits::random::OpenMlsRand;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// Draws from a seed, so that a simulation can be repeated. The library's key encapsulation draws from the operating
/// system nevertheless: ciphertexts differ from run to run, lengths and outcomes do not.
pub(super) struct Randomness(Mutex<ChaCha20Rng>);

impl Randomness {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(Mutex::new(ChaCha20Rng::from_seed(seed)))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

impl OpenMlsRand for Randomness {
    type Error = std::convert::Infallible;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes);
        Ok(bytes)
    }
}
