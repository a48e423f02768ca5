//! The schema and what keeps it up to date. Migrations are only ever appended.

use rusqlite::Connection;

use crate::core::store::{Answer, StoreError};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_users.sql"),
    include_str!("../../../migrations/0002_mail.sql"),
    include_str!("../../../migrations/0003_passcodes_broadcasts.sql"),
    include_str!("../../../migrations/0004_mail_items.sql"),
];

/// Applies the migrations this database has not seen.
pub(super) fn migrate(connection: &mut Connection) -> Answer<()> {
    let seen: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if seen > MIGRATIONS.len() {
        let newer = "it was written by a newer version of directory-server; install that version";
        return Err(StoreError::Failed(newer.into()));
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(seen) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Bytes of the database, without its journal.
pub(super) fn size(connection: &Connection) -> Answer<u64> {
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page_size: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(pages * page_size)
}

/// What is wrong with the database.
pub(super) fn check(connection: &Connection) -> Answer<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_once_and_a_newer_database_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
        assert!(matches!(migrate(&mut connection), Err(StoreError::Failed(_))));
    }
}
