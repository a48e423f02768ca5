//! What runs have seen of the time, and what has ended by it: locks and invitations (threat L15).

use common::ident::DirectoryGeneration;
use common::settled::SettledTime;
use directory_core::records::RunBegun;
use directory_core::store::StoreError;
use directory_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::error::SqlResult;

/// A run begins. Whoever sets the clock while the directory is down ends no lock: those that were not seen to end begin
/// anew. A passcode that was replaced while the clock was ahead counts as replaced now, not in a year; a clock
/// that is behind what has surely passed says nothing of that.
pub(super) fn begin_run(connection: &Connection, now: Timestamp) -> SqlResult<RunBegun> {
    for sql in [
        "UPDATE budgets SET locked_from = ?1 WHERE locked_for > 0",
        "UPDATE stranger_budgets SET locked_from = ?1 WHERE locked_for > 0",
    ] {
        connection.execute(sql, [now.seconds()])?;
    }
    let settled = settled(connection)?;
    if settled.at_least(now.seconds()) == now.seconds() {
        let sql = "UPDATE former_passcodes SET changed_at = ?1 WHERE changed_at > ?1";
        connection.execute(sql, [now.seconds()])?;
    }
    let generation =
        connection.query_row("SELECT name FROM generation", [], |row| row.get(0).map(DirectoryGeneration))?;
    Ok(RunBegun { settled, generation })
}

/// What was kept last.
pub(super) fn settled(connection: &Connection) -> SqlResult<SettledTime> {
    let mut statement = connection.prepare_cached("SELECT value FROM observed_time")?;
    let value: Option<String> = statement.query_row([], |row| row.get(0)).optional()?;
    Ok(match value {
        Some(value) => serde_json::from_str(&value).map_err(|error| StoreError::Failed(error.to_string()))?,
        None => SettledTime::default(),
    })
}

/// Keeps what was seen; for handles of groups whose last terminals have gone their time begins. A lock that has ended leaves what it leaves when the next attempt finds it so: fresh tries.
pub(super) fn keep(connection: &Connection, time: &SettledTime, now: Timestamp) -> SqlResult<()> {
    let value = serde_json::to_string(time).map_err(|error| StoreError::Failed(error.to_string()))?;
    connection.prepare_cached("INSERT OR REPLACE INTO observed_time (one, value) VALUES (1, ?1)")?.execute([value])?;
    for sql in [
        "UPDATE budgets SET used = 0, locked_from = 0, locked_for = 0
         WHERE locked_for > 0 AND locked_from + locked_for <= ?1",
        "UPDATE stranger_budgets SET used = 0, locked_from = 0, locked_for = 0
         WHERE locked_for > 0 AND locked_from + locked_for <= ?1",
    ] {
        connection.prepare_cached(sql)?.execute([now.seconds()])?;
    }
    connection.prepare_cached("DELETE FROM invites WHERE expires <= ?1")?.execute([time.surely_past(now.seconds())])?;
    let deserted = "UPDATE rooms SET given_up_at = ?1 WHERE handle IS NOT NULL AND given_up_at IS NULL
                        AND NOT EXISTS (SELECT 1 FROM roster WHERE roster.room = rooms.room)";
    connection.prepare_cached(deserted)?.execute([time.at_least(now.seconds())])?;
    Ok(())
}
