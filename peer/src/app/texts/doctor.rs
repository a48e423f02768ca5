//! Words of `peer doctor`: what was looked at, what was found, what to do about it.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use common::ident::KeyDigest;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::failure::Report;
use super::format;
use crate::app::exit;

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// It does not work; the exit code.
    Fail(i32),
}

/// What one check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    check: &'static str,
    state: State,
    found: String,
    /// What to do.
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, state: State::Ok, found: found.into(), fix: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, state: State::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    /// The words for the end of the program say it already: what happened, then what to do.
    pub(crate) fn failed(check: &'static str, report: Report) -> Self {
        let mut lines = report.lines.into_iter();
        let found = lines.next().unwrap_or_default();
        let fix: Vec<String> = lines.collect();
        let fix = (!fix.is_empty()).then(|| fix.join(" "));
        Self { check, state: State::Fail(report.exit), found, fix }
    }

    fn word(&self) -> &'static str {
        match self.state {
            State::Ok => "ok",
            State::Warn => "WARN",
            State::Fail(_) => "FAIL",
        }
    }

    /// As lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{:<4}  {:<13}  {}", self.word(), self.check, self.found)];
        lines.extend(self.fix.iter().map(|fix| format!("{:21}{fix}", "")));
        lines
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "check": self.check, "state": self.word().to_lowercase(), "found": self.found, "fix": self.fix })
    }

    /// The exit code, where it does not work.
    pub(crate) fn exit(&self) -> Option<i32> {
        if let State::Fail(code) = self.state { Some(code) } else { None }
    }
}

/// The name of the check of the configuration.
pub(crate) const CONFIGURATION: &str = "configuration";
/// The name of the check of where data are kept.
pub(crate) const DATA: &str = "data";
/// The name of the check of the directory.
pub(crate) const DIRECTORY: &str = "directory";
/// The name of the check of the directory's key.
pub(crate) const SERVER_KEY: &str = "server key";
/// The name of the check of the listening port.
pub(crate) const PORT: &str = "port";

/// There is no terminal.
pub(crate) fn no_terminal() -> Finding {
    Finding::ok("terminal", "none here: texts are only appended")
}

/// A terminal of this kind and size.
pub(crate) fn terminal(kind: &str, columns: u16, rows: u16, is_dumb: bool) -> Finding {
    let found = format!("{kind}, {columns}x{rows}");
    if is_dumb {
        let kind = if kind.is_empty() { "not set" } else { kind };
        let found = format!("TERM is {kind}: the cursor is not moved");
        return Finding::warn("terminal", found, "Say what it is: export TERM=xterm-256color");
    }
    if columns < 20 || rows < 6 {
        let fix = "Make the window larger, or use the line terminal: peer";
        return Finding::warn("terminal", format!("{found}: the full screen needs 20x6"), fix);
    }
    Finding::ok("terminal", found)
}

/// Whether the locale says UTF-8.
pub(crate) fn characters(locale: &str, is_unicode: bool) -> Finding {
    if is_unicode {
        return Finding::ok("characters", format!("UTF-8 ({locale})"));
    }
    let locale = if locale.is_empty() { "no locale is set" } else { locale };
    let found = format!("not UTF-8 ({locale}): signs are drawn in ASCII, texts of others may look odd");
    Finding::warn("characters", found, "Say that your terminal can: export LANG=C.UTF-8")
}

/// Whether there are colours.
pub(crate) fn colours(are_wanted: bool) -> Finding {
    Finding::ok("colours", if are_wanted { "yes; NO_COLOR=1 or --color never ends them" } else { "no" })
}

/// The configuration is in order.
pub(crate) fn configuration(files: &[PathBuf]) -> Finding {
    let named: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let found = if named.is_empty() { "no file; all keys have their defaults".to_owned() } else { named.join(", ") };
    Finding::ok(CONFIGURATION, found)
}

/// A file of the configuration was passed over.
pub(crate) fn passed_over(found: &str) -> Finding {
    Finding::warn(CONFIGURATION, found, "Ask whoever looks after this machine, if it should count for you.")
}

/// Where data are kept, which is nobody else's business.
pub(crate) fn data(folder: impl Display, open_to_others: bool) -> Finding {
    if open_to_others {
        let found = format!("others can look into {folder}");
        return Finding::warn(DATA, found, format!("Close it: chmod 700 {folder}"));
    }
    Finding::ok(DATA, format!("{folder}, writable, yours alone"))
}

/// What the clock says.
pub(crate) fn clock(now: u64, is_too_early: bool, zone: &TimeZone) -> Finding {
    let told = format!("{} {}", format::moment(now, zone), format::zone_name(now, zone));
    if is_too_early {
        let found = format!("{told}: that has passed already");
        return Finding::warn("clock", found, "Set it, or let it be set: timedatectl set-ntp true");
    }
    Finding::ok("clock", told)
}

/// A directory that answers.
pub(crate) fn directory(server: &str, took: Duration) -> Finding {
    let took = took.as_millis().max(1);
    Finding::ok(DIRECTORY, format!("{server} answers in {took} ms and speaks directory/1"))
}

/// The key of the directory, and since when it is trusted.
pub(crate) fn server_key(key: &KeyDigest, since: Option<u64>, zone: &TimeZone) -> Finding {
    let trusted = match since {
        Some(since) => format!("trusted since {}", format::day(since, zone)),
        None => "not met before".to_owned(),
    };
    Finding::ok(SERVER_KEY, format!("{}, {trusted}", key.short()))
}

/// Where callers would arrive.
pub(crate) fn port(address: impl Display, port: u16, wanted: u16) -> Finding {
    if port == wanted {
        return Finding::ok(PORT, format!("{port} on {address} is free"));
    }
    Finding::ok(PORT, format!("{wanted} on {address} is taken by another program or peer; {port} is used"))
}

/// Nobody can say on which address.
pub(crate) fn port_unknown() -> Finding {
    let fix = "Reach the directory first, or say where to listen: peer --listen ADDR doctor";
    Finding::warn(PORT, "not checked, because the address is not known without the directory", fix)
}

/// `e.data`: the folder cannot be used.
pub(crate) fn unusable(folder: impl Display, why: impl Display) -> Report {
    let lines = vec![
        format!("Cannot write to {folder}: {why}."),
        "Check its permissions and the space on the disk, or use another: --data-dir DIR".to_owned(),
    ];
    Report { lines, exit: exit::IO }
}
