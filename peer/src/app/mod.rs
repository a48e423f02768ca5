//! Between the engine and every front end: what is said, in which words, and what may be displayed.
//!
//! ```text
//! typed line ── grammar ──► line, screen ──────► Command              (to the engine)
//! Notice ── model ────────► line, screen, rpc ─► texts ──► SafeText   (to the front end)
//! ```
//!
//! Everything here is pure: no clock, no terminal, no file. [`model`] is what the user of this terminal can know, fed once
//! from the notices; [`mod@line`] is the line terminal's machine, [`screen`] the full screen's, [`rpc`] that of the JSON
//! mode. [`grammar`] reads what a user types, [`complete`] what the Tab key makes of it, [`keys`] names what keys ask for.
//! [`texts`] is the catalogue of all texts, [`sanitise`] makes text safe to display, [`exit`] names the exit codes. Front
//! ends import this module and nothing below it.
#![cfg_attr(not(test), deny(clippy::wildcard_enum_match_arm))]

use std::time::Instant;

pub(crate) mod complete;
pub(crate) mod exit;
pub(crate) mod grammar;
pub(crate) mod keys;
pub(crate) mod line;
pub(crate) mod model;
pub(crate) mod pace;
pub(crate) mod passwd;
pub(crate) mod qr;
pub(crate) mod rpc;
pub(crate) mod sanitise;
pub(crate) mod screen;
pub(crate) mod texts;
pub(crate) mod tickets;

/// When something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    /// For durations.
    pub(crate) instant: Instant,
    /// Seconds since the epoch.
    pub(crate) date: u64,
}

/// A command without its subject, as tests compare it.
#[cfg(test)]
fn bare(command: &peer_core::command::Command) -> String {
    let told = format!("{command:?}");
    match told.split_once('(') {
        Some((subject, inner)) if !subject.contains(' ') => inner.strip_suffix(')').unwrap_or(inner).to_owned(),
        _ => told,
    }
}
