//! Budgets of attempts, known terminals and their cookies.

use common::ident::{CredentialId, TerminalId, UserId};
use directory_core::lockout::{Budget, Class, Lock, LockRule, Verdict};
use directory_core::records::{
    Account, Admits, Attempt, CookieDigest, Entry, EntryCheck, Generation, Grant, Reservation, Success,
};
use directory_core::store::StoreError;
use directory_core::timestamp::Timestamp;
use futures::future::{try_join, try_join3};

use super::departures;
use super::error::{PgError, PgResult};
use super::lanes::Lane;
use super::locks::{LOCK_USER, lock_user};
use super::passcode::{self, Former};
use super::row::{Row, number, params};
use crate::store::bounds::{TERMINALS_REMEMBERED, UNKNOWN_TERMINALS};

/// Whose budget a login draws from.
enum Owner<'a> {
    User { user: &'a UserId, terminal: &'a [u8] },
    Stranger { user: &'a UserId },
}

/// The row of the budget is locked before it is read, so that any number of these count one behind the other.
pub(super) async fn reserve(lane: &Lane, attempt: &Attempt, rule: LockRule, now: Timestamp) -> PgResult<Reservation> {
    let Attempt { user, terminal, cookie, generation, admits } = attempt;
    let age = async {
        match cookie {
            Some(cookie) => known(lane, user, terminal, cookie).await,
            None => Ok(None),
        }
    };
    let exists = async { lane.has("SELECT 1 FROM credentials WHERE userid = $1", params![user.as_str()]).await };
    let (exists, age) = try_join(exists, age).await?;
    let (owner, class) = match age {
        _ if !exists => (Owner::Stranger { user }, Class::UnknownTerminals),
        Some(_) => (Owner::User { user, terminal: &terminal.as_bytes()[..] }, Class::KnownTerminal),
        None => (Owner::User { user, terminal: UNKNOWN_TERMINALS }, Class::UnknownTerminals),
    };
    let refused = |verdict| Ok(Reservation { verdict, class, account: None, changed: false });
    if (*admits, class) == (Admits::KnownTerminals, Class::UnknownTerminals) {
        return refused(Verdict::Locked { retry_after: None });
    }
    let mut budget = owner.lock_budget(lane).await?;
    let before = budget;
    let verdict = budget.reserve(class, now, rule);
    if budget != before {
        owner.store(lane, &budget, now).await?;
    }
    // As in the embedded store: how soon a refusal comes does not tell whether there is such a user (threat L2).
    if matches!(verdict, Verdict::Locked { .. }) {
        return refused(verdict);
    }
    let mut account = account(lane, user).await?;
    // Strangers do not learn of a change (threat L2).
    let former = match (&mut account, age) {
        (Some(account), Some(age)) => passcode::former(lane, user, age, now).await?.map(|former| (account, former)),
        _ => None,
    };
    let changed = former.is_some();
    if let Some((account, Former { record, vault, .. })) = former
        && *generation == Generation::Previous
    {
        (account.record, account.vault) = (record, vault);
        account.newest = passcode::newest_version(lane, user).await?;
    }
    Ok(Reservation { verdict, class, account, changed })
}

pub(super) async fn grant(lane: &Lane, success: &Success, now: Timestamp) -> PgResult<Grant> {
    let Success { user, credential, record, terminal, class, cookie, .. } = success;
    let drawn_from = match class {
        Class::KnownTerminal => terminal.as_bytes().as_slice(),
        Class::UnknownTerminals => UNKNOWN_TERMINALS,
    };
    let give_back = "DELETE FROM budgets WHERE userid = $1 AND terminal = $2";
    lane.know(LOCK_USER).await?;
    let (_, _, locked) = try_join3(
        lock_user(lane, user),
        lane.run(give_back, params![user.as_str(), drawn_from]),
        lock_of(lane, user, credential),
    )
    .await?;
    match locked {
        None => return Ok(Grant::Gone),
        Some(Some(_)) => return Ok(Grant::LockedByAdministrator),
        Some(None) => {}
    }
    // Who shows no cookie is younger than everybody, whatever terminal id it gives (threat L14).
    let age = match class {
        Class::KnownTerminal => known(lane, user, terminal, cookie).await?,
        Class::UnknownTerminals => Some(youngest(lane, user).await?.saturating_add(1)),
    };
    let Some(age) = age else { return Ok(Grant::Outdated) };
    if passcode::proven(lane, user, credential, record, (age, now)).await?.is_none() {
        return Ok(Grant::Outdated);
    }
    if *class == Class::UnknownTerminals && !make_room(lane, success).await? {
        return Ok(Grant::Full);
    }
    let certificate = remember(lane, success, age, now).await?;
    let seen = "UPDATE users SET logins = logins + 1, last_seen = $2 WHERE id = $1";
    try_join(passcode::settle(lane, user, record), lane.run(seen, params![user.as_str(), number(now.seconds())]))
        .await?;
    if *class == Class::UnknownTerminals {
        // Numbers begin above all that an earlier terminal of this id can have seen: one that goes is counted.
        let mailbox = "INSERT INTO mailbox_states (userid, terminal, last, reports)
                       SELECT CAST($1 AS TEXT), CAST($2 AS BYTEA), value * 4294967296, value * 4294967296
                       FROM counters WHERE name = 'departures' ON CONFLICT (userid, terminal) DO NOTHING";
        lane.run(mailbox, params![user.as_str(), &terminal.as_bytes()[..]]).await?;
    }
    Ok(Grant::Granted { certificate, age })
}

/// Writes down that a terminal has logged in; the certificate that it announced before. Whoever logs in now was seen last,
/// whatever the clock says (threat L15).
async fn remember(lane: &Lane, success: &Success, age: i64, now: Timestamp) -> PgResult<Option<Vec<u8>>> {
    let Success { user, terminal, class, cookie, .. } = success;
    let sql = match class {
        Class::KnownTerminal => {
            "UPDATE terminals SET cookie = $3, age = $5,
                 last_seen = greatest($4, 1 + (SELECT max(last_seen) FROM terminals WHERE userid = $1)),
                 elder_age = CASE WHEN elder_cookie = $3 THEN NULL ELSE elder_age END,
                 elder_cookie = CASE WHEN elder_cookie = $3 THEN NULL ELSE elder_cookie END
             WHERE userid = $1 AND terminal = $2
             RETURNING certificate"
        }
        Class::UnknownTerminals => {
            "INSERT INTO terminals (userid, terminal, cookie, last_seen, age)
             VALUES ($1, $2, $3,
                 greatest($4, 1 + coalesce((SELECT max(last_seen) FROM terminals WHERE userid = $1), 0)), $5)
             ON CONFLICT (userid, terminal) DO UPDATE SET
                 last_seen = excluded.last_seen, cookie = excluded.cookie, age = excluded.age,
                 elder_age = CASE WHEN terminals.elder_cookie IS NULL AND length(terminals.cookie) > 0
                     THEN terminals.age ELSE terminals.elder_age END,
                 elder_cookie = CASE WHEN terminals.elder_cookie IS NULL AND length(terminals.cookie) > 0
                     THEN terminals.cookie ELSE terminals.elder_cookie END
             RETURNING certificate"
        }
    };
    let row = params![user.as_str(), &terminal.as_bytes()[..], &cookie.0[..], number(now.seconds()), age];
    lane.one(sql, row).await?.get(0)
}

pub(super) async fn may_enter(lane: &Lane, entry: &Entry, now: Timestamp) -> PgResult<EntryCheck> {
    let Entry { user, credential, record, terminal, .. } = entry;
    let (age, locked) = try_join(passcode::age(lane, user, terminal), lock_of(lane, user, credential)).await?;
    let holds = match age {
        Some(age) => passcode::proven(lane, user, credential, record, (age, now)).await?.is_some(),
        None => false,
    };
    Ok(if holds && locked == Some(None) { EntryCheck::Valid } else { EntryCheck::Revoked })
}

/// The same, and keeps a new certificate.
pub(super) async fn enter(lane: &Lane, entry: &Entry, now: Timestamp) -> PgResult<EntryCheck> {
    lock_user(lane, &entry.user).await?;
    let check = may_enter(lane, entry, now).await?;
    if let (EntryCheck::Valid, Some(certificate)) = (check, &entry.new_certificate) {
        keep_certificate(lane, &entry.user, entry.terminal, certificate).await?;
    }
    Ok(check)
}

async fn youngest(lane: &Lane, user: &UserId) -> PgResult<i64> {
    lane.one("SELECT coalesce(max(age), 0) FROM terminals WHERE userid = $1", params![user.as_str()]).await?.get(0)
}

async fn keep_certificate(lane: &Lane, user: &UserId, terminal: TerminalId, certificate: &[u8]) -> PgResult<()> {
    let terminal = &terminal.as_bytes()[..];
    let keep = "UPDATE terminals SET certificate = $3 WHERE userid = $1 AND terminal = $2";
    lane.run(keep, params![user.as_str(), terminal, certificate]).await?;
    // Packages name the certificate before. Signed by the same key it holds on; by a former one, nobody takes it any more.
    if !lane.has("SELECT 1 FROM successors WHERE userid = $1", params![user.as_str()]).await? {
        return Ok(());
    }
    for sql in [
        "UPDATE publishers SET last_resort = NULL WHERE userid = $1 AND terminal = $2",
        "DELETE FROM key_packages WHERE userid = $1 AND terminal = $2",
    ] {
        lane.run(sql, params![user.as_str(), terminal]).await?;
    }
    Ok(())
}

/// The reason an administrator locked the user for, if so; nothing at all if the user does not have these credentials.
async fn lock_of(lane: &Lane, user: &UserId, credential: &CredentialId) -> PgResult<Option<Option<String>>> {
    let sql = "SELECT u.lock_reason FROM users AS u JOIN credentials AS c ON c.userid = u.id
               WHERE u.id = $1 AND c.credential = $2";
    let row = lane.maybe(sql, params![user.as_str(), &credential.as_bytes()[..]]).await?;
    row.map(|row| row.get(0)).transpose()
}

async fn account(lane: &Lane, user: &UserId) -> PgResult<Option<Account>> {
    let sql = "SELECT credential, record, public_key, vault FROM credentials WHERE userid = $1";
    let Some(row) = lane.maybe(sql, params![user.as_str()]).await? else { return Ok(None) };
    Ok(Some(Account {
        credential: CredentialId(row.bytes(0)?),
        record: row.get(1)?,
        public_key: row.get(2)?,
        vault: row.get(3)?,
        newest: None,
    }))
}

/// The age of a terminal that shows this cookie; nothing if it is not the terminal's.
pub(super) async fn known(
    lane: &Lane,
    user: &UserId,
    terminal: &TerminalId,
    cookie: &CookieDigest,
) -> PgResult<Option<i64>> {
    let sql = "SELECT CASE WHEN cookie = $3 THEN age ELSE elder_age END FROM terminals
               WHERE userid = $1 AND terminal = $2 AND (cookie = $3 OR elder_cookie = $3)";
    let row = lane.maybe(sql, params![user.as_str(), &terminal.as_bytes()[..], &cookie.0[..]]).await?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// Makes room for a terminal that was not there before; false where there is none. No older terminal that shows a cookie
/// goes for it, unless it has not logged in for long: whoever learns the passcode does not push out the owner's (threat L14).
/// First go those that have never announced themselves.
async fn make_room(lane: &Lane, success: &Success) -> PgResult<bool> {
    let Success { user, terminal, unseen_since, .. } = success;
    let id = &terminal.as_bytes()[..];
    let others = "SELECT count(*) FROM terminals WHERE userid = $1 AND terminal <> $2";
    let others: i64 = lane.one(others, params![user.as_str(), id]).await?.get(0)?;
    let too_many = others.saturating_add(1).saturating_sub(TERMINALS_REMEMBERED);
    if too_many <= 0 {
        return Ok(true);
    }
    let may_go = "SELECT terminal FROM terminals
                  WHERE userid = $1 AND terminal <> $2
                      AND (certificate IS NULL OR (length(cookie) = 0 AND elder_cookie IS NULL) OR last_seen < $3)
                  ORDER BY certificate IS NOT NULL, length(cookie) > 0 OR elder_cookie IS NOT NULL, last_seen, terminal
                  LIMIT $4";
    let go = lane.rows(may_go, params![user.as_str(), id, number(unseen_since.seconds()), too_many]).await?;
    if i64::try_from(go.len()).is_ok_and(|go| go < too_many) {
        return Ok(false);
    }
    let go = go.iter().map(|row| row.bytes(0).map(TerminalId)).collect::<PgResult<Vec<_>>>()?;
    departures::forget(lane, user, &go).await?;
    Ok(true)
}

/// Reads `used, locks, failures, locked_from, locked_for`, the first of them at `first`.
pub(super) fn read_budget(row: &Row, first: usize) -> PgResult<Budget> {
    let lock = Lock { from: row.number(first + 3)?, lasts: row.number(first + 4)? };
    Ok(Budget {
        used: row.small(first)?,
        locks: row.small(first + 1)?,
        failures: row.small(first + 2)?,
        lock: (lock.lasts > 0).then_some(lock),
    })
}

impl Owner<'_> {
    /// The budget, whose row is made if there is none, and locked.
    async fn lock_budget(&self, lane: &Lane) -> PgResult<Budget> {
        let (make, lock) = match self {
            Self::User { .. } => (
                "INSERT INTO budgets (userid, terminal, used, locks, failures, locked_from, locked_for)
                 VALUES ($1, $2, 0, 0, 0, 0, 0) ON CONFLICT (userid, terminal) DO NOTHING",
                "SELECT used, locks, failures, locked_from, locked_for FROM budgets
                 WHERE userid = $1 AND terminal = $2 FOR UPDATE",
            ),
            Self::Stranger { .. } => (
                "INSERT INTO stranger_budgets (userid, used, locks, failures, locked_from, locked_for, touched)
                 VALUES ($1, 0, 0, 0, 0, 0, 0) ON CONFLICT (userid) DO NOTHING",
                "SELECT used, locks, failures, locked_from, locked_for FROM stranger_budgets
                 WHERE userid = $1 FOR UPDATE",
            ),
        };
        lane.know(make).await?;
        let (_, row) = match self {
            Self::User { user, terminal } => {
                let of = params![user.as_str(), *terminal];
                try_join(lane.run(make, of), lane.maybe(lock, of)).await?
            }
            Self::Stranger { user } => {
                let of = params![user.as_str()];
                try_join(lane.run(make, of), lane.maybe(lock, of)).await?
            }
        };
        // It was there when it would have been made, and somebody's login has given it back since.
        let row = row.ok_or_else(|| PgError::Again(StoreError::Failed("a budget went away".into())))?;
        read_budget(&row, 0)
    }

    async fn store(&self, lane: &Lane, budget: &Budget, now: Timestamp) -> PgResult<()> {
        let Lock { from, lasts } = budget.lock.unwrap_or(Lock { from: 0, lasts: 0 });
        let (used, locks) = (i64::from(budget.used), i64::from(budget.locks));
        let (failures, from, lasts) = (i64::from(budget.failures), number(from), number(lasts));
        match self {
            Self::User { user, terminal } => {
                lane.run(
                    "UPDATE budgets SET used = $3, locks = $4, failures = $5, locked_from = $6, locked_for = $7
                     WHERE userid = $1 AND terminal = $2",
                    params![user.as_str(), *terminal, used, locks, failures, from, lasts],
                )
                .await?
            }
            Self::Stranger { user } => {
                lane.run(
                    "UPDATE stranger_budgets SET used = $2, locks = $3, failures = $4, locked_from = $5,
                         locked_for = $6, touched = $7 WHERE userid = $1",
                    params![user.as_str(), used, locks, failures, from, lasts, number(now.seconds())],
                )
                .await?
            }
        };
        Ok(())
    }
}
