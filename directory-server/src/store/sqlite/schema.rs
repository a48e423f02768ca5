//! The schema and what keeps it up to date. Migrations are only ever appended.

use rusqlite::Connection;

use super::error::SqlResult;
use directory_core::records::Totals;
use directory_core::store::StoreError;

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/0001_users.sql"),
    include_str!("../../../migrations/0002_mail.sql"),
    include_str!("../../../migrations/0003_passcodes_broadcasts.sql"),
    include_str!("../../../migrations/0004_mail_items.sql"),
    include_str!("../../../migrations/0005_time.sql"),
    include_str!("../../../migrations/0006_mail_shares.sql"),
    include_str!("../../../migrations/0007_accounts.sql"),
    include_str!("../../../migrations/0008_withdrawn.sql"),
    include_str!("../../../migrations/0009_authority.sql"),
    include_str!("../../../migrations/0010_successors.sql"),
    include_str!("../../../migrations/0011_bounds.sql"),
    include_str!("../../../migrations/0012_rooms_broadcasts.sql"),
];

/// Applies the migrations this database has not seen.
pub(super) fn migrate(connection: &mut Connection) -> SqlResult<()> {
    let seen: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if seen > MIGRATIONS.len() {
        let newer = "it was written by a newer version of directory-server; install that version";
        return Err(StoreError::Failed(newer.into()).into());
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(seen) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Takes the place of a transaction whose end could not be made durable. Where only the last sync has failed the log has
/// all of it, and whoever opens the store after a kill would find what was never promised. Best effort: a disk that keeps
/// nothing does not keep this either.
pub(super) fn bury(connection: &Connection) {
    let Ok(version) = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)) else { return };
    // Written although it does not change.
    let _ = connection.pragma_update(None, "user_version", version);
}

/// Bytes of the database, without its journal.
pub(super) fn size(connection: &Connection) -> SqlResult<u64> {
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page_size: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(pages * page_size)
}

/// What there is, all together.
pub(super) fn totals(connection: &Connection) -> SqlResult<Totals> {
    let sql = "SELECT (SELECT count(*) FROM users), (SELECT count(lock_reason) FROM users),
                      (SELECT count(*) FROM mailbox), (SELECT coalesce(sum(bytes), 0) FROM mailbox_states)";
    let bytes = size(connection)?;
    let totals = connection.query_row(sql, [], |row| {
        let (users, locked, waiting, waiting_bytes) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Totals { users, locked, waiting, waiting_bytes, bytes })
    })?;
    Ok(totals)
}

/// What is wrong with the database.
pub(super) fn check(connection: &Connection) -> SqlResult<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_that_waited_before_the_mailboxes_changed_still_waits() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        for migration in &MIGRATIONS[..3] {
            connection.execute_batch(migration).unwrap();
        }
        connection.pragma_update(None, "user_version", 3).unwrap();
        connection
            .execute_batch(
                "INSERT INTO users (id, registered_at) VALUES ('ali', 1), ('bianca', 1);
                 INSERT INTO terminals (user, terminal, cookie, last_seen) VALUES
                     ('ali', x'01', x'', 1), ('bianca', x'02', x'', 1), ('bianca', x'03', x'', 1);
                 INSERT INTO mail (item, room, epoch, from_user, from_terminal, kind, date, body) VALUES
                     (4, x'07', 0, 'ali', x'01', 0, 9, x'0102'), (5, x'07', 0, 'ali', x'01', 0, 9, x'03'),
                     (9, x'07', 0, 'ali', x'01', 1, 9, x'040506');
                 INSERT INTO mailbox (user, terminal, item) VALUES
                     ('bianca', x'02', 4), ('bianca', x'03', 4), ('bianca', x'03', 5), ('bianca', x'03', 9);
                 INSERT INTO mailbox_states (user, terminal, bytes) VALUES ('bianca', x'02', 2), ('bianca', x'03', 6);
                 INSERT INTO mailbox_senders VALUES ('bianca', x'02', 'ali', 1), ('bianca', x'03', 'ali', 2);
                 DELETE FROM mailbox WHERE item = 9; UPDATE mailbox_states SET bytes = 3 WHERE terminal = x'03';",
            )
            .unwrap();
        migrate(&mut connection).unwrap();
        let bodies = |connection: &Connection| -> i64 {
            connection.query_row("SELECT count(*) FROM mail", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(super::super::delivery::check(&connection).unwrap(), Vec::<String>::new());
        assert_eq!(bodies(&connection), 2);
        let next: i64 = connection.query_row("SELECT last FROM mail_numbers", [], |row| row.get(0)).unwrap();
        assert_eq!(next, 9, "no number is given out again");
        // What several have stays until the last of them is gone.
        connection.execute("DELETE FROM terminals WHERE terminal = x'03'", []).unwrap();
        assert_eq!(bodies(&connection), 1);
        connection.execute("DELETE FROM users WHERE id = 'bianca'", []).unwrap();
        assert_eq!(bodies(&connection), 0);
    }

    #[test]
    fn migrations_run_once_and_a_newer_database_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
        assert!(matches!(migrate(&mut connection).map_err(StoreError::from), Err(StoreError::Failed(_))));
    }
}
