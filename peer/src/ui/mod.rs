//! Front ends: they turn notices into output and keys into commands, through `app`, and know nothing below it.
//!
//! [`mod@line`] is the line terminal, [`tui`] the full screen, [`json`] serves programs. What front ends share: the entry
//! ([`editor`], [`tab`]), keys and modes of a terminal ([`keys`], [`raw`]), where text stands ([`layout`]), and what a front end
//! waits for ([`channels`]).

pub(crate) mod channels;
mod editor;
pub(crate) mod json;
mod keys;
mod layout;
pub(crate) mod line;
mod raw;
mod tab;
pub(crate) mod tui;

pub(crate) use channels::screen_size;
pub(crate) use raw::{TerminalEcho, give_terminal_back};
