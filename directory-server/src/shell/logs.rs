//! Logs: text on a terminal, JSON lines otherwise, to standard error or to a file. Never secrets or
//! message texts.
//!
//! A line of JSON has `ts`, `level`, `event` and what the event tells besides: `user`, `peer_ip`, and so on. Under a
//! service manager each line begins with its priority, as `sd-daemon(3)` has it.

use std::fmt::{self, Debug};
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::display::visible_json;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::private_files;
use crate::config::{Log, LogFormat};
use crate::failure::Failure;

/// Where log lines go.
#[derive(Debug, Clone)]
pub(crate) enum Sink {
    StandardError,
    File(Arc<LogFile>),
}

/// A log file that can be moved away while it is written.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl LogFile {
    fn open(path: &Path) -> Result<File, Failure> {
        let opened = private_files::options().create(true).append(true).open(path);
        opened.map_err(|error| Failure::io(format_args!("write {}", path.display()), &error))
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    fn of(log: &Log) -> Result<Self, Failure> {
        if log.file.as_os_str().is_empty() {
            return Ok(Self::StandardError);
        }
        let (path, file) = (log.file.clone(), Mutex::new(LogFile::open(&log.file)?));
        Ok(Self::File(Arc::new(LogFile { path, file })))
    }

    /// Goes on in a file of the same name; if that cannot be, in the old one.
    pub(crate) fn reopen(&self) {
        let Self::File(log) = self else { return };
        match LogFile::open(&log.path) {
            Ok(file) => *log.file() = file,
            Err(failure) => tracing::error!(%failure, "log file not reopened; the old one stays in use"),
        }
    }
}

/// Somewhere to write one line.
pub(crate) enum LogWriter<'a> {
    StandardError(io::Stderr),
    File(MutexGuard<'a, File>),
}

impl Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::StandardError(out) => out.write(bytes),
            Self::File(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> LogWriter<'a> {
        match self {
            Self::StandardError => LogWriter::StandardError(io::stderr()),
            Self::File(log) => LogWriter::File(log.file()),
        }
    }
}

/// Starts logging. Repeated calls change nothing.
pub(crate) fn start(log: &Log) -> Result<Sink, Failure> {
    let sink = Sink::of(log)?;
    let terminal = matches!(sink, Sink::StandardError) && io::stderr().is_terminal();
    let audit = if log.audit { "" } else { ",audit=off" };
    let filter = EnvFilter::new(format!("{}{audit}", log.level.as_str()));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    // Where a line cannot be written, the error output is no better place, and panics if it is gone.
    let builder = builder.with_writer(sink.clone()).log_internal_errors(false);
    // An error means that logging was started before.
    let _ = match (log.format, terminal) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => {
            builder.with_target(false).with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).try_init()
        }
        (LogFormat::Json, _) | (LogFormat::Auto, false) => {
            let journal = matches!(sink, Sink::StandardError) && std::env::var_os("JOURNAL_STREAM").is_some();
            builder.event_format(Lines { priority: journal }).try_init()
        }
    };
    Ok(sink)
}

/// Writes events as lines of JSON.
struct Lines {
    /// Whether a line begins with its priority.
    priority: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        if self.priority {
            write!(writer, "<{}>", priority(level))?;
        }
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields(vec![("ts", time.into()), ("level", level.as_str().to_ascii_lowercase().into())]);
        event.record(&mut fields);
        writeln!(writer, "{}", visible_json(serde_json::to_string(&fields).map_err(|_| fmt::Error)?))
    }
}

/// As in syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// In the order in which they are written.
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    fn keep(&mut self, field: &Field, value: Value) {
        self.0.push((if field.name() == "message" { "event" } else { field.name() }, value));
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.keep(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.into());
    }
}
