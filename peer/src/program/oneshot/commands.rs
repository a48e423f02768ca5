//! What each command does.

use std::io::{self, IsTerminal as _, Read as _};
use std::time::{Duration, Instant};

use common::limits::MESSAGE_TEXT;
use serde_json::{Value, json};

use super::super::ask::Person;
use super::print;
use super::session::Session;
use crate::app::exit;
use crate::app::line::Queue;
use crate::app::texts;
use crate::app::texts::failure::Report;
use crate::app::texts::oneshot::{self as said, Form};
use crate::cli::Settings;
use peer_core::notice::Failure;

/// How long a receiver who is online may take to confirm. Chosen arbitrarily: a round trip and a write to a disk.
const CONFIRMATION: Duration = Duration::from_secs(2);
/// When nothing more has come for so long, what waited has been read. Chosen arbitrarily.
const QUIET: Duration = Duration::from_secs(1);
/// What a message may wait for without anything happening by itself.
const HELD: &[&str] = &["terminal", "space", "key_decision"];
/// The cursor of `peer recv`.
const CURSOR: &str = "peer recv";

/// `peer send TO [TEXT|-]`
pub(crate) fn send(settings: &Settings, to: &str, text: Option<String>, queue: Queue) -> Result<i32, Report> {
    let text = match text.filter(|text| text != "-") {
        Some(text) => text,
        None => all_input()?,
    };
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let sent = session.ask("send", &json!({ "to": to, "text": text, "queue": queue == Queue::Allowed }))?;
    let state = fate(&mut session, &sent["msg"], to, settings.config.server.connect_timeout.into())?;
    session.close();
    match settings.form {
        Form::Json => print::result(&json!({ "msg": sent["msg"], "to": to, "state": state.word() }))?,
        Form::Text => said::sent(to, state, settings.loudness).iter().for_each(|line| person.told(line)),
    }
    Ok(exit::OK)
}

/// Waits until it is clear what becomes of a message.
fn fate(session: &mut Session, id: &Value, to: &str, patience: Duration) -> Result<said::Fate, Report> {
    let (mut until, mut so_far) = (Instant::now() + patience, said::Fate::Waiting);
    let is_for_one = !to.starts_with(['#', '*']);
    while let Some(event) = session.event(until)? {
        match (event["type"].as_str(), event["state"].as_str()) {
            (Some("receipt"), _) if event["msg"] == *id => return Ok(said::Fate::Delivered),
            (Some("message_state"), Some("stored")) if event["msg"] == *id => {
                so_far = said::Fate::Stored;
                if !is_for_one {
                    break;
                }
                until = Instant::now() + CONFIRMATION;
            }
            // Nothing leaves before somebody does something.
            (Some("outbox"), _) if event["to"] == to && HELD.iter().any(|next| event["next"] == *next) => break,
            _ => {}
        }
    }
    Ok(so_far)
}

fn all_input() -> Result<String, Report> {
    let limit = u64::try_from(MESSAGE_TEXT + 2).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    io::stdin().take(limit).read_to_end(&mut bytes).map_err(|error| {
        texts::failure::report(&Failure::Io { path: "the input".to_owned(), detail: error.to_string() })
    })?;
    let text = String::from_utf8(bytes).map_err(|_| said::not_text())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.len() > MESSAGE_TEXT { Err(said::too_long(text.len())) } else { Ok(text.to_owned()) }
}

/// `peer recv [-n N]`
pub(crate) fn recv(settings: &Settings, count: Option<usize>) -> Result<i32, Report> {
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    session.ask("subscribe", &json!({ "name": CURSOR, "since": 0, "types": ["message"] }))?;
    // They come again, in their order.
    session.forget_events();
    let patience: Duration = settings.config.server.connect_timeout.into();
    let until = Instant::now() + patience;
    let (mut left, mut last) = (count, None);
    while left != Some(0) {
        let until = if count.is_some() { until } else { Instant::now() + QUIET };
        let Some(event) = session.event(until)? else { break };
        // This user's own, from elsewhere, are not to be read.
        if event["type"] == "message" && event["from"] != session.user.as_str() {
            print::message(&event, settings.form)?;
            left = left.map(|left| left - 1);
        }
        last = event["seq"].as_u64().or(last);
    }
    if let Some(seq) = last {
        session.ask("ack", &json!({ "name": CURSOR, "seq": seq }))?;
    }
    session.close();
    if left.is_some_and(|left| left > 0) { Err(said::nothing_came(patience.as_secs())) } else { Ok(exit::OK) }
}

/// `peer list`
pub(crate) fn list(settings: &Settings) -> Result<i32, Report> {
    let listed = ask_once(settings, "list", &json!({}))?;
    match settings.form {
        Form::Json => print::result(&listed)?,
        Form::Text => print::table(&listed, io::stdout().is_terminal())?,
    }
    Ok(exit::OK)
}

/// `peer history WITH [-n N]`
pub(crate) fn history(settings: &Settings, with: &str, count: usize) -> Result<i32, Report> {
    let records = ask_once(settings, "history", &json!({ "with": with, "limit": count }))?;
    match settings.form {
        Form::Json => print::result(&records)?,
        Form::Text => {
            for record in records.as_array().into_iter().flatten() {
                print::message(record, Form::Text)?;
            }
        }
    }
    Ok(exit::OK)
}

/// `peer verify WHO`
pub(crate) fn verify(settings: &Settings, who: &str) -> Result<i32, Report> {
    let number = ask_once(settings, "verify.number", &json!({ "id": who }))?;
    match settings.form {
        Form::Json => print::result(&number)?,
        Form::Text => print::number(&number)?,
    }
    Ok(exit::OK)
}

/// `peer passwd`
pub(crate) fn passwd(settings: &Settings) -> Result<i32, Report> {
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let min = session.ask("status", &json!({}))?["passcode_min"].as_u64().and_then(|min| u16::try_from(min).ok());
    let min = min.unwrap_or_default();
    let new = person.chooses(&texts::new_passcode(min), min.into(), &texts::too_short(min))?;
    session.ask("passwd", &json!({ "passcode": String::from_utf8_lossy(new.expose()) }))?;
    session.close();
    person.told(texts::passcode::CHANGED);
    Ok(exit::OK)
}

fn ask_once(settings: &Settings, method: &str, params: &Value) -> Result<Value, Report> {
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let result = session.ask(method, params);
    session.close();
    result
}
