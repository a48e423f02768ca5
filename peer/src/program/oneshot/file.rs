//! `peer file TO PATH`: offers a file and stays until it has arrived, because it is this program that gives it.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::ask::Person;
use super::commands;
use super::print;
use super::session::Session;
use crate::app::pace::Pace;
use crate::app::rpc::methods;
use crate::app::rpc::news::{EventTold, FileNews, News, What};
use crate::app::rpc::results::File;
use crate::app::sanitise::{Glyphs, SafeText};
use crate::app::texts::failure::Report;
use crate::app::texts::format::reason;
use crate::app::texts::oneshot::{self as said, Form, Loudness};
use crate::app::texts::{files, setup};
use crate::app::{exit, grammar};
use crate::cli::Settings;
use crate::program::internal;

/// How long the receiver may take to accept a file where nothing else is said. Chosen arbitrarily: as long as a person who
/// is there needs to notice it.
const USUAL_WAIT: Duration = Duration::from_secs(300);
/// How long one look at the session takes at most. Chosen arbitrarily.
const LOOK: Duration = Duration::from_secs(60);

/// `peer file TO PATH`
pub(crate) fn file(settings: &Settings, to: &str, path: &Path, wait: Option<Duration>) -> Result<i32, Report> {
    let cannot = |error: io::Error| setup::unreadable(path.display(), reason(&error));
    let wait = wait.unwrap_or(USUAL_WAIT);
    let to = &grammar::user_id(to).map_or_else(|_| to.to_owned(), |to| to.to_string());
    // A daemon has another working directory.
    let path = std::path::absolute(path).map_err(cannot)?;
    path.metadata().map_err(cannot)?;
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let offered = session.offers(methods::FileSend { to: to.to_owned(), path })?;
    if settings.loudness != Loudness::Quiet {
        person.told(&said::offered(to, &offered.name, wait));
    }
    let (mut gauge, until) = (Gauge::new(settings.loudness, settings.glyphs()), Instant::now() + wait);
    let ended = follow(&mut session, (to, offered.file), until, &mut gauge);
    gauge.end();
    session.close();
    let event = ended?;
    let event = match event {
        Ended::News(event) => *event,
        Ended::KeyChanged => return Err(said::file_held(to, &offered.name)),
        Ended::NotTaken => return Err(said::not_taken(to, &offered.name)),
    };
    let failure = said::file_ended(to, &event);
    if settings.form == Form::Json {
        let state = event.what.end().unwrap_or(offered.state);
        let told = File { done: event.file.done, state, ..offered };
        if let Some(failure) = &failure {
            return commands::ended(&person, failure, serde_json::to_value(&told).map_err(internal)?);
        }
        print::result(&told)?;
    }
    failure.map_or(Ok(exit::OK), Err)
}

/// How the wait came to its end.
enum Ended {
    /// Something has become of the file.
    News(Box<FileNews>),
    /// The key of the receiver is not the pinned one, so nothing goes before the user has decided.
    KeyChanged,
    /// Nobody has taken it in time.
    NotTaken,
}

/// Waits until something has become of a file.
fn follow(
    session: &mut Session,
    (to, number): (&str, u64),
    until: Instant,
    gauge: &mut Gauge,
) -> Result<Ended, Report> {
    let mut begun = false;
    loop {
        let look = Instant::now() + LOOK;
        let limit = (!begun).then_some(until);
        let event = session.event(limit.unwrap_or(look).min(look))?;
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            return Ok(Ended::NotTaken);
        }
        let event = match event {
            Some(EventTold { news: News::File(event), .. }) => event,
            Some(EventTold { news: News::KeyChanged { id, .. }, .. }) if id.as_str() == to => {
                return Ok(Ended::KeyChanged);
            }
            Some(_) | None => continue,
        };
        if event.file.file != number {
            continue;
        }
        if event.what.end().is_some() {
            return Ok(Ended::News(Box::new(event)));
        }
        if event.what == What::Progress {
            begun = true;
            gauge.show(&event.file);
        }
    }
}

/// How far the file is: one row that changes on a terminal, otherwise a line for every quarter.
struct Gauge {
    form: GaugeForm,
    pace: Option<Pace>,
    quarter: u64,
    width: usize,
    glyphs: Glyphs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GaugeForm {
    Row,
    Quarters,
    Nothing,
}

impl Gauge {
    fn new(loudness: Loudness, glyphs: Glyphs) -> Self {
        let form = match loudness {
            Loudness::Quiet => GaugeForm::Nothing,
            _ if io::stderr().is_terminal() => GaugeForm::Row,
            _ => GaugeForm::Quarters,
        };
        Self { form, pace: None, quarter: 0, width: 0, glyphs }
    }

    fn show(&mut self, file: &File) {
        let (done, size, now) = (file.done, file.size, Instant::now());
        let pace = self.pace.get_or_insert(Pace::new(done, now));
        let row = files::progress(&file.name, done, size, pace.per_second(done, now));
        let row = SafeText::ours(row.trim_start_matches("-- "));
        let quarter = files::percent(done, size) / 25;
        // Best effort: the transfer goes on whether it is shown or not.
        match self.form {
            GaugeForm::Row => {
                let (columns, _) = crate::ui::event_loop::screen_size();
                let row =
                    files::with_bar(row.as_str().to_owned(), files::percent(done, size), columns.into(), self.glyphs);
                let _ = write!(io::stderr(), "\r{row:<width$}", width = self.width);
                self.width = row.chars().count();
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
