//! What an id is, and invitations (decision D23).

use common::crypto::invite::InviteCode;
use common::ident::UserId;
use directory_core::records::{IdStatus, InviteRecord};
use directory_core::timestamp::Timestamp;
use futures::future::try_join4;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{Row, number, params};

pub(super) async fn id_status(lane: &Lane, user: &UserId, now: Timestamp) -> PgResult<IdStatus> {
    // All is looked up for every id, so that the time of an answer does not tell which it is (threat L2).
    let (taken, removed, invited, kept) = try_join4(
        lane.has("SELECT 1 FROM credentials WHERE userid = $1", params![user.as_str()]),
        lane.has("SELECT 1 FROM tombstones WHERE userid = $1", params![user.as_str()]),
        live(lane, user, now),
        // An invitation that looks expired lets nobody in, but keeps the id until it has surely expired (threat L15).
        lane.has(
            "SELECT 1 FROM users WHERE id = $1 UNION SELECT 1 FROM invites WHERE userid = $1",
            params![user.as_str()],
        ),
    )
    .await?;
    Ok(match invited {
        _ if taken => IdStatus::Taken,
        _ if removed => IdStatus::Removed,
        Some(code) => IdStatus::Invited(code),
        None if kept => IdStatus::AwaitsInvite,
        None => IdStatus::Free,
    })
}

pub(super) async fn invite(lane: &Lane, invite: &InviteRecord, now: Timestamp) -> PgResult<IdStatus> {
    let before = id_status(lane, &invite.user, now).await?;
    match before {
        IdStatus::Taken | IdStatus::Removed => {}
        IdStatus::Free | IdStatus::Invited(_) | IdStatus::AwaitsInvite => put(lane, invite).await?,
    }
    Ok(before)
}

/// Takes the place of an older invitation of the same id.
pub(super) async fn put(lane: &Lane, invite: &InviteRecord) -> PgResult<()> {
    lane.run(
        "INSERT INTO invites (userid, code, expires) VALUES ($1, $2, $3)
         ON CONFLICT (userid) DO UPDATE SET code = excluded.code, expires = excluded.expires",
        params![invite.user.as_str(), &invite.code.to_bytes()[..], number(invite.expires)],
    )
    .await?;
    Ok(())
}

/// The invitation of an id, unless it looks expired.
async fn live(lane: &Lane, user: &UserId, now: Timestamp) -> PgResult<Option<InviteCode>> {
    let sql = "SELECT code FROM invites WHERE userid = $1 AND expires > $2";
    let row = lane.maybe(sql, params![user.as_str(), number(now.seconds())]).await?;
    row.map(|row| code(&row, 0)).transpose()
}

pub(super) async fn all(lane: &Lane, now: Timestamp) -> PgResult<Vec<InviteRecord>> {
    let sql = "SELECT userid, code, expires FROM invites WHERE expires > $1";
    let rows = lane.rows(sql, params![number(now.seconds())]).await?;
    let record = |row: &Row| Ok(InviteRecord { user: row.user(0)?, code: code(row, 1)?, expires: row.number(2)? });
    let mut records = rows.iter().map(record).collect::<PgResult<Vec<_>>>()?;
    records.sort_unstable_by(|one, other| one.user.cmp(&other.user));
    Ok(records)
}

pub(super) async fn revoke(lane: &Lane, code: &InviteCode) -> PgResult<Option<UserId>> {
    let sql = "DELETE FROM invites WHERE code = $1 RETURNING userid";
    let row = lane.maybe(sql, params![&code.to_bytes()[..]]).await?;
    row.map(|row| row.user(0)).transpose()
}

fn code(row: &Row, column: usize) -> PgResult<InviteCode> {
    row.bytes(column).map(InviteCode::from_bytes)
}
