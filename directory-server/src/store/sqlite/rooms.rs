//! Rooms: carries out what was decided about a commit, and what is known of a room. What may be done is decided by
//! [`directory_core::authority`].

use std::collections::BTreeSet;

use common::ident::{GroupHandle, RoomId};
use common::msg::{CommitReply, CommitStatus, GroupReply, MailKind, Member, RoomEpoch};
use rusqlite::{Connection, OptionalExtension as _, Statement, params};

use super::error::SqlResult;
use super::mailbox;
use super::roster;
use super::situation::{self, situation};
use super::users::user_id;
use crate::store::filling::Letter;
use directory_core::authority::{Change, Kind, Verdict, judge};
use directory_core::records::{CommitOutcome, CommitRequest, MailRule, RoomRecord, RoomRemoval};
use directory_core::store::StoreError;
use directory_core::timestamp::Timestamp;

pub(super) fn commit(
    connection: &Connection,
    request: &CommitRequest,
    rule: &MailRule,
    now: Timestamp,
) -> SqlResult<CommitOutcome> {
    let told = |reply: CommitReply, notify| Ok(CommitOutcome { reply, notify });
    match judge(request, &situation(connection, request, now)?) {
        Verdict::Refused(reply) => told(reply, Vec::new()),
        Verdict::Repeated => {
            mailbox::count_written(connection, &request.from)?;
            told(CommitStatus::Accepted.into(), Vec::new())
        }
        Verdict::Accepted(change) => {
            let notify = carry_out(connection, request, &change, rule, now)?;
            mailbox::count_written(connection, &request.from)?;
            told(CommitStatus::Accepted.into(), notify)
        }
    }
}

/// Carries out an accepted request; whose mailboxes have something new.
fn carry_out(
    connection: &Connection,
    request: &CommitRequest,
    change: &Change,
    rule: &MailRule,
    now: Timestamp,
) -> SqlResult<Vec<Member>> {
    let room = &request.room;
    if change.gives_up {
        situation::give_up(connection, room, now)?;
        // A room without an entry goes with its last terminal.
        connection.prepare_cached("DELETE FROM roster WHERE room = ?1")?.execute([room.as_bytes()])?;
        return Ok(Vec::new());
    }
    if change.founds {
        found(connection, request, change, now)?;
    }
    enrol(connection, room, &change.roster)?;
    let mut notify = Vec::new();
    for (kind, body, to) in [
        (MailKind::Commit, &request.commit, &change.followers),
        (MailKind::Welcome, &request.welcome, &(&change.welcomed | &change.told)),
    ] {
        notify.extend(deliver(connection, request, (kind, body), to, rule, now)?);
    }
    describe(connection, room, &change.kind)?;
    if !request.commit.is_empty() {
        let mut next = connection.prepare_cached("UPDATE rooms SET epoch = epoch + 1 WHERE room = ?1")?;
        next.execute([room.as_bytes()])?;
        situation::count_epoch(connection, request)?;
    }
    write_ghosts(connection, room, &change.ghosts)?;
    // Last, because a room without terminals is forgotten.
    for gone in change.followers.difference(&change.roster) {
        connection
            .prepare_cached("DELETE FROM roster WHERE room = ?1 AND user = ?2 AND terminal = ?3")?
            .execute(params![room.as_bytes(), gone.userid.as_str(), gone.terminal.as_bytes()])?;
    }
    Ok(notify)
}

/// Makes the room. One that it succeeds, and those that would be too many, are closed.
fn found(connection: &Connection, request: &CommitRequest, change: &Change, now: Timestamp) -> SqlResult<()> {
    let mut close = connection.prepare_cached("DELETE FROM rooms WHERE room = ?1")?;
    for room in &change.closes {
        close.execute([room.as_bytes()])?;
    }
    if let Some(room) = &change.replaces {
        let moved = !roster::roster(connection, room)?.is_empty();
        close.execute([room.as_bytes()])?;
        connection
            .prepare_cached("UPDATE past_rooms SET moved = ?2 WHERE room = ?1")?
            .execute(params![room.as_bytes(), moved])?;
    }
    let is_group = matches!(change.kind, Kind::Group { .. });
    connection
        .prepare_cached("INSERT INTO rooms (room, epoch, is_group, founder, founded_at) VALUES (?1, 0, ?2, ?3, ?4)")?
        .execute(params![request.room.as_bytes(), is_group, request.from.userid.as_str(), now.seconds()])?;
    situation::count_founding(connection, request)
}

fn deliver(
    connection: &Connection,
    request: &CommitRequest,
    (kind, body): (MailKind, &[u8]),
    to: &BTreeSet<Member>,
    rule: &MailRule,
    now: Timestamp,
) -> SqlResult<Vec<Member>> {
    let CommitRequest { from, room, epoch, signed, .. } = request;
    let receivers = to.iter().map(|member| mailbox::receiver(connection, member.clone(), &from.userid));
    let mut receivers = receivers.collect::<SqlResult<Vec<_>>>()?;
    if !body.is_empty() {
        let item = mailbox::numbers(connection, 1)?;
        let letter = Letter { room, from, kind, epoch: *epoch, id: None, body };
        if mailbox::keep(connection, (item, &letter), &mut receivers, rule, now)?.by_somebody {
            let signed = serde_json::to_string(signed).map_err(|error| StoreError::Failed(error.to_string()))?;
            connection
                .prepare_cached("INSERT INTO signed_commits (item, signed) VALUES (?1, ?2)")?
                .execute(params![item, signed])?;
        }
    }
    mailbox::settle(connection, &from.userid, receivers)
}

/// Puts terminals on the roster that are not there yet.
fn enrol(connection: &Connection, room: &RoomId, members: &BTreeSet<Member>) -> SqlResult<()> {
    let mut enrol =
        connection.prepare_cached("INSERT OR IGNORE INTO roster (room, user, terminal) VALUES (?1, ?2, ?3)")?;
    for member in members {
        enrol.execute(params![room.as_bytes(), member.userid.as_str(), member.terminal.as_bytes()])?;
    }
    Ok(())
}

fn write_ghosts(connection: &Connection, room: &RoomId, ghosts: &BTreeSet<Member>) -> SqlResult<()> {
    connection.prepare_cached("DELETE FROM ghosts WHERE room = ?1")?.execute([room.as_bytes()])?;
    let mut write = connection.prepare_cached("INSERT INTO ghosts (room, user, terminal) VALUES (?1, ?2, ?3)")?;
    for ghost in ghosts {
        write.execute(params![room.as_bytes(), ghost.userid.as_str(), ghost.terminal.as_bytes()])?;
    }
    Ok(())
}

/// Writes down what a room is: its two users, or its handle and its admins.
fn describe(connection: &Connection, room: &RoomId, kind: &Kind) -> SqlResult<()> {
    match kind {
        Kind::Pair(users) => {
            let mut write =
                connection.prepare_cached("INSERT OR IGNORE INTO room_users (room, user) VALUES (?1, ?2)")?;
            for user in users {
                write.execute(params![room.as_bytes(), user.as_str()])?;
            }
        }
        Kind::Group { handle, admins } => {
            connection
                .prepare_cached("UPDATE rooms SET handle = ?2 WHERE room = ?1")?
                .execute(params![room.as_bytes(), handle.as_ref().map(GroupHandle::as_bytes)])?;
            connection.prepare_cached("DELETE FROM room_admins WHERE room = ?1")?.execute([room.as_bytes()])?;
            let mut name = connection.prepare_cached(
                "INSERT INTO room_admins (room, user, place) SELECT ?1, id, ?3 FROM users WHERE id = ?2",
            )?;
            for (place, admin) in admins.iter().enumerate() {
                name.execute(params![room.as_bytes(), admin.as_str(), place])?;
            }
        }
    }
    Ok(())
}

pub(super) fn group(connection: &Connection, handle: &GroupHandle) -> SqlResult<GroupReply> {
    let room: Option<[u8; 16]> = connection
        .prepare_cached(
            "SELECT room FROM rooms WHERE handle = ?1 AND EXISTS (SELECT 1 FROM roster WHERE roster.room = rooms.room)",
        )?
        .query_row([handle.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(room) = room else { return Ok(GroupReply { room: None, admins: Vec::new() }) };
    let room = RoomId(room);
    Ok(GroupReply { room: Some(room), admins: situation::admins(connection, &room)? })
}

/// The epochs of these rooms, those aside that the terminal is not in.
pub(super) fn epochs(connection: &Connection, of: &Member, rooms: &[RoomId]) -> SqlResult<Vec<RoomEpoch>> {
    let epoch =
        |room: &RoomId| Ok(roster::epoch_for(connection, room, of)?.map(|epoch| RoomEpoch { room: *room, epoch }));
    rooms.iter().filter_map(|room| epoch(room).transpose()).collect()
}

pub(super) fn all(connection: &Connection) -> SqlResult<Vec<RoomRecord>> {
    let mut rooms = connection.prepare(
        "SELECT room, epoch, handle IS NOT NULL, (SELECT count(*) FROM roster AS r WHERE r.room = rooms.room)
         FROM rooms WHERE EXISTS (SELECT 1 FROM roster AS r WHERE r.room = rooms.room) ORDER BY room",
    )?;
    let mut admins = connection.prepare("SELECT user FROM room_admins WHERE room = ?1 ORDER BY place, user")?;
    let mut users = connection.prepare("SELECT DISTINCT user FROM roster WHERE room = ?1 ORDER BY user")?;
    let mut records = Vec::new();
    let mut rows = rooms.query([])?;
    while let Some(row) = rows.next()? {
        let room: [u8; 16] = row.get(0)?;
        let named = |statement: &mut Statement<'_>| {
            statement.query_map([room], |row| user_id(row, 0))?.collect::<Result<Vec<_>, _>>()
        };
        records.push(RoomRecord {
            room: RoomId(room),
            epoch: row.get(1)?,
            named: row.get(2)?,
            admins: named(&mut admins)?,
            users: named(&mut users)?,
            terminals: row.get(3)?,
        });
    }
    Ok(records)
}

pub(super) fn remove(connection: &Connection, room: &RoomId) -> SqlResult<RoomRemoval> {
    let removed = connection.execute("DELETE FROM rooms WHERE room = ?1", [room.as_bytes()])?;
    Ok(if removed > 0 { RoomRemoval::Removed } else { RoomRemoval::NoSuchRoom })
}
