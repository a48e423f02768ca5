//! How mail leaves a mailbox: delivered and acknowledged, or too old.

use common::ident::{RoomId, TerminalId};
use common::limits::{MAIL_IN_ONE, PIECE_MAX};
use common::msg::{MailItem, MailboxState, Member, Piece, SignedCommit};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::terminals;
use super::users::user_id;
use super::withdrawn;
use crate::store::bounds::{Parcel, kind};
use directory_core::records::ExpiryProgress;
use directory_core::timestamp::Timestamp;

/// Items that one call of [`expire`] forgets, so that others get their turn: chosen arbitrarily.
const EXPIRE_AT_ONCE: i64 = 1000;

pub(super) fn open(connection: &Connection, owner: &Member, expired: Timestamp) -> SqlResult<MailboxState> {
    let (user, terminal) = (owner.userid.as_str(), owner.terminal.as_bytes());
    let old: Option<i64> = connection
        .prepare_cached(
            // Never what is young, although something behind it was dated by a clock that was behind.
            "SELECT max(item) FROM mailbox WHERE user = ?1 AND terminal = ?2 AND item < coalesce(
                 (SELECT min(item) FROM mailbox JOIN mail USING (item)
                  WHERE user = ?1 AND terminal = ?2 AND date > ?3), 9223372036854775807)",
        )?
        .query_row(params![user, terminal, expired.seconds()], |row| row.get(0))?;
    if let Some(old) = old {
        forget(connection, owner, old, Because::Expired)?;
    }
    let state = connection
        .prepare_cached("SELECT acked, written, lost FROM mailbox_states WHERE user = ?1 AND terminal = ?2")?
        .query_row(params![user, terminal], |row| {
            Ok(MailboxState { acked: row.get(0)?, written: row.get(1)?, lost: row.get(2)?, waiting: 0 })
        })
        .optional()?;
    let state = state.unwrap_or(MailboxState { acked: 0, written: 0, lost: 0, waiting: 0 });
    let waiting = connection
        .prepare_cached("SELECT count(*) FROM mailbox WHERE user = ?1 AND terminal = ?2")?
        .query_row(params![user, terminal], |row| row.get(0))?;
    Ok(MailboxState { waiting, ..state })
}

pub(super) fn mail(connection: &Connection, owner: &Member, expired: Timestamp) -> SqlResult<Vec<MailItem>> {
    let mut statement = connection.prepare_cached(
        "SELECT item, room, epoch, from_user, from_terminal, mail.kind, date, size,
                CASE WHEN size <= ?4 THEN body END, signed
         FROM mailbox JOIN mail USING (item) LEFT JOIN signed_commits USING (item)
         WHERE user = ?1 AND terminal = ?2 AND date > ?3 ORDER BY item LIMIT ?5",
    )?;
    let mut rows = statement.query(params![
        owner.userid.as_str(),
        owner.terminal.as_bytes(),
        expired.seconds(),
        PIECE_MAX,
        MAIL_IN_ONE
    ])?;
    let mut parcel = Parcel::default();
    while let Some(row) = rows.next()? {
        if !parcel.add(mail_item(row)?) {
            break;
        }
    }
    Ok(parcel.into_items())
}

fn mail_item(row: &Row<'_>) -> rusqlite::Result<MailItem> {
    Ok(MailItem {
        item: row.get(0)?,
        room: RoomId(row.get(1)?),
        epoch: row.get(2)?,
        from: Member { userid: user_id(row, 3)?, terminal: TerminalId(row.get(4)?) },
        kind: kind(row.get(5)?).ok_or(rusqlite::Error::InvalidQuery)?,
        date: row.get(6)?,
        size: row.get(7)?,
        piece: row.get::<_, Option<Vec<u8>>>(8)?.map(Piece),
        signed: row.get::<_, Option<String>>(9)?.map(|signed| signed_commit(&signed)).transpose()?,
    })
}

fn signed_commit(stored: &str) -> rusqlite::Result<Box<SignedCommit>> {
    serde_json::from_str(stored)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, Box::new(error)))
}

pub(super) fn piece(connection: &Connection, owner: &Member, item: u64, offset: u32) -> SqlResult<Vec<u8>> {
    let mut statement = connection.prepare_cached(
        "SELECT substr(body, ?4 + 1, ?5) FROM mailbox JOIN mail USING (item)
         WHERE user = ?1 AND terminal = ?2 AND item = ?3",
    )?;
    let piece = statement
        .query_row(params![owner.userid.as_str(), owner.terminal.as_bytes(), number(item), offset, PIECE_MAX], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(piece.unwrap_or_default())
}

pub(super) fn acknowledge(connection: &Connection, owner: &Member, upto: u64, lost: u64) -> SqlResult<()> {
    if lost > 0 {
        connection
            .prepare_cached("UPDATE mailbox_states SET lost = max(0, lost - ?3) WHERE user = ?1 AND terminal = ?2")?
            .execute(params![owner.userid.as_str(), owner.terminal.as_bytes(), lost])?;
    }
    forget(connection, owner, number(upto), Because::Acknowledged)
}

pub(super) fn expire(connection: &Connection, expired: Timestamp) -> SqlResult<ExpiryProgress> {
    // Items are numbered in the order they came, so the search ends at the first that is young enough.
    let mut statement = connection.prepare_cached("SELECT item, date FROM mail ORDER BY item LIMIT ?1")?;
    let mut rows = statement.query([EXPIRE_AT_ONCE])?;
    let (mut last, mut seen) = (None, 0);
    while let Some(row) = rows.next()? {
        if row.get::<_, u64>(1)? > expired.seconds() {
            break;
        }
        last = Some(row.get(0)?);
        seen += 1;
    }
    if let Some(last) = last {
        for owner in owners(connection, last)? {
            forget(connection, &owner, last, Because::Expired)?;
        }
    }
    terminals::forget_certificates(connection)?;
    Ok(if seen == EXPIRE_AT_ONCE { ExpiryProgress::MoreLeft } else { ExpiryProgress::Done })
}

/// Whose mailboxes hold items up to this one: one look into each mailbox there is.
fn owners(connection: &Connection, upto: i64) -> SqlResult<Vec<Member>> {
    let mut statement = connection.prepare_cached(
        "SELECT user, terminal FROM mailbox_states AS s
         WHERE EXISTS (SELECT 1 FROM mailbox AS m WHERE m.user = s.user AND m.terminal = s.terminal AND item <= ?1)",
    )?;
    let owners = statement
        .query_map([upto], |row| Ok(Member { userid: user_id(row, 0)?, terminal: TerminalId(row.get(1)?) }))?
        .collect::<Result<_, _>>()?;
    Ok(owners)
}

/// Why items leave a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Because {
    Acknowledged,
    Expired,
}

/// Forgets the items of a mailbox up to `upto`.
fn forget(connection: &Connection, owner: &Member, upto: i64, because: Because) -> SqlResult<()> {
    let (user, terminal) = (owner.userid.as_str(), owner.terminal.as_bytes());
    let mut statement = connection.prepare_cached(
        "SELECT sender, count(*), sum(kind = 0), sum(size), max(item)
         FROM mailbox WHERE user = ?1 AND terminal = ?2 AND item <= ?3 GROUP BY sender",
    )?;
    let groups = statement.query_map(params![user, terminal, upto], |row| {
        Ok(Forgotten {
            sender: row.get(0)?,
            items: row.get(1)?,
            messages: row.get(2)?,
            bytes: row.get(3)?,
            last: row.get(4)?,
        })
    })?;
    let groups = groups.collect::<Result<Vec<_>, _>>()?;
    let Some(last) = groups.iter().map(|group| group.last).max() else { return Ok(()) };
    match because {
        Because::Acknowledged => withdrawn::taken(connection, owner, upto)?,
        Because::Expired => withdrawn::expired(connection, owner, upto)?,
    }
    let (acked, lost) = match because {
        Because::Acknowledged => (last, 0),
        Because::Expired => (0, groups.iter().map(|group| group.items).sum()),
    };
    let bytes: i64 = groups.iter().map(|group| group.bytes).sum();
    connection
        .prepare_cached(
            "UPDATE mailbox_states SET bytes = bytes - ?3, acked = max(acked, ?4), lost = lost + ?5
             WHERE user = ?1 AND terminal = ?2",
        )?
        .execute(params![user, terminal, bytes, acked, lost])?;
    for group in &groups {
        group.subtract(connection, owner)?;
    }
    for sql in [
        "DELETE FROM mail WHERE item IN (
             SELECT item FROM mailbox AS m WHERE user = ?1 AND terminal = ?2 AND item <= ?3
             AND (shared = 0 OR NOT EXISTS (
                 SELECT 1 FROM mailbox AS o WHERE o.item = m.item AND o.shared = 1
                 AND (o.user, o.terminal) <> (?1, ?2))))",
        "DELETE FROM mailbox WHERE user = ?1 AND terminal = ?2 AND item <= ?3",
    ] {
        connection.prepare_cached(sql)?.execute(params![user, terminal, upto])?;
    }
    Ok(())
}

/// Items of one sender that leave a mailbox.
struct Forgotten {
    sender: String,
    items: i64,
    messages: i64,
    bytes: i64,
    last: i64,
}

impl Forgotten {
    fn subtract(&self, connection: &Connection, owner: &Member) -> SqlResult<()> {
        let (user, terminal) = (owner.userid.as_str(), owner.terminal.as_bytes());
        let left: Option<i64> = connection
            .prepare_cached(
                "UPDATE mailbox_senders SET messages = messages - ?4, bytes = bytes - ?5
                 WHERE user = ?1 AND terminal = ?2 AND sender = ?3 RETURNING bytes",
            )?
            .query_row(params![user, terminal, self.sender, self.messages, self.bytes], |row| row.get(0))
            .optional()?;
        if left.is_some_and(|left| left <= 0) {
            connection
                .prepare_cached("DELETE FROM mailbox_senders WHERE user = ?1 AND terminal = ?2 AND sender = ?3")?
                .execute(params![user, terminal, self.sender])?;
        }
        Ok(())
    }
}

/// Numbers above SQLite's are above every item.
fn number(item: u64) -> i64 {
    i64::try_from(item).unwrap_or(i64::MAX)
}

/// Where what is counted differs from what is there.
pub(super) fn check(connection: &Connection) -> SqlResult<Vec<String>> {
    let rules = [
        (
            "mailboxes whose bytes are miscounted",
            "SELECT count(*) FROM mailbox_states AS s WHERE bytes <>
                 (SELECT coalesce(sum(length(body)), 0) FROM mailbox AS m JOIN mail USING (item)
                  WHERE m.user = s.user AND m.terminal = s.terminal)",
        ),
        (
            "senders whose mail is miscounted",
            "SELECT count(*) FROM (
                 SELECT user, terminal, from_user, sum(mail.kind = 0), sum(length(body))
                 FROM mailbox JOIN mail USING (item) GROUP BY user, terminal, from_user
                 EXCEPT SELECT user, terminal, sender, messages, bytes FROM mailbox_senders)",
        ),
        (
            "terminals whose reports are miscounted",
            "SELECT count(*) FROM mailbox_states AS s WHERE reports <>
                 (SELECT count(*) FROM withdrawn AS w WHERE w.user = s.user AND w.terminal = s.terminal)",
        ),
        ("senders of nothing", "SELECT count(*) FROM mailbox_senders WHERE bytes <= 0"),
        ("bodies in no mailbox", "SELECT count(*) FROM mail WHERE item NOT IN (SELECT item FROM mailbox)"),
        (
            "items described wrongly",
            "SELECT count(*) FROM mailbox AS m JOIN mail AS b USING (item)
             WHERE (sender, m.kind, size) <> (from_user, b.kind, length(body)) OR (shared = 0 AND 1 <
                 (SELECT count(*) FROM mailbox AS o WHERE o.item = m.item))",
        ),
        ("items without a body", "SELECT count(*) FROM mailbox WHERE item NOT IN (SELECT item FROM mail)"),
        (
            "rooms without terminals",
            "SELECT count(*) FROM rooms WHERE handle IS NULL AND room NOT IN (SELECT room FROM roster)",
        ),
        (
            "commits without a body, or bodies without what their author answers for",
            "SELECT (SELECT count(*) FROM signed_commits WHERE item NOT IN (SELECT item FROM mail))
                  + (SELECT count(*) FROM mail WHERE kind <> 0 AND item NOT IN (SELECT item FROM signed_commits))",
        ),
        ("ghosts that get mail", "SELECT count(*) FROM ghosts JOIN roster USING (room, user, terminal)"),
    ];
    let mut wrong = Vec::new();
    for (what, sql) in rules {
        let count: u64 = connection.query_row(sql, [], |row| row.get(0))?;
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    Ok(wrong)
}
