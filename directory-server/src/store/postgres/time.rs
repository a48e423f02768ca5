//! What runs have seen of the time, and what has ended by it: locks and invitations (threat L15).

use common::settled::SettledTime;
use directory_core::records::RunBegun;
use directory_core::timestamp::Timestamp;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{number, params, parse, written};
use super::schema;
use crate::store::bounds::STRANGERS;

/// A run begins. Whoever sets the clock while the directory is down ends no lock: those that were not seen to end begin
/// anew. A passcode that was replaced while the clock was ahead counts as replaced now, not in a year; a clock
/// that is behind what has surely passed says nothing of that.
pub(super) async fn begin_run(lane: &Lane, now: Timestamp) -> PgResult<RunBegun> {
    for sql in [
        "UPDATE budgets SET locked_from = $1 WHERE locked_for > 0",
        "UPDATE stranger_budgets SET locked_from = $1 WHERE locked_for > 0",
    ] {
        lane.run(sql, params![number(now.seconds())]).await?;
    }
    let settled = settled(lane).await?;
    if settled.at_least(now.seconds()) == now.seconds() {
        let sql = "UPDATE former_passcodes SET changed_at = $1 WHERE changed_at > $1";
        lane.run(sql, params![number(now.seconds())]).await?;
    }
    Ok(RunBegun { settled, generation: schema::generation(lane).await? })
}

/// What was kept last.
pub(super) async fn settled(lane: &Lane) -> PgResult<SettledTime> {
    let value: Option<String> = lane.one("SELECT observed_time FROM directory", params![]).await?.get(0)?;
    value.map_or_else(|| Ok(SettledTime::default()), |value| parse(&value))
}

/// Keeps what was seen; for handles of groups whose last terminals have gone their time begins. A lock that has ended leaves what it leaves when the next attempt finds it so: fresh tries.
pub(super) async fn keep(lane: &Lane, time: &SettledTime, now: Timestamp) -> PgResult<()> {
    let value = written(time)?;
    lane.run("UPDATE directory SET observed_time = $1", params![value]).await?;
    for sql in [
        "UPDATE budgets SET used = 0, locked_from = 0, locked_for = 0
         WHERE locked_for > 0 AND locked_from + locked_for <= $1",
        "UPDATE stranger_budgets SET used = 0, locked_from = 0, locked_for = 0
         WHERE locked_for > 0 AND locked_from + locked_for <= $1",
    ] {
        lane.run(sql, params![number(now.seconds())]).await?;
    }
    lane.run("DELETE FROM invites WHERE expires <= $1", params![number(time.surely_past(now.seconds()))]).await?;
    let deserted = "UPDATE rooms AS m SET given_up_at = $1 WHERE m.handle IS NOT NULL AND m.given_up_at IS NULL
                        AND NOT EXISTS (SELECT 1 FROM roster AS r WHERE r.room = m.room)";
    lane.run(deserted, params![number(time.at_least(now.seconds()))]).await?;
    // More would let a stranger fill the disk.
    lane.run(
        "DELETE FROM stranger_budgets WHERE userid IN
             (SELECT userid FROM stranger_budgets ORDER BY touched DESC, userid OFFSET $1)",
        params![STRANGERS],
    )
    .await?;
    Ok(())
}
