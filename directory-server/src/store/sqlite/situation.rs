//! What is known when a `COMMITREQ` is judged (decision D31).

use std::collections::BTreeSet;
use std::time::Duration;

use common::ident::{GroupHandle, RoomId, UserId};
use common::limits::{EPOCHS_PER_USER, EPOCHS_WINDOW, ROOMS_FOUNDED, ROOMS_PER_HOUR};
use common::msg::Member;
use directory_core::authority::{Holder, Kind, Past, Room, Situation};
use directory_core::records::CommitRequest;
use directory_core::timestamp::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::roster;
use super::users::user_id;
use crate::store::bounds::{HOUR, wait};

/// Everything that [`directory_core::authority::judge`] asks for.
pub(super) fn situation(connection: &Connection, request: &CommitRequest, now: Timestamp) -> SqlResult<Situation> {
    let room = room(connection, &request.room)?;
    let is_new = room.is_none();
    let there = there(connection, request)?;
    Ok(Situation {
        past: if is_new { past(connection, &request.room)? } else { None },
        holder: match &request.group {
            Some(entry) if is_new => holder(connection, &entry.handle, request.kept_after, now)?,
            Some(_) | None => None,
        },
        replaced: request.replaces.map(|room| past(connection, &room)).transpose()?.flatten(),
        gone: gone(connection, request, &there)?,
        there,
        epochs_wait: if is_new { None } else { epochs_wait(connection, request)? },
        founding_wait: if is_new { founding_wait(connection, request)? } else { None },
        founded_with: if is_new { founded_with(connection, request)? } else { Vec::new() },
        room,
    })
}

/// A room that goes on.
pub(super) fn room(connection: &Connection, room: &RoomId) -> SqlResult<Option<Room>> {
    let roster: BTreeSet<Member> = roster::roster(connection, room)?.into_iter().collect();
    if roster.is_empty() {
        return Ok(None);
    }
    let found = connection
        .prepare_cached("SELECT epoch, is_group, handle FROM rooms WHERE room = ?1")?
        .query_row([room.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<[u8; 32]>>(2)?.map(GroupHandle)))
        })
        .optional()?;
    let Some((epoch, is_group, handle)) = found else { return Ok(None) };
    let kind = if is_group {
        Kind::Group { handle, admins: admins(connection, room)? }
    } else {
        Kind::Pair(users(connection, "SELECT user FROM room_users WHERE room = ?1", room)?)
    };
    Ok(Some(Room { epoch, kind, roster, ghosts: roster::ghosts(connection, room)?.into_iter().collect() }))
}

/// The admins of a group, in the order of their appointment.
pub(super) fn admins(connection: &Connection, room: &RoomId) -> SqlResult<Vec<UserId>> {
    users(connection, "SELECT user FROM room_admins WHERE room = ?1 ORDER BY place, user", room)
}

fn users(connection: &Connection, sql: &str, room: &RoomId) -> SqlResult<Vec<UserId>> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map([room.as_bytes()], |row| user_id(row, 0))?.collect::<Result<_, _>>()?)
}

/// How a room has ended. A group whose handle is kept is over, too.
pub(super) fn past(connection: &Connection, room: &RoomId) -> SqlResult<Option<Past>> {
    let sql = "SELECT moved FROM past_rooms WHERE room = ?1
               UNION ALL SELECT 0 FROM rooms AS r WHERE room = ?1
                   AND NOT EXISTS (SELECT 1 FROM roster WHERE roster.room = r.room)";
    let moved: Option<bool> =
        connection.prepare_cached(sql)?.query_row([room.as_bytes()], |row| row.get(0)).optional()?;
    Ok(moved.map(|moved| if moved { Past::Moved } else { Past::Over }))
}

/// The room that has a handle. The time for which one without terminals is kept begins now at the latest: it is the next look
/// at the clock that finds those whose last terminals have gone.
fn holder(
    connection: &Connection,
    handle: &GroupHandle,
    kept_after: Timestamp,
    now: Timestamp,
) -> SqlResult<Option<Holder>> {
    let found: Option<([u8; 16], Option<u64>)> = connection
        .prepare_cached("SELECT room, given_up_at FROM rooms WHERE handle = ?1")?
        .query_row([handle.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((room, given_up_at)) = found else { return Ok(None) };
    let room = RoomId(room);
    let roster: BTreeSet<Member> = roster::roster(connection, &room)?.into_iter().collect();
    if roster.is_empty() && given_up_at.is_none() {
        give_up(connection, &room, now)?;
    }
    let is_free = roster.is_empty() && given_up_at.is_some_and(|since| since <= kept_after.seconds());
    Ok(Some(Holder { room, admins: admins(connection, &room)?, roster, is_free }))
}

/// From now on the handle of a group without terminals is kept for its admins.
pub(super) fn give_up(connection: &Connection, room: &RoomId, now: Timestamp) -> SqlResult<()> {
    connection
        .prepare_cached("UPDATE rooms SET given_up_at = ?2 WHERE room = ?1")?
        .execute(params![room.as_bytes(), now.seconds()])?;
    Ok(())
}

/// Which terminals that the request names the directory knows.
fn there(connection: &Connection, request: &CommitRequest) -> SqlResult<BTreeSet<Member>> {
    let mut known = connection.prepare_cached("SELECT 1 FROM terminals WHERE user = ?1 AND terminal = ?2")?;
    let mut there = BTreeSet::new();
    for member in request.members.iter().chain([&request.from]) {
        if known.exists(params![member.userid.as_str(), member.terminal.as_bytes()])? {
            there.insert(member.clone());
        }
    }
    Ok(there)
}

/// Which others the directory has known.
fn gone(connection: &Connection, request: &CommitRequest, there: &BTreeSet<Member>) -> SqlResult<BTreeSet<Member>> {
    let mut known = connection.prepare_cached("SELECT 1 FROM former_certificates WHERE user = ?1 AND terminal = ?2")?;
    let mut gone = BTreeSet::new();
    for member in request.members.iter().filter(|member| !there.contains(member)) {
        if known.exists(params![member.userid.as_str(), member.terminal.as_bytes()])? {
            gone.insert(member.clone());
        }
    }
    Ok(gone)
}

fn epochs_wait(connection: &Connection, request: &CommitRequest) -> SqlResult<Option<Duration>> {
    let mut statement = connection.prepare_cached("SELECT ended_at FROM ended_epochs WHERE room = ?1 AND user = ?2")?;
    let of = params![request.room.as_bytes(), request.from.userid.as_str()];
    let times = statement.query_map(of, |row| row.get(0))?.collect::<Result<Vec<u64>, _>>()?;
    Ok(wait(&times, EPOCHS_PER_USER, EPOCHS_WINDOW, request.run))
}

fn founding_wait(connection: &Connection, request: &CommitRequest) -> SqlResult<Option<Duration>> {
    let mut statement = connection.prepare_cached("SELECT founded_at FROM founded_rooms WHERE user = ?1")?;
    let times = statement.query_map([request.from.userid.as_str()], |row| row.get(0))?;
    let times = times.collect::<Result<Vec<u64>, _>>()?;
    let lately = wait(&times, ROOMS_PER_HOUR, HOUR, request.run);
    // One in the place of another makes none more.
    if lately.is_some() || request.replaces.is_some() {
        return Ok(lately);
    }
    let mut there_are = connection.prepare_cached(
        "SELECT count(*) FROM rooms WHERE founder = ?1 AND (given_up_at IS NULL OR given_up_at > ?2)",
    )?;
    let of = params![request.from.userid.as_str(), request.kept_after.seconds()];
    let there_are: usize = there_are.query_row(of, |row| row.get(0))?;
    Ok((there_are >= ROOMS_FOUNDED).then_some(HOUR))
}

/// The rooms of two that the same two have, founded by the same one; the oldest first.
fn founded_with(connection: &Connection, request: &CommitRequest) -> SqlResult<Vec<RoomId>> {
    let founder = &request.from.userid;
    let Some(other) = request.members.iter().find(|member| member.userid != *founder) else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(
        "SELECT room FROM room_users JOIN rooms USING (room) WHERE user = ?1 AND founder = ?2 ORDER BY founded_at, room",
    )?;
    let rooms = statement.query_map(params![other.userid.as_str(), founder.as_str()], |row| row.get(0).map(RoomId))?;
    Ok(rooms.collect::<Result<_, _>>()?)
}

/// Writes down that the request has ended an epoch, and forgets what counts no more.
pub(super) fn count_epoch(connection: &Connection, request: &CommitRequest) -> SqlResult<()> {
    let (room, user) = (request.room.as_bytes(), request.from.userid.as_str());
    let (over, now) = (request.run.minus(EPOCHS_WINDOW).seconds(), request.run.seconds());
    connection
        .prepare_cached("DELETE FROM ended_epochs WHERE room = ?1 AND user = ?2 AND (ended_at <= ?3 OR ended_at > ?4)")?
        .execute(params![room, user, over, now])?;
    connection
        .prepare_cached("INSERT INTO ended_epochs (room, user, epoch, ended_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![room, user, request.epoch, now])?;
    Ok(())
}

/// Writes down that the request has founded a room, and forgets what counts no more.
pub(super) fn count_founding(connection: &Connection, request: &CommitRequest) -> SqlResult<()> {
    let (user, now) = (request.from.userid.as_str(), request.run);
    connection
        .prepare_cached("DELETE FROM founded_rooms WHERE user = ?1 AND (founded_at <= ?2 OR founded_at > ?3)")?
        .execute(params![user, now.minus(HOUR).seconds(), now.seconds()])?;
    connection
        .prepare_cached("INSERT INTO founded_rooms (user, room, founded_at) VALUES (?1, ?2, ?3)")?
        .execute(params![user, request.room.as_bytes(), now.seconds()])?;
    Ok(())
}
