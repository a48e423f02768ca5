//! Key packages: kept in the order they came, each given out once (threat G4). The row of their owner is locked first.

use common::ident::{TerminalId, UserId};
use common::limits::KEY_PACKAGES_KEPT;
use common::msg::{KeyPackageReply, KeyPackageState, Member, Piece, TakenKeyPackage};
use directory_core::records::{KnownPackages, TakenKeyPackages};
use futures::future::try_join_all;

use super::error::PgResult;
use super::lanes::Lane;
use super::row::{count, params};
use super::terminals;

pub(super) async fn publish(
    lane: &Lane,
    owner: &Member,
    (packages, last_resort): (&[Piece], Option<&Piece>),
    known: KnownPackages,
) -> PgResult<KeyPackageState> {
    let (user, terminal) = (owner.userid.as_str(), &owner.terminal.as_bytes()[..]);
    if known == KnownPackages::Forgotten {
        let forget = "DELETE FROM publishers WHERE userid = $1 AND terminal = $2";
        lane.run(forget, params![user, terminal]).await?;
    }
    if !packages.is_empty() || last_resort.is_some() {
        // No row if the terminal was removed meanwhile.
        let last = lane
            .maybe(
                "INSERT INTO publishers (userid, terminal, last_resort, last)
                 SELECT userid, terminal, CAST($3 AS BYTEA), CAST($4 AS BIGINT)
                 FROM terminals WHERE userid = $1 AND terminal = $2
                 ON CONFLICT (userid, terminal) DO UPDATE SET last = publishers.last + excluded.last,
                     last_resort = coalesce(excluded.last_resort, publishers.last_resort)
                 RETURNING last",
                params![user, terminal, last_resort.map(|piece| &piece.0[..]), count(packages.len())],
            )
            .await?;
        if let Some(last) = last {
            let first = last.get::<i64>(0)?.saturating_sub(count(packages.len()));
            try_join_all(packages.iter().zip(first + 1..).map(|(package, place)| async move {
                let insert = "INSERT INTO key_packages (userid, terminal, number, package) VALUES ($1, $2, $3, $4)";
                lane.run(insert, params![user, terminal, place, package.0]).await
            }))
            .await?;
        }
    }
    lane.run(
        "DELETE FROM key_packages WHERE userid = $1 AND terminal = $2 AND number IN
             (SELECT number FROM key_packages WHERE userid = $1 AND terminal = $2
              ORDER BY number DESC OFFSET $3)",
        params![user, terminal, count(KEY_PACKAGES_KEPT)],
    )
    .await?;
    state(lane, &owner.userid, &owner.terminal).await
}

async fn state(lane: &Lane, user: &UserId, terminal: &TerminalId) -> PgResult<KeyPackageState> {
    let row = lane
        .one(
            "SELECT (SELECT count(*) FROM key_packages WHERE userid = $1 AND terminal = $2),
                    EXISTS (SELECT 1 FROM publishers
                            WHERE userid = $1 AND terminal = $2 AND last_resort IS NOT NULL)",
            params![user.as_str(), &terminal.as_bytes()[..]],
        )
        .await?;
    Ok(KeyPackageState { left: row.small(0)?, last_resort: row.get(1)? })
}

pub(super) async fn take(lane: &Lane, user: &UserId, wanted: &[TerminalId]) -> PgResult<TakenKeyPackages> {
    let ids: Vec<&[u8]> = wanted.iter().map(|terminal| &terminal.as_bytes()[..]).collect();
    lane.rows(
        "SELECT 1 FROM publishers WHERE userid = $1 AND terminal = ANY($2) ORDER BY terminal FOR UPDATE",
        params![user.as_str(), ids],
    )
    .await?;
    let publickey = terminals::public_key(lane, user).await?.unwrap_or_default();
    let (mut packages, mut left) = (Vec::new(), Vec::new());
    for terminal in wanted {
        let Some(certificate) = terminals::certificate(lane, user, terminal).await? else { continue };
        let Some(package) = take_one(lane, user, terminal).await? else { continue };
        packages.push(TakenKeyPackage { certificate, package });
        left.push((*terminal, state(lane, user, terminal).await?));
    }
    Ok(TakenKeyPackages { reply: KeyPackageReply { publickey, packages }, left })
}

async fn take_one(lane: &Lane, user: &UserId, terminal: &TerminalId) -> PgResult<Option<Piece>> {
    let of = params![user.as_str(), &terminal.as_bytes()[..]];
    let oldest = lane
        .maybe(
            "DELETE FROM key_packages WHERE userid = $1 AND terminal = $2 AND number =
                 (SELECT min(number) FROM key_packages WHERE userid = $1 AND terminal = $2) RETURNING package",
            of,
        )
        .await?;
    if let Some(oldest) = oldest {
        return Ok(Some(Piece(oldest.get(0)?)));
    }
    let last_resort = "SELECT last_resort FROM publishers WHERE userid = $1 AND terminal = $2";
    let Some(row) = lane.maybe(last_resort, of).await? else { return Ok(None) };
    Ok(row.get::<Option<Vec<u8>>>(0)?.map(Piece))
}
