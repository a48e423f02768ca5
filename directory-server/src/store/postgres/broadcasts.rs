//! The log of broadcasts: appended to, never changed; the oldest go. They are rare, and numbered one behind the other.

use common::ident::MessageId;
use common::limits::{BROADCASTS_KEPT, BROADCASTS_OF_USER};
use common::msg::{Blob, Broadcast};
use directory_core::records::LoggedBroadcast;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{Row, count, number, params, written};

/// Appends one, unless its sender has sent one with this id.
pub(super) async fn append(lane: &Lane, broadcast: &Broadcast) -> PgResult<LoggedBroadcast> {
    let Broadcast { taken, sender, id, message, date, signature, .. } = broadcast;
    let (user, id) = (sender.userid.as_str(), &id.as_bytes()[..]);
    let last = "SELECT value FROM counters WHERE name = 'broadcasts' FOR UPDATE";
    let place = lane.one(last, params![]).await?.number(0)? + 1;
    let before = "SELECT number FROM broadcasts WHERE userid = $1 AND id = $2";
    if let Some(row) = lane.maybe(before, params![user, id]).await? {
        return Ok(LoggedBroadcast::Before(row.number(0)?));
    }
    lane.run("UPDATE counters SET value = $1 WHERE name = 'broadcasts'", params![number(place)]).await?;
    let (taken, date, certificate) = (number(*taken), date.cast_signed(), written(sender)?);
    lane.run(
        "INSERT INTO broadcasts (number, taken, userid, sender, id, message, date, signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![number(place), taken, user, certificate, id, message, date, signature.0],
    )
    .await?;
    // The oldest go: of all, and of this user.
    let of_all = "DELETE FROM broadcasts WHERE number <= $1";
    lane.run(of_all, params![number(place) - i64::from(BROADCASTS_KEPT)]).await?;
    let of_user = "DELETE FROM broadcasts WHERE userid = $1 AND number <=
                       (SELECT number FROM broadcasts WHERE userid = $1 ORDER BY number DESC LIMIT 1 OFFSET $2)";
    lane.run(of_user, params![user, i64::from(BROADCASTS_OF_USER)]).await?;
    Ok(LoggedBroadcast::Now(place))
}

/// The newest before a number, newest first.
pub(super) async fn read(lane: &Lane, before: Option<u64>, limit: usize) -> PgResult<Vec<Broadcast>> {
    let before = before.map_or(i64::MAX, number);
    let rows = lane
        .rows(
            "SELECT number, taken, sender, id, message, date, signature FROM broadcasts
             WHERE number < $1 ORDER BY number DESC LIMIT $2",
            params![before, count(limit)],
        )
        .await?;
    rows.iter().map(broadcast).collect()
}

fn broadcast(row: &Row) -> PgResult<Broadcast> {
    Ok(Broadcast {
        number: row.number(0)?,
        taken: row.number(1)?,
        sender: row.json(2)?,
        id: MessageId(row.bytes(3)?),
        message: row.get(4)?,
        date: row.get::<i64>(5)?.cast_unsigned(),
        signature: Blob(row.get(6)?),
    })
}
