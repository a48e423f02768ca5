//! Words of `peer trust-server`.

use common::ident::KeyDigest;
use jiff::tz::TimeZone;

use super::failure::Report;
use super::format;
use crate::app::exit;

/// `n.server_key`: the key a directory shows now, beside the pinned one and since when it was; above `p.trust`.
pub(crate) fn shown(server: &str, now: &KeyDigest, pinned: Option<(KeyDigest, u64)>, zone: &TimeZone) -> Vec<String> {
    let mut lines = vec![format!("The key of {server} is {}", now.short())];
    match pinned {
        Some((key, _)) if key == *now => lines.push("It is the one you trust already.".to_owned()),
        Some((key, since)) => {
            lines.push(format!("The one you trusted on {} is {}", format::day(since, zone), key.short()));
        }
        None => {}
    }
    lines
}

/// `n.trusted`
pub(crate) fn trusted(server: &str) -> String {
    format!("{server} is trusted with this key from now on.")
}

/// `e.not_trusted`
pub(crate) fn not_trusted() -> Report {
    Report { lines: vec!["Nothing was changed. Ask the administrator for the key.".to_owned()], exit: exit::REFUSED }
}

/// `e.no_input`: only a user can compare keys.
pub(crate) fn needs_a_person(mut lines: Vec<String>) -> Report {
    lines.push("Nothing was changed: only a person can compare keys, so run it without --no-input.".to_owned());
    Report { lines, exit: exit::USAGE }
}
