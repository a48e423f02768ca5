//! Results on the output: for people, or as JSON.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts::failure::Report;
use crate::app::texts::format;
use crate::app::texts::oneshot::{self as said, Form};
use crate::program::lost_output;

fn line(text: &SafeText) -> Result<(), Report> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.as_str()).and_then(|()| out.flush()).map_err(lost_output)
}

/// A result as JSON.
pub(super) fn result(value: &Value) -> Result<(), Report> {
    // JSON escapes control characters by itself, so nothing in it moves a cursor.
    let mut out = io::stdout().lock();
    writeln!(out, "{value}").and_then(|()| out.flush()).map_err(lost_output)
}

/// A message, of an event or of the history.
pub(super) fn message(value: &Value, form: Form) -> Result<(), Report> {
    if form == Form::Json {
        return result(value);
    }
    let (from, text) = (value["from"].as_str().unwrap_or_default(), value["text"].as_str().unwrap_or_default());
    let author = SafeText::ours(&said::author(from, value["group"].as_str()));
    for (number, row) in SafeText::message(text, Glyphs::Unicode).into_iter().enumerate() {
        line(&if number == 0 { row.after(&author) } else { row })?;
    }
    Ok(())
}

/// The table of users and groups.
pub(super) fn table(listed: &Value, is_terminal: bool) -> Result<(), Report> {
    let rows: Vec<[String; 4]> = listed.as_array().into_iter().flatten().map(said::row).collect();
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
pub(super) fn number(told: &Value) -> Result<(), Report> {
    let digits: Vec<&str> = told["digits"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for row in digits.chunks(4) {
        line(&SafeText::ours(&row.join(" ")))?;
    }
    line(&SafeText::ours(said::verified(told["verified"] == true)))
}
