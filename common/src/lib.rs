//! The language the directory server and the peers agree on.
//!
//! ```text
//! bytes ── link (TLS 1.3) ── frame ── msg ──►  a program's core
//!              │                       │
//!           crypto (keys, passcodes, transcripts, prefaces)
//! ```
//!
//! Reading order: [`ident`] and [`limits`] (words and bounds), [`frame`] and [`msg`] (what travels), [`crypto`] (what is
//! proved), [`link`] and [`relay`] (how it travels); [`window`], [`pace`], [`network`], [`backoff`] and [`settled`] (how often, how fast,
//! from where, when again, what has surely passed); [`display`] (what must not reach a screen). Nothing here knows which
//! program it runs in, and nothing here names an async runtime, opens a file or reads a clock: clock and randomness are
//! arguments (decisions D3, D21).
//!
//! What reads bytes of others ([`frame`], [`msg`], [`crypto`]) neither indexes nor computes unchecked: a lint denies it.
//!
//! The specification is `common/docs/protocol.md`; section numbers in these documents refer to it.
#![forbid(unsafe_code)]

pub mod backoff;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]
pub mod crypto;
pub mod display;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]
pub mod frame;
pub mod ident;
pub mod limits;
pub mod link;
pub mod locked;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]
pub mod msg;
pub mod network;
pub mod pace;
pub mod qr;
#[cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions))]
pub mod relay;
pub mod secret;
pub mod settings;
pub mod settled;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod window;
