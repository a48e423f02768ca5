//! Values whose keys are numbers that only grow: letters under way, and ids of letters that have arrived.
//!
//! They come one after another and go nearly in that order, so each of their tables is changed in few places. What finds
//! a value is its number, which tells nothing; it is associated data of the seal.

use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use super::StoreError;
use super::sealed::{Entry, Seal, parted};
use peer_core::persistence::Table;

/// Where a value stands.
pub(super) struct Place {
    kind: Table,
    number: i64,
}

/// How the values of a kind are read, kept and forgotten.
struct Statements {
    load: &'static str,
    put: &'static str,
    delete: &'static str,
}

const OUTBOX: Statements = Statements {
    load: "SELECT number, value FROM outbox",
    put: "INSERT OR REPLACE INTO outbox VALUES (?1, ?2)",
    delete: "DELETE FROM outbox WHERE number = ?1",
};
const SEEN: Statements = Statements {
    load: "SELECT number, value FROM seen",
    put: "INSERT OR REPLACE INTO seen VALUES (?1, ?2)",
    delete: "DELETE FROM seen WHERE number = ?1",
};

fn statements(kind: Table) -> Option<Statements> {
    match kind {
        Table::Outbox => Some(OUTBOX),
        Table::Seen => Some(SEEN),
        Table::Mls | Table::Group | Table::Counter | Table::File | Table::Early => None,
    }
}

/// Where the value of a key stands, if its kind is numbered and its key is a number.
pub(super) fn place(kind: Table, key: &[u8]) -> Result<Option<Place>, StoreError> {
    match (statements(kind), key.try_into().map(u64::from_be_bytes)) {
        (Some(_), Ok(number)) => {
            let number = i64::try_from(number).map_err(|_| StoreError::Unreadable)?;
            Ok(Some(Place { kind, number }))
        }
        _ => Ok(None),
    }
}

impl Place {
    /// Keeps a value here; the transaction is the caller's.
    pub(super) fn put(&self, db: &Connection, seal: &Seal, value: &[u8]) -> Result<(), StoreError> {
        let Some(statements) = statements(self.kind) else { return Ok(()) };
        let sealed = seal.seal(&self.name(), value)?;
        db.prepare_cached(statements.put)?.execute(params![self.number, sealed])?;
        Ok(())
    }

    /// Forgets what stands here; the transaction is the caller's.
    pub(super) fn delete(&self, db: &Connection) -> Result<(), StoreError> {
        let Some(statements) = statements(self.kind) else { return Ok(()) };
        db.prepare_cached(statements.delete)?.execute([self.number])?;
        Ok(())
    }

    /// What its value is sealed under; no other row is named so.
    fn name(&self) -> Vec<u8> {
        [self.kind.name().as_bytes(), &self.number.to_be_bytes()].concat()
    }
}

/// All values of a kind that is numbered, with their keys.
pub(super) fn load(db: &Connection, seal: &Seal, kind: Table) -> Result<Vec<Entry>, StoreError> {
    let Some(statements) = statements(kind) else { return Ok(Vec::new()) };
    let mut query = db.prepare(statements.load)?;
    let mut rows = query.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let place = Place { kind, number: row.get(0)? };
        let value = seal.open(&place.name(), row.get_ref(1)?.as_blob()?)?;
        entries.push((place.number.to_be_bytes().to_vec(), value));
    }
    Ok(entries)
}

/// Moves here what a version before has kept among the values that are found by name, all of it or nothing.
pub(super) fn adopt(db: &mut Connection, seal: &Seal) -> Result<(), StoreError> {
    let change = db.transaction()?;
    for kind in [Table::Outbox, Table::Seen] {
        for (row, place, value) in former(&change, seal, kind)? {
            place.put(&change, seal, &value)?;
            change.prepare_cached("DELETE FROM sealed WHERE row = ?1")?.execute([row])?;
        }
    }
    Ok(change.commit()?)
}

type Former = (Vec<u8>, Place, Zeroizing<Vec<u8>>);

fn former(db: &Connection, seal: &Seal, kind: Table) -> Result<Vec<Former>, StoreError> {
    let mut query = db.prepare("SELECT row, value FROM sealed WHERE kind = ?1")?;
    let mut rows = query.query([kind.name()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: Vec<u8> = row.get(0)?;
        let opened = seal.open(&name, row.get_ref(1)?.as_blob()?)?;
        let (key, value) = parted(&opened).ok_or(StoreError::Unreadable)?;
        if let Some(place) = place(kind, key)? {
            found.push((name, place, Zeroizing::new(value.to_vec())));
        }
    }
    Ok(found)
}
