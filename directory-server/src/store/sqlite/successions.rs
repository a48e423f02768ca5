//! New identity keys in the place of former ones, and the statements about them (decision D47).

use common::crypto::opaque::KSF_VERSION;
use common::ident::{TerminalId, UserId};
use common::limits::{SUCCESSOR_CERTIFICATES, SUCCESSORS, SUCCESSORS_IN_ONE};
use common::msg::{Blob, Certificate, OwnSuccessor, Successor};
use rusqlite::{Connection, params};

use super::error::SqlResult;
use super::{passcode, terminals};
use directory_core::records::{KeyChange, NewKey, NewPasscode};
use directory_core::store::StoreError;
use directory_core::timestamp::Timestamp;

pub(super) fn change(connection: &Connection, new: &NewKey, now: Timestamp) -> SqlResult<KeyChange> {
    let NewKey { passcode: new, former, own } = new;
    let NewPasscode { user, terminal, credential, proved, record, vault, version } = new;
    let Some(age) = passcode::age(connection, user, terminal)? else { return Ok(KeyChange::Outdated) };
    match passcode::proven(connection, user, credential, proved, age, now)? {
        Some(holds) if *version > holds.version() => {}
        Some(_) | None => return Ok(KeyChange::Outdated),
    }
    if terminals::public_key(connection, user)?.is_none_or(|key| key.0 != *former) {
        return Ok(KeyChange::Outdated);
    }
    if has_older(connection, user, age)? {
        return Ok(KeyChange::Older);
    }
    connection
        .prepare_cached(
            "UPDATE credentials SET record = ?2, ksf_version = ?3, vault = ?4, vault_version = ?5, public_key = ?6
             WHERE user = ?1",
        )?
        .execute(params![user.as_str(), record, KSF_VERSION, vault, version, own.successor.publickey.0])?;
    keep(connection, user, own)?;
    // What a former passcode opens is the former key.
    connection.prepare_cached("DELETE FROM former_passcodes WHERE user = ?1")?.execute([user.as_str()])?;
    end_cookies(connection, user, terminal)?;
    Ok(KeyChange::Changed)
}

/// Whether another terminal that can show a cookie has been there longer.
fn has_older(connection: &Connection, user: &UserId, age: i64) -> SqlResult<bool> {
    let sql = "SELECT 1 FROM terminals
               WHERE user = ?1 AND ((age < ?2 AND cookie <> x'') OR (elder_age < ?2 AND elder_cookie IS NOT NULL))";
    Ok(connection.prepare_cached(sql)?.exists(params![user.as_str(), age])?)
}

fn keep(connection: &Connection, user: &UserId, own: &OwnSuccessor) -> SqlResult<()> {
    let statement = serde_json::to_string(&own.successor).map_err(|error| StoreError::Failed(error.to_string()))?;
    connection
        .prepare_cached("INSERT INTO successors (user, statement, store) VALUES (?1, ?2, ?3)")?
        .execute(params![user.as_str(), statement, own.store.0])?;
    connection
        .prepare_cached(
            "DELETE FROM successors WHERE user = ?1 AND number NOT IN
                 (SELECT number FROM successors WHERE user = ?1 ORDER BY number DESC LIMIT ?2)",
        )?
        .execute(params![user.as_str(), i64::try_from(SUCCESSORS).unwrap_or(i64::MAX)])?;
    Ok(())
}

fn end_cookies(connection: &Connection, user: &UserId, but_of: &TerminalId) -> SqlResult<()> {
    connection
        .prepare_cached(
            "UPDATE terminals SET cookie = iif(terminal = ?2, cookie, x''), elder_cookie = NULL, elder_age = NULL
             WHERE user = ?1",
        )?
        .execute(params![user.as_str(), but_of.as_bytes()])?;
    Ok(())
}

pub(super) fn of(connection: &Connection, users: Vec<UserId>) -> SqlResult<Vec<Successor>> {
    let mut all = Vec::new();
    for user in users {
        let own = own(connection, &user)?;
        if all.len() + own.len() <= SUCCESSORS_IN_ONE {
            all.extend(own.into_iter().map(|own| own.successor));
        }
    }
    Ok(all)
}

pub(super) fn own(connection: &Connection, user: &UserId) -> SqlResult<Vec<OwnSuccessor>> {
    let mut statement =
        connection.prepare_cached("SELECT statement, store FROM successors WHERE user = ?1 ORDER BY number")?;
    let rows = statement.query_map([user.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (statement, store) = row?;
        let successor = serde_json::from_str(&statement).map_err(|error| StoreError::Failed(error.to_string()))?;
        all.push(OwnSuccessor { successor, store: Blob(store) });
    }
    Ok(all)
}

pub(super) fn certificates(connection: &Connection, user: &UserId) -> SqlResult<Vec<Certificate>> {
    let mut statement = connection.prepare_cached(
        "SELECT certificate FROM terminals WHERE user = ?1 AND certificate IS NOT NULL
         ORDER BY cookie = x'' AND elder_cookie IS NULL, coalesce(elder_age, age), last_seen DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(SUCCESSOR_CERTIFICATES).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![user.as_str(), limit], |row| row.get::<_, Vec<u8>>(0))?;
    rows.map(|encoded| terminals::decode(&encoded?)).collect()
}
