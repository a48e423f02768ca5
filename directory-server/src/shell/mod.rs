//! Everything that touches the outside: runtime, clock, sockets, files, signals, logs.
//!
//! Thin and dull: each part turns events into calls of the core and its answers into bytes. [`serve`] is the order in
//! which a server starts and stops.

pub(crate) mod accept;
pub(crate) mod admin;
pub(crate) mod backup;
mod backups;
pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod data_dir;
pub(crate) mod demo;
pub(crate) mod http;
pub(crate) mod keep_time;
mod last_hour;
pub(crate) mod launch;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod node;
pub(crate) mod notify;
mod private_files;
mod relay;
pub(crate) mod rt;
pub(crate) mod serve;
pub(crate) mod signals;
pub(crate) mod stores;
mod waiting_legs;
