//! The floor of what is kept: SQLite alone, with one row of a text's size for each text, which survives the end of the
//! program.

use rusqlite::{Connection, params};

use crate::Outcome;

/// Bytes of a text with all that is kept of it.
const ROW: usize = 300;

/// A database of its own, which is thrown away.
pub(crate) struct BareStore {
    db: Connection,
    row: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl BareStore {
    pub(crate) fn open() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let db = Connection::open(folder.path().join("bare.db"))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch("CREATE TABLE texts (number INTEGER PRIMARY KEY, value BLOB NOT NULL)")?;
        Ok(Self { db, row: vec![b'x'; ROW], _folder: folder })
    }

    /// One commit of so many rows.
    pub(crate) fn keep(&mut self, rows: usize) -> Outcome<()> {
        let transaction = self.db.transaction()?;
        for _ in 0..rows {
            transaction.prepare_cached("INSERT INTO texts (value) VALUES (?1)")?.execute(params![self.row])?;
        }
        Ok(transaction.commit()?)
    }
}
