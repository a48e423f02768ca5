//! Budgets of attempts, known terminals and their cookies.

use common::ident::{CredentialId, TerminalId, UserId};
use common::msg::Member;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::SqlResult;
use super::passcode::{self, Former};
use crate::store::bounds::{STRANGERS, TERMINALS_REMEMBERED, UNKNOWN_TERMINALS};
use directory_core::lockout::{Budget, Class, Lock, LockRule, Verdict};
use directory_core::records::{
    Account, Admits, Attempt, CookieDigest, Entry, EntryCheck, Generation, Grant, Reservation, Success,
};
use directory_core::timestamp::Timestamp;

/// Whose budget a login draws from.
enum Owner<'a> {
    User { user: &'a UserId, terminal: &'a [u8] },
    Stranger { user: &'a UserId },
}

pub(super) fn reserve(
    connection: &Connection,
    attempt: &Attempt,
    rule: LockRule,
    now: Timestamp,
) -> SqlResult<Reservation> {
    let Attempt { user, terminal, cookie, generation, admits } = attempt;
    let exists = connection.prepare_cached("SELECT 1 FROM credentials WHERE user = ?1")?.exists([user.as_str()])?;
    let age = match cookie {
        Some(cookie) => known(connection, user, terminal, cookie)?,
        None => None,
    };
    let (owner, class) = match age {
        _ if !exists => (Owner::Stranger { user }, Class::UnknownTerminals),
        Some(_) => (Owner::User { user, terminal: terminal.as_bytes() }, Class::KnownTerminal),
        None => (Owner::User { user, terminal: UNKNOWN_TERMINALS }, Class::UnknownTerminals),
    };
    let refused = |verdict| Ok(Reservation { verdict, class, account: None, changed: false });
    if (*admits, class) == (Admits::KnownTerminals, Class::UnknownTerminals) {
        return refused(Verdict::Locked { retry_after: None });
    }
    let mut budget = owner.budget(connection)?;
    let before = budget;
    let verdict = budget.reserve(class, now, rule);
    if budget != before {
        owner.store(connection, &budget)?;
    }
    // The account, which takes longest to read, is read for those only whose attempt is answered: how soon a refusal
    // comes does not tell whether there is such a user (threat L2).
    if matches!(verdict, Verdict::Locked { .. }) {
        return refused(verdict);
    }
    let mut account = account(connection, user)?;
    // Strangers do not learn of a change: it would show them that the user exists (threat L2), and what is known of an old
    // passcode is of no use to them.
    let former = match (&mut account, age) {
        (Some(account), Some(age)) => passcode::former(connection, user, age, now)?.map(|former| (account, former)),
        _ => None,
    };
    let changed = former.is_some();
    if let Some((account, Former { record, vault, .. })) = former
        && *generation == Generation::Previous
    {
        (account.record, account.vault) = (record, vault);
        account.newest = passcode::newest_version(connection, user)?;
    }
    Ok(Reservation { verdict, class, account, changed })
}

pub(super) fn grant(connection: &Connection, success: &Success, now: Timestamp) -> SqlResult<Grant> {
    let Success { user, credential, record, terminal, class, cookie, .. } = success;
    let drawn_from = match class {
        Class::KnownTerminal => terminal.as_bytes().as_slice(),
        Class::UnknownTerminals => UNKNOWN_TERMINALS,
    };
    let mut give_back = connection.prepare_cached("DELETE FROM budgets WHERE user = ?1 AND terminal = ?2")?;
    give_back.execute(params![user.as_str(), drawn_from])?;
    match lock_of(connection, user, credential)? {
        None => return Ok(Grant::Gone),
        Some(Some(_)) => return Ok(Grant::LockedByAdministrator),
        Some(None) => {}
    }
    // Who shows no cookie is younger than everybody, whatever terminal id it gives (threat L14).
    let age = match class {
        Class::KnownTerminal => known(connection, user, terminal, cookie)?,
        Class::UnknownTerminals => Some(youngest(connection, user)?.saturating_add(1)),
    };
    let Some(age) = age else { return Ok(Grant::Outdated) };
    if passcode::proven(connection, user, credential, record, age, now)?.is_none() {
        return Ok(Grant::Outdated);
    }
    if *class == Class::UnknownTerminals && !make_room(connection, success)? {
        return Ok(Grant::Full);
    }
    passcode::settle(connection, user, record)?;
    // Whoever logs in now was seen last, whatever the clock says (threat L15).
    let mut remember = connection.prepare_cached(match class {
        Class::KnownTerminal => {
            "UPDATE terminals SET cookie = ?3, age = ?5,
                 last_seen = max(?4, 1 + (SELECT max(last_seen) FROM terminals WHERE user = ?1)),
                 elder_cookie = iif(elder_cookie = ?3, NULL, elder_cookie),
                 elder_age = iif(elder_cookie = ?3, NULL, elder_age)
             WHERE user = ?1 AND terminal = ?2
             RETURNING certificate"
        }
        Class::UnknownTerminals => {
            "INSERT INTO terminals (user, terminal, cookie, last_seen, age)
             VALUES (?1, ?2, ?3, max(?4, 1 + coalesce((SELECT max(last_seen) FROM terminals WHERE user = ?1), 0)), ?5)
             ON CONFLICT (user, terminal) DO UPDATE SET last_seen = excluded.last_seen, cookie = ?3, age = ?5,
                 elder_cookie = iif(elder_cookie IS NULL AND cookie <> x'', cookie, elder_cookie),
                 elder_age = iif(elder_cookie IS NULL AND cookie <> x'', age, elder_age)
             RETURNING certificate"
        }
    })?;
    let row = params![user.as_str(), terminal.as_bytes(), cookie.0, now.seconds(), age];
    let certificate = remember.query_row(row, |row| row.get(0))?;
    connection
        .prepare_cached("UPDATE users SET logins = logins + 1, last_seen = ?2 WHERE id = ?1")?
        .execute(params![user.as_str(), now.seconds()])?;
    Ok(Grant::Granted { certificate, age })
}

pub(super) fn may_enter(connection: &Connection, entry: &Entry, now: Timestamp) -> SqlResult<EntryCheck> {
    let Entry { user, credential, record, terminal, .. } = entry;
    let holds = match passcode::age(connection, user, terminal)? {
        Some(age) => passcode::proven(connection, user, credential, record, age, now)?.is_some(),
        None => false,
    };
    let valid = holds && lock_of(connection, user, credential)? == Some(None);
    Ok(if valid { EntryCheck::Valid } else { EntryCheck::Revoked })
}

fn youngest(connection: &Connection, user: &UserId) -> SqlResult<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(age), 0) FROM terminals WHERE user = ?1")?;
    Ok(statement.query_row([user.as_str()], |row| row.get(0))?)
}

pub(super) fn keep_certificate(
    connection: &Connection,
    user: &UserId,
    terminal: TerminalId,
    certificate: &[u8],
) -> SqlResult<()> {
    connection
        .prepare_cached("UPDATE terminals SET certificate = ?3 WHERE user = ?1 AND terminal = ?2")?
        .execute(params![user.as_str(), terminal.as_bytes(), certificate])?;
    // Packages name the certificate before. Signed by the same key it holds on; by a former one, nobody takes it any more.
    let changed = "SELECT 1 FROM successors WHERE user = ?1";
    if !connection.prepare_cached(changed)?.exists([user.as_str()])? {
        return Ok(());
    }
    connection
        .prepare_cached("DELETE FROM key_packages WHERE user = ?1 AND terminal = ?2")?
        .execute(params![user.as_str(), terminal.as_bytes()])?;
    connection
        .prepare_cached("UPDATE publishers SET last_resort = NULL WHERE user = ?1 AND terminal = ?2")?
        .execute(params![user.as_str(), terminal.as_bytes()])?;
    Ok(())
}

/// The reason an administrator locked the user for, if so; nothing at all if the user does not have these credentials.
fn lock_of(connection: &Connection, user: &UserId, credential: &CredentialId) -> SqlResult<Option<Option<String>>> {
    let mut statement = connection.prepare_cached(
        "SELECT lock_reason FROM users JOIN credentials ON user = id WHERE id = ?1 AND credential = ?2",
    )?;
    Ok(statement.query_row(params![user.as_str(), credential.as_bytes()], |row| row.get(0)).optional()?)
}

fn account(connection: &Connection, user: &UserId) -> SqlResult<Option<Account>> {
    let mut statement =
        connection.prepare_cached("SELECT credential, record, public_key, vault FROM credentials WHERE user = ?1")?;
    let account = statement.query_row([user.as_str()], |row| {
        Ok(Account {
            credential: CredentialId(row.get(0)?),
            record: row.get(1)?,
            public_key: row.get(2)?,
            vault: row.get(3)?,
            newest: None,
        })
    });
    Ok(account.optional()?)
}

/// The age of a terminal that shows this cookie; nothing if it is not the terminal's.
pub(super) fn known(
    connection: &Connection,
    user: &UserId,
    terminal: &TerminalId,
    cookie: &CookieDigest,
) -> SqlResult<Option<i64>> {
    let mut statement = connection.prepare_cached(
        "SELECT iif(cookie = ?3, age, elder_age) FROM terminals
         WHERE user = ?1 AND terminal = ?2 AND (cookie = ?3 OR elder_cookie = ?3)",
    )?;
    Ok(statement.query_row(params![user.as_str(), terminal.as_bytes(), cookie.0], |row| row.get(0)).optional()?)
}

/// Makes room for a terminal that was not there before; false where there is none. No older terminal that shows a cookie
/// goes for it, unless it has not logged in for long: whoever learns the passcode does not push out the owner's (threat L14).
/// First go those that have never announced themselves.
fn make_room(connection: &Connection, success: &Success) -> SqlResult<bool> {
    let Success { user, terminal, unseen_since, .. } = success;
    let mut others = connection.prepare_cached("SELECT count(*) FROM terminals WHERE user = ?1 AND terminal <> ?2")?;
    let others: i64 = others.query_row(params![user.as_str(), terminal.as_bytes()], |row| row.get(0))?;
    let too_many = others.saturating_add(1).saturating_sub(TERMINALS_REMEMBERED);
    if too_many <= 0 {
        return Ok(true);
    }
    let mut may_go = connection.prepare_cached(
        "SELECT terminal FROM terminals
         WHERE user = ?1 AND terminal <> ?2
             AND (certificate IS NULL OR (cookie = x'' AND elder_cookie IS NULL) OR last_seen < ?3)
         ORDER BY certificate IS NOT NULL, cookie <> x'' OR elder_cookie IS NOT NULL, last_seen, terminal LIMIT ?4",
    )?;
    let of = params![user.as_str(), terminal.as_bytes(), unseen_since.seconds(), too_many];
    let go = may_go.query_map(of, |row| row.get(0).map(TerminalId))?.collect::<Result<Vec<_>, _>>()?;
    if i64::try_from(go.len()).is_ok_and(|go| go < too_many) {
        return Ok(false);
    }
    for terminal in go {
        forget(connection, &Member { userid: user.clone(), terminal })?;
    }
    Ok(true)
}

/// Forgets a terminal, with the attempts of its own.
pub(super) fn forget(connection: &Connection, terminal: &Member) -> SqlResult<()> {
    for sql in [
        "DELETE FROM terminals WHERE user = ?1 AND terminal = ?2",
        "DELETE FROM budgets WHERE user = ?1 AND terminal = ?2",
    ] {
        connection.prepare_cached(sql)?.execute(params![terminal.userid.as_str(), terminal.terminal.as_bytes()])?;
    }
    Ok(())
}

/// Reads `used, locks, failures, locked_from, locked_for`, the first of them at `first`.
pub(super) fn read_budget(row: &Row<'_>, first: usize) -> rusqlite::Result<Budget> {
    let lock = Lock { from: row.get(first + 3)?, lasts: row.get(first + 4)? };
    Ok(Budget {
        used: row.get(first)?,
        locks: row.get(first + 1)?,
        failures: row.get(first + 2)?,
        lock: (lock.lasts > 0).then_some(lock),
    })
}

impl Owner<'_> {
    fn budget(&self, connection: &Connection) -> SqlResult<Budget> {
        let budget = match self {
            Self::User { user, terminal } => connection
                .prepare_cached(
                    "SELECT used, locks, failures, locked_from, locked_for FROM budgets
                     WHERE user = ?1 AND terminal = ?2",
                )?
                .query_row(params![user.as_str(), terminal], |row| read_budget(row, 0)),
            Self::Stranger { user } => connection
                .prepare_cached(
                    "SELECT used, locks, failures, locked_from, locked_for FROM stranger_budgets WHERE user = ?1",
                )?
                .query_row([user.as_str()], |row| read_budget(row, 0)),
        };
        Ok(budget.optional()?.unwrap_or_default())
    }

    fn store(&self, connection: &Connection, budget: &Budget) -> SqlResult<()> {
        let Lock { from, lasts } = budget.lock.unwrap_or(Lock { from: 0, lasts: 0 });
        let Budget { used, locks, failures, .. } = budget;
        match self {
            Self::User { user, terminal } => {
                let mut upsert = connection.prepare_cached(
                    "INSERT OR REPLACE INTO budgets
                         (user, terminal, used, locks, failures, locked_from, locked_for)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?;
                upsert.execute(params![user.as_str(), terminal, used, locks, failures, from, lasts])?;
            }
            Self::Stranger { user } => {
                let mut upsert = connection.prepare_cached(
                    "INSERT INTO stranger_budgets (user, used, locks, failures, locked_from, locked_for)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (user) DO UPDATE SET used = excluded.used, locks = excluded.locks,
                         failures = excluded.failures, locked_from = excluded.locked_from,
                         locked_for = excluded.locked_for",
                )?;
                upsert.execute(params![user.as_str(), used, locks, failures, from, lasts])?;
                // Rows are numbered in ascending order, so this many rows can be younger than the newest at most.
                connection
                    .prepare_cached(
                        "DELETE FROM stranger_budgets
                         WHERE row <= (SELECT max(row) FROM stranger_budgets) - ?1",
                    )?
                    .execute([STRANGERS])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budgets_of_strangers_are_bounded_and_the_oldest_go_first() {
        let mut connection = Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection).unwrap();
        connection
            .execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                 INSERT INTO stranger_budgets (user, used, locks, failures, locked_from, locked_for)
                 SELECT 'x' || i, 4, 1, 4, 0, 300 FROM n",
                [STRANGERS],
            )
            .unwrap();
        let newest = UserId::parse("newest").unwrap();
        let attempt = Attempt {
            user: newest,
            terminal: TerminalId([0; 16]),
            cookie: None,
            generation: Generation::Current,
            admits: Admits::Everybody,
        };
        reserve(&connection, &attempt, LockRule::default(), Timestamp::from_seconds(1)).unwrap();
        let seen = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(seen("SELECT count(*) FROM stranger_budgets"), STRANGERS);
        assert_eq!(seen("SELECT count(*) FROM stranger_budgets WHERE user IN ('newest', 'x2')"), 2);
    }
}
