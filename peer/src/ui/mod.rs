//! Front ends: they turn notices into output and keys into commands, through `app`, and know nothing below it.
//!
//! [`mod@line`] is the line terminal, [`tui`] the full screen, [`json`] serves programs. What front ends share: the entry
//! ([`editor`], [`completion`], [`external_editor`]), keys and modes of a terminal ([`keys`], [`pastes`], [`raw_mode`]), its end ([`hang_up`]), where
//! text stands ([`layout`]), which colour a name has ([`names`]), what answers a hidden key ([`mark`]), and what a front end waits for ([`event_loop`]).

mod completion;
mod editor;
pub(crate) mod event_loop;
mod external_editor;
pub(crate) mod hang_up;
pub(crate) mod json;
mod keymap;
mod keys;
mod layout;
pub(crate) mod line;
mod mark;
mod names;
mod pastes;
mod raw_mode;
pub(crate) mod tui;

pub(crate) use event_loop::screen_size;
pub(crate) use keymap::Keymap;
pub(crate) use raw_mode::{TerminalEcho, give_terminal_back};
