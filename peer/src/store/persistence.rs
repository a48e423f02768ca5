//! Makes what the core writes durable: one list of writes, one transaction (threats G5, T6); reads it back at the
//! start.

use std::path::PathBuf;

use common::crypto::random;
use common::ident::TerminalId;
use rusqlite::{Connection, params};
use zeroize::Zeroizing;

use super::sealed::{Entry, Seal, parted};
use super::state::{CERTIFICATE, State, TERMINAL, TERMINAL_SEED};
use super::tail::Tail;
use super::{StoreError, contacts, event_log, history, numbered, schema};
use peer_core::event::Durability;
use peer_core::notice::Event;
use peer_core::persistence::{Table, Write};

impl State {
    /// Makes all of `writes` durable, in their order, or none of them. Needs [`State::unlock`].
    ///
    /// # Errors
    /// Everything is as it was before, and may be tried again.
    #[cfg(any(test, feature = "testkit"))]
    pub(crate) fn persist(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        self.persist_with_events(writes, (0, Vec::new()), Durability::Synced).map(drop)
    }

    /// Makes all of `writes` durable, in their order, or none of them, together with events that tell of it later, which
    /// happened at `at` (milliseconds since the epoch). What is only written survives the end of the program; so that it
    /// survives the loss of power, [`State::log`] is synced, or anything else made durable. Needs [`State::unlock`].
    ///
    /// # Errors
    /// Everything is as it was before, and may be tried again.
    pub(crate) fn persist_with_events(
        &mut self,
        writes: &[Write],
        (at, news): (u64, Vec<String>),
        durability: Durability,
    ) -> Result<Vec<Event>, StoreError> {
        self.sync_commits(durability == Durability::Synced)?;
        let (db, seal, tail) = self.unlocked()?;
        let persisted = persist(db, (seal, tail), writes, (at, news));
        if persisted.is_err() {
            *tail = None;
        }
        persisted
    }

    /// The file to which commits are written.
    pub(crate) fn log(&self) -> PathBuf {
        let path = self.db.path().unwrap_or_default();
        PathBuf::from(format!("{path}-wal"))
    }

    /// Moves everything from the log to where it belongs, because it may not be what was written.
    pub(crate) fn write_log_again(&self) -> Result<(), StoreError> {
        Ok(self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }

    /// Becomes another terminal, together with `writes`, because this store turned out to be an old copy (threat G5): a
    /// new id at once, key and certificate when they are asked for. Needs [`State::unlock`].
    pub(crate) fn renew_terminal(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        let id = TerminalId(random()?);
        self.sync_commits(true)?;
        let (db, seal, tail) = self.unlocked()?;
        // Whatever becomes of this, it is read again.
        let mut newest = tail.take();
        let transaction = db.transaction()?;
        transaction.execute("INSERT OR REPLACE INTO plain VALUES (?1, ?2)", params![TERMINAL, id.as_bytes()])?;
        transaction.execute("DELETE FROM sealed WHERE kind IN (?1, ?2)", [TERMINAL_SEED, CERTIFICATE])?;
        apply(&transaction, (seal, &mut newest), writes)?;
        Ok(transaction.commit()?)
    }

    /// All values of a kind, in the order of their keys. What cannot be read is an error, unless it is only what was said of
    /// texts that are not here: that is left out, and nobody is kept from a login by it. Needs [`State::unlock`].
    pub(crate) fn load(&self, kind: Table) -> Result<Vec<Entry>, StoreError> {
        let seal = self.seal()?;
        let mut query = self.db.prepare("SELECT row, value FROM sealed WHERE kind = ?1")?;
        let mut rows = query.query([kind.name()])?;
        let mut entries = Vec::new();
        while let Some(found) = rows.next()? {
            match entry(seal, found.get_ref(0)?.as_blob()?, found.get_ref(1)?.as_blob()?) {
                Ok(entry) => entries.push(entry),
                Err(StoreError::Unreadable) if kind == Table::Early => {}
                Err(error) => return Err(error),
            }
        }
        entries.extend(numbered::load(&self.db, self.seal()?, kind)?);
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(entries)
    }
}

fn persist(
    db: &mut Connection,
    (seal, tail): (&Seal, &mut Option<Tail>),
    writes: &[Write],
    (at, news): (u64, Vec<String>),
) -> Result<Vec<Event>, StoreError> {
    let transaction = db.transaction()?;
    apply(&transaction, (seal, tail), writes)?;
    let events = event_log::append(&transaction, seal, at, news)?;
    if let Err(error) = transaction.commit() {
        schema::bury(db);
        return Err(error.into());
    }
    Ok(events)
}

/// Carries out writes; the transaction is the caller's.
fn apply(db: &Connection, (seal, tail): (&Seal, &mut Option<Tail>), writes: &[Write]) -> Result<(), StoreError> {
    for write in writes {
        match write {
            Write::Put { kind, key, value } => match numbered::place(*kind, key)? {
                Some(place) => place.put(db, seal, value)?,
                None => put(db, seal, *kind, key, value)?,
            },
            Write::Delete { kind, key } => match numbered::place(*kind, key)? {
                Some(place) => place.delete(db)?,
                None => delete(db, seal, *kind, key)?,
            },
            Write::Contact(contact) => contacts::put(db, seal, contact)?,
            Write::History(write) => history::apply(db, seal, Tail::loaded(db, tail)?, write)?,
        }
    }
    Ok(())
}

/// Opens a value, with its key.
fn entry(seal: &Seal, row: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
    let sealed = seal.open(row, value)?;
    let (key, value) = parted(&sealed).ok_or(StoreError::Unreadable)?;
    Ok((key.to_vec(), Zeroizing::new(value.to_vec())))
}

fn put(db: &Connection, seal: &Seal, kind: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let row = seal.row(kind.name(), key)?;
    let length = u32::try_from(key.len()).map_err(|_| StoreError::Unreadable)?;
    let entry = Zeroizing::new([&length.to_be_bytes()[..], key, value].concat());
    let sealed = seal.seal(&row, &entry)?;
    db.prepare_cached("INSERT OR REPLACE INTO sealed VALUES (?1, ?2, ?3)")?.execute(params![
        row,
        kind.name(),
        sealed
    ])?;
    Ok(())
}

fn delete(db: &Connection, seal: &Seal, kind: Table, key: &[u8]) -> Result<(), StoreError> {
    let row = seal.row(kind.name(), key)?;
    db.prepare_cached("DELETE FROM sealed WHERE row = ?1")?.execute([row])?;
    Ok(())
}
