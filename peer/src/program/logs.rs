//! Where the log goes: into a file of the user's choice, and never to a terminal.

use std::fs::OpenOptions;
use std::io::IsTerminal as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;

use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::app::texts::failure::Report;
use crate::app::texts::setup;
use crate::config::{Log, LogFormat, LogLevel};

/// Starts the log, if one is wanted.
pub(super) fn start(log: &Log) -> Result<(), Report> {
    if log.file.as_os_str().is_empty() {
        return Ok(());
    }
    let shown = log.file.display();
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&log.file);
    let file = opened.map_err(|error| setup::no_log(&shown, error))?;
    if file.is_terminal() {
        return Err(setup::log_on_a_terminal(shown));
    }
    // Libraries do not know what must not be logged.
    let filter = EnvFilter::new(match log.level {
        LogLevel::Error => "peer=error",
        LogLevel::Warn => "peer=warn",
        LogLevel::Info => "peer=info",
        LogLevel::Debug => "peer=debug",
    });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Arc::new(file));
    // A disk that is full would be told on the screen, and panic where there is none.
    let subscriber = subscriber.log_internal_errors(false);
    // Where a log was started before, that one goes on.
    let _ = match log.format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    info!(version = env!("CARGO_PKG_VERSION"), process = std::process::id(), "peer begins");
    Ok(())
}
