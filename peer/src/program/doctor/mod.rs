//! `peer doctor`: looks at everything that a session needs, without a login, and says what to do about what it finds.

mod network;
mod surroundings;

use std::io;

use common::display::visible_json;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::app::exit;
use crate::app::texts::doctor::{self as texts, Finding};
use crate::app::texts::failure::Report;
use crate::app::texts::oneshot::Form;
use crate::cli::Settings;
use crate::program::{lost, print};

/// Looks at everything. The exit code is that of the first thing that does not work.
pub(super) fn run(settings: &Settings) -> i32 {
    let mut findings = surroundings::terminal(settings.colour);
    findings.push(texts::configuration(&settings.origin.files));
    findings.extend(settings.origin.passed_over.as_deref().map(texts::passed_over));
    findings.push(surroundings::data(&settings.data_dir));
    // Programs are told in UTC.
    let zone = match settings.form {
        Form::Text => settings.zone.clone(),
        Form::Json => TimeZone::UTC,
    };
    findings.extend(network::findings(settings, &zone));
    tell(&findings, settings.form)
}

/// Nothing else can be looked at where the configuration, or what an invitation has left, cannot be read.
pub(super) fn without_settings(report: Report, form: Form) -> i32 {
    let check = if report.exit == exit::CONFIG { texts::CONFIGURATION } else { texts::DATA };
    tell(&[Finding::failed(check, report)], form)
}

fn tell(findings: &[Finding], form: Form) -> i32 {
    let code = findings.iter().find_map(Finding::exit).unwrap_or(exit::OK);
    let lines = match form {
        Form::Text => findings.iter().flat_map(Finding::lines).collect(),
        Form::Json => {
            let checks: Vec<Value> = findings.iter().map(Finding::json).collect();
            vec![visible_json(json!({ "ok": code == exit::OK, "exit": code, "checks": checks }).to_string())]
        }
    };
    print(lines.iter().map(String::as_str), &mut io::stdout()).map_or_else(lost, |()| code)
}
