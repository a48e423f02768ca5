//! Key packages: kept in the order they came, each given out once (threat G4).

use common::ident::{TerminalId, UserId};
use common::limits::KEY_PACKAGES_KEPT;
use common::msg::{KeyPackageReply, KeyPackageState, Member, Piece, TakenKeyPackage};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::SqlResult;
use super::terminals;
use directory_core::records::{KnownPackages, TakenKeyPackages};

pub(super) fn publish(
    connection: &Connection,
    owner: &Member,
    (packages, last_resort): (&[Piece], Option<&Piece>),
    known: KnownPackages,
) -> SqlResult<KeyPackageState> {
    let (user, terminal) = (owner.userid.as_str(), owner.terminal.as_bytes());
    if known == KnownPackages::Forgotten {
        connection
            .prepare_cached("DELETE FROM publishers WHERE user = ?1 AND terminal = ?2")?
            .execute(params![user, terminal])?;
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO key_packages (user, terminal, package) VALUES (?1, ?2, ?3)")?;
    if (!packages.is_empty() || last_resort.is_some()) && becomes_publisher(connection, owner, last_resort)? {
        for package in packages {
            insert.execute(params![user, terminal, package.0])?;
        }
    }
    connection
        .prepare_cached(
            "DELETE FROM key_packages WHERE number IN
                 (SELECT number FROM key_packages WHERE user = ?1 AND terminal = ?2
                  ORDER BY number DESC LIMIT -1 OFFSET ?3)",
        )?
        .execute(params![user, terminal, KEY_PACKAGES_KEPT])?;
    state(connection, &owner.userid, &owner.terminal)
}

/// False if the terminal was removed meanwhile.
fn becomes_publisher(connection: &Connection, owner: &Member, last_resort: Option<&Piece>) -> SqlResult<bool> {
    let mut publisher = connection.prepare_cached(
        "INSERT INTO publishers (user, terminal, last_resort)
         SELECT user, terminal, ?3 FROM terminals WHERE user = ?1 AND terminal = ?2
         ON CONFLICT DO UPDATE SET last_resort = coalesce(excluded.last_resort, last_resort)",
    )?;
    let (user, terminal) = (owner.userid.as_str(), owner.terminal.as_bytes());
    Ok(publisher.execute(params![user, terminal, last_resort.map(|piece| &piece.0)])? > 0)
}

fn state(connection: &Connection, user: &UserId, terminal: &TerminalId) -> SqlResult<KeyPackageState> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM key_packages WHERE user = ?1 AND terminal = ?2),
                EXISTS (SELECT 1 FROM publishers WHERE user = ?1 AND terminal = ?2 AND last_resort IS NOT NULL)",
    )?;
    let state = statement.query_row(params![user.as_str(), terminal.as_bytes()], |row| {
        Ok(KeyPackageState { left: row.get(0)?, last_resort: row.get(1)? })
    })?;
    Ok(state)
}

pub(super) fn take(connection: &Connection, user: &UserId, wanted: &[TerminalId]) -> SqlResult<TakenKeyPackages> {
    let publickey = terminals::public_key(connection, user)?.unwrap_or_default();
    let (mut packages, mut left) = (Vec::new(), Vec::new());
    for terminal in wanted {
        let Some(certificate) = terminals::certificate(connection, user, terminal)? else { continue };
        let Some(package) = take_one(connection, user, terminal)? else { continue };
        packages.push(TakenKeyPackage { certificate, package });
        left.push((*terminal, state(connection, user, terminal)?));
    }
    Ok(TakenKeyPackages { reply: KeyPackageReply { publickey, packages }, left })
}

fn take_one(connection: &Connection, user: &UserId, terminal: &TerminalId) -> SqlResult<Option<Piece>> {
    let oldest = connection
        .prepare_cached(
            "DELETE FROM key_packages WHERE number =
                 (SELECT min(number) FROM key_packages WHERE user = ?1 AND terminal = ?2) RETURNING package",
        )?
        .query_row(params![user.as_str(), terminal.as_bytes()], |row| row.get(0).map(Piece))
        .optional()?;
    if oldest.is_some() {
        return Ok(oldest);
    }
    let last_resort: Option<Option<Vec<u8>>> = connection
        .prepare_cached("SELECT last_resort FROM publishers WHERE user = ?1 AND terminal = ?2")?
        .query_row(params![user.as_str(), terminal.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(last_resort.flatten().map(Piece))
}
