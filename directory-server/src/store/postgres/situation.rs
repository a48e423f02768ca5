//! What is known when a `COMMITREQ` is judged (decision D31). The rooms in question, and who asks, are locked by then.

use std::collections::BTreeSet;
use std::time::Duration;

use common::ident::{GroupHandle, RoomId, UserId};
use common::limits::{EPOCHS_PER_USER, EPOCHS_WINDOW, ROOMS_FOUNDED, ROOMS_PER_HOUR};
use common::msg::Member;
use directory_core::authority::{Holder, Kind, Past, Room, Situation};
use directory_core::records::CommitRequest;
use directory_core::timestamp::Timestamp;
use futures::future::{try_join_all, try_join3};

use super::error::PgResult;
use super::lanes::Lane;
use super::roster;
use super::row::{number, params};
use crate::store::bounds::{HOUR, wait};

/// Everything that [`directory_core::authority::judge`] asks for.
pub(super) async fn situation(lane: &Lane, request: &CommitRequest, now: Timestamp) -> PgResult<Situation> {
    let room = room(lane, &request.room).await?;
    let there = there(lane, request).await?;
    let gone = gone(lane, request, &there).await?;
    if let Some(room) = room {
        let epochs_wait = epochs_wait(lane, request).await?;
        let replaced = replaced(lane, request).await?;
        return Ok(Situation { room: Some(room), there, gone, epochs_wait, replaced, ..Situation::default() });
    }
    Ok(Situation {
        room: None,
        past: past(lane, &request.room).await?,
        holder: match &request.group {
            Some(entry) => holder(lane, &entry.handle, request.kept_after, now).await?,
            None => None,
        },
        replaced: replaced(lane, request).await?,
        there,
        gone,
        epochs_wait: None,
        founding_wait: founding_wait(lane, request).await?,
        founded_with: founded_with(lane, request).await?,
    })
}

async fn replaced(lane: &Lane, request: &CommitRequest) -> PgResult<Option<Past>> {
    match &request.replaces {
        Some(room) => past(lane, room).await,
        None => Ok(None),
    }
}

/// A room that goes on.
async fn room(lane: &Lane, room: &RoomId) -> PgResult<Option<Room>> {
    let id = &room.as_bytes()[..];
    let (found, roster, ghosts) = try_join3(
        async { lane.maybe("SELECT epoch, is_group, handle FROM rooms WHERE room = $1", params![id]).await },
        roster::roster(lane, room),
        roster::ghosts(lane, room),
    )
    .await?;
    let Some(found) = found.filter(|_| !roster.is_empty()) else { return Ok(None) };
    let kind = if found.get(1)? {
        let handle: Option<&[u8]> = found.get(2)?;
        let handle = handle.map(|_| found.bytes(2).map(GroupHandle)).transpose()?;
        Kind::Group { handle, admins: admins(lane, room).await? }
    } else {
        let mut users = users(lane, "SELECT userid FROM room_users WHERE room = $1", room).await?;
        users.sort_unstable();
        Kind::Pair(users)
    };
    Ok(Some(Room { epoch: found.number(0)?, kind, roster, ghosts }))
}

/// The admins of a group, in the order of their appointment.
pub(super) async fn admins(lane: &Lane, room: &RoomId) -> PgResult<Vec<UserId>> {
    users(lane, "SELECT userid FROM room_admins WHERE room = $1 ORDER BY place, userid", room).await
}

async fn users(lane: &Lane, sql: &'static str, room: &RoomId) -> PgResult<Vec<UserId>> {
    let rows = lane.rows(sql, params![&room.as_bytes()[..]]).await?;
    rows.iter().map(|row| row.user(0)).collect()
}

/// How a room has ended. A group whose handle is kept is over, too.
pub(super) async fn past(lane: &Lane, room: &RoomId) -> PgResult<Option<Past>> {
    let row = lane
        .maybe(
            "SELECT moved FROM past_rooms WHERE room = $1
             UNION ALL SELECT false FROM rooms AS m WHERE m.room = $1
                 AND NOT EXISTS (SELECT 1 FROM roster AS r WHERE r.room = m.room)",
            params![&room.as_bytes()[..]],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(if row.get(0)? { Past::Moved } else { Past::Over }))
}

/// The room that has a handle. The time for which one without terminals is kept begins now at the latest: it is the next look
/// at the clock that finds those whose last terminals have gone.
async fn holder(lane: &Lane, handle: &GroupHandle, kept_after: Timestamp, now: Timestamp) -> PgResult<Option<Holder>> {
    let sql = "SELECT room, given_up_at FROM rooms WHERE handle = $1";
    let Some(found) = lane.maybe(sql, params![&handle.as_bytes()[..]]).await? else { return Ok(None) };
    let (room, given_up_at) = (RoomId(found.bytes(0)?), found.maybe_number(1)?);
    let roster = roster::roster(lane, &room).await?;
    if roster.is_empty() && given_up_at.is_none() {
        give_up(lane, &room, now).await?;
    }
    let is_free = roster.is_empty() && given_up_at.is_some_and(|since| since <= kept_after.seconds());
    Ok(Some(Holder { room, admins: admins(lane, &room).await?, roster, is_free }))
}

/// From now on the handle of a group without terminals is kept for its admins.
pub(super) async fn give_up(lane: &Lane, room: &RoomId, now: Timestamp) -> PgResult<()> {
    let sql = "UPDATE rooms SET given_up_at = $2 WHERE room = $1";
    lane.run(sql, params![&room.as_bytes()[..], number(now.seconds())]).await?;
    Ok(())
}

/// Which terminals that the request names the directory knows.
async fn there(lane: &Lane, request: &CommitRequest) -> PgResult<BTreeSet<Member>> {
    let named: BTreeSet<&Member> = request.members.iter().chain([&request.from]).collect();
    let known = try_join_all(named.iter().map(|member| async move {
        let sql = "SELECT 1 FROM terminals WHERE userid = $1 AND terminal = $2";
        lane.has(sql, params![member.userid.as_str(), &member.terminal.as_bytes()[..]]).await
    }))
    .await?;
    Ok(named.into_iter().zip(known).filter(|(_, known)| *known).map(|(member, _)| member.clone()).collect())
}

/// Which others the directory has known.
async fn gone(lane: &Lane, request: &CommitRequest, there: &BTreeSet<Member>) -> PgResult<BTreeSet<Member>> {
    let named: BTreeSet<&Member> = request.members.iter().filter(|member| !there.contains(member)).collect();
    let known = try_join_all(named.iter().map(|member| async move {
        let sql = "SELECT 1 FROM former_certificates WHERE userid = $1 AND terminal = $2";
        lane.has(sql, params![member.userid.as_str(), &member.terminal.as_bytes()[..]]).await
    }))
    .await?;
    Ok(named.into_iter().zip(known).filter(|(_, known)| *known).map(|(member, _)| member.clone()).collect())
}

async fn epochs_wait(lane: &Lane, request: &CommitRequest) -> PgResult<Option<Duration>> {
    let sql = "SELECT ended_at FROM ended_epochs WHERE room = $1 AND userid = $2";
    let rows = lane.rows(sql, params![&request.room.as_bytes()[..], request.from.userid.as_str()]).await?;
    let times = rows.iter().map(|row| row.number(0)).collect::<PgResult<Vec<_>>>()?;
    Ok(wait(&times, EPOCHS_PER_USER, EPOCHS_WINDOW, request.run))
}

async fn founding_wait(lane: &Lane, request: &CommitRequest) -> PgResult<Option<Duration>> {
    let sql = "SELECT founded_at FROM founded_rooms WHERE userid = $1";
    let rows = lane.rows(sql, params![request.from.userid.as_str()]).await?;
    let times = rows.iter().map(|row| row.number(0)).collect::<PgResult<Vec<_>>>()?;
    let lately = wait(&times, ROOMS_PER_HOUR, HOUR, request.run);
    // One in the place of another makes none more.
    if lately.is_some() || request.replaces.is_some() {
        return Ok(lately);
    }
    let sql = "SELECT count(*) FROM rooms WHERE founder = $1 AND (given_up_at IS NULL OR given_up_at > $2)";
    let of = params![request.from.userid.as_str(), number(request.kept_after.seconds())];
    let there_are = lane.one(sql, of).await?.number(0)?;
    Ok((there_are >= ROOMS_FOUNDED as u64).then_some(HOUR))
}

/// The rooms of two that the same two have, founded by the same one; the oldest first.
async fn founded_with(lane: &Lane, request: &CommitRequest) -> PgResult<Vec<RoomId>> {
    let founder = &request.from.userid;
    let Some(other) = request.members.iter().find(|member| member.userid != *founder) else { return Ok(Vec::new()) };
    let rows = lane
        .rows(
            "SELECT m.room FROM room_users AS u JOIN rooms AS m ON m.room = u.room
             WHERE u.userid = $1 AND m.founder = $2 ORDER BY m.founded_at, m.room",
            params![other.userid.as_str(), founder.as_str()],
        )
        .await?;
    rows.iter().map(|row| row.bytes(0).map(RoomId)).collect()
}

/// Writes down that the request has ended an epoch, and forgets what counts no more.
pub(super) async fn count_epoch(lane: &Lane, request: &CommitRequest) -> PgResult<()> {
    let (room, user) = (&request.room.as_bytes()[..], request.from.userid.as_str());
    let (over, now) = (number(request.run.minus(EPOCHS_WINDOW).seconds()), number(request.run.seconds()));
    let forget = "DELETE FROM ended_epochs WHERE room = $1 AND userid = $2 AND (ended_at <= $3 OR ended_at > $4)";
    lane.run(forget, params![room, user, over, now]).await?;
    let keep = "INSERT INTO ended_epochs (room, userid, epoch, ended_at) VALUES ($1, $2, $3, $4)";
    lane.run(keep, params![room, user, number(request.epoch), now]).await?;
    Ok(())
}

/// Writes down that the request has founded a room, and forgets what counts no more.
pub(super) async fn count_founding(lane: &Lane, request: &CommitRequest) -> PgResult<()> {
    let user = request.from.userid.as_str();
    let (over, now) = (number(request.run.minus(HOUR).seconds()), number(request.run.seconds()));
    let forget = "DELETE FROM founded_rooms WHERE userid = $1 AND (founded_at <= $2 OR founded_at > $3)";
    lane.run(forget, params![user, over, now]).await?;
    let keep = "INSERT INTO founded_rooms (userid, room, founded_at) VALUES ($1, $2, $3)";
    lane.run(keep, params![user, &request.room.as_bytes()[..], now]).await?;
    Ok(())
}
