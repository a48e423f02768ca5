//! Terminals of users, with their certificates.

use common::ident::{TerminalId, UserId};
use common::msg::{Certificate, Hex, Member, UserCertificate, UserTerminals};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::{login, passcode};
use directory_core::records::{Remover, TerminalRemoval};
use directory_core::store::StoreError;

pub(super) fn terminals(connection: &Connection, users: Vec<UserId>) -> SqlResult<Vec<UserTerminals>> {
    let mut known = connection.prepare_cached("SELECT 1 FROM users WHERE id = ?1")?;
    let mut published = connection.prepare_cached(
        "SELECT terminal FROM terminals JOIN publishers USING (user, terminal)
         WHERE user = ?1 AND certificate IS NOT NULL ORDER BY last_seen DESC, terminal",
    )?;
    let mut found = Vec::new();
    for userid in users {
        if known.exists([userid.as_str()])? {
            let terminals = published.query_map([userid.as_str()], |row| row.get(0).map(TerminalId))?;
            let terminals = terminals.collect::<Result<_, _>>()?;
            found.push(UserTerminals { userid, terminals });
        }
    }
    Ok(found)
}

pub(super) fn certificates(connection: &Connection, members: Vec<Member>) -> SqlResult<Vec<UserCertificate>> {
    let mut found = Vec::new();
    for Member { userid, terminal } in members {
        let key = public_key(connection, &userid)?;
        let certificate = certificate(connection, &userid, &terminal)?;
        let known = match key.zip(certificate) {
            None => former(connection, &userid, &terminal)?,
            known => known,
        };
        found.extend(known.map(|(publickey, certificate)| UserCertificate { userid, publickey, certificate }));
    }
    Ok(found)
}

/// A user's identity key.
pub(super) fn public_key(connection: &Connection, user: &UserId) -> SqlResult<Option<Hex>> {
    let mut statement = connection.prepare_cached("SELECT public_key FROM credentials WHERE user = ?1")?;
    Ok(statement.query_row([user.as_str()], |row| row.get(0).map(Hex)).optional()?)
}

/// A terminal's certificate.
pub(super) fn certificate(
    connection: &Connection,
    user: &UserId,
    terminal: &TerminalId,
) -> SqlResult<Option<Certificate>> {
    let mut statement =
        connection.prepare_cached("SELECT certificate FROM terminals WHERE user = ?1 AND terminal = ?2")?;
    let encoded: Option<Option<Vec<u8>>> =
        statement.query_row(params![user.as_str(), terminal.as_bytes()], |row| row.get(0)).optional()?;
    encoded.flatten().map(|encoded| decode(&encoded)).transpose()
}

/// The certificate of a terminal that is gone, and the key its user had then.
fn former(connection: &Connection, user: &UserId, terminal: &TerminalId) -> SqlResult<Option<(Hex, Certificate)>> {
    let mut statement = connection
        .prepare_cached("SELECT public_key, certificate FROM former_certificates WHERE user = ?1 AND terminal = ?2")?;
    let found: Option<(Vec<u8>, Vec<u8>)> = statement
        .query_row(params![user.as_str(), terminal.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found.map(|(key, certificate)| Ok((Hex(key), decode(&certificate)?))).transpose()
}

/// Forgets certificates of terminals that are gone, unless a room's tree, a commit or a welcome may still name them.
pub(super) fn forget_certificates(connection: &Connection) -> SqlResult<()> {
    let sql = "DELETE FROM former_certificates AS f
               WHERE upto < (SELECT coalesce(min(item), 9223372036854775807) FROM signed_commits)
                 AND NOT EXISTS (SELECT 1 FROM ghosts AS g WHERE g.user = f.user AND g.terminal = f.terminal)";
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

pub(super) fn decode(encoded: &[u8]) -> SqlResult<Certificate> {
    serde_json::from_slice(encoded).map_err(|error| StoreError::Failed(error.to_string()).into())
}

/// Removes a terminal. Those from before ages were kept are all as old as each other.
pub(super) fn remove(connection: &Connection, terminal: &Member, by: Remover) -> SqlResult<TerminalRemoval> {
    let Some(age) = elder_age(connection, terminal)? else { return Ok(TerminalRemoval::Removed) };
    match by {
        Remover::Administrator => {}
        Remover::Successor { terminal: successor, cookie } => {
            match login::known(connection, &terminal.userid, &terminal.terminal, &cookie)? {
                None => return Ok(TerminalRemoval::NotProved),
                // Somebody has taken its id meanwhile, and shows what was got for that.
                Some(of_cookie) if of_cookie > age => return Ok(TerminalRemoval::Older),
                Some(_) => {}
            }
            connection
                .prepare_cached("UPDATE terminals SET age = min(age, ?3) WHERE user = ?1 AND terminal = ?2")?
                .execute(params![terminal.userid.as_str(), successor.as_bytes(), age])?;
        }
        Remover::Terminal(remover) => match passcode::age(connection, &terminal.userid, &remover)? {
            None => return Ok(TerminalRemoval::NotProved),
            Some(remover) if remover > age => return Ok(TerminalRemoval::Older),
            Some(_) => {}
        },
    }
    login::forget(connection, terminal)?;
    Ok(TerminalRemoval::Removed)
}

/// How old a terminal is, or was before somebody took its id.
fn elder_age(connection: &Connection, terminal: &Member) -> SqlResult<Option<i64>> {
    let mut statement = connection
        .prepare_cached("SELECT coalesce(elder_age, age) FROM terminals WHERE user = ?1 AND terminal = ?2")?;
    let id = params![terminal.userid.as_str(), terminal.terminal.as_bytes()];
    Ok(statement.query_row(id, |row| row.get(0)).optional()?)
}
