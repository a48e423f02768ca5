//! Commands that do one thing and end. Each is a client of the JSON front end: of the user's daemon where one
//! runs, otherwise of one within this process. [`client`] knows both ways; a command sees typed results and events.

mod client;
mod commands;
mod file;
pub(super) mod print;
mod session;

pub(super) use commands::{history, list, passwd, recv, send, verify};
pub(super) use file::file;
