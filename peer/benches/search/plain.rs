//! The floor: the same texts in the clear, in SQLite's full-text index.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::Outcome;

/// A database of texts.
pub(crate) struct Plain(Connection);

impl Plain {
    /// As durable as a peer's store.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.execute_batch("CREATE VIRTUAL TABLE messages USING fts5(text)")?;
        Ok(Self(db))
    }

    /// Keeps messages in one durable step.
    pub(crate) fn keep<'a>(&mut self, messages: impl IntoIterator<Item = (u64, &'a str)>) -> Outcome<()> {
        let step = self.0.transaction()?;
        for (_, text) in messages {
            step.prepare_cached("INSERT INTO messages (text) VALUES (?1)")?.execute([text])?;
        }
        Ok(step.commit()?)
    }

    /// The newest messages that hold all of these words.
    pub(crate) fn find(&self, words: &str, limit: usize) -> Outcome<Vec<String>> {
        let mut query =
            self.0.prepare_cached("SELECT text FROM messages WHERE text MATCH ?1 ORDER BY rowid DESC LIMIT ?2")?;
        let found = query.query_map(params![words, i64::try_from(limit)?], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}
