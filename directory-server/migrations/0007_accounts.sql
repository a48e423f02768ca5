-- Who has been there longer (decision D33). Terminals from before count as equally old, and as older than later ones.
ALTER TABLE terminals ADD COLUMN age INTEGER NOT NULL DEFAULT 0;

-- The cookie and the age that a terminal had before somebody logged in under its id without showing that cookie: whoever
-- shows it is still the terminal that it was.
ALTER TABLE terminals ADD COLUMN elder_cookie BLOB;
ALTER TABLE terminals ADD COLUMN elder_age INTEGER;

-- Records and vaults from before changes of a passcode, and for whom they are still good.
CREATE TABLE former_passcodes (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    user          TEXT NOT NULL REFERENCES credentials ON DELETE CASCADE,
    record        BLOB NOT NULL,
    ksf_version   INTEGER NOT NULL,
    vault         BLOB NOT NULL,
    vault_version INTEGER NOT NULL,
    changed_by    INTEGER NOT NULL,          -- age of the terminal that changed it
    changed_at    INTEGER NOT NULL,
    settled       INTEGER NOT NULL           -- whether the passcode that followed was used
) STRICT;

CREATE INDEX former_passcodes_user ON former_passcodes (user, number);

-- Of these it is not known who made the change; any known terminal could use them, and can until the next login.
INSERT INTO former_passcodes (user, record, ksf_version, vault, vault_version, changed_by, changed_at, settled)
SELECT user, record, ksf_version, vault, vault_version, 0, 0, 0 FROM former_credentials;

DROP TABLE former_credentials;
