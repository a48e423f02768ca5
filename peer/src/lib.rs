//! The peer terminal.
//!
//! ```text
//! keys ── ui ── app ── Command ──►          ──► Effect ── shell ── sockets, files, clock
//!                                   core
//! screen ◄─ ui ◄─ app ◄── Notice ──         ◄── Input ─── shell
//! ```
//!
//! Reading order: [`peer_core`] (what a peer decides, pure: a crate of its own), `store` (what is kept), `shell` (carries
//! out what the core decides; begin with its `driver`), `app` (what a front end knows and says: `model`, then `line`,
//! `screen`, `rpc`), `ui` (keys and screens), `cli` and `config`, and `program`, which puts them together. Who may import
//! whom is checked by `scripts/check`; `common/docs/architecture.md` tells the whole story.
#![forbid(unsafe_code)]

mod alarm;
mod app;
mod cli;
mod config;
mod program;
mod shell;
mod signals;
mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
mod ui;

pub use program::run;
