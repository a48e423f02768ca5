//! The messages of all conversations, in the order in which they were kept (decision D20).
//!
//! Owns the order, and what the core writes to it; a row and its seal are [`message_row`]'s, the words in it
//! [`search`]'s. Whether a message is unread lies open as one bit, so that unread messages can be counted without
//! opening them.
//!
//! [`message_row`]: super::message_row

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::message_row::{Placed, conversation_row, encode, is_unread, name_row, open};
use super::sealed::Seal;
use super::state::State;
use super::{StoreError, search};
use peer_core::model::{Conversation, DeliveryStatus, MessageKey, Position, StoredMessage};
use peer_core::persistence::HistoryWrite;

impl State {
    /// The last `limit` messages of a conversation, of those that stand before `before`; the oldest first. Needs
    /// [`State::unlock`].
    pub(crate) fn history(
        &self,
        conversation: &Conversation,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Placed>, StoreError> {
        let seal = self.seal()?;
        let mut query = self.db.prepare_cached(
            "SELECT position, row, value FROM history
             WHERE conversation = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3",
        )?;
        let before = before.map_or(i64::MAX, |position| position.0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = query.query(params![conversation_row(seal, conversation)?, before, limit])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(open(seal, row)?);
        }
        page.reverse();
        Ok(page)
    }

    /// Where a message stands, if it is there. Needs [`State::unlock`].
    pub(crate) fn position(&self, name: &MessageKey) -> Result<Option<Position>, StoreError> {
        let mut query = self.db.prepare_cached("SELECT position FROM history WHERE row = ?1")?;
        Ok(query.query_row([name_row(self.seal()?, name)?], |row| row.get(0)).optional()?.map(Position))
    }

    /// One message, if it is there. Needs [`State::unlock`].
    pub(crate) fn message(&self, name: &MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        let seal = self.seal()?;
        let mut query = self.db.prepare_cached("SELECT position, row, value FROM history WHERE row = ?1")?;
        let found = query.query_row([name_row(seal, name)?], |row| Ok(open(seal, row))).optional()?;
        Ok(found.transpose()?.map(|(_, record)| record))
    }

    /// How many messages are unread, by conversation. Needs [`State::unlock`].
    pub(crate) fn unread(&self) -> Result<BTreeMap<Conversation, u64>, StoreError> {
        let mut query = self.db.prepare_cached(
            "SELECT position, row, value, count FROM history JOIN (
                 SELECT MAX(position) AS last, COUNT(*) AS count FROM history WHERE unread GROUP BY conversation
             ) ON position = last",
        )?;
        let mut rows = query.query([])?;
        let mut unread = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (_, record) = open(self.seal()?, row)?;
            unread.insert(record.name.conversation, row.get::<_, i64>("count")?.unsigned_abs());
        }
        Ok(unread)
    }
}

/// Carries out one write; the transaction is the caller's.
pub(super) fn apply(db: &Connection, seal: &Seal, write: &HistoryWrite) -> Result<(), StoreError> {
    match write {
        HistoryWrite::Append(record) => append(db, seal, record),
        HistoryWrite::SetMark { name, mark, since } => {
            let row = name_row(seal, name)?;
            let found = db
                .prepare_cached("SELECT position, row, value FROM history WHERE row = ?1")?
                .query_row([row], |row| Ok(open(seal, row)))
                .optional()?;
            let Some((position, record)) = found.transpose()? else { return Ok(()) };
            write_again(db, seal, position, &StoredMessage { mark: *mark, since: *since, ..record })
        }
        HistoryWrite::MarkRead { conversation } => {
            let mut query = db.prepare_cached(
                "SELECT position, row, value FROM history WHERE conversation = ?1 AND unread ORDER BY position",
            )?;
            let found = query.query_map([conversation_row(seal, conversation)?], |row| Ok(open(seal, row)))?;
            for placed in found.collect::<Result<Vec<_>, _>>()? {
                let (position, record) = placed?;
                write_again(
                    db,
                    seal,
                    position,
                    &StoredMessage { mark: DeliveryStatus::Received { read: true }, ..record },
                )?;
            }
            Ok(())
        }
        HistoryWrite::Forget { before } => forget(db, seal, *before),
    }
}

fn append(db: &Connection, seal: &Seal, record: &StoredMessage) -> Result<(), StoreError> {
    let last: Option<i64> = db.prepare_cached("SELECT MAX(position) FROM history")?.query_row([], |row| row.get(0))?;
    let row = name_row(seal, &record.name)?;
    let conversation = conversation_row(seal, &record.name.conversation)?;
    let sealed = seal.seal(&row, &encode(record)?)?;
    let added = db
        .prepare_cached(
            "INSERT INTO history (row, conversation, unread, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![row, conversation, is_unread(record), sealed])?;
    if added == 1 {
        search::appended(db, seal, last.map(Position), Position(db.last_insert_rowid()))?;
    }
    Ok(())
}

/// Reads from the front as long as there is something to forget. Messages are kept in the order of time, unless the
/// clock was wrong: what such a clock kept is found as long as a block of neighbours holds something old.
fn forget(db: &Connection, seal: &Seal, before: u64) -> Result<(), StoreError> {
    let mut from = Position(0);
    while let Some(block) = search::block_behind(db, from)? {
        let old = block.records(db, seal)?.into_iter().filter(|(_, record)| record.arrived < before);
        let old: Vec<Position> = old.map(|(position, _)| position).collect();
        if old.is_empty() {
            return Ok(());
        }
        let mut delete = db.prepare_cached("DELETE FROM history WHERE position = ?1")?;
        for position in old {
            delete.execute([position.0])?;
        }
        block.shrunk(db, seal)?;
        from = block.end();
    }
    Ok(())
}

fn write_again(db: &Connection, seal: &Seal, position: Position, record: &StoredMessage) -> Result<(), StoreError> {
    let sealed = seal.seal(&name_row(seal, &record.name)?, &encode(record)?)?;
    db.prepare_cached("UPDATE history SET unread = ?2, value = ?3 WHERE position = ?1")?.execute(params![
        position.0,
        is_unread(record),
        sealed
    ])?;
    Ok(())
}
