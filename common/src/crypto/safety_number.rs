//! The safety number: what two people compare to be sure of each other's keys (threat P6; protocol section 8.6).
//!
//! Each user contributes 30 digits, computed by iterated SHA-512 from the user id and the public key; the two halves are
//! put in ascending order, so both sides see the same 60 digits. The iterations make a search for a key with a similar
//! number 5,200 times as expensive.

use sha2::{Digest, Sha512};

use super::identity::PublicKey;
use crate::ident::UserId;

const LABEL: &[u8] = b"peer-messenger/1 safety number";
const ITERATIONS: usize = 5200;
const GROUPS_EACH: usize = 6;

/// 12 groups of 5 digits, separated by spaces; the same whichever side computes it.
#[must_use]
pub fn of(one: (&UserId, &PublicKey), other: (&UserId, &PublicKey)) -> String {
    let mut halves = [half(one.0, one.1), half(other.0, other.1)];
    halves.sort();
    halves.join(" ")
}

fn half(user: &UserId, key: &PublicKey) -> String {
    let mut digest = Sha512::new()
        .chain_update(LABEL)
        .chain_update(key.digest().as_bytes())
        .chain_update(user.as_str().as_bytes())
        .finalize();
    for _ in 1..ITERATIONS {
        digest = Sha512::new().chain_update(digest).chain_update(key.as_pkcs1()).finalize();
    }
    let groups: Vec<String> = digest
        .chunks_exact(5)
        .take(GROUPS_EACH)
        .map(|chunk| {
            let value = chunk.iter().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
            format!("{:05}", value % 100_000)
        })
        .collect();
    groups.join(" ")
}
