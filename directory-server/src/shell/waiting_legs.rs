//! Legs of relayed links whose counterpart has not come yet (protocol section 6.12).
//!
//! Owns their connections until somebody takes them, or their time is over. There are no more of them than there are
//! meetings, which the core bounds.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::rt::TcpStream;
use directory_core::relay::Leg;

/// A connection that has shown the token of a meeting.
pub(crate) type Arrived = (Leg, TcpStream);

/// By the number of their meeting.
#[derive(Debug, Default)]
pub(crate) struct WaitingLegs(Mutex<BTreeMap<u64, Arrived>>);

impl WaitingLegs {
    /// The one that this leg is to be joined with, and the leg itself; nothing if it is the first, which waits from now on.
    pub(crate) fn meet(&self, arrived: Arrived) -> Option<[Arrived; 2]> {
        let mut waiting = self.lock();
        match waiting.remove(&arrived.0.meeting()) {
            Some(first) => Some([first, arrived]),
            None => {
                waiting.insert(arrived.0.meeting(), arrived);
                None
            }
        }
    }

    /// Takes out a leg that has waited in vain.
    pub(crate) fn give_up(&self, meeting: u64) -> Option<Arrived> {
        self.lock().remove(&meeting)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arrived>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
