//! `peer file TO PATH`: offers a file and stays until it has arrived, because it is this program that gives it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::ask::Person;
use super::print;
use super::session::Session;
use crate::app::exit;
use crate::app::pace::Pace;
use crate::app::sanitise::SafeText;
use crate::app::texts::failure::{self, Report};
use crate::app::texts::files;
use crate::app::texts::oneshot::{self as said, Form, Loudness};
use crate::cli::Settings;
use peer_core::notice::Failure;

/// How long one look at the session takes at most. Chosen arbitrarily.
const LOOK: Duration = Duration::from_secs(60);

/// `peer file TO PATH`
pub(crate) fn file(settings: &Settings, to: &str, path: &Path, wait: Option<Duration>) -> Result<i32, Report> {
    let cannot = |error: io::Error| {
        failure::report(&Failure::Io { path: path.display().to_string(), detail: error.to_string() })
    };
    // A daemon has another working directory.
    let path = std::path::absolute(path).and_then(|path| path.canonicalize()).map_err(cannot)?;
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let offered = session.ask("file.send", &json!({ "to": to, "path": path }))?;
    if settings.loudness != Loudness::Quiet {
        person.told(&said::offered(to, offered["name"].as_str().unwrap_or_default()));
    }
    let mut gauge = Gauge::new(settings.loudness);
    let ended = follow(&mut session, &offered["file"], wait.map(|wait| Instant::now() + wait), &mut gauge);
    gauge.end();
    session.close();
    let event = ended?;
    let Some(event) = event else { return Err(said::not_taken(to, offered["name"].as_str().unwrap_or_default())) };
    if settings.form == Form::Json {
        let Value::Object(mut file) = offered else { return Ok(exit::OK) };
        file.insert("done".to_owned(), event["done"].clone());
        file.insert("state".to_owned(), event["what"].clone());
        print::result(&Value::Object(file))?;
    }
    said::file_ended(to, &event).map_or(Ok(exit::OK), Err)
}

/// Waits until something has become of a file; nothing if nobody takes it in time.
fn follow(
    session: &mut Session,
    number: &Value,
    until: Option<Instant>,
    gauge: &mut Gauge,
) -> Result<Option<Value>, Report> {
    let mut begun = false;
    loop {
        let look = Instant::now() + LOOK;
        let limit = until.filter(|_| !begun);
        let event = session.event(limit.unwrap_or(look).min(look))?;
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            return Ok(None);
        }
        let Some(event) = event.filter(|event| event["type"] == "file" && event["file"] == *number) else { continue };
        match event["what"].as_str() {
            Some("progress") => {
                begun = true;
                gauge.show(&event);
            }
            Some("offer" | "stopped") => {}
            _ => return Ok(Some(event)),
        }
    }
}

/// How far the file is: one row that changes on a terminal, otherwise a line for every quarter.
struct Gauge {
    form: GaugeForm,
    pace: Option<Pace>,
    quarter: u64,
    width: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GaugeForm {
    Row,
    Quarters,
    Nothing,
}

impl Gauge {
    fn new(loudness: Loudness) -> Self {
        let form = match loudness {
            Loudness::Quiet => GaugeForm::Nothing,
            _ if io::stderr().is_terminal() => GaugeForm::Row,
            _ => GaugeForm::Quarters,
        };
        Self { form, pace: None, quarter: 0, width: 0 }
    }

    fn show(&mut self, event: &Value) {
        let (name, number) = (event["name"].as_str().unwrap_or_default(), |key: &str| event[key].as_u64().unwrap_or(0));
        let (done, size, now) = (number("done"), number("size"), Instant::now());
        let pace = self.pace.get_or_insert(Pace::new(done, now));
        let row = files::progress(name, done, size, pace.per_second(done, now));
        let row = SafeText::ours(row.trim_start_matches("-- "));
        let quarter = files::percent(done, size) / 25;
        // Best effort: the transfer goes on whether it is shown or not.
        match self.form {
            GaugeForm::Row => {
                let _ = write!(io::stderr(), "\r{:<width$}", row.as_str(), width = self.width);
                self.width = row.as_str().chars().count();
            }
            GaugeForm::Quarters if quarter > self.quarter => {
                let _ = writeln!(io::stderr(), "{}", row.as_str());
            }
            GaugeForm::Quarters | GaugeForm::Nothing => {}
        }
        self.quarter = quarter;
    }

    fn end(&self) {
        if self.form == GaugeForm::Row && self.width > 0 {
            let _ = writeln!(io::stderr());
        }
    }
}
