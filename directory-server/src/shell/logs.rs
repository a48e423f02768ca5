//! Logs: text on a terminal, JSON lines otherwise, always to stderr (UX section 6). Never secrets or message texts.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging. Repeated calls change nothing.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::new(log.level.as_str());
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // An error means that logging was started before.
    let _ = match (log.format, terminal) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => {
            builder.with_target(false).with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).try_init()
        }
        (LogFormat::Json, _) | (LogFormat::Auto, false) => builder.json().flatten_event(true).try_init(),
    };
}
