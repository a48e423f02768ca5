//! Terminals that go, and what is remembered of them.

use common::ident::{RoomId, TerminalId, UserId};
use common::msg::Member;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::params;
use super::{delivery, roster, withdrawn};
use crate::store::bounds::FORMER_CERTIFICATES;

/// All terminals of a user.
pub(super) async fn all(lane: &Lane, user: &UserId) -> PgResult<Vec<TerminalId>> {
    let rows = lane.rows("SELECT terminal FROM terminals WHERE userid = $1", params![user.as_str()]).await?;
    rows.iter().map(|row| row.bytes(0).map(TerminalId)).collect()
}

/// Forgets terminals, whose user is locked, with everything that is theirs. What only they would have got goes with them, and
/// what no other terminal of their user has had or will have is told to those who sent it. Rooms keep them in their trees as
/// ghosts; one that has no other terminals is nobody's.
pub(super) async fn forget(lane: &Lane, user: &UserId, gone: &[TerminalId]) -> PgResult<()> {
    let ids: Vec<&[u8]> = gone.iter().map(|terminal| &terminal.as_bytes()[..]).collect();
    let them = params![user.as_str(), ids];
    let rooms = lane
        .rows(
            "SELECT room FROM rooms WHERE room IN
                 (SELECT room FROM roster WHERE userid = $1 AND terminal = ANY($2)) ORDER BY room FOR UPDATE",
            them,
        )
        .await?;
    let rooms = rooms.iter().map(|row| row.bytes(0).map(RoomId)).collect::<PgResult<Vec<_>>>()?;
    lane.rows(
        "SELECT 1 FROM mailbox_states WHERE userid = $1 AND terminal = ANY($2) ORDER BY terminal FOR UPDATE",
        them,
    )
    .await?;
    for terminal in gone {
        let owner = Member { userid: user.clone(), terminal: *terminal };
        delivery::lock_bodies(lane, &owner, i64::MAX).await?;
        withdrawn::removed(lane, &owner).await?;
        delivery::empty(lane, &owner, i64::MAX).await?;
    }
    let departures = "UPDATE counters SET value = value + 1 WHERE name = 'departures' RETURNING value";
    let departure: i64 = lane.one(departures, params![]).await?.get(0)?;
    lane.run(
        "INSERT INTO ghosts (room, userid, terminal)
         SELECT room, userid, terminal FROM roster WHERE userid = $1 AND terminal = ANY($2)
         ON CONFLICT (room, userid, terminal) DO NOTHING",
        them,
    )
    .await?;
    lane.run(
        "INSERT INTO former_certificates (userid, terminal, certificate, public_key, departure)
         SELECT t.userid, t.terminal, t.certificate, c.public_key, $3
         FROM terminals AS t JOIN credentials AS c ON c.userid = t.userid
         WHERE t.userid = $1 AND t.terminal = ANY($2) AND t.certificate IS NOT NULL
         ON CONFLICT (userid, terminal) DO UPDATE SET certificate = excluded.certificate,
             public_key = excluded.public_key, departure = excluded.departure",
        params![user.as_str(), ids, departure],
    )
    .await?;
    // Those go first that no tree is known to have.
    lane.run(
        "DELETE FROM former_certificates WHERE userid = $1 AND terminal IN
             (SELECT f.terminal FROM former_certificates AS f WHERE f.userid = $1
              ORDER BY CASE WHEN EXISTS (SELECT 1 FROM ghosts AS g WHERE g.userid = f.userid AND g.terminal = f.terminal)
                  THEN 0 ELSE 1 END, f.departure DESC, f.terminal OFFSET $2)",
        params![user.as_str(), FORMER_CERTIFICATES],
    )
    .await?;
    for sql in [
        "DELETE FROM terminals WHERE userid = $1 AND terminal = ANY($2)",
        "DELETE FROM budgets WHERE userid = $1 AND terminal = ANY($2)",
    ] {
        lane.run(sql, them).await?;
    }
    roster::desert(lane, &rooms).await
}

/// Forgets certificates of terminals that are gone, unless a room's tree, a commit or a welcome may still name them.
pub(super) async fn forget_certificates(lane: &Lane) -> PgResult<()> {
    lane.run(
        "DELETE FROM former_certificates AS f
         WHERE NOT EXISTS (SELECT 1 FROM mail AS b WHERE b.kind <> 0 AND b.departures < f.departure)
             AND NOT EXISTS (SELECT 1 FROM ghosts AS g WHERE g.userid = f.userid AND g.terminal = f.terminal)",
        params![],
    )
    .await?;
    Ok(())
}
