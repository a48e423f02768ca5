//! What is said about files.

use std::path::Path;
use std::time::Duration;

use common::ident::UserId;
use common::msg::{FileRefusal, Withdrawal};
use unicode_width::UnicodeWidthStr as _;

use super::format::{count, did_you_mean, duration, reason, table};
use super::talk;
use crate::app::sanitise::Glyphs;
use peer_core::notice::{FileFailed, FileNews, FileRelay, FileShown, FileState, FileWaits, NotOffered, Undelivered};

/// Bytes as `20.0 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let (mut unit, mut thousands) = (0, bytes);
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    while thousands >= 1_000_000 && unit + 1 < UNITS.len() {
        (unit, thousands) = (unit + 1, thousands / 1000);
    }
    format!("{}.{} {}", thousands / 1000, thousands % 1000 / 100, UNITS[unit])
}

/// Bytes of a file, or of the files of a folder together.
fn whole(file: &FileShown) -> u64 {
    file.content.unwrap_or(file.size)
}

/// How large it is: `20.0 MB`, `12 files, 20.0 MB`, `12 files, 20.0 MB, 2 left out`.
pub(crate) fn extent(file: &FileShown) -> String {
    let mut extent = size(whole(file));
    if let Some(files) = file.files {
        extent = format!("{}, {extent}", count(usize::try_from(files).unwrap_or(usize::MAX), "file", "files"));
    }
    if !file.left_out.is_empty() {
        extent = format!("{extent}, {} left out", file.left_out.count);
    }
    extent
}

/// What of a folder is not sent, behind a sentence about it.
fn left_out(file: &FileShown) -> String {
    match missing(file.left_out.count, &file.left_out.names) {
        Some(missing) => format!(" Left out, because it is a link or device or cannot be read: {missing}."),
        None => String::new(),
    }
}

/// The entries of a folder that are not sent, by name; nothing where all are.
pub(crate) fn missing(count: u64, names: &[String]) -> Option<String> {
    let more = count.saturating_sub(names.len() as u64);
    let names = names.join(", ");
    match (names.is_empty(), more) {
        (_, 0) if count == 0 => None,
        (true, more) => Some(format!("{more}")),
        (false, 0) => Some(names),
        (false, more) => Some(format!("{names} and {more} more")),
    }
}

/// `p.file`
pub(crate) fn question(file: &FileShown) -> String {
    let FileShown { with, name, .. } = file;
    let kind = match name.rsplit_once('.') {
        Some((_, ending)) if file.files.is_none() && (1..=5).contains(&ending.len()) && is_word(ending) => {
            format!(", {}", ending.to_uppercase())
        }
        _ => String::new(),
    };
    format!("{with} offers {name} ({}{kind}). Accept? [y/N] ", extent(file))
}

fn is_word(ending: &str) -> bool {
    ending.chars().all(|c| c.is_ascii_alphanumeric())
}

/// The question was left.
pub(crate) fn later(file: &FileShown) -> String {
    format!("-- {} stays offered: /accept {} or /refuse {}", file.name, file.number, file.number)
}

/// `e.answer`: `text` was typed to somebody right after a file was offered.
pub(crate) fn no_answer(file: &FileShown, text: &str, to: &str) -> String {
    let FileShown { name, number, .. } = file;
    format!(
        "-- Nothing was sent. /accept {number} takes {name}, /refuse {number} does not; \"{text}\" once more goes to {to}."
    )
}

/// `e.one_user`: a file for a group.
pub(crate) const ONE_USER: &str = "-- Files go to one user at a time. Name the user: /file bianca plans.pdf";

/// How much has come, in percent.
pub(crate) fn percent(done: u64, size: u64) -> u64 {
    if size == 0 { 100 } else { u64::try_from(u128::from(done) * 100 / u128::from(size)).unwrap_or(100) }
}

/// Columns of a bar of progress at most.
const BAR: usize = 20;
/// Columns without which there is none.
const SHORTEST_BAR: usize = 4;

/// A row of progress with a bar behind it, as far as so many columns have room.
pub(crate) fn with_bar(row: String, percent: u64, width: usize, glyphs: Glyphs) -> String {
    let room = width.saturating_sub(row.width() + 2).min(BAR);
    if room < SHORTEST_BAR { row } else { format!("{row} {}", bar(percent, room, glyphs)) }
}

/// A bar of so many columns.
pub(crate) fn bar(percent: u64, width: usize, glyphs: Glyphs) -> String {
    let [done, left] = match glyphs {
        Glyphs::Unicode => ["█", "░"],
        Glyphs::Ascii => ["#", "."],
    };
    let full = width * usize::try_from(percent.min(100)).unwrap_or(100) / 100;
    done.repeat(full) + &left.repeat(width - full)
}

/// A row of progress: how far, how fast, how long still.
pub(crate) fn progress(name: &str, done: u64, all: u64, per_second: u64) -> String {
    let left = all.saturating_sub(done).checked_div(per_second).map_or("?".to_owned(), duration);
    let percent = percent(done, all);
    format!("-- {name} {percent}% ({} of {}, {}/s, {left} left)", size(done), size(all), size(per_second))
}

/// `, 6.4 s`: how long a file took; of what was there at once nothing is said.
fn took(took: Option<Duration>) -> String {
    match took {
        Some(took) if took >= Duration::from_secs(60) => format!(", {}", duration(took.as_secs())),
        Some(took) if took >= Duration::from_secs(1) => {
            format!(", {}.{} s", took.as_secs(), took.subsec_millis() / 100)
        }
        Some(_) | None => String::new(),
    }
}

/// What has become of a file; how long it took, where that is known.
pub(crate) fn news(file: &FileShown, news: &FileNews, time: Option<Duration>) -> String {
    let FileShown { number, with, name, ours, .. } = file;
    let (all, missing, took) = (extent(file), left_out(file), took(time));
    match news {
        FileNews::Offering => {
            format!("-- {name} ({all}) offered to {with}; /cancel {number} withdraws it.{missing}")
        }
        FileNews::OfferWaits => format!(
            "-- {name} ({all}) is offered to {with} when the directory server is back; /cancel {number} withdraws it.{missing}"
        ),
        FileNews::OfferedBefore => {
            format!("-- {name} ({all}) is offered to {with} already; /cancel {number} withdraws it.{missing}")
        }
        FileNews::Offered => format!("-- {with} offers {name} ({all}). /accept {number} or /refuse {number}{missing}"),
        FileNews::Accepted => format!("-- {name} comes as soon as {with} is there; /cancel {number} stops it."),
        FileNews::Progress { .. } => progress(name, file.done, file.size, 0),
        FileNews::Saved { path } => format!("-- {name} saved to {} ({all}{took}, checked).{missing}", path.display()),
        FileNews::Received => format!("-- {with} has {name} ({all}{took}, checked).{missing}"),
        FileNews::Refused => format!("-- {with} does not want {name}."),
        FileNews::NotTaken(rule) => format!("-- {}", not_taken(with, name, *rule)),
        FileNews::Withdrawn => format!("-- {with} does not give {name} any more."),
        FileNews::GivenUp => format!("-- {name}: given up; {with} is told."),
        FileNews::NoWay(waits) if *ours => format!("-- {name} waits: {}.", waits_for_a_way(with, waits)),
        FileNews::NoWay(waits) => format!("-- {name} waits: {}. Trying again.", waits_for_a_way(with, waits)),
        FileNews::Stopped { .. } if *ours => {
            format!("-- {name} stopped; it goes on when {with} asks for it again.")
        }
        FileNews::Stopped { done } => {
            let percent = percent(*done, file.size);
            format!("-- {name} stopped at {percent}%; /resume {number} continues it.")
        }
        FileNews::NotSaved { detail } => {
            format!(
                "-- {name} is paused: {}. /accept {number} FOLDER saves it elsewhere, /resume {number} tries again.",
                reason(detail)
            )
        }
        FileNews::DiskFull { need, free, folder } => format!(
            "-- Disk full: {} needed, {} free in {}. The transfer is paused; /resume {number}.",
            size(*need),
            size(*free),
            folder.display()
        ),
        FileNews::Failed(FileFailed::NotDelivered(why)) => {
            format!("-- {name} was not offered: {}", undelivered(file, why))
        }
        FileNews::Failed(why) => format!("-- {name} cannot come: {}", failed(file, why)),
        FileNews::TooLarge { max } => format!(
            "-- {with} offers {name} ({all}): refused, because [files] max is {}. Raise it and ask for it once more.",
            size(*max)
        ),
        FileNews::Elsewhere => format!("-- {name}: answered at another terminal of yours."),
        FileNews::Over => format!("-- Nothing becomes of {name} any more: {}. /files lists all.", state(file.state)),
        FileNews::NotThat if *ours => format!("-- {name} is yours: {with} accepts it. /cancel {number} withdraws it."),
        FileNews::NotThat => format!("-- {name} was not accepted yet. /accept {number}"),
    }
}

/// Why a file does not go over yet.
pub(crate) fn waits_for_a_way(with: &UserId, waits: &FileWaits) -> String {
    let why = waits.why.as_ref().map(|why| format!(" ({})", talk::no_way(why))).unwrap_or_default();
    match waits.relay {
        FileRelay::Off => {
            format!("there is no direct way to {with}{why}, and the directory server passes on no files")
        }
        FileRelay::InVain => {
            format!("there is no direct way to {with}{why}, and it did not come by the directory server")
        }
    }
}

/// Of one that waits for a way, for `/why`; nothing of others.
pub(crate) fn waiting(file: &FileShown) -> Option<String> {
    let waits = file.waits.as_ref()?;
    Some(format!("-- {} waits: {}.", file.name, waits_for_a_way(&file.with, waits)))
}

/// The row below a file in its conversation: where it stands, and what can be done.
pub(crate) fn standing(file: &FileShown, news: &FileNews, per_second: Option<u64>) -> String {
    let FileShown { number, with, .. } = file;
    match (news, per_second) {
        (_, Some(rate)) if file.state == FileState::Running => {
            let left = file.size.saturating_sub(file.done).checked_div(rate).map_or("?".to_owned(), duration);
            format!("{} at {}/s, {left} left    /cancel {number}", size(file.done), size(rate))
        }
        (FileNews::Offered, _) => format!("/accept {number} takes it, /refuse {number} does not"),
        (FileNews::Offering, _) => format!("offered    /cancel {number}"),
        (FileNews::OfferWaits, _) => format!("waiting for the directory server    /cancel {number}"),
        (FileNews::Accepted | FileNews::Progress { .. }, _) => format!("waiting for {with}    /cancel {number}"),
        (FileNews::Saved { path }, _) => format!("saved to {} (checked)", path.display()),
        (FileNews::Received, _) => format!("{with} has it (checked)"),
        (FileNews::NoWay(waits), _) => format!("{}    /cancel {number}", waits_for_a_way(with, waits)),
        (FileNews::Stopped { done }, _) => {
            format!("stopped at {}%    /resume {number}", percent(*done, file.size))
        }
        (FileNews::NotSaved { detail }, _) => format!("{}    /accept {number} FOLDER", reason(detail)),
        (FileNews::DiskFull { need, free, .. }, _) => {
            format!("disk full: {} needed, {} free    /resume {number}", size(*need), size(*free))
        }
        (FileNews::Failed(FileFailed::NotDelivered(why)), _) => format!("not offered: {}", undelivered(file, why)),
        (FileNews::Failed(why), _) => format!("cannot come: {}", failed(file, why)),
        (FileNews::TooLarge { max }, _) => format!("refused: [files] max is {}", size(*max)),
        (FileNews::Elsewhere, _) => "answered at another terminal of yours".to_owned(),
        (FileNews::Refused, _) => format!("{with} does not want it"),
        (FileNews::NotTaken(rule), _) => not_taken(with, "it", *rule),
        (FileNews::Withdrawn, _) => format!("{with} does not give it any more"),
        (FileNews::GivenUp | FileNews::OfferedBefore | FileNews::Over | FileNews::NotThat, _) => "given up".to_owned(),
    }
}

fn failed(file: &FileShown, why: &FileFailed) -> String {
    let with = &file.with;
    match why {
        FileFailed::Changed if file.ours => {
            "it was changed after it was offered. Offer it again with /file.".to_owned()
        }
        FileFailed::Changed => {
            format!("it was changed at {with} after it was offered. Nothing of it was kept; ask for it once more.")
        }
        FileFailed::Digest => "what came is not what was sent. Ask for it once more.".to_owned(),
        FileFailed::Folder { detail } => format!("{detail}. Nothing of it was kept; ask for a packed file."),
        FileFailed::Disk { detail } if file.ours => {
            format!("it cannot be read: {}. Check the disk and offer it again with /file.", reason(detail))
        }
        FileFailed::Disk { detail } => format!("{}. Choose another folder and ask for it once more.", reason(detail)),
        FileFailed::NotDelivered(why) => undelivered(file, why),
    }
}

/// A rule refuses a file; whom it is for was not asked, or had wanted it.
pub(crate) fn not_taken(with: &UserId, name: &str, rule: FileRefusal) -> String {
    match rule {
        FileRefusal::Size => {
            format!(
                "{name} is larger than {with} takes; {with} was not asked. Make it smaller, or ask {with} to take more."
            )
        }
        FileRefusal::Many => {
            format!("{with} has not answered many other files of yours; {with} was not asked. /files lists them.")
        }
        FileRefusal::Spoilt => format!("{name} did not arrive at {with} as it was sent. Offer it again with /file."),
        FileRefusal::Other => format!("{name} is against a rule of {with}'s program; {with} was not asked."),
    }
}

/// Why nobody has heard of an offer.
fn undelivered(file: &FileShown, why: &Undelivered) -> String {
    let with = &file.with;
    let again = "Offer it again with /file.";
    match why {
        Undelivered::NoSuchUser { near } => {
            format!("there is no user {with}.{} Type list to see everyone.", did_you_mean(near.as_ref()))
        }
        Undelivered::Dropped(Withdrawal::Expired) => format!("{with} has not logged in in time. {again}"),
        Undelivered::Dropped(Withdrawal::Full) => format!("the mailbox of {with} takes no more. {again}"),
        Undelivered::Dropped(Withdrawal::Removed) => {
            format!("the terminal of {with} that it waited for is gone. {again}")
        }
        Undelivered::Dropped(Withdrawal::Other) => format!("the directory server has given it up. {again}"),
    }
}

fn state(state: FileState) -> &'static str {
    match state {
        FileState::Offered => "offered",
        FileState::Accepted => "waiting",
        FileState::Running => "running",
        FileState::Paused => "paused",
        FileState::Done => "done",
        FileState::Refused => "refused",
        FileState::Cancelled => "cancelled",
        FileState::Failed => "failed",
        FileState::Elsewhere => "elsewhere",
    }
}

/// `/files`.
pub(crate) fn list(files: &[FileShown]) -> Vec<String> {
    if files.is_empty() {
        return vec!["-- No files yet. /file PATH offers one.".to_owned()];
    }
    let rows: Vec<[String; 5]> = files
        .iter()
        .map(|file| {
            let standing = if file.state == FileState::Running {
                format!("{}%", percent(file.done, file.size))
            } else {
                state(file.state).to_owned()
            };
            let way = if file.ours { "to" } else { "from" };
            [file.number.to_string(), format!("{way} {}", file.with), size(whole(file)), standing, file.name.clone()]
        })
        .collect();
    table(["N", "WITH", "SIZE", "STATE", "NAME"], &rows)
        .iter()
        .map(|row| row.join("  ").trim_end().to_owned())
        .collect()
}

/// A file among those that were shared with somebody.
pub(crate) fn shared(file: &FileShown, width: usize) -> String {
    let name: String = file.name.chars().take(width).collect();
    let standing = match file.state {
        FileState::Running => format!("{}%", percent(file.done, file.size)),
        other @ (FileState::Offered
        | FileState::Accepted
        | FileState::Paused
        | FileState::Done
        | FileState::Refused
        | FileState::Cancelled
        | FileState::Failed
        | FileState::Elsewhere) => state(other).to_owned(),
    };
    format!("{name:<width$} {:>7} {standing}", size(whole(file)))
}

/// No file has this number.
pub(crate) fn unknown(number: u64) -> String {
    format!("-- No file has the number {number}. /files lists all.")
}

/// `e.file`
pub(crate) fn not_read(path: &Path, detail: &str) -> String {
    format!("-- Cannot read {}: {}. Nothing was offered; check the path.", path.display(), reason(detail))
}

/// It is not for this user.
pub(crate) fn not_offered(to: &UserId, name: &str, why: &NotOffered) -> String {
    match why {
        NotOffered::Yourself => format!("-- That is you. {name} was not offered; choose someone else."),
        NotOffered::Blocked => format!("-- {to} is blocked. {name} was not offered; /unblock {to} first."),
        NotOffered::TooMany => {
            format!("-- {to} has not answered many other files. {name} was not offered; /files lists them.")
        }
        NotOffered::KeyChanged => {
            format!("-- The key of {to} has changed. {name} was not offered; compare it first, /verify {to}")
        }
        NotOffered::NoSuchUser { near } => {
            format!(
                "-- {name} was not offered. No user {to}.{} Type list to see everyone.",
                did_you_mean(near.as_ref())
            )
        }
    }
}
