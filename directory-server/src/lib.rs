//! The directory server.
#![forbid(unsafe_code)]

pub mod core;
pub mod store;
