//! Changes of a passcode: the newest record and vault, and those from before (decision D33; threats L6 and L14).

use common::crypto::opaque::KSF_VERSION;
use common::ident::{CredentialId, TerminalId, UserId};
use common::limits::FORMER_PASSCODE;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::time;
use crate::store::bounds::FORMER_KEPT;
use directory_core::records::{NewPasscode, PasscodeChange};
use directory_core::timestamp::Timestamp;

/// A record from before a change, with its vault.
pub(super) struct Former {
    pub(super) record: Vec<u8>,
    pub(super) vault: Vec<u8>,
    version: i64,
}

pub(super) fn credential(connection: &Connection, user: &UserId) -> SqlResult<Option<CredentialId>> {
    let mut statement = connection.prepare_cached("SELECT credential FROM credentials WHERE user = ?1")?;
    Ok(statement.query_row([user.as_str()], |row| row.get(0).map(CredentialId)).optional()?)
}

pub(super) fn change(connection: &Connection, new: &NewPasscode, now: Timestamp) -> SqlResult<PasscodeChange> {
    let NewPasscode { user, terminal, credential, proved, record, vault, version } = new;
    let Some(age) = age(connection, user, terminal)? else { return Ok(PasscodeChange::Outdated) };
    let Some(holds) = proven(connection, user, credential, proved, age, now)? else {
        return Ok(PasscodeChange::Outdated);
    };
    if *version <= holds.version() {
        return Ok(PasscodeChange::Outdated);
    }
    if let Proven::InForce { .. } = holds {
        keep_former(connection, user, age, now)?;
    }
    connection
        .prepare_cached(
            "UPDATE credentials SET record = ?2, ksf_version = ?3, vault = ?4, vault_version = ?5 WHERE user = ?1",
        )?
        .execute(params![user.as_str(), record, KSF_VERSION, vault, version])?;
    connection
        .prepare_cached(
            "UPDATE terminals SET cookie = iif(age > ?2, x'', cookie),
                 elder_cookie = iif(elder_age > ?2, NULL, elder_cookie), elder_age = iif(elder_age > ?2, NULL, elder_age)
             WHERE user = ?1",
        )?
        .execute(params![user.as_str(), age])?;
    Ok(PasscodeChange::Changed)
}

/// What a record is that somebody has proved the passcode of.
pub(super) enum Proven {
    /// The newest, with the version of its vault.
    InForce { version: i64 },
    /// One from before a change that the terminal may use.
    Former { version: i64 },
}

impl Proven {
    pub(super) fn version(&self) -> i64 {
        match self {
            Self::InForce { version } | Self::Former { version } => *version,
        }
    }
}

/// What a record of these credentials is for a terminal of this age; nothing if it opens nothing (any more).
pub(super) fn proven(
    connection: &Connection,
    user: &UserId,
    credential: &CredentialId,
    record: &[u8],
    age: i64,
    now: Timestamp,
) -> SqlResult<Option<Proven>> {
    let mut statement = connection
        .prepare_cached("SELECT record, vault_version FROM credentials WHERE user = ?1 AND credential = ?2")?;
    let newest: Option<(Vec<u8>, i64)> = statement
        .query_row(params![user.as_str(), credential.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match newest {
        None => None,
        Some((newest, version)) if newest == record => Some(Proven::InForce { version }),
        Some(_) => former(connection, user, age, now)?
            .filter(|former| former.record == record)
            .map(|former| Proven::Former { version: former.version }),
    })
}

/// Keeps the pair in force, which a terminal of this age is about to replace. Those that nobody may use any more go first: they
/// must not leave the place of the first that a thief has replaced to the next (threat L14).
fn keep_former(connection: &Connection, user: &UserId, age: i64, now: Timestamp) -> SqlResult<()> {
    let (since, date) = (good_since(connection, now)?, time::settled(connection)?.at_least(now.seconds()));
    connection
        .prepare_cached(
            "DELETE FROM former_passcodes WHERE user = ?1 AND number NOT IN
                 (SELECT number FROM former_passcodes WHERE user = ?1
                  ORDER BY settled = 1 AND changed_at <= ?3, number LIMIT ?2)",
        )?
        .execute(params![user.as_str(), FORMER_KEPT - 1, since])?;
    connection
        .prepare_cached(
            "INSERT INTO former_passcodes
                 (user, record, ksf_version, vault, vault_version, changed_by, changed_at, settled)
             SELECT user, record, ksf_version, vault, vault_version, ?2, ?3, 0 FROM credentials WHERE user = ?1",
        )?
        .execute(params![user.as_str(), age, date])?;
    Ok(())
}

/// What was replaced up to this moment is good for older terminals no more. That time is over when it has surely passed: a run
/// whose clock is wrong takes nobody's way back away (threat L15).
fn good_since(connection: &Connection, now: Timestamp) -> SqlResult<u64> {
    let past = time::settled(connection)?.surely_past(now.seconds());
    Ok(past.saturating_sub(FORMER_PASSCODE.as_secs()))
}

/// The pair from before a change that a terminal of this age may use: the one it replaced itself, until the newest has been
/// used; otherwise the first of those that younger ones have replaced, for [`FORMER_PASSCODE`].
pub(super) fn former(connection: &Connection, user: &UserId, age: i64, now: Timestamp) -> SqlResult<Option<Former>> {
    let mut statement = connection.prepare_cached(
        "SELECT record, vault, vault_version FROM former_passcodes
         WHERE user = ?1 AND ((changed_by = ?2 AND settled = 0) OR (changed_by > ?2 AND changed_at > ?3))
         ORDER BY changed_by <> ?2, CASE WHEN changed_by = ?2 THEN -number ELSE number END LIMIT 1",
    )?;
    let since = good_since(connection, now)?;
    let former = statement.query_row(params![user.as_str(), age, since], |row| {
        Ok(Former { record: row.get(0)?, vault: row.get(1)?, version: row.get(2)? })
    });
    Ok(former.optional()?)
}

/// The version of the vault in force.
pub(super) fn newest_version(connection: &Connection, user: &UserId) -> SqlResult<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT vault_version FROM credentials WHERE user = ?1")?;
    Ok(statement.query_row([user.as_str()], |row| row.get(0)).optional()?)
}

/// After a login with `record`: if it is the newest, whoever made the change does not need the one before any more.
pub(super) fn settle(connection: &Connection, user: &UserId, record: &[u8]) -> SqlResult<()> {
    connection
        .prepare_cached(
            "UPDATE former_passcodes SET settled = 1
             WHERE user = ?1 AND settled = 0
                 AND EXISTS (SELECT 1 FROM credentials WHERE user = ?1 AND record = ?2)",
        )?
        .execute(params![user.as_str(), record])?;
    Ok(())
}

/// How old a terminal that holds a cookie is beside the others of its user: the greater, the younger.
pub(super) fn age(connection: &Connection, user: &UserId, terminal: &TerminalId) -> SqlResult<Option<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT age FROM terminals WHERE user = ?1 AND terminal = ?2 AND cookie <> x''")?;
    Ok(statement.query_row(params![user.as_str(), terminal.as_bytes()], |row| row.get(0)).optional()?)
}
