//! The directory server: authenticates users, knows who is online where, and answers lookups.
//!
//! ```text
//! socket ── shell::connection ── common::link ──► directory_core::{unauthenticated, session} ──► answers back
//!                                                    │ awaits, for all but lookups and lists
//!                                        directory_core::store::Store ◄── store::sqlite
//!                                                                (one writer thread, group commit)
//! ```
//!
//! Reading order: [`directory_core`] (what is decided, a crate of its own that knows no runtime, database, file, socket or
//! clock), [`store`] (what is remembered), `shell` (sockets, files, signals), `config` and `cli`. Each imports only what
//! stands before it: `store` the core's types, `shell` both. The specification is `common/docs/protocol.md`.
#![forbid(unsafe_code)]

mod cli;
mod config;
mod failure;
mod shell;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with these arguments, the first being its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    cli::run::run(arguments.into_iter().collect())
}
