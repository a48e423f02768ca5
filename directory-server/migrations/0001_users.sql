-- Times are seconds since the epoch. Addresses of users are never stored (threat L5).

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    registered_at INTEGER NOT NULL,
    last_seen     INTEGER,
    logins        INTEGER NOT NULL DEFAULT 0,
    lock_reason   TEXT                       -- set while locked by an administrator
) STRICT, WITHOUT ROWID;

-- Apart from users, because a reset passcode takes all of this away and leaves the id.
CREATE TABLE credentials (
    user           TEXT PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    credential     BLOB NOT NULL,            -- OPAQUE credential identifier
    record         BLOB NOT NULL,            -- OPAQUE registration record
    ksf_version    INTEGER NOT NULL,         -- version of the Argon2id parameters behind the record
    public_key     BLOB NOT NULL,            -- PKCS#1 DER
    vault          BLOB NOT NULL,            -- identity key, encrypted by the terminal
    vault_version  INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE terminals (
    user        TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    terminal    BLOB NOT NULL,
    cookie      BLOB NOT NULL,               -- SHA-256
    certificate BLOB,                        -- as last announced and verified
    last_seen   INTEGER NOT NULL,
    PRIMARY KEY (user, terminal)
) STRICT, WITHOUT ROWID;

-- Attempts since the last success: of one known terminal, or of all unknown ones together (terminal is empty then).
CREATE TABLE budgets (
    user        TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    terminal    BLOB NOT NULL,
    used        INTEGER NOT NULL,
    locks       INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    locked_from INTEGER NOT NULL,
    locked_for  INTEGER NOT NULL,            -- 0: no lock
    PRIMARY KEY (user, terminal)
) STRICT, WITHOUT ROWID;

-- The same for ids nobody has, so that they behave alike; the oldest rows go when there are too many.
CREATE TABLE stranger_budgets (
    row         INTEGER PRIMARY KEY AUTOINCREMENT,
    user        TEXT NOT NULL UNIQUE,
    used        INTEGER NOT NULL,
    locks       INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    locked_from INTEGER NOT NULL,
    locked_for  INTEGER NOT NULL
) STRICT;

CREATE TABLE invites (
    user    TEXT PRIMARY KEY,
    code    BLOB NOT NULL UNIQUE,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids of removed users; never given out again (threat L8).
CREATE TABLE tombstones (
    user       TEXT PRIMARY KEY,
    removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
