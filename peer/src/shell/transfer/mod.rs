//! The bytes of a file on a link of their own (decision D7, threat T3; protocol section 7.6).
//!
//! - [`upload`]: what is given, read from a [`source`] · [`download`]: what is received, into a [`partial_file`]
//! - [`folder`]: folders as archives · [`disk`]: how files are opened, what is free · [`config`]: where to and how fast
//!
//! Memory is constant: a few pieces between the link and the disk, and what TLS has not written. The disk and the
//! digest have a thread of their own, beside the executor's. What is offered to whom, and when it is tried again, is
//! the core's.

pub(crate) mod config;
mod disk;
pub(super) mod download;
mod folder;
pub(super) mod partial_file;
mod progress;
pub(super) mod source;
#[cfg(test)]
mod tests;
pub(super) mod upload;
