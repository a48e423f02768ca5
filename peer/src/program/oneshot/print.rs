//! Results on the output: for people, or as JSON.

use std::io::{self, Write as _};

use common::display::visible_json;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::exit;
use crate::app::rpc::results::{Listed, SafetyNumber};
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts::failure::Report;
use crate::app::texts::format;
use crate::app::texts::oneshot as said;
use crate::program::{internal, lost_output};

fn line(text: &SafeText) -> Result<(), Report> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.as_str()).and_then(|()| out.flush()).map_err(lost_output)
}

/// A result as JSON.
pub(in crate::program) fn result(value: &impl Serialize) -> Result<(), Report> {
    // By way of a value: its fields are in the order of their names.
    let value = serde_json::to_value(value).map_err(internal)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", visible_json(value.to_string())).and_then(|()| out.flush()).map_err(lost_output)
}

/// A failure as JSON, beside what else is to be told of the request: `error`, as in the answers of `peer json`.
pub(in crate::program) fn failure(report: &Report, mut besides: Value) -> Result<(), Report> {
    let data = json!({ "kind": exit::word(report.exit), "exit": report.exit });
    besides["error"] =
        json!({ "code": -32000 - i64::from(report.exit), "message": report.lines.join(" "), "data": data });
    result(&besides)
}

/// A message, of an event or of the history.
pub(super) fn message(from: &str, group: Option<&str>, text: &str) -> Result<(), Report> {
    let author = SafeText::ours(&said::author(from, group));
    for (number, row) in SafeText::message(text, Glyphs::Unicode).into_iter().enumerate() {
        line(&if number == 0 { row.after(&author) } else { row })?;
    }
    Ok(())
}

/// The table of users and groups.
pub(super) fn table(listed: &[Listed], is_terminal: bool, zone: &TimeZone) -> Result<(), Report> {
    let rows: Vec<[String; 4]> = listed.iter().map(|listed| said::row(listed, zone)).collect();
    let rows = format::table(["ID", "STATE", "SINCE", "KEY"], &rows);
    // Alone, a tab is no text of ours: it says to programs where a cell ends.
    let separator = if is_terminal { "  " } else { "\t" };
    let mut out = io::stdout().lock();
    for row in rows {
        let cells = row.iter().map(|cell| SafeText::ours(if is_terminal { cell } else { cell.trim_end() }));
        let cells: Vec<String> = cells.map(|cell| cell.as_str().to_owned()).collect();
        writeln!(out, "{}", cells.join(separator)).map_err(lost_output)?;
    }
    out.flush().map_err(lost_output)
}

/// A safety number.
pub(super) fn number(told: &SafetyNumber) -> Result<(), Report> {
    for row in told.digits.chunks(4) {
        line(&SafeText::ours(&row.join(" ")))?;
    }
    line(&SafeText::ours(said::verified(told.verified)))
}
