//! The event log: what has happened, for programs that read it later and say how far they have come.
//!
//! An event is written in the transaction of what it tells about, so that none is lost when the process is killed. Its
//! number is never used twice. Content is sealed; numbers, times and cursors' names lie open in the user's own folder.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::StoreError;
use super::sealed::Seal;
use super::state::State;
use peer_core::notice::Event;

/// Events that are kept; the oldest go.
const EVENTS: u64 = 10_000;

/// A page of the log.
pub(crate) struct Page {
    /// Oldest first.
    pub(crate) events: Vec<Event>,
    /// Number of events behind the place asked for that are gone.
    pub(crate) lost: u64,
    /// The newest of all events; 0 if there never was one.
    pub(crate) last: u64,
}

impl State {
    /// Events behind `after`. Needs [`State::unlock`].
    pub(crate) fn events(&self, after: u64, count: usize) -> Result<Page, StoreError> {
        let seal = self.seal()?;
        let last = last(&self.db)?;
        let mut query =
            self.db.prepare_cached("SELECT seq, value FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = query.query(params![signed(after), i64::try_from(count).unwrap_or(i64::MAX)])?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)?.unsigned_abs();
            let value = seal.open(&name(seal, seq)?, row.get_ref(1)?.as_blob()?)?;
            let (at, content) = value.split_first_chunk::<8>().ok_or(StoreError::Unreadable)?;
            let content = String::from_utf8(content.to_vec()).map_err(|_| StoreError::Unreadable)?;
            events.push(Event { seq, at: u64::from_be_bytes(*at), content });
        }
        let next = events.first().map_or(last + 1, |event| event.seq);
        Ok(Page { events, lost: next.saturating_sub(after + 1), last })
    }

    /// The newest of all events; 0 if there never was one.
    pub(crate) fn last_event(&self) -> Result<u64, StoreError> {
        last(&self.db)
    }

    /// Keeps how far the reader of this name has come.
    pub(crate) fn set_cursor(&self, name: &str, seq: u64) -> Result<(), StoreError> {
        self.sync_commits(true)?;
        let mut set = self.db.prepare_cached("INSERT OR REPLACE INTO cursors VALUES (?1, ?2)")?;
        Ok(set.execute(params![name, signed(seq)]).map(drop)?)
    }

    /// How far the reader of this name had come.
    pub(crate) fn cursor(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let mut get = self.db.prepare_cached("SELECT seq FROM cursors WHERE name = ?1")?;
        let known = get.query_row([name], |row| row.get::<_, i64>(0)).optional()?;
        Ok(known.map(i64::unsigned_abs))
    }
}

/// Writes events at the end; the transaction is the caller's.
pub(super) fn append(db: &Connection, seal: &Seal, at: u64, news: Vec<String>) -> Result<Vec<Event>, StoreError> {
    if news.is_empty() {
        return Ok(Vec::new());
    }
    let mut seq = last(db)?;
    let mut events = Vec::new();
    for content in news {
        seq += 1;
        let sealed = seal.seal(&name(seal, seq)?, &[&at.to_be_bytes()[..], content.as_bytes()].concat())?;
        db.prepare_cached("INSERT INTO journal VALUES (?1, ?2)")?.execute(params![signed(seq), sealed])?;
        events.push(Event { seq, at, content });
    }
    db.prepare_cached("DELETE FROM journal WHERE seq <= ?1")?.execute([signed(seq.saturating_sub(EVENTS))])?;
    Ok(events)
}

/// The number of the newest event, even of one that is gone.
fn last(db: &Connection) -> Result<u64, StoreError> {
    let mut query = db.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'journal'")?;
    Ok(query.query_row([], |row| row.get::<_, i64>(0)).optional()?.map_or(0, i64::unsigned_abs))
}

fn name(seal: &Seal, seq: u64) -> Result<Vec<u8>, StoreError> {
    seal.row("event", &seq.to_be_bytes())
}

fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
