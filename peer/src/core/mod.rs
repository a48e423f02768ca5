//! What a peer decides: pure state machines and the words in which front ends and shell talk to each other.
//!
//! [`command`] is what a person can ask for, [`notice`] what a person is told.

pub(crate) mod command;
pub(crate) mod notice;
