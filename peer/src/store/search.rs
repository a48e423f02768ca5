//! Full-text search over the history, with an index that a thief cannot read (`/find`; decision D20).
//!
//! Usual indexes betray which messages share a word, and how often each word occurs, even where the words are hidden
//! behind an HMAC; with enough messages that tells common words. So the index is sealed too: the words of each
//! [`BLOCK`] positions make one sealed value, which is written when the block is full. A search opens all blocks from
//! the newest backwards until it has enough, and reads messages behind the last full block themselves. That costs
//! a pass over some five bytes for each word ever kept, which a benchmark holds against its promise
//! (`benches/search`).
//!
//! A block's value: for each entry of each of its messages a fingerprint (4 bytes), then for each entry the message's
//! place in the block (1 byte). What the index finds is opened and compared with the query, so that equal fingerprints
//! of different words only cost time.

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::StoreError;
use super::message_row::{self, Placed, select};
use super::sealed::Seal;
use super::state::State;
use super::words::Words;
use peer_core::model::Position;

/// Positions in one block: few enough that reading an unfinished block takes no time, and that a place fits a byte.
const BLOCK: i64 = 256;

/// Entries of a query that the index is asked for; the comparison with the message settles the rest.
const ASKED: usize = 32;

const FINGERPRINT: usize = 4;

impl State {
    /// The newest `limit` messages that hold all of `words`, of those that stand before `before`; the newest first.
    /// Words without a letter, digit or picture find nothing. Needs [`State::unlock`].
    pub(crate) fn find(&self, words: &str, before: Option<Position>, limit: usize) -> Result<Vec<Placed>, StoreError> {
        let before = before.map_or(i64::MAX, |position| position.0);
        let mut search = Search { terms: Words::terms(words), before, limit, found: Vec::new() };
        if !search.terms.is_empty() {
            let last_full: Option<i64> = self.db.query_row("SELECT MAX(block) FROM words", [], |row| row.get(0))?;
            self.read_unfinished(&mut search, last_full.map_or(Position(0), |block| Block(block).end()))?;
            self.ask_index(&mut search)?;
        }
        Ok(search.found)
    }

    fn read_unfinished(&self, search: &mut Search, from: Position) -> Result<(), StoreError> {
        let mut query = self.db.prepare_cached(select!(
            "WHERE messages.position >= ?1 AND messages.position < ?2 ORDER BY messages.position DESC"
        ))?;
        let mut rows = query.query([from.0, search.before])?;
        while !search.is_over()
            && let Some(row) = rows.next()?
        {
            search.judge(message_row::open(self.seal()?, row)?);
        }
        Ok(())
    }

    fn ask_index(&self, search: &mut Search) -> Result<(), StoreError> {
        let seal = self.seal()?;
        let asked = search.fingerprints();
        let mut query =
            self.db.prepare_cached("SELECT block, value FROM words WHERE block <= ?1 ORDER BY block DESC")?;
        let mut message = self.db.prepare_cached(select!("WHERE messages.position = ?1"))?;
        let mut rows = query.query([search.before / BLOCK])?;
        while !search.is_over()
            && let Some(row) = rows.next()?
        {
            let block = Block(row.get(0)?);
            let index = seal.open(&block.row(seal)?, row.get_ref(1)?.as_blob()?)?;
            for place in places(&index, &asked).into_iter().rev() {
                let position = block.start().0 + i64::from(place);
                if position < search.before && !search.is_over() {
                    search.judge(message.query_row([position], |row| Ok(message_row::open(seal, row)))??);
                }
            }
        }
        Ok(())
    }
}

/// A search under way.
struct Search {
    terms: Vec<Words>,
    before: i64,
    limit: usize,
    found: Vec<Placed>,
}

impl Search {
    fn is_over(&self) -> bool {
        self.found.len() >= self.limit
    }

    fn judge(&mut self, placed: Placed) {
        let text = Words::of(&placed.1.text);
        if self.terms.iter().all(|term| term.stand_in(&text)) {
            self.found.push(placed);
        }
    }

    fn fingerprints(&self) -> Vec<[u8; FINGERPRINT]> {
        let mut fingerprints: Vec<_> = self.terms.iter().flat_map(Words::entries).map(fingerprint).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        fingerprints.truncate(ASKED);
        fingerprints
    }
}

/// Some messages that stand next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block(i64);

/// The block of the first message at or behind `position`.
pub(super) fn block_behind(db: &Connection, position: Position) -> Result<Option<Block>, StoreError> {
    let first: Option<i64> = db
        .prepare_cached("SELECT MIN(position) FROM messages WHERE position >= ?1")?
        .query_row([position.0], |row| row.get(0))?;
    Ok(first.map(|first| Block::of(Position(first))))
}

/// A message was added behind `last`: if it opens a block, the one before is full.
pub(super) fn appended(
    db: &Connection,
    seal: &Seal,
    last: Option<Position>,
    added: Position,
) -> Result<(), StoreError> {
    match last.map(Block::of) {
        Some(full) if full != Block::of(added) => full.index(db, seal),
        _ => Ok(()),
    }
}

impl Block {
    fn of(position: Position) -> Self {
        Self(position.0 / BLOCK)
    }

    fn start(self) -> Position {
        Position(self.0 * BLOCK)
    }

    /// Where the next block starts.
    pub(super) fn end(self) -> Position {
        Position((self.0 + 1) * BLOCK)
    }

    fn row(self, seal: &Seal) -> Result<Vec<u8>, StoreError> {
        seal.row("words", &self.0.to_be_bytes())
    }

    /// Its messages.
    pub(super) fn records(self, db: &Connection, seal: &Seal) -> Result<Vec<Placed>, StoreError> {
        let mut query = db.prepare_cached(select!(
            "WHERE messages.position >= ?1 AND messages.position < ?2 ORDER BY messages.position"
        ))?;
        let mut rows = query.query([self.start().0, self.end().0])?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(message_row::open(seal, row)?);
        }
        Ok(records)
    }

    /// Some of its messages were forgotten, and their words go with them.
    pub(super) fn shrunk(self, db: &Connection, seal: &Seal) -> Result<(), StoreError> {
        let was_full = db.prepare_cached("DELETE FROM words WHERE block = ?1")?.execute([self.0])? == 1;
        if was_full { self.index(db, seal) } else { Ok(()) }
    }

    fn index(self, db: &Connection, seal: &Seal) -> Result<(), StoreError> {
        let records = self.records(db, seal)?;
        if records.is_empty() {
            return Ok(());
        }
        let mut entries: Vec<([u8; FINGERPRINT], u8)> = Vec::new();
        for (position, record) in &records {
            // A place is the remainder of a position, so it fits.
            let place = u8::try_from(position.0 % BLOCK).map_err(|_| StoreError::Unreadable)?;
            entries.extend(Words::of(&record.text).entries().map(|entry| (fingerprint(entry), place)));
        }
        entries.sort_unstable();
        entries.dedup();
        let fingerprints = entries.iter().flat_map(|(fingerprint, _)| *fingerprint);
        let index: Zeroizing<Vec<u8>> =
            Zeroizing::new(fingerprints.chain(entries.iter().map(|(_, place)| *place)).collect());
        let sealed = seal.seal(&self.row(seal)?, &index)?;
        db.prepare_cached("INSERT OR REPLACE INTO words VALUES (?1, ?2)")?.execute(params![self.0, sealed])?;
        Ok(())
    }
}

/// The places of the messages in a block that hold everything asked for, in ascending order.
fn places(index: &[u8], asked: &[[u8; FINGERPRINT]]) -> Vec<u8> {
    let (fingerprints, places) = index.split_at(index.len() / (FINGERPRINT + 1) * FINGERPRINT);
    let mut hits = [0_usize; BLOCK as usize];
    for (fingerprint, place) in fingerprints.chunks_exact(FINGERPRINT).zip(places) {
        if asked.iter().any(|asked| asked == fingerprint) {
            hits[usize::from(*place)] += 1;
        }
    }
    (0..=u8::MAX).zip(hits).filter(|(_, hits)| *hits == asked.len()).map(|(place, _)| place).collect()
}

fn fingerprint([first, second]: [&str; 2]) -> [u8; FINGERPRINT] {
    let mut hash = Sha256::new();
    hash.update(first);
    hash.update([0]);
    hash.update(second);
    let hash: [u8; 32] = hash.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}
