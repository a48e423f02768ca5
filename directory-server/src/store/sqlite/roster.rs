//! Who is in a room.

use common::ident::{RoomId, TerminalId, UserId};
use common::msg::Member;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::users::user_id;

/// The epoch of a room; nothing if the terminal is not in it.
pub(super) fn epoch_for(connection: &Connection, room: &RoomId, member: &Member) -> SqlResult<Option<u64>> {
    let mut statement = connection.prepare_cached(
        "SELECT epoch FROM rooms JOIN roster USING (room) WHERE room = ?1 AND user = ?2 AND terminal = ?3",
    )?;
    let epoch = statement
        .query_row(params![room.as_bytes(), member.userid.as_str(), member.terminal.as_bytes()], |row| row.get(0));
    Ok(epoch.optional()?)
}

/// The terminals of a room, those of one user together.
pub(super) fn roster(connection: &Connection, room: &RoomId) -> SqlResult<Vec<Member>> {
    let mut statement =
        connection.prepare_cached("SELECT user, terminal FROM roster WHERE room = ?1 ORDER BY user, terminal")?;
    let members = statement.query_map([room.as_bytes()], |row| {
        Ok(Member { userid: user_id(row, 0)?, terminal: TerminalId(row.get(1)?) })
    })?;
    Ok(members.collect::<Result<_, _>>()?)
}

/// Members of a room's tree that get no mail.
pub(super) fn ghosts(connection: &Connection, room: &RoomId) -> SqlResult<Vec<Member>> {
    let mut statement =
        connection.prepare_cached("SELECT user, terminal FROM ghosts WHERE room = ?1 ORDER BY user, terminal")?;
    let members = statement.query_map([room.as_bytes()], |row| {
        Ok(Member { userid: user_id(row, 0)?, terminal: TerminalId(row.get(1)?) })
    })?;
    Ok(members.collect::<Result<_, _>>()?)
}

/// All terminals of a user leave a room. They stay in its tree, as ghosts; the user is no admin any more, unless nobody else
/// is left.
pub(super) fn leave(connection: &Connection, room: &RoomId, user: &UserId) -> SqlResult<()> {
    let of = params![room.as_bytes(), user.as_str()];
    let sql = "INSERT OR IGNORE INTO ghosts (room, user, terminal)
               SELECT room, user, terminal FROM roster WHERE room = ?1 AND user = ?2";
    connection.prepare_cached(sql)?.execute(of)?;
    connection.prepare_cached("DELETE FROM roster WHERE room = ?1 AND user = ?2")?.execute(of)?;
    let sql = "DELETE FROM room_admins WHERE room = ?1 AND user = ?2
               AND EXISTS (SELECT 1 FROM roster WHERE roster.room = ?1)";
    connection.prepare_cached(sql)?.execute(of)?;
    Ok(())
}
