//! The schema and what keeps it up to date. Migrations are only ever appended, and each statement can be run again.

use common::ident::DirectoryGeneration;
use directory_core::records::Totals;
use directory_core::store::{StoreError, StoreResult};

use super::error::{PgError, PgResult};
use super::lanes::{Lane, Lanes};
use super::row::{Row, params};
use crate::store::bounds::NUMBERS_LEFT_OUT;

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_directory.sql"),
    include_str!("../../../migrations/postgres/0002_bounds.sql"),
];
/// The oldest version of this program's schema that can work with what the newest migration leaves.
const MIN_READER: i64 = 1;

const FIRST: &str = "CREATE TABLE IF NOT EXISTS schema (
    one        BIGINT PRIMARY KEY CHECK (one = 1),
    version    BIGINT NOT NULL,
    min_reader BIGINT NOT NULL,
    written_by TEXT NOT NULL
)";

/// Applies the migrations that this database has not seen. One directory at a time: whoever does holds the row with the
/// version, and works over a connection of its own, because not every database changes tables within a transaction.
pub(super) async fn migrate(lanes: &Lanes) -> StoreResult<()> {
    let (guard, work) = (lanes.connect().await?, lanes.connect().await?);
    // A table that is rebuilt takes as long as it takes, and whoever guards it stands idle meanwhile.
    guard.unlimited().await?;
    work.unlimited().await?;
    // Two that create a table at once are in each other's way.
    let mut created = work.batch(FIRST).await;
    if matches!(created, Err(PgError::Again(_))) {
        created = work.batch(FIRST).await;
    }
    created?;
    let first = "INSERT INTO schema (one, version, min_reader, written_by) VALUES (1, 0, 0, '') ON CONFLICT DO NOTHING";
    work.batch(first).await?;
    guard.batch("BEGIN").await?;
    let row = guard.one("SELECT version, min_reader, written_by FROM schema FOR UPDATE", params![]).await?;
    let (version, min_reader, written_by): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let newest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if min_reader > newest {
        let newer = format!("it was written by directory-server {written_by}; install that version or a newer one");
        return Err(StoreError::Failed(newer));
    }
    if version < newest {
        for migration in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
            for statement in statements(migration) {
                work.batch(&statement).await?;
            }
        }
        let generation: [u8; 16] = common::crypto::random().map_err(|error| StoreError::Failed(error.to_string()))?;
        let name = "INSERT INTO directory (one, generation) VALUES (1, $1) ON CONFLICT (one) DO NOTHING";
        work.run(name, params![&generation[..]]).await?;
        guard
            .run(
                "UPDATE schema SET version = $1, min_reader = $2, written_by = $3",
                params![newest, MIN_READER, env!("CARGO_PKG_VERSION")],
            )
            .await?;
    }
    Ok(guard.batch("COMMIT").await?)
}

/// The statements of a migration: each ends with a semicolon at the end of a line.
fn statements(migration: &str) -> Vec<String> {
    let (mut statements, mut statement) = (Vec::new(), String::new());
    for line in migration.lines() {
        let line = line.split("--").next().unwrap_or_default().trim_end();
        statement += line;
        statement += "\n";
        if line.ends_with(';') {
            statements.push(std::mem::take(&mut statement));
        }
    }
    statements
}

/// The name of what the directory remembers.
pub(super) async fn generation(lane: &Lane) -> PgResult<DirectoryGeneration> {
    Ok(DirectoryGeneration(lane.one("SELECT generation FROM directory", params![]).await?.bytes(0)?))
}

/// Goes on from an older state under another name. Numbers of items are not given out again; key packages were given out
/// since, and those of last resort still serve.
pub(super) async fn rename(lane: &Lane, name: [u8; 16]) -> PgResult<()> {
    lane.run("UPDATE directory SET generation = $1", params![&name[..]]).await?;
    lane.run("UPDATE mailbox_states SET last = last + $1", params![NUMBERS_LEFT_OUT]).await?;
    lane.run("DELETE FROM key_packages", params![]).await?;
    Ok(())
}

/// Whether the users depend on secrets with this digest, or nobody depends on any: where there are no users, whoever has lost
/// the keys may make new ones.
pub(super) async fn belongs_to(lane: &Lane, secrets: &[u8]) -> PgResult<bool> {
    lane.run(
        "UPDATE directory SET secrets = $1 WHERE secrets IS NULL OR NOT EXISTS (SELECT 1 FROM users)",
        params![secrets],
    )
    .await?;
    lane.has("SELECT 1 FROM directory WHERE secrets = $1", params![secrets]).await
}

/// What there is, all together. Databases that do not tell their size have none.
pub(super) async fn totals(lane: &Lane) -> PgResult<Totals> {
    let row = lane
        .one(
            "SELECT (SELECT count(*) FROM users), (SELECT count(lock_reason) FROM users),
                    (SELECT count(*) FROM mailbox),
                    (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM mailbox_states)",
            params![],
        )
        .await?;
    let bytes = match lane.one("SELECT pg_database_size(current_database())", params![]).await {
        Ok(row) => row.number(0)?,
        Err(PgError::Failed(_)) => 0,
        Err(error) => return Err(error),
    };
    Ok(Totals {
        users: row.number(0)?,
        locked: row.number(1)?,
        waiting: row.number(2)?,
        waiting_bytes: row.number(3)?,
        bytes,
    })
}

pub(super) async fn count(lane: &Lane) -> PgResult<u64> {
    lane.one("SELECT count(*) FROM users", params![]).await?.number(0)
}

/// Where what is counted differs from what is there.
const RULES: [(&str, &str); 10] = [
    (
        "mailboxes whose bytes are miscounted",
        "SELECT count(*) FROM mailbox_states AS s WHERE bytes <>
             (SELECT coalesce(sum(length(b.body)), 0) FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail
              WHERE m.userid = s.userid AND m.terminal = s.terminal)",
    ),
    (
        "senders whose mail is miscounted",
        "SELECT count(*) FROM (
             SELECT m.userid, m.terminal, b.from_user, sum(CASE WHEN b.kind = 0 THEN 1 ELSE 0 END),
                    sum(length(b.body))
             FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail GROUP BY m.userid, m.terminal, b.from_user
             EXCEPT SELECT userid, terminal, sender, messages, bytes FROM mailbox_senders) AS wrong",
    ),
    ("senders of nothing", "SELECT count(*) FROM mailbox_senders WHERE bytes <= 0"),
    (
        "bodies in no mailbox",
        "SELECT count(*) FROM mail AS b WHERE NOT EXISTS (SELECT 1 FROM mailbox AS m WHERE m.mail = b.mail)",
    ),
    (
        "items described wrongly",
        "SELECT count(*) FROM mailbox AS m JOIN mail AS b ON b.mail = m.mail
         WHERE m.sender <> b.from_user OR m.kind <> b.kind OR m.size <> length(b.body) OR (NOT m.shared AND 1 <
             (SELECT count(*) FROM mailbox AS o WHERE o.mail = m.mail))",
    ),
    (
        "items without a body",
        "SELECT count(*) FROM mailbox AS m WHERE NOT EXISTS (SELECT 1 FROM mail AS b WHERE b.mail = m.mail)",
    ),
    (
        "items behind the last of their mailbox, or terminals without a mailbox",
        "SELECT (SELECT count(*) FROM mailbox AS m JOIN mailbox_states AS s
                     ON s.userid = m.userid AND s.terminal = m.terminal WHERE m.item > s.last)
              + (SELECT count(*) FROM terminals AS t WHERE NOT EXISTS (SELECT 1 FROM mailbox_states AS s
                     WHERE s.userid = t.userid AND s.terminal = t.terminal))",
    ),
    (
        "rooms without terminals",
        "SELECT count(*) FROM rooms AS o WHERE handle IS NULL
             AND NOT EXISTS (SELECT 1 FROM roster AS r WHERE r.room = o.room)",
    ),
    (
        "commits without what their author answers for, or messages with it",
        "SELECT count(*) FROM mail WHERE (kind = 0) <> (signed IS NULL)",
    ),
    (
        "ghosts that get mail",
        "SELECT count(*) FROM ghosts AS g JOIN roster AS r
             ON r.room = g.room AND r.userid = g.userid AND r.terminal = g.terminal",
    ),
];

pub(super) async fn check(lane: &Lane) -> PgResult<Vec<String>> {
    let mut wrong = Vec::new();
    for (what, sql) in RULES {
        let count = Row::number(&lane.one(sql, params![]).await?, 0)?;
        if count > 0 {
            wrong.push(format!("{count} {what}"));
        }
    }
    Ok(wrong)
}
