-- New identity keys in the place of former ones (decision D47), the newest last. They go with the credentials.
CREATE TABLE successors (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    user      TEXT NOT NULL REFERENCES credentials ON DELETE CASCADE,
    statement TEXT NOT NULL,                 -- JSON
    store     BLOB NOT NULL                  -- what opens the stores of the user's terminals, encrypted
) STRICT;

CREATE INDEX successors_user ON successors (user, number);
