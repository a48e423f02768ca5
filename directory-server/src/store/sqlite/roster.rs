//! Who is in a room.

use common::ident::{RoomId, TerminalId};
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
