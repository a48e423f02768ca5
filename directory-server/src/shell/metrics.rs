//! What is counted for whoever watches the server from outside, beside what the core counts itself.

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// The one label of a metric, and its value.
pub(super) type Label = [(&'static str, &'static str); 1];
type Durations = Family<Label, Histogram, fn() -> Histogram>;

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    Accepted,
    /// Its source has as many as it may have, or serves a penalty.
    Source,
    /// There are as many as there may be.
    Full,
}

impl Connection {
    const fn label(self) -> Label {
        let result = match self {
            Self::Accepted => "accepted",
            Self::Source => "source",
            Self::Full => "full",
        };
        [("result", result)]
    }
}

/// What became of a leg, or of a link that is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relayed {
    /// Both sides came.
    Joined,
    /// The other side did not come in time.
    Alone,
    /// What it showed opens nothing.
    Refused,
}

impl Relayed {
    const fn label(self) -> Label {
        let result = match self {
            Self::Joined => "joined",
            Self::Alone => "alone",
            Self::Refused => "refused",
        };
        [("result", result)]
    }
}

/// What became of a reload of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    Done,
    Failed,
}

impl Reload {
    const fn label(self) -> Label {
        let result = match self {
            Self::Done => "done",
            Self::Failed => "failed",
        };
        [("result", result)]
    }
}

/// Whether requests are timed: two looks at the clock for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    On,
    /// Nobody can ask for it.
    Off,
}

/// Counts since the start.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(super) connections: Family<Label, Counter>,
    pub(super) reloads: Family<Label, Counter>,
    pub(super) relayed: Family<Label, Counter>,
    pub(super) relayed_bytes: Counter,
    pub(super) requests: Option<Durations>,
}

impl Metrics {
    pub(crate) fn new(timing: Timing) -> Self {
        let (connections, reloads) = (Family::<Label, Counter>::default(), Family::<Label, Counter>::default());
        // A count that is not there cannot be told from one that was forgotten.
        for result in [Connection::Accepted, Connection::Source, Connection::Full] {
            drop(connections.get_or_create(&result.label()));
        }
        for result in [Reload::Done, Reload::Failed] {
            drop(reloads.get_or_create(&result.label()));
        }
        let (relayed, relayed_bytes) = (Family::<Label, Counter>::default(), Counter::default());
        for result in [Relayed::Joined, Relayed::Alone, Relayed::Refused] {
            drop(relayed.get_or_create(&result.label()));
        }
        let requests = (timing == Timing::On).then(|| Durations::new_with_constructor(durations));
        Self { connections, reloads, relayed, relayed_bytes, requests }
    }

    pub(crate) fn connection(&self, result: Connection) {
        self.connections.get_or_create(&result.label()).inc();
    }

    pub(crate) fn relayed(&self, result: Relayed) {
        self.relayed.get_or_create(&result.label()).inc();
    }

    /// So many bytes were passed on over a link that is over.
    pub(crate) fn relayed_bytes(&self, bytes: u64) {
        self.relayed_bytes.inc_by(bytes);
    }

    pub(crate) fn reload(&self, result: Reload) {
        self.reloads.get_or_create(&result.label()).inc();
    }

    /// A request begins.
    pub(crate) fn start(&self) -> Option<Instant> {
        self.requests.as_ref().map(|_| Instant::now())
    }

    /// A request that began then has been answered.
    pub(crate) fn finish(&self, started: Option<Instant>, op: &'static str) {
        if let (Some(requests), Some(started)) = (&self.requests, started) {
            requests.get_or_create(&[("op", op)]).observe(started.elapsed().as_secs_f64());
        }
    }
}

/// From ten microseconds, a lookup, to ten seconds, a disk in trouble.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 4.0, 11))
}
