//! Words of commands that do one thing and end.

use std::time::Duration;

use common::limits::MESSAGE_TEXT;
use jiff::tz::TimeZone;

use super::failure::Report;
use super::format;
use crate::app::exit;
use crate::app::rpc::news::{FileNews, What};
use crate::app::rpc::results::Listed;

/// In which form results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One object or array.
    Json,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loudness {
    /// Errors only.
    Quiet,
    /// What a user needs to know.
    Normal,
    /// What went well, too.
    Verbose,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is on this machine.
    Waiting,
    /// It is on this machine, and the directory is out of reach.
    NoServer,
    /// It is on this machine until somebody decides about a key that has changed.
    KeyChanged,
    /// It was given up.
    Failed,
    /// It was given up, because there is no such user.
    Nobody,
    /// The directory keeps it.
    Stored,
    /// A terminal of the receiver has it.
    Delivered,
}

impl Fate {
    /// The word for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting | Self::NoServer | Self::KeyChanged => "queued",
            Self::Failed | Self::Nobody => "failed",
            Self::Stored => "stored",
            Self::Delivered => "delivered",
        }
    }
}

/// `peer file` begins to wait.
pub(crate) fn offered(to: &str, name: &str, wait: Duration) -> String {
    let wait = super::format::duration(wait.as_secs());
    format!("{name} is offered to {to}; waiting {wait} for {to} to take it. CTRL-C leaves; the offer stands.")
}

/// Nobody took a file in time.
pub(crate) fn not_taken(to: &str, name: &str) -> Report {
    let line = format!(
        "{to} has not taken {name} yet. The offer stands: it goes out while you are logged in. To wait longer: --wait SECS"
    );
    Report { lines: vec![line], exit: exit::TIMEOUT }
}

/// What has become of a file, if it has not arrived.
pub(crate) fn file_ended(to: &str, event: &FileNews) -> Option<Report> {
    let name = &event.file.name;
    let failed = |line: String, exit| Some(Report { lines: vec![line], exit });
    match event.what {
        What::Done => {
            let missing = super::files::missing(event.file.left_out, &event.file.left_out_names)?;
            let line = format!("{to} has {name}, but not what is a link or device or cannot be read: {missing}.");
            failed(line, exit::INCOMPLETE)
        }
        // By a rule, in these words; otherwise by the user.
        What::Refused => {
            let by_rule = event.message.clone();
            failed(by_rule.unwrap_or_else(|| format!("{to} does not want {name}.")), exit::REFUSED)
        }
        What::Cancelled => failed(format!("{name} was withdrawn."), exit::REFUSED),
        What::Offer | What::Progress | What::Stopped | What::Paused | What::Failed | What::Elsewhere => {
            failed(event.message.clone().unwrap_or_default(), exit::IO)
        }
    }
}

/// `n.queued`, after a command
pub(crate) fn sent(to: &str, fate: Fate, loudness: Loudness) -> Option<String> {
    let is_for_one = !to.starts_with(['#', '*']);
    match (fate, loudness) {
        (_, Loudness::Quiet) => None,
        (Fate::NoServer, _) => {
            Some(format!("The directory server is out of reach; the message to {to} waits in the outbox."))
        }
        (Fate::Waiting, _) if is_for_one => Some(format!("{to} is offline; the message waits in the outbox.")),
        (Fate::Waiting, _) => Some(format!("The message to {to} waits in the outbox. It leaves at the next login.")),
        (Fate::Stored, _) if is_for_one => {
            Some(format!("{to} is offline; the directory server keeps the message until {to} is back."))
        }
        (_, Loudness::Verbose) => Some(format!("delivered to {to}")),
        (Fate::Stored | Fate::Delivered | Fate::KeyChanged | Fate::Failed | Fate::Nobody, Loudness::Normal) => None,
    }
}

/// Why a message does not arrive by itself, if it does not.
pub(crate) fn not_delivered(to: &str, fate: Fate) -> Option<Report> {
    let (line, exit) = match fate {
        Fate::KeyChanged => (
            format!("The key of {to} has changed; the message waits until you choose: peer, then /verify {to}"),
            exit::KEY_CHANGED,
        ),
        Fate::Nobody => (format!("No user {to}. The message was not delivered."), exit::UNKNOWN_USER),
        Fate::Failed => (format!("The message to {to} was not delivered."), exit::TIMEOUT),
        Fate::Waiting | Fate::NoServer | Fate::Stored | Fate::Delivered => return None,
    };
    Some(Report { lines: vec![line], exit })
}

/// A file whose receiver has another key than before.
pub(crate) fn file_held(to: &str, name: &str) -> Report {
    let line = format!(
        "The key of {to} has changed. {name} waits until you choose: peer, then /verify {to}. \
         To withdraw it: /files, then /cancel N"
    );
    Report { lines: vec![line], exit: exit::KEY_CHANGED }
}

/// In front of a message: who, and in which group.
pub(crate) fn author(from: &str, group: Option<&str>) -> String {
    group.map_or_else(|| format!("{from}: "), |group| format!("{group} {from}: "))
}

/// A row of `peer list`: id, state, since, key.
pub(crate) fn row(listed: &Listed, zone: &TimeZone) -> [String; 4] {
    match listed {
        Listed::Group { id, members, .. } => {
            [id.clone(), format::count(*members, "member", "members"), String::new(), String::new()]
        }
        Listed::User { id, state, since, key, .. } => {
            let since = since.map(|since| format::moment(since, zone)).unwrap_or_default();
            [id.to_string(), state.word().to_owned(), since, key.words().to_owned()]
        }
    }
}

/// Below a safety number.
pub(crate) fn verified(is_verified: bool) -> &'static str {
    if is_verified { "verified" } else { "not verified: compare it by another channel, then /verify in the terminal" }
}

/// Who has not answered a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Silent {
    /// The directory.
    Directory,
    /// A call to this user: the directory, which is asked first, or the user's terminal.
    Call(String),
    /// The terminal that was asked, which is this user's own.
    Terminal,
}

/// `e.silent`: a request is given up after so many seconds.
pub(crate) fn not_answered(by: &Silent, seconds: u64) -> String {
    match by {
        Silent::Directory => format!(
            "The directory server has not answered in {seconds} s. It may still come about; ask again, or wait longer: \
             --timeout SECS"
        ),
        Silent::Call(whom) => format!(
            "No answer in {seconds} s, of the directory server or of {whom}. It may still come about; ask again, or wait \
             longer: --timeout SECS"
        ),
        Silent::Terminal => format!(
            "This terminal was too busy to answer in {seconds} s. It may still come about; ask again, or wait longer: \
             --timeout SECS"
        ),
    }
}

/// `e.no_answer`
pub(crate) fn no_answer() -> Report {
    Report {
        lines: vec!["No answer in time. Try again, or wait longer: --timeout SECS".to_owned()],
        exit: exit::TIMEOUT,
    }
}

/// `e.daemon_gone`
pub(crate) fn daemon_gone() -> Report {
    let line = "The session ended before the answer came. Run the command again.";
    Report { lines: vec![line.to_owned()], exit: exit::SERVER_UNREACHABLE }
}

/// `e.not_for_a_daemon`
pub(crate) fn not_for_a_daemon() -> Report {
    let line = "That path is not UTF-8, and a daemon is asked in JSON. Nothing was sent. Rename it and try again, or end the daemon.";
    Report { lines: vec![line.to_owned()], exit: exit::IO }
}

/// `e.nothing_came`
pub(crate) fn nothing_came(seconds: u64) -> Report {
    Report {
        lines: vec![format!("Not enough messages in {seconds} s. Wait longer: --timeout SECS")],
        exit: exit::TIMEOUT,
    }
}

/// `e.encoding`, of the input
pub(crate) fn not_text() -> Report {
    Report {
        lines: vec!["The input is not text in UTF-8. Nothing was sent. Convert it first: iconv -t UTF-8".to_owned()],
        exit: exit::USAGE,
    }
}

/// `e.long`, of the input
pub(crate) fn too_long() -> Report {
    let line = format!(
        "Too long: more than {MESSAGE_TEXT} bytes. Nothing was sent. Make it shorter, or send it as a file: peer file TO PATH"
    );
    Report { lines: vec![line], exit: exit::USAGE }
}
