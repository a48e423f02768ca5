//! Acceptance: real programs on real sockets, one module per line of what must work.
//!
//! [`harness`] starts them: a directory on an address of its own, peers in pseudo-terminals or on pipes, all on port
//! 65000 of 127.x.y.z addresses. Counterparts that no honest program would be come from `common::testkit`.
//!
//! # Where the acceptance of the user interface is shown
//!
//! | number | what | where |
//! |---|---|---|
//! | 1 | the base flow, exact, on a terminal and on pipes, both sides | [`session`] |
//! | 2 | the first run of two people in 107 keys | [`first_run`]; by invitation [`registration`] |
//! | 3 | typing while lines arrive, at 20, 40, 80 and 120 columns | [`keyboard`] |
//! | 4 | changes of the size | [`full_screen`], [`snapshots`]; of the line terminal [`keyboard`] |
//! | 5 | hostile texts and imitations | [`hostile_text`], [`full_screen`] |
//! | 6 | a paste of three lines is one message, also where the terminal does not mark it | [`keyboard`] |
//! | 7 | the terminal is given back; one that is gone ends its program ([`closed_windows`]) | [`commands`], [`full_screen`], [`own_screen`], [`panics`], [`type_ahead`] |
//! | 8 | every exit code | [`exit_codes`] (1: [`panics`]), with the words in [`commands`] and [`once`] |
//! | 9 | no escape byte without a terminal | [`no_escapes`], and every test that runs a command |
//! | 10 | `NO_COLOR`, `TERM=dumb`, `--plain` | [`looks`], [`snapshots`] |
//! | 11 | ids and next steps of all texts | `app::texts::lint` |
//! | 12 | how fast and how small | `scripts/bench` |
//! | 13 | the schema of the JSON mode, kills before an acknowledgement | [`json`] |
//! | 14 | the exposure of the systemd unit | `scripts/package --check` |
//! | 15 | manual, completions, help of at most 24 lines, all from the grammar | [`once`], [`no_escapes`] |
//! | 16 | type-ahead answers no question of security | [`type_ahead`], [`changed_key`], [`files`], `app::line::tests` |
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod harness;
#[path = "../../../common/tests/support/hostile.rs"]
#[expect(dead_code, reason = "the TLS tests of common need more kinds of counterparts")]
mod hostile;

mod backup;
mod callers;
mod capture;
mod changed_key;
mod closed_windows;
mod commands;
mod crashes;
mod crossed;
mod demo;
mod doctor;
mod downgrades;
mod examples;
mod exit_codes;
mod failing_disk;
mod files;
mod first_run;
mod floods;
mod full_screen;
mod groups;
mod hostile_directory;
mod hostile_member;
mod hostile_text;
mod json;
mod keyboard;
mod kills;
mod lockout;
mod log;
mod looks;
mod lookups;
mod mail;
mod moves;
mod new_key;
mod no_escapes;
mod odd_directories;
mod old_copy;
mod once;
mod outage;
mod own_screen;
mod panics;
mod passcode;
mod registration;
mod relay;
mod restored;
mod screen_pages;
mod session;
mod snapshots;
mod stored;
mod strangers;
mod terminals;
mod type_ahead;
mod unaided;
