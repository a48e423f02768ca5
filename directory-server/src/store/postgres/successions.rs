//! New identity keys in the place of former ones, and the statements about them (decision D47).

use common::crypto::opaque::KSF_VERSION;
use common::ident::{TerminalId, UserId};
use common::limits::{SUCCESSOR_CERTIFICATES, SUCCESSORS, SUCCESSORS_IN_ONE};
use common::msg::{Blob, Certificate, OwnSuccessor, Successor};
use directory_core::records::{KeyChange, NewKey, NewPasscode};
use directory_core::timestamp::Timestamp;

use super::error::PgResult;
use super::lanes::Lane;
use super::locks::lock_user;
use super::row::{count, params, written};
use super::{passcode, terminals};

pub(super) async fn change(lane: &Lane, new: &NewKey, now: Timestamp) -> PgResult<KeyChange> {
    let NewKey { passcode: new, former, own } = new;
    let NewPasscode { user, terminal, credential, proved, record, vault, version } = new;
    lock_user(lane, user).await?;
    let Some(age) = passcode::age(lane, user, terminal).await? else { return Ok(KeyChange::Outdated) };
    match passcode::proven(lane, user, credential, proved, (age, now)).await? {
        Some(holds) if *version > holds.version() => {}
        Some(_) | None => return Ok(KeyChange::Outdated),
    }
    if terminals::public_key(lane, user).await?.is_none_or(|key| key.0 != *former) {
        return Ok(KeyChange::Outdated);
    }
    if has_older(lane, user, age).await? {
        return Ok(KeyChange::Older);
    }
    lane.run(
        "UPDATE credentials SET record = $2, ksf_version = $3, vault = $4, vault_version = $5, public_key = $6
         WHERE userid = $1",
        params![user.as_str(), record, i64::from(KSF_VERSION), vault, version, own.successor.publickey.0],
    )
    .await?;
    keep(lane, user, own).await?;
    // What a former passcode opens is the former key.
    lane.run("DELETE FROM former_passcodes WHERE userid = $1", params![user.as_str()]).await?;
    end_cookies(lane, user, terminal).await?;
    Ok(KeyChange::Changed)
}

/// Whether another terminal that can show a cookie has been there longer.
async fn has_older(lane: &Lane, user: &UserId, age: i64) -> PgResult<bool> {
    let sql = "SELECT 1 FROM terminals
               WHERE userid = $1
                   AND ((age < $2 AND length(cookie) > 0) OR (elder_age < $2 AND elder_cookie IS NOT NULL))";
    lane.has(sql, params![user.as_str(), age]).await
}

async fn keep(lane: &Lane, user: &UserId, own: &OwnSuccessor) -> PgResult<()> {
    let statement = written(&own.successor)?;
    lane.run(
        "INSERT INTO successors (userid, number, statement, store)
         VALUES ($1, 1 + coalesce((SELECT max(number) FROM successors WHERE userid = $1), 0), $2, $3)",
        params![user.as_str(), statement, own.store.0],
    )
    .await?;
    lane.run(
        "DELETE FROM successors WHERE userid = $1 AND number NOT IN
             (SELECT number FROM successors WHERE userid = $1 ORDER BY number DESC LIMIT $2)",
        params![user.as_str(), count(SUCCESSORS)],
    )
    .await?;
    Ok(())
}

async fn end_cookies(lane: &Lane, user: &UserId, but_of: &TerminalId) -> PgResult<()> {
    lane.run(
        "UPDATE terminals SET cookie = CASE WHEN terminal = $2 THEN cookie ELSE CAST('' AS BYTEA) END,
             elder_cookie = NULL, elder_age = NULL
         WHERE userid = $1",
        params![user.as_str(), &but_of.as_bytes()[..]],
    )
    .await?;
    Ok(())
}

pub(super) async fn of(lane: &Lane, users: &[UserId]) -> PgResult<Vec<Successor>> {
    let mut all = Vec::new();
    for user in users {
        let own = own(lane, user).await?;
        if all.len() + own.len() <= SUCCESSORS_IN_ONE {
            all.extend(own.into_iter().map(|own| own.successor));
        }
    }
    Ok(all)
}

pub(super) async fn own(lane: &Lane, user: &UserId) -> PgResult<Vec<OwnSuccessor>> {
    let sql = "SELECT statement, store FROM successors WHERE userid = $1 ORDER BY number";
    let rows = lane.rows(sql, params![user.as_str()]).await?;
    rows.iter().map(|row| Ok(OwnSuccessor { successor: row.json(0)?, store: Blob(row.get(1)?) })).collect()
}

pub(super) async fn certificates(lane: &Lane, user: &UserId) -> PgResult<Vec<Certificate>> {
    let sql = "SELECT certificate FROM terminals WHERE userid = $1 AND certificate IS NOT NULL
               ORDER BY length(cookie) = 0 AND elder_cookie IS NULL, coalesce(elder_age, age), last_seen DESC LIMIT $2";
    let rows = lane.rows(sql, params![user.as_str(), count(SUCCESSOR_CERTIFICATES)]).await?;
    rows.iter().map(|row| terminals::decode(row.get(0)?)).collect()
}
