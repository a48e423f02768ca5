//! What a peer decides: pure state machines and the words in which front ends and shell talk to each other.
//!
//! Reading order: [`command`] (what a person can ask for), [`notice`] (what a person is told), [`verify`] (who is
//! calling), [`contacts`] (whose key is pinned), [`keep`] (what is kept on disk), [`talk`] (what a frame means),
//! [`engine`] (all of it together). Nothing here waits, reads a clock, opens a socket or a file (decision D21).

pub(crate) mod command;
pub(crate) mod contacts;
pub(crate) mod engine;
pub(crate) mod file_name;
pub(crate) mod keep;
pub(crate) mod mls;
pub(crate) mod notice;
pub(crate) mod post;
pub(crate) mod talk;
pub(crate) mod verify;
