//! The tables of a user's store and how they came to be.

use rusqlite::Connection;

use super::StoreError;

/// Append-only: a released step is never changed, only followed.
pub(super) const MIGRATIONS: &[&str] = &[
    // 1: what login needs, in the clear (a cookie opens nothing by itself), and sealed rows.
    "CREATE TABLE plain (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
     CREATE TABLE sealed (row BLOB PRIMARY KEY, kind TEXT NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;",
    // 2: the history and the words in it; both sealed. Positions are never used again, so that an index cannot point to
    // another message than it was made for.
    "CREATE INDEX sealed_kind ON sealed (kind);
     CREATE TABLE history (
         position INTEGER PRIMARY KEY AUTOINCREMENT,
         row BLOB NOT NULL UNIQUE,
         conversation BLOB NOT NULL,
         unread INTEGER NOT NULL,
         value BLOB NOT NULL
     );
     CREATE INDEX history_conversation ON history (conversation, position);
     CREATE INDEX history_unread ON history (conversation, position) WHERE unread;
     CREATE TABLE words (block INTEGER PRIMARY KEY, value BLOB NOT NULL);",
    // 3: events for programs that read them later, sealed, and how far each of them has come.
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, value BLOB NOT NULL);
     CREATE TABLE cursors (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;",
    // 4: what comes one after another lies one after another, so that a text changes few pages: letters by their numbers,
    // messages by their positions, how far they have come beside them. What finds messages otherwise is kept up in
    // strides (`tail`); of a message's name the first bytes are enough.
    "CREATE TABLE outbox (number INTEGER PRIMARY KEY, value BLOB NOT NULL);
     CREATE TABLE seen (number INTEGER PRIMARY KEY, value BLOB NOT NULL);
     CREATE TABLE conversations (number INTEGER PRIMARY KEY, row BLOB NOT NULL UNIQUE);
     CREATE TABLE messages (
         position INTEGER PRIMARY KEY,
         row BLOB NOT NULL,
         conversation INTEGER NOT NULL,
         unread INTEGER NOT NULL,
         value BLOB NOT NULL
     );
     CREATE TABLE marks (position INTEGER PRIMARY KEY, value BLOB NOT NULL);
     CREATE TABLE names (name BLOB, position INTEGER, PRIMARY KEY (name, position)) WITHOUT ROWID;
     CREATE TABLE places (conversation INTEGER, position INTEGER, PRIMARY KEY (conversation, position)) WITHOUT ROWID;
     CREATE TABLE tail (first INTEGER NOT NULL, next INTEGER NOT NULL);
     INSERT INTO conversations (row) SELECT DISTINCT conversation FROM history;
     INSERT INTO messages
         SELECT history.position, history.row, conversations.number, history.unread, history.value
         FROM history CROSS JOIN conversations ON conversations.row = history.conversation
         ORDER BY history.position;
     CREATE INDEX messages_unread ON messages (conversation, position) WHERE unread;
     INSERT INTO names SELECT substr(row, 1, 8), position FROM messages ORDER BY 1, 2;
     INSERT INTO places SELECT conversation, position FROM messages ORDER BY 1, 2;
     INSERT INTO tail SELECT next, next FROM (
         SELECT coalesce(max(seq), 0) + 1 AS next FROM sqlite_sequence WHERE name = 'history'
     );
     DROP TABLE history;",
];

/// Makes an open database durable, forgetful and up to date.
pub(super) fn prepare(db: &mut Connection) -> Result<(), StoreError> {
    // One process at a time has it open in any case: no locks are taken for each step, and nothing is shared with others.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // Used ratchet keys and forgotten messages must not stay behind in free pages (decision D16).
    db.pragma_update(None, "secure_delete", "ON")?;
    let done: usize = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (step, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let change = db.transaction()?;
        change.execute_batch(migration)?;
        change.pragma_update(None, "user_version", step + 1)?;
        change.commit()?;
    }
    Ok(())
}

/// Whether each commit is synced from now on; otherwise it is written, and the log must be synced.
pub(super) fn sync_commits(db: &Connection, synced: bool) -> Result<(), StoreError> {
    // Takes effect when it is compiled, so that a statement kept from before would do nothing.
    Ok(db.pragma_update(None, "synchronous", if synced { "FULL" } else { "NORMAL" })?)
}

/// Takes the place of a transaction whose end could not be made durable. Where only the last sync has failed the log has
/// all of it, and whoever opens the store after a kill would find what was said not to be kept. Best effort: a disk that
/// keeps nothing does not keep this either.
pub(super) fn bury(db: &Connection) {
    let Ok(version) = db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)) else { return };
    // Written although it does not change.
    let _ = db.pragma_update(None, "user_version", version);
}

/// Whether anything is sealed.
pub(super) fn has_sealed(db: &Connection) -> Result<bool, StoreError> {
    let any =
        "SELECT EXISTS (SELECT 1 FROM sealed) OR EXISTS (SELECT 1 FROM messages) OR EXISTS (SELECT 1 FROM journal)
               OR EXISTS (SELECT 1 FROM outbox) OR EXISTS (SELECT 1 FROM seen)";
    Ok(db.query_row(any, [], |row| row.get(0))?)
}

/// Forgets everything sealed; positions of messages are not used again.
pub(super) fn forget_sealed(db: &Connection) -> Result<(), StoreError> {
    Ok(db.execute_batch(
        "UPDATE tail SET next = max(next, (SELECT coalesce(max(position), 0) + 1 FROM messages));
         UPDATE tail SET first = next;
         DELETE FROM sealed; DELETE FROM outbox; DELETE FROM seen; DELETE FROM journal;
         DELETE FROM messages; DELETE FROM marks; DELETE FROM conversations;
         DELETE FROM names; DELETE FROM places; DELETE FROM words;",
    )?)
}
