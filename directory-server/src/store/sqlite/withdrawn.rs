//! Messages that were stored and are dropped, until those who sent them know (decision D32).
//!
//! One that another terminal of its receiver has had, or still may have, is none of them. What a terminal leaves behind
//! that is removed is written down by the trigger `terminal_mail`, however it goes; that no terminal has more than
//! [`WITHDRAWN_KEPT`](common::limits::WITHDRAWN_KEPT) of them, the trigger `report_written` sees to.

use common::ident::{MessageId, RoomId, TerminalId, UserId};
use common::limits::MAIL_IN_ONE;
use common::msg::{Member, Withdrawal, WithdrawnMessage};
use rusqlite::{Connection, params};

use super::error::SqlResult;
use super::users::user_id;
use crate::store::bounds::{REPORTS_KEPT_FOR, reason, reason_code};
use directory_core::timestamp::Timestamp;

/// Writes down what leaves a mailbox, up to an item, because nobody has taken it in time.
pub(super) fn expired(connection: &Connection, owner: &Member, upto: i64) -> SqlResult<()> {
    connection
        .prepare_cached(
            "INSERT INTO withdrawn (user, terminal, id, room, receiver, reason)
             SELECT t.user, t.terminal, b.id, b.room, ?1, ?4
             FROM mailbox AS m JOIN mail AS b USING (item) JOIN terminals AS t ON t.user = b.from_user
             WHERE m.user = ?1 AND m.terminal = ?2 AND m.item <= ?3 AND m.kind = 0 AND m.sender <> ?1
                 AND b.id IS NOT NULL
                 AND (t.terminal = b.from_terminal OR EXISTS (
                     SELECT 1 FROM roster AS r WHERE r.room = b.room AND r.user = t.user AND r.terminal = t.terminal))
                 AND NOT EXISTS (SELECT 1 FROM mail_taken AS k WHERE k.item = m.item AND k.user = ?1)
                 AND NOT EXISTS (SELECT 1 FROM mailbox AS o
                     WHERE o.item = m.item AND o.shared = 1 AND o.user = ?1 AND o.terminal <> ?2)
             ORDER BY m.item",
        )?
        .execute(params![owner.userid.as_str(), owner.terminal.as_bytes(), upto, reason_code(Withdrawal::Expired)])?;
    Ok(())
}

/// Writes down that no mailbox of a user has room for a message, unless one has it already: it may be put twice. How many
/// reports were looked for.
pub(super) fn full(
    connection: &Connection,
    from: &Member,
    (room, id): (&RoomId, &MessageId),
    receiver: &UserId,
) -> SqlResult<usize> {
    let mut waits = connection.prepare_cached(
        "SELECT 1 FROM mailbox AS m JOIN mail AS b USING (item)
         WHERE m.user = ?1 AND m.sender = ?2 AND m.kind = 0 AND b.id = ?3",
    )?;
    if waits.exists(params![receiver.as_str(), from.userid.as_str(), id.as_bytes()])? {
        return Ok(1);
    }
    let written = connection
        .prepare_cached(
            "INSERT INTO withdrawn (user, terminal, id, room, receiver, reason)
             SELECT user, terminal, ?3, ?4, ?5, ?6 FROM terminals AS t
             WHERE user = ?1 AND (terminal = ?2 OR EXISTS (
                 SELECT 1 FROM roster AS r WHERE r.room = ?4 AND r.user = t.user AND r.terminal = t.terminal))",
        )?
        .execute(params![
            from.userid.as_str(),
            from.terminal.as_bytes(),
            id.as_bytes(),
            room.as_bytes(),
            receiver.as_str(),
            reason_code(Withdrawal::Full)
        ])?;
    Ok(written)
}

/// Writes down that a message is for nobody any more where a user has no terminal in a room but some that are gone. Who has
/// left the room by itself has terminals, and is not waited for. How many reports that makes.
pub(super) fn gone(connection: &Connection, from: &Member, (room, id): (&RoomId, &MessageId)) -> SqlResult<usize> {
    let written = connection
        .prepare_cached(
            "INSERT INTO withdrawn (user, terminal, id, room, receiver, reason)
             SELECT t.user, t.terminal, ?3, ?4, g.user, ?5
             FROM (SELECT DISTINCT user FROM ghosts WHERE room = ?4 AND user <> ?1) AS g JOIN terminals AS t ON t.user = ?1
             WHERE (t.terminal = ?2 OR EXISTS (
                 SELECT 1 FROM roster AS r WHERE r.room = ?4 AND r.user = t.user AND r.terminal = t.terminal))
                 AND NOT EXISTS (SELECT 1 FROM roster AS r WHERE r.room = ?4 AND r.user = g.user)
                 AND NOT EXISTS (SELECT 1 FROM ghosts AS h JOIN terminals AS k USING (user, terminal)
                     WHERE h.room = ?4 AND h.user = g.user)",
        )?
        .execute(params![
            from.userid.as_str(),
            from.terminal.as_bytes(),
            id.as_bytes(),
            room.as_bytes(),
            reason_code(Withdrawal::Removed)
        ])?;
    Ok(written)
}

/// A terminal has taken what it had up to an item: its user has had what waits at another.
pub(super) fn taken(connection: &Connection, owner: &Member, upto: i64) -> SqlResult<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO mail_taken (item, user)
             SELECT m.item, m.user FROM mailbox AS m
             WHERE m.user = ?1 AND m.terminal = ?2 AND m.item <= ?3 AND m.kind = 0 AND m.shared = 1
                 AND EXISTS (SELECT 1 FROM mailbox AS o
                     WHERE o.item = m.item AND o.shared = 1 AND o.user = ?1 AND o.terminal <> ?2)",
        )?
        .execute(params![owner.userid.as_str(), owner.terminal.as_bytes(), upto])?;
    Ok(())
}

/// The oldest reports for a terminal, as many as go into one message.
pub(super) fn reports(connection: &Connection, owner: &Member) -> SqlResult<Vec<WithdrawnMessage>> {
    let mut statement = connection.prepare_cached(
        "SELECT report, id, room, receiver, reason FROM withdrawn WHERE user = ?1 AND terminal = ?2
         ORDER BY report LIMIT ?3",
    )?;
    let reports =
        statement.query_map(params![owner.userid.as_str(), owner.terminal.as_bytes(), MAIL_IN_ONE], |row| {
            Ok(WithdrawnMessage {
                report: row.get(0)?,
                id: MessageId(row.get(1)?),
                room: RoomId(row.get(2)?),
                user: user_id(row, 3)?,
                reason: reason(row.get(4)?),
            })
        })?;
    Ok(reports.collect::<Result<_, _>>()?)
}

/// Forgets the reports for a terminal up to this one.
pub(super) fn acknowledge(connection: &Connection, owner: &Member, upto: u64) -> SqlResult<()> {
    connection
        .prepare_cached("DELETE FROM withdrawn WHERE user = ?1 AND terminal = ?2 AND report <= ?3")?
        .execute(params![owner.userid.as_str(), owner.terminal.as_bytes(), i64::try_from(upto).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// The terminals that have to be told of something new.
pub(super) fn new(connection: &Connection, now: Timestamp) -> SqlResult<Vec<Member>> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT user, terminal FROM withdrawn WHERE since IS NULL")?;
    let terminals =
        statement.query_map([], |row| Ok(Member { userid: user_id(row, 0)?, terminal: TerminalId(row.get(1)?) }))?;
    let terminals = terminals.collect::<Result<Vec<_>, _>>()?;
    if !terminals.is_empty() {
        connection.prepare_cached("UPDATE withdrawn SET since = ?1 WHERE since IS NULL")?.execute([now.seconds()])?;
    }
    Ok(terminals)
}

/// Forgets reports that nobody has asked for, by the latest moment that has surely passed.
pub(super) fn forget(connection: &Connection, past: Timestamp) -> SqlResult<()> {
    connection
        .prepare_cached("DELETE FROM withdrawn WHERE since <= ?1 - ?2")?
        .execute([past.seconds(), REPORTS_KEPT_FOR])?;
    Ok(())
}
