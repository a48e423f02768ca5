//! Acceptance: real programs on real sockets, one module per line of what must work.
//!
//! [`harness`] starts them: a directory on an address of its own, peers in pseudo-terminals or on pipes, all on port
//! 65000 of 127.x.y.z addresses. Counterparts that no honest program would be come from `common::testkit`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod harness;
#[path = "../../../common/tests/support/hostile.rs"]
#[expect(dead_code, reason = "the TLS tests of common need more kinds of counterparts")]
mod hostile;

mod backup;
mod callers;
mod capture;
mod changed_key;
mod commands;
mod crashes;
mod crossed;
mod downgrades;
mod files;
mod floods;
mod full_screen;
mod groups;
mod hostile_text;
mod json;
mod keyboard;
mod kills;
mod lockout;
mod lookups;
mod mail;
mod old_copy;
mod once;
mod outage;
mod passcode;
mod registration;
mod session;
mod strangers;
mod terminals;
