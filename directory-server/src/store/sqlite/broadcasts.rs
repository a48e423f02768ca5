//! The log of broadcasts: appended to, never changed; the oldest go.

use common::ident::MessageId;
use common::limits::{BROADCASTS_KEPT, BROADCASTS_OF_USER};
use common::msg::{Blob, Broadcast};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use directory_core::records::LoggedBroadcast;
use directory_core::store::StoreError;

/// Appends one, unless its sender has sent one with this id.
pub(super) fn append(connection: &Connection, broadcast: &Broadcast) -> SqlResult<LoggedBroadcast> {
    let Broadcast { taken, sender, id, message, date, signature, .. } = broadcast;
    let (user, certificate) = (sender.userid.as_str(), serde_json::to_string(sender).map_err(unreadable)?);
    let mut append = connection.prepare_cached(
        "INSERT INTO broadcasts (taken, user, sender, id, message, date, signature)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (user, id) DO NOTHING RETURNING number",
    )?;
    let row = params![taken, user, certificate, id.as_bytes(), message, date.cast_signed(), signature.0];
    if let Some(number) = append.query_row(row, |row| row.get::<_, i64>(0)).optional()? {
        shorten(connection, user, number)?;
        return Ok(LoggedBroadcast::Now(number.cast_unsigned()));
    }
    let mut before = connection.prepare_cached("SELECT number FROM broadcasts WHERE user = ?1 AND id = ?2")?;
    Ok(LoggedBroadcast::Before(before.query_row(params![user, id.as_bytes()], |row| row.get(0))?))
}

/// The oldest go: of all, and of the user who has just said the newest.
fn shorten(connection: &Connection, user: &str, newest: i64) -> SqlResult<()> {
    let mut of_all = connection.prepare_cached("DELETE FROM broadcasts WHERE number <= ?1")?;
    of_all.execute([newest - i64::from(BROADCASTS_KEPT)])?;
    let mut of_user = connection.prepare_cached(
        "DELETE FROM broadcasts WHERE user = ?1 AND number <=
             (SELECT number FROM broadcasts WHERE user = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
    )?;
    of_user.execute(params![user, BROADCASTS_OF_USER])?;
    Ok(())
}

/// The newest before a number, newest first.
pub(super) fn read(connection: &Connection, before: Option<u64>, limit: usize) -> SqlResult<Vec<Broadcast>> {
    let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT number, taken, sender, id, message, date, signature FROM broadcasts
         WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![before, limit], |row| Ok(broadcast(row)))?;
    rows.map(|row| row?).collect()
}

fn broadcast(row: &Row<'_>) -> SqlResult<Broadcast> {
    let sender: String = row.get(2)?;
    Ok(Broadcast {
        number: row.get(0)?,
        taken: row.get(1)?,
        sender: serde_json::from_str(&sender).map_err(unreadable)?,
        id: MessageId(row.get(3)?),
        message: row.get(4)?,
        date: row.get::<_, i64>(5)?.cast_unsigned(),
        signature: Blob(row.get(6)?),
    })
}

fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("a broadcast cannot be read: {error}"))
}
