//! Rooms: which commit ends an epoch, and what is known of a room.

use common::ident::{GroupHandle, RoomId};
use common::msg::{CommitStatus, GroupEntry, GroupReply, MailKind, Member, RoomEpoch};
use rusqlite::{Connection, OptionalExtension as _, Statement, params};

use super::error::SqlResult;
use super::mailbox::{self, Letter, Receiver};
use super::roster;
use super::users::user_id;
use directory_core::records::{CommitOutcome, CommitRequest, MailRule, RoomRecord, RoomRemoval};
use directory_core::timestamp::Timestamp;

/// What a `COMMITREQ` comes to before anything is changed.
enum Verdict {
    /// The room is new.
    Creates,
    /// It is the first for its epoch.
    Ends,
    /// The room was created by the same request before.
    Repeats,
    Refused(CommitStatus),
}

fn judge(connection: &Connection, request: &CommitRequest) -> SqlResult<Verdict> {
    let CommitRequest { from, room, epoch, members, commit, group, .. } = request;
    let verdict = match roster::epoch_for(connection, room, from)? {
        Some(now) if now != *epoch => return Ok(Verdict::Refused(CommitStatus::Epoch)),
        Some(_) if commit.is_empty() && !members.is_empty() => return Ok(Verdict::Repeats),
        Some(_) => Verdict::Ends,
        None if *epoch == 0 && members.contains(from) && may_create(connection, room, from)? => Verdict::Creates,
        None => return Ok(Verdict::Refused(CommitStatus::Room)),
    };
    let Some(GroupEntry { handle, .. }) = group else { return Ok(verdict) };
    let taken = connection
        .prepare_cached("SELECT 1 FROM rooms WHERE handle = ?1 AND room <> ?2")?
        .exists(params![handle.as_bytes(), room.as_bytes()])?;
    let may = matches!(verdict, Verdict::Creates)
        || connection
            .prepare_cached("SELECT 1 FROM room_admins WHERE room = ?1 AND user = ?2")?
            .exists(params![room.as_bytes(), from.userid.as_str()])?;
    Ok(if taken || !may { Verdict::Refused(CommitStatus::Taken) } else { verdict })
}

/// Whether there is no such room; and whether there still is such a terminal.
fn may_create(connection: &Connection, room: &RoomId, from: &Member) -> SqlResult<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT NOT EXISTS (SELECT 1 FROM rooms WHERE room = ?1)
            AND EXISTS (SELECT 1 FROM terminals WHERE user = ?2 AND terminal = ?3)",
    )?;
    Ok(statement
        .query_row(params![room.as_bytes(), from.userid.as_str(), from.terminal.as_bytes()], |row| row.get(0))?)
}

pub(super) fn commit(
    connection: &Connection,
    request: &CommitRequest,
    rule: &MailRule,
    now: Timestamp,
) -> SqlResult<CommitOutcome> {
    let CommitRequest { from, room, epoch, members, commit, welcome, group } = request;
    let mut before = roster::roster(connection, room)?;
    match judge(connection, request)? {
        Verdict::Refused(status) => return Ok(CommitOutcome { status, notify: Vec::new() }),
        Verdict::Repeats => return Ok(CommitOutcome { status: CommitStatus::Accepted, notify: Vec::new() }),
        Verdict::Creates => {
            connection.prepare_cached("INSERT INTO rooms (room, epoch) VALUES (?1, 0)")?.execute([room.as_bytes()])?;
            before.push(from.clone());
        }
        Verdict::Ends => {}
    }
    let new = enrol(connection, room, members)?;
    let mut notify = Vec::new();
    let mut deliver = |kind, body: &[u8], to: &[Member]| {
        let receivers = to.iter().map(|member| Receiver::of(connection, member.clone(), &from.userid));
        let mut receivers = receivers.collect::<SqlResult<Vec<_>>>()?;
        if !body.is_empty() {
            let item = mailbox::numbers(connection, 1)?;
            let letter = Letter { item, room, from, kind, epoch: *epoch, id: None, body };
            mailbox::keep(connection, &letter, &mut receivers, rule, now)?;
        }
        notify.extend(mailbox::settle(connection, &from.userid, receivers)?);
        SqlResult::Ok(())
    };
    deliver(MailKind::Commit, commit, &before)?;
    let invited: Vec<_> = new.into_iter().filter(|member| !before.contains(member)).collect();
    deliver(MailKind::Welcome, welcome, &invited)?;
    if let Some(entry) = group {
        record(connection, room, entry)?;
    }
    if !commit.is_empty() {
        let mut next = connection.prepare_cached("UPDATE rooms SET epoch = epoch + 1 WHERE room = ?1")?;
        next.execute([room.as_bytes()])?;
    }
    // Last, because a room without terminals is forgotten.
    for gone in before.iter().filter(|member| !members.contains(member)) {
        connection
            .prepare_cached("DELETE FROM roster WHERE room = ?1 AND user = ?2 AND terminal = ?3")?
            .execute(params![room.as_bytes(), gone.userid.as_str(), gone.terminal.as_bytes()])?;
    }
    mailbox::count_written(connection, from)?;
    Ok(CommitOutcome { status: CommitStatus::Accepted, notify })
}

/// Puts the terminals that exist and are not there yet on the roster; which ones that were.
fn enrol(connection: &Connection, room: &RoomId, members: &[Member]) -> SqlResult<Vec<Member>> {
    let mut enrol = connection.prepare_cached(
        "INSERT OR IGNORE INTO roster (room, user, terminal)
         SELECT ?1, user, terminal FROM terminals WHERE user = ?2 AND terminal = ?3",
    )?;
    let mut new = Vec::new();
    for member in members {
        if enrol.execute(params![room.as_bytes(), member.userid.as_str(), member.terminal.as_bytes()])? > 0 {
            new.push(member.clone());
        }
    }
    Ok(new)
}

fn record(connection: &Connection, room: &RoomId, entry: &GroupEntry) -> SqlResult<()> {
    connection
        .prepare_cached("UPDATE rooms SET handle = ?2 WHERE room = ?1")?
        .execute(params![room.as_bytes(), entry.handle.as_bytes()])?;
    connection.prepare_cached("DELETE FROM room_admins WHERE room = ?1")?.execute([room.as_bytes()])?;
    let mut name = connection
        .prepare_cached("INSERT OR IGNORE INTO room_admins (room, user) SELECT ?1, id FROM users WHERE id = ?2")?;
    for admin in &entry.admins {
        name.execute(params![room.as_bytes(), admin.as_str()])?;
    }
    Ok(())
}

pub(super) fn group(connection: &Connection, handle: &GroupHandle) -> SqlResult<GroupReply> {
    let room: Option<[u8; 16]> = connection
        .prepare_cached("SELECT room FROM rooms WHERE handle = ?1")?
        .query_row([handle.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(room) = room else { return Ok(GroupReply { room: None, admins: Vec::new() }) };
    let mut statement = connection.prepare_cached("SELECT user FROM room_admins WHERE room = ?1 ORDER BY user")?;
    let admins = statement.query_map([room], |row| user_id(row, 0))?.collect::<Result<_, _>>()?;
    Ok(GroupReply { room: Some(RoomId(room)), admins })
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
         FROM rooms ORDER BY room",
    )?;
    let mut admins = connection.prepare("SELECT user FROM room_admins WHERE room = ?1 ORDER BY user")?;
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
