//! The log of broadcasts: appended to, never changed.

use common::ident::MessageId;
use common::msg::{Blob, Broadcast};
use rusqlite::{Connection, Row, params};

use crate::core::store::{Answer, StoreError};

/// Appends one; gives its number.
pub(super) fn append(connection: &Connection, broadcast: &Broadcast) -> Answer<u64> {
    let Broadcast { taken, sender, id, message, date, signature, .. } = broadcast;
    let (user, certificate) = (sender.userid.as_str(), serde_json::to_string(sender).map_err(unreadable)?);
    connection
        .prepare_cached(
            "INSERT INTO broadcasts (taken, user, sender, id, message, date, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (user, id) DO NOTHING",
        )?
        .execute(params![taken, user, certificate, id.as_bytes(), message, date.cast_signed(), signature.0])?;
    let mut number = connection.prepare_cached("SELECT number FROM broadcasts WHERE user = ?1 AND id = ?2")?;
    Ok(number.query_row(params![user, id.as_bytes()], |row| row.get(0))?)
}

/// The newest before a number, newest first.
pub(super) fn read(connection: &Connection, before: Option<u64>, limit: usize) -> Answer<Vec<Broadcast>> {
    let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT number, taken, sender, id, message, date, signature FROM broadcasts
         WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![before, limit], |row| Ok(broadcast(row)))?;
    rows.map(|row| row?).collect()
}

fn broadcast(row: &Row<'_>) -> Answer<Broadcast> {
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
