//! The preface: 64 bytes that a caller sends before any TLS byte (decision D13, threat P3; protocol section 7.1).
//!
//! nonce (24 bytes) · time (8 bytes, big-endian, seconds) · HMAC-SHA-256 over label, nonce and time, keyed by the digest
//! of the callee's public key. Only somebody who got that key from the directory can make one. The time is the
//! directory's, which both sides know from `ANNOUNCED`, so a wrong local clock does no harm (threat T7).

use std::collections::{HashMap, HashSet, VecDeque};

use super::{NoRandomness, hmac_sha256, random, same};
use crate::ident::KeyDigest;
use crate::limits::{PREFACE_WINDOW, PREFACES_PER_SITE, PREFACES_PER_SOURCE, PREFACES_REMEMBERED};
use crate::network::Source;

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
    /// How many of each source and of each site.
    sources: HashMap<Source, usize>,
}

#[derive(Debug)]
struct Admitted {
    at: u64,
    nonce: [u8; NONCE],
    source: Source,
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
        source: Source,
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
        // One source alone, or site, must not be able to fill the memory and so shut everybody out.
        let is_full = |source, most| self.sources.get(&source).is_some_and(|count| *count >= most);
        let crowded =
            is_full(source, PREFACES_PER_SOURCE) || source.site().is_some_and(|site| is_full(site, PREFACES_PER_SITE));
        if crowded || self.order.len() >= PREFACES_REMEMBERED {
            return Err(Rejected::Crowded);
        }
        self.seen.insert(*nonce);
        for counted in [Some(source), source.site()].into_iter().flatten() {
            let count = self.sources.entry(counted).or_default();
            *count = count.saturating_add(1);
        }
        self.order.push_back(Admitted { at: now, nonce: *nonce, source });
        Ok(())
    }

    /// A nonce must be kept until no preface that carries it can be in date: its time may be a window ahead of the
    /// moment it was admitted, and stays good for another window.
    fn forget_before(&mut self, moment: u64) {
        while self.order.front().is_some_and(|oldest| oldest.at < moment) {
            let Some(oldest) = self.order.pop_front() else { return };
            self.seen.remove(&oldest.nonce);
            for counted in [Some(oldest.source), oldest.source.site()].into_iter().flatten() {
                let left = self.sources.get(&counted).map_or(0, |count| count.saturating_sub(1));
                if left == 0 {
                    self.sources.remove(&counted);
                } else {
                    self.sources.insert(counted, left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: KeyDigest = KeyDigest([7; 32]);
    const NOW: u64 = 1_700_000_000;

    fn source(address: [u8; 4]) -> Source {
        Source::of(address.into())
    }

    fn here() -> Source {
        source([127, 0, 0, 2])
    }

    #[test]
    fn lets_a_caller_in_once() {
        let mut guard = Guard::new();
        let preface = make(&OURS, NOW).unwrap();
        assert_eq!(guard.admit(&OURS, NOW, here(), &preface), Ok(()));
        assert_eq!(guard.admit(&OURS, NOW, here(), &preface), Err(Rejected::Replayed));
        assert_eq!(guard.admit(&OURS, NOW + PREFACE_WINDOW, here(), &preface), Err(Rejected::Replayed));
    }

    #[test]
    fn a_preface_from_the_future_cannot_be_replayed_when_its_time_has_come() {
        let mut guard = Guard::new();
        let preface = make(&OURS, NOW + PREFACE_WINDOW).unwrap();
        assert_eq!(guard.admit(&OURS, NOW, here(), &preface), Ok(()));
        for later in 0..=2 * PREFACE_WINDOW {
            assert_eq!(guard.admit(&OURS, NOW + later, here(), &preface), Err(Rejected::Replayed));
        }
        assert_eq!(guard.admit(&OURS, NOW + 2 * PREFACE_WINDOW + 1, here(), &preface), Err(Rejected::OutOfDate));
    }

    #[test]
    fn refuses_every_altered_bit_and_every_other_key() {
        let preface = make(&OURS, NOW).unwrap();
        for bit in 0..LENGTH * 8 {
            let mut altered = preface;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Guard::new().admit(&OURS, NOW, here(), &altered), Err(Rejected::NotForUs));
        }
        assert_eq!(Guard::new().admit(&KeyDigest([8; 32]), NOW, here(), &preface), Err(Rejected::NotForUs));
    }

    #[test]
    fn refuses_a_preface_out_of_its_window() {
        let preface = make(&OURS, NOW).unwrap();
        for now in [NOW - PREFACE_WINDOW - 1, NOW + PREFACE_WINDOW + 1, 0, u64::MAX] {
            assert_eq!(Guard::new().admit(&OURS, now, here(), &preface), Err(Rejected::OutOfDate));
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
            guard.admit(&OURS, NOW, here(), &numbered(count)).unwrap();
        }
        assert_eq!(guard.admit(&OURS, NOW, here(), &make(&OURS, NOW).unwrap()), Err(Rejected::Crowded));
        let other = source([127, 0, 0, 3]);
        assert_eq!(guard.admit(&OURS, NOW, other, &make(&OURS, NOW).unwrap()), Ok(()));
        let later = NOW + 2 * PREFACE_WINDOW + 1;
        assert_eq!(guard.admit(&OURS, later, here(), &make(&OURS, later).unwrap()), Ok(()));
    }

    #[test]
    fn one_site_cannot_shut_the_others_out() {
        let mut guard = Guard::new();
        let of_site = |site, n: usize| {
            let n = u16::try_from(n).unwrap();
            Source::of(std::net::Ipv6Addr::new(0x2001, 0xdb8, site, n, 0, 0, 0, 1).into())
        };
        for count in 0..PREFACES_PER_SITE {
            guard.admit(&OURS, NOW, of_site(1, count), &numbered(count)).unwrap();
        }
        let next = of_site(1, PREFACES_PER_SITE);
        assert_eq!(guard.admit(&OURS, NOW, next, &make(&OURS, NOW).unwrap()), Err(Rejected::Crowded));
        assert_eq!(guard.admit(&OURS, NOW, of_site(2, 0), &make(&OURS, NOW).unwrap()), Ok(()));
        let later = NOW + 2 * PREFACE_WINDOW + 1;
        assert_eq!(guard.admit(&OURS, later, next, &make(&OURS, later).unwrap()), Ok(()));
        assert_eq!(guard.sources.len(), 2, "source and site");
    }

    #[test]
    fn memory_stays_bounded_and_recovers() {
        let mut guard = Guard::new();
        for count in 0..PREFACES_REMEMBERED {
            let [high, low] = u16::try_from(count / PREFACES_PER_SOURCE).unwrap().to_be_bytes();
            let source = source([127, 1, high, low]);
            guard.admit(&OURS, NOW, source, &numbered(count)).unwrap();
        }
        let later = NOW + 2 * PREFACE_WINDOW + 1;
        assert_eq!(guard.admit(&OURS, NOW, here(), &make(&OURS, NOW).unwrap()), Err(Rejected::Crowded));
        assert_eq!(guard.admit(&OURS, later, here(), &make(&OURS, later).unwrap()), Ok(()));
        assert_eq!((guard.order.len(), guard.sources.len(), guard.seen.len()), (1, 1, 1));
    }
}
