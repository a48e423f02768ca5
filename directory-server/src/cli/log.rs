//! `log`: what a log file says, for people.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::settings::HumanDuration;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::time_format;
use super::words::clean;
use crate::failure::Failure;

/// Pause before looking whether there is more.
const PAUSE: Duration = Duration::from_millis(250);

/// From when on lines are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Since {
    /// So long ago.
    Ago(Duration),
    /// A time of the world, or as much of it as was given: these sort as they are written.
    Time(String),
}

impl Since {
    /// `30m`, or `2025-11-21`, or `2025-11-21T14:05`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(span) = text.parse::<HumanDuration>() {
            return Ok(Self::Ago(span.into()));
        }
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if text.len() >= 10 && "0000-00-00T00:00:00Z".starts_with(&shape) {
            return Ok(Self::Time(text.to_owned()));
        }
        Err("a duration such as 30m, or a time in UTC such as 2025-11-21 or 2025-11-21T14:05".to_owned())
    }
}

/// Which lines are shown, and how.
pub(crate) struct Wanted {
    pub(crate) since: Option<Since>,
    /// Lines about a user, by any of these names.
    pub(crate) user: Option<Vec<String>>,
    /// Goes on as the file grows.
    pub(crate) follow: bool,
    /// As they stand in the file.
    pub(crate) raw: bool,
}

/// Prints a log file, its times in `zone`.
pub(crate) fn show(path: &Path, wanted: &Wanted, zone: &TimeZone) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = wanted.since.as_ref().map(|since| match since {
        Since::Ago(span) => time_format::utc(now.saturating_sub(*span)),
        Since::Time(text) => text.clone(),
    });
    let failed = |error: io::Error| Failure::io(format_args!("read {}", path.display()), &error);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let (mut line, mut next) = (String::new(), None);
    loop {
        if reader.read_line(&mut line).map_err(failed)? > 0 && line.ends_with('\n') {
            if let Some(text) = shown(line.trim_end(), since.as_deref(), wanted, zone)
                && writeln!(io::stdout(), "{text}").is_err()
            {
                return Ok(());
            }
            line.clear();
            continue;
        }
        if !wanted.follow {
            return Ok(());
        }
        // What has been written of a line stays in `line`; the rest is read behind it.
        match next.take() {
            // What was written to the old file until it was replaced has been read by now.
            Some(file) => {
                reader = BufReader::new(file);
                line.clear();
            }
            None => {
                std::thread::sleep(PAUSE);
                next = successor(path, reader.get_ref());
            }
        }
    }
}

/// The file that stands where this one stood, if it is another or has been emptied.
fn successor(path: &Path, current: &File) -> Option<File> {
    let (next, old) = (File::open(path).ok()?, current.metadata().ok()?);
    let new = next.metadata().ok()?;
    let position = io::Seek::stream_position(&mut &*current).ok()?;
    ((new.dev(), new.ino()) != (old.dev(), old.ino()) || new.len() < position).then_some(next)
}

/// A line of the file as it is shown; nothing if it is not wanted.
fn shown(line: &str, since: Option<&str>, wanted: &Wanted, zone: &TimeZone) -> Option<String> {
    let entry = serde_json::from_str::<Map<String, Value>>(line).ok();
    let text = |name: &str| entry.as_ref()?.get(name)?.as_str();
    let time = text("ts").or_else(|| line.split(' ').next())?;
    if since.is_some_and(|since| time < since) {
        return None;
    }
    if let Some(names) = &wanted.user {
        let is_one = |name: &str| names.iter().any(|one| one == name);
        let about = match &entry {
            Some(_) => text("user").is_some_and(is_one),
            None => {
                line.split(' ').filter_map(|word| word.strip_prefix("user=")).any(|name| is_one(name.trim_matches('"')))
            }
        };
        if !about {
            return None;
        }
    }
    match &entry {
        Some(entry) if !wanted.raw => Some(clean(&words(entry, &time_format::local(time, zone)))),
        _ => Some(clean(line)),
    }
}

/// `21 Nov 14:02:11 logged in · ali from 192.0.2.0/24`, and the level where it is not the usual one.
fn words(entry: &Map<String, Value>, time: &str) -> String {
    let of = |name: &str| entry.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let level = of("level").filter(|level| level != "info").map(|level| level.to_uppercase() + " ");
    let mut parts = vec![format!("{time} {}{}", level.unwrap_or_default(), of("event").unwrap_or_default())];
    let shown = |name: &str| of(name).filter(|value| value != "-");
    parts.extend(match (shown("user"), shown("peer_ip")) {
        (Some(user), Some(from)) => Some(format!("{user} from {from}")),
        (Some(user), None) => Some(user),
        (None, from) => from.map(|from| format!("from {from}")),
    });
    let told = ["ts", "level", "event", "user", "peer_ip"];
    let rest = entry.iter().filter(|(name, _)| !told.contains(&name.as_str()));
    parts.extend(rest.filter_map(|(name, value)| detail(name, value)));
    parts.join(" · ")
}

/// `tries_left 3`, or `failed` where that is so; of a change by an administrator the command and what it was about.
fn detail(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Bool(is_so) => is_so.then(|| name.to_owned()),
        Value::String(text) => match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(change) => {
                let command = change.get("command").and_then(Value::as_str).map(str::to_owned);
                let about = change.iter().filter(|(name, _)| *name != "command");
                let about = about.filter_map(|(name, value)| detail(name, value));
                Some(command.into_iter().chain(about).collect::<Vec<_>>().join(", "))
            }
            Err(_) => (!text.is_empty()).then(|| format!("{name} {text}")),
        },
        Value::Null => None,
        other => Some(format!("{name} {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGIN: &str =
        r#"{"ts":"2025-11-21T14:05:09.1Z","level":"info","event":"logged in","user":"ali","peer_ip":"192.0.2.0/24"}"#;

    fn wanted(user: Option<&str>) -> Wanted {
        let user = user.map(|name| vec![name.to_owned()]);
        Wanted { since: None, user, follow: false, raw: false }
    }

    fn show(line: &str, since: Option<&str>, user: Option<&str>) -> Option<String> {
        shown(line, since, &wanted(user), &TimeZone::UTC)
    }

    #[test]
    fn a_line_tells_what_happened_to_whom() {
        let text = show(LOGIN, None, None);
        assert_eq!(text.as_deref(), Some("21 Nov 14:05:09 logged in · ali from 192.0.2.0/24"));
        let line = r#"{"ts":"2025-11-21T14:05:09Z","level":"warn","event":"a\u001b[31m","tries_left":3}"#;
        let text = show(line, None, None).unwrap();
        assert!(text.ends_with("WARN a<U+001B>[31m · tries_left 3"), "{text}");
        let line = r#"{"ts":"2025-11-21T14:05:09Z","level":"info","event":"administrator","user":"ali",
            "change":"{\"command\":\"lock\",\"user\":\"ali\",\"reason\":\"\",\"until\":null}","failed":true,"new":false}"#;
        let text = show(&line.replace('\n', ""), None, None).unwrap();
        assert_eq!(text, "21 Nov 14:05:09 administrator · ali · lock, user ali · failed");
    }

    #[test]
    fn lines_are_chosen_by_time_and_user() {
        assert!(show(LOGIN, Some("2025-11-21T14:05"), Some("ali")).is_some());
        assert!(show(LOGIN, Some("2025-11-21T14:06"), None).is_none());
        assert!(show(LOGIN, None, Some("al")).is_none());
        let text = "2025-11-21T14:05:09Z  INFO logged in user=ali";
        assert_eq!(show(text, Some("2025-11-21"), Some("ali")).as_deref(), Some(text));
        assert!(show(text, None, Some("bianca")).is_none());
        assert!(show(text, Some("2025-11-22"), None).is_none());
    }

    #[test]
    fn a_time_is_a_duration_or_the_beginning_of_a_date() {
        assert_eq!(Since::parse("30m"), Ok(Since::Ago(Duration::from_secs(1800))));
        for time in ["2025-11-21", "2025-11-21T14", "2025-11-21T14:05", "2025-11-21T14:05:09Z"] {
            assert_eq!(Since::parse(time), Ok(Since::Time(time.to_owned())));
        }
        for wrong in ["", "yesterday", "2025", "14:05", "2025-11-21 14:05"] {
            assert!(Since::parse(wrong).is_err(), "{wrong}");
        }
    }
}
