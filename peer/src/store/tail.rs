//! The newest messages: where they stand, by name and by conversation, in memory.
//!
//! An index in the order of names, or one for each conversation, has another place for each message, and every place costs
//! a page. So both are kept up in strides of [`STRIDE`] messages; those that are not in them yet are known here. What is
//! known here is read again from the messages themselves whenever it may not be what the disk has.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::StoreError;
use peer_core::model::{Conversation, Position};

/// Messages that the indexes take in together: a few for each page of an index of some ten thousand, and few enough that
/// going through all of them takes microseconds.
const STRIDE: usize = 2048;
/// Bytes of a name that the index keeps; the message itself settles the rest.
const PREFIX: usize = 8;

type Prefix = [u8; PREFIX];

/// The newest messages, the oldest first.
#[derive(Debug)]
pub(super) struct Tail {
    /// Whatever stands before this is in the indexes.
    first: i64,
    /// Where the next message will stand.
    next: i64,
    /// Where the last message stands, if there is one; that is not known where it was forgotten.
    last: Option<Option<Position>>,
    positions: Vec<i64>,
    names: Vec<Prefix>,
    conversations: Vec<i64>,
    /// What stands for a conversation, of those that were asked for.
    numbers: BTreeMap<Conversation, i64>,
}

impl Tail {
    /// What is known; read first if need be.
    pub(super) fn loaded<'a>(db: &Connection, tail: &'a mut Option<Self>) -> Result<&'a mut Self, StoreError> {
        match tail {
            Some(tail) => Ok(tail),
            None => Ok(tail.insert(Self::load(db)?)),
        }
    }

    fn load(db: &Connection) -> Result<Self, StoreError> {
        let (first, next): (i64, i64) =
            db.query_row("SELECT first, next FROM tail", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let last = last(db)?;
        let mut tail = Self {
            first,
            next: next.max(last.map_or(0, |last| last.0) + 1),
            last: Some(last),
            positions: Vec::new(),
            names: Vec::new(),
            conversations: Vec::new(),
            numbers: BTreeMap::new(),
        };
        let mut query =
            db.prepare("SELECT position, row, conversation FROM messages WHERE position >= ?1 ORDER BY position")?;
        let mut rows = query.query([first])?;
        while let Some(row) = rows.next()? {
            tail.note(row.get(0)?, prefix(row.get_ref(1)?.as_blob()?)?, row.get(2)?);
        }
        Ok(tail)
    }

    fn note(&mut self, position: i64, name: Prefix, conversation: i64) {
        self.positions.push(position);
        self.names.push(name);
        self.conversations.push(conversation);
    }

    /// Where the next message will stand.
    pub(super) fn next(&self) -> Position {
        Position(self.next)
    }

    /// Where the last message stands.
    pub(super) fn last(&mut self, db: &Connection) -> Result<Option<Position>, StoreError> {
        let known = match self.last {
            Some(last) => last,
            None => last(db)?,
        };
        self.last = Some(known);
        Ok(known)
    }

    /// What stands for a conversation; asked for, or given to it, where it is not known.
    pub(super) fn number(
        &mut self,
        conversation: &Conversation,
        ask: impl FnOnce() -> Result<i64, StoreError>,
    ) -> Result<i64, StoreError> {
        if let Some(number) = self.numbers.get(conversation) {
            return Ok(*number);
        }
        let number = ask()?;
        self.numbers.insert(conversation.clone(), number);
        Ok(number)
    }

    /// A message of this name was added there; the transaction is the caller's.
    pub(super) fn added(&mut self, db: &Connection, name: &[u8], conversation: i64) -> Result<(), StoreError> {
        self.note(self.next, prefix(name)?, conversation);
        self.last = Some(Some(Position(self.next)));
        self.next += 1;
        if self.positions.len() >= STRIDE { self.index(db) } else { Ok(()) }
    }

    /// The indexes take in what is here, each in its own order.
    fn index(&mut self, db: &Connection) -> Result<(), StoreError> {
        let mut names: Vec<(Prefix, i64)> = self.names.drain(..).zip(self.positions.iter().copied()).collect();
        let mut places: Vec<(i64, i64)> = self.conversations.drain(..).zip(self.positions.drain(..)).collect();
        names.sort_unstable();
        places.sort_unstable();
        let mut add = db.prepare_cached("INSERT INTO names VALUES (?1, ?2)")?;
        for (name, position) in names {
            add.execute(params![name, position])?;
        }
        let mut add = db.prepare_cached("INSERT INTO places VALUES (?1, ?2)")?;
        for place in places {
            add.execute([place.0, place.1])?;
        }
        self.first = self.next;
        db.prepare_cached("UPDATE tail SET first = ?1")?.execute([self.first])?;
        Ok(())
    }

    /// Where the message of a name stands.
    pub(super) fn find(&self, db: &Connection, name: &[u8]) -> Result<Option<Position>, StoreError> {
        let wanted = prefix(name)?;
        let mut message = db.prepare_cached("SELECT 1 FROM messages WHERE position = ?1 AND row = ?2")?;
        let here = self.names.iter().zip(&self.positions).filter(|(name, _)| **name == wanted);
        for (_, position) in here {
            if message.exists(params![position, name])? {
                return Ok(Some(Position(*position)));
            }
        }
        let mut query = db.prepare_cached("SELECT position FROM names WHERE name = ?1")?;
        for position in query.query_map([wanted], |row| row.get(0))? {
            let position: i64 = position?;
            if message.exists(params![position, name])? {
                return Ok(Some(Position(position)));
            }
        }
        Ok(None)
    }

    /// Where the last messages of a conversation stand, of those before `before`; the newest first.
    pub(super) fn places(
        &self,
        db: &Connection,
        conversation: i64,
        before: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StoreError> {
        let newest = self.conversations.iter().zip(&self.positions).rev();
        let here = newest.filter(|(of, position)| **of == conversation && **position < before.0);
        let mut places: Vec<Position> = here.map(|(_, position)| Position(*position)).take(limit).collect();
        let rest = i64::try_from(limit.saturating_sub(places.len())).unwrap_or(i64::MAX);
        let mut query = db.prepare_cached(
            "SELECT position FROM places WHERE conversation = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3",
        )?;
        for position in query.query_map([conversation, before.0, rest], |row| row.get(0))? {
            places.push(Position(position?));
        }
        Ok(places)
    }

    /// The message at a place is forgotten; the transaction is the caller's. Its place is not used again.
    pub(super) fn forget(&mut self, db: &Connection, position: Position) -> Result<(), StoreError> {
        db.prepare_cached("UPDATE tail SET next = ?1 WHERE next < ?1")?.execute([self.next])?;
        self.last = self.last.filter(|last| *last != Some(position));
        if let Ok(place) = self.positions.binary_search(&position.0) {
            self.positions.remove(place);
            self.names.remove(place);
            self.conversations.remove(place);
            return Ok(());
        }
        let of = "SELECT substr(row, 1, 8), conversation FROM messages WHERE position = ?1";
        let known: Option<(Prefix, i64)> =
            db.prepare_cached(of)?.query_row([position.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((name, conversation)) = known {
            db.prepare_cached("DELETE FROM names WHERE name = ?1 AND position = ?2")?
                .execute(params![name, position.0])?;
            db.prepare_cached("DELETE FROM places WHERE conversation = ?1 AND position = ?2")?
                .execute([conversation, position.0])?;
        }
        Ok(())
    }
}

fn last(db: &Connection) -> Result<Option<Position>, StoreError> {
    let last: Option<i64> = db.prepare_cached("SELECT MAX(position) FROM messages")?.query_row([], |row| row.get(0))?;
    Ok(last.map(Position))
}

fn prefix(name: &[u8]) -> Result<Prefix, StoreError> {
    name.first_chunk().copied().ok_or(StoreError::Unreadable)
}
