//! A database copied while it is in use, and a copy that becomes a database again.
//!
//! A copy is a database of its own, taken from one moment; it says which secrets it depends on, but does not hold them
//! (decision D11).

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::error::SqlResult;
use super::{delivery, schema};
use crate::store::bounds::NUMBERS_LEFT_OUT;
use directory_core::store::StoreError;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) users: u64,
    pub(crate) rooms: u64,
    pub(crate) bytes: u64,
}

/// Copies the database at `from`, which may be in use, into the new file `to`, and checks the copy. `secrets` is the
/// digest of what it depends on.
pub(crate) fn copy(from: &Path, to: &Path, secrets: [u8; 32]) -> SqlResult<Copied> {
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.busy_timeout(std::time::Duration::from_secs(30))?;
    source.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    let copy = Connection::open(to)?;
    copy.execute_batch("CREATE TABLE backup (secrets BLOB NOT NULL) STRICT")?;
    copy.execute("INSERT INTO backup (secrets) VALUES (?1)", [secrets])?;
    checked(&copy)
}

/// The digest of the secrets that the copy at `path` depends on, and what it holds.
pub(crate) fn inspect(path: &Path) -> SqlResult<(Vec<u8>, Copied)> {
    let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let secrets = copy.query_row("SELECT secrets FROM backup", [], |row| row.get(0)).optional();
    let secrets = secrets.ok().flatten().ok_or_else(|| StoreError::Failed("it is no backup".into()))?;
    Ok((secrets, checked(&copy)?))
}

/// Makes a copy a database that a directory can go on with.
pub(crate) fn revive(path: &Path) -> SqlResult<()> {
    let mut database = Connection::open(path)?;
    schema::migrate(&mut database)?;
    rename(&database)?;
    database.execute_batch("DROP TABLE backup")?;
    Ok(())
}

/// Has a database go on from an older state under another name.
pub(super) fn rename(database: &Connection) -> SqlResult<()> {
    database.execute("UPDATE mail_numbers SET last = last + ?1", [NUMBERS_LEFT_OUT])?;
    // Terminals learn by another name that what they remember is newer. Key packages were given out since; those of last
    // resort still serve.
    database.execute_batch("UPDATE generation SET name = randomblob(16); DELETE FROM key_packages")?;
    Ok(())
}

fn checked(copy: &Connection) -> SqlResult<Copied> {
    let mut wrong = schema::check(copy)?;
    if wrong.is_empty() {
        wrong = delivery::check(copy)?;
    }
    if !wrong.is_empty() {
        return Err(StoreError::Failed(wrong.join("; ")).into());
    }
    let count = |sql| copy.query_row(sql, [], |row| row.get(0));
    Ok(Copied {
        users: count("SELECT count(*) FROM users")?,
        rooms: count("SELECT count(*) FROM rooms")?,
        bytes: schema::size(copy)?,
    })
}
