//! What a terminal needs to know before it starts.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::event_log::EventFilter;
use super::transfer::config::TransferConfig;
use peer_core::event::Accept;
use peer_core::files::model::FilePolicy;

/// What a terminal needs to know before it starts.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The directory, `host:port`.
    pub(crate) server: String,
    /// Where local state is kept.
    pub(crate) data: PathBuf,
    /// The address to listen on and to call from; otherwise that of the connection to the directory.
    pub(crate) listen: Option<IpAddr>,
    /// The port to listen on; otherwise 65000 or the next free one.
    pub(crate) port: Option<u16>,
    /// For connecting to the directory and for its answers.
    pub(crate) patience: Duration,
    /// Which calls are taken.
    pub(crate) accept: Accept,
    /// Whether others are told what was read.
    pub(crate) read_receipts: bool,
    /// How long messages are kept.
    pub(crate) keep_messages: Duration,
    /// How files are given and saved.
    pub(crate) files: TransferConfig,
    /// Which offers of files are taken.
    pub(crate) file_policy: FilePolicy,
    /// What of a notice goes into the event log, where one is kept.
    pub(crate) event_filter: Option<EventFilter>,
    /// Whether another program of the same user is waited for.
    pub(crate) turn: Turn,
}

/// What becomes of a program whose user has another one open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It says so and stops.
    AtOnce,
    /// It waits for its turn, as long as none of those before it takes longer than twice [`Setup::patience`]: one may log in
    /// as long as that, and then wait as long for what becomes of its message.
    Waited,
}
