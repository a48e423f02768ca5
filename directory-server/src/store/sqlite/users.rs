//! Users: what an id is, registration, invitations (decision D23), and what administrators do.

use common::crypto::invite::InviteCode;
use common::crypto::opaque::KSF_VERSION;
use common::ident::{KeyDigest, UserId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::login::read_budget;
use crate::store::bounds::UNKNOWN_TERMINALS;
use directory_core::lockout::{ATTEMPTS_WITHOUT_SUCCESS, Budget};
use directory_core::records::{IdStatus, InviteRecord, NewUser, Registered, UnlockOutcome, UserChange, UserRecord};
use directory_core::timestamp::{Timestamp, whole_seconds};

pub(super) fn id_status(connection: &Connection, user: &UserId, now: Timestamp) -> SqlResult<IdStatus> {
    // All is looked up for every id, so that the time of an answer does not tell which it is (threat L2).
    let taken = has_row(connection, "SELECT 1 FROM credentials WHERE user = ?1", user)?;
    let removed = has_row(connection, "SELECT 1 FROM tombstones WHERE user = ?1", user)?;
    let invited = live_invite(connection, user, now)?;
    // An invitation that looks expired lets nobody in, but keeps the id until it has surely expired (threat L15).
    let kept =
        has_row(connection, "SELECT 1 FROM users WHERE id = ?1 UNION SELECT 1 FROM invites WHERE user = ?1", user)?;
    Ok(match invited {
        _ if taken => IdStatus::Taken,
        _ if removed => IdStatus::Removed,
        Some(code) => IdStatus::Invited(code),
        None if kept => IdStatus::AwaitsInvite,
        None => IdStatus::Free,
    })
}

fn has_row(connection: &Connection, query: &str, user: &UserId) -> SqlResult<bool> {
    Ok(connection.prepare_cached(query)?.exists([user.as_str()])?)
}

pub(super) fn register(connection: &Connection, new: &NewUser, now: Timestamp) -> SqlResult<Registered> {
    match (id_status(connection, &new.id, now)?, &new.invite) {
        (IdStatus::Free, None) => {}
        (IdStatus::Invited(code), Some(invite)) if code == *invite => {}
        (IdStatus::Taken | IdStatus::Removed, _) => return Ok(Registered::Unavailable),
        (IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite, _) => return Ok(Registered::InviteGone),
    }
    let id = new.id.as_str();
    connection
        .prepare_cached("INSERT INTO users (id, registered_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![id, now.seconds()])?;
    let account = &new.account;
    connection
        .prepare_cached(
            "INSERT INTO credentials (user, credential, record, ksf_version, public_key, vault)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            account.credential.as_bytes(),
            account.record,
            KSF_VERSION,
            account.public_key,
            account.vault
        ])?;
    connection.prepare_cached("DELETE FROM invites WHERE user = ?1")?.execute([id])?;
    connection.prepare_cached("DELETE FROM stranger_budgets WHERE user = ?1")?.execute([id])?;
    Ok(Registered::Done)
}

pub(super) fn record_session_end(connection: &Connection, user: &UserId, now: Timestamp) -> SqlResult<()> {
    let mut statement = connection.prepare_cached("UPDATE users SET last_seen = ?2 WHERE id = ?1")?;
    statement.execute(params![user.as_str(), now.seconds()])?;
    Ok(())
}

pub(super) fn lock(connection: &Connection, user: &UserId, reason: &str) -> SqlResult<UserChange> {
    let sql = "UPDATE users SET lock_reason = ?2 WHERE id = ?1";
    let changed = connection.execute(sql, params![user.as_str(), reason])?;
    Ok(if changed > 0 { UserChange::Done } else { UserChange::NoSuchUser })
}

pub(super) fn unlock(connection: &Connection, user: &UserId) -> SqlResult<UnlockOutcome> {
    let mut changed = 0;
    for sql in [
        "UPDATE users SET lock_reason = NULL WHERE id = ?1 AND lock_reason IS NOT NULL",
        "DELETE FROM budgets WHERE user = ?1",
        "DELETE FROM stranger_budgets WHERE user = ?1",
    ] {
        changed += connection.execute(sql, [user.as_str()])?;
    }
    Ok(if changed > 0 { UnlockOutcome::Unlocked } else { UnlockOutcome::WasNotLocked })
}

pub(super) fn reset(connection: &Connection, user: &UserId, invite: &InviteRecord) -> SqlResult<UserChange> {
    if !has_row(connection, "SELECT 1 FROM users WHERE id = ?1", user)? {
        return Ok(UserChange::NoSuchUser);
    }
    // Terminals go before the key, which is kept with their certificates as long as these are needed.
    for sql in [
        "DELETE FROM terminals WHERE user = ?1",
        "DELETE FROM credentials WHERE user = ?1",
        "DELETE FROM budgets WHERE user = ?1",
    ] {
        connection.execute(sql, [user.as_str()])?;
    }
    put_invite(connection, invite)?;
    Ok(UserChange::Done)
}

pub(super) fn remove(connection: &Connection, user: &UserId, now: Timestamp) -> SqlResult<UserChange> {
    // As for a reset, terminals go before the key.
    connection.execute("DELETE FROM terminals WHERE user = ?1", [user.as_str()])?;
    if connection.execute("DELETE FROM users WHERE id = ?1", [user.as_str()])? == 0 {
        return Ok(UserChange::NoSuchUser);
    }
    connection.execute("DELETE FROM invites WHERE user = ?1", [user.as_str()])?;
    let bury = "INSERT OR REPLACE INTO tombstones (user, removed_at) VALUES (?1, ?2)";
    connection.execute(bury, params![user.as_str(), now.seconds()])?;
    Ok(UserChange::Done)
}

pub(super) fn invite(connection: &Connection, invite: &InviteRecord, now: Timestamp) -> SqlResult<IdStatus> {
    let before = id_status(connection, &invite.user, now)?;
    match before {
        IdStatus::Taken | IdStatus::Removed => {}
        IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite => put_invite(connection, invite)?,
    }
    Ok(before)
}

fn put_invite(connection: &Connection, invite: &InviteRecord) -> SqlResult<()> {
    connection.execute(
        "INSERT OR REPLACE INTO invites (user, code, expires) VALUES (?1, ?2, ?3)",
        params![invite.user.as_str(), invite.code.to_bytes(), invite.expires],
    )?;
    Ok(())
}

fn live_invite(connection: &Connection, user: &UserId, now: Timestamp) -> SqlResult<Option<InviteCode>> {
    let mut statement = connection.prepare_cached("SELECT code FROM invites WHERE user = ?1 AND expires > ?2")?;
    let code = statement.query_row(params![user.as_str(), now.seconds()], |row| code(row, 0));
    Ok(code.optional()?)
}

pub(super) fn invites(connection: &Connection, now: Timestamp) -> SqlResult<Vec<InviteRecord>> {
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

const RECORD: &str = "
    SELECT id, public_key, registered_at, users.last_seen, logins,
           (SELECT coalesce(sum(failures), 0) FROM budgets AS b WHERE b.user = id),
           (SELECT count(*) FROM terminals AS t WHERE t.user = id),
           (SELECT count(*) FROM mailbox AS m WHERE m.user = id),
           lock_reason, budgets.used, budgets.locks, budgets.failures, budgets.locked_from, budgets.locked_for,
           (SELECT max(min(b.locked_from, ?2) + b.locked_for) - ?2 FROM budgets AS b
            WHERE b.user = id AND b.terminal != ?1 AND b.locked_for > 0)
    FROM users
    LEFT JOIN credentials ON credentials.user = id
    LEFT JOIN budgets ON budgets.user = id AND budgets.terminal = ?1";

pub(super) fn all(connection: &Connection, now: Timestamp) -> SqlResult<Vec<UserRecord>> {
    let mut statement = connection.prepare(&format!("{RECORD} ORDER BY id"))?;
    let records = statement.query_map(params![UNKNOWN_TERMINALS, now.seconds()], |row| record(row, now))?;
    Ok(records.collect::<Result<_, _>>()?)
}

pub(super) fn one(connection: &Connection, user: &UserId, now: Timestamp) -> SqlResult<Option<UserRecord>> {
    let mut statement = connection.prepare(&format!("{RECORD} WHERE id = ?3"))?;
    let given = params![UNKNOWN_TERMINALS, now.seconds(), user.as_str()];
    let record = statement.query_row(given, |row| record(row, now));
    Ok(record.optional()?)
}

fn record(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<UserRecord> {
    let mut unknown = match row.get::<_, Option<u32>>(9)? {
        Some(_) => read_budget(row, 9)?,
        None => Budget::default(),
    };
    let public_key: Option<Vec<u8>> = row.get(1)?;
    Ok(UserRecord {
        id: user_id(row, 0)?,
        key: public_key.as_deref().map(KeyDigest::of),
        registered_at: row.get(2)?,
        last_seen: row.get(3)?,
        logins: row.get(4)?,
        wrong: row.get(5)?,
        terminals: row.get(6)?,
        waiting: row.get(7)?,
        locked: row.get(8)?,
        locked_out_for: unknown.remaining_lock(now).map(whole_seconds),
        locked_out: unknown.failures >= ATTEMPTS_WITHOUT_SUCCESS,
        known_locked_out_for: row
            .get::<_, Option<i64>>(14)?
            .and_then(|left| u64::try_from(left).ok())
            .filter(|left| *left > 0),
    })
}

pub(super) fn user_id(row: &Row<'_>, column: usize) -> rusqlite::Result<UserId> {
    let text: String = row.get(column)?;
    UserId::parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
