//! The preface: 64 bytes that a caller sends before any TLS byte (decision D13, threat P3; protocol section 7.1).
//!
//! nonce (24 bytes) · time (8 bytes, big-endian, seconds) · HMAC-SHA-256 over label, nonce and time, keyed by the digest
//! of the callee's public key. Only somebody who got that key from the directory can make one. The time is the
//! directory's, which both sides know from `ANNOUNCED`, so a wrong local clock does no harm (threat T7).

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use super::{NoRandomness, hmac_sha256, random, same};
use crate::ident::KeyDigest;
use crate::limits::{PREFACE_WINDOW, PREFACES_PER_SOURCE, PREFACES_REMEMBERED};

/// Bytes of a preface.
pub const LENGTH: usize = 64;
const NONCE: usize = 24;
const LABEL: &[u8] = b"peer-messenger/1 preface";

/// Why a preface is not honoured. The caller is never told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not made with our public key.
    #[error("the preface is not for this terminal")]
    NotForUs,
    /// More than [`PREFACE_WINDOW`] seconds from now.
    #[error("the preface is out of date")]
    OutOfDate,
    /// Seen before.
    #[error("the preface was replayed")]
    Replayed,
    /// Too many callers within the window.
    #[error("too many callers")]
    Crowded,
}

/// Makes a preface for the terminal whose public key has the digest `callee`; `now` is the directory's time.
///
/// # Errors
/// [`NoRandomness`].
pub fn make(callee: &KeyDigest, now: u64) -> Result<[u8; LENGTH], NoRandomness> {
    Ok(assemble(callee, random()?, now))
}

pub(crate) fn assemble(callee: &KeyDigest, nonce: [u8; NONCE], now: u64) -> [u8; LENGTH] {
    let time = now.to_be_bytes();
    let mac = hmac_sha256(callee.as_bytes(), &[LABEL, &nonce, &time]);
    let mut preface = [0; LENGTH];
    preface[..NONCE].copy_from_slice(&nonce);
    preface[NONCE..NONCE + 8].copy_from_slice(&time);
    preface[NONCE + 8..].copy_from_slice(mac.as_bytes());
    preface
}

/// Judges prefaces and remembers those it let in, so that none is taken twice.
#[derive(Debug, Default)]
pub struct Guard {
    seen: HashSet<[u8; NONCE]>,
    order: VecDeque<Admitted>,
    sources: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Admitted {
    at: u64,
    nonce: [u8; NONCE],
    source: IpAddr,
}

impl Guard {
    /// A guard that has seen nothing. A preface made before it was created is refused only by its time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges one preface from `source`; `ours` is the digest of our public key, `now` the directory's time.
    ///
    /// # Errors
    /// [`Rejected`]; close silently then.
    pub fn admit(
        &mut self,
        ours: &KeyDigest,
        now: u64,
        source: IpAddr,
        preface: &[u8; LENGTH],
    ) -> Result<(), Rejected> {
        let (nonce, rest) = preface.split_first_chunk::<NONCE>().ok_or(Rejected::NotForUs)?;
        let (time, mac) = rest.split_first_chunk::<8>().ok_or(Rejected::NotForUs)?;
        if !same(hmac_sha256(ours.as_bytes(), &[LABEL, nonce, time]).as_bytes(), mac) {
            return Err(Rejected::NotForUs);
        }
        let time = u64::from_be_bytes(*time);
        if time.abs_diff(now) > PREFACE_WINDOW {
            return Err(Rejected::OutOfDate);
        }
        self.forget_before(now.saturating_sub(2 * PREFACE_WINDOW));
        if self.seen.contains(nonce) {
            return Err(Rejected::Replayed);
        }
        // One source alone must not be able to fill the memory and so shut everybody out.
        let of_source = self.sources.get(&source).copied().unwrap_or(0);
        if self.order.len() >= PREFACES_REMEMBERED || of_source >= PREFACES_PER_SOURCE {
            return Err(Rejected::Crowded);
        }
        self.seen.insert(*nonce);
        self.sources.insert(source, of_source.saturating_add(1));
        self.order.push_back(Admitted { at: now, nonce: *nonce, source });
        Ok(())
    }

    /// A nonce must be kept until no preface that carries it can be in date: its time may be a window ahead of the
    /// moment it was admitted, and stays good for another window.
    fn forget_before(&mut self, moment: u64) {
        while self.order.front().is_some_and(|oldest| oldest.at < moment) {
            let Some(oldest) = self.order.pop_front() else { return };
            self.seen.remove(&oldest.nonce);
            if let Some(count) = self.sources.get_mut(&oldest.source) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.sources.remove(&oldest.source);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: KeyDigest = KeyDigest([7; 32]);
    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));
    const NOW: u64 = 1_700_000_000;

    #[test]
    fn lets_a_caller_in_once() {
        let mut guard = Guard::new();
        let preface = make(&OURS, NOW).unwrap();
        assert_eq!(guard.admit(&OURS, NOW, SOURCE, &preface), Ok(()));
        assert_eq!(guard.admit(&OURS, NOW, SOURCE, &preface), Err(Rejected::Replayed));
        assert_eq!(guard.admit(&OURS, NOW + PREFACE_WINDOW, SOURCE, &preface), Err(Rejected::Replayed));
    }

    #[test]
    fn a_preface_from_the_future_cannot_be_replayed_when_its_time_has_come() {
        let mut guard = Guard::new();
        let preface = make(&OURS, NOW + PREFACE_WINDOW).unwrap();
        assert_eq!(guard.admit(&OURS, NOW, SOURCE, &preface), Ok(()));
        for later in 0..=2 * PREFACE_WINDOW {
            assert_eq!(guard.admit(&OURS, NOW + later, SOURCE, &preface), Err(Rejected::Replayed));
        }
        assert_eq!(guard.admit(&OURS, NOW + 2 * PREFACE_WINDOW + 1, SOURCE, &preface), Err(Rejected::OutOfDate));
    }

    #[test]
    fn refuses_every_altered_bit_and_every_other_key() {
        let preface = make(&OURS, NOW).unwrap();
        for bit in 0..LENGTH * 8 {
            let mut altered = preface;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Guard::new().admit(&OURS, NOW, SOURCE, &altered), Err(Rejected::NotForUs));
        }
        assert_eq!(Guard::new().admit(&KeyDigest([8; 32]), NOW, SOURCE, &preface), Err(Rejected::NotForUs));
    }

    #[test]
    fn refuses_a_preface_out_of_its_window() {
        let preface = make(&OURS, NOW).unwrap();
        for now in [NOW - PREFACE_WINDOW - 1, NOW + PREFACE_WINDOW + 1, 0, u64::MAX] {
            assert_eq!(Guard::new().admit(&OURS, now, SOURCE, &preface), Err(Rejected::OutOfDate));
        }
    }

    fn numbered(count: usize) -> [u8; LENGTH] {
        let mut nonce = [0; NONCE];
        nonce[..8].copy_from_slice(&count.to_be_bytes());
        assemble(&OURS, nonce, NOW)
    }

    #[test]
    fn one_source_cannot_shut_the_others_out() {
        let mut guard = Guard::new();
        for count in 0..PREFACES_PER_SOURCE {
            guard.admit(&OURS, NOW, SOURCE, &numbered(count)).unwrap();
        }
        assert_eq!(guard.admit(&OURS, NOW, SOURCE, &make(&OURS, NOW).unwrap()), Err(Rejected::Crowded));
        let other = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));
        assert_eq!(guard.admit(&OURS, NOW, other, &make(&OURS, NOW).unwrap()), Ok(()));
        let later = NOW + 2 * PREFACE_WINDOW + 1;
        assert_eq!(guard.admit(&OURS, later, SOURCE, &make(&OURS, later).unwrap()), Ok(()));
    }

    #[test]
    fn memory_stays_bounded_and_recovers() {
        let mut guard = Guard::new();
        for count in 0..PREFACES_REMEMBERED {
            let [high, low] = u16::try_from(count / PREFACES_PER_SOURCE).unwrap().to_be_bytes();
            let source = IpAddr::V4(std::net::Ipv4Addr::new(127, 1, high, low));
            guard.admit(&OURS, NOW, source, &numbered(count)).unwrap();
        }
        let later = NOW + 2 * PREFACE_WINDOW + 1;
        assert_eq!(guard.admit(&OURS, NOW, SOURCE, &make(&OURS, NOW).unwrap()), Err(Rejected::Crowded));
        assert_eq!(guard.admit(&OURS, later, SOURCE, &make(&OURS, later).unwrap()), Ok(()));
        assert_eq!((guard.order.len(), guard.sources.len(), guard.seen.len()), (1, 1, 1));
    }
}
