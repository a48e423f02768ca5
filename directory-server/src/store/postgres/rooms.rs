//! Rooms: carries out what was decided about a commit, and what is known of a room. What may be done is decided by
//! [`directory_core::authority`].

use std::collections::{BTreeMap, BTreeSet};

use common::ident::{GroupHandle, RoomId, UserId};
use common::msg::{CommitReply, CommitStatus, GroupReply, MailKind, Member, RoomEpoch};
use directory_core::authority::{Change, Kind, Verdict, judge};
use directory_core::records::{CommitOutcome, CommitRequest, MailRule, RoomRecord, RoomRemoval};
use directory_core::timestamp::Timestamp;
use futures::future::{try_join, try_join_all};

use super::error::PgResult;
use super::lanes::Lane;
use super::locks::{LOCK_USER, lock_user};
use super::mailbox::{self, Signed};
use super::roster;
use super::row::{number, params, written};
use super::situation::{self, situation};
use crate::store::filling::Letter;

pub(super) async fn commit(
    lane: &Lane,
    request: &CommitRequest,
    rule: &MailRule,
    now: Timestamp,
) -> PgResult<CommitOutcome> {
    // How many terminals have gone is read before it is looked which are there.
    lane.know(DEPARTURES).await?;
    let (departures, ()) = try_join(departures(lane), lock(lane, request)).await?;
    let told = |reply: CommitReply, notify| Ok(CommitOutcome { reply, notify });
    match judge(request, &situation(lane, request, now).await?) {
        Verdict::Refused(reply) => told(reply, Vec::new()),
        Verdict::Repeated => {
            mailbox::count_written(lane, &request.from).await?;
            told(CommitStatus::Accepted.into(), Vec::new())
        }
        Verdict::Accepted(change) => {
            let notify = carry_out(lane, request, &change, departures, (rule, now)).await?;
            mailbox::count_written(lane, &request.from).await?;
            told(CommitStatus::Accepted.into(), notify)
        }
    }
}

const DEPARTURES: &str = "SELECT value FROM counters WHERE name = 'departures'";

async fn departures(lane: &Lane) -> PgResult<i64> {
    lane.one(DEPARTURES, params![]).await?.get(0)
}

/// Locks who asks, then the rooms in question.
async fn lock(lane: &Lane, request: &CommitRequest) -> PgResult<()> {
    let replaced = request.replaces.as_ref().unwrap_or(&request.room);
    let handle = request.group.as_ref().map(|entry| &entry.handle.as_bytes()[..]);
    let rooms = params![&request.room.as_bytes()[..], &replaced.as_bytes()[..], handle];
    let sql = "SELECT 1 FROM rooms WHERE room = $1 OR room = $2 OR handle = $3 ORDER BY room FOR UPDATE";
    lane.know(LOCK_USER).await?;
    try_join(lock_user(lane, &request.from.userid), lane.rows(sql, rooms)).await?;
    Ok(())
}

/// Carries out an accepted request; whose mailboxes have something new.
async fn carry_out(
    lane: &Lane,
    request: &CommitRequest,
    change: &Change,
    departures: i64,
    (rule, now): (&MailRule, Timestamp),
) -> PgResult<Vec<Member>> {
    let room = &request.room;
    if change.gives_up {
        situation::give_up(lane, room, now).await?;
        // A room without an entry goes with its last terminal.
        lane.run("DELETE FROM roster WHERE room = $1", params![&room.as_bytes()[..]]).await?;
        roster::desert(lane, &[*room]).await?;
        return Ok(Vec::new());
    }
    if change.founds {
        found(lane, request, change, now).await?;
    }
    enrol(lane, room, &change.roster).await?;
    let signed = Signed { signed: written(&request.signed)?, departures };
    // All mailboxes are locked at once, in their order.
    let welcomed = &change.welcomed | &change.told;
    mailbox::lock(lane, &change.followers | &welcomed, &request.from).await?;
    let mut notify = Vec::new();
    for (kind, body, to) in
        [(MailKind::Commit, &request.commit, &change.followers), (MailKind::Welcome, &request.welcome, &welcomed)]
    {
        let mut to = mailbox::lock(lane, to.clone(), &request.from).await?;
        if !body.is_empty() {
            let (from, epoch) = (&request.from, request.epoch);
            let letter = Letter { room, from, kind, epoch, id: None, body };
            mailbox::keep(lane, &letter, Some(&signed), &mut to, (rule, now)).await?;
        }
        notify.extend(mailbox::settle(lane, &request.from.userid, to).await?);
    }
    describe(lane, room, &change.kind).await?;
    if !request.commit.is_empty() {
        lane.run("UPDATE rooms SET epoch = epoch + 1 WHERE room = $1", params![&room.as_bytes()[..]]).await?;
        situation::count_epoch(lane, request).await?;
    }
    write_ghosts(lane, room, &change.ghosts).await?;
    // Last, because a room without terminals is forgotten.
    for gone in change.followers.difference(&change.roster) {
        let sql = "DELETE FROM roster WHERE room = $1 AND userid = $2 AND terminal = $3";
        let (user, terminal) = (gone.userid.as_str(), &gone.terminal.as_bytes()[..]);
        lane.run(sql, params![&room.as_bytes()[..], user, terminal]).await?;
    }
    roster::desert(lane, &[*room]).await?;
    Ok(notify)
}

/// Makes the room. One that it succeeds, and those that would be too many, are closed.
async fn found(lane: &Lane, request: &CommitRequest, change: &Change, now: Timestamp) -> PgResult<()> {
    for room in &change.closes {
        roster::close(lane, room, false).await?;
    }
    if let Some(room) = &change.replaces {
        let moved = !roster::roster(lane, room).await?.is_empty();
        roster::close(lane, room, moved).await?;
    }
    let is_group = matches!(change.kind, Kind::Group { .. });
    lane.run(
        "INSERT INTO rooms (room, epoch, is_group, founder, founded_at) VALUES ($1, 0, $2, $3, $4)",
        params![&request.room.as_bytes()[..], is_group, request.from.userid.as_str(), number(now.seconds())],
    )
    .await?;
    situation::count_founding(lane, request).await
}

/// Puts terminals on the roster that are not there yet.
async fn enrol(lane: &Lane, room: &RoomId, members: &BTreeSet<Member>) -> PgResult<()> {
    try_join_all(members.iter().map(|member| async move {
        let sql = "INSERT INTO roster (room, userid, terminal) VALUES ($1, $2, $3)
                   ON CONFLICT (room, userid, terminal) DO NOTHING";
        let (user, terminal) = (member.userid.as_str(), &member.terminal.as_bytes()[..]);
        lane.run(sql, params![&room.as_bytes()[..], user, terminal]).await
    }))
    .await?;
    Ok(())
}

async fn write_ghosts(lane: &Lane, room: &RoomId, ghosts: &BTreeSet<Member>) -> PgResult<()> {
    lane.run("DELETE FROM ghosts WHERE room = $1", params![&room.as_bytes()[..]]).await?;
    try_join_all(ghosts.iter().map(|ghost| async move {
        let (user, terminal) = (ghost.userid.as_str(), &ghost.terminal.as_bytes()[..]);
        let sql = "INSERT INTO ghosts (room, userid, terminal) VALUES ($1, $2, $3)";
        lane.run(sql, params![&room.as_bytes()[..], user, terminal]).await
    }))
    .await?;
    Ok(())
}

/// Writes down what a room is: its two users, or its handle and its admins.
async fn describe(lane: &Lane, room: &RoomId, kind: &Kind) -> PgResult<()> {
    let room = &room.as_bytes()[..];
    match kind {
        Kind::Pair(users) => {
            for user in users {
                let sql = "INSERT INTO room_users (room, userid) VALUES ($1, $2) ON CONFLICT (room, userid) DO NOTHING";
                lane.run(sql, params![room, user.as_str()]).await?;
            }
        }
        Kind::Group { handle, admins } => {
            let handle = handle.as_ref().map(|handle| &handle.as_bytes()[..]);
            lane.run("UPDATE rooms SET handle = $2 WHERE room = $1", params![room, handle]).await?;
            lane.run("DELETE FROM room_admins WHERE room = $1", params![room]).await?;
            for (place, admin) in (0_i64..).zip(admins) {
                let sql = "INSERT INTO room_admins (room, userid, place)
                           SELECT CAST($1 AS BYTEA), id, CAST($3 AS BIGINT) FROM users WHERE id = $2";
                lane.run(sql, params![room, admin.as_str(), place]).await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn group(lane: &Lane, handle: &GroupHandle) -> PgResult<GroupReply> {
    let sql = "SELECT m.room FROM rooms AS m WHERE m.handle = $1
               AND EXISTS (SELECT 1 FROM roster AS r WHERE r.room = m.room)";
    let Some(row) = lane.maybe(sql, params![&handle.as_bytes()[..]]).await? else {
        return Ok(GroupReply { room: None, admins: Vec::new() });
    };
    let room = RoomId(row.bytes(0)?);
    Ok(GroupReply { room: Some(room), admins: situation::admins(lane, &room).await? })
}

/// The epochs of these rooms, those aside that the terminal is not in.
pub(super) async fn epochs(lane: &Lane, of: &Member, rooms: &[RoomId]) -> PgResult<Vec<RoomEpoch>> {
    let epochs = try_join_all(rooms.iter().map(|room| async move {
        let epoch = roster::epoch_for(lane, room, of).await?;
        PgResult::Ok(epoch.map(|epoch| RoomEpoch { room: *room, epoch }))
    }));
    Ok(epochs.await?.into_iter().flatten().collect())
}

pub(super) async fn all(lane: &Lane) -> PgResult<Vec<RoomRecord>> {
    let mut admins: BTreeMap<RoomId, Vec<UserId>> = BTreeMap::new();
    for row in lane.rows("SELECT room, userid FROM room_admins ORDER BY place, userid", params![]).await? {
        admins.entry(RoomId(row.bytes(0)?)).or_default().push(row.user(1)?);
    }
    let mut users: BTreeMap<RoomId, (BTreeSet<UserId>, u64)> = BTreeMap::new();
    for row in lane.rows("SELECT room, userid FROM roster", params![]).await? {
        let (users, terminals) = users.entry(RoomId(row.bytes(0)?)).or_default();
        users.insert(row.user(1)?);
        *terminals += 1;
    }
    let mut records = Vec::new();
    for row in lane.rows("SELECT room, epoch, handle IS NOT NULL FROM rooms ORDER BY room", params![]).await? {
        let room = RoomId(row.bytes(0)?);
        let Some((users, terminals)) = users.remove(&room) else { continue };
        records.push(RoomRecord {
            room,
            epoch: row.number(1)?,
            named: row.get(2)?,
            admins: admins.remove(&room).unwrap_or_default(),
            users: users.into_iter().collect(),
            terminals,
        });
    }
    Ok(records)
}

pub(super) async fn remove(lane: &Lane, room: &RoomId) -> PgResult<RoomRemoval> {
    Ok(if roster::close(lane, room, false).await? { RoomRemoval::Removed } else { RoomRemoval::NoSuchRoom })
}
