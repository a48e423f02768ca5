//! Who is in a room.

use std::collections::BTreeSet;

use common::ident::{RoomId, UserId};
use common::msg::Member;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::params;

/// The epoch of a room; nothing if the terminal is not in it.
pub(super) async fn epoch_for(lane: &Lane, room: &RoomId, of: &Member) -> PgResult<Option<u64>> {
    let row = lane
        .maybe(
            "SELECT m.epoch FROM rooms AS m JOIN roster AS r ON r.room = m.room
             WHERE m.room = $1 AND r.userid = $2 AND r.terminal = $3",
            params![&room.as_bytes()[..], of.userid.as_str(), &of.terminal.as_bytes()[..]],
        )
        .await?;
    row.map(|row| row.number(0)).transpose()
}

/// The terminals of a room.
pub(super) async fn roster(lane: &Lane, room: &RoomId) -> PgResult<BTreeSet<Member>> {
    let rows = lane.rows("SELECT userid, terminal FROM roster WHERE room = $1", params![&room.as_bytes()[..]]).await?;
    rows.iter().map(|row| row.member(0)).collect()
}

/// Members of a room's tree that get no mail.
pub(super) async fn ghosts(lane: &Lane, room: &RoomId) -> PgResult<BTreeSet<Member>> {
    let rows = lane.rows("SELECT userid, terminal FROM ghosts WHERE room = $1", params![&room.as_bytes()[..]]).await?;
    rows.iter().map(|row| row.member(0)).collect()
}

/// All terminals of a user leave a room, which is locked. They stay in its tree, as ghosts; the user is no admin any more,
/// unless nobody else is left.
pub(super) async fn leave(lane: &Lane, room: &RoomId, user: &UserId) -> PgResult<()> {
    let of = params![&room.as_bytes()[..], user.as_str()];
    for sql in [
        "INSERT INTO ghosts (room, userid, terminal)
         SELECT room, userid, terminal FROM roster WHERE room = $1 AND userid = $2
         ON CONFLICT (room, userid, terminal) DO NOTHING",
        "DELETE FROM roster WHERE room = $1 AND userid = $2",
        "DELETE FROM room_admins WHERE room = $1 AND userid = $2
             AND EXISTS (SELECT 1 FROM roster AS r WHERE r.room = $1)",
    ] {
        lane.run(sql, of).await?;
    }
    desert(lane, &[*room]).await
}

/// Ends a room for good; false if there is none.
pub(super) async fn close(lane: &Lane, room: &RoomId, moved: bool) -> PgResult<bool> {
    if lane.run("DELETE FROM rooms WHERE room = $1", params![&room.as_bytes()[..]]).await? == 0 {
        return Ok(false);
    }
    lane.run(
        "INSERT INTO past_rooms (room, moved) VALUES ($1, $2)
         ON CONFLICT (room) DO UPDATE SET moved = excluded.moved",
        params![&room.as_bytes()[..], moved],
    )
    .await?;
    Ok(true)
}

/// Ends those of these rooms that have no terminals; the handle of a group is kept for its admins.
pub(super) async fn desert(lane: &Lane, rooms: &[RoomId]) -> PgResult<()> {
    for room in rooms {
        let deserted = "SELECT 1 FROM rooms AS m WHERE m.room = $1 AND m.handle IS NULL
                        AND NOT EXISTS (SELECT 1 FROM roster AS r WHERE r.room = m.room)";
        if lane.has(deserted, params![&room.as_bytes()[..]]).await? {
            close(lane, room, false).await?;
        }
    }
    Ok(())
}
