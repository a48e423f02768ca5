//! Changes of a passcode: the newest record and vault, and those from before (decision D33; threats L6 and L14).

use common::crypto::opaque::KSF_VERSION;
use common::ident::{CredentialId, TerminalId, UserId};
use common::limits::FORMER_PASSCODE;
use directory_core::records::{NewPasscode, PasscodeChange};
use directory_core::timestamp::Timestamp;

use super::error::PgResult;
use super::lanes::Lane;
use super::locks::lock_user;
use super::row::{number, params};
use super::time;
use crate::store::bounds::FORMER_KEPT;

/// A record from before a change, with its vault.
pub(super) struct Former {
    pub(super) record: Vec<u8>,
    pub(super) vault: Vec<u8>,
    version: i64,
}

pub(super) async fn credential(lane: &Lane, user: &UserId) -> PgResult<Option<CredentialId>> {
    let row = lane.maybe("SELECT credential FROM credentials WHERE userid = $1", params![user.as_str()]).await?;
    row.map(|row| row.bytes(0).map(CredentialId)).transpose()
}

pub(super) async fn change(lane: &Lane, new: &NewPasscode, now: Timestamp) -> PgResult<PasscodeChange> {
    let NewPasscode { user, terminal, credential, proved, record, vault, version } = new;
    lock_user(lane, user).await?;
    let Some(age) = age(lane, user, terminal).await? else { return Ok(PasscodeChange::Outdated) };
    let Some(holds) = proven(lane, user, credential, proved, (age, now)).await? else {
        return Ok(PasscodeChange::Outdated);
    };
    if *version <= holds.version() {
        return Ok(PasscodeChange::Outdated);
    }
    if let Proven::InForce { .. } = holds {
        keep_former(lane, user, age, now).await?;
    }
    lane.run(
        "UPDATE credentials SET record = $2, ksf_version = $3, vault = $4, vault_version = $5 WHERE userid = $1",
        params![user.as_str(), record, i64::from(KSF_VERSION), vault, version],
    )
    .await?;
    lane.run(
        "UPDATE terminals SET cookie = CASE WHEN age > $2 THEN CAST('' AS BYTEA) ELSE cookie END,
             elder_cookie = CASE WHEN elder_age > $2 THEN NULL ELSE elder_cookie END,
             elder_age = CASE WHEN elder_age > $2 THEN NULL ELSE elder_age END
         WHERE userid = $1",
        params![user.as_str(), age],
    )
    .await?;
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

/// What a record of these credentials is for a terminal of this age now; nothing if it opens nothing (any more).
pub(super) async fn proven(
    lane: &Lane,
    user: &UserId,
    credential: &CredentialId,
    record: &[u8],
    (age, now): (i64, Timestamp),
) -> PgResult<Option<Proven>> {
    let sql = "SELECT record, vault_version FROM credentials WHERE userid = $1 AND credential = $2";
    let Some(row) = lane.maybe(sql, params![user.as_str(), &credential.as_bytes()[..]]).await? else {
        return Ok(None);
    };
    let newest: &[u8] = row.get(0)?;
    if newest == record {
        return Ok(Some(Proven::InForce { version: row.get(1)? }));
    }
    let former = former(lane, user, age, now).await?.filter(|former| former.record == record);
    Ok(former.map(|former| Proven::Former { version: former.version }))
}

/// Keeps the pair in force, which a terminal of this age is about to replace. Those that nobody may use any more go first: they
/// must not leave the place of the first that a thief has replaced to the next (threat L14).
async fn keep_former(lane: &Lane, user: &UserId, age: i64, now: Timestamp) -> PgResult<()> {
    let (since, date) = (good_since(lane, now).await?, time::settled(lane).await?.at_least(now.seconds()));
    lane.run(
        "DELETE FROM former_passcodes WHERE userid = $1 AND number NOT IN
             (SELECT number FROM former_passcodes WHERE userid = $1
              ORDER BY settled AND changed_at <= $3, number LIMIT $2)",
        params![user.as_str(), FORMER_KEPT - 1, since],
    )
    .await?;
    lane.run(
        "INSERT INTO former_passcodes
             (userid, number, record, ksf_version, vault, vault_version, changed_by, changed_at, settled)
         SELECT userid, 1 + coalesce((SELECT max(number) FROM former_passcodes WHERE userid = $1), 0),
                record, ksf_version, vault, vault_version, $2, $3, false
         FROM credentials WHERE userid = $1",
        params![user.as_str(), age, number(date)],
    )
    .await?;
    Ok(())
}

/// What was replaced up to this moment is good for older terminals no more. That time is over when it has surely passed: a run
/// whose clock is wrong takes nobody's way back away (threat L15).
async fn good_since(lane: &Lane, now: Timestamp) -> PgResult<i64> {
    let past = time::settled(lane).await?.surely_past(now.seconds());
    Ok(number(past.saturating_sub(FORMER_PASSCODE.as_secs())))
}

/// The pair from before a change that a terminal of this age may use: the one it replaced itself, until the newest has been
/// used; otherwise the first of those that younger ones have replaced, for [`FORMER_PASSCODE`].
pub(super) async fn former(lane: &Lane, user: &UserId, age: i64, now: Timestamp) -> PgResult<Option<Former>> {
    let since = good_since(lane, now).await?;
    let row = lane
        .maybe(
            "SELECT record, vault, vault_version FROM former_passcodes
             WHERE userid = $1 AND ((changed_by = $2 AND NOT settled) OR (changed_by > $2 AND changed_at > $3))
             ORDER BY CASE WHEN changed_by = $2 THEN 0 ELSE 1 END,
                 CASE WHEN changed_by = $2 THEN -number ELSE number END LIMIT 1",
            params![user.as_str(), age, since],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Former { record: row.get(0)?, vault: row.get(1)?, version: row.get(2)? }))
}

/// The version of the vault in force.
pub(super) async fn newest_version(lane: &Lane, user: &UserId) -> PgResult<Option<u64>> {
    let row = lane.maybe("SELECT vault_version FROM credentials WHERE userid = $1", params![user.as_str()]).await?;
    row.map(|row| row.number(0)).transpose()
}

/// After a login with `record`: if it is the newest, whoever made the change does not need the one before any more.
pub(super) async fn settle(lane: &Lane, user: &UserId, record: &[u8]) -> PgResult<()> {
    lane.run(
        "UPDATE former_passcodes SET settled = true
         WHERE userid = $1 AND NOT settled
             AND EXISTS (SELECT 1 FROM credentials WHERE userid = $1 AND record = $2)",
        params![user.as_str(), record],
    )
    .await?;
    Ok(())
}

/// How old a terminal that holds a cookie is beside the others of its user: the greater, the younger.
pub(super) async fn age(lane: &Lane, user: &UserId, terminal: &TerminalId) -> PgResult<Option<i64>> {
    let sql = "SELECT age FROM terminals WHERE userid = $1 AND terminal = $2 AND length(cookie) > 0";
    let row = lane.maybe(sql, params![user.as_str(), &terminal.as_bytes()[..]]).await?;
    row.map(|row| row.get(0)).transpose()
}
