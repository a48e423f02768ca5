//! Messages that were stored and are dropped, until those who sent them know (decision D32).
//!
//! One that another terminal of its receiver has had, or still may have, is none of them. Reports are numbered in each
//! terminal's row of `mailbox_states`.

use std::collections::BTreeMap;

use common::ident::{MessageId, RoomId, UserId};
use common::limits::{MAIL_IN_ONE, WITHDRAWN_KEPT};
use common::msg::{Member, Withdrawal, WithdrawnMessage};
use directory_core::timestamp::Timestamp;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{Row, count, number, params};
use crate::store::bounds::{REPORTS_KEPT_FOR, reason, reason_code};

/// Writes down what leaves a mailbox, up to an item, because nobody has taken it in time.
pub(super) async fn expired(lane: &Lane, owner: &Member, upto: i64) -> PgResult<()> {
    left_behind(lane, owner, upto, Withdrawal::Expired).await
}

/// Writes down what a terminal leaves behind that goes.
pub(super) async fn removed(lane: &Lane, owner: &Member) -> PgResult<()> {
    left_behind(lane, owner, i64::MAX, Withdrawal::Removed).await
}

async fn left_behind(lane: &Lane, owner: &Member, upto: i64, why: Withdrawal) -> PgResult<()> {
    let rows = lane
        .rows(
            "SELECT t.userid, t.terminal, b.id, b.room
             FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail JOIN terminals AS t ON t.userid = b.from_user
             WHERE m.userid = $1 AND m.terminal = $2 AND m.item <= $3 AND m.kind = 0 AND m.sender <> $1
                 AND b.id IS NOT NULL
                 AND (t.terminal = b.from_terminal OR EXISTS (
                     SELECT 1 FROM roster AS r WHERE r.room = b.room AND r.userid = t.userid AND r.terminal = t.terminal))
                 AND NOT EXISTS (SELECT 1 FROM mail_taken AS k WHERE k.mail = m.mail AND k.userid = $1)
                 AND NOT EXISTS (SELECT 1 FROM mailbox AS o
                     WHERE o.mail = m.mail AND o.userid = $1 AND o.terminal <> $2)
             ORDER BY m.item",
            params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], upto],
        )
        .await?;
    let report = |row: &Row| {
        let dropped = Dropped { id: MessageId(row.bytes(2)?), room: RoomId(row.bytes(3)?), receiver: &owner.userid };
        Ok((row.member(0)?, dropped))
    };
    write(lane, rows.iter().map(report).collect::<PgResult<_>>()?, why).await?;
    Ok(())
}

/// A message that somebody does not get.
struct Dropped<'a> {
    id: MessageId,
    room: RoomId,
    receiver: &'a UserId,
}

/// Writes down reports, each for a terminal; how many there are. Where one has too many, its oldest go.
async fn write(lane: &Lane, reports: Vec<(Member, Dropped<'_>)>, why: Withdrawal) -> PgResult<usize> {
    let written = reports.len();
    let mut of: BTreeMap<Member, Vec<Dropped<'_>>> = BTreeMap::new();
    for (member, dropped) in reports {
        of.entry(member).or_default().push(dropped);
    }
    for (member, reports) in of {
        let (user, terminal) = (member.userid.as_str(), &member.terminal.as_bytes()[..]);
        let numbered = "UPDATE mailbox_states SET reports = reports + $3 WHERE userid = $1 AND terminal = $2
                        RETURNING reports";
        let Some(row) = lane.maybe(numbered, params![user, terminal, count(reports.len())]).await? else { continue };
        let first = row.get::<i64>(0)? - count(reports.len()) + 1;
        let places: Vec<i64> = (first..).take(reports.len()).collect();
        let ids: Vec<&[u8]> = reports.iter().map(|it| &it.id.as_bytes()[..]).collect();
        let rooms: Vec<&[u8]> = reports.iter().map(|it| &it.room.as_bytes()[..]).collect();
        let receivers: Vec<&str> = reports.iter().map(|it| it.receiver.as_str()).collect();
        // All at once: a mailbox that expires may be full.
        lane.run(
            "INSERT INTO withdrawn (userid, terminal, report, id, room, receiver, reason)
             SELECT CAST($1 AS TEXT), CAST($2 AS BYTEA), d.report, d.id, d.room, d.receiver, CAST($3 AS BIGINT)
             FROM unnest(CAST($4 AS BIGINT[]), CAST($5 AS BYTEA[]), CAST($6 AS BYTEA[]), CAST($7 AS TEXT[]))
                 AS d (report, id, room, receiver)",
            params![user, terminal, reason_code(why), places, ids, rooms, receivers],
        )
        .await?;
        let too_old = row.get::<i64>(0)? - i64::from(WITHDRAWN_KEPT);
        if too_old > 0 {
            let sql = "DELETE FROM withdrawn WHERE userid = $1 AND terminal = $2 AND report <= $3";
            lane.run(sql, params![user, terminal, too_old]).await?;
        }
    }
    Ok(written)
}

/// Writes down that no mailbox of a user has room for a message, unless one has it already: it may be put twice. How many
/// reports were looked for.
pub(super) async fn full(
    lane: &Lane,
    from: &Member,
    (room, id): (&RoomId, &MessageId),
    receiver: &UserId,
) -> PgResult<usize> {
    let waits = "SELECT 1 FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail
                 WHERE m.userid = $1 AND m.sender = $2 AND m.kind = 0 AND b.id = $3";
    if lane.has(waits, params![receiver.as_str(), from.userid.as_str(), &id.as_bytes()[..]]).await? {
        return Ok(1);
    }
    let rows = lane
        .rows(
            "SELECT t.userid, t.terminal FROM terminals AS t
             WHERE t.userid = $1 AND (t.terminal = $2 OR EXISTS (
                 SELECT 1 FROM roster AS r WHERE r.room = $3 AND r.userid = t.userid AND r.terminal = t.terminal))",
            params![from.userid.as_str(), &from.terminal.as_bytes()[..], &room.as_bytes()[..]],
        )
        .await?;
    let report = |row: &Row| Ok((row.member(0)?, Dropped { id: *id, room: *room, receiver }));
    write(lane, rows.iter().map(report).collect::<PgResult<_>>()?, Withdrawal::Full).await
}

/// Writes down that a message is for nobody any more where a user has no terminal in a room but some that are gone. Who has
/// left the room by itself has terminals, and is not waited for. How many reports that makes.
pub(super) async fn gone(lane: &Lane, from: &Member, (room, id): (&RoomId, &MessageId)) -> PgResult<usize> {
    let rows = lane
        .rows(
            "SELECT t.userid, t.terminal, g.userid
             FROM (SELECT DISTINCT userid FROM ghosts WHERE room = $3 AND userid <> $1) AS g
             JOIN terminals AS t ON t.userid = $1
             WHERE (t.terminal = $2 OR EXISTS (
                 SELECT 1 FROM roster AS r WHERE r.room = $3 AND r.userid = t.userid AND r.terminal = t.terminal))
                 AND NOT EXISTS (SELECT 1 FROM roster AS r WHERE r.room = $3 AND r.userid = g.userid)
                 AND NOT EXISTS (SELECT 1 FROM ghosts AS h
                     JOIN terminals AS k ON k.userid = h.userid AND k.terminal = h.terminal
                     WHERE h.room = $3 AND h.userid = g.userid)",
            params![from.userid.as_str(), &from.terminal.as_bytes()[..], &room.as_bytes()[..]],
        )
        .await?;
    let receivers = rows.iter().map(|row| row.user(2)).collect::<PgResult<Vec<_>>>()?;
    let report = |(row, receiver): (&Row, _)| Ok((row.member(0)?, Dropped { id: *id, room: *room, receiver }));
    write(lane, rows.iter().zip(&receivers).map(report).collect::<PgResult<_>>()?, Withdrawal::Removed).await
}

/// A terminal has taken what it had up to an item: its user has had what waits at another.
pub(super) async fn taken(lane: &Lane, owner: &Member, upto: i64) -> PgResult<()> {
    lane.run(
        "INSERT INTO mail_taken (mail, userid)
         SELECT m.mail, m.userid FROM mailbox AS m
         WHERE m.userid = $1 AND m.terminal = $2 AND m.item <= $3 AND m.kind = 0 AND m.shared
             AND EXISTS (SELECT 1 FROM mailbox AS o
                 WHERE o.mail = m.mail AND o.userid = $1 AND o.terminal <> $2)
         ON CONFLICT (mail, userid) DO NOTHING",
        params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], upto],
    )
    .await?;
    Ok(())
}

/// The oldest reports for a terminal, as many as go into one message.
pub(super) async fn reports(lane: &Lane, owner: &Member) -> PgResult<Vec<WithdrawnMessage>> {
    let rows = lane
        .rows(
            "SELECT report, id, room, receiver, reason FROM withdrawn WHERE userid = $1 AND terminal = $2
             ORDER BY report LIMIT $3",
            params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], count(MAIL_IN_ONE)],
        )
        .await?;
    let report = |row: &Row| {
        Ok(WithdrawnMessage {
            report: row.number(0)?,
            id: MessageId(row.bytes(1)?),
            room: RoomId(row.bytes(2)?),
            user: row.user(3)?,
            reason: reason(row.get(4)?),
        })
    };
    rows.iter().map(report).collect()
}

/// Forgets the reports for a terminal up to this one.
pub(super) async fn acknowledge(lane: &Lane, owner: &Member, upto: u64) -> PgResult<()> {
    let sql = "DELETE FROM withdrawn WHERE userid = $1 AND terminal = $2 AND report <= $3";
    lane.run(sql, params![owner.userid.as_str(), &owner.terminal.as_bytes()[..], number(upto)]).await?;
    Ok(())
}

/// The terminals that have to be told of something new.
pub(super) async fn new(lane: &Lane, now: Timestamp) -> PgResult<Vec<Member>> {
    // Each terminal once, however much it is told.
    let sql = "WITH told AS (UPDATE withdrawn SET since = $1 WHERE since IS NULL RETURNING userid, terminal)
               SELECT DISTINCT userid, terminal FROM told";
    let rows = lane.rows(sql, params![number(now.seconds())]).await?;
    let mut terminals = rows.iter().map(|row| row.member(0)).collect::<PgResult<Vec<_>>>()?;
    terminals.sort_unstable();
    Ok(terminals)
}

/// Forgets reports that nobody has asked for, by the latest moment that has surely passed, and those that a version before has
/// left that are too many.
pub(super) async fn forget(lane: &Lane, past: Timestamp) -> PgResult<()> {
    let old = number(past.seconds()).saturating_sub(number(REPORTS_KEPT_FOR));
    lane.run("DELETE FROM withdrawn WHERE since <= $1", params![old]).await?;
    lane.run(
        "DELETE FROM withdrawn AS w USING mailbox_states AS s
         WHERE w.userid = s.userid AND w.terminal = s.terminal AND w.report <= s.reports - $1",
        params![i64::from(WITHDRAWN_KEPT)],
    )
    .await?;
    Ok(())
}
