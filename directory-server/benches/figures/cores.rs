//! On which cores the two ends of a measurement run.
//!
//! Left alone, the scheduler puts the ends of a ping-pong on one core or on two, differently for each pair of processes,
//! and waking the other core costs more than all the rest. So wall times are only compared where both pairs are placed
//! alike. A child runs where its parent did when it was started.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Outcome;

/// Where the ends run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Wherever the scheduler puts them.
    Free,
    /// Both on the same core.
    Together,
    /// The client on one core, the server on another.
    Apart,
}

/// Which end is about to run or to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Client,
    Server,
}

/// The cores this program was given.
pub(crate) struct Cores {
    all: CpuSet,
    /// Two of them, which are the same one where there is only one.
    two: [usize; 2],
}

impl Cores {
    pub(crate) fn ours() -> Outcome<Self> {
        let all = sched_getaffinity(None)?;
        let mut given = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let one = given.next().ok_or("no core to run on")?;
        Ok(Self { all, two: [one, given.next().unwrap_or(one)] })
    }

    /// From now on this thread, and what it starts, runs where `end` belongs.
    pub(crate) fn run_as(&self, end: End, placement: Placement) -> Outcome<()> {
        let [one, other] = self.two;
        let core = match (placement, end) {
            (Placement::Free, _) => return Ok(sched_setaffinity(None, &self.all)?),
            (Placement::Together, _) | (Placement::Apart, End::Client) => one,
            (Placement::Apart, End::Server) => other,
        };
        let mut only = CpuSet::new();
        only.set(core);
        Ok(sched_setaffinity(None, &only)?)
    }
}
