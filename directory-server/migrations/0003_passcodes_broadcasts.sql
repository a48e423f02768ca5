-- Changes of a passcode, and broadcasts.

-- The record and the vault from before a change, until the first login with those of credentials (threat L6).
CREATE TABLE former_credentials (
    user          TEXT PRIMARY KEY REFERENCES credentials ON DELETE CASCADE,
    record        BLOB NOT NULL,
    ksf_version   INTEGER NOT NULL,
    vault         BLOB NOT NULL,
    vault_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was said to everyone. Readable: broadcasts are signed, not secret (decision D18).
CREATE TABLE broadcasts (
    number    INTEGER PRIMARY KEY,
    taken     INTEGER NOT NULL,
    user      TEXT NOT NULL,             -- also that of a user who was removed since
    id        BLOB NOT NULL,
    sender    TEXT NOT NULL,             -- the certificate with its key, as JSON: the signature stays verifiable
    message   TEXT NOT NULL,
    date      INTEGER NOT NULL,
    signature BLOB NOT NULL,
    UNIQUE (user, id)                    -- a request that is repeated is no second broadcast
) STRICT;

-- A log: nothing in it changes, and nothing leaves it.
CREATE TRIGGER broadcasts_unchanged BEFORE UPDATE ON broadcasts
BEGIN
    SELECT raise(ABORT, 'the log of broadcasts does not change');
END;

CREATE TRIGGER broadcasts_kept BEFORE DELETE ON broadcasts
BEGIN
    SELECT raise(ABORT, 'the log of broadcasts is kept');
END;
