//! Terminals of users, with their certificates.

use common::ident::{TerminalId, UserId};
use common::msg::{Certificate, Hex, Member, UserCertificate, UserTerminals};
use directory_core::records::{Remover, TerminalRemoval};
use directory_core::store::StoreError;

use super::error::PgResult;
use super::lanes::Lane;
use super::locks::lock_user;
use super::row::params;
use super::{departures, login, passcode};

pub(super) async fn terminals(lane: &Lane, users: &[UserId]) -> PgResult<Vec<UserTerminals>> {
    let mut found = Vec::new();
    for userid in users {
        if !lane.has("SELECT 1 FROM users WHERE id = $1", params![userid.as_str()]).await? {
            continue;
        }
        let rows = lane
            .rows(
                "SELECT t.terminal FROM terminals AS t
                 JOIN publishers AS p ON p.userid = t.userid AND p.terminal = t.terminal
                 WHERE t.userid = $1 AND t.certificate IS NOT NULL ORDER BY t.last_seen DESC, t.terminal",
                params![userid.as_str()],
            )
            .await?;
        let terminals = rows.iter().map(|row| row.bytes(0).map(TerminalId)).collect::<PgResult<_>>()?;
        found.push(UserTerminals { userid: userid.clone(), terminals });
    }
    Ok(found)
}

pub(super) async fn certificates(lane: &Lane, members: &[Member]) -> PgResult<Vec<UserCertificate>> {
    let mut found = Vec::new();
    for Member { userid, terminal } in members {
        let key = public_key(lane, userid).await?;
        let certificate = certificate(lane, userid, terminal).await?;
        let known = match key.zip(certificate) {
            None => former(lane, userid, terminal).await?,
            known => known,
        };
        let userid = userid.clone();
        found.extend(known.map(|(publickey, certificate)| UserCertificate { userid, publickey, certificate }));
    }
    Ok(found)
}

/// A user's identity key.
pub(super) async fn public_key(lane: &Lane, user: &UserId) -> PgResult<Option<Hex>> {
    let row = lane.maybe("SELECT public_key FROM credentials WHERE userid = $1", params![user.as_str()]).await?;
    row.map(|row| row.get(0).map(Hex)).transpose()
}

/// A terminal's certificate.
pub(super) async fn certificate(lane: &Lane, user: &UserId, terminal: &TerminalId) -> PgResult<Option<Certificate>> {
    let sql = "SELECT certificate FROM terminals WHERE userid = $1 AND terminal = $2";
    let Some(row) = lane.maybe(sql, params![user.as_str(), &terminal.as_bytes()[..]]).await? else { return Ok(None) };
    row.get::<Option<&[u8]>>(0)?.map(decode).transpose()
}

/// The certificate of a terminal that is gone, and the key its user had then.
async fn former(lane: &Lane, user: &UserId, terminal: &TerminalId) -> PgResult<Option<(Hex, Certificate)>> {
    let sql = "SELECT public_key, certificate FROM former_certificates WHERE userid = $1 AND terminal = $2";
    let Some(row) = lane.maybe(sql, params![user.as_str(), &terminal.as_bytes()[..]]).await? else { return Ok(None) };
    Ok(Some((Hex(row.get(0)?), decode(row.get(1)?)?)))
}

pub(super) fn decode(encoded: &[u8]) -> PgResult<Certificate> {
    serde_json::from_slice(encoded).map_err(|error| StoreError::Failed(error.to_string()).into())
}

/// Forgets a terminal. Those from before ages were kept are all as old as each other.
pub(super) async fn remove(lane: &Lane, terminal: &Member, by: Remover) -> PgResult<TerminalRemoval> {
    let Member { userid, terminal } = terminal;
    lock_user(lane, userid).await?;
    let Some(age) = elder_age(lane, userid, terminal).await? else { return Ok(TerminalRemoval::Removed) };
    match by {
        Remover::Administrator => {}
        Remover::Successor { terminal: successor, cookie } => {
            match login::known(lane, userid, terminal, &cookie).await? {
                None => return Ok(TerminalRemoval::NotProved),
                // Somebody has taken its id meanwhile, and shows what was got for that.
                Some(of_cookie) if of_cookie > age => return Ok(TerminalRemoval::Older),
                Some(_) => {}
            }
            let older = "UPDATE terminals SET age = $3 WHERE userid = $1 AND terminal = $2 AND age > $3";
            lane.run(older, params![userid.as_str(), &successor.as_bytes()[..], age]).await?;
        }
        Remover::Terminal(remover) => match passcode::age(lane, userid, &remover).await? {
            None => return Ok(TerminalRemoval::NotProved),
            Some(remover) if remover > age => return Ok(TerminalRemoval::Older),
            Some(_) => {}
        },
    }
    departures::forget(lane, userid, &[*terminal]).await?;
    Ok(TerminalRemoval::Removed)
}

/// How old a terminal is, or was before somebody took its id.
async fn elder_age(lane: &Lane, user: &UserId, terminal: &TerminalId) -> PgResult<Option<i64>> {
    let sql = "SELECT coalesce(elder_age, age) FROM terminals WHERE userid = $1 AND terminal = $2";
    let row = lane.maybe(sql, params![user.as_str(), &terminal.as_bytes()[..]]).await?;
    row.map(|row| row.get(0)).transpose()
}
