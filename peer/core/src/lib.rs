//! What a peer decides: pure state machines and the words in which front ends and shell talk to each other.
//!
//! Reading order: [`command`] (what a person can ask for), [`notice`] (what a person is told), [`verify`] (who is
//! calling), [`contacts`] (whose key is pinned), [`directory`] (requests that wait for an answer), [`persistence`] (what
//! is kept on disk), [`talk`] (what a frame means), [`engine`] (all of it together). Nothing here waits, reads a clock,
//! opens a socket or a file (decision D21).
#![forbid(unsafe_code)]

pub mod command;
pub mod contacts;
pub mod directory;
pub mod engine;
pub mod file_name;
pub mod mls;
pub mod model;
pub mod notice;
pub mod persistence;
pub mod post;
pub mod talk;
pub mod verify;

#[cfg(test)]
mod simulation;
#[cfg(feature = "testkit")]
pub mod testkit;
