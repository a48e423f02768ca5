//! Invitations (decision D23).

use common::crypto::invite::InviteCode;
use common::ident::UserId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::users::{id_status, user_id};
use directory_core::store::{IdStatus, InviteRecord};
use directory_core::timestamp::Timestamp;

pub(super) fn invite(connection: &Connection, invite: &InviteRecord, now: Timestamp) -> SqlResult<IdStatus> {
    let before = id_status(connection, &invite.user, now)?;
    match before {
        IdStatus::Taken | IdStatus::Removed => {}
        IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite => put(connection, invite)?,
    }
    connection.execute("DELETE FROM invites WHERE expires <= ?1", [now.seconds()])?;
    Ok(before)
}

pub(super) fn put(connection: &Connection, invite: &InviteRecord) -> SqlResult<()> {
    connection.execute(
        "INSERT OR REPLACE INTO invites (user, code, expires) VALUES (?1, ?2, ?3)",
        params![invite.user.as_str(), invite.code.to_bytes(), invite.expires],
    )?;
    Ok(())
}

pub(super) fn live(connection: &Connection, user: &UserId, now: Timestamp) -> SqlResult<Option<InviteCode>> {
    let mut statement = connection.prepare_cached("SELECT code FROM invites WHERE user = ?1 AND expires > ?2")?;
    let code = statement.query_row(params![user.as_str(), now.seconds()], |row| code(row, 0));
    Ok(code.optional()?)
}

pub(super) fn all(connection: &Connection, now: Timestamp) -> SqlResult<Vec<InviteRecord>> {
    let mut statement =
        connection.prepare("SELECT user, code, expires FROM invites WHERE expires > ?1 ORDER BY user")?;
    let records = statement.query_map([now.seconds()], |row| {
        Ok(InviteRecord { user: user_id(row, 0)?, code: code(row, 1)?, expires: row.get(2)? })
    })?;
    Ok(records.collect::<Result<_, _>>()?)
}

pub(super) fn revoke(connection: &Connection, code: &InviteCode) -> SqlResult<Option<UserId>> {
    let mut statement = connection.prepare("DELETE FROM invites WHERE code = ?1 RETURNING user")?;
    Ok(statement.query_row([code.to_bytes()], |row| user_id(row, 0)).optional()?)
}

fn code(row: &Row<'_>, column: usize) -> rusqlite::Result<InviteCode> {
    row.get(column).map(InviteCode::from_bytes)
}
