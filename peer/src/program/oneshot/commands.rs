//! What each command does.

use std::io::{self, IsTerminal as _, Read as _};
use std::time::{Duration, Instant};

use common::ident::MessageId;
use common::limits::MESSAGE_TEXT;
use serde_json::{Value, json};

use super::super::ask::Person;
use super::super::told;
use super::print;
use super::session::Session;
use crate::app::line::Queue;
use crate::app::rpc::methods;
use crate::app::rpc::news::{News, Next};
use crate::app::rpc::results::Mark;
use crate::app::texts;
use crate::app::texts::failure::Report;
use crate::app::texts::oneshot::{self as said, Form};
use crate::app::{exit, grammar};
use crate::cli::Settings;
use crate::config::passcode_file;
use peer_core::notice::Failure;

/// How long a receiver who is online may take to confirm. Chosen arbitrarily: a round trip and a write to a disk.
const CONFIRMATION: Duration = Duration::from_secs(2);
/// When nothing more has come for so long, what waited has been read. Chosen arbitrarily.
const QUIET: Duration = Duration::from_secs(1);
/// The cursor of `peer recv`.
const CURSOR: &str = "peer recv";

/// `peer send TO [TEXT|-]`
pub(crate) fn send(settings: &Settings, to: &str, text: Option<String>, queue: Queue) -> Result<i32, Report> {
    let text = match text.filter(|text| text != "-") {
        Some(text) => text,
        None => all_input()?,
    };
    // Events name the receiver by the id, not as it was typed; what is none is complained of by the front end.
    let to = &grammar::conversation(to).map_or_else(|_| to.to_owned(), |to| to.to_string());
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let sent =
        session.sends(methods::Send { to: to.to_owned(), text, queue: queue == Queue::Allowed, reference: None })?;
    let state = fate(&mut session, sent.msg, to, settings.config.server.connect_timeout.into());
    session.close();
    let state = state?;
    let told = json!({ "msg": sent.msg, "to": to, "state": state.word() });
    match (said::not_delivered(to, state), settings.form) {
        (Some(failure), Form::Text) => return Err(failure),
        (Some(failure), Form::Json) => return ended(&person, &failure, told),
        (None, Form::Text) => {}
        (None, Form::Json) => print::result(&told)?,
    }
    if settings.form == Form::Text {
        said::sent(to, state, settings.loudness).iter().for_each(|line| person.told(line));
    }
    Ok(exit::OK)
}

/// Tells people and programs that it has failed after all; returns the exit code.
pub(super) fn ended(person: &Person, failure: &Report, besides: Value) -> Result<i32, Report> {
    failure.lines.iter().for_each(|line| person.told(line));
    print::failure(failure, besides)?;
    Ok(failure.exit)
}

/// Waits until it is clear what becomes of a message.
fn fate(session: &mut Session, id: MessageId, to: &str, patience: Duration) -> Result<said::Fate, Report> {
    let (mut until, mut so_far) = (Instant::now() + patience, said::Fate::Waiting);
    let is_for_one = !to.starts_with(['#', '*']);
    while let Some(event) = session.event(until)? {
        match event.news {
            News::Receipt { msg, .. } if msg == id => return Ok(said::Fate::Delivered),
            News::MessageState { msg, state: Mark::Stored, .. } if msg == id => {
                so_far = said::Fate::Stored;
                if !is_for_one {
                    break;
                }
                until = Instant::now() + CONFIRMATION;
            }
            News::MessageState { msg, state: Mark::Failed, .. } if msg == id => {
                return Ok(if so_far == said::Fate::Nobody { so_far } else { said::Fate::Failed });
            }
            News::Outbox { to: of, next, .. } if of == to => match next {
                Next::KeyDecision => return Ok(said::Fate::KeyChanged),
                Next::NoSuchUser => so_far = said::Fate::Nobody,
                Next::Server => so_far = said::Fate::NoServer,
                // Nothing leaves before somebody does something.
                Next::Terminal | Next::Space | Next::Again => break,
                Next::Nothing | Next::Confirmation | Next::Keys | Next::Receiver => {}
            },
            News::Outbox { .. }
            | News::KeyChanged { .. }
            | News::KeySucceeded { .. }
            | News::Message(_)
            | News::MessageState { .. }
            | News::Receipt { .. }
            | News::File(_)
            | News::Error { .. }
            | News::Other => {}
        }
    }
    Ok(so_far)
}

fn all_input() -> Result<String, Report> {
    let limit = u64::try_from(MESSAGE_TEXT + 2).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    io::stdin().take(limit).read_to_end(&mut bytes).map_err(|error| {
        texts::failure::undated(&Failure::Io { path: "the input".to_owned(), detail: error.to_string() })
    })?;
    let text = String::from_utf8(bytes).map_err(|_| said::not_text())?;
    let text = passcode_file::without_mark(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.len() > MESSAGE_TEXT { Err(said::too_long()) } else { Ok(text.to_owned()) }
}

/// `peer recv [-n N]`
pub(crate) fn recv(settings: &Settings, count: Option<usize>) -> Result<i32, Report> {
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    session.subscribes(methods::Subscribe {
        since: Some(0),
        types: Some(vec!["message".to_owned()]),
        name: Some(CURSOR.to_owned()),
    })?;
    // They come again, in their order.
    session.forget_events();
    let patience: Duration = settings.config.server.connect_timeout.into();
    let until = Instant::now() + patience;
    let (mut left, mut last, mut failed) = (count, None, None);
    while left != Some(0) {
        let until = if count.is_some() { until } else { Instant::now() + QUIET };
        let Some(event) = session.event(until)? else { break };
        if let News::Error { kind: Some(kind), message } = &event.news
            && kind == exit::word(exit::IO)
        {
            // What waits stays with the directory; what was read is read.
            failed = Some(Report { lines: vec![message.clone()], exit: exit::IO });
            break;
        }
        // This user's own, from elsewhere, are not to be read.
        if let News::Message(message) = &event.news
            && message.from != session.user.as_str()
        {
            match settings.form {
                Form::Json => print::result(&event)?,
                Form::Text => print::message(&message.from, message.group.as_deref(), &message.text)?,
            }
            left = left.map(|left| left - 1);
        }
        last = event.seq.or(last);
    }
    if let Some(seq) = last {
        session.acknowledges(methods::Ack { name: CURSOR.to_owned(), seq })?;
    }
    session.close();
    if let Some(failed) = failed {
        return Err(failed);
    }
    if left.is_some_and(|left| left > 0) { Err(said::nothing_came(patience.as_secs())) } else { Ok(exit::OK) }
}

/// `peer list`
pub(crate) fn list(settings: &Settings) -> Result<i32, Report> {
    let listed = once(settings, Session::list)?;
    match settings.form {
        Form::Json => print::result(&listed)?,
        Form::Text => print::table(&listed, io::stdout().is_terminal(), &settings.zone)?,
    }
    Ok(exit::OK)
}

/// `peer history WITH [-n N]`
pub(crate) fn history(settings: &Settings, with: &str, count: usize) -> Result<i32, Report> {
    let records = once(settings, |session| {
        session.history(methods::History { with: with.to_owned(), before: None, limit: count })
    })?;
    match settings.form {
        Form::Json => print::result(&records)?,
        Form::Text => {
            for record in &records {
                print::message(record.from.as_str(), record.group.as_deref(), &record.text)?;
            }
        }
    }
    Ok(exit::OK)
}

/// `peer verify WHO`
pub(crate) fn verify(settings: &Settings, who: &str) -> Result<i32, Report> {
    let number = once(settings, |session| session.number(who))?;
    match settings.form {
        Form::Json => print::result(&number)?,
        Form::Text => print::number(&number)?,
    }
    Ok(exit::OK)
}

/// `peer passwd`
pub(crate) fn passwd(settings: &Settings, new_key: bool) -> Result<i32, Report> {
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    // A daemon that was left alone changes nothing for whoever does not know the passcode.
    let current = match session.passcode() {
        Some(typed) => typed,
        None => person.asked_hidden(texts::passcode::CURRENT)?,
    };
    let min = session.status()?.passcode_min;
    let new = person.chooses(&texts::new_passcode(min), |chosen| grammar::unfit_passcode(chosen, min))?;
    if new_key {
        person.told(texts::passcode::MAKING_KEY);
    }
    session.changes_passcode(&current, &new, new_key)?;
    let user = session.user.to_string();
    session.close();
    person.told(if new_key { texts::passcode::NEW_KEY } else { texts::passcode::CHANGED });
    told(settings, &json!({ "user": user, "new_key": new_key }))
}

fn once<T>(settings: &Settings, ask: impl FnOnce(&mut Session) -> Result<T, Report>) -> Result<T, Report> {
    let person = Person::new(settings.questions)?;
    let mut session = Session::open(settings, &person)?;
    let result = ask(&mut session);
    session.close();
    result
}
