//! Users: registration, and what administrators do.

use common::crypto::opaque::KSF_VERSION;
use common::ident::{KeyDigest, UserId};
use directory_core::lockout::{ATTEMPTS_WITHOUT_SUCCESS, Budget};
use directory_core::records::{IdStatus, InviteRecord, NewUser, Registered, UnlockOutcome, UserChange, UserRecord};
use directory_core::timestamp::{Timestamp, whole_seconds};

use super::departures;
use super::error::PgResult;
use super::invites::{id_status, put};
use super::lanes::Lane;
use super::locks::lock_user;
use super::login::read_budget;
use super::row::{Row, number, params};

/// Of two who register an id at once the second finds the first one's row, waits for it, and runs again.
pub(super) async fn register(lane: &Lane, new: &NewUser, now: Timestamp) -> PgResult<Registered> {
    // An invitation that is taken back meanwhile is waited for.
    let invite = "SELECT 1 FROM invites WHERE userid = $1 FOR UPDATE";
    lane.rows(invite, params![new.id.as_str()]).await?;
    match (id_status(lane, &new.id, now).await?, &new.invite) {
        (IdStatus::Free, None) => {}
        (IdStatus::Invited(code), Some(invite)) if code == *invite => {}
        (IdStatus::Taken | IdStatus::Removed, _) => return Ok(Registered::Unavailable),
        (IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite, _) => return Ok(Registered::InviteGone),
    }
    let (id, account) = (new.id.as_str(), &new.account);
    lane.run(
        "INSERT INTO users (id, registered_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        params![id, number(now.seconds())],
    )
    .await?;
    lane.run(
        "INSERT INTO credentials (userid, credential, record, ksf_version, public_key, vault)
         VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            id,
            &account.credential.as_bytes()[..],
            account.record,
            i64::from(KSF_VERSION),
            account.public_key,
            account.vault
        ],
    )
    .await?;
    for sql in ["DELETE FROM invites WHERE userid = $1", "DELETE FROM stranger_budgets WHERE userid = $1"] {
        lane.run(sql, params![id]).await?;
    }
    Ok(Registered::Done)
}

pub(super) async fn record_session_end(lane: &Lane, user: &UserId, now: Timestamp) -> PgResult<()> {
    let sql = "UPDATE users SET last_seen = $2 WHERE id = $1";
    lane.run(sql, params![user.as_str(), number(now.seconds())]).await?;
    Ok(())
}

pub(super) async fn lock(lane: &Lane, user: &UserId, reason: &str) -> PgResult<UserChange> {
    let sql = "UPDATE users SET lock_reason = $2 WHERE id = $1";
    let changed = lane.run(sql, params![user.as_str(), reason]).await?;
    Ok(if changed > 0 { UserChange::Done } else { UserChange::NoSuchUser })
}

pub(super) async fn unlock(lane: &Lane, user: &UserId) -> PgResult<UnlockOutcome> {
    let mut changed = 0;
    for sql in [
        "UPDATE users SET lock_reason = NULL WHERE id = $1 AND lock_reason IS NOT NULL",
        "DELETE FROM budgets WHERE userid = $1",
        "DELETE FROM stranger_budgets WHERE userid = $1",
    ] {
        changed += lane.run(sql, params![user.as_str()]).await?;
    }
    Ok(if changed > 0 { UnlockOutcome::Unlocked } else { UnlockOutcome::WasNotLocked })
}

pub(super) async fn reset(lane: &Lane, user: &UserId, invite: &InviteRecord) -> PgResult<UserChange> {
    if !lock_user(lane, user).await? {
        return Ok(UserChange::NoSuchUser);
    }
    // Terminals go before the key, which is kept with their certificates as long as these are needed.
    forget_terminals(lane, user).await?;
    for sql in ["DELETE FROM credentials WHERE userid = $1", "DELETE FROM budgets WHERE userid = $1"] {
        lane.run(sql, params![user.as_str()]).await?;
    }
    put(lane, invite).await?;
    Ok(UserChange::Done)
}

pub(super) async fn remove(lane: &Lane, user: &UserId, now: Timestamp) -> PgResult<UserChange> {
    if !lock_user(lane, user).await? {
        return Ok(UserChange::NoSuchUser);
    }
    // As for a reset, terminals go before the key.
    forget_terminals(lane, user).await?;
    for sql in ["DELETE FROM users WHERE id = $1", "DELETE FROM invites WHERE userid = $1"] {
        lane.run(sql, params![user.as_str()]).await?;
    }
    lane.run(
        "INSERT INTO tombstones (userid, removed_at) VALUES ($1, $2)
         ON CONFLICT (userid) DO UPDATE SET removed_at = excluded.removed_at",
        params![user.as_str(), number(now.seconds())],
    )
    .await?;
    Ok(UserChange::Done)
}

async fn forget_terminals(lane: &Lane, user: &UserId) -> PgResult<()> {
    let all = departures::all(lane, user).await?;
    if all.is_empty() {
        return Ok(());
    }
    departures::forget(lane, user, &all).await
}

macro_rules! record {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, c.public_key, u.registered_at, u.last_seen, u.logins,
                    (SELECT CAST(coalesce(sum(o.failures), 0) AS BIGINT) FROM budgets AS o WHERE o.userid = u.id),
                    (SELECT count(*) FROM terminals AS t WHERE t.userid = u.id),
                    (SELECT count(*) FROM mailbox AS m WHERE m.userid = u.id),
                    u.lock_reason, b.used, b.locks, b.failures, b.locked_from, b.locked_for,
                    (SELECT CAST(max(least(o.locked_from, CAST($1 AS BIGINT)) + o.locked_for) - CAST($1 AS BIGINT) AS BIGINT)
                     FROM budgets AS o WHERE o.userid = u.id AND length(o.terminal) > 0 AND o.locked_for > 0)
             FROM users AS u
             LEFT JOIN credentials AS c ON c.userid = u.id
             LEFT JOIN budgets AS b ON b.userid = u.id AND length(b.terminal) = 0 ",
            $rest
        )
    };
}

/// Everyone, in the order of the ids, whatever order of letters the database knows.
pub(super) async fn all(lane: &Lane, now: Timestamp) -> PgResult<Vec<UserRecord>> {
    let rows = lane.rows(record!(""), params![number(now.seconds())]).await?;
    let mut records = rows.iter().map(|row| record(row, now)).collect::<PgResult<Vec<_>>>()?;
    records.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(records)
}

pub(super) async fn one(lane: &Lane, user: &UserId, now: Timestamp) -> PgResult<Option<UserRecord>> {
    let row = lane.maybe(record!("WHERE u.id = $2"), params![number(now.seconds()), user.as_str()]).await?;
    row.map(|row| record(&row, now)).transpose()
}

fn record(row: &Row, now: Timestamp) -> PgResult<UserRecord> {
    let mut unknown = match row.get::<Option<i64>>(9)? {
        Some(_) => read_budget(row, 9)?,
        None => Budget::default(),
    };
    Ok(UserRecord {
        id: row.user(0)?,
        key: row.get::<Option<&[u8]>>(1)?.map(KeyDigest::of),
        registered_at: row.number(2)?,
        last_seen: row.maybe_number(3)?,
        logins: row.number(4)?,
        wrong: row.number(5)?,
        terminals: row.number(6)?,
        waiting: row.number(7)?,
        locked: row.get(8)?,
        locked_out_for: unknown.remaining_lock(now).map(whole_seconds),
        locked_out: unknown.failures >= ATTEMPTS_WITHOUT_SUCCESS,
        known_locked_out_for: row
            .get::<Option<i64>>(14)?
            .and_then(|left| u64::try_from(left).ok())
            .filter(|left| *left > 0),
    })
}
