//! What a peer decides: pure state machines and the words in which front ends and shell talk to each other.
#![forbid(unsafe_code)]

pub mod calls;
pub mod command;
pub mod contacts;
mod context;
mod delivery;
mod directory;
pub mod engine;
pub mod event;
pub mod file_name;
pub mod files;
mod groups;
mod ids;
pub mod mailbox;
mod messaging;
pub mod mls;
pub mod model;
pub mod notice;
pub mod persistence;
mod request;
pub mod verify;

#[cfg(any(test, feature = "testkit"))]
mod fixtures;
#[cfg(test)]
mod simulation;
#[cfg(feature = "testkit")]
pub mod testkit;
