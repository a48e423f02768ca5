//! The messages of all conversations, in the order in which they were kept (decision D20).
//!
//! Owns the order, and what the core writes to it; a row and its seal are [`message_row`]'s, the words in it
//! [`search`]'s. Whether a message is unread lies open as one bit, so that unread messages can be counted without
//! opening them.
//!
//! [`message_row`]: super::message_row

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::message_row::{Placed, conversation_row, encode, encode_mark, is_unread, name_row, open, select};
use super::sealed::Seal;
use super::state::State;
use super::tail::Tail;
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
        let Some(number) = number_of(&self.db, &conversation_row(seal, conversation)?)? else { return Ok(Vec::new()) };
        let before = before.unwrap_or(Position(i64::MAX));
        let places = self.tail(|tail| tail.places(&self.db, number, before, limit))?;
        places.into_iter().rev().map(|place| at(&self.db, seal, place)).filter_map(Result::transpose).collect()
    }

    /// Where a message stands, if it is there. Needs [`State::unlock`].
    pub(crate) fn position(&self, name: &MessageKey) -> Result<Option<Position>, StoreError> {
        let row = name_row(self.seal()?, name)?;
        self.tail(|tail| tail.find(&self.db, &row))
    }

    /// One message, if it is there. Needs [`State::unlock`].
    pub(crate) fn message(&self, name: &MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        let Some(position) = self.position(name)? else { return Ok(None) };
        Ok(at(&self.db, self.seal()?, position)?.map(|(_, record)| record))
    }

    /// How many messages are unread, by conversation; one whose newest cannot be read is left out. Needs [`State::unlock`].
    pub(crate) fn unread(&self) -> Result<BTreeMap<Conversation, u64>, StoreError> {
        let seal = self.seal()?;
        let counted = "SELECT MAX(position), COUNT(*) FROM messages WHERE unread GROUP BY conversation";
        let mut query = self.db.prepare_cached(counted)?;
        let mut rows = query.query([])?;
        let mut unread = BTreeMap::new();
        while let Some(row) = rows.next()? {
            match at(&self.db, seal, Position(row.get(0)?)) {
                Ok(Some((_, record))) => {
                    unread.insert(record.name.conversation, row.get::<_, i64>(1)?.unsigned_abs());
                }
                // Nobody is kept from all other messages by one.
                Ok(None) | Err(StoreError::Unreadable) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(unread)
    }
}

/// Carries out one write; the transaction is the caller's.
pub(super) fn apply(db: &Connection, seal: &Seal, tail: &mut Tail, write: &HistoryWrite) -> Result<(), StoreError> {
    match write {
        HistoryWrite::Append(record) => append(db, seal, tail, record),
        HistoryWrite::SetMark { name, mark, since } => match tail.find(db, &name_row(seal, name)?)? {
            Some(position) => set_mark(db, seal, position, (*mark, *since)),
            None => Ok(()),
        },
        HistoryWrite::MarkRead { conversation } => mark_read(db, seal, conversation),
        HistoryWrite::Forget { before } => forget(db, seal, tail, *before),
    }
}

fn append(db: &Connection, seal: &Seal, tail: &mut Tail, record: &StoredMessage) -> Result<(), StoreError> {
    let row = name_row(seal, &record.name)?;
    if tail.find(db, &row)?.is_some() {
        return Ok(());
    }
    let last = tail.last(db)?;
    let of = &record.name.conversation;
    let conversation = tail.number(of, || conversation_number(db, seal, of))?;
    let (position, sealed) = (tail.next(), seal.seal(&row, &encode(record)?)?);
    db.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
        position.0,
        row,
        conversation,
        is_unread(record.mark),
        sealed
    ])?;
    tail.added(db, &row, conversation)?;
    search::appended(db, seal, last, position)
}

/// The number that stands for a conversation; given to it at its first message.
fn conversation_number(db: &Connection, seal: &Seal, conversation: &Conversation) -> Result<i64, StoreError> {
    let row = conversation_row(seal, conversation)?;
    if let Some(number) = number_of(db, &row)? {
        return Ok(number);
    }
    db.prepare_cached("INSERT INTO conversations (row) VALUES (?1)")?.execute([row])?;
    Ok(db.last_insert_rowid())
}

fn number_of(db: &Connection, conversation: &[u8]) -> Result<Option<i64>, StoreError> {
    let mut query = db.prepare_cached("SELECT number FROM conversations WHERE row = ?1")?;
    Ok(query.query_row([conversation], |row| row.get(0)).optional()?)
}

/// The message that stands there.
fn at(db: &Connection, seal: &Seal, position: Position) -> Result<Option<Placed>, StoreError> {
    let mut query = db.prepare_cached(select!("WHERE messages.position = ?1"))?;
    query.query_row([position.0], |row| Ok(open(seal, row))).optional()?.transpose()
}

/// Says how far a message has come, beside it: the message itself is not written again.
fn set_mark(db: &Connection, seal: &Seal, position: Position, mark: (DeliveryStatus, u64)) -> Result<(), StoreError> {
    let sealed = encode_mark(seal, position, mark)?;
    db.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2)")?.execute(params![position.0, sealed])?;
    if matches!(mark.0, DeliveryStatus::Received { .. }) {
        db.prepare_cached("UPDATE messages SET unread = ?2 WHERE position = ?1 AND unread <> ?2")?
            .execute(params![position.0, is_unread(mark.0)])?;
    }
    Ok(())
}

fn mark_read(db: &Connection, seal: &Seal, conversation: &Conversation) -> Result<(), StoreError> {
    let Some(number) = number_of(db, &conversation_row(seal, conversation)?)? else { return Ok(()) };
    let unread = select!("WHERE messages.conversation = ?1 AND messages.unread ORDER BY messages.position");
    let mut query = db.prepare_cached(unread)?;
    let found = query.query_map([number], |row| Ok(open(seal, row)))?.collect::<Result<Vec<_>, _>>()?;
    for placed in found {
        let (position, record) = placed?;
        set_mark(db, seal, position, (DeliveryStatus::Received { read: true }, record.since))?;
    }
    Ok(())
}

/// Reads from the front as long as there is something to forget. Messages are kept in the order of time, unless the
/// clock was wrong: what such a clock kept is found as long as a block of neighbours holds something old.
fn forget(db: &Connection, seal: &Seal, tail: &mut Tail, before: u64) -> Result<(), StoreError> {
    let mut from = Position(0);
    while let Some(block) = search::block_behind(db, from)? {
        let old = block.records(db, seal)?.into_iter().filter(|(_, record)| record.arrived < before);
        let old: Vec<Position> = old.map(|(position, _)| position).collect();
        if old.is_empty() {
            return Ok(());
        }
        for position in old {
            tail.forget(db, position)?;
            db.prepare_cached("DELETE FROM messages WHERE position = ?1")?.execute([position.0])?;
            db.prepare_cached("DELETE FROM marks WHERE position = ?1")?.execute([position.0])?;
        }
        block.shrunk(db, seal)?;
        from = block.end();
    }
    Ok(())
}
