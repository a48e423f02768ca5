//! Changes of a passcode: the newest record and vault, and those from before (threat L6).

use common::crypto::opaque::KSF_VERSION;
use common::ident::{CredentialId, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use directory_core::records::{NewPasscode, PasscodeChange};

pub(super) fn credential(connection: &Connection, user: &UserId) -> SqlResult<Option<CredentialId>> {
    let mut statement = connection.prepare_cached("SELECT credential FROM credentials WHERE user = ?1")?;
    Ok(statement.query_row([user.as_str()], |row| row.get(0).map(CredentialId)).optional()?)
}

pub(super) fn change(connection: &Connection, new: &NewPasscode) -> SqlResult<PasscodeChange> {
    let NewPasscode { user, credential, record, vault, version } = new;
    // A pair nobody has logged in with yet is replaced; the one before it is the one that certainly works.
    connection
        .prepare_cached(
            "INSERT INTO former_credentials (user, record, ksf_version, vault, vault_version)
             SELECT user, record, ksf_version, vault, vault_version FROM credentials
             WHERE user = ?1 AND credential = ?2 AND vault_version < ?3
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![user.as_str(), credential.as_bytes(), version])?;
    let changed = connection
        .prepare_cached(
            "UPDATE credentials SET record = ?4, ksf_version = ?5, vault = ?6, vault_version = ?3
             WHERE user = ?1 AND credential = ?2
                 AND ?3 > (SELECT vault_version FROM former_credentials WHERE user = ?1)",
        )?
        .execute(params![user.as_str(), credential.as_bytes(), version, record, KSF_VERSION, vault])?;
    Ok(if changed > 0 { PasscodeChange::Changed } else { PasscodeChange::Outdated })
}

/// Record and vault from before a change, while they are kept.
pub(super) fn former(connection: &Connection, user: &UserId) -> SqlResult<Option<(Vec<u8>, Vec<u8>)>> {
    let mut statement = connection.prepare_cached("SELECT record, vault FROM former_credentials WHERE user = ?1")?;
    Ok(statement.query_row([user.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// After a login with `record`: if it is the newest, the one before is not needed any more.
pub(super) fn settle(connection: &Connection, user: &UserId, record: &[u8]) -> SqlResult<()> {
    connection
        .prepare_cached(
            "DELETE FROM former_credentials
             WHERE user = ?1 AND EXISTS (SELECT 1 FROM credentials WHERE user = ?1 AND record = ?2)",
        )?
        .execute(params![user.as_str(), record])?;
    Ok(())
}
