//! What administrators read: answers as text.

use common::ident::UserId;
use common::msg::Broadcast;

use jiff::tz::TimeZone;

use super::time_format::{self, date_and_time};
use crate::failure::Failure;
use crate::shell::admin::{Answer, Invitation, OnlineUser, Status, User};
use crate::shell::backup::{Report, SecretsReport};
use directory_core::records::{RoomRecord, UserRecord};

/// The text of an answer, with its last line end, its times in `zone`.
pub(super) fn text(answer: &Answer, zone: &TimeZone) -> String {
    match answer {
        Answer::Invites { invites, .. } if invites.is_empty() => "No open invitations.\n".into(),
        Answer::Invites { invites, .. } => invitations(invites, zone),
        Answer::Revoked { user } => format!("Revoked the invitation of {user}.\n"),
        Answer::Users { users } if users.is_empty() => "No users yet. Invite one: directory-server invite ID\n".into(),
        Answer::Users { users } => table(users, zone),
        Answer::User { user } => one(user, zone),
        Answer::Locked { user, sessions } => {
            format!("Locked {user}{}. Unlock: directory-server user unlock {user}\n", ended(*sessions))
        }
        Answer::Unlocked { user, was_locked: true } => format!("Unlocked {user}.\n"),
        Answer::Unlocked { user, was_locked: false } => format!("{user} was not locked.\n"),
        Answer::Reset { invite, sessions } => {
            format!("Forgot the passcode of {}{}.\n", invite.user, ended(*sessions))
                + &invitations(std::slice::from_ref(invite), zone)
        }
        Answer::Removed { user, sessions } => format!("Removed {user}{}.\n", ended(*sessions)),
        Answer::Rooms { rooms } if rooms.is_empty() => "No groups and no conversations yet.\n".into(),
        Answer::Rooms { rooms } => groups(rooms),
        Answer::Room { room } => group(room),
        Answer::RoomRemoved { room } => format!("Removed {room}.\n"),
        Answer::Sessions { sessions } if sessions.is_empty() => "Nobody is online.\n".into(),
        Answer::Sessions { sessions } => online(sessions, zone),
        Answer::SessionsEnded { user, sessions: 0 } => format!("{user} was not online.\n"),
        Answer::SessionsEnded { user, sessions: 1 } => format!("Ended 1 session of {user}.\n"),
        Answer::SessionsEnded { user, sessions } => format!("Ended {sessions} sessions of {user}.\n"),
        Answer::Status { status } => status_text(status),
        Answer::Broadcasts { entries } if entries.is_empty() => "No broadcasts yet.\n".into(),
        Answer::Broadcasts { entries } => entries.iter().rev().map(|entry| broadcast(entry, zone)).collect(),
        Answer::Failed { failure } => failed(failure),
    }
}

/// The answer to `log` where there is no file to read.
pub(super) const NO_LOG_FILE: &str = "\
There is no log file: log.file of the configuration is empty, so the server writes to its standard error. Under systemd that
is read with: journalctl -u directory-server";

/// The answer to `key rotate`: the key is part of every record that a passcode is checked with (protocol section 8.4).
pub(super) const NO_ROTATION: &str = "\
The key was not changed. What every passcode is checked with depends on it, and everyone has pinned it: with another key
nobody could log in any more.
If it was stolen, start a new directory: keep the old data directory aside, run directory-server serve with an empty one,
and invite everyone anew (directory-server invite ID...). Whoever has a backup (peer export) keeps the same identity key.";

/// One broadcast, its further lines indented, so that no text passes for another entry.
fn broadcast(entry: &Broadcast, zone: &TimeZone) -> String {
    let Broadcast { number, taken, sender, message, .. } = entry;
    let lines: Vec<_> = message.split('\n').map(clean).collect();
    format!("{number:>5}  {}  {}: {}\n", date_and_time(*taken, zone), sender.userid, lines.join("\n       "))
}

/// Why a command failed, as many lines as it takes.
pub(super) fn failed(failure: &Failure) -> String {
    failure.message.lines().map(|line| clean(line) + "\n").collect()
}

/// What somebody might use to draw on an administrator's screen is spelled out.
pub(super) fn clean(line: &str) -> String {
    let hidden = |c: char| {
        let is_format = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
        c.is_control() || is_format || c == '\u{61c}'
    };
    line.chars().map(|c| if hidden(c) { format!("<U+{:04X}>", u32::from(c)) } else { c.into() }).collect()
}

pub(super) fn backed_up(report: &Report) -> String {
    let Report { file, secrets, .. } = report;
    format!(
        "Backed up {} to {} ({}, checked).\nWhat it depends on is in {}. Keep the two in different places: together \
         they allow guessing passcodes.\n",
        amount(report),
        file.display(),
        time_format::bytes(report.bytes),
        secrets.display()
    )
}

pub(super) fn secrets_backed_up(report: &SecretsReport) -> String {
    format!(
        "Secrets      {}\nThe users are in a database of its own: back it up with its own tools, such as pg_dump.\n\
         Whoever has both can guess passcodes, so keep them in different places.\n",
        report.secrets.display()
    )
}

pub(super) fn secrets_restored(report: &SecretsReport) -> String {
    format!(
        "Restored the secrets from {}. The users are in a database of its own: restore it with its own tools.\n\
         If it is older now than before: directory-server new-generation --store URL\n\
         Then start it with: directory-server serve --store URL\n",
        report.secrets.display()
    )
}

pub(super) fn restored(report: &Report) -> String {
    format!(
        "Restored {} from {}. Start it with: directory-server serve\n\
         What was registered, sent or changed since the backup is lost.\n",
        amount(report),
        report.file.display()
    )
}

pub(super) const NEW_GENERATION: &str = "\
A new generation has begun. Terminals notice when they log in next: they send again what is missing here, and say what
cannot be had again. Start the server with: directory-server serve
";

fn amount(report: &Report) -> String {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let Report { users, groups, .. } = report;
    format!("{users} user{}, {groups} group{}, server key and secret", plural(*users), plural(*groups))
}

fn groups(rooms: &[RoomRecord]) -> String {
    let kind = |room: &RoomRecord| if room.named { "group" } else { "people" };
    let rows = rooms.iter().map(|room| {
        let RoomRecord { room: id, users, terminals, epoch, .. } = room;
        format!("{id}  {:6}  {:>5}  {terminals:>9}  {epoch:>7}\n", kind(room), users.len())
    });
    format!("{:32}  KIND    USERS  TERMINALS  CHANGES\n", "ID") + &rows.collect::<String>()
}

fn group(room: &RoomRecord) -> String {
    let RoomRecord { room: id, epoch, named, admins, users, terminals } = room;
    let names = |users: &[UserId]| users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ");
    let mut lines = vec![
        ("id", id.to_string()),
        ("kind", if *named { "group; its name is known to its members only" } else { "people" }.to_owned()),
        ("users", names(users)),
        ("terminals", terminals.to_string()),
        ("changes", epoch.to_string()),
    ];
    if *named {
        lines.insert(3, ("admins", names(admins)));
    }
    lines.into_iter().map(|(name, value)| format!("{name:10}  {value}\n")).collect()
}

fn online(sessions: &[OnlineUser], zone: &TimeZone) -> String {
    let width = sessions.iter().map(|session| session.user.as_str().len()).max().unwrap_or_default().max(2);
    let rows = sessions.iter().map(|session| {
        let since = session.online_since.map_or_else(|| "-".into(), |since| date_and_time(since, zone));
        let away = session.away.as_deref().map_or_else(String::new, |text| format!("  away: {}", clean(text)));
        format!("{:width$}  {since:13}  {:>9}{away}\n", session.user, session.terminals)
    });
    format!("{:width$}  {:13}  TERMINALS\n", "ID", "SINCE") + &rows.collect::<String>()
}

fn ended(sessions: usize) -> String {
    match sessions {
        0 => String::new(),
        1 => " and ended 1 session".into(),
        n => format!(" and ended {n} sessions"),
    }
}

fn invitations(invites: &[Invitation], zone: &TimeZone) -> String {
    let until = invites.iter().map(|invite| invite.expires).min().unwrap_or_default();
    let mut text = format!(
        "Send each line to its person by a channel you trust. Each works once, until {}.\n",
        date_and_time(until, zone)
    );
    let width = invites.iter().map(|invite| invite.user.as_str().len()).max().unwrap_or_default();
    for Invitation { user, line, .. } in invites {
        text += &format!("{user:width$}  {line}\n");
    }
    text
}

fn table(users: &[User], zone: &TimeZone) -> String {
    let mut rows = vec![["ID", "STATE", "SINCE", "LOGINS", "WRONG", "KEY"].map(str::to_owned)];
    rows.extend(users.iter().map(|user| {
        let UserRecord { id, logins, wrong, .. } = &user.record;
        let (state, since) = state(user, zone);
        [id.to_string(), state.into(), since, logins.to_string(), wrong.to_string(), key(&user.record)]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [0, 1, 2, 3, 4, 5].map(width);
    let mut text = String::new();
    for [id, state, since, logins, wrong, key] in &rows {
        let [a, b, c, d, e, _] = widths;
        let line = format!("{id:a$}  {state:b$}  {since:c$}  {logins:>d$}  {wrong:>e$}  {key}");
        text += line.trim_end();
        text.push('\n');
    }
    let locked: Vec<&str> = users.iter().filter(|user| is_locked(user)).map(|user| user.record.id.as_str()).collect();
    match locked[..] {
        [] => {}
        [one] => text += &format!("Unlock: directory-server user unlock {one}\n"),
        _ => text += "Unlock: directory-server user unlock ID\n",
    }
    text
}

/// State and since when, in the words of the table.
fn state(user: &User, zone: &TimeZone) -> (&'static str, String) {
    let record = &user.record;
    let seen = record.last_seen.unwrap_or(record.registered_at);
    let lock_out = lock_out(user, zone);
    match (&record.locked, user.online_since) {
        (Some(reason), _) if reason.is_empty() => ("locked", "by an administrator".into()),
        (Some(reason), _) => ("locked", clean(reason)),
        (None, Some(since)) => {
            let besides = lock_out.map_or_else(String::new, |lock_out| format!(" ({lock_out})"));
            ("online", date_and_time(since, zone) + &besides)
        }
        (None, None) if record.key.is_none() => ("invited", "until the new passcode is chosen".into()),
        (None, None) => match lock_out {
            Some(lock_out) => ("locked", format!("{} ({lock_out})", date_and_time(seen, zone))),
            None => ("offline", date_and_time(seen, zone)),
        },
    }
}

/// Where the tries of anybody keep the user out, and until when.
fn lock_out(user: &User, zone: &TimeZone) -> Option<String> {
    let record = &user.record;
    let unknown = match user.locked_out_until {
        _ if record.locked_out => Some("at unknown terminals until unlocked".to_owned()),
        Some(until) => Some(format!("at unknown terminals until {}", date_and_time(until, zone))),
        None => None,
    };
    let known =
        user.known_locked_out_until.map(|until| format!("at a known terminal until {}", date_and_time(until, zone)));
    let places: Vec<String> = unknown.into_iter().chain(known).collect();
    (!places.is_empty()).then(|| format!("wrong passcode {}x, {}", record.wrong, places.join(", ")))
}

/// Whether `user unlock` would change anything that can be seen.
fn is_locked(user: &User) -> bool {
    let record = &user.record;
    record.locked.is_some()
        || record.locked_out
        || user.locked_out_until.is_some()
        || user.known_locked_out_until.is_some()
}

fn key(record: &UserRecord) -> String {
    record.key.map_or_else(|| "-".into(), |key| key.short())
}

fn one(user: &User, zone: &TimeZone) -> String {
    let record = &user.record;
    let (state, since) = state(user, zone);
    let mut lines = vec![
        ("user", record.id.to_string()),
        ("state", format!("{state}, {since}")),
        ("registered", date_and_time(record.registered_at, zone)),
        ("logins", record.logins.to_string()),
        ("wrong", record.wrong.to_string()),
        ("terminals", record.terminals.to_string()),
        ("waiting", record.waiting.to_string()),
        ("key", key(record)),
    ];
    if let Some(lock_out) = lock_out(user, zone) {
        lines.push(("lock-out", lock_out));
    }
    if is_locked(user) {
        lines.push(("unlock", format!("directory-server user unlock {}", record.id)));
    }
    lines.into_iter().map(|(name, value)| format!("{name:10}  {value}\n")).collect()
}

/// How the directory is doing, with the last line end.
pub(super) fn status_text(status: &Status) -> String {
    let Status { version, users, queued, store_bytes, backup_age, running } = status;
    let backup =
        backup_age.map_or_else(|| "no backup yet".into(), |age| format!("backup {} ago", time_format::duration(age)));
    let store = format!("{}, {backup}", time_format::bytes(*store_bytes));
    let users_word = if *users == 1 { "user" } else { "users" };
    let messages = if *queued == 1 { "message" } else { "messages" };
    match running {
        None => format!(
            "not running · version {version} · {users} {users_word} · {queued} queued {messages} · store {store}\n"
        ),
        Some(running) => format!(
            "up {} · version {version} · {users} {users_word}, {} online · {queued} queued {messages} · \
             {} logins/h, {} refused\n\
             listening {} as {} · store {store}\n",
            time_format::duration(running.up_seconds),
            running.users_online,
            running.logins_last_hour,
            running.refused_last_hour,
            running.listening.join(" and "),
            running.public,
        ),
    }
}
